"""The simplest attack: rows with a small loss are said to be members (Yeom et al. 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.attacks._roc import judge_scores
from strongroom.attacks._signal import confidence

if TYPE_CHECKING:
    from strongroom.attacks._results import NotEvaluable, RocResult
    from strongroom.attacks._situation import Rows, Situation
    from strongroom.models import Model

_KNOWLEDGE = "the record with its true label, and the model's probabilities for it"
_MOST_ROWS = 200_000


def loss_threshold(model: Model, members: Rows, nonmembers: Rows) -> RocResult | NotEvaluable:
    """Rank rows by their loss under the model; no shadow models.

    The logit-scaled confidence ranks rows as the cross-entropy does, and doesn't saturate.
    """
    return judge_scores(
        confidence(model, members),
        confidence(model, nonmembers),
        queries=len(members) + len(nonmembers),
        knowledge=_KNOWLEDGE,
    )


class LossThreshold:
    """`loss_threshold` behind the attack seam."""

    name = "membership.loss"
    metrics = ("membership.auc", "membership.tpr_at_fpr_0.001", "membership.tpr_at_fpr_0.01")

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack all rows: without shadows each costs one query, and many narrow the interval."""
        seed = situation.seed
        return loss_threshold(
            situation.target,
            situation.members.sample(_MOST_ROWS, seed),
            situation.nonmembers.sample(_MOST_ROWS, seed + 1),
        )
