"""What can be measured: title, severity, standards, default limit and hint of every metric.

A default limit is held against where the policy says nothing. The defaults are ours, chosen to
catch what anybody would call broken; a policy should be stricter. AISVS ids are those of OWASP
AISVS 1.0, ATLAS ids those of MITRE ATLAS.
"""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.audit._finding import Severity
from strongroom.config import Limit


@dataclass(frozen=True)
class Metric:
    """One measurable thing.

    Attributes:
        id: stable id that a policy names.
        title: plain English, the term of art in brackets.
        severity: how bad it is when its limit is missed.
        standards: requirements that it answers to.
        hint: what to do when the limit is missed.
        lower_is_better: which way is good.
        limit: what holds where the policy says nothing; None: nothing does.
        about_data: it is measured on data, not on a model.
    """

    id: str
    title: str
    severity: Severity
    standards: tuple[str, ...]
    hint: str
    lower_is_better: bool = True
    limit: Limit | None = None
    about_data: bool = False


_MEMBERSHIP = (
    "OWASP AISVS 1.0 11.3.3",
    "MITRE ATLAS AML.T0024.000",
    "NIST AI 100-2",
    "GDPR Art. 32",
    "EDPB Opinion 28/2024",
)
_PRIVACY = ("OWASP AISVS 1.0 11.3.2", "NIST SP 800-226", "GDPR Art. 25")
_ANONYMITY = ("OWASP AISVS 1.0 1.1.2", "GDPR Art. 5(1)(c)", "GDPR Art. 32")
_LESS_MEMORY = (
    "train with [train.privacy] and a smaller epsilon, or with less capacity, fewer epochs or "
    "more weight_decay, so that the model remembers less of each person"
)
_GENERALISE = "raise k under [anonymize], or drop a quasi-identifier that nobody needs"

METRICS = {
    metric.id: metric
    for metric in (
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
            "(one-run audit, certified lower bound on ε)",
            Severity.CRITICAL,
            _PRIVACY,
            "a measured bound above the proved ε means that the implementation or the proof is "
            "wrong: don't release the model, and report it",
        ),
        Metric(
            "privacy.epsilon_estimate",
            "How much the training revealed about planted records, if its noise is of the kind "
            "that was accounted (one-run audit, estimate of ε, lower end)",
            Severity.CRITICAL,
            _PRIVACY,
            "an estimate above the proved ε happens to a sound training once in 1,000: train and "
            "audit again; twice means that the implementation or the proof is wrong",
        ),
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
}


def standards_of(metric: str) -> tuple[str, ...]:
    """Return the requirements that a metric answers to; none for one that we don't know."""
    return METRICS[metric].standards if metric in METRICS else ()


def title_of(metric: str) -> str:
    """Return the plain title of a metric; its id for one that we don't know."""
    return METRICS[metric].title if metric in METRICS else metric


def severity_of(metric: str) -> Severity:
    """Return how bad it is to miss a metric's limit."""
    return METRICS[metric].severity if metric in METRICS else Severity.MEDIUM
