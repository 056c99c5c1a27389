"""Numbers that an organisation gives to people: patients, members, clients, staff, cases.

No check digits prove them, so a field's name must stand before them, or in them.
"""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.recognizers._label import ISSUED, label, literals

_PREFIXED = ("id", "ids", "number", "no", "insurance", "policy", "member", "employee", "account",
             "customer", "client", "patient", "license", "licence", "record", "subject", "case",
             "subscriber", "claim", "beneficiary", "staff", "student", "reference",
             "user")  # fmt: skip


def _named(
    name: str, entity: str, *names: str, pattern: str = ISSUED, score: float = 0.7,
    examples: tuple[str, ...] = (), lookalikes: tuple[str, ...] = (),
) -> Rule:  # fmt: skip
    return Rule(
        f"identifier.{name}", entity, pattern, score, lead=label(*names),
        keywords=literals(*names), examples=examples, lookalikes=lookalikes,
    )  # fmt: skip


def _marked(name: str, entity: str, prefix: str, *examples: str) -> Rule:
    """Return the rule of numbers that say themselves what they are: `MRN-1314318`."""
    return Rule(
        f"identifier.{name}", entity, rf"(?:{prefix})[-:#]\d{{4,12}}", 0.75,
        keywords=tuple(prefix.split("|")), examples=examples,
    )  # fmt: skip


