"""Everything that breaks a model: membership inference, privacy auditing, evasion.

In: batches, the Model protocol, scores of canaries. Out: results with intervals, the attacker's
knowledge and the number of queries, or the reason why there is none. Never: findings and verdicts
(`audit` makes those), files, the workspace. A stranger adds an attack by one class and an entry
point in the group `strongroom.attacks`. Only shadow training needs torch, and only it imports it.
"""

from strongroom.attacks._intervals import clopper_pearson, share_interval
from strongroom.attacks._registry import BUILTIN, attack_names, load_attack
from strongroom.attacks._results import (
    EpsilonEstimate,
    EvasionResult,
    Exposed,
    Measured,
    NotEvaluable,
    OneRunBound,
    RateAt,
    Result,
    RocResult,
    Value,
)
from strongroom.attacks._roc import auc, judge_scores, roc_curve
from strongroom.attacks._situation import About, Attack, Pool, Rows, Situation, about

__all__ = [
    "BUILTIN",
    "About",
    "Attack",
    "EpsilonEstimate",
    "EvasionResult",
    "Exposed",
    "Measured",
    "NotEvaluable",
    "OneRunBound",
    "Pool",
    "RateAt",
    "Result",
    "RocResult",
    "Rows",
    "Situation",
    "Value",
    "about",
    "attack_names",
    "auc",
    "clopper_pearson",
    "judge_scores",
    "load_attack",
    "roc_curve",
    "share_interval",
]
