"""IP addresses, version 4 and 6, read by the standard library."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from strongroom.discover._detection import Detection
from strongroom.discover.recognizers._context import before, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.config import DiscoverSpec

_V4 = re.compile(r"(?<![\w.-])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w-])(?!\.\w)")
_V6 = re.compile(
    r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:(?<=:)[0-9]{1,3}(?:\.[0-9]{1,3}){3})?(?![\w:])(?!\.\d)"
)
_VERSION = words(r"v", r"ver", r"versions?", r"release[ds]?", r"build", r"update[ds]?", r"firmware",
                 r"section", r"sec", r"chapter", r"§", r"upgrade[ds]?", r"driver", r"sdk", r"api",
                 r"oid", r"clause", r"figure", r"table")  # fmt: skip
_CONTEXT = words(r"ips?", r"ip ?v?[46]?", r"address", r"hosts?", r"client", r"server", r"remote",
                 r"ping", r"dns", r"gateway", r"network", r"subnet", r"login", r"src", r"dst",
                 r"peer", r"proxy", r"router")  # fmt: skip
# Four numbers below this read as a version or a chapter rather than as an address.
_SMALL = 20
_FEW_GROUPS = 3


class IpRecognizer:
    """Finds `IP_ADDRESS`."""

    name = "ip_address"
    entities = ("IP_ADDRESS",)
    trigger = r"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f:]:[0-9A-Fa-f]*:"

    def __init__(self, _spec: DiscoverSpec) -> None:
        """Nothing depends on the specification."""

    def find(self, text: str) -> Iterator[Detection]:
        """Yield the addresses; what looks like a version number gets a low score."""
        if text.count(".") >= 3:  # noqa: PLR2004 - an IPv4 address has three dots
            yield from self._v4(text)
        if text.count(":") >= 2:  # noqa: PLR2004 - the shortest IPv6 address is "::"
            yield from self._v6(text)

    def _v4(self, text: str) -> Iterator[Detection]:
        for match in _V4.finditer(text):
            try:
                address = ipaddress.IPv4Address(match.group())
            except ValueError:
                continue
            score = 0.3 if max(address.packed) < _SMALL else 0.9
            if _VERSION.search(text, max(0, match.start() - 12), match.start()):
                score = 0.2
            elif before(text, match.start(), _CONTEXT):
                score = min(1.0, score + 0.4)
            yield Detection("IP_ADDRESS", *match.span(), score, self.name, validated=True)

    def _v6(self, text: str) -> Iterator[Detection]:
        for match in _V6.finditer(text):
            written = match.group()
            if written.count(":") < 2 or not any(c.isdigit() for c in written):  # noqa: PLR2004 - as above
                continue
            try:
                ipaddress.IPv6Address(written)
            except ValueError:
                continue
            groups = sum(1 for g in written.split(":") if g)
            score = 0.9 if groups >= _FEW_GROUPS else 0.4
            if before(text, match.start(), _CONTEXT):
                score = min(1.0, score + 0.4)
            yield Detection("IP_ADDRESS", *match.span(), score, self.name, validated=True)
