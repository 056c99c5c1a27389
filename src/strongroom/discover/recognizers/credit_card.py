"""Payment card numbers: ISO/IEC 7812 prefixes and lengths, and the Luhn check digit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from strongroom.discover._detection import Detection
from strongroom.discover.recognizers._context import near, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.config import DiscoverSpec

_NUMBER = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){11,18}(?![\w-])(?!\.\d)")
_CONTEXT = words(
    r"cards?", r"credit", r"debit", r"visa", r"master ?card", r"amex", r"american express",
    r"maestro", r"discover", r"diners", r"jcb", r"cc", r"pan", r"payment", r"kreditkarte",
    r"carte", r"tarjeta", r"carta",
)  # fmt: skip
# Prefix ranges (same number of digits) -> lengths; from the networks' public numbering.
_BRANDS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (4, 4, (13, 16, 19)),  # Visa
    (51, 55, (16,)),  # Mastercard
    (2221, 2720, (16,)),  # Mastercard
    (34, 34, (15,)),  # American Express
    (37, 37, (15,)),  # American Express
    (6011, 6011, (16, 17, 18, 19)),  # Discover
    (644, 649, (16, 17, 18, 19)),  # Discover
    (65, 65, (16, 17, 18, 19)),  # Discover, RuPay
    (300, 305, (14, 16, 17, 18, 19)),  # Diners Club
    (3095, 3095, (14, 16, 17, 18, 19)),  # Diners Club
    (36, 36, (14, 15, 16, 17, 18, 19)),  # Diners Club
    (38, 39, (14, 16, 17, 18, 19)),  # Diners Club
    (35, 35, (16, 17, 18, 19)),  # JCB: issues 3528-3589, generators of test data use all of 35
    (1800, 1800, (15,)),  # JCB
    (2131, 2131, (15,)),  # JCB
    (62, 62, (16, 17, 18, 19)),  # UnionPay
    (2200, 2204, (16, 17, 18, 19)),  # Mir
    (60, 60, (16,)),  # RuPay
    (50, 50, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (56, 58, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (6304, 6304, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (6390, 6390, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (67, 67, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
)
_DOUBLED = str.maketrans("0123456789", "0246813579")
_COMMON_LENGTHS = (14, 15, 16)


class CreditCardRecognizer:
    """Finds `CREDIT_CARD`."""

    name = "credit_card"
    entities = ("CREDIT_CARD",)
    trigger = r"\d(?:[ -]?\d){11}"

    def __init__(self, _spec: DiscoverSpec) -> None:
        """Nothing depends on the specification."""

    def find(self, text: str) -> Iterator[Detection]:
        """Yield the numbers that a network could have issued and whose check digit is right."""
        for match in _NUMBER.finditer(text):
            written = match.group()
            digits = written.replace(" ", "").replace("-", "")
            if not (has_brand(digits) and luhn(digits)):
                continue
            score = 0.85 if len(digits) in _COMMON_LENGTHS else 0.4
            if len(written) > len(digits):
                score = max(score, 0.95) if _grouped(written) else 0.4
            if near(text, *match.span(), _CONTEXT):
                score = min(1.0, score + 0.4)
            yield Detection("CREDIT_CARD", *match.span(), score, self.name, validated=True)


def luhn(digits: str) -> bool:
    """Check the Luhn digit (ISO/IEC 7812-1, annex B) of a string of ASCII digits."""
    if not digits.isascii():
        return False
    total = sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))
    return total % 10 == 0


def has_brand(digits: str) -> bool:
    """Say whether a card network issues numbers of this prefix and length."""
    if not digits.isascii():
        return False
    return any(
        len(digits) in lengths and low <= int(digits[: len(str(low))]) <= high
        for low, high, lengths in _BRANDS
    )


def _grouped(written: str) -> bool:
    """Say whether the separators cut the number as a card does: 4-4-4-4 or 4-6-4 or 4-6-5."""
    groups = tuple(map(len, re.split("[ -]", written)))
    return groups in {(4, 6, 4), (4, 6, 5)} or (set(groups[:-1]) == {4} and groups[-1] <= 4)  # noqa: PLR2004 - four digits a group
