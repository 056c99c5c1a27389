"""What membership inference measures."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric
from strongroom.config import Limit

_MEMBERSHIP = (
    "OWASP AISVS 1.0 11.3.3",
    "MITRE ATLAS AML.T0024.000",
    "NIST AI 100-2",
    "GDPR Art. 32",
    "EDPB Opinion 28/2024",
)
_LESS_MEMORY = (
    "train with [train.privacy] and a smaller epsilon, or with less capacity, fewer epochs or "
    "more weight_decay, so that the model remembers less of each person"
)

_PEOPLE = (
    "keep few records of any one person, or name their column as [data] subject and train with "
    "[train.privacy], which then protects all records of a person together"
)

METRICS = (
    Metric(
        "membership.auc",
        "How well an attacker tells people in the training data from others "
        "(membership inference, AUC)",
        Severity.MEDIUM,
        _MEMBERSHIP,
        _LESS_MEMORY,
        limit=Limit(max=0.6),
    ),
    Metric(
        "membership.tpr_at_fpr_0.001",
        "How often an attacker could tell that a person was in the training data, at one false "
        "alarm in 1,000 (membership inference, TPR at 0.1 % FPR)",
        Severity.HIGH,
        _MEMBERSHIP,
        _LESS_MEMORY,
        limit=Limit(max=0.01),
    ),
    Metric(
        "membership.tpr_at_fpr_0.01",
        "How often an attacker could tell that a person was in the training data, at one false "
        "alarm in 100 (membership inference, TPR at 1 % FPR)",
        Severity.HIGH,
        _MEMBERSHIP,
        _LESS_MEMORY,
        limit=Limit(max=0.05),
    ),
    Metric(
        "membership.person.auc",
        "How well an attacker who knows all records of a person tells people in the training data "
        "from others (membership inference, AUC per person)",
        Severity.MEDIUM,
        _MEMBERSHIP,
        _PEOPLE,
        limit=Limit(max=0.6),
    ),
    Metric(
        "membership.person.tpr_at_fpr_0.001",
        "How often an attacker who knows all records of a person could tell that they were in the "
        "training data, at one false alarm in 1,000 (membership inference, TPR at 0.1 % FPR)",
        Severity.HIGH,
        _MEMBERSHIP,
        _PEOPLE,
        limit=Limit(max=0.01),
    ),
    Metric(
        "membership.person.tpr_at_fpr_0.01",
        "How often an attacker who knows all records of a person could tell that they were in the "
        "training data, at one false alarm in 100 (membership inference, TPR at 1 % FPR)",
        Severity.HIGH,
        _MEMBERSHIP,
        _PEOPLE,
        limit=Limit(max=0.05),
    ),
)
