"""Surrogates: plausible stand-ins that can't belong to anybody, the same for the same value.

Each is drawn by keyed digest from a range that its standard keeps free of real people and hosts.
Small ranges (phone numbers, IPv4 addresses) repeat: two values may share a surrogate, one value
never has two.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from strongroom.anonymize._pseudonyms import keyed_digest, tag

if TYPE_CHECKING:
    from collections.abc import Callable

_TAG_LETTERS = 8


def surrogate(entity: str, value: str, key: bytes) -> str:
    """Return the stand-in for one value of one entity; unknown entities give `[ENTITY:tag]`."""
    canonical = _canonical(entity, value)
    make = _MAKERS.get(entity)
    if make is None:
        return f"[{entity}:{tag(key, 'surrogate', entity, canonical, letters=_TAG_LETTERS)}]"
    number = int.from_bytes(keyed_digest(key, "surrogate", entity, canonical)[:16], "big")
    return make(number, canonical)


def _canonical(entity: str, value: str) -> str:
    """Write a value in the one way that its spellings share."""
    plain = value.strip().casefold()
    if entity in {"PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_SSN"}:
        return re.sub(r"[\W_]", "", plain)
    return plain


def _letters(number: int, length: int) -> str:
    return "".join(chr(ord("a") + (number // 26**i) % 26) for i in range(length))


def _email(number: int, _: str) -> str:
    """RFC 2606: example.org belongs to nobody."""
    return f"user-{_letters(number, 8)}@example.org"


def _url(number: int, _: str) -> str:
    return f"https://example.org/{_letters(number, 8)}"


def _domain(number: int, _: str) -> str:
    return f"{_letters(number, 8)}.example.org"


def _phone(number: int, _: str) -> str:
    """NANP: 555-0100 to 555-0199 are kept for fiction in every area code."""
    area = 2 + number % 8, number // 8 % 9, number // 72 % 10
    middle = 0 if area[1:] == (1, 1) else area[1]  # N11 are service codes, not areas
    return f"{area[0]}{middle}{area[2]}-555-01{number // 720 % 100:02d}"


def _card(number: int, _: str) -> str:
    """ISO/IEC 7812: no card network issues under major industry identifier 0; Luhn is right."""
    body = f"000000{number % 10**9:09d}"
    doubled = [int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(reversed(body))]
    check = -sum(d - 9 if d > 9 else d for d in doubled) % 10  # noqa: PLR2004 - Luhn's nine
    digits = f"{body}{check}"
    return " ".join(digits[i : i + 4] for i in range(0, 16, 4))


def _iban(number: int, _: str) -> str:
    """ISO 13616: check digits are right; no bank is called TEST, no sort code is 00-00-00."""
    account = f"TEST000000{number % 10**8:08d}"
    digits = "".join(str(int(c, 36)) for c in f"{account}GB00")
    iban = f"GB{98 - int(digits) % 97:02d}{account}"
    return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))


def _ssn(number: int, _: str) -> str:
    """SSA never issues areas 900-999; groups up to 49 keep clear of the IRS's ITINs, too."""
    return f"{900 + number % 100}-{1 + number // 100 % 49:02d}-{1 + number // 4900 % 9999:04d}"


def _ip(number: int, canonical: str) -> str:
    """RFC 5737 and RFC 3849: the blocks for documentation."""
    if ":" in canonical:
        block = ipaddress.IPv6Network("2001:db8::/32")
        return str(block[number % block.num_addresses])
    block4 = ("192.0.2", "198.51.100", "203.0.113")[number % 3]
    return f"{block4}.{number // 3 % 256}"


_MAKERS: dict[str, Callable[[int, str], str]] = {
    "EMAIL_ADDRESS": _email,
    "URL": _url,
    "DOMAIN_NAME": _domain,
    "PHONE_NUMBER": _phone,
    "CREDIT_CARD": _card,
    "IBAN_CODE": _iban,
    "US_SSN": _ssn,
    "IP_ADDRESS": _ip,
}
