"""Payment card numbers: ISO/IEC 7812 prefixes and lengths, and the Luhn check digit."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.checks import CHECKS
from strongroom.discover.recognizers._write import any_of

_CONTEXT = ("card", "cards", "credit", "debit", "visa", "mastercard", "amex", "american", "express",
            "maestro", "discover", "diners", "jcb", "cc", "pan", "payment", "kreditkarte", "carte",
            "tarjeta", "carta")  # fmt: skip
# Long numbers that programs draw and count.
_DRAWN = ("seed", "seeds", "rng", "fuzz", "fuzzer", "testcase", "mpf", "uint", "issue", "commit")
# Prefixes and how many digits may follow; from the networks' public numbering.
_BRANDS = (
    (r"4\d", (11, 14, 17)),  # Visa
    (r"5[1-5]", (14,)),  # Mastercard
    (r"2(?:2(?:2[1-9]|[3-9]\d)|[3-6]\d\d|7(?:[01]\d|20))", (12,)),  # Mastercard
    (r"3[47]", (13,)),  # American Express
    (r"6(?:011|4[4-9]\d|5\d\d)", (12, 13, 14, 15)),  # Discover, RuPay
    (r"3(?:0[0-5]\d|095|6\d\d|[89]\d\d)", (10, 12, 13, 14, 15)),  # Diners Club
    (r"36", (13,)),  # Diners Club
    (r"35", (14, 15, 16, 17)),  # JCB: issues 3528-3589, generators of test data use all of 35
    (r"(?:1800|2131)", (11,)),  # JCB
    (r"62", (14, 15, 16, 17)),  # UnionPay
    (r"220[0-4]", (12, 13, 14, 15)),  # Mir
    (r"60", (14,)),  # RuPay
    (r"(?:50|5[678]|67)\d\d", (8, 9, 10, 11, 12, 13, 14, 15)),  # Maestro
    (r"(?:6304|6390)", (8, 9, 10, 11, 12, 13, 14, 15)),  # Maestro
)
_ISSUED = any_of(rf"{prefix}\d{{{many}}}" for prefix, lengths in _BRANDS for many in lengths)
# What a number alone is taken for: the cards that are common, at their own lengths.
_COMMON = any_of([
    r"4\d{15}", r"5[1-5]\d{14}", r"2(?:2(?:2[1-9]|[3-9]\d)|[3-6]\d\d|7(?:[01]\d|20))\d{12}",
    r"3[47]\d{13}", r"6(?:011|4[4-9]\d|5\d\d)\d{12}", r"3(?:0[0-5]|[689]\d)\d{11}", r"35\d{14}",
    r"62\d{14}",
])  # fmt: skip
_GROUPED = (
    r"\d{4}(?:[ -]\d{4}){3}(?:[ -]?\d{1,3})?|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,3}|"
    r"\d{4}[ -]\d{6}[ -]\d{4,5}"
)


def _card(
    pattern: str,
    score: float,
    near: float,
    *examples: str,
    issued: str = _ISSUED,
    lookalikes: tuple[str, ...] = (),
) -> Rule:
    return Rule(
        "credit_card", "CREDIT_CARD", pattern, score, apart=".-/+", compact=issued,
        check=CHECKS["luhn"], validated=True, context=_CONTEXT, context_score=near,
        against=_DRAWN, against_score=0.3, examples=examples,
        lookalikes=("order 4111 1111 1111 1112", "9999-9999-9999-9999", *lookalikes),
    )  # fmt: skip


RULES = (
    _card(_GROUPED, 0.95, 1.0, "4111-1111-1111-1111", "3782 822463 10005"),
    _card(r"\d{14,16}", 0.85, 1.0, "paid by 5555555555554444", issued=_COMMON,
          lookalikes=("default_rng(2435908729190400)", "(274177, 67280421310721)")),
    _card(r"\d(?:[ -]?\d){11,18}", 0.4, 0.8, "card 5018 0000 0009", "Visa 6304000000000000"),
)  # fmt: skip
