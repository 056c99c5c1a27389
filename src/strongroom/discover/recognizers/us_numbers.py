"""Numbers of the United States beside the SSN: taxes, banks, medicine."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.checks import CHECKS
from strongroom.discover.recognizers._label import label, literals

_ITIN = ("itin", "taxpayer", "individual", "irs", "tin")
_BANK = ("aba", "routing", "rtn", "bank", "wire", "ach", "transit")
_NPI = ("npi", "provider", "prescriber")
_DEA = ("dea", "prescriber", "registration")
# CMS: position by position digits, letters without S, L, O, I, B, Z, and either of them.
_C, _A, _AN = "[1-9]", "[AC-HJKMNP-RT-Yac-hjkmnp-rt-y]", "[0-9AC-HJKMNP-RT-Yac-hjkmnp-rt-y]"
_MBI = rf"{_C}{_A}{_AN}\d-?{_A}{_AN}\d-?{_A}{{2}}\d{{2}}"
_EIN = r"\d{2}-\d{7}"

RULES = (
    Rule("us.itin", "US_ITIN", r"9\d{2}-\d{2}-\d{4}", 0.7, check=CHECKS["us.itin"],
         validated=True, context=_ITIN, context_score=0.95, examples=("912-70-1234",),
         lookalikes=("912-69-1234", "812-70-1234")),
    Rule("us.itin", "US_ITIN", r"9\d{8}|9\d{2} \d{2} \d{4}", 0.1, check=CHECKS["us.itin"],
         validated=True, context=_ITIN, context_score=0.9, examples=("itin 912701234",),
         lookalikes=("912701234",)),
    Rule("us.ptin", "US_ITIN", r"[Pp]\d{8}", 0.1, context=("ptin", "preparer"),
         context_score=0.85, examples=("PTIN P01234567",), lookalikes=("P01234567",)),
    Rule("us.ein", "TAX_ID", _EIN, 0.3, context=("ein", "fein", "employer", "tax", "irs", "tin"),
         context_score=0.8, examples=("EIN 12-3456789",), lookalikes=("12-3456789",)),
    Rule("us.tax_id", "TAX_ID", rf"{_EIN}|(?i:TAX)-\d{{6,12}}|\d{{9}}", 0.6,
         lead=label("tax id", "tax identification", "taxpayer identification"),
         keywords=literals("tax"), examples=("Tax ID: TAX-123456789",)),
    Rule("us.aba", "ABA_ROUTING_NUMBER", r"\d{9}|\d{4}-\d{4}-\d", 0.05, check=CHECKS["us.aba"],
         validated=True, context=_BANK, context_score=0.9, examples=("routing number 021000021",),
         lookalikes=("021000021", "routing number 021000022")),
    Rule("us.bank_account", "US_BANK_NUMBER", r"\d{6,17}|\d{2,6}(?:[ -]\d{2,6}){1,3}", 0.6,
         lead=label("bank account", "account number", "account no", "account", "acct",
                    "a/c", "checking", "savings"),
         keywords=("account", "acct", "a/c", "checking", "savings"),
         against=("twitter", "github", "users", "password"), against_score=0.3,
         examples=("Account: 1254948659", "acct# 10324909"),
         lookalikes=("1254948659", "the account of 2019")),
    Rule("us.npi", "US_NPI", r"[12]\d{9}", 0.05, check=CHECKS["us.npi"], validated=True,
         context=_NPI, context_score=0.95, examples=("NPI 1234567893",),
         lookalikes=("1234567893",)),
    Rule("us.npi_labelled", "US_NPI", r"\d{10}", 0.7, lead=label("npi", "national provider"),
         keywords=("npi", "provider"), examples=("NPI: 9356952904",)),
    Rule("us.dea", "MEDICAL_LICENSE", r"[ABCDEFGHJKLMPRSTUX][A-Z9]\d{7}", 0.4,
         check=CHECKS["us.dea"], validated=True, context=_DEA, context_score=0.95,
         examples=("DEA BS1234563",), lookalikes=("BS1234563", "DEA BS1234564 or so")),
    Rule("us.dea_labelled", "MEDICAL_LICENSE", r"[A-Za-z][A-Za-z9]\d{7}", 0.7,
         lead=label("dea"), keywords=("dea",), examples=("DEA: MW8288232",)),
    Rule("us.mbi", "US_MBI", _MBI, 0.6, context=("medicare", "mbi", "beneficiary", "hicn"),
         context_score=0.95, examples=("Medicare 1EG4-TE5-MK73", "1EG4TE5MK73"),
         lookalikes=("1EG4-TB5-MK73",)),
)  # fmt: skip
