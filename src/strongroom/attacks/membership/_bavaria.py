"""A likelihood ratio whose variances are inferred, not estimated: for few references.

After Brännvall, "Exponential-Family Membership Inference: From LiRA and RMIA to BaVarIA" (2026,
arXiv 2603.11799). Each side's mean and variance get the conjugate normal-inverse-gamma prior, so
that the target's signal is held against two Student-t predictives. The paper's abstract gives the
family; the posterior below is the textbook's (Murphy 2007, "Conjugate Bayesian analysis of the
Gaussian distribution", section 6) and the prior's strength is ours: 16 pseudo-observations of the
variance pooled over all rows, and nothing assumed of the mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.attacks._intervals import special_functions
from strongroom.attacks._results import NotEvaluable
from strongroom.attacks.membership._judging import judge
from strongroom.attacks.membership._look import METRICS, WITH_REFERENCES, look
from strongroom.attacks.membership._sides import FLOOR, IN, OUT, Sides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import RocResult
    from strongroom.attacks._situation import Situation

PRIOR = 16.0


def bavaria_scores(
    target: NDArray[np.floating],
    references: NDArray[np.floating],
    membership: NDArray[np.bool_],
    *,
    prior: float = PRIOR,
    mean_prior: float = 0.0,
) -> NDArray[np.float64]:
    """Return log t(target; in) - log t(target; out) per row; high means member.

    Args:
        target: [n], log(p / (1 - p)) under the target.
        references: [M, n], the same under the references.
        membership: bool [M, n], which reference learnt from which row. A side without any
            reference has no posterior mean: such a row scores 0 unless `mean_prior` is positive.
        prior: pseudo-observations ν of the prior on the variance: α₀ = ν/2, β₀ = ν/2 · pooled.
        mean_prior: pseudo-observations κ₀ of the prior on the mean, at the side's mean of all rows.
    """
    sides = Sides.of(references, membership)
    pooled = sides.pooled()
    scores = np.zeros(len(target))
    for side, sign in ((IN, 1.0), (OUT, -1.0)):
        scores += sign * predictive(
            np.asarray(target, np.float64),
            sides.count[side],
            np.nan_to_num(sides.mean[side]),
            sides.squares[side],
            centre=float(np.nanmean(sides.mean[side])),
            kappa=mean_prior,
            alpha=prior / 2,
            beta=prior / 2 * float(pooled[side]),
        )
    if mean_prior == 0:
        scores[(sides.count == 0).any(axis=0)] = 0.0
    return scores


def predictive(
    x: NDArray[np.float64],
    count: NDArray[np.float64],
    mean: NDArray[np.float64],
    squares: NDArray[np.float64],
    *,
    centre: float,
    kappa: float,
    alpha: float,
    beta: float,
) -> NDArray[np.float64]:
    """Return the log density of x [n] given `count` observations with that mean and squares.

    Args:
        x: where.
        count: how many observations each row has, [n].
        mean: of them.
        squares: sum of their squared distances from it.
        centre: of the prior μ | σ² ~ N(centre, σ²/κ).
        kappa: its weight in observations.
        alpha: shape of the prior σ² ~ InvGamma(α, β).
        beta: its rate.
    """
    gammaln = special_functions().gammaln
    known = np.maximum(kappa + count, FLOOR)
    middle = (kappa * centre + count * mean) / known
    shape = alpha + count / 2
    rate = beta + squares / 2 + kappa * count * (mean - centre) ** 2 / (2 * known)
    scale = np.maximum(rate * (known + 1) / (shape * known), FLOOR)
    far = (x - middle) ** 2 / (2 * shape * scale)
    found: NDArray[np.float64] = (
        gammaln(shape + 0.5)
        - gammaln(shape)
        - 0.5 * np.log(2 * np.pi * shape * scale)
        - (shape + 0.5) * np.log1p(far)
    )
    return found


class Bavaria:
    """`bavaria_scores` behind the attack seam."""

    name = "membership.bavaria"
    metrics = METRICS
    presets = ("full",)

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack the rows of the situation with its shadows."""
        looked = look(situation)
        if isinstance(looked, NotEvaluable):
            return looked
        scores = bavaria_scores(looked.target, looked.references, looked.membership)
        return judge(looked, scores, WITH_REFERENCES, {"prior_observations": PRIOR})
