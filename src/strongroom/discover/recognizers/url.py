"""Addresses of web pages, and bare domain names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from strongroom.discover._detection import Detection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.config import DiscoverSpec

_URL = re.compile(
    r"(?<![^\W_])(?:(?:https?|ftps?|sftp|wss?)://|www\.)[^\s<>\"'`{}|\\^\[\]]{3,2000}",
    re.IGNORECASE,
)
_HOST = re.compile(
    r"(?:[^/?#@]{0,256}@)?((?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:[^\W\d_]{2,24}|\d{1,3})|localhost)"
    r"\.?(?::\d{1,5})?(?=[/?#]|$)",
    re.IGNORECASE,
)
# Two-letter endings are also the endings of files (.py, .md, .sh): only these stand alone.
_DOMAIN = re.compile(
    r"(?<![\w@./:\\+-])(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}"
    r"(?:com|org|net|edu|gov|mil|info|biz|co\.uk|org\.uk|ac\.uk|com\.au|com\.br|de|fr|eu|nl|ch|at)"
    r"(?![\w@(-])(?!\.\w)"
)
_TRAILING = ".,;:!?*…"


class UrlRecognizer:
    """Finds `URL`, and `DOMAIN_NAME` where a host stands without a scheme."""

    name = "url"
    entities = ("URL", "DOMAIN_NAME")
    trigger = r"://|(?i:www\.)|[A-Za-z0-9]\.[a-z]{2}"

    def __init__(self, _spec: DiscoverSpec) -> None:
        """Nothing depends on the specification."""

    def find(self, text: str) -> Iterator[Detection]:
        """Yield the addresses in `text`, without the punctuation of the sentence around them."""
        if "." not in text and "://" not in text:
            return
        for match in _URL.finditer(text):
            written = match.group().rstrip(_TRAILING)
            while written.endswith(")") and written.count(")") > written.count("("):
                written = written[:-1].rstrip(_TRAILING)
            rest = written.partition("://")[2] or written
            host = _HOST.match(rest)
            if host is None:
                continue
            yield Detection(
                "URL", match.start(), match.start() + len(written), 0.9, self.name, validated=True
            )
        for match in _DOMAIN.finditer(text):
            yield Detection("DOMAIN_NAME", match.start(), match.end(), 0.6, self.name)
