"""Balls in bins: each unit is thrown into one of an epoch's batches, by its own coin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from strongroom.privacy.mechanisms._base import ADD_REMOVE, Mechanism, check_count, check_noise
from strongroom.privacy.mechanisms._gaussian import sampled_event
from strongroom.privacy.mechanisms._profiles import gaussian_profile, gaussian_reach, profile_losses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.privacy._relation import Relation

_FINENESS = 40  # cells in a standard deviation
_MOST_CELLS = 1 << 22
_FINE = 1e-3  # coarser grids are for aiming
_REACH = 7.5  # deviations; what lies beyond, 3e-14, counts as given away
_LARGEST = 300.0
_NEGLIGIBLE = 1e-18
_ROUNDING = 1e-13


@dataclass(frozen=True)
class BallsInBinsGaussian(Mechanism):
    """Epochs in which each unit is in exactly one of `bins` noisy sums, a uniform one.

    No Monte-Carlo: the loss of an epoch is log(S / bins), where S is the sum of `bins` independent
    likelihood ratios e^l, and l is normal (Chua et al. 2025, "Balls-and-Bins Sampling for DP-SGD";
    Feldman and Shenfeld 2025, "Privacy Amplification by Random Allocation"): what a gradient adds
    along its own direction is all that tells, so that choosing it by the past changes nothing. The
    ratios are put on a grid, each split between its neighbours so that the mean stays. Such a
    spread can only raise the expectation of a convex function of S, which hockey sticks are, both
    ways: the distribution is never too small. What a known bin is worth, one Gaussian, is never
    exceeded: with little noise the grid is coarse.

    Attributes:
        noise_multiplier: σ over the clip norm.
        steps: noisy sums in all.
        bins: batches in each epoch.
    """

    TYPE: ClassVar[str] = "balls_in_bins_gaussian"
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE[:2]

    noise_multiplier: float
    steps: int
    bins: int

    def __post_init__(self) -> None:
        check_noise(self.noise_multiplier)
        check_count(self.steps)
        check_count(self.bins, "batch")

    @property
    def sampling_rate(self) -> float:
        """One batch of each epoch."""
        return 1 / self.bins

    @property
    def epochs(self) -> int:
        """Begun passes over the data."""
        return -(-self.steps // self.bins)

    def losses(self, relation: Relation, grid: float) -> Any:  # noqa: ANN401 - untyped library
        """See `Mechanism.losses`."""
        self.check_relation(relation)
        one = _epoch(self.noise_multiplier, self.bins, grid)
        return one.self_compose(self.epochs) if self.epochs > 1 else one

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`: the batch of each unit is counted as known."""
        self.check_relation(relation)
        return sampled_event(1.0, self.noise_multiplier / relation.shift, self.epochs)


@lru_cache(maxsize=8)
def _epoch(sigma: float, bins: int, grid: float) -> Any:  # noqa: ANN401 - untyped library
    cells = _MOST_CELLS if grid <= _FINE else _MOST_CELLS // 8
    ratios, chances, lost = _average(sigma, bins, cells)
    moved = ratios * chances  # the chances with the unit in one of the bins
    with np.errstate(divide="ignore"):
        log_ratios = np.log(ratios)
    known = gaussian_profile(1 / sigma)

    def removing(epsilons: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum moved - e^ε chances over the ratios above e^ε."""
        place = np.searchsorted(log_ratios, epsilons)
        above = np.append(np.cumsum(moved[::-1])[::-1], 0.0)[place]
        under = np.append(np.cumsum(chances[::-1])[::-1], 0.0)[place]
        thrown: NDArray[np.float64] = lost + above - np.exp(epsilons) * under
        return np.minimum(thrown, known(epsilons))

    def adding(epsilons: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum chances - e^ε moved over the ratios below e^-ε."""
        place = np.searchsorted(log_ratios, -epsilons)
        above = np.concatenate([[0.0], np.cumsum(chances)])[place]
        under = np.concatenate([[0.0], np.cumsum(moved)])[place]
        thrown: NDArray[np.float64] = above - np.exp(epsilons) * under
        return np.minimum(thrown, known(epsilons))

    seen = np.flatnonzero((moved > _NEGLIGIBLE) | (chances > _NEGLIGIBLE))
    most = gaussian_reach(1 / sigma)
    up, down = min(most, float(log_ratios[seen[-1]])), -float(log_ratios[max(seen[0], 1)])
    # A sum that the grid rounds to nothing would tell all: then the known bin has the say.
    down = most if chances[0] > _ROUNDING else min(most, down)
    return profile_losses(grid, (-down, up, removing), (-up, down, adding))


def _average(
    sigma: float, bins: int, cells: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the values and chances of S / bins without the unit, spread over a grid.

    Returns:
        Values rising from 0, their chances, and the chance, with the unit, of what was cut off.
    """
    from scipy.fft import irfft, next_fast_len, rfft
    from scipy.special import ndtr

    half = 0.5 / sigma
    largest = math.exp(min((_REACH + half) / sigma, _LARGEST))
    spread = math.sqrt(math.expm1(min(sigma**-2, _LARGEST)))
    # S: its mean is `bins`, and it is far above only by one large ratio or by many small ones.
    room = bins + largest + 2 * _REACH * min(spread, largest) * math.sqrt(bins)
    cell = max(min(spread, 1.0) / _FINENESS, room / cells)
    points = np.arange(math.ceil(largest / cell) + 1) * cell
    with np.errstate(divide="ignore"):
        logs = np.log(points) * sigma
    # e^l lies above y with chance Φ(-σ log y - 1/2σ), and with Φ(1/2σ - σ log y) of its mean.
    share, mean = -np.diff(ndtr(-logs - half)), -np.diff(ndtr(half - logs))
    # Between two points a and b: (b - x) / cell goes to a, (x - a) / cell to b.
    single = np.zeros_like(points)
    single[:-1] += np.maximum(points[1:] * share - mean, 0.0) / cell
    single[1:] += np.maximum(mean - points[:-1] * share, 0.0) / cell
    # What lies above the grid: its chance goes to 0, its mean to infinity.
    single[0] += ndtr(-logs[-1] - half)
    length = next_fast_len(math.ceil(room / cell) + 1, real=True)
    chances = np.maximum(irfft(rfft(single, length) ** bins, length), 0.0)
    ratios = np.arange(length) * (cell / bins)
    # The mean that was cut off, or lost to rounding, is what the unit's presence makes of it.
    lost = max(0.0, 1 - float(ratios @ chances))
    return ratios, chances, lost + _ROUNDING
