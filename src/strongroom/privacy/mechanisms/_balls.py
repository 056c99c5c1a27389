"""Balls in bins: each unit is thrown into one of an epoch's batches, by its own coin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from strongroom.errors import InputError
from strongroom.privacy.mechanisms._base import (
    ADD_REMOVE,
    Mechanism,
    check_count,
    check_noise,
    dp_accounting,
)
from strongroom.privacy.mechanisms._gaussian import ShuffledGaussian, sampled_event

if TYPE_CHECKING:
    from strongroom.privacy._relation import Relation
    from strongroom.privacy.mechanisms._base import Part

_BLOCKS = 8


@dataclass(frozen=True)
class BallsInBinsGaussian(Mechanism):
    """Epochs in which each unit is in exactly one of `bins` noisy sums, a uniform one.

    No Monte-Carlo: a bound that is certain, though not tight. Given what was released before, the
    unit is in the next batch with a chance p = 1 / (Σ_{s<t} e^{l_s} + bins - t + 1), where l_s is
    the log-likelihood ratio of "it was in batch s". So a step is a Poisson-sampled Gaussian at a
    rate that the past decides. That rate is at most 1 / (bins - a) unless the martingale
    Σ (1 - e^{l_s}) passes a; a Chernoff bound with the maximal inequality keeps the probability of
    that below `failure` over all steps. Conditional composition then gives Poisson-sampled
    Gaussians at the highest rate of each stretch of steps, with `failure` added to δ
    (Choquette-Choo et al. 2024, "Privacy Amplification for Matrix Mechanisms", theorem 3.1; the
    exact loss by Monte-Carlo: Chua et al. 2025, "Balls-and-Bins Sampling for DP-SGD"). What an
    unknown order is worth without any of this also holds, and counts where it is less.

    Attributes:
        noise_multiplier: σ over the clip norm.
        steps: noisy sums in all.
        bins: batches in each epoch.
        failure: the part of δ that the bound on the rates takes.
    """

    TYPE: ClassVar[str] = "balls_in_bins_gaussian"
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE[:2]

    noise_multiplier: float
    steps: int
    bins: int
    failure: float = 1e-8

    def __post_init__(self) -> None:
        check_noise(self.noise_multiplier)
        check_count(self.steps)
        check_count(self.bins, "batch")
        if not 0 < self.failure < 1:
            raise InputError(f"a failure probability of {self.failure:g} is not in (0, 1)")

    @property
    def sampling_rate(self) -> float:
        """One batch of each epoch."""
        return 1 / self.bins

    @property
    def slack(self) -> float:
        """See `Mechanism.slack`."""
        return self.failure

    @property
    def simpler(self) -> Mechanism:
        """See `Mechanism.simpler`: the batch of each unit is counted as known."""
        return ShuffledGaussian(self.noise_multiplier, self.steps, self.bins)

    def parts(self, relation: Relation) -> tuple[Part, ...]:
        """See `Mechanism.parts`."""
        del relation
        epochs = -(-self.steps // self.bins)
        rates = _rates(self.noise_multiplier, self.bins, self.failure / epochs)
        return tuple((rate, self.noise_multiplier, count * epochs) for rate, count in rates)

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`."""
        self.check_relation(relation)
        events = [sampled_event(*part) for part in self.parts(relation)]
        return dp_accounting().ComposedDpEvent(events)


@lru_cache(maxsize=256)
def _rates(sigma: float, bins: int, failure: float) -> tuple[tuple[float, int], ...]:
    """Return (rate, steps) of each stretch of an epoch; all hold together but for `failure`."""
    ends = sorted({-(-bins * block // _BLOCKS) for block in range(1, _BLOCKS + 1)})
    orders = np.geomspace(1e-3, 1e3, 241)
    # log E exp(λ (1 - e^l)) where l is normal with variance 1/σ² and E e^l = 1. The trapezoid
    # rule is exact to rounding for a Gaussian weight this fine; 1e-9 more covers that, and 1e-30
    # the tails, where exp(-λ e^l) is at most 1.
    normal, step = np.linspace(-12, 12, 4801, retstep=True)
    weight = np.exp(-(normal**2) / 2) * (step / math.sqrt(2 * math.pi))
    ratio = np.exp(normal / sigma - 0.5 / sigma**2)
    falls = np.array([np.exp(-order * ratio) @ weight + 1e-30 for order in orders])
    log_moments = orders + np.log(falls) + 1e-9
    room = math.log(len(ends) / failure)
    found, begin = [], 0
    for end in ends:
        # In the first step of the epoch nothing is known; before step t there were t - 1.
        most = min(float(np.min(((end - 1) * log_moments + room) / orders)), end - 1.0)
        found.append((min(1.0, 1 / (bins - most)), end - begin))
        begin = end
    return tuple(found)
