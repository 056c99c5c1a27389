"""The loss, less what models without the record lose on it: hard records look hard to all of them.

After Watson, Guo, Cormode and Sablayrolles, "On the Importance of Difficulty Calibration in
Membership Inference Attacks", ICLR 2022.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks.membership._judging import judge
from strongroom.attacks.membership._look import METRICS, OFFLINE, look
from strongroom.attacks.membership._sides import log_probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import RocResult
    from strongroom.attacks._situation import Situation


def calibrated_scores(
    target: NDArray[np.floating], references: NDArray[np.floating], membership: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the mean loss of the references that don't know the row, less the target's.

    Args:
        target: [n], log(p / (1 - p)) under the target.
        references: [M, n], the same under the references.
        membership: bool [M, n], which reference learnt from which row; a row that all of them
            learnt from is held against all of them.
    """
    outside = (~membership).astype(np.float64)
    outside[:, membership.all(axis=0)] = 1.0
    likely = log_probability(references)
    mean = np.einsum("mn,mn->n", outside, likely) / outside.sum(axis=0)
    found: NDArray[np.float64] = log_probability(target) - mean
    return found


class Calibrated:
    """`calibrated_scores` behind the attack seam."""

    name = "membership.calibrated"
    metrics = METRICS
    presets = ("full",)

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack the rows of the situation with its shadows."""
        looked = look(situation)
        if isinstance(looked, NotEvaluable):
            return looked
        scores = calibrated_scores(looked.target, looked.references, looked.membership)
        return judge(looked, scores, OFFLINE)
