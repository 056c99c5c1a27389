"""Identifiers of the British Isles, the Nordic and the Baltic countries, Benelux and France.

Facts are the issuers', as python-stdnum gathers them, unless another source is named.
"""

from __future__ import annotations

from datetime import UTC, datetime

from strongroom.discover.checks import _instructions as op
from strongroom.discover.checks._check import Check

THIS_YEAR = datetime.now(UTC).year

_BALTIC_CENTURY = op.join(
    op.symbol(0), op.table((-1, 1800, 1800, 1900, 1900, 2000, 2000, 2100, 2100))
)
_BALTIC_DATE = op.birth(1, 3, 5, century=_BALTIC_CENTURY)
_BALTIC_DIGIT = op.join(
    op.weighted((1, 2, 3, 4, 5, 6, 7, 8, 9, 1), 11),
    op.when(10, 10, op.weighted((3, 4, 5, 6, 7, 8, 9, 1, 2, 3), 11)),
    op.modulo(10), op.equals(10),
)  # fmt: skip
_LATVIAN_DIGIT = op.join(
    op.weighted((10, 5, 8, 4, 2, 1, 6, 3, 7, 9)), op.affine(1, 1), op.modulo(11), op.modulo(10),
    op.equals(10),
)  # fmt: skip
_BELGIAN = op.either(
    op.join(op.number(0, 9), op.modulo(97), op.affine(-1, 97), op.store(op.DAY),
            op.number(9, 2), op.affine(-1, 0), op.add(op.DAY), op.within(0)),
    # Born since 2000: a 2 stands before the number, unwritten.
    op.join(op.number(0, 2), op.within(0, THIS_YEAR % 100),
            op.number(0, 9), op.affine(1, 2 * 10**9), op.modulo(97), op.affine(-1, 97),
            op.store(op.DAY), op.number(9, 2), op.affine(-1, 0), op.add(op.DAY), op.within(0)),
)  # fmt: skip
# The serial number and the year give the century; see Skatteetaten on the structure of f-numbers.
_NORWEGIAN_CENTURY = op.join(
    op.number(4, 2), op.when(0, 39,
        op.join(op.number(6, 3), op.when(0, 499, op.constant(1900), op.constant(2000))),
        op.join(op.number(6, 3), op.when(0, 499, op.constant(1900),
            op.when(900, 999, op.constant(1900), op.join(
                op.within(0, 749), op.number(4, 2), op.within(54, 99), op.constant(1800)))))),
)  # fmt: skip
_DANISH_CENTURY = op.join(
    op.symbol(6), op.table((0, 0, 0, 0, 1, 2, 2, 2, 2, 1)), op.when(0, 0, op.constant(1900),
        op.when(1, 1, op.join(op.number(4, 2), op.when(0, 36, op.constant(2000),
                                                       op.constant(1900))),
                op.join(op.number(4, 2), op.when(0, 57, op.constant(2000), op.constant(1800))))),
)  # fmt: skip
_HETU_CENTURY = op.join(
    op.byte(6), op.when(ord("+"), ord("+"), op.constant(1800),
        op.when(ord("-"), ord("-"), op.constant(1900), op.join(
            op.symbol(6), op.lookup(dict.fromkeys("UVWXY", 1900) | dict.fromkeys("ABCDEF", 2000)),
        ))),
)  # fmt: skip
_HETU_DIGIT = op.join(op.modulo(31), op.table("0123456789ABCDEFHJKLMNPRSTUVWXY"), op.equals(-1))
_PPS_FAMILY = {"A": 9, "B": 18, "H": 72, "W": 0, "T": 0, "X": 0}

