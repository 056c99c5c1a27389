"""Everything that breaks a model: membership inference, privacy auditing, evasion.

In: batches, the Model protocol, scores of canaries. Out: results with intervals, the attacker's
knowledge and the number of queries, or the reason why there is none. Never: findings and verdicts
(`audit` makes those), files, the workspace. A stranger adds an attack by one class and an entry
point in the group `strongroom.attacks`. Only shadow training needs torch, and only it imports it.
"""

from strongroom.attacks._intervals import clopper_pearson, share_interval
from strongroom.attacks._registry import BUILTIN, attack_names, load_attack
from strongroom.attacks._results import (
    Attack,
    EpsilonEstimate,
    EvasionResult,
    NotEvaluable,
    OneRunBound,
    RateAt,
    Result,
    RocResult,
    Rows,
    Situation,
)
from strongroom.attacks._roc import auc, judge_scores, roc_curve

__all__ = [
    "BUILTIN",
    "Attack",
    "EpsilonEstimate",
    "EvasionResult",
    "NotEvaluable",
    "OneRunBound",
    "RateAt",
    "Result",
    "RocResult",
    "Rows",
    "Situation",
    "attack_names",
    "auc",
    "clopper_pearson",
    "judge_scores",
    "load_attack",
    "roc_curve",
    "share_interval",
]
