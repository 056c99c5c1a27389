"""Schemes that the numbers of many issuers share, and numbers that belong to no country."""

from __future__ import annotations

from strongroom.discover.checks import _instructions as op
from strongroom.discover.checks._check import Check

_MOST = 64
# ISO 3779 and 49 CFR 565: what a letter counts in a vehicle's number; I, O and Q are not used.
_VIN = (*range(10), 1, 2, 3, 4, 5, 6, 7, 8, -1, 1, 2, 3, 4, 5, -1, 7, -1, 9, 2, 3, 4, 5, 6, 7, 8, 9)

LUHN = Check.of("luhn", op.length(2, _MOST), op.luhn())
VERHOEFF = Check.of("verhoeff", op.length(2, _MOST), op.verhoeff())
DAMM = Check.of("damm", op.length(2, _MOST), op.damm())
MOD_97_10 = Check.of("mod97", op.length(3, _MOST), op.pure(0, 0, 10, 97), op.within(1))
MOD_11_10 = Check.of("mod11_10", op.digits(2, _MOST), op.hybrid(10))
MOD_37_36 = Check.of("mod37_36", op.length(2, _MOST), op.hybrid(36))
MOD_11_2 = Check.of(
    "mod11_2", op.length(2, _MOST), op.number(0, -1), op.pure(0, -1, 2, 11), op.affine(-2, 1),
    op.modulo(11), op.table("0123456789X"), op.equals(-1),
)  # fmt: skip
IBAN = Check.of(
    "iban", op.length(15, 34), op.rotate(4), op.pure(0, 0, 10, 97), op.within(1),
)  # fmt: skip
EAN = Check.of("ean", op.digits(13), op.weighted((1, 3) * 6, 10), op.negative(10), op.equals(12))
IMEI = Check.of("imei", op.digits(15), op.luhn())
VIN = Check.of(
    "vin", op.length(17), op.refuse(op.number(0, 0)), op.symbol(8),
    op.table("0123456789" + "*" * 23 + "A"), op.store(op.DAY),
    op.map_symbols(_VIN, 0, 8), op.map_symbols(_VIN, 9, 8),
    op.weighted((8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2), 11),
    op.affine(-1, 0), op.add(op.DAY), op.within(0),
)  # fmt: skip
# ISO 9362: four letters, a country of ISO 3166 (or Kosovo), a place, perhaps a branch.
_COUNTRIES = (
    "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCM"
    "CNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHK"
    "HMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMH"
    "MKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRU"
    "RWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVG"
    "VIVNVUWFWSXKYEYTZAZMZW"
)
BIC = Check.of(
    "bic", op.length(8, 11), op.by_length({8: (), 11: ()}), op.pure(4, 2, 36, 1296),
    op.among(int(_COUNTRIES[i : i + 2], 36) for i in range(0, len(_COUNTRIES), 2)),
)  # fmt: skip
GENERAL = (
    LUHN, VERHOEFF, DAMM, MOD_97_10, MOD_11_10, MOD_37_36, MOD_11_2, IBAN, EAN, IMEI, VIN, BIC,
)  # fmt: skip
