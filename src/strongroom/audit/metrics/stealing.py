"""How well a model can be copied by asking it."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric

_STANDARDS = ("MITRE ATLAS AML.T0024.002", "NIST AI 100-2")
_HINT = (
    "limit queries per client, answer with labels or rounded probabilities, and watch for queries "
    "that no user makes"
)

METRICS = (
    Metric(
        "stealing.fidelity",
        "How often a copy made from the model's answers says what the model says about people it "
        "has never seen (model stealing, fidelity)",
        Severity.MEDIUM,
        _STANDARDS,
        _HINT,
    ),
    Metric(
        "stealing.copy_accuracy",
        "How often such a copy is right (model stealing, accuracy of the copy)",
        Severity.LOW,
        _STANDARDS,
        _HINT,
    ),
    Metric(
        "stealing.exact",
        "Whether the model was recovered exactly from its answers: 1 it was, 0 it was not (model "
        "stealing by equations or paths)",
        Severity.MEDIUM,
        _STANDARDS,
        _HINT,
    ),
)
