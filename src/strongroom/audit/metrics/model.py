"""What is measured of the model itself: its file, and what it is good for."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric
from strongroom.config import Limit

METRICS = (
    Metric(
        "file.safe",
        "Opening the model file runs nothing (inspection of the file)",
        Severity.CRITICAL,
        ("OWASP AISVS 1.0 6.1.2", "MITRE ATLAS AML.T0011.000", "MITRE ATLAS AML.T0018.000"),
        "don't load this file; ask for safetensors with JSON",
        lower_is_better=False,
        limit=Limit(min=1),
    ),
    Metric(
        "utility.accuracy",
        "How often the model is right about people it has never seen (test accuracy)",
        Severity.LOW,
        ("EU AI Act Art. 15",),
        "more epochs, knots or a larger epsilon; see the accuracy without privacy beside it",
        lower_is_better=False,
    ),
    Metric(
        "utility.accuracy_gap",
        "How much accuracy privacy costs (against the same model without privacy)",
        Severity.LOW,
        ("NIST SP 800-226",),
        "a larger batch_size, more rows or a larger epsilon make privacy cheaper",
    ),
)
