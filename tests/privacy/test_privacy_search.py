"""If this fails, trying many settings and keeping the best looks cheaper than it is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dp_accounting.rdp import rdp_privacy_accountant
from scipy import stats

from strongroom.privacy import (
    Accountant,
    FixedSizeGaussian,
    GaussianReleases,
    PoissonGaussian,
    Relation,
    RepeatedSelection,
    SecretStream,
    accountant_of,
    calibrate_noise,
    compose_epsilon,
    search_epsilon,
)

ORDERS = np.array(rdp_privacy_accountant.DEFAULT_RDP_ORDERS)
RUN = GaussianReleases(4.0)
DELTA = 1e-5
# A test raises a false alarm with this probability, were the seeds not fixed.
ALARM = 1e-6


def converted(divergences: np.ndarray) -> float:
    """Return ε at DELTA from Rényi divergences (Canonne et al. 2020, proposition 12)."""
    usable = ORDERS > 1.01
    a, d = ORDERS[usable], divergences[usable]
    return float(np.min(d + np.log1p(-1 / a) - np.log(DELTA * a) / (a - 1)))


@pytest.mark.parametrize(("mean", "shape"), [(10.0, 1.0), (30.0, 0.5), (10.0, 0.0), (5.0, 3.0)])
def test_a_negative_binomial_number_of_trials_costs_what_theorem_2_says(
    mean: float, shape: float
) -> None:
    selection = RepeatedSelection((RUN,), mean, shape)
    one = ORDERS / (2 * 4.0**2)
    best = np.min((1 - 1 / ORDERS) * one + math.log(1 / selection.halting) / ORDERS)
    divergences = one + (1 + shape) * best + math.log(mean) / (ORDERS - 1)
    # A divergence never falls with its order.
    divergences = np.minimum.accumulate(divergences[::-1])[::-1]
    assert selection.epsilon(DELTA) == pytest.approx(converted(divergences), rel=1e-7)


def test_a_poisson_number_of_trials_costs_what_theorem_6_says() -> None:
    mean = 10.0
    one = ORDERS / (2 * 4.0**2)
    divergences = np.full_like(one, np.inf)
    for place, order in enumerate(ORDERS):
        at = math.log1p(1 / (order - 1))
        delta, _ = rdp_privacy_accountant.compute_delta(ORDERS, one, at)
        divergences[place] = one[place] + mean * delta + math.log(mean) / (order - 1)
    found = search_epsilon([RUN], DELTA, mean=mean, shape=None)
    assert found == pytest.approx(converted(divergences), rel=1e-9)


def test_a_search_costs_more_than_a_run_and_less_than_releasing_all() -> None:
    one = RUN.epsilon(DELTA)
    searched = search_epsilon([RUN], DELTA, mean=20.0, shape=0.0)
    # All of the runs' releases together: had the number been fixed and everything been told.
    every = GaussianReleases(4.0, 20).epsilon(DELTA)
    assert 1.5 * one < searched < every
    # The mutant forgets that it searched.
    assert compose_epsilon([RUN], DELTA, accountant=Accountant.RDP) < 0.7 * searched
    costs = [search_epsilon([RUN], DELTA, mean=20.0, shape=shape) for shape in (0.0, 0.5, 1.0)]
    assert costs == sorted(costs)


def test_a_search_composes_with_other_releases() -> None:
    selection = RepeatedSelection((GaussianReleases(9.0), PoissonGaussian(0.1, 2.0, 20)), 5.0)
    beside = PoissonGaussian(0.1, 2.0, 50)
    assert accountant_of([selection, beside]) is Accountant.RDP
    both = compose_epsilon([selection, beside], DELTA)
    assert both <= selection.epsilon(DELTA / 2) + beside.epsilon(DELTA / 2) + 1e-9
    assert both > max(selection.epsilon(DELTA), beside.epsilon(DELTA))
    assert selection.relation is Relation.ADD_OR_REMOVE_ONE
    fixed = RepeatedSelection((FixedSizeGaussian(100, 5, 3.0, 10),), 5.0)
    assert fixed.relations == (Relation.REPLACE_ONE,)


def test_the_runs_of_a_search_are_calibrated() -> None:
    made = calibrate_noise(
        2.0, DELTA, lambda s: RepeatedSelection((PoissonGaussian(0.05, s, 100),), 8.0)
    )
    assert 2.0 * (1 - 2e-3) <= made.epsilon(DELTA) <= 2.0
    assert made.noise_multiplier == made.each[0].noise_multiplier


def chance(count: int, gamma: float, shape: float) -> float:
    """Return P[K = count] by definition 1 of the paper, term by term."""
    if shape == 0:
        return (1 - gamma) ** count / (count * math.log(1 / gamma))
    product: float = math.prod((place + shape) / (place + 1) for place in range(count))
    return (1 - gamma) ** count * product / math.expm1(-shape * math.log(gamma))


@pytest.mark.parametrize(("mean", "shape"), [(4.0, 1.0), (6.0, 0.5), (5.0, 0.0), (3.0, 4.0)])
def test_the_number_of_trials_has_the_papers_distribution(mean: float, shape: float) -> None:
    selection = RepeatedSelection((RUN,), mean, shape)
    runs = 4000
    drawn = np.array([selection.trials(SecretStream(i.to_bytes(32, "big"))) for i in range(runs)])
    assert drawn.min() >= 1
    chances = np.array([chance(k, selection.halting, shape) for k in range(1, 400)])
    assert chances.sum() == pytest.approx(1, abs=1e-4)
    assert (chances * np.arange(1, 400)).sum() == pytest.approx(mean, rel=1e-2)
    cells = 10
    counts = np.append([(drawn == k).sum() for k in range(1, cells)], (drawn >= cells).sum())
    expected = np.append(chances[: cells - 1], 1 - chances[: cells - 1].sum()) * runs
    assert stats.chisquare(counts, expected).pvalue > ALARM


def test_a_poisson_number_may_be_none() -> None:
    selection = RepeatedSelection((RUN,), 2.0, None)
    runs = 4000
    drawn = np.array([selection.trials(SecretStream(i.to_bytes(32, "big"))) for i in range(runs)])
    counts = np.append([(drawn == k).sum() for k in range(6)], (drawn >= 6).sum())
    chances = stats.poisson.pmf(np.arange(6), 2.0)
    expected = np.append(chances, 1 - chances.sum()) * runs
    assert stats.chisquare(counts, expected).pvalue > ALARM


def test_one_expected_trial_is_one_trial() -> None:
    for shape in (0.0, 0.5, 1.0):
        selection = RepeatedSelection((RUN,), 1.0, shape)
        assert selection.halting == pytest.approx(1.0, abs=1e-7)
        assert {selection.trials(SecretStream(bytes([i]) * 32)) for i in range(20)} == {1}
