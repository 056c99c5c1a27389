"""How bad it is that something lies about: what is shown first, wherever files are listed."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SPECIAL_CATEGORY = "SPECIAL_CATEGORY"
"""Stands among entities for the values of columns under GDPR Art. 9."""

_GRAVE = frozenset({
    SPECIAL_CATEGORY, "BIOMETRIC_ID", "CREDIT_CARD", "DRIVER_LICENSE", "HEALTH_INSURANCE_ID",
    "IBAN_CODE", "MEDICAL_CODE", "MEDICAL_RECORD_NUMBER", "NATIONAL_ID", "PASSPORT", "TAX_ID",
    "US_BANK_NUMBER", "US_ITIN", "US_MBI", "US_SSN",
})  # fmt: skip
_WEAK = frozenset({
    "AGE", "DATE_TIME", "DOMAIN_NAME", "GENDER", "GPE", "ID", "LOCATION", "NRP", "ORGANIZATION",
    "PROFESSION", "TITLE", "URL", "ZIP_CODE",
})  # fmt: skip


class Severity(IntEnum):
    """The worst first.

    Attributes:
        SECRET: opens doors by itself.
        GRAVE: a special category, or a number by which the state, a bank or a doctor knows one.
        PERSONAL: leads to a person, or may.
        WEAK: alone it leads to nobody.
    """

    SECRET = 0
    GRAVE = 1
    PERSONAL = 2
    WEAK = 3


def severity(entity: str) -> Severity:
    """Return how bad it is that an entity is found; what we don't know may lead to a person."""
    if entity == "SECRET":
        return Severity.SECRET
    if entity in _GRAVE:
        return Severity.GRAVE
    return Severity.WEAK if entity in _WEAK else Severity.PERSONAL


def worst_first(places: Mapping[str, int]) -> tuple[int, ...]:
    """Return a key that sorts files by the worst that is in them, then by how much of it.

    Args:
        places: entity to number of places in one file.
    """
    found = [0] * len(Severity)
    for entity, count in places.items():
        found[severity(entity)] -= count
    return tuple(found)


def ranked(places: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the entities that were found and their places, the worst first, then the most."""
    found = [(entity, count) for entity, count in places.items() if count]
    return sorted(found, key=lambda e: (severity(e[0]), e[0] != SPECIAL_CATEGORY, -e[1], e[0]))
