"""A family of mechanisms that differ by their noise alone: what an estimate of ε takes for granted.

Every unit takes part in each of T steps with probability q, and each step adds Gaussian noise. One
canary then gives the attacker T values from (1-q)·N(0, σ²) + q·N(1, σ²) if it was in, and from
N(0, σ²) if not. The log-likelihood ratio of all T is the best score there is (Neyman and Pearson);
its two distributions are composed here by FFT on a grid, split linearly between the neighbouring
points so that means are kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import special_functions
from strongroom.errors import InputError
from strongroom.privacy import Mechanism, calibrate, compose_epsilon
from strongroom.privacy.mechanisms import AdaptiveClippingGaussian, PoissonGaussian

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_REACH = 9.0  # deviations of one step's noise
_POINTS = 10_001
_FINENESS = 0.05  # grid steps in deviations of one step's share of the score
_GRID = 1e-3  # of the loss: an estimate needs no finer one
_ABOVE, _BELOW = 12.0, 10.0  # deviations of the whole score that the grid holds


@dataclass(frozen=True, eq=False)
class Separation:
    """The best score's two distributions, and how well they are apart.

    Attributes:
        left_out, taken_in: masses by ascending score, each with sum 1.
    """

    left_out: NDArray[np.float64]
    taken_in: NDArray[np.float64]

    @cached_property
    def area(self) -> float:
        """The chance that the score of one that was in is the higher one."""
        return float(self.taken_in @ _below(self.left_out))

    @cached_property
    def _variances(self) -> tuple[float, float]:
        of_inside = self.taken_in @ np.square(_below(self.left_out))
        of_outside = self.left_out @ np.square(1 - _below(self.taken_in))
        return float(of_inside) - self.area**2, float(of_outside) - self.area**2

    def deviation(self, inside: int, outside: int) -> float:
        """Return the standard deviation of the measured area (of `inside` and `outside` scores).

        Up to terms in 1 / (inside · outside) (Hoeffding 1948; DeLong et al. 1988).
        """
        of_inside, of_outside = self._variances
        return math.sqrt(max(0.0, of_inside / inside + of_outside / outside))

    def right_at(self, share: float) -> float:
        """Return the share of right guesses among the highest and the lowest `share` / 2 each."""
        both = (self.taken_in + self.left_out) / 2
        mass = np.cumsum(both)
        tail = share / 2
        low = np.interp(tail, mass, np.cumsum(self.left_out)) / 2
        high = (1 - np.interp(1 - tail, mass, np.cumsum(self.taken_in))) / 2
        return float(np.clip((low + high) / share, 0, 1))


@dataclass(frozen=True)
class Family:
    """Poisson-sampled (or full-batch) Gaussians of one sampling rate and number of steps.

    Attributes:
        claimed: the member that the training was accounted as.
    """

    claimed: PoissonGaussian

    @classmethod
    def of(cls, fact: Mapping[str, Any] | None) -> Family | None:
        """Return the family of a mechanism fact; None for one that has no such family."""
        if fact is None:
            return None
        try:
            mechanism = Mechanism.from_json(fact)
        except InputError:
            return None
        if isinstance(mechanism, AdaptiveClippingGaussian):
            # The canaries ride in the gradients; the noisy counts beside them see none.
            facts = (mechanism.sampling_rate, mechanism.noise_multiplier, mechanism.steps)
            return cls(PoissonGaussian(*facts))
        return cls(mechanism) if isinstance(mechanism, PoissonGaussian) else None

    @property
    def words(self) -> str:
        """What is taken for granted, in words."""
        rate = self.claimed.sampling_rate
        how = (
            "every row in every step"
            if rate == 1
            else f"every row in a step with probability {rate:.3g}"
        )
        return f"Gaussian noise, fresh in each of {self.claimed.steps:,} steps, {how}"

    def epsilon(self, noise: float, delta: float) -> float:
        """Return the ε at `delta` of the member with this noise multiplier."""
        member = replace(self.claimed, noise_multiplier=noise)
        return compose_epsilon([member], delta, grid=_GRID)

    def separation(self, noise: float) -> Separation:
        """Return the score's distributions under the member with this noise multiplier."""
        rate, steps = self.claimed.sampling_rate, self.claimed.steps
        if rate == 1:
            return _gaussian(math.sqrt(steps) / noise)
        return _composed(rate, noise, steps)


def gaussian_separation(epsilon: float, delta: float) -> Separation:
    """Return the separation under the Gaussian mechanism that is exactly (ε, δ)-private."""
    return _gaussian(1 / calibrate(epsilon, delta, 1.0, 1).noise_multiplier)


def _below(masses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mass below each point, half of its own included."""
    below: NDArray[np.float64] = np.cumsum(masses) - masses / 2
    return below


def _gaussian(mu: float) -> Separation:
    special = special_functions()
    edges = np.linspace(-_REACH, _REACH + mu, _POINTS)
    return Separation(np.diff(special.ndtr(edges)), np.diff(special.ndtr(edges - mu)))


@lru_cache(maxsize=16)
def _composed(rate: float, noise: float, steps: int) -> Separation:
    draws = np.linspace(-_REACH, _REACH, _POINTS)
    weights = np.exp(-np.square(draws) / 2)
    weights /= weights.sum()

    def scores(shift: float) -> NDArray[np.float64]:
        exponent = (2 * (draws * noise + shift) - 1) / (2 * noise**2)
        found: NDArray[np.float64] = np.logaddexp(math.log1p(-rate), math.log(rate) + exponent)
        return found

    absent, present = scores(0.0), scores(1.0)
    values = np.concatenate([absent, present])
    out = np.concatenate([weights, np.zeros_like(weights)])
    taken = np.concatenate([weights * (1 - rate), weights * rate])
    (low, spread_low), (high, spread_high) = (_moments(values, w, steps) for w in (out, taken))
    grid = _FINENESS * max(spread_low, spread_high) / math.sqrt(steps)
    # One drawn step may weigh more than many deviations: room for it, and for it twice.
    start = low - _BELOW * spread_low - 1
    span = high + _ABOVE * spread_high + 1 - start
    length = 1 << math.ceil(math.log2(2 * span / grid))
    places = np.clip(values, -span, span) / grid
    first = -math.floor(start / grid)
    return Separation(
        *(
            np.roll(_power(places, w, length, steps), first)  # ascending from `start`
            for w in (out, taken)
        )
    )


def _moments(
    values: NDArray[np.float64], weights: NDArray[np.float64], steps: int
) -> tuple[float, float]:
    """Return mean and standard deviation of the sum over the steps."""
    mean = float(weights @ values)
    return steps * mean, math.sqrt(steps * float(weights @ np.square(values - mean)))


def _power(
    places: NDArray[np.float64], weights: NDArray[np.float64], length: int, steps: int
) -> NDArray[np.float64]:
    """Return the masses [length] of the sum over all steps, cyclic in the grid."""
    lower = np.floor(places)
    part = places - lower
    at = lower.astype(np.int64)
    one = np.bincount(at % length, weights * (1 - part), length)
    one += np.bincount((at + 1) % length, weights * part, length)
    composed = np.clip(np.fft.irfft(np.fft.rfft(one) ** steps, length), 0, None)
    total: NDArray[np.float64] = composed / composed.sum()
    return total
