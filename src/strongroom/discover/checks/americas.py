"""Identifiers of North, Central and South America.

Facts are the issuers', as python-stdnum gathers them, unless another source is named.
"""

from __future__ import annotations

from strongroom.discover.checks import _instructions as op
from strongroom.discover.checks._check import Check

# Two sums in a row, each over the digit before it too, as Brazil makes most of its numbers.
_TEN_IS_ZERO = (0, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1)
_CURP_VALUES = [*range(24), *range(25, 37)]  # Ñ stands between N and O
_CPF_TWO = op.join(
    op.weighted(range(10, 1, -1), 11), op.table(_TEN_IS_ZERO), op.equals(9),
    op.weighted(range(11, 1, -1), 11), op.table(_TEN_IS_ZERO), op.equals(10),
)  # fmt: skip
# The regions that Mexico's register of people knows, two letters each.
_CURP_STATES = "ASBCBSCCCHCLCMCSDFDGGRGTHGJCMCMNMSNENLNTOCPLQRQTSLSPSRTCTLTSVZYNZS"
_CURP_NUMBERS = [int(_CURP_STATES[i : i + 2], 36) for i in range(0, len(_CURP_STATES), 2)]

AMERICAS = (
    # Areas, groups and serials that the Social Security Administration gives.
    Check.of("us.ssn", op.digits(9), op.number(0, 3), op.when(666, 666, op.fail()),
             op.number(0, 3), op.within(1, 899), op.number(3, 2), op.within(1, 99),
             op.number(5, 4), op.within(1, 9999), op.number(0, 9),
             op.when(78051120, 78051120, op.fail()),
             op.when(219099999, 219099999, op.fail()), op.when(457555462, 457555462, op.fail())),
    Check.of("us.itin", op.digits(9), op.number(0, 9),
             op.when(987654320, 987654329, op.fail()), op.symbol(0), op.within(9), op.number(3, 2),
             op.among((*range(50, 66), *range(70, 89), 90, 91, 92, *range(94, 100)))),
    # The American Bankers Association's: the Federal Reserve's districts, then 3, 7, 1.
    Check.of("us.aba", op.digits(9), op.number(0, 2),
             op.among((*range(1, 13), *range(21, 33), *range(61, 73), 80)),
             op.weighted((3, 7, 1) * 3, 10), op.within(0)),
    # National Provider Identifier: Luhn's digit with 80840 before it (45 CFR 162.406).
    Check.of("us.npi", op.digits(10), op.symbol(0), op.within(1, 2),
             op.digits_weighted((2, 1) * 5), op.affine(1, 24), op.modulo(10), op.within(0)),
    # Drug Enforcement Administration: two letters or a letter and 9, six digits and their check.
    Check.of("us.dea", op.length(9), op.number(2, 7), op.weighted((1, 2) * 3, 10, 2),
             op.equals(8)),
    Check.of("ca.sin", op.digits(9), op.symbol(0), op.within(1, 9), op.when(8, 8, op.fail()),
             op.luhn()),
    Check.of("ca.bc_phn", op.digits(10), op.symbol(0), op.within(9),
             op.weighted((2, 4, 8, 5, 10, 9, 7, 3), 11, 1), op.negative(11), op.equals(9)),
    Check.of("ca.on_health", op.length(10, 12), op.number(0, 10), op.luhn(0, 10)),
    Check.of("ca.qc_health", op.length(12), op.number(4, 8), op.birth(
        4, op.lowered(6, 50), 8)),
    Check.of("mx.curp", op.length(18), op.symbol(16),
             op.when(0, 9, op.constant(1900), op.constant(2000)), op.store(op.DAY),
             op.birth(4, 6, 8, century=op.recall(op.DAY)),
             op.symbol(10), op.lookup({"H": 1, "M": 1}),
             op.pure(11, 2, 36, 1296), op.among(_CURP_NUMBERS),
             op.map_symbols(_CURP_VALUES, 0, 17), op.weighted(range(18, 1, -1)),
             op.negative(10), op.equals(17)),
    Check.of("mx.rfc", op.length(13), op.number(4, 6), op.birth(4, 6, 8),
             op.symbol(12), op.lookup({str(c): c for c in range(10)} | {"A": 10}),
             op.store(op.DAY), op.map_symbols(_CURP_VALUES, 0, 12),
             op.weighted(range(13, 1, -1)), op.add(op.DAY), op.modulo(11), op.within(0)),
    Check.of("mx.nss", op.digits(11), op.luhn()),
    Check.of("br.cpf", op.digits(11), op.repeats(0, 11), op.within(200, 1100), _CPF_TWO),
    Check.of("br.cnpj", op.digits(14), op.number(0, 8), op.within(1, 10**8),
             op.weighted((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), 11), op.table(_TEN_IS_ZERO),
             op.equals(12), op.weighted((6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), 11),
             op.table(_TEN_IS_ZERO), op.equals(13)),
    # Programa de Integração Social (Caixa).
    Check.of("br.pis", op.digits(11), op.number(0, 10), op.within(1, 10**10),
             op.weighted((3, 2, 9, 8, 7, 6, 5, 4, 3, 2), 11), op.table(_TEN_IS_ZERO),
             op.equals(10)),
    # The voter's number: its state's code 01 to 28 stands before the two digits (TSE).
    Check.of("br.titulo", op.digits(12), op.number(8, 2), op.within(1, 28),
             op.weighted(range(2, 10), 11), op.modulo(10), op.equals(10),
             op.weighted((7, 8, 9), 11, 8), op.modulo(10), op.equals(11)),
    Check.of("ar.cuil", op.digits(11), op.number(0, 2), op.among((20, 23, 24, 27, 30, 33, 34, 50,
                                                                 51, 55)),
             op.weighted((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11), op.affine(-1, 11),
             op.table("012345678990"), op.equals(10)),
    Check.of("cl.rut", op.length(8, 9), op.number(0, -1), op.by_length({
                 8: op.weighted((2, 7, 6, 5, 4, 3, 2)), 9: op.weighted((3, 2, 7, 6, 5, 4, 3, 2))}),
             op.negative(11), op.table("0123456789K"), op.equals(-1)),
    # A citizen's number of eight to ten digits and its check digit.
    Check.of("co.nit", op.digits(9, 11), op.by_length({
                 n: op.weighted((43, 41, 37, 29, 23, 19, 17, 13, 7, 3)[11 - n:], 11)
                 for n in (9, 10, 11)}),
             op.table("01987654321"), op.equals(-1)),
    Check.of("cu.ni", op.digits(11), op.birth(0, 2, 4, century=op.join(
        op.symbol(6), op.table((1900,) * 6 + (2000,) * 3 + (1800,))))),
    Check.of("do.cedula", op.digits(11), op.luhn()),
    Check.of("ec.ci", op.digits(10), op.number(0, 2), op.among((*range(1, 25), 30, 50)),
             op.symbol(2), op.within(0, 6), op.luhn()),
    # Guatemala's CUI: eight digits, their check, the department and the municipality.
    Check.of("gt.cui", op.digits(13), op.number(9, 2), op.within(1, 22), op.number(11, 2),
             op.within(1, 38), op.weighted(range(2, 10), 11), op.equals(8)),
    # El Salvador's DUI: eight digits and their check digit.
    Check.of("sv.dui", op.digits(9), op.number(0, 8), op.within(1, 10**8),
             op.weighted(range(9, 1, -1)), op.negative(10), op.equals(8)),
    Check.of("pe.dni", op.length(9), op.number(0, 8), op.weighted((3, 2, 7, 6, 5, 4, 3, 2), 11),
             op.store(op.DAY), op.symbol(8), op.when(0, 9,
                op.join(op.recall(op.DAY), op.table("65432110987")),
                op.join(op.recall(op.DAY), op.table("KJIHGFEDCBA"))), op.equals(8)),
    Check.of("pe.ruc", op.digits(11), op.number(0, 2), op.among((10, 15, 17, 20)),
             op.weighted((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11), op.affine(-1, 11), op.modulo(10),
             op.equals(10)),
    Check.of("py.ruc", op.digits(7, 9), op.by_length({
                 n: op.weighted(range(n, 1, -1)) for n in (7, 8, 9)}),
             op.negative(11), op.modulo(10), op.equals(-1)),
    # Uruguay's cédula de identidad: seven digits and their check (DNIC).
    Check.of("uy.ci", op.digits(8), op.weighted((2, 9, 8, 7, 6, 3, 4)), op.negative(10),
             op.equals(7)),
    Check.of("ve.rif", op.length(10), op.number(1, 9), op.symbol(0),
             op.lookup({"V": 4, "E": 8, "J": 12, "P": 16, "G": 20}), op.store(op.DAY),
             op.weighted((3, 2, 7, 6, 5, 4, 3, 2), 0, 1), op.add(op.DAY), op.modulo(11),
             op.table("00987654321"), op.equals(9)),
)  # fmt: skip
