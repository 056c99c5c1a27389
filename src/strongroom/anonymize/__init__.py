"""Anonymize: taking personal data out, and measuring what risk and what use are left.

In: a Dataset with roles, or any Arrow table with the names of its quasi-identifiers.
Out: `Risk`; a `Minimized` dataset (each row by itself: identifiers dropped or pseudonymised, text
redacted), and an `Anonymized` one (k-anonymous and l-diverse on top of it).
This room never writes a file, never keeps a key, and never lets a value of the data into an error.
k-anonymity describes a table, it is no guarantee about a process: what differential privacy gives
and this doesn't is said in the threat model.
"""

from strongroom.anonymize._anonymize import anonymize
from strongroom.anonymize._loss import Loss
from strongroom.anonymize._minimize import Minimized, minimize
from strongroom.anonymize._pictures import Masked, mask_picture
from strongroom.anonymize._pseudonyms import Pseudonymiser, only_tokens
from strongroom.anonymize._redaction import Redacted, redact, redact_column, redact_text
from strongroom.anonymize._result import Anonymized
from strongroom.anonymize._risk import Attacker, Risk, risk

__all__ = [
    "Anonymized",
    "Attacker",
    "Loss",
    "Masked",
    "Minimized",
    "Pseudonymiser",
    "Redacted",
    "Risk",
    "anonymize",
    "mask_picture",
    "minimize",
    "only_tokens",
    "redact",
    "redact_column",
    "redact_text",
    "risk",
]
