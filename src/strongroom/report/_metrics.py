"""What each metric means to people: its name, its unit, how to explain it.

Which way is better, standards and default limits are the audit's to say.
"""

from __future__ import annotations

from strongroom.audit import METRICS
from strongroom.report._attack_words import WORDS
from strongroom.report._metrics_kinds import Metric, Unit

__all__ = ["Metric", "Unit", "metric"]

_KNOWN = {
    known.id: known
    for known in (
        Metric(
            "membership.tpr_at_fpr_0.001",
            "people recognised at 0.1 % false alarms",
            "an attacker can tell who was in the training data",
            Unit.SHARE,
            "An attacker guesses who was in the training data and may wrongly accuse one person in "
            "a thousand. This is the share of training people recognised (true-positive rate at "
            "0.1 % false-positive rate). Guessing reaches 0.1 %.",
        ),
        Metric(
            "membership.tpr_at_fpr_0.01",
            "people recognised at 1 % false alarms",
            "an attacker can tell who was in the training data",
            Unit.SHARE,
            "An attacker guesses who was in the training data and may wrongly accuse one person in "
            "a hundred. This is the share of training people recognised (true-positive rate at "
            "1 % false-positive rate). Guessing reaches 1 %.",
        ),
        Metric(
            "baseline.membership.tpr_at_fpr_0.001",
            "for comparison: the same, for the model without privacy",
            "the model without privacy gives away who was in the training data",
            Unit.SHARE,
            "What the same attack finds on the same model trained without privacy, which is not "
            "released. It shows what the guarantee buys.",
        ),
        Metric(
            "membership.auc",
            "attacker's skill over all thresholds",
            "an attacker can tell who was in the training data",
            Unit.AUC,
            "How well the attacker orders people into members and strangers (area under the ROC "
            "curve): 0.5 is guessing, 1 is perfect. An average: it can hide a few people who "
            "are easy to recognise, so read it beside the rates at low false alarms.",
        ),
        Metric(
            "privacy.epsilon",
            "privacy proved (ε)",
            "the proved privacy guarantee is weaker than the policy asks",
            Unit.EPSILON,
            "The proved upper bound on what the model can reveal about any one person "
            "(differential privacy, ε). Smaller is more private.",
        ),
        Metric(
            "privacy.epsilon_lower_bound",
            "privacy loss measured (lower bound of ε)",
            "the measured privacy loss is larger than the policy allows",
            Unit.EPSILON,
            "Planted records (canaries) were put into the training at random and an attacker tried "
            "to tell which: the model leaks at least this much. It must stay below the proved ε; "
            "if it doesn't, the proof or the code is wrong. Certified: it takes nothing about the "
            "training for granted, which is why it stays far below the proved ε.",
        ),
        Metric(
            "privacy.epsilon_estimate",
            "privacy loss estimated (ε, lower end)",
            "the estimated privacy loss is larger than the policy allows",
            Unit.EPSILON,
            "The same planted records, judged more sharply: what they show if the noise is of the "
            "kind that was accounted and only its size is in doubt. An estimate, not a certified "
            "bound; in a sound training it comes close to the proved ε and stays below it.",
        ),
        Metric(
            "evasion.success_rate",
            "predictions flipped by small changes",
            "small changes to a record flip the model's predictions",
            Unit.SHARE,
            "Share of correctly predicted records for which small, plausible changes to the inputs "
            "made the model wrong (evasion).",
        ),
        Metric(
            "file.safe",
            "model file is safe to open",
            "the model file could not be shown to be safe to open",
            Unit.YES,
            "The model file was inspected without running it: it can hold numbers and names only, "
            "and nothing that runs when it is opened.",
        ),
        Metric(
            "utility.accuracy",
            "accuracy on unseen records",
            "the model is less accurate than the policy asks",
            Unit.SHARE,
            "Share of unseen records that the released model predicts correctly.",
        ),
        Metric(
            "utility.accuracy_gap",
            "accuracy given up for privacy",
            "privacy costs more accuracy than the policy allows",
            Unit.POINTS,
            "Difference in accuracy between the same model without and with privacy.",
        ),
        Metric(
            "anonymize.k",
            "people who look alike (k)",
            "people can be singled out in the anonymised data",
            Unit.COUNT,
            "Every combination of characteristics that others may know is shared by at least this "
            "many rows (k-anonymity).",
        ),
        Metric(
            "anonymize.l",
            "sensitive values per group (l)",
            "the anonymised data gives sensitive values away",
            Unit.COUNT,
            "Every group of people who look alike holds at least this many different sensitive "
            "values (distinct l-diversity).",
        ),
        Metric(
            "anonymize.risk_max",
            "highest re-identification risk",
            "people can be singled out in the anonymised data",
            Unit.RISK,
            "The chance of finding the right row of the person who is easiest to find, for someone "
            "who knows that they are in the data (prosecutor risk).",
        ),
        Metric(
            "discover.residual_identifiers",
            "identifiers left in the data",
            "identifiers are left in the anonymised data",
            Unit.COUNT,
            "Direct identifiers, such as e-mail addresses, that a second search still found after "
            "anonymisation.",
        ),
    )
}


_KNOWN |= {told.id: told for told in WORDS}

# How the values of metrics are written that nobody has found words for.
_UNIT_BY_WORD = (
    ("auc", Unit.AUC),
    ("epsilon", Unit.EPSILON),
    ("tpr_at_fpr", Unit.SHARE),
    ("share", Unit.SHARE),
    ("rate", Unit.SHARE),
    ("accuracy", Unit.SHARE),
    ("advantage", Unit.SHARE),
    ("fidelity", Unit.SHARE),
    ("known", Unit.SHARE),
    ("memorised", Unit.SHARE),
    ("recovered", Unit.SHARE),
    ("recall", Unit.SHARE),
)


def metric(metric_id: str, title: str = "") -> Metric:
    """Return what is known about a metric; one without words here speaks through its title."""
    known = _KNOWN.get(metric_id)
    if known:
        return known
    told = METRICS.get(metric_id)
    name = (told.title if told else title) or metric_id
    last = metric_id.partition(".")[2]
    unit = next((unit for word, unit in _UNIT_BY_WORD if word in last), Unit.NUMBER)
    return Metric(metric_id, name, f"“{name}” misses its limit", unit, name)
