"""An estimate of ε from one training run: tight, because it takes a family for granted.

Taken for granted: the run's mechanism is (q, T) Poisson-sampled or full-batch Gaussian noise of
*unknown* size, and the canaries' scores are independent. Then no score whatever can separate those
that were in from those that weren't better than the member's own trade-off curve allows (Dong, Roth
and Su 2022): its area under the curve (AUC), like any rank statistic, is at most as large in
distribution as that of the member's log-likelihood ratios. So every noise at which an area as large
as the measured one is improbable is refuted, and the largest noise that isn't gives the ε.

The area uses all canaries at once and needs no threshold, so there is no choice to pay for. Its
distribution is taken as normal with the member's own variance; `tests/attacks` measures how often
the estimate errs.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from strongroom.attacks._intervals import special_functions
from strongroom.attacks._results import EpsilonEstimate, NotEvaluable
from strongroom.attacks.privacy._family import Family
from strongroom.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation

_FEWEST = 100  # canaries for the normal limit
_CONFIDENCE = 0.999
_FACTOR = 1.5
_WIDEST = 40.0  # times more or less noise than claimed, at most
_PRECISION = 1e-3


def estimate(
    scores: NDArray[np.floating],
    included: NDArray[np.bool_],
    delta: float,
    family: Family,
    confidence: float = _CONFIDENCE,
) -> EpsilonEstimate | NotEvaluable:
    """Return a lower end of ε that holds with `confidence` if the mechanism is of the `family`.

    The confidence is higher by default than that of certified bounds: it is nearly used up, where
    they have much to spare.

    Args:
        scores: float [m]; the higher, the likelier the canary was in.
        included: bool [m], independent fair coins.
        delta: of the guarantee that is tested.
        family: what is taken for granted.
        confidence: of the lower end.
    """
    values, inside = np.asarray(scores, np.float64), np.asarray(included, np.bool_)
    m, members = len(values), int(inside.sum())
    if min(members, m - members) < _FEWEST // 4 or m < _FEWEST:
        return NotEvaluable(f"{m} canaries are too few for an estimate, {_FEWEST} are needed")
    if not np.isfinite(values).all():
        return NotEvaluable("the canaries' scores hold NaN or infinite values")
    area = _area(values, inside)
    z = _quantile(confidence)
    seen = (members, m - members, delta)
    return EpsilonEstimate(
        epsilon_low=_epsilon(family, area, z, *seen),
        epsilon_likely=_epsilon(family, area, 0.0, *seen),
        delta=delta,
        confidence=confidence,
        canaries=m,
        area=area,
        family=family.words,
        reachable=_reachable(family, z, m, delta),
    )


@lru_cache(maxsize=16)
def _reachable(family: Family, z: float, canaries: int, delta: float) -> float:
    """Return what the claimed member shows when its area comes out as expected."""
    area = family.separation(family.claimed.noise_multiplier).area
    return _epsilon(family, area, z, canaries // 2, canaries - canaries // 2, delta)


def _epsilon(
    family: Family, area: float, z: float, inside: int, outside: int, delta: float
) -> float:
    noise = _least_refuted(family, area, z, inside, outside)
    return 0.0 if noise is None else family.epsilon(noise, delta)


def _least_refuted(
    family: Family, area: float, z: float, inside: int, outside: int
) -> float | None:
    """Return the least noise that is refuted, all above it being so too; None: not even infinite.

    A noise is refuted where the measured area lies more than `z` deviations above the member's.
    """

    def excess(log_noise: float) -> float:
        apart = family.separation(math.exp(log_noise))
        return area - apart.area - z * apart.deviation(inside, outside)

    start = math.log(family.claimed.noise_multiplier)
    step, reach = math.log(_FACTOR), math.log(_WIDEST)
    edge, over = start, excess(start) > 0
    while (excess(edge) > 0) == over:
        edge += -step if over else step
        if abs(edge - start) > reach:
            return math.exp(edge) if over else None  # as good as no noise; or nothing to see
    low, high = sorted((edge, edge + (step if over else -step)))
    return math.exp(_root(excess, low, high, _PRECISION) + _PRECISION)


def _area(values: NDArray[np.float64], inside: NDArray[np.bool_]) -> float:
    """Return the share of pairs in which the one that was in scores higher; ties count half."""
    order = np.sort(values[~inside])
    below = np.searchsorted(order, values[inside], "left").mean()
    upto = np.searchsorted(order, values[inside], "right").mean()
    return float((below + upto) / 2 / len(order))


def _root(excess: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """Return where a function that rises through zero once does so, give or take `tolerance`."""
    try:
        from scipy.optimize import brentq  # optional, and only attacks need it
    except ImportError as error:  # pragma: no cover - the development environment has it
        raise MissingExtraError("scipy", "train") from error
    return float(brentq(excess, low, high, xtol=tolerance))


def _quantile(confidence: float) -> float:
    return float(special_functions().ndtri(confidence))


class Estimate:
    """`estimate` behind the attack seam."""

    name = "privacy.estimate"
    metrics = ("privacy.epsilon_estimate",)

    def run(self, situation: Situation) -> EpsilonEstimate | NotEvaluable:
        """Judge the canaries that rode along in the target's training."""
        canaries = situation.canaries
        if canaries is None:
            return NotEvaluable(
                "no canaries rode along in this training; "
                "canaries = 1000 under [train.privacy] plants some",
                concerns=situation.statement is not None,
            )
        family = Family.of(canaries.mechanism)
        if family is None:
            return NotEvaluable(
                "no estimate is known for this training's mechanism: it would need Gaussian noise "
                "on full or Poisson-sampled batches"
            )
        found = estimate(canaries.scores, canaries.included, canaries.delta, family)
        if isinstance(found, NotEvaluable):
            return found
        return replace(found, claimed=canaries.epsilon, knowledge=canaries.what)
