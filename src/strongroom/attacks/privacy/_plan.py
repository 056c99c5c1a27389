"""Guesses that weigh: planned before the outcome, certified afterwards.

Which canaries are guessed, and what each guess weighs, is a matter of its rank alone and is fixed
before anybody looks. Were the training as private as claimed, a guess at rank j would be right with
a chance p_j, and the best statistic against ε₀ gives it the weight (|logit p_j| - ε₀)₊ (Neyman and
Pearson: a wrong guess counts the more, the surer it was). Only the choice of weights leans on the
claim: the bound holds whatever the mechanism.

Why it holds. Let M be (ε, δ)-private and the coins fair, p = e^ε / (1 + e^ε). Given the output and
the coins shown so far, guess i is right with a chance of at most p + ξ_i, where

    E ξ_i ≤ ½ ∫ (P(y | in) - p (P(y | in) + P(y | out)))₊ dy + the same with in and out exchanged
          ≤ 2 · ½ (1 - p) δ = δ / (1 + e^ε)

since p / (1 - p) = e^ε. So the right guesses are at most those of independent coins of chance p,
but for N "failures", m δ / (1 + e^ε) of them in the mean, each of which spares one wrong guess of
the largest weight u at most. With X the weight of the coins' wrong guesses and any k ≥ 0

    P(wrong ≤ w) ≤ P(X ≤ w + k u) + P(N > k) ≤ P(X ≤ w + k u) + m δ / ((k + 1) (1 + e^ε)),

the last by Markov. With δ = 0 and equal weights this is the theorem of Steinke, Nasr and Jagielski
(2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from strongroom.attacks._intervals import special_functions
from strongroom.attacks._results import OneRunBound
from strongroom.attacks.privacy._family import gaussian_separation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks.privacy._family import Family, Separation

_COARSE, _LEVELS = 4, 12  # of weights: to choose ε₀ by, and in the plan; more gain nothing
_FAILURES = (0, 1, 2, 4, 8, 16, 32, 64, 128)  # k: few where m δ is small, more where it isn't
_MAIN = 0.9  # of the error; the rest is the second plan's
_MARGIN = 3.0  # deviations of how many canaries are in
_GRID = 14  # values of ε₀ that are tried
_LARGEST = 50.0
_STEP = 0.25
_PRECISION = 1e-3
_SURE = 1e-12


@dataclass(frozen=True, eq=False)
class Plan:
    """What is guessed at each rank.

    Beside it goes a second one that guesses nearly all ranks alike: it shows less of a leak as
    large as was claimed, and more of a gross one. Each has its share of the error (Bonferroni).

    Attributes:
        weights: int64 [m] by ascending score; 0 abstains.
        inside: bool [m], whether that rank is guessed to be in.
        promised: the bound that a training that leaks exactly what is claimed would show.
    """

    weights: NDArray[np.int64]
    inside: NDArray[np.bool_]
    promised: float

    @property
    def guesses(self) -> int:
        """How many ranks don't abstain."""
        return int((self.weights > 0).sum())

    def bound(
        self,
        scores: NDArray[np.float64],
        included: NDArray[np.bool_],
        delta: float,
        confidence: float,
    ) -> OneRunBound:
        """Return the certified lower bound on ε."""
        truth = included[np.argsort(scores, kind="stable")]
        found = [
            plan._alone(truth, delta, share * (1 - confidence))  # noqa: SLF001 - another Plan
            for plan, share in ((self, _MAIN), (_wide(len(truth)), 1 - _MAIN))
        ]
        best = max(found, key=lambda one: one.epsilon_lower)
        return replace(best, confidence=confidence)

    def _alone(self, truth: NDArray[np.bool_], delta: float, error: float) -> OneRunBound:
        wrong = (truth != self.inside) & (self.weights > 0)
        epsilon = largest_refuted(self.weights, int(self.weights[wrong].sum()), delta, error)
        right = self.guesses - int(wrong.sum())
        return OneRunBound(epsilon, delta, 1 - error, len(truth), self.guesses, right)


def _wide(canaries: int) -> Plan:
    """Return the plan that guesses all ranks but those that the coins may put on either side."""
    ranks = np.arange(canaries) + 0.5 - canaries / 2
    apart = np.abs(ranks) > _MARGIN * math.sqrt(canaries) / 2
    return Plan(apart.astype(np.int64), ranks > 0, 0.0)


