"""LiRA, the likelihood-ratio attack on membership: online, offline, and with one variance for all.

After Carlini et al., "Membership Inference Attacks From First Principles", IEEE S&P 2022.
Shadow models are trained on random parts of the attacked rows; per row, one Gaussian is fitted to
the confidences of the shadows that saw it and one to those that didn't, and the target's confidence
is held against both; offline, against the second alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks._signal import confidence
from strongroom.attacks._situation import Pool
from strongroom.attacks.membership._judging import judge
from strongroom.attacks.membership._look import (
    METRICS,
    OFFLINE,
    WITH_REFERENCES,
    as_signal,
    look,
    settle,
)
from strongroom.attacks.membership._sides import FLOOR, IN, OUT, Sides
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import RocResult
    from strongroom.attacks._situation import Rows, Situation
    from strongroom.attacks.membership._look import Looked
    from strongroom.config import TrainSpec
    from strongroom.models import Model

Variance = Literal["row", "global", "shrunk"]

_PRIOR = 16.0  # pseudo-observations that draw a row's variance to the global one


def lira_scores(
    target: NDArray[np.floating],
    shadows: NDArray[np.floating],
    membership: NDArray[np.bool_],
    variance: Variance = "shrunk",
) -> NDArray[np.float64]:
    """Return log N(target; in) - log N(target; out) per row; high means member.

    Args:
        target: [n], the target's confidences.
        shadows: [M, n], the shadows' confidences.
        membership: bool [M, n], which shadow learnt from which row; a row without a shadow on
            either side scores 0.
        variance: of each row's two Gaussians: "row" is the paper's own, for hundreds of shadows;
            "global" pools it over all rows, for few; "shrunk" draws the row's towards the global
            by 16 pseudo-observations, which serves both.
    """
    sides = Sides.of(shadows, membership)
    spread = _variances(sides, variance)
    own = np.log(spread) + (target - sides.mean) ** 2 / spread
    scores: NDArray[np.float64] = np.nan_to_num((own[OUT] - own[IN]) / 2)
    return scores


def lira_offline_scores(
    target: NDArray[np.floating],
    shadows: NDArray[np.floating],
    membership: NDArray[np.bool_],
    variance: Variance = "shrunk",
) -> NDArray[np.float64]:
    """Return how many deviations the target is surer than shadows that didn't see the row.

    The one-sided test of section 5.3; see `lira_scores`.
    """
    sides = Sides.of(shadows, membership)
    spread = _variances(sides, variance)[OUT]
    scores: NDArray[np.float64] = np.nan_to_num((target - sides.mean[OUT]) / np.sqrt(spread))
    return scores


def _variances(sides: Sides, variance: Variance) -> NDArray[np.float64]:
    """Return the variance of each row's signal on each side, float64 [2, n]."""
    pooled = sides.pooled()[:, None]
    if variance == "global":
        return np.broadcast_to(pooled, sides.squares.shape)
    if variance == "row":
        return np.maximum(sides.squares / np.maximum(sides.degrees, 1), FLOOR)
    return np.maximum((sides.squares + _PRIOR * pooled) / (sides.degrees + _PRIOR), FLOOR)


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
    if isinstance(made, NotEvaluable):
        return made
    looked = settle(
        as_signal(target, confidence(target, pool.rows)),
        as_signal(target, made.confidence()),
        made.membership,
        pool,
        made.details,
    )
    return looked if isinstance(looked, NotEvaluable) else _attack(looked, variance)


def _attack(looked: Looked, variance: Variance) -> RocResult | NotEvaluable:
    scores = lira_scores(looked.target, looked.references, looked.membership, variance)
    return judge(looked, scores, WITH_REFERENCES, {"variance": variance})


class Lira:
    """`lira` behind the attack seam."""

    name = "membership.lira"
    metrics = METRICS
    variance: Variance = "shrunk"

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack a sample of the rows with as many shadows as the situation allows."""
        looked = look(situation)
        return looked if isinstance(looked, NotEvaluable) else _attack(looked, self.variance)


class LiraFixed(Lira):
    """`lira` with one variance for all rows, as the paper does with few shadows."""

    name = "membership.lira_fixed"
    presets = ("full",)
    variance: Variance = "global"


class LiraOffline:
    """`lira_offline_scores` behind the attack seam."""

    name = "membership.lira_offline"
    metrics = METRICS
    presets = ("full",)

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack the rows of the situation with shadows that never saw the row."""
        looked = look(situation)
        if isinstance(looked, NotEvaluable):
            return looked
        scores = lira_offline_scores(looked.target, looked.references, looked.membership)
        return judge(looked, scores, OFFLINE, {"variance": "shrunk"})
