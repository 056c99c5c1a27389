"""What evasion measures."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric

METRICS = (
    Metric(
        "evasion.success_rate",
        "How often small, valid changes to a record flip the prediction (evasion)",
        Severity.MEDIUM,
        (
            "OWASP AISVS 1.0 11.2.1",
            "MITRE ATLAS AML.T0015",
            "MITRE ATLAS AML.T0043",
            "NIST AI 100-2",
            "EU AI Act Art. 15",
        ),
        "check the columns that flip predictions most (details), and leave out those that "
        "people can set freely",
    ),
)