@lru_cache(maxsize=32)
def planned(canaries: int, family: Family | None, epsilon: float, delta: float) -> Plan:
    """Return the plan for a claimed member of a family, or for a Gaussian of the claimed (ε, δ)."""
    apart = (
        family.separation(family.claimed.noise_multiplier)
        if family
        else gaussian_separation(epsilon, delta)
    )
    return plan_guesses(canaries, apart, delta)


def plan_guesses(canaries: int, apart: Separation, delta: float, confidence: float = 0.95) -> Plan:
    """Return the plan that promises most.

    Args:
        canaries: how many there are.
        apart: the score's two distributions, were the training as private as claimed.
        delta: of the guarantee.
        confidence: of the bound.
    """
    inside = _chance_inside(canaries, apart)
    logit = np.log(inside) - np.log1p(-inside)
    sure, says = np.abs(logit), logit > 0
    wrong = np.where(says, 1 - inside, inside)
    error = _MAIN * (1 - confidence)
    grid = np.linspace(0.0, 0.9 * float(np.quantile(sure, 1 - 2 / canaries)), _GRID)

    def plan(least: float, levels: int) -> Plan:
        weights = _weights(sure, least, levels)
        typical = math.ceil(float(weights @ wrong))
        return Plan(weights, says, largest_refuted(weights, typical, delta, error))

    found = int(np.argmax([plan(least, _COARSE).promised for least in grid]))
    fine = [plan(least, _LEVELS) for least in grid[max(0, found - 1) : found + 2]]
    return max(fine, key=lambda one: one.promised)


def _weights(sure: NDArray[np.float64], least: float, levels: int) -> NDArray[np.int64]:
    above = np.maximum(sure - least, 0.0)
    if above.max() <= 0:
        return np.ones(len(sure), np.int64)
    # The very first ranks would stretch the scale for nothing.
    unit = float(np.quantile(above[above > 0], 0.98)) / levels
    return np.minimum(np.rint(above / unit), levels).astype(np.int64)


def _chance_inside(canaries: int, apart: Separation) -> NDArray[np.float64]:
    """Return the chance [m] that the canary of each rank, ascending, was in."""
    both = np.cumsum(apart.taken_in + apart.left_out) / 2
    edges = np.linspace(0, 1, canaries + 1)
    below = np.interp(edges, both / both[-1], np.cumsum(apart.taken_in)) / 2
    return np.clip(np.diff(below) * canaries, _SURE, 1 - _SURE)


def largest_refuted(weights: NDArray[np.int64], wrong: int, delta: float, error: float) -> float:
    """Return the largest ε under which so little `wrong` weight has a chance below `error`.

    The chance need not rise with ε where m δ is large, so the whole range is looked through: the
    guarantees are nested, and whoever refutes a weaker one refutes the stronger ones too.
    """
    counts = tuple(int(n) for n in np.bincount(weights, minlength=1)[1:])
    failures = _FAILURES if delta > 0 else _FAILURES[:1]

    def refuted(epsilon: float) -> bool:
        mean = len(weights) * delta / (1 + math.exp(epsilon))
        for k in failures:
            spare = error - mean / (k + 1)
            if spare > 0 and _at_most(counts, wrong + k * len(counts), epsilon) < spare:
                return True
        return False

    low, epsilon = None, 0.0
    while epsilon < _LARGEST:
        if refuted(epsilon):
            low = epsilon
        elif _at_most(counts, wrong, epsilon) > error:
            break  # which can only rise
        epsilon += _STEP
    if low is None:
        return 0.0
    high = low + _STEP
    while high - low > _PRECISION:
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


@lru_cache(maxsize=4096)
def _at_most(counts: tuple[int, ...], wrong: int, epsilon: float) -> float:
    """Return P(X ≤ wrong): counts[k-1] guesses of weight k, each wrong with chance 1/(1+e^ε)."""
    special = special_functions()
    chance = 1 / (1 + math.exp(epsilon))
    masses = np.zeros(wrong + 1)
    masses[0] = 1.0
    for weight, count in enumerate(counts, start=1):
        if not count:
            continue
        most = min(count, wrong // weight)
        upto = special.bdtr(np.arange(most + 1), count, chance)
        each = np.zeros(most * weight + 1)
        each[::weight] = np.diff(upto, prepend=0.0)
        masses = np.convolve(masses, each)[: wrong + 1]
    return float(masses.sum())
