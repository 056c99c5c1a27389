"""LiRA, the likelihood-ratio attack on membership, in its online form.

After Carlini et al., "Membership Inference Attacks From First Principles", IEEE S&P 2022.
Shadow models are trained on random parts of the attacked rows; per row, one Gaussian is fitted to
the confidences of the shadows that saw it and one to those that didn't, and the target's confidence
is held against both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks._roc import judge_scores
from strongroom.attacks._signal import confidence
from strongroom.attacks._situation import Pool
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import RocResult
    from strongroom.attacks._situation import Rows, Situation
    from strongroom.attacks.references import Shadows
    from strongroom.config import TrainSpec
    from strongroom.models import Model

Variance = Literal["row", "global", "shrunk"]

_KNOWLEDGE = (
    "the record with its true label, the model's probabilities for it, the training recipe, and "
    "records of the same population to train shadow models on"
)
_PRIOR = 16.0  # pseudo-observations that draw a row's variance to the global one
_FLOOR = 1e-12


def lira_scores(
    target: NDArray[np.float64],
    shadows: NDArray[np.float64],
    membership: NDArray[np.bool_],
    variance: Variance = "shrunk",
) -> NDArray[np.float64]:
    """Return log N(target; in) - log N(target; out) per row; high means member.

    Args:
        target: float64 [n], the target's confidences.
        shadows: float64 [M, n], the shadows' confidences.
        membership: bool [M, n], which shadow learnt from which row; each row needs at least one
            shadow on either side.
        variance: of each row's two Gaussians: "row" is the paper's own, for hundreds of shadows;
            "global" pools it over all rows, for few; "shrunk" draws the row's towards the global
            by 16 pseudo-observations, which serves both.
    """
    inside, outside = membership.astype(np.float64), (~membership).astype(np.float64)
    scores = np.zeros(len(target))
    for sign, weight in ((1.0, inside), (-1.0, outside)):
        count = weight.sum(axis=0)
        mean = (weight * shadows).sum(axis=0) / count
        squares = (weight * (shadows - mean) ** 2).sum(axis=0)
        degrees = np.maximum(count - 1, 0)
        pooled = squares.sum() / max(1.0, degrees.sum())
        if variance == "global":
            spread = np.full(len(target), pooled)
        elif variance == "row":
            spread = squares / np.maximum(degrees, 1)
        else:
            spread = (squares + _PRIOR * pooled) / (degrees + _PRIOR)
        spread = np.maximum(spread, _FLOOR)
        scores += sign * (-0.5 * np.log(spread) - 0.5 * (target - mean) ** 2 / spread)
    return scores


def lira(
    target: Model,
    members: Rows,
    nonmembers: Rows,
    train_spec: TrainSpec,
    *,
    shadows: int = 64,
    noise_multiplier: float | None = None,
    trained_on: int | None = None,
    variance: Variance = "shrunk",
    seed: int = 0,
    progress: Progress = SILENT,
) -> RocResult | NotEvaluable:
    """Attack a model with shadow models that were trained by its own recipe.

    Args:
        target: the model.
        members: rows that it was trained on.
        nonmembers: rows of the same population that it wasn't.
        train_spec: its recipe.
        shadows: how many models the attacker trains; at least 4.
        noise_multiplier: that of the target's private training, or None.
        trained_on: how many rows the target was trained on, if more than `members`.
        variance: see `lira_scores`.
        seed: of the attacker's coins.
        progress: told of shadow training.
    """
    from strongroom.attacks.references import BankRecipe, ReferenceModels

    pool = Pool(members.join(nonmembers), len(members))
    target_rows = trained_on or len(members)
    recipe = BankRecipe(train_spec, noise_multiplier, target_rows)
    references = ReferenceModels(recipe, shadows, target_rows, seed)
    made = references.on(pool, len(target.classes), progress)
    return made if isinstance(made, NotEvaluable) else _attack(target, pool, made, variance)


def _attack(
    target: Model, pool: Pool, shadows: Shadows, variance: Variance = "shrunk"
) -> RocResult | NotEvaluable:
    seen = shadows.confidence().astype(np.float64)
    scores = lira_scores(confidence(target, pool.rows), seen, shadows.membership, variance)
    return judge_scores(
        *pool.split(scores),
        shadows=len(shadows),
        queries=len(pool.rows),
        knowledge=_KNOWLEDGE,
        details={"variance": variance, **shadows.details},
    )


class Lira:
    """`lira` behind the attack seam."""

    name = "membership.lira"
    metrics = ("membership.auc", "membership.tpr_at_fpr_0.001", "membership.tpr_at_fpr_0.01")

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack a sample of the rows with as many shadows as the situation allows."""
        made = situation.shadows_of()
        if isinstance(made, NotEvaluable):
            return made
        result = _attack(situation.target, situation.pool(), made)
        if isinstance(result, NotEvaluable):
            return result
        return replace(result, details={**result.details, "seed": situation.seed})
