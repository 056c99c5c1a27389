"""What is proved about privacy, and what an audit of it measures."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric
from strongroom.config import Limit

_PRIVACY = ("OWASP AISVS 1.0 11.3.2", "NIST SP 800-226", "GDPR Art. 25")

METRICS = (
    Metric(
        "privacy.epsilon",
        "How much the model may reveal about any one person, proved (differential privacy, ε)",
        Severity.HIGH,
        (*_PRIVACY, "EDPB Opinion 28/2024"),
        "ask for a smaller epsilon under [train.privacy]",
        limit=Limit(max=10.0),
    ),
    Metric(
        "privacy.epsilon_lower_bound",
        "How much the training revealed about planted records at least, measured "
        "(privacy audit, certified lower bound on ε)",
        Severity.CRITICAL,
        _PRIVACY,
        "a measured bound above the proved ε means that the implementation or the proof is "
        "wrong: don't release the model, and report it",
    ),
    Metric(
        "privacy.epsilon_estimate",
        "How much the training revealed about planted records, if its noise is of the kind "
        "that was accounted (privacy audit, estimate of ε, lower end)",
        Severity.CRITICAL,
        _PRIVACY,
        "an estimate above the proved ε happens to a sound training once in 1,000: train and "
        "audit again; twice means that the implementation or the proof is wrong",
    ),
)
