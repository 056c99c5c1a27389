"""Identifiers of Asia, Africa and Oceania.

Facts are the issuers', as python-stdnum gathers them, unless another source is named.
"""

from __future__ import annotations

from strongroom.discover.checks import _instructions as op
from strongroom.discover.checks._check import Check

# The two digits that Taiwan's offices give each letter, tens and ones summed with weights 1 and 9.
_TAIWAN = {c: n for n, c in enumerate("ABCDEFGHJKLMNPQRSTUVXYWZIO", 10)}
_TAIWAN_FIRST = {c: n // 10 + n % 10 * 9 for c, n in _TAIWAN.items()}
_NHI = {c: n for n, c in enumerate("ABCDEFGHJKLMNPQRSTUVWXYZ", 1)} | {str(n): n for n in range(10)}
_NHI_VALUES = [_NHI.get(c, -1) for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
_NHI_SUM = op.join(op.map_symbols(_NHI_VALUES, 0, 7), op.weighted((7, 6, 5, 4, 3, 2)))
_CHINESE_PROVINCES = (
    *range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55),
    *range(61, 66), 71, 81, 82, 83,
)  # fmt: skip
_CHINESE_DATE = op.birth(8, 10, 12, century=op.join(op.number(6, 2), op.affine(100, 0)))

ASIA = (
    # GB 11643: the place, the date, a serial number, and ISO 7064 MOD 11-2.
    Check.of("cn.ric", op.length(18), op.number(0, 2), op.among(_CHINESE_PROVINCES),
             op.number(6, 2), op.within(18, 20), _CHINESE_DATE, op.number(14, 3),
             op.pure(0, 17, 2, 11), op.affine(-2, 1), op.modulo(11), op.table("0123456789X"),
             op.equals(17)),
    # Ministry of the Interior: a letter, 1 or 2 (8 or 9 for residents), and seven digits.
    Check.of("tw.id", op.length(10), op.number(1, 9), op.symbol(1), op.among((1, 2, 8, 9)),
             op.symbol(0), op.lookup(_TAIWAN_FIRST), op.store(op.DAY),
             op.weighted((8, 7, 6, 5, 4, 3, 2, 1, 1), 0, 1), op.add(op.DAY), op.modulo(10),
             op.within(0)),
    # Hong Kong's identity card: one letter counts as if a space (36) stood before it.
    Check.of("hk.id", op.length(8, 9), op.number(-7, 6), op.symbol(0), op.within(10, 35),
             op.by_length({8: op.join(op.weighted(range(8, 1, -1)), op.affine(1, 9 * 36)),
                           9: op.join(op.symbol(1), op.within(10, 35),
                                      op.weighted(range(9, 1, -1)))}),
             op.negative(11), op.table("0123456789A"), op.equals(-1)),
    Check.of("jp.mynumber", op.digits(12), op.weighted((6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)),
             op.negative(11), op.modulo(10), op.equals(11)),
    Check.of("kr.rrn", op.digits(13), op.number(7, 2), op.within(0, 96),
             op.birth(0, 2, 4, century=op.join(op.symbol(6), op.table(
                 (1800, 1900, 1900, 2000, 2000, 1900, 1900, 2000, 2000, 1800)))),
             op.weighted((2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), 11), op.affine(-1, 11),
             op.modulo(10), op.equals(12)),
    Check.of("in.aadhaar", op.digits(12), op.symbol(0), op.within(2, 9), op.verhoeff()),
    Check.of("in.vid", op.digits(16), op.symbol(0), op.within(2, 9), op.verhoeff()),
    Check.of("in.pan", op.length(10), op.number(5, 4), op.within(1, 9999), op.symbol(3),
             op.lookup(dict.fromkeys("ABCFGHLJPTK", 1))),
    Check.of("in.epic", op.length(10), op.number(3, 7), op.luhn(3)),
    Check.of("id.nik", op.digits(16), op.number(0, 2), op.among(
        (*range(11, 20), 21, *range(31, 37), *range(51, 54), *range(61, 66), *range(71, 77), 81,
         82, *range(91, 98))), op.birth(
        10, 8, op.join(op.number(6, 2), op.modulo(40)))),
    Check.of("my.nric", op.digits(12), op.birth(0, 2, 4), op.number(6, 2),
             op.among((*range(1, 17), *range(21, 60), *range(60, 69), 71, 72, 74, 75, 76, 77, 78,
                       79, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 98, 99))),
    # Singapore's NRIC and FIN: T, G and M add to the sum (ICA's scheme as it is widely published).
    Check.of("sg.nric", op.length(9), op.number(1, 7), op.symbol(0),
             op.lookup({"S": 0, "F": 0, "T": 4, "G": 4, "M": 3}), op.store(op.DAY),
             op.weighted((2, 7, 6, 5, 4, 3, 2), 0, 1), op.add(op.DAY), op.modulo(11),
             op.store(op.DAY), op.symbol(0), op.when(
                 op.symbols("S")[0], op.symbols("T")[0],
                 op.join(op.recall(op.DAY), op.table("JZIHGFEDCBA")),
                 op.when(op.symbols("M")[0], op.symbols("M")[0],
                         op.join(op.recall(op.DAY), op.affine(-1, 10), op.table("KLJNPQRTUWX")),
                         op.join(op.recall(op.DAY), op.table("XWUTRQPNMLK")))),
             op.equals(8)),
    Check.of("th.pin", op.digits(13), op.symbol(0), op.within(1, 8),
             op.weighted(range(2, -10, -1), 11), op.affine(-1, 1), op.modulo(10), op.equals(12)),
    # Twelve digits since 2016: the province, the century and sex, the year of birth.
    Check.of("vn.cccd", op.digits(12), op.number(0, 3), op.among((
                 1, 2, 4, 6, 8, *range(10, 13), 14, 15, 17, 19, 20, *range(22, 28), *range(30, 39),
                 40, 42, *range(44, 47), *range(48, 53), 54, 56, 58, 60, 62, 64, 66, 67, 68, 70,
                 72, 74, 75, 77, 79, 80, 82, 83, 84, *range(86, 90), *range(91, 97))),
             op.symbol(3), op.within(0, 3)),
    Check.of("pk.cnic", op.digits(13), op.symbol(0), op.within(1, 7), op.symbol(12),
             op.within(1, 9)),
    Check.of("il.idnr", op.digits(8, 9), op.number(0, 0), op.within(1, 10**9), op.luhn()),
    # The national code of Iran: ten weights down, mod 11, 2 and above from 11.
    Check.of("ir.melli", op.digits(10), op.repeats(0, 10), op.within(200, 1100),
             op.weighted(range(10, 1, -1), 11), op.when(2, 10, op.affine(-1, 11)), op.equals(9)),
    # The Emirates' identity number: ISO's 784, the year of birth, seven digits, Luhn's digit.
    Check.of("ae.eid", op.digits(15), op.number(0, 3), op.within(784), op.number(3, 4),
             op.within(1900, 2100), op.luhn()),
    Check.of("sa.id", op.digits(10), op.symbol(0), op.within(1, 2), op.luhn()),
    # Kuwait's civil identity number: 2 or 3 for the century, the date, a serial, the check.
    Check.of("kw.civil", op.digits(12), op.symbol(0), op.table((-1, 1800, 1900, 2000)),
             op.store(op.DAY), op.birth(1, 3, 5, century=op.recall(op.DAY)),
             op.weighted((2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), 11), op.affine(-1, 11),
             op.equals(11)),
    # Egypt's national number: the century (2 or 3), the date, the governorate.
    Check.of("eg.nid", op.digits(14), op.symbol(0), op.table((-1, -1, 1900, 2000)),
             op.store(op.DAY), op.birth(1, 3, 5, century=op.recall(op.DAY)), op.number(7, 2),
             op.among((1, 2, 3, 4, *range(11, 20), *range(21, 30), *range(31, 36), 88))),
    # Sri Lanka's identity card since 2016: the year and the day of it, 500 more for women.
    Check.of("lk.nic", op.digits(12), op.number(0, 4), op.within(1900, 2100), op.number(4, 3),
             op.when(501, 866, op.affine(1, -500)), op.within(1, 366)),
)  # fmt: skip

AFRICA_OCEANIA = (
    Check.of("za.idnr", op.digits(13), op.birth(0, 2, 4), op.symbol(10), op.within(0, 1),
             op.luhn()),
    Check.of("za.tin", op.digits(10), op.symbol(0), op.among((0, 1, 2, 3, 9)), op.luhn()),
    Check.of("ke.pin", op.length(11), op.number(1, 9), op.symbol(0), op.lookup({"A": 1, "P": 1}),
             op.symbol(10), op.within(10, 35)),
    Check.of("gh.tin", op.length(11), op.symbol(0), op.lookup(dict.fromkeys("PCGQV", 1)),
             op.number(1, 2), op.within(0), op.number(1, 9), op.weighted(range(1, 10), 11, 1),
             op.table("0123456789X"), op.equals(10)),
    Check.of("mu.nid", op.length(14), op.number(1, 12), op.weighted(range(14, 1, -1)),
             op.negative(17), op.equals(13), op.birth(5, 3, 1)),
    Check.of("mz.nuit", op.digits(9), op.weighted((8, 9, 4, 5, 6, 7, 8, 9), 11),
             op.table("01234567891"), op.equals(8)),
    # Zimbabwe's identity card: the letter is the number before it mod 23.
    Check.of("zw.id", op.length(11, 12), op.number(-2, 2), op.by_length({
                 11: op.number(0, 8), 12: op.number(0, 9)}),
             op.modulo(23), op.table("ZABCDEFGHJKLMNPQRSTVWXY"), op.equals(-3)),
    Check.of("au.tfn", op.digits(8, 9), op.by_length({
                 8: op.weighted((1, 4, 3, 7, 5, 8, 6, 9), 11),
                 9: op.weighted((1, 4, 3, 7, 5, 8, 6, 9, 10), 11)}), op.within(0)),
    # Medicare cards: eight digits, their check, the issue, and the person on the card.
    Check.of("au.medicare", op.digits(10, 11), op.symbol(0), op.within(2, 6),
             op.weighted((1, 3, 7, 9) * 2, 10), op.equals(8)),
    Check.of("au.ihi", op.digits(16), op.number(0, 6), op.within(800360), op.luhn()),
    Check.of("nz.ird", op.digits(8, 9), op.number(0, 0), op.within(10000001, 149999999),
             op.by_length({8: op.join(op.weighted((2, 7, 6, 5, 4, 3, 2)), op.negative(11),
                                      op.when(10, 10, op.join(
                                          op.weighted((4, 3, 2, 5, 2, 7, 6)), op.negative(11)))),
                           9: op.join(op.weighted((3, 2, 7, 6, 5, 4, 3, 2)), op.negative(11),
                                      op.when(10, 10, op.join(
                                          op.weighted((7, 4, 3, 2, 5, 2, 7, 6)),
                                          op.negative(11))))}),
             op.within(0, 9), op.equals(-1)),
    # National Health Index of New Zealand (HISO 10046): old numbers mod 11; new ones end in a
    # letter, first counted mod 23, then mod 24.
    Check.of("nz.nhi", op.length(7), op.symbol(6), op.when(
                 0, 9,
                 op.join(_NHI_SUM, op.modulo(11), op.affine(-1, 11),
                         op.when(10, 10, op.constant(0)), op.equals(6)),
                 op.either(*(op.join(_NHI_SUM, op.modulo(m), op.affine(-1, m),
                                     op.store(op.YEAR), op.symbol(6), op.affine(-1, 0),
                                     op.add(op.YEAR), op.within(0)) for m in (23, 24))))),
)  # fmt: skip
