"""What model inversion measures."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric
from strongroom.config import Limit

_INVERSION = (
    "OWASP AISVS 1.0 11.3.1",
    "MITRE ATLAS AML.T0024.001",
    "NIST AI 100-2",
    "GDPR Art. 32",
    "EDPB Opinion 28/2024",
)

METRICS = (
    Metric(
        "inversion.recognised_share",
        "How many classes somebody else recognises from an image made out of the model "
        "(model inversion)",
        Severity.HIGH,
        _INVERSION,
        "where a class is a person, train with [train.privacy] and the person as the unit (a "
        "subject column), give out labels instead of probabilities, and set a limit in [policy]; "
        "where it is a kind of thing, being recognised is the model's job",
    ),
    Metric(
        "inversion.similarity_gain",
        "How much more an image made out of the model resembles training images than others of "
        "its class (model inversion, gain in correlation)",
        Severity.HIGH,
        _INVERSION,
        "train with [train.privacy], or with more images of each class and more weight_decay",
        limit=Limit(max=0.05),
    ),
)
