"""E-mail addresses, by the parts of RFC 5321 and 5322 that are in use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from strongroom.discover._detection import Detection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.config import DiscoverSpec

# The look-behind lets a match begin only where a token begins, which keeps the time linear.
_ADDRESS = re.compile(
    r"(?<![\w.+%'-])'?(\w(?:[\w.+%'-]{0,62}[\w+-])?@"
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24})(?![\w-])"
)
# "logo@2x.png" has the shape of an address.
_FILES = frozenset({
    "avif", "css", "gif", "heic", "html", "ico", "jpeg", "jpg", "js", "json", "png", "svg",
    "tiff", "webp",
})  # fmt: skip
_LONGEST = 254


class EmailRecognizer:
    """Finds `EMAIL_ADDRESS`."""

    name = "email"
    entities = ("EMAIL_ADDRESS",)
    trigger = "@"

    def __init__(self, _spec: DiscoverSpec) -> None:
        """Nothing depends on the specification."""

    def find(self, text: str) -> Iterator[Detection]:
        """Yield the addresses in `text`."""
        if "@" not in text:
            return
        for match in _ADDRESS.finditer(text):
            address = match.group(1)
            local, _, domain = address.rpartition("@")
            if (
                len(address) > _LONGEST
                or ".." in local
                or domain.rpartition(".")[2].lower() in _FILES
            ):
                continue
            yield Detection("EMAIL_ADDRESS", *match.span(1), 1.0, self.name, validated=True)
