"""If this fails, leaks are reported too small or too large, or with an interval that isn't one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from strongroom.attacks import (
    NotEvaluable,
    RocResult,
    auc,
    clopper_pearson,
    judge_scores,
    roc_curve,
    share_interval,
)
from strongroom.attacks._roc import rate_at, tpr_band


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (10, 10), (3, 10), (1, 1), (700, 5_000)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_clopper_pearson_is_the_inverse_of_the_binomial_test(
    hits: int, trials: int, confidence: float
) -> None:
    low, high = share_interval(hits, trials, confidence)
    wanted = stats.binomtest(hits, trials).proportion_ci(confidence, method="exact")
    assert low == pytest.approx(wanted.low, abs=1e-12)
    assert high == pytest.approx(wanted.high, abs=1e-12)


def test_clopper_pearson_ends_by_plain_sums() -> None:
    low, high = share_interval(3, 12)
    upper = sum(math.comb(12, k) * low**k * (1 - low) ** (12 - k) for k in range(3, 13))
    lower = sum(math.comb(12, k) * high**k * (1 - high) ** (12 - k) for k in range(4))
    assert upper == pytest.approx(0.025, rel=1e-9)
    assert lower == pytest.approx(0.025, rel=1e-9)


def test_clopper_pearson_of_many() -> None:
    low, high = clopper_pearson([0, 5, 10], 10)
    assert low[0] == 0.0
    assert high[2] == 1.0
    assert np.all(low <= high)


scores = st.lists(st.integers(-5, 5), min_size=2, max_size=40)


@settings(max_examples=80, deadline=None)
@given(scores, scores)
def test_the_curve_is_sklearns(inside: list[int], outside: list[int]) -> None:
    members, nonmembers = np.asarray(inside, float), np.asarray(outside, float)
    fpr, tpr = roc_curve(members, nonmembers)
    truth = np.r_[np.ones(len(members)), np.zeros(len(nonmembers))]
    both = np.r_[members, nonmembers]
    wanted_fpr, wanted_tpr, _ = reference.roc_curve(truth, both, drop_intermediate=False)
    np.testing.assert_allclose(fpr, wanted_fpr)
    np.testing.assert_allclose(tpr, wanted_tpr)
    area, low, high = auc(members, nonmembers)
    assert area == pytest.approx(reference.roc_auc_score(truth, both))
    assert low <= area <= high


def test_a_perfect_attack_has_an_interval_all_the_same() -> None:
    area, low, high = auc(np.arange(50.0) + 100, np.arange(60.0))
    assert (area, high) == (1.0, 1.0)
    assert low == pytest.approx(1 - 3 / 50)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_rate_keeps_to_its_false_positives(seed: int, fpr: float) -> None:
    coins = np.random.default_rng(seed)
    members = coins.integers(1, 31, 300).astype(np.float64)
    nonmembers = coins.integers(0, 30, 200).astype(np.float64)
    at = rate_at(members, nonmembers, fpr)
    bars = [b for b in np.unique(nonmembers) if np.mean(nonmembers > b) <= fpr]
    assert at.tpr == max(np.mean(members > b) for b in bars)
    assert at.low <= at.low_given <= at.tpr <= at.high_given <= at.high


def test_the_band_covers_the_true_rate() -> None:
    """The true rate of two unit Gaussians one deviation apart at 1 % is known."""
    coins = np.random.default_rng(0)
    wanted = stats.norm.sf(stats.norm.isf(0.01) - 1)
    covered = 0
    for _ in range(300):
        low, high = tpr_band(
            coins.normal(1, 1, 1_000), coins.normal(0, 1, 1_000), np.asarray([0.01])
        )
        covered += bool(low[0] <= wanted <= high[0])
    # 300 trials at 95 %: fewer than 274 would happen once in a hundred.
    assert covered >= 274


def test_the_result_holds_a_log_axis() -> None:
    coins = np.random.default_rng(1)
    result = judge_scores(coins.normal(1, 1, 4_000), coins.normal(0, 1, 3_000), shadows=7)
    assert isinstance(result, RocResult)
    assert 100 < len(result.fpr) <= 300
    assert result.fpr[1] == pytest.approx(1 / 3_000)
    assert result.fpr[-1] == 1.0
    assert result.tpr[-1] > 0.99
    assert all(a <= b for a, b in zip(result.tpr, result.tpr[1:], strict=False))
    assert all(lo <= t <= hi for lo, t, hi in zip(result.low, result.tpr, result.high, strict=True))
    assert result.tpr_at[0.001].false_positives == 3
    assert set(result.curve()) == {"fpr", "tpr", "low", "high"}


def test_a_rate_that_so_few_rows_cannot_show_is_left_out() -> None:
    coins = np.random.default_rng(1)
    result = judge_scores(coins.normal(1, 1, 500), coins.normal(0, 1, 999))
    assert isinstance(result, RocResult)
    assert set(result.tpr_at) == {0.01}


@pytest.mark.parametrize(
    ("members", "nonmembers", "why"),
    [
        (np.arange(10.0), np.arange(100.0), "too few"),
        (np.zeros(50), np.zeros(50), "same score"),
        (np.r_[np.nan, np.arange(49.0)], np.arange(50.0), "NaN"),
        (np.arange(50.0), np.r_[np.inf, np.arange(49.0)], "infinite"),
    ],
)
def test_scores_that_say_nothing_are_not_judged(
    members: np.ndarray, nonmembers: np.ndarray, why: str
) -> None:
    result = judge_scores(members, nonmembers)
    assert isinstance(result, NotEvaluable)
    assert why in result.reason
