"""Whether a model still knows rows that were to be deleted."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric
from strongroom.config import Limit

_STANDARDS = (
    "GDPR Art. 17",
    "OWASP AISVS 1.0 11.3.3",
    "MITRE ATLAS AML.T0024.000",
    "EDPB Opinion 28/2024",
)
_HINT = (
    "train again without these rows; with [train] shards only the shards that held them are "
    "trained again"
)

METRICS = (
    Metric(
        "erasure.forgotten_known",
        "Whether the model still knows rows that were to be deleted: 1 it does, 0 it treats them "
        "as if it had never seen them (right to erasure)",
        Severity.HIGH,
        _STANDARDS,
        _HINT,
        limit=Limit(max=0),
    ),
    Metric(
        "erasure.auc",
        "How well rows that were to be deleted are told from rows never seen (erasure, AUC; 0.5 "
        "is as if never seen)",
        Severity.MEDIUM,
        _STANDARDS,
        _HINT,
    ),
    Metric(
        "erasure.tpr_at_fpr_0.01",
        "How many of the rows that were to be deleted could be recognised at one false alarm in "
        "100 (erasure, TPR at 1 % FPR)",
        Severity.MEDIUM,
        _STANDARDS,
        _HINT,
    ),
)
