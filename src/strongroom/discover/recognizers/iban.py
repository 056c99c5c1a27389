"""IBANs: ISO 13616 structure of the country and the mod-97 check of ISO 7064."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from strongroom.discover._detection import Detection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.config import DiscoverSpec

_START = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])")
_SHORTEST, _LONGEST = 15, 34
# Territories that write their own code on French and Finnish accounts.
_FRENCH = frozenset({
    "BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT",
})  # fmt: skip


class IbanRecognizer:
    """Finds `IBAN_CODE`, in one piece or in groups, in capitals or in small letters."""

    name = "iban"
    entities = ("IBAN_CODE",)
    trigger = r"[A-Za-z]{2}\d{2}[ -]?[A-Za-z0-9]"

    def __init__(self, _spec: DiscoverSpec) -> None:
        """Nothing depends on the specification."""

    def find(self, text: str) -> Iterator[Detection]:
        """Yield the account numbers whose structure and check digits are right."""
        for match in _START.finditer(text):
            length = _length(match.group()[:2].upper())
            end = _end(text, match.start(), length) if length else None
            if end is None:
                continue
            code = text[match.start() : end].replace(" ", "").replace("-", "")
            if (end < len(text) and text[end].isalnum()) or not is_iban(code):
                continue
            yield Detection("IBAN_CODE", match.start(), end, 1.0, self.name, validated=True)


def _end(text: str, start: int, length: int) -> int | None:
    """Return where the `length`-th letter or digit from `start` ends, across single separators.

    Words may follow in the same run of letters and spaces: the country says how long an IBAN is.
    """
    seen, parted = 0, False
    for at in range(start, min(len(text), start + 2 * length)):
        if text[at].isalnum():
            seen, parted = seen + 1, False
            if seen == length:
                return at + 1
        elif parted or text[at] not in " -":
            return None
        else:
            parted = True
    return None


def is_iban(code: str) -> bool:
    """Check an IBAN without spaces. Capitals or small letters, but not a mixture."""
    if not (code.isascii() and code.isalnum() and (code == code.upper() or code == code.lower())):
        return False
    code = code.upper()
    if not _SHORTEST <= len(code) <= _LONGEST:
        return False
    if code[:2] in _FRENCH:
        return _structured("FR" + code[2:]) and _mod97(code)
    if code[:2] == "AX":
        return _structured("FI" + code[2:]) and _mod97(code)
    return _structured(code) and _mod97(code)


def _mod97(code: str) -> bool:
    return int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1


@cache
def _registry() -> Any:  # noqa: ANN401 - stdnum is untyped
    from stdnum import numdb

    return numdb.get("iban")


@cache
def _bban(country: str) -> tuple[int, re.Pattern[str]] | None:
    """Return the length of a country's IBAN and the pattern of the part after the check digits."""
    structure = _registry().info(country)[0][1].get("bban")
    if not structure:
        return None
    classes = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
    parts = re.findall(r"(\d+)!?([nac])", structure)
    pattern = "".join(f"{classes[kind]}{{{count}}}" for count, kind in parts)
    return 4 + sum(int(count) for count, _ in parts), re.compile(pattern)


def _length(country: str) -> int | None:
    country = "FR" if country in _FRENCH else "FI" if country == "AX" else country
    known = _bban(country)
    return known[0] if known else None


def _structured(code: str) -> bool:
    known = _bban(code[:2])
    return known is not None and known[1].fullmatch(code, 4) is not None
