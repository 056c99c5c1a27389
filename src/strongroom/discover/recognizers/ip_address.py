"""IP addresses, version 4 and 6, and the addresses of network cards."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.recognizers._write import any_of

_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# Four numbers below 20 read as a version or a chapter rather than as an address.
_SMALL, _LARGE = r"(?:1?\d)", r"(?:25[0-5]|2[0-4]\d|1\d\d|[2-9]\d)"
V4 = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
_LARGE_V4 = any_of(
    r"\.".join(_LARGE if place == large else _BYTE for place in range(4)) for large in range(4)
)
_GROUP, _GROUPS, _FEW = "[0-9A-Fa-f]{1,4}", 8, 3


def _v6(fewest: int, most: int) -> str:
    """Write the forms of RFC 4291, section 2.2, with so many groups."""
    ways = []
    for left in range(_GROUPS):
        for right in range(_GROUPS - left):
            if fewest <= left + right <= most:
                ways.append(f"{_run(left)}::{_run(right)}")
            # Two of the groups may be written as an IPv4 address.
            if fewest <= left + right + 2 <= most and left + right + 2 < _GROUPS:
                ways.append(f"{_run(left)}::{f'{_run(right)}:' if right else ''}{V4}")
    if most >= _GROUPS:
        ways += [_run(_GROUPS), f"{_run(_GROUPS - 2)}:{V4}"]
    return any_of(ways)


def _run(groups: int) -> str:
    return f"{_GROUP}(?::{_GROUP}){{{groups - 1}}}" if groups else ""


V6 = _v6(0, _GROUPS)
_VERSION = ("v", "ver", "version", "versions", "release", "released", "releases", "build", "update",
            "updates", "updated", "firmware", "section", "sec", "chapter", "upgrade", "upgrades",
            "upgraded", "driver", "sdk", "api", "oid", "clause", "figure", "table")  # fmt: skip
_CONTEXT = ("ip", "ips", "ipv4", "ipv6", "address", "addresses", "host", "hosts", "client",
            "server", "remote", "ping", "dns", "gateway", "network", "subnet", "login", "src",
            "dst", "peer", "proxy", "router", "web", "form", "visitor", "browser", "session",
            "connection", "connect", "connected", "signed", "logged", "clients", "servers",
            "logins", "peers", "visitors", "sessions", "connections")  # fmt: skip
# A digit somewhere: "a::b" and "dead:beef::" are words of code.
_WITH_DIGIT = "[0-9A-F]*[0-9][0-9A-F]*"
_PAIR = "[0-9A-Fa-f]{2}"

RULES = (
    Rule(
        "ip_address", "IP_ADDRESS", _LARGE_V4, 0.9, apart=".-", validated=True,
        context=_CONTEXT, context_score=1.0, against=_VERSION, against_score=0.2,
        examples=("from 84.17.61.18:443", "10.200.0.0/16"),
        lookalikes=("version 10.4.2.100", "300.1.2.3", "1.2.3.40.5"),
    ),
    # What begins the next sentence may speak of something else: where an address stands after a
    # word that leads to one, that word decides.
    Rule(
        "ip_address", "IP_ADDRESS", _LARGE_V4, 0.9, follow=r"\. [A-Z]", apart=".-", validated=True,
        context=(*_CONTEXT, "from", "at", "by", "via"), context_score=1.0,
        against=_VERSION, against_score=0.2,
        examples=("from 198.51.100.61. Version 3 was used", "seen 198.51.100.61. The"),
        lookalikes=("300.1.2.3. Then", "Version 10.4.2.100. The driver", "update 10.4.2.100. Then"),
    ),
    Rule(
        "ip_address", "IP_ADDRESS", rf"(?:{_SMALL}\.){{3}}{_SMALL}", 0.3, apart=".-",
        validated=True, context=_CONTEXT, context_score=0.7, against=_VERSION, against_score=0.2,
        examples=("host 10.0.0.1 is up", "connect to 10.1.2.3. The"),
        lookalikes=("version 10.4.2.1 and 1.2.3.4", "Version 1.2.3.4. The"),
    ),
    Rule(
        "ip_address", "IP_ADDRESS", _v6(_FEW, _GROUPS), 0.9, apart=".-:", compact=_WITH_DIGIT,
        greedy=True, validated=True, context=_CONTEXT, context_score=1.0,
        examples=("at 2001:db8:0:1::8a2e:370:7334", "host ::ffff:192.0.2.128"),
        lookalikes=("12:30:45 std::vector a::b", "dead:beef::cafe"),
    ),
    Rule(
        "ip_address", "IP_ADDRESS", _v6(1, _FEW - 1), 0.4, apart=".-:", compact=_WITH_DIGIT,
        validated=True, context=_CONTEXT, context_score=0.8,
        examples=("host ::1", "peer fe80::1"), lookalikes=("12::30", "f()::1"),
    ),
    Rule(
        "mac_address", "MAC_ADDRESS",
        any_of((rf"{_PAIR}(?::{_PAIR}){{5}}", rf"{_PAIR}(?:-{_PAIR}){{5}}",
                r"[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}")),
        0.85, apart=".-:", compact=_WITH_DIGIT, greedy=True, validated=True,
        examples=("eth0 00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7", "001b.4411.3ab7"),
        lookalikes=("00:1B:44:11:3A", "ab.cd.ef", "12:30:45:67:89:01:23"),
    ),
)  # fmt: skip
