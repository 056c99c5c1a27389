"""Identifiers of Europe's middle, south and east, and of Turkey and Russia.

Facts are the issuers', as python-stdnum gathers them, unless another source is named.
"""

from __future__ import annotations

from strongroom.discover.checks import _instructions as op
from strongroom.discover.checks._check import Check

_DNI = op.join(op.modulo(23), op.table("TRWAGMYFPDXBNJZSQVHLCKE"), op.equals(-1))
# Luhn's doubling, letters counting from 10: 9 less from 5 on.
_DOUBLED = [2 * c - (9 if c // 5 else 0) for c in range(36)]
# Omocodia: where two people would share a code, digits become letters, the last one first.
_CODICE_DIGITS = [*range(10), *([-1] * 26)]
for _digit, _letter in enumerate("LMNPQRSTUV"):
    _CODICE_DIGITS[int(_letter, 36)] = _digit
_CODICE_ODD = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22,
               25, 24, 23]  # fmt: skip
_CODICE_EVEN = [*range(10), *range(26)]
_CODICE_MONTHS = {letter: month for month, letter in enumerate("ABCDEHLMPRST", 1)}
_CZECH_MONTH = op.join(op.number(2, 2), op.modulo(50), op.modulo(20))
_CZECH_CENTURY = op.join(op.number(0, 2), op.when(0, 53, op.constant(2000), op.constant(1900)))
_LETTER_FIRST = op.join(op.symbol(0), op.affine(1, -9), op.within(1, 26))
_GERMAN_DOCUMENT = op.weighted((7, 3, 1) * 3, 10)

SOUTH = (
    Check.of("at.vnr", op.digits(10), op.symbol(0), op.within(1, 9),
             op.weighted((3, 7, 9, 0, 5, 8, 4, 2, 1, 6), 11), op.equals(3)),
    Check.of("ch.ahv", op.digits(13), op.number(0, 3), op.within(756),
             op.weighted((1, 3) * 6, 10), op.negative(10), op.equals(12)),
    # One digit of the first ten stands there twice or three times, all others once at most.
    Check.of("de.idnr", op.digits(11), op.symbol(0), op.within(1, 9), op.repeats(0, 10),
             op.among((902, 803)), op.hybrid(10)),
    # Rentenversicherungsnummer (SGB VI § 147; VKVV § 4): the letter counts as two digits.
    Check.of("de.rvnr", op.length(12), op.number(0, 8), op.number(9, 3), op.number(2, 2),
             op.within(1, 81), op.number(4, 2), op.within(1, 12),
             op.symbol(8), op.affine(1, -9), op.within(1, 26), op.store(op.YEAR),
             op.digits_weighted((2, 1, 2, 5, 7, 1, 2, 1)), op.store(op.MONTH),
             op.digits_weighted((2, 1), first=9), op.add(op.MONTH), op.store(op.MONTH),
             op.recall(op.YEAR), op.divide(10), op.affine(2, 0), op.add(op.MONTH),
             op.store(op.MONTH), op.recall(op.YEAR), op.modulo(10), op.add(op.MONTH),
             op.modulo(10), op.equals(11)),
    # Krankenversichertennummer (GKV-Spitzenverband): a letter as two digits, then as Luhn's.
    Check.of("de.kvnr", op.length(10), op.number(1, 9), _LETTER_FIRST, op.store(op.YEAR),
             op.digits_weighted((1, 2) * 4, first=1), op.store(op.MONTH),
             op.recall(op.YEAR), op.divide(10), op.add(op.MONTH), op.store(op.MONTH),
             op.recall(op.YEAR), op.modulo(10), op.affine(2, 0), op.store(op.YEAR),
             op.modulo(10), op.add(op.MONTH), op.store(op.MONTH),
             op.recall(op.YEAR), op.divide(10), op.add(op.MONTH), op.modulo(10), op.equals(9)),
    # Passports and identity cards since 2007 (ICAO 9303, part 3: weights 7, 3, 1).
    Check.of("de.document", op.length(10), op.number(9, 1), _GERMAN_DOCUMENT, op.equals(9)),
    Check.of("es.dni", op.length(9), op.number(0, 8), _DNI),
    Check.of("es.nie", op.length(9), op.symbol(0), op.lookup({"X": 0, "Y": 1, "Z": 2}), op.put(0),
             op.number(0, 8), _DNI),
    # Seguridad Social: the first ten digits mod 97.
    Check.of("es.nuss", op.digits(12), op.number(0, 10), op.modulo(97), op.store(op.DAY),
             op.number(10, 2), op.affine(-1, 0), op.add(op.DAY), op.within(0)),
    Check.of("it.codicefiscale", op.length(16), op.map_symbols(_CODICE_DIGITS, 6, 2),
             op.map_symbols(_CODICE_DIGITS, 9, 2), op.symbol(8), op.lookup(_CODICE_MONTHS),
             op.store(op.MONTH),
             op.birth(6, op.recall(op.MONTH), op.join(op.number(9, 2), op.modulo(40))),
             (op.RELOAD,), op.symbol(15), op.affine(1, -10), op.within(0, 25), op.store(op.DAY),
             op.map_symbols((*_CODICE_ODD[:10], *_CODICE_ODD), 0, 15, 2),
             op.map_symbols(_CODICE_EVEN, 1, 14, 2), op.weighted((1,) * 15, 26),
             op.affine(-1, 0), op.add(op.DAY), op.within(0)),
    Check.of("it.iva", op.digits(11), op.number(0, 7), op.within(1, 10**7),
             op.number(7, 3), op.among((*range(1, 101), 120, 121, 888, 999)), op.luhn()),
    Check.of("pt.nif", op.digits(9), op.symbol(0), op.within(1, 9),
             op.weighted(range(9, 1, -1)), op.negative(11, 11), op.modulo(10), op.equals(8)),
    Check.of("pt.cc", op.length(12), op.number(0, 9), op.number(11, 1),
             op.map_symbols(_DOUBLED, 0, 12, 2),
             op.weighted((1,) * 12, 10), op.within(0)),
    # Segurança Social.
    Check.of("pt.niss", op.digits(11), op.symbol(0), op.within(1, 2),
             op.weighted((29, 23, 19, 17, 13, 11, 7, 5, 3, 2), 10), op.affine(-1, 9),
             op.equals(10)),
    Check.of("gr.amka", op.digits(11), op.luhn(), op.birth(4, 2, 0)),
    Check.of("gr.afm", op.digits(9), op.number(0, 0), op.within(1, 10**9),
             op.weighted((256, 128, 64, 32, 16, 8, 4, 2), 11), op.modulo(10), op.equals(8)),
    Check.of("hr.oib", op.digits(11), op.hybrid(10)),
    # The JMBG of Yugoslavia, used by all that followed it: three digits of the year.
    Check.of("jmbg", op.digits(13), op.birth(5, 2, 0, century=op.join(
                 op.symbol(4), op.when(0, 7, op.affine(100, 2000), op.affine(100, 1000)))),
             op.weighted((7, 6, 5, 4, 3, 2) * 2), op.negative(11), op.modulo(10), op.equals(12)),
    Check.of("si.davcna", op.digits(8), op.symbol(0), op.within(1, 9),
             op.weighted(range(8, 1, -1), 11), op.affine(-1, 11), op.when(10, 10, op.constant(0)),
             op.equals(7)),
    Check.of("cz.rc", op.digits(9, 10), op.count(),
             op.when(9, 9,
                     op.join(op.number(0, 2), op.when(80, 99, op.constant(1800), op.join(
                         op.within(0, 53), op.constant(1900))), op.store(op.DAY),
                         op.birth(0, _CZECH_MONTH, 4, century=op.recall(op.DAY))),
                     op.join(op.birth(0, _CZECH_MONTH, 4, century=_CZECH_CENTURY),
                             op.number(0, 9), op.modulo(11), op.modulo(10), op.equals(9)))),
    Check.of("pl.pesel", op.digits(11), op.weighted((1, 3, 7, 9, 1, 3, 7, 9, 1, 3)),
             op.negative(10), op.equals(10),
             op.birth(0, op.join(op.number(2, 2), op.modulo(20)), 4, century=op.join(
                 op.number(2, 2), op.divide(20), op.table((1900, 2000, 2100, 2200, 1800))))),
    Check.of("pl.nip", op.digits(10), op.weighted((6, 5, 7, 2, 3, 4, 5, 6, 7, -1), 11),
             op.within(0)),
    # Identity cards and passports (Ministerstwo Spraw Wewnętrznych): letters from 10 on.
    Check.of("pl.dowod", op.length(9), op.number(3, 6),
             op.weighted((7, 3, 1, -1, 7, 3, 1, 7, 3), 10), op.within(0)),
    Check.of("pl.passport", op.length(9), op.number(2, 7),
             op.weighted((7, 3, -1, 1, 7, 3, 1, 7, 3), 10), op.within(0)),
    # The tax number, the social security number (TAJ) of Hungary: laws XX of 1996, annex.
    Check.of("hu.tax", op.digits(10), op.symbol(0), op.within(8),
             op.weighted(range(1, 10), 11), op.equals(9)),
    Check.of("hu.taj", op.digits(9), op.weighted((3, 7) * 4, 10), op.equals(8)),
    Check.of("ro.cnp", op.digits(13), op.symbol(0),
             op.table((-1, 1900, 1900, 1800, 1800, 2000, 2000, 1900, 1900, 1900)),
             op.store(op.DAY), op.birth(1, 3, 5, century=op.recall(op.DAY)),
             op.number(7, 2), op.among((*range(1, 49), 51, 52, 70, 80, 81, 82, 83)),
             op.weighted((2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9), 11),
             op.table((*range(10), 1)), op.equals(12)),
    Check.of("bg.egn", op.digits(10), op.weighted((2, 4, 8, 5, 10, 9, 7, 3, 6), 11),
             op.modulo(10), op.equals(9),
             op.birth(0, op.join(op.number(2, 2), op.when(41, 99, op.affine(1, -40), op.when(
                 21, 40, op.affine(1, -20)))), 4, century=op.join(
                     op.number(2, 2), op.when(41, 99, op.constant(2000), op.when(
                         21, 40, op.constant(1800), op.constant(1900)))))),
    Check.of("bg.lnch", op.digits(10), op.weighted((21, 19, 17, 13, 11, 9, 7, 3, 1), 10),
             op.equals(9)),
    Check.of("md.idnp", op.digits(13), op.weighted((7, 3, 1) * 4, 10), op.equals(12)),
    Check.of("by.unp", op.length(9), op.number(2, 7), op.symbol(0),
             op.lookup(dict.fromkeys("1234567ABCEHKM", 1)), op.symbol(1), op.when(10, 35, op.join(
                 op.lookup({c: i for i, c in enumerate("ABCEHKMOPT")}), op.put(1))),
             op.weighted((29, 23, 19, 17, 13, 7, 5, 3), 11), op.within(0, 9), op.equals(8)),
    Check.of("ua.rntrc", op.digits(10), op.weighted((-1, 5, 7, 9, 4, 6, 10, 5, 7), 11),
             op.modulo(10), op.equals(9)),
    Check.of("ru.inn", op.digits(12),
             op.weighted((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), 11), op.modulo(10), op.equals(10),
             op.weighted((3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8), 11), op.modulo(10), op.equals(11)),
    # The pension fund's number: two digits, counted mod 101, where 100 is written 00.
    Check.of("ru.snils", op.digits(11), op.number(0, 9), op.within(1001998, 10**9),
             op.weighted(range(9, 0, -1), 101), op.modulo(100), op.store(op.DAY),
             op.number(9, 2), op.affine(-1, 0), op.add(op.DAY), op.within(0)),
    Check.of("tr.tckimlik", op.digits(11), op.symbol(0), op.within(1, 9),
             op.weighted((3, 1, 3, 1, 3, 1, 3, 1, 3)), op.negative(10), op.equals(9),
             op.weighted((1,) * 10, 10), op.equals(10)),
    # The individual's number of Kazakhstan (IIN): a second row of weights where the first gives 10.
    Check.of("kz.iin", op.digits(12), op.symbol(6), op.table((-1, 1800, 1800, 1900, 1900, 2000,
                                                            2000)), op.store(op.DAY),
             op.birth(0, 2, 4, century=op.recall(op.DAY)), op.weighted(range(1, 12), 11),
             op.when(10, 10, op.weighted((3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2), 11)),
             op.within(0, 9), op.equals(11)),
)  # fmt: skip
