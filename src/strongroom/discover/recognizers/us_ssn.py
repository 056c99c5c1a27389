"""US social security numbers: areas, groups and serials that the SSA has issued."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.checks import Check
from strongroom.discover.checks._instructions import join, number, when, within

# 900-999 are taxpayer numbers; 000 and 666 were never issued, nor group 00 and serial 0000.
_AREA = r"(?:00[1-9]|0[1-9]\d|[1-57-8]\d\d|6[0-57-9]\d|66[0-57-9])"
_GROUP, _SERIAL = r"(?:0[1-9]|[1-9]\d)", r"(?:000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})"
# Numbers that were printed in advertisements and withdrawn.
_WITHDRAWN = (78051120, 219099999, 457555462)
_NEVER = within(1, 0)
_CHECK = Check.of("us_ssn", *(join(number(0, 9), when(n, n, _NEVER)) for n in _WITHDRAWN))
_CONTEXT = ("ssn", "ssns", "ss", "social", "sozialversicherung", "sozialversicherungsnummer")


def _written(separator: str, score: float, *examples: str) -> Rule:
    return Rule(
        "us_ssn", "US_SSN", f"{_AREA}{separator}{_GROUP}{separator}{_SERIAL}", score,
        apart=".-/+", check=_CHECK, validated=True, context=_CONTEXT, context_score=0.95,
        examples=examples,
        lookalikes=("000-12-3456 666-12-3456 987-65-4321 078-05-1120", "536-00-4399 536-90-0000"),
    )  # fmt: skip


RULES = (
    _written("-", 0.85, "it is 536-90-4399"),
    _written(" ", 0.4, "social security number 536 90 4399"),
    _written("", 0.1, "ssn 536904399"),
)
