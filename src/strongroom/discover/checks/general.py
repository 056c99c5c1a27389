"""Schemes that many numbers share."""

from __future__ import annotations

from strongroom.discover.checks._check import Check
from strongroom.discover.checks._instructions import (
    damm,
    equals,
    hybrid,
    length,
    luhn,
    minus_from,
    pure,
    rotate,
    table,
    verhoeff,
    weighted,
    within,
)  # fmt: skip

_ALL = 64

LUHN = Check.of("luhn", length(2, _ALL), luhn())
VERHOEFF = Check.of("verhoeff", length(2, _ALL), verhoeff())
DAMM = Check.of("damm", length(2, _ALL), damm())
MOD_97_10 = Check.of("mod97", length(3, _ALL), pure(0, 0, 10, 97), within(1))
IBAN = Check.of("iban", length(15, 34), rotate(4), pure(0, 0, 10, 97), within(1))
MOD_11_10 = Check.of("mod11_10", length(2, _ALL), hybrid(10))
MOD_37_36 = Check.of("mod37_36", length(2, _ALL), hybrid(36))
MOD_11_2 = Check.of(
    "mod11_2", length(2, _ALL), pure(0, -1, 2, 11), minus_from(12, 11), table("0123456789X"),
    equals(-1),
)  # fmt: skip
EAN = Check.of(
    "ean", length(13), weighted((1, 3) * 6, 10), minus_from(10, 10), equals(12)
)  # fmt: skip
GENERAL = (LUHN, VERHOEFF, DAMM, MOD_97_10, IBAN, MOD_11_10, MOD_37_36, MOD_11_2, EAN)
