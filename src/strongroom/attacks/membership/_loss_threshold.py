"""The simplest attack: rows with a small loss are said to be members (Yeom et al. 2018)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks._signal import confidence
from strongroom.attacks._situation import Pool
from strongroom.attacks.membership._judging import judge
from strongroom.attacks.membership._look import ALONE, METRICS, as_signal, look, settle

if TYPE_CHECKING:
    from strongroom.attacks._results import RocResult
    from strongroom.attacks._situation import Rows, Situation
    from strongroom.models import Model

_MOST_ROWS = 200_000


def loss_threshold(model: Model, members: Rows, nonmembers: Rows) -> RocResult | NotEvaluable:
    """Rank rows by their loss under the model; no shadow models.

    The logit-scaled confidence ranks rows as the cross-entropy does, and doesn't saturate.
    """
    pool = Pool(members.join(nonmembers), len(members))
    nobody = np.empty((0, len(pool.rows)), np.bool_)
    signal = as_signal(model, confidence(model, pool.rows))
    looked = settle(signal, nobody.astype(np.float32), nobody, pool)
    return looked if isinstance(looked, NotEvaluable) else judge(looked, looked.target, ALONE)


class LossThreshold:
    """`loss_threshold` behind the attack seam."""

    name = "membership.loss"
    metrics = METRICS

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack all rows: without shadows each costs one query, and many narrow the interval.

        Where queries are counted, those of the other attacks do for this one.
        """
        if situation.query_budget is not None or hasattr(situation.target, "queries"):
            looked = look(situation, references=False)
            if isinstance(looked, NotEvaluable):
                return looked
            return judge(looked, looked.target, ALONE)
        seed = situation.seed
        result = loss_threshold(
            situation.target,
            situation.members.sample(_MOST_ROWS, seed),
            situation.nonmembers.sample(_MOST_ROWS, seed + 1),
        )
        if isinstance(result, NotEvaluable):
            return result
        return replace(result, details={**result.details, "seed": seed})
