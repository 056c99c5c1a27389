"""What reconstruction of training rows measures."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric

_RECONSTRUCTION = (
    "OWASP AISVS 1.0 11.3.1",
    "MITRE ATLAS AML.T0024.001",
    "NIST AI 100-2",
    "GDPR Art. 32",
    "EDPB Opinion 28/2024",
)

METRICS = (
    Metric(
        "reconstruction.gradient_recovered_share",
        "How many rows a server would read off single updates of this model, were it trained by a "
        "federation (gradient inversion)",
        Severity.HIGH,
        _RECONSTRUCTION,
        "send updates through secure aggregation, and clip and noise them at their owner "
        "([train.privacy]); larger batches alone don't protect",
    ),
    Metric(
        "reconstruction.linear_recovered_share",
        "How many training rows somebody who knows all the others computes from the model "
        "(reconstruction by an informed attacker)",
        Severity.MEDIUM,
        _RECONSTRUCTION,
        "train with [train.privacy]: a linear model at its optimum gives each row away to who "
        "knows the rest, however large the penalty. The attacker is a strong one, so no limit "
        "holds by default: set one in [policy] where single rows must stay secret even then",
    ),
)
