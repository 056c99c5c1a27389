"""IP addresses, version 4 and 6, and the addresses of network cards."""

from __future__ import annotations

from enum import Enum
from itertools import groupby, product

from strongroom.discover._rule import Rule
from strongroom.discover.recognizers._write import any_of

_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
V4 = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
_GROUP, _GROUPS, _FEW = "[0-9A-Fa-f]{1,4}", 8, 3
# What networks that are in use begin with (IANA), and whatever else fills its first group.
_FIRST = "(?:[0-9A-Fa-f]{3,4}|0{1,2}|64)"


class _Looks(Enum):
    """What four numbers look like."""

    ADDRESS = "little else"
    EITHER = "an address, or a version, a chapter, an object identifier, part of a drawing"
    NUMBERS = "numbers below 20, as of versions"


_SMALL, _LARGE, _HIGH = r"1?\d", r"[2-9]\d", r"(?:25[0-5]|2[0-4]\d|1\d\d)"
_FIRSTS = ("0", "1", "2", "10", "[3-9]", "1[1-9]", r"[2-4]\d", r"[5-9]\d", _HIGH)
_SECONDS = ("[0-3]", "4", "5", r"(?:[6-9]|1\d)", _LARGE, _HIGH)
_DIGITS, _CHAPTERS = {"0", "1", "2", "[3-9]"}, {"0", "1", "2", "[3-9]", "1[1-9]", r"[2-4]\d"}


def _looks(numbers: tuple[str, ...]) -> _Looks:
    """Tell what numbers of these classes look like, the first two as above.

    Of addresses drawn at random three in a thousand look like either; 10.0.0.0/8 is everywhere.
    Object identifiers begin with 0, 1.0 to 1.3 and 2.5 (X.500), revisions of CVS with 1.x.2.
    """
    first, second, third, _ = numbers
    high = numbers.count(_HIGH)
    large = sum(n in {_LARGE, _HIGH} for n in numbers[1:]) + (first in _FIRSTS[-3:])
    if not large:
        return _Looks.NUMBERS
    counted = (
        first == "0"
        or (first == "1" and (second == "[0-3]" or third == _SMALL))
        or (first, second) == ("2", "5")
        or (large == 1 and first in _CHAPTERS)
        or (not high and first in _DIGITS)
    )
    return _Looks.EITHER if counted else _Looks.ADDRESS


def _four(looks: _Looks, firsts: tuple[str, ...] = _FIRSTS) -> str:
    """Write the addresses of version 4 that look so."""
    rest = (_SMALL, _LARGE, _HIGH)
    fours = [f for f in product(firsts, _SECONDS, rest, rest) if _looks(f) is looks]
    heads = dict[tuple[str, ...], list[str]]()
    for head, tails in groupby(fours, key=lambda f: f[:2]):
        last = tuple(rf"{third}\.{fourth}" for _, _, third, fourth in tails)
        heads.setdefault(last, []).append(r"\.".join(head))
    return any_of(rf"{any_of(head)}\.{any_of(last)}" for last, head in heads.items())


_ADDRESS, _EITHER = _four(_Looks.ADDRESS), _four(_Looks.EITHER)
_PRIVATE, _NUMBERS = (
    _four(_Looks.NUMBERS, ("10",)),
    _four(_Looks.NUMBERS, tuple(first for first in _FIRSTS if first != "10")),
)


def _v6(fewest: int, most: int) -> str:
    """Write the forms of RFC 4291, section 2.2, with so many groups."""
    ways = []
    for left in range(_GROUPS):
        for right in range(_GROUPS - left):
            if fewest <= left + right <= most:
                ways.append(f"{_begun(left)}::{_run(right)}")
            # Two of the groups may be written as an IPv4 address.
            if fewest <= left + right + 2 <= most and left + right + 2 < _GROUPS:
                ways.append(f"{_begun(left)}::{f'{_run(right)}:' if right else ''}{V4}")
    if most >= _GROUPS:
        ways += [_begun(_GROUPS), f"{_begun(_GROUPS - 2)}:{V4}"]
    return any_of(ways)


def _run(groups: int) -> str:
    return f"{_GROUP}(?::{_GROUP}){{{groups - 1}}}" if groups else ""


def _begun(groups: int) -> str:
    return f"{_FIRST}(?::{_GROUP}){{{groups - 1}}}" if groups else ""


V6 = _v6(0, _GROUPS)
# Of few groups, those that are in use: "[::2]" and "ec2::" are of programs.
_IN_USE = r"(?:[23][0-9A-Fa-f]{3}|[Ff][C-Fc-f][0-9A-Fa-f]{2}|64|100|0{1,4})"
_SHORT = any_of([
    "::1", f"::{_run(2)}", f"::{V4}", f"{_IN_USE}::", f"{_IN_USE}::{_GROUP}",
    f"{_IN_USE}:{_GROUP}::",
])  # fmt: skip
_VERSION = ("v", "ver", "version", "versions", "release", "released", "releases", "build", "update",
            "updates", "updated", "firmware", "section", "sec", "chapter", "upgrade", "upgrades",
            "upgraded", "driver", "sdk", "api", "oid", "clause", "clauses", "figure", "table",
            "requires", "require", "bump", "changelog", "standard",
            "sections", "step", "rfc", "ieee", "spec", "specification",
            "objectidentifier", "patch", "patched")  # fmt: skip
