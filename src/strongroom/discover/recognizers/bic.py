"""Business identifier codes of banks (ISO 9362)."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.checks import CHECKS

_WORDS = ("bic", "swift")
_BANKS = (*_WORDS, "bank", "iban", "banque", "banco", "banca", "wire", "transfer")

RULES = (
    Rule("bic", "BIC_CODE", r"[A-Z]{6}[0-9A-Z]{2}(?:[0-9A-Z]{3})?", 0.05, check=CHECKS["bic"],
         context=_WORDS, context_score=0.85, validated=True,
         examples=("BIC: DEUTDEFF", "SWIFT DEUTDEFF500"), lookalikes=("DEUTDEFF", "BIC DEUTQQFF")),
    # With a digit in it, it is no word in capitals, but may be a constant: BFLOAT16.
    Rule("bic.digit", "BIC_CODE", r"[A-Z]{6}(?:\d[0-9A-Z]|[A-Z]\d)(?:[0-9A-Z]{3})?", 0.3,
         check=CHECKS["bic"], context=_BANKS, context_score=0.9,
         examples=("the bank's CHASUS33",), lookalikes=("bank ABCDQQ33", "BFLOAT16, VERSION1")),
)  # fmt: skip
