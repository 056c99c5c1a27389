"""Privacy auditing with one training run (Steinke, Nasr, Jagielski, NeurIPS 2023).

Each canary is in the training set by a fair coin. The attacker guesses "in" for the highest scores
and "out" for the lowest, and abstains in between. Were the training (ε, δ)-private, so many right
guesses would be improbable: the largest ε that is refuted is a lower bound on the true one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.attacks._intervals import special_functions
from strongroom.attacks._results import NotEvaluable, OneRunBound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import Situation

_FEWEST = 20
_SHARES = (0.03, 0.1, 0.3, 1.0)  # of the canaries that are guessed: the grid
_LARGEST = 50.0  # no run of any size refutes more
_PRECISION = 1e-4
_KNOWLEDGE = (
    "gradients of the run at every step (or what the canary's score is made of), and which "
    "canaries might have been in"
)


def p_value(canaries: int, guesses: int, correct: int, epsilon: float, delta: float) -> float:
    """Return a bound on the chance of `correct` or more right guesses under (ε, δ)-privacy.

    Theorem 5.2: with W the number of right guesses of randomised response, Binomial(guesses,
    1 / (1 + e^-ε)), the chance is at most P(W ≥ v) + 2 m δ · max_i P(v > W ≥ v - i) / i.
    """
    if correct <= 0:
        return 1.0
    special = special_functions()
    right = 1 / (1 + np.exp(-epsilon))
    at_least = 1.0 - special.bdtr(np.arange(correct), guesses, right)  # P(W > j), j < correct
    tail = special.bdtrc(correct - 1, guesses, right)  # without 1 - x, which loses small values
    steps = np.arange(1, correct + 1)
    # P(v > W >= v - i), i = 1..v
    above = np.append(at_least[::-1][1:], 1.0)
    slope = float(((above - tail) / steps).max())
    return float(min(1.0, tail + 2 * canaries * delta * max(0.0, slope)))


def one_run(
    scores: NDArray[np.floating],
    included: NDArray[np.bool_],
    delta: float,
    confidence: float = 0.95,
) -> OneRunBound | NotEvaluable:
    """Return a lower bound on ε that holds with `confidence`.

    The number of guesses is chosen among a small grid after looking at the outcome, and each is
    tested at an equal part of the error (Bonferroni), so the bound stays certified.

    Args:
        scores: float [m]; the higher, the likelier the canary was in.
        included: bool [m], independent fair coins.
        delta: of the guarantee that is tested.
        confidence: of the bound.
    """
    values, inside = np.asarray(scores, np.float64), np.asarray(included, np.bool_)
    m = len(values)
    if m < _FEWEST:
        return NotEvaluable(f"{m} canaries are too few for a bound, at least {_FEWEST} are needed")
    if not np.isfinite(values).all():
        return NotEvaluable("the canaries' scores hold NaN or infinite values")
    if values.max() == values.min():
        return NotEvaluable("every canary has the same score: there is nothing to guess by")
    order = np.argsort(values, kind="stable")
    # Each side gets half of the guesses: its best ones, the most extreme scores.
    wrong_low, right_high = np.cumsum(inside[order]), np.cumsum(inside[order[::-1]])
    sides = sorted({max(1, round(share * (m // 2))) for share in _SHARES})
    best = OneRunBound(0.0, delta, confidence, m, 0, 0)
    for side in sides:
        correct = int(right_high[side - 1] + side - wrong_low[side - 1])
        bound = _largest_refuted(m, 2 * side, correct, delta, (1 - confidence) / len(sides))
        if bound > best.epsilon_lower or best.guesses == 0:
            best = OneRunBound(bound, delta, confidence, m, 2 * side, correct)
    return best


def _largest_refuted(m: int, guesses: int, correct: int, delta: float, error: float) -> float:
    """Return the largest ε whose p-value stays below `error`, by bisection, rounded down."""

    def refuted(epsilon: float) -> bool:
        return p_value(m, guesses, correct, epsilon, delta) < error

    if not refuted(0.0):
        return 0.0
    low, high = 0.0, _LARGEST
    while high - low > _PRECISION:
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


class OneRun:
    """`one_run` behind the attack seam."""

    name = "privacy.one_run"

    def run(self, situation: Situation) -> OneRunBound | NotEvaluable:
        """Judge the canaries that rode along in the target's training."""
        canaries = situation.canaries
        if canaries is None:
            return NotEvaluable(
                "no canaries rode along in this training; "
                "canaries = 1000 under [train.privacy] plants some"
            )
        bound = one_run(canaries.scores, canaries.included, canaries.delta)
        if isinstance(bound, NotEvaluable):
            return bound
        return OneRunBound(
            bound.epsilon_lower,
            bound.delta,
            bound.confidence,
            bound.canaries,
            bound.guesses,
            bound.correct,
            claimed=canaries.epsilon,
            knowledge=canaries.what or _KNOWLEDGE,
        )
