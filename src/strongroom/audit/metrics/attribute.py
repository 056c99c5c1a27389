"""What a model gives away about single values of the people it learnt from."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric
from strongroom.config import Limit

_STANDARDS = (
    "OWASP AISVS 1.0 11.3",
    "MITRE ATLAS AML.T0024",
    "NIST AI 100-2",
    "GDPR Art. 32",
    "EDPB Opinion 28/2024",
)
_HINT = (
    "train with [train.privacy], or with less capacity or fewer epochs; or leave the column out of "
    "what the model reads"
)

METRICS = (
    Metric(
        "attribute.advantage",
        "How much better a sensitive value of people in the training data is guessed with the "
        "model than without it, and than for anybody else (attribute inference, advantage)",
        Severity.HIGH,
        _STANDARDS,
        _HINT,
        limit=Limit(max=0.05),
    ),
    Metric(
        "attribute.value_advantage",
        "How much more of the people in the training data who hold one sensitive value are found "
        "with the model than without it, and than among others (attribute inference, worst value)",
        Severity.HIGH,
        _STANDARDS,
        _HINT,
        limit=Limit(max=0.1),
    ),
)
