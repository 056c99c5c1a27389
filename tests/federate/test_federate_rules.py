"""If these fail, a liar among the sites spoils the model, or an honest site is left out unsaid."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import trim_mean

from strongroom.errors import ConfigError
from strongroom.federate import RuleSpec
from strongroom.federate.rules import RULES, check_rule, combine

ROBUST = sorted(set(RULES) - {"mean"})
Rows = NDArray[np.float64]


def named(name: str, liars: int = 0) -> RuleSpec:
    return RuleSpec.model_validate({"name": name, "liars": liars})


def made(spec: RuleSpec, updates: Rows, weights: Rows | None = None) -> Rows:
    names = tuple(f"s{i}" for i in range(len(updates)))
    equal = np.ones(len(updates)) if weights is None else weights
    return combine(spec, names, updates, equal)[0]


def plain_scores(rows: Rows, liars: int) -> list[float]:
    """Krum's score, word for word."""
    scores = []
    for i, own in enumerate(rows):
        away = sorted(float(((own - o) ** 2).sum()) for j, o in enumerate(rows) if j != i)
        scores.append(sum(away[: max(len(rows) - liars - 2, 1)]))
    return scores


def plain_bulyan(rows: Rows, liars: int) -> Rows:
    left, taken = list(rows), list[Rows]()
    while len(taken) < len(rows) - 2 * liars:
        best = int(np.argmin(plain_scores(np.array(left), liars)))
        taken.append(left.pop(best))
    beta = len(taken) - 2 * liars
    found = []
    for values in np.array(taken).T:
        middle = np.median(values)
        found.append(np.mean(sorted(values, key=lambda v: abs(v - middle))[:beta]))
    return np.array(found)


shapes = st.tuples(st.integers(7, 15), st.integers(1, 6), st.integers(0, 10**6))


def draw(shape: tuple[int, int, int]) -> Rows:
    count, size, seed = shape
    return np.random.default_rng(seed).normal(size=(count, size))


@settings(deadline=None, max_examples=50)
@given(shapes)
def test_mean_counts_by_weight(shape: tuple[int, int, int]) -> None:
    rows = draw(shape)
    weights = np.arange(1.0, len(rows) + 1)
    wanted = sum(w * r for w, r in zip(weights, rows, strict=True)) / weights.sum()
    np.testing.assert_allclose(made(RuleSpec(), rows, weights), wanted)


@settings(deadline=None, max_examples=50)
@given(shapes)
def test_median_is_numpys(shape: tuple[int, int, int]) -> None:
    rows = draw(shape)
    found = made(RuleSpec(name="median", liars=3), rows)
    np.testing.assert_allclose(found, np.median(rows, axis=0), atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(shapes, st.integers(0, 3))
def test_trimmed_mean_is_scipys(shape: tuple[int, int, int], liars: int) -> None:
    rows = draw(shape)
    found = made(RuleSpec(name="trimmed-mean", liars=liars), rows)
    # A hair more than f/n, so that scipy's rounding down doesn't lose one.
    np.testing.assert_allclose(found, trim_mean(rows, liars / len(rows) + 1e-9, axis=0), atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(shapes, st.integers(0, 2))
def test_krum_and_multi_krum_are_the_definitions(shape: tuple[int, int, int], liars: int) -> None:
    rows = draw(shape)
    scores = plain_scores(rows, liars)
    np.testing.assert_allclose(
        made(RuleSpec(name="krum", liars=liars), rows), rows[int(np.argmin(scores))]
    )
    best = np.argsort(scores)[: len(rows) - liars - 2]
    np.testing.assert_allclose(
        made(RuleSpec(name="multi-krum", liars=liars), rows), rows[best].mean(axis=0), atol=1e-12
    )


@settings(deadline=None, max_examples=50)
@given(shapes, st.integers(0, 1))
def test_bulyan_is_the_definition(shape: tuple[int, int, int], liars: int) -> None:
    rows = draw(shape)
    found = made(RuleSpec(name="bulyan", liars=liars), rows)
    np.testing.assert_allclose(found, plain_bulyan(rows, liars), atol=1e-12)


def test_norm_bound_cuts_what_is_longer_and_nothing_else() -> None:
    rows = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0], [0.0, 0.5]])
    found = made(RuleSpec(name="norm-bound", bound=1.0), rows)
    np.testing.assert_allclose(found, (np.array([0.6, 0.8]) + rows[1:].sum(axis=0)) / 4)
    by_median = made(RuleSpec(name="norm-bound", liars=1), rows)
    np.testing.assert_allclose(by_median, (np.array([0.3, 0.4]) + rows[1:].sum(axis=0)) / 4)


