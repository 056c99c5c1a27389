"""If this fails, the measured lower bound on ε accuses sound training, or is blind to a leak."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import optimize, stats

from strongroom.attacks import NotEvaluable, OneRunBound, Situation
from strongroom.attacks.privacy import (
    OneRun,
    gaussian_separation,
    one_run,
    p_value,
    planned_guesses,
    refuted,
)
from strongroom.privacy import CanaryObservation

DELTA = 1e-5


def sigma(epsilon: float) -> float:
    """Return the noise that makes the Gaussian mechanism exactly private (Balle, Wang 2018)."""

    def excess(s: float) -> float:
        upper = stats.norm.cdf(0.5 / s - epsilon * s)
        return float(upper - math.exp(epsilon) * stats.norm.cdf(-0.5 / s - epsilon * s) - DELTA)

    return float(optimize.brentq(excess, 0.01, 100.0))


def bound(epsilon: float, coins: np.random.Generator, canaries: int) -> float:
    included = coins.random(canaries) < 0.5
    result = one_run(included + coins.normal(0, sigma(epsilon), canaries), included, DELTA)
    assert isinstance(result, OneRunBound)
    assert result.correct <= result.guesses <= canaries
    return result.epsilon_lower


@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_p_value_is_the_chance_under_randomised_response(epsilon: float) -> None:
    coins = np.random.default_rng(0)
    truth = math.exp(epsilon) / (1 + math.exp(epsilon))
    right = (coins.random((200_000, 40)) < truth).sum(axis=1)
    for correct in (20, 26, 33, 38):
        chance = float((right >= correct).mean())
        found = p_value(40, 40, correct, epsilon, 0.0)
        assert abs(found - chance) < 5 * math.sqrt(max(found * (1 - found), 1e-6) / 200_000)


def test_p_value_with_delta_is_the_theorems_sum() -> None:
    m, r, v, epsilon, delta = 60, 30, 24, 0.7, 1e-3
    q = 1 / (1 + math.exp(-epsilon))
    pmf = [math.comb(r, k) * q**k * (1 - q) ** (r - k) for k in range(r + 1)]
    tail = sum(pmf[v:])
    slope = max(sum(pmf[v - i : v]) / i for i in range(1, v + 1))
    assert p_value(m, r, v, epsilon, delta) == pytest.approx(tail + 2 * m * delta * slope)


def test_p_value_rises_with_epsilon_and_delta() -> None:
    values = [p_value(100, 50, 45, e, DELTA) for e in np.linspace(0, 6, 25)]
    assert all(a <= b for a, b in pairwise(values))
    assert p_value(100, 50, 45, 1.0, 1e-3) > p_value(100, 50, 45, 1.0, 1e-6)
    assert p_value(100, 50, 0, 1.0, DELTA) == 1.0


def best_chance(guesses: int, correct: int, epsilon: float, delta: float, m: int) -> float:
    """Return the most that `correct` right guesses can be worth, as a linear programme.

    The trade-off inequality for every set {i >= j}, with both lines of the curve of (ε, δ), written
    out as they stand in the theorem; solved by scipy.
    """
    p = np.arange(guesses + 1)
    rows, limits = [], []
    for j in range(1, guesses + 1):
        right = np.where(p >= j, p, 0) / m
        wrong = np.where((p >= j - 1) & (p < guesses), guesses - p, 0) / m
        rows += [right - math.exp(epsilon) * wrong, math.exp(epsilon) * right - wrong]
        limits += [delta, math.exp(epsilon) - 1 + delta]
    found = optimize.linprog(
        -(p >= correct).astype(float), A_ub=np.array(rows), b_ub=limits,
        A_eq=np.ones((1, guesses + 1)), b_eq=[1.0], bounds=(0, 1),
    )  # fmt: skip
    return float(-found.fun)


@pytest.mark.parametrize(
    ("guesses", "correct", "epsilon", "delta"),
    [(30, 24, 0.7, 1e-3), (30, 27, 1.5, 1e-4), (20, 20, 1.0, 1e-3), (40, 25, 0.0, 0.0)],
)
def test_the_second_theorem_is_the_most_that_its_inequalities_allow(
    guesses: int, correct: int, epsilon: float, delta: float
) -> None:
    m = 60
    most = best_chance(guesses, correct, epsilon, delta, m)
    assert 0 < most < 1
    steinke = p_value(m, guesses, correct, epsilon, delta)
    lowest = min(most, steinke)
    assert refuted(m, guesses, correct, epsilon, delta, 1.01 * lowest)
    assert not refuted(m, guesses, correct, epsilon, delta, 0.99 * lowest)


def test_the_second_theorem_is_sharper_where_delta_weighs() -> None:
    m, guesses, correct, error = 20_000, 200, 196, 0.01
    assert p_value(m, guesses, correct, 2.6, DELTA) > 2 * error
    assert refuted(m, guesses, correct, 2.6, DELTA, error)
    assert not refuted(m, guesses, 0, 0.0, DELTA, error)


@pytest.mark.parametrize("planned", [False, True])
def test_a_mechanism_that_spends_all_of_its_delta_is_hardly_ever_accused(planned: bool) -> None:
    """With chance δ each canary is told in clear; else randomised response: tight for (ε, δ)."""
    coins, delta, canaries = np.random.default_rng(4), 5e-3, 400
    guesses = 80 if planned else None
    accused = 0
    for _ in range(400):
        included = coins.random(canaries) < 0.5
        told = included ^ (coins.random(canaries) < 1 / (1 + math.e))
        clear = coins.random(canaries) < delta
        scores = np.where(clear, 10 * included - 5.0, told) + 1e-3 * coins.random(canaries)
        result = one_run(scores, included, delta, guesses=guesses)
        assert isinstance(result, OneRunBound)
        accused += result.epsilon_lower > 1.0
    # 5 % of 400 is 20; more than 36 would happen once in 3,000.
    assert accused <= 36


def test_guesses_are_planned_without_the_outcome_and_promise_what_they_give() -> None:
    coins = np.random.default_rng(8)
    for epsilon in (1.0, 8.0):
        apart = gaussian_separation(epsilon, DELTA)
        guesses, promised = planned_guesses(5_000, apart.right_at, DELTA)
        given = []
        for _ in range(15):
            included = coins.random(5_000) < 0.5
            scores = included + coins.normal(0, sigma(epsilon), 5_000)
            found = one_run(scores, included, DELTA, guesses=guesses)
            assert isinstance(found, OneRunBound)
            assert found.guesses == guesses
            given.append(found.epsilon_lower)
        assert float(np.median(given)) == pytest.approx(promised, rel=0.15)


@pytest.mark.parametrize("epsilon", [1.0, 4.0, 8.0])
def test_sound_mechanisms_are_hardly_ever_accused(epsilon: float) -> None:
    coins = np.random.default_rng(int(epsilon))
    accused = sum(bound(epsilon, coins, 400) > epsilon for _ in range(200))
    # 5 % of 200 is 10; 20 would happen once in a thousand.
    assert accused <= 20


def test_randomised_response_is_hardly_ever_accused() -> None:
    """The mechanism for which the bound is tight: its error comes near the 5 % that is allowed."""
    coins = np.random.default_rng(3)
    accused = 0
    for _ in range(200):
        included = coins.random(400) < 0.5
        told = included ^ (coins.random(400) < 1 / (1 + math.e))
        result = one_run(told + 1e-3 * coins.random(400), included, 0.0)
        assert isinstance(result, OneRunBound)
        accused += result.epsilon_lower > 1.0
    assert accused <= 20


@pytest.mark.parametrize(("epsilon", "wanted"), [(1.0, 0.32), (4.0, 1.68), (8.0, 2.95)])
def test_the_bound_is_as_strong_as_was_measured(epsilon: float, wanted: float) -> None:
    coins = np.random.default_rng(7)
    found = float(np.median([bound(epsilon, coins, 5_000) for _ in range(15)]))
    assert found > 0.95 * wanted
    assert found < epsilon


def test_blind_scores_prove_nothing() -> None:
    coins = np.random.default_rng(1)
    result = one_run(coins.normal(size=500), coins.random(500) < 0.5, DELTA)
    assert isinstance(result, OneRunBound)
    assert result.epsilon_lower < 0.5


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        (np.arange(5.0), "too few"),
        (np.full(100, 3.0), "same score"),
        (np.r_[np.nan, np.arange(99.0)], "NaN"),
    ],
)
def test_scores_that_say_nothing_are_not_judged(scores: np.ndarray, why: str) -> None:
    result = one_run(scores, np.arange(len(scores)) % 2 == 0, DELTA)
    assert isinstance(result, NotEvaluable)
    assert why in result.reason


def situation(canaries: CanaryObservation | None) -> Situation:
    nothing: object = None
    return Situation(nothing, nothing, nothing, nothing, canaries=canaries)  # type: ignore[arg-type]  # the attack reads canaries alone


def test_the_attack_reads_the_observation() -> None:
    included = np.arange(400) % 2 == 0
    seen = CanaryObservation(
        included + 0.0 + np.arange(400) * 1e-9, included, 2.0, DELTA, "made up"
    )
    result = OneRun().run(situation(seen))
    assert isinstance(result, OneRunBound)
    assert result.claimed == 2.0
    assert result.epsilon_lower > 2.0
    assert result.knowledge == "made up"
    assert result.to_json()["canaries"] == 400
    assert isinstance(OneRun().run(situation(None)), NotEvaluable)
    few = CanaryObservation(np.arange(3.0), np.ones(3, np.bool_), 2.0, DELTA)
    assert isinstance(OneRun().run(situation(few)), NotEvaluable)