RULES = (
    _marked("mrn", "MEDICAL_RECORD_NUMBER", "MRN|EMR|PAT|PT", "MRN-1314318"),
    _marked("insurance", "HEALTH_INSURANCE_ID", "INS|HIN|HPN|MBR|SUB|GRP", "INS-373412906"),
    _marked("employee", "EMPLOYEE_ID", "EMP|EMPL|STAFF", "EMP-36395"),
    _marked("policy", "ID", "POL|CUST|CLI|ACCT|ACC|MEM|CLM|LIC|NID|CID|UID|PID", "POL-6354006"),
    _marked("prescription", "ID", "RX|Rx", "RX-78901234"),
    _marked("tax", "TAX_ID", "TAX|VAT|TIN", "TAX-123456789"),
    Rule("identifier.biometric", "BIOMETRIC_ID", r"BIO(?:-[A-Z]{2})?-[0-9A-Fa-f]{6,32}", 0.7,
         keywords=("BIO-",), examples=("BIO-FP-a3f8c2e1d5",)),
    Rule("identifier.prefixed", "ID", r"[A-Z]{2,5}-\d{5,12}", 0.3, context=_PREFIXED,
         context_score=0.55, examples=("member AB-1234567",), lookalikes=("AB-1234567",)),
    _named("mrn", "MEDICAL_RECORD_NUMBER", "mrn", "medical record", "patient id",
           "patient number", "patient no", "chart number", "chart no", "hospital number",
           "health id", "patientennummer", "numéro de patient", "número de historia",
           "cartella clinica", "patiëntnummer", pattern=ISSUED + r"|[A-Z]{2}-\d{4,12}",
           examples=("MRN: 00123456", "Medical record number is A123-456"),
           lookalikes=("the patient identified 3 rooms",)),
    _named("insurance", "HEALTH_INSURANCE_ID", "insurance id", "insurance number",
           "insurance no", "insurance", "member id", "member number", "subscriber id",
           "beneficiary id", "beneficiary number", "health plan", "group number",
           "insurance policy", "policy no", "policy number", "policy id",
           "versicherungsnummer", "numéro d'assuré", "polisnummer",
           examples=("Insurance ID: XZ12345678", "policy no. 12-345-6789")),
    # In programs, policies have digests.
    _named("insurance", "HEALTH_INSURANCE_ID", "policy", pattern=ISSUED.replace("a-z", ""),
           examples=("Policy: XZ12345678", '{"policy": "12-345-6789"}'),
           lookalikes=('"AWS::IAM::Policy": "a09a4b402c91ab00"',)),
    _named("employee", "EMPLOYEE_ID", "employee id", "employee number", "employee no",
           "employee", "staff id", "staff number", "personnel number", "badge number", "badge no",
           "personalnummer", "matricola", "numéro d'employé", "payroll number",
           examples=('"employee_id": "E36395"', "badge no. 48213")),
    _named("customer", "ID", "customer id", "customer number", "customer no", "client id",
           "client number", "client no", "member no", "membership number", "user id",
           "subject id", "participant id", "student id", "student number", "student no",
           "loyalty number", "kundennummer", "numéro client", "klantnummer", "número de cliente",
           "codice cliente", "reference number", "case reference", "claim number", "claim no",
           "claim id", "national id", "national health id", "visa number", "visa no",
           "voter id", "registration number",
           pattern=ISSUED + r"|[A-Z]{2,4}-\d{4,12}", score=0.6,
           examples=("Customer ID: 0048213", "National ID: NID-900197799")),
    _named("license", "LICENSE_NUMBER", "bar no", "bar number", "bar id", "attorney no",
           "license no", "licence no", "license number", "licence number", "license",
           "certificate number", "certificate no", "medical license", "professional license",
           "permit number", "permit no", pattern=r"[A-Z]{1,3}[- ]?\d{4,10}|" + ISSUED, score=0.65,
           examples=("Bar No. CA-965788", "Notary License: ET-662806"),
           lookalikes=("License 2.0", "Apache License, Version 2.0")),
    # Dockets of the federal courts: office, year, kind, number, judges' initials.
    Rule("identifier.docket", "CASE_NUMBER",
         r"\d{1,2}:\d{2}-(?i:cv|cr|mj|mc|bk|ap|md|po|dp|gj|sw)-\d{3,6}(?:-[A-Z]{2,4}){0,3}", 0.85,
         keywords=("cv-", "cr-", "mj-", "mc-", "bk-", "ap-", "md-", "po-", "dp-", "gj-", "sw-"),
         examples=("5:22-mc-01394-VVD",), lookalikes=("5:22-xx-01394",)),
    Rule("identifier.case", "CASE_NUMBER", r"\d{2,4}-(?:CV|CR|CRIM|CIV|FAM|PR|JV|DR|SC|LT|TR|CF|"
         r"CM|CA|DP|MM|GC|CP)-\d{2,7}(?:-[A-Z]{1,3})?", 0.8,
         keywords=tuple(f"-{kind}-" for kind in ("cv", "cr", "crim", "civ", "fam", "pr", "jv",
                                                 "dr", "sc", "lt", "tr", "cf", "cm", "ca", "dp",
                                                 "mm", "gc", "cp")),
         examples=("2024-CRIM-1422", "2022-CR-9256"), lookalikes=("2024-CVE-1422",)),
    _named("case", "CASE_NUMBER", "case no", "case number", "docket no", "docket number",
           "docket", "cause no", "aktenzeichen", "numéro de dossier", "numero di ruolo",
           "zaaknummer",
           pattern=r"\d{1,4}[-:/ ][0-9A-Za-z][-0-9A-Za-z:/]{2,24}|"
           r"[A-Z]{1,4}[- ]?\d{2,4}[-/]\d{1,7}",
           examples=("Case No. 21-1234",), lookalikes=("case no reason",)),
    Rule("identifier.username", "USERNAME", r"[A-Za-z][A-Za-z0-9_.-]{2,31}", 0.55,
         lead=r"""(?i:user[_-]?name|user|login|uname)["']?\s{0,2}(?::|=|:=|=>)\s{0,2}["']""",
         follow="""["']""", keywords=("user", "login", "uname"),
         context=("db", "database", "password", "pass", "host", "admin"), context_score=0.7,
         examples=('"db_user": "andrewmurphy920"',), lookalikes=("user = request.user",)),
    Rule("identifier.username_plain", "USERNAME", r"[A-Za-z][A-Za-z_.-]{1,30}\d{1,6}", 0.6,
         lead=r"(?i:user[_-]?name|user|login|handle)(?:(?i: is| id)?[:=] ?| (?i:is|id) )",
         keywords=("user", "login", "handle"), examples=("profile?user=debramorales197&x=1",
                                                         "username: test_8660")),
    Rule("identifier.sql_user", "USERNAME", r"[A-Za-z_][\w.-]{2,31}", 0.7,
         lead=r"(?i:to|user|for) '", follow="'@'", keywords=("'@'",),
         examples=("GRANT ALL ON *.* TO 'sys_142'@'10.0.0.1'",)),
)  # fmt: skip
