"""Privacy auditing with one training run: a certified lower bound on ε.

Each canary is in the training set by a fair coin. The attacker guesses "in" for the highest scores
and "out" for the lowest, and abstains in between. Were the training (ε, δ)-private, so many right
guesses would be improbable: the largest ε that is refuted is a lower bound on the true one.

Two theorems bound how improbable: Steinke, Nasr and Jagielski (NeurIPS 2023) and Mahloujifar, Melis
and Chaudhuri ("Auditing f-Differential Privacy in One Run", ICML 2025) for the trade-off curve of
(ε, δ). Both bound the same chance, so whichever is smaller holds. Where the claim is known, guesses
weigh by a plan made before the outcome (`_plan`, with its proof), which shows more. None of them
assumes anything of the mechanism or of the canaries' independence: what does is an estimate, and
not made here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from strongroom.attacks._intervals import special_functions
from strongroom.attacks._results import NotEvaluable, OneRunBound
from strongroom.attacks.privacy._family import Family
from strongroom.attacks.privacy._plan import planned

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation
    from strongroom.attacks.privacy._plan import Plan

FEWEST = 20
_SHARES = (0.03, 0.1, 0.3, 1.0)  # of the canaries that are guessed: the grid
_PLANNED = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.6, 1.0)
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


def refuted(
    canaries: int, guesses: int, correct: int, epsilon: float, delta: float, error: float
) -> bool:
    """Tell whether `correct` or more right guesses have a chance below `error` under (ε, δ).

    By either theorem. For the second: let p_i be the chance of exactly i right guesses. Flip one
    canary's bit, and a right guess on it among i is a wrong one beside i - 1, so that for any j

        Σ_{i ≥ j} i p_i / m  ≤  g( Σ_{i ≥ j} (r - i + 1) p_{i-1} / m )

    with r guesses, m canaries and g(x) = min(e^ε x + δ, 1 - e^-ε (1 - δ - x)), the most that an
    event of chance x may rise to; g is concave, so it may be taken after the mean over canaries.
    The least mass below `correct` that this allows follows from the top down. More than 1 in all
    can't be.
    """
    if correct <= 0:
        return False
    if p_value(canaries, guesses, correct, epsilon, delta) < error:
        return True
    rise = np.exp(epsilon)
    right, wrong = error * correct / canaries, error * (guesses - correct) / canaries
    for i in range(correct - 1, -1, -1):
        least = max(wrong, (right - delta) / rise, 1 - delta - rise * (1 - right))
        right += i / (guesses - i) * (least - wrong)
        wrong = least
        if right + wrong > guesses / canaries:
            return True
    return False


def one_run(
    scores: NDArray[np.floating],
    included: NDArray[np.bool_],
    delta: float,
    confidence: float = 0.95,
    guesses: int | None = None,
    plan: Plan | None = None,
) -> OneRunBound | NotEvaluable:
    """Return a lower bound on ε that holds with `confidence`.

    Without `guesses` or `plan` the number of guesses is chosen among a small grid after looking at
    the outcome, and each is tested at an equal part of the error (Bonferroni), so the bound stays
    certified.

    Args:
        scores: float [m]; the higher, the likelier the canary was in.
        included: bool [m], independent fair coins.
        delta: of the guarantee that is tested.
        confidence: of the bound.
        guesses: how many, fixed without a look at the outcome; see `planned_guesses`.
        plan: of so many canaries, made without a look at the outcome; see `plan_guesses`.
    """
    values, inside = np.asarray(scores, np.float64), np.asarray(included, np.bool_)
    m = len(values)
    if m < FEWEST:
        return NotEvaluable(f"{m} canaries are too few for a bound, at least {FEWEST} are needed")
    if not np.isfinite(values).all():
        return NotEvaluable("the canaries' scores hold NaN or infinite values")
    if values.max() == values.min():
        return NotEvaluable("every canary has the same score: there is nothing to guess by")
    if plan is not None:
        return plan.bound(values, inside, delta, confidence)
    order = np.argsort(values, kind="stable")
    # Each side gets half of the guesses: its best ones, the most extreme scores.
    wrong_low, right_high = np.cumsum(inside[order]), np.cumsum(inside[order[::-1]])
    sides = _sides(m, _SHARES) if guesses is None else [min(guesses // 2, m // 2)]
    best = OneRunBound(0.0, delta, confidence, m, 0, 0)
    for side in sides:
        correct = int(right_high[side - 1] + side - wrong_low[side - 1])
        bound = _largest_refuted(m, 2 * side, correct, delta, (1 - confidence) / len(sides))
        if bound > best.epsilon_lower or best.guesses == 0:
            best = OneRunBound(bound, delta, confidence, m, 2 * side, correct)
    return best


def planned_guesses(
    canaries: int, right_at: Callable[[float], float], delta: float, confidence: float = 0.95
) -> tuple[int, float]:
    """Return the number of guesses that promises most, and the ε that it promises.

    Args:
        canaries: how many there are.
        right_at: what share of guesses would be right when this share of the canaries is guessed,
            if the training were as private as claimed; see `Separation.right_at`.
        delta: of the guarantee.
        confidence: of the bound.
    """
    best = (0, -1.0)
    for side in _sides(canaries, _PLANNED):
        correct = int(2 * side * right_at(side / (canaries // 2)))
        bound = _largest_refuted(canaries, 2 * side, correct, delta, 1 - confidence)
        if bound > best[1]:
            best = (2 * side, bound)
    return best


def _sides(canaries: int, shares: tuple[float, ...]) -> list[int]:
    """Return how many canaries are guessed on each side."""
    return sorted({max(1, round(share * (canaries // 2))) for share in shares})


def _largest_refuted(m: int, guesses: int, correct: int, delta: float, error: float) -> float:
    """Return the largest ε that is refuted at `error`, by bisection, rounded down."""
    if not refuted(m, guesses, correct, 0.0, delta, error):
        return 0.0
    low, high = 0.0, 1.0
    while high < _LARGEST and refuted(m, guesses, correct, high, delta, error):
        low, high = high, 2 * high
    while high - low > _PRECISION:
        middle = (low + high) / 2
        if refuted(m, guesses, correct, middle, delta, error):
            low = middle
        else:
            high = middle
    return low


class OneRun:
    """`one_run` behind the attack seam."""

    name = "privacy.one_run"
    metrics = ("privacy.epsilon_lower_bound",)

    def run(self, situation: Situation) -> OneRunBound | NotEvaluable:
        """Judge the canaries that rode along in the target's training."""
        canaries = situation.canaries
        if canaries is None:
            return NotEvaluable(
                "no canaries rode along in this training; "
                "canaries = 1000 under [train.privacy] plants some",
                concerns=situation.statement is not None,
            )
        m = len(canaries.scores)
        plan = None
        if m >= FEWEST:
            plan = planned(m, Family.of(canaries.mechanism), canaries.epsilon, canaries.delta)
        bound = one_run(canaries.scores, canaries.included, canaries.delta, plan=plan)
        if isinstance(bound, NotEvaluable):
            return bound
        return replace(
            bound,
            claimed=canaries.epsilon,
            reachable=plan.promised if plan else None,
            knowledge=canaries.what or _KNOWLEDGE,
        )