_CONTEXT = ("ip", "ips", "ipv4", "ipv6", "address", "addresses", "host", "hosts", "client",
            "server", "remote", "ping", "dns", "gateway", "network", "subnet", "login", "src",
            "dst", "peer", "proxy", "router", "web", "form", "visitor", "browser", "session",
            "connection", "connect", "connected", "signed", "logged", "clients", "servers",
            "logins", "peers", "visitors", "sessions", "connections")  # fmt: skip
# Where four numbers may be a version as well, programs have sessions and sources, too.
_SAID = ("ip", "ips", "ipv4", "ipv6", "inet", "inet6", "address", "addresses", "addr", "host",
         "hosts", "hostname", "localhost", "loopback", "ping", "dns", "nameserver", "resolver",
         "gateway", "subnet", "netmask", "cidr", "peer", "peers", "proxy", "router", "route",
         "visitor", "visitors", "listening", "bind")  # fmt: skip
_LED = (
    r"(?i:access|logged in|login|signed in|connection|connected|request|visit|session|attempt) "
    r"(?i:from|to) |(?i:src|dst)=|['\"`]@['\"`]|(?i:ssh|scp|sftp|sip|ftp)[ :/]{1,3}[\w.-]{1,40}@"
)
# A digit somewhere: "a::b" and "dead:beef::" are words of code.
_WITH_DIGIT = "[0-9A-F]*[0-9][0-9A-F]*"
_PAIR = "[0-9A-Fa-f]{2}"

RULES = (
    Rule(
        "ip_address", "IP_ADDRESS", _ADDRESS, 0.9, apart=".-", validated=True,
        context=_CONTEXT, context_score=1.0, against=_VERSION, against_score=0.2,
        examples=("from 84.17.61.18:443", "10.200.0.0/16", "127.0.0.1", "10.0.0.72", "192.0.2.1"),
        lookalikes=("version 10.4.2.100", "300.1.2.3", "1.2.3.40.5", "[23.2.4.1] capacity",
                    "id-ce 2.5.29.37", "c2.83-2.12 3.51.98.32 2.03.5", "rev.1.178.2.223",
                    "dpkg (1.4.0.20) unstable", "opencv-5.0.0.93.dist-info"),
    ),
    # What begins the next sentence may speak of something else: where an address stands after a
    # word that leads to one, that word decides.
    Rule(
        "ip_address", "IP_ADDRESS", _ADDRESS, 0.9, follow=r"\. [A-Z]", apart=".-", validated=True,
        context=(*_CONTEXT, "from", "at", "by", "via"), context_score=1.0,
        against=_VERSION, against_score=0.2,
        examples=("from 198.51.100.61. Version 3 was used", "seen 198.51.100.61. The"),
        lookalikes=("300.1.2.3. Then", "Version 10.4.2.100. The driver", "update 10.4.2.100. Then"),
    ),
    Rule(
        "ip_address", "IP_ADDRESS", _PRIVATE, 0.3, apart=".-",
        validated=True, context=_CONTEXT, context_score=0.7, against=_VERSION, against_score=0.2,
        examples=("host 10.0.0.1 is up", "connect to 10.1.2.3. The"),
        lookalikes=("version 10.4.2.1 and 1.2.3.4",),
    ),
    Rule(
        "ip_address", "IP_ADDRESS", f"{_EITHER}|{_NUMBERS}", 0.3, apart=".-",
        validated=True, context=_SAID, context_score=0.7, against=_VERSION, against_score=0.2,
        examples=("host 1.2.3.4 is up", "ping 23.2.4.1", "address: 0.0.0.0"),
        lookalikes=("Version 1.2.3.4. The", "the server, 1.9.99.15", "clauses 21.1.3.1 and"),
    ),
    Rule(
        "ip_address", "IP_ADDRESS", f"{_EITHER}|{_NUMBERS}", 0.8, lead=_LED, apart=".-",
        validated=True, keywords=("from ", "to ", "src=", "dst=", "@"),
        examples=("GRANT ALL TO 'ann'@'1.52.15.163'", "ssh ann@8.8.8.8", "access from 8.18.97.59"),
        lookalikes=("ann@example.com 1.52.15.163", "pkg:pypi/opencv_python@5.0.0.93",
                    "src/login.c: changes from 4.1.2.1"),
    ),
    Rule(
        "ip_address", "IP_ADDRESS", _v6(_FEW, _GROUPS), 0.9, apart=".-:", compact=_WITH_DIGIT,
        greedy=True, validated=True, context=_CONTEXT, context_score=1.0,
        examples=("at 2001:db8:0:1::8a2e:370:7334", "host ::ffff:192.0.2.128",
                  "0:0:0:0:0:0:0:1", "64:ff9b::192.0.2.33"),
        lookalikes=("12:30:45 std::vector a::b", "dead:beef::cafe", "id 0F:DA:72:01:C9:03:C5:3A"),
    ),
    Rule(
        "ip_address", "IP_ADDRESS", _SHORT, 0.4, apart=".-:", compact=_WITH_DIGIT,
        validated=True, context=_SAID, context_score=0.8,
        examples=("host ::1", "peer fe80::1"),
        lookalikes=("12::30", "f()::1", "signed char [::1]", "host (?::0*)", "copy_to_host([::2])"),
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
