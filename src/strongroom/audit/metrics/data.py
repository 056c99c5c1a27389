"""What is measured on data, not on a model."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric
from strongroom.config import Limit

_ANONYMITY = ("OWASP AISVS 1.0 1.1.2", "GDPR Art. 5(1)(c)", "GDPR Art. 32")
_GENERALISE = "raise k under [anonymize], or drop a quasi-identifier that nobody needs"

METRICS = (
    Metric(
        "anonymize.k",
        "How many people share every combination of quasi-identifiers at least (k-anonymity)",
        Severity.HIGH,
        _ANONYMITY,
        _GENERALISE,
        lower_is_better=False,
        limit=Limit(min=2),
        about_data=True,
    ),
    Metric(
        "anonymize.l",
        "How many sensitive values every group of look-alikes holds at least (l-diversity)",
        Severity.MEDIUM,
        _ANONYMITY,
        "raise l under [anonymize]",
        lower_is_better=False,
        about_data=True,
    ),
    Metric(
        "anonymize.risk_max",
        "How likely the easiest person to find is found by somebody who knows that they are in "
        "the data (prosecutor risk)",
        Severity.HIGH,
        _ANONYMITY,
        _GENERALISE,
        limit=Limit(max=0.2),
        about_data=True,
    ),
    Metric(
        "discover.residual_identifiers",
        "How many identifiers are still there after they were taken out",
        Severity.HIGH,
        (*_ANONYMITY, "HIPAA 45 CFR 164.514(b)"),
        "give the column the role direct_identifier, or have its text redacted",
        limit=Limit(max=0),
        about_data=True,
    ),
)