@pytest.mark.parametrize("name", ROBUST)
@pytest.mark.parametrize("lie", [1e6, -1e6, -3.0, 1e30])
def test_liars_move_a_robust_rule_little_and_the_mean_far(name: str, lie: float) -> None:
    liars, size = 2, 50
    honest = 1.0 + 0.1 * np.random.default_rng(5).normal(size=(11 - liars, size))
    rows = np.vstack([np.full((liars, size), lie), honest])
    spec = named(name, liars)
    found, told = combine(spec, tuple(map(str, range(11))), rows, np.ones(11))
    if name == "norm-bound":
        # It lets f liars pull by f/n of the bound each way; the others give no ground at all.
        assert np.abs(found - 1.0).max() < 0.6
    else:
        assert (found >= honest.min(axis=0) - 1e-9).all()
        assert (found <= honest.max(axis=0) + 1e-9).all()
    assert np.abs(made(RuleSpec(), rows) - 1.0).max() > 0.7
    if name == "norm-bound":
        assert told["cut"][:2] == ["0", "1"]
    else:
        assert {"0", "1"} <= set(told["outvoted"])
    assert sum(told["share"].values()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", ROBUST)
def test_no_choice_of_liars_matters(name: str) -> None:
    """Whichever two of the eleven lie, what comes out is near the honest ones."""
    honest = 1.0 + 0.1 * np.random.default_rng(6).normal(size=(11, 20))
    spec = named(name, 2)
    for pair in combinations(range(11), 2):
        rows = honest.copy()
        rows[list(pair)] *= -1
        assert np.abs(made(spec, rows) - 1.0).mean() < (0.5 if name == "norm-bound" else 0.12)


@pytest.mark.parametrize("name", sorted(RULES))
def test_identical_updates_come_out_as_they_are(name: str) -> None:
    rows = np.tile(np.array([0.25, -1.5, 0.0]), (9, 1))
    np.testing.assert_array_equal(made(named(name), rows), rows[0])


@pytest.mark.parametrize(
    ("name", "liars", "least"),
    [
        ("median", 3, 7),
        ("trimmed-mean", 3, 7),
        ("norm-bound", 3, 7),
        ("krum", 3, 9),
        ("multi-krum", 3, 9),
        ("bulyan", 3, 15),
    ],
)
def test_too_few_for_the_promise_is_refused(name: str, liars: int, least: int) -> None:
    spec = named(name, liars)
    check_rule(spec, least)
    with pytest.raises(ConfigError, match=f"needs {least} sites to tolerate f = 3"):
        check_rule(spec, least - 1)


def test_the_mean_tolerates_nobody() -> None:
    with pytest.raises(ConfigError, match="tolerates no liar"):
        check_rule(RuleSpec(liars=1), 100)


@pytest.mark.parametrize("name", ["median", "trimmed-mean", "bulyan"])
def test_where_all_say_the_same_nobodys_word_counts(name: str) -> None:
    """Most positions of a table's encoding never move: a liar isn't heard because of them."""
    rows = np.zeros((11, 40))
    rows[:, :4] = 1.0 + 0.1 * np.random.default_rng(2).normal(size=(11, 4))
    rows[5, :4] = -9.0
    _, told = combine(named(name, 2), tuple(map(str, range(11))), rows, np.ones(11))
    assert told["share"]["5"] == 0
    assert "5" in told["outvoted"]


def test_a_huge_liar_costs_the_others_no_digits() -> None:
    """Distances come from one matrix product: 1e12 among ones must not drown them."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(9, 30)) * 1e-3
    rows[0] = 1e12
    scores = plain_scores(rows[1:], 1)
    found = made(RuleSpec(name="krum", liars=1), rows)
    wanted = rows[1:][int(np.argmin(scores))]
    assert np.linalg.norm(found - wanted) < 1e-2
    assert np.abs(found).max() < 1e-2
