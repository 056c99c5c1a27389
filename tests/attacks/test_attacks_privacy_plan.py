"""If this fails, weighted guesses accuse sound training, or show less than counted ones.

Statistical tests state how often they would fail by chance.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from strongroom.attacks import OneRunBound
from strongroom.attacks.privacy import (
    Family,
    gaussian_separation,
    one_run,
    plan_guesses,
    planned_guesses,
)
from strongroom.privacy import calibrate

if TYPE_CHECKING:
    from numpy.typing import NDArray

DELTA = 1e-5


def ideal(
    epsilon: float, canaries: int, coins: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Play the Gaussian mechanism that is exactly (ε, δ)-private."""
    mu = 1 / calibrate(epsilon, DELTA, 1.0, 1).noise_multiplier
    included = coins.random(canaries) < 0.5
    return coins.normal(size=canaries) + mu * included, included


@pytest.mark.parametrize(
    ("epsilon", "delta", "canaries", "at_most"),
    [
        # 5 % of 400 is 20; more than 36 would happen once in 3,000.
        (1.0, 0.0, 400, 36),
        (3.0, 0.0, 1_000, 36),
        # With δ the bound isn't tight: it must not be accused more often either.
        (1.0, 5e-3, 400, 36),
        (2.0, 1e-5, 5_000, 36),
    ],
)
@pytest.mark.parametrize("claimed", [1.0, 3.0])
def test_mechanisms_that_spend_all_they_have_are_hardly_ever_accused(
    epsilon: float, delta: float, canaries: int, at_most: int, claimed: float
) -> None:
    """With chance δ each canary is told in clear, else randomised response; whatever the plan."""
    coins = np.random.default_rng(7)
    plan = plan_guesses(canaries, gaussian_separation(claimed * epsilon, DELTA), delta)
    accused = 0
    for _ in range(400):
        included = coins.random(canaries) < 0.5
        told = included ^ (coins.random(canaries) < 1 / (1 + math.exp(epsilon)))
        clear = coins.random(canaries) < delta
        scores = np.where(clear, 10.0 * included - 5.0, 1.0 * told)
        scores += 1e-3 * coins.random(canaries)
        accused += plan.bound(scores, included, delta, 0.95).epsilon_lower > epsilon
    assert accused <= at_most


def test_failures_that_erase_wrong_guesses_are_paid_for() -> None:
    """The proof's worst case: a failure always spares the wrong guess that weighs most."""
    coins, epsilon, delta, canaries = np.random.default_rng(3), 1.0, 2e-3, 500
    plan = plan_guesses(canaries, gaussian_separation(2.0, DELTA), delta)
    accused = 0
    for _ in range(400):
        wrong = coins.random(canaries) < 1 / (1 + math.exp(epsilon))
        failures = coins.binomial(canaries, delta / (1 + math.exp(epsilon)))
        heaviest = np.argsort(np.where(wrong, plan.weights, -1))[::-1][:failures]
        wrong[heaviest] = False
        included = plan.inside ^ wrong
        ranks = np.arange(canaries, dtype=np.float64)
        accused += plan.bound(ranks, included, delta, 0.95).epsilon_lower > epsilon
    assert accused <= 36


@pytest.mark.parametrize(("rate", "steps"), [(1.0, 100), (0.05, 400)])
@pytest.mark.parametrize("epsilon", [1.0, 4.0, 8.0])
def test_weights_show_more_than_counting(epsilon: float, rate: float, steps: int) -> None:
    known = Family(calibrate(epsilon, DELTA, rate, steps))
    apart = known.separation(known.claimed.noise_multiplier)
    plan = plan_guesses(2_000, apart, DELTA)
    assert planned_guesses(2_000, apart.right_at, DELTA)[1] < plan.promised < epsilon
    assert not plan.inside[0]
    assert plan.inside[-1]
    assert plan.weights[len(plan.weights) // 2] == 0


@pytest.mark.parametrize(("epsilon", "share"), [(4.0, 0.45), (8.0, 0.45)])
def test_five_thousand_canaries_show_nearly_half(epsilon: float, share: float) -> None:
    plan = plan_guesses(5_000, gaussian_separation(epsilon, DELTA), DELTA)
    coins = np.random.default_rng(1)
    found = []
    for _ in range(15):
        result = one_run(*ideal(epsilon, 5_000, coins), delta=DELTA, plan=plan)
        assert isinstance(result, OneRunBound)
        assert result.correct <= result.guesses <= 5_000
        found.append(result.epsilon_lower)
    assert max(found) < epsilon
    assert float(np.median(found)) > share * epsilon
    assert float(np.median(found)) == pytest.approx(plan.promised, rel=0.15)


def test_perfect_scores_show_much_and_blind_ones_nothing() -> None:
    plan = plan_guesses(1_000, gaussian_separation(4.0, DELTA), DELTA)
    coins = np.random.default_rng(2)
    included = coins.random(1_000) < 0.5
    perfect = plan.bound(included + 0.01 * coins.random(1_000), included, DELTA, 0.95)
    # 1,000 fair coins leave some doubt: e^5 is 148.
    assert perfect.epsilon_lower > 4.8
    assert perfect.correct == perfect.guesses > 800
    blind = plan.bound(coins.random(1_000), included, DELTA, 0.95)
    assert blind.epsilon_lower < 0.5
    against = plan.bound(-1.0 * included + 0.01 * coins.random(1_000), included, DELTA, 0.95)
    assert against.epsilon_lower == 0