# Prefixes that HM Revenue & Customs doesn't give (NIM39110).
_NINO_NEVER = [int(pair, 36) for pair in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")]

NORTH = (
    Check.of("gb.nino", op.length(9), op.number(2, 6),
             op.symbol(0), op.lookup(dict.fromkeys("ABCEGHJKLMNOPRSTWXYZ", 1)),
             op.symbol(1), op.lookup(dict.fromkeys("ABCEGHJKLMNPRSTWXYZ", 1)),
             op.pure(0, 2, 36, 1296), *(op.when(n, n, op.fail()) for n in _NINO_NEVER),
             op.symbol(8), op.lookup(dict.fromkeys("ABCD", 1))),
    Check.of("gb.nhs", op.digits(10), op.weighted(range(10, 0, -1), 11), op.within(0)),
    Check.of("gb.utr", op.digits(10), op.weighted((6, 7, 8, 9, 10, 5, 4, 3, 2), 11, 1),
             op.table("21987654321"), op.equals(0)),
    Check.of("ie.pps", op.length(8, 9), op.number(0, 7), op.constant(0), op.store(op.DAY),
             op.count(), op.when(9, 9, op.join(op.symbol(8), op.lookup(_PPS_FAMILY),
                                               op.store(op.DAY))),
             op.weighted(range(8, 1, -1)), op.add(op.DAY), op.modulo(23),
             op.table("WABCDEFGHIJKLMNOPQRSTUV"), op.equals(7)),
    Check.of("is.kennitala", op.digits(10), op.symbol(9), op.lookup({"9": 1900, "0": 2000}),
             op.store(op.YEAR), op.weighted((3, 2, 7, 6, 5, 4, 3, 2, 1), 11), op.within(0),
             op.number(0, 2), op.within(0, 79),
             op.birth(4, 2, op.join(op.number(0, 2), op.when(40, 79, op.affine(1, -40))),
                      century=op.recall(op.YEAR))),
    Check.of("no.fodselsnummer", op.digits(11),
             op.weighted((3, 7, 6, 1, 8, 9, 4, 5, 2, 1), 11), op.within(0),
             op.weighted((5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1), 11), op.within(0),
             op.number(0, 2), op.within(0, 79),
             op.birth(4, op.lowered(2, 40), op.lowered(0, 40), century=_NORWEGIAN_CENTURY,
                      until=THIS_YEAR)),
    # Women's and men's numbers have been given without a check digit since 2007.
    Check.of("dk.cpr", op.digits(10), op.birth(4, 2, 0, century=_DANISH_CENTURY, until=THIS_YEAR)),
    # A coordination number adds 60 to the day (Skatteverket).
    Check.of("se.personnummer", op.digits(10, 12), op.luhn(-10),
             op.birth(-10, -8, op.lowered(-6, 60),
                      century=op.join(op.count(), op.when(12, 12, op.join(
                          op.number(0, 2), op.affine(100, 0)),
                          op.join(op.within(10), op.constant(2000)))))),
    Check.of("fi.hetu", op.length(10, 11),
             op.birth(4, 2, 0, century=_HETU_CENTURY),
             op.number(-4, 3), op.within(2, 899), op.store(op.DAY),
             op.number(0, 6), op.affine(1000, 0), op.add(op.DAY), _HETU_DIGIT),
    Check.of("ee.ik", op.digits(11), _BALTIC_DATE, _BALTIC_DIGIT),
    Check.of("lt.asmens", op.digits(11), op.symbol(0), op.when(0, 8, _BALTIC_DATE), _BALTIC_DIGIT),
    # Since 2017 numbers begin with 32 and say nothing about their owner.
    Check.of("lv.pk", op.digits(11), op.number(0, 2), op.within(0, 32),
             op.when(0, 31, op.birth(4, 2, 0, century=op.join(
                 op.symbol(6), op.affine(100, 1800)))), _LATVIAN_DIGIT),
    Check.of("be.nn", op.digits(11), _BELGIAN, op.number(4, 2), op.within(0, 31),
             op.number(2, 2), op.among((*range(13), *range(20, 33), *range(40, 53)))),
    Check.of("nl.bsn", op.digits(9), op.number(0, 0), op.within(1, 10**9),
             op.weighted((9, 8, 7, 6, 5, 4, 3, 2, -1), 11), op.within(0)),
    # Two digits: Luhn's over the first eleven, Verhoeff's over the same (CCSS).
    Check.of("lu.matricule", op.digits(13), op.luhn(0, 12), op.symbol(12), op.put(11),
             op.verhoeff(0, 12),
             op.birth(2, 4, 6, century=op.join(op.number(0, 2), op.affine(100, 0)))),
    Check.of("fr.nir", op.length(15), op.symbol(6),
             # Corsica's departments 2A and 2B count as 19 and 18.
             op.when(10, 11, op.join(op.affine(-1, 19), op.put(6), op.symbol(5), op.within(2),
                                     op.constant(1), op.put(5))),
             op.number(0, 13), op.modulo(97), op.affine(-1, 97), op.store(op.DAY),
             op.number(13, 2), op.affine(-1, 0), op.add(op.DAY), op.within(0)),
    Check.of("fr.nif", op.digits(13), op.symbol(0), op.within(0, 3), op.number(0, 10),
             op.modulo(511), op.store(op.DAY), op.number(10, 3), op.affine(-1, 0),
             op.add(op.DAY), op.within(0)),
)  # fmt: skip
