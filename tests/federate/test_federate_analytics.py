"""If this fails, statistics of a federation are wrong, or less private than they say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import kstest, norm
from tests.federate.analytics_sites import AGE, FIVE, WARD, people, query, site
from tests.federate.sites import settings

from strongroom.errors import ConfigError, RefusedError
from strongroom.federate import Fault, LoopbackChannel, Message
from strongroom.federate._settings import AnalyseSpec
from strongroom.federate.analytics import (
    Categories,
    Counts,
    Histogram,
    Moments,
    Quantiles,
    QueryPrivacySpec,
    analyse,
    declare,
    noise_of,
    release,
)
from strongroom.federate.coordinator import plan_recipe
from strongroom.privacy import Relation, SecretStream, ThresholdReleases, compose_epsilon

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.federate.analytics import Query, Statistic

NAMES = ("a", "b", "c")
PRIVATE = QueryPrivacySpec(epsilon=1.0, delta=1e-6)


def whole() -> pa.Table:
    """All sites' rows together, which nobody has."""
    return pa.concat_tables([people(seed=ord(name)).table for name in NAMES])


def channel() -> LoopbackChannel:
    return LoopbackChannel([site(name) for name in NAMES])


def columns_of(about: Query, rows: Any = None) -> list[pa.Array]:  # noqa: ANN401
    table = people().table if rows is None else rows
    return [table[s.column].combine_chunks() for s in about.statistics]


# --- sums over sites


def test_exact_statistics_are_those_of_all_rows_together() -> None:
    found = analyse(channel(), FIVE, privacy=None)
    assert found.sites == NAMES
    quantiles, wards, counts, bins, moments = found.findings
    age = whole()["age"].to_numpy()
    ward = whole()["ward"].to_numpy().astype(str)
    # The finest interval is 200 / 2,048; small ones are left out and read as even.
    expected = np.quantile(age, AGE.shares)
    assert np.abs(quantiles.values - expected)[1:-1].max() < 0.5
    assert wards.names == ("north", "south", "west")
    np.testing.assert_array_equal(wards.values, [(ward == w).sum() for w in wards.names])
    np.testing.assert_array_equal(counts.values, [wards.values[0], 0, (ward != "north").sum()])
    np.testing.assert_array_equal(bins.values, np.histogram(age, (0, 40, 50, 60, 100))[0])
    np.testing.assert_allclose(moments.values, [6000, age.mean(), age.var()], rtol=1e-9)
    assert all(not f.errors.any() for f in found.findings)


def test_private_statistics_are_within_their_errors() -> None:
    found = analyse(channel(), FIVE, privacy=PRIVATE)
    quantiles, wards, counts, bins, moments = found.findings
    age = whole()["age"].to_numpy()
    ward = whole()["ward"].to_numpy().astype(str)
    truth = [
        np.array([(ward == w).sum() for w in wards.names]),
        np.array([(ward == "north").sum(), 0, (ward != "north").sum()]),
        np.histogram(age, (0, 40, 50, 60, 100))[0],
        np.array([6000, age.mean(), age.var()]),
    ]
    assert set(wards.names) == {"north", "south", "west"}
    for finding, true in zip((wards, counts, bins, moments), truth, strict=True):
        assert (finding.errors > 0).all()
        assert (np.abs(finding.values - true) < 5 * finding.errors).all()
        low, high = finding.intervals
        np.testing.assert_allclose(high - low, 3.92 * finding.errors)
    middle = slice(4, -4)
    off = np.abs(quantiles.values - np.quantile(age, AGE.shares))[middle]
    assert (off < 5 * quantiles.errors[middle] + 200 / 2048).all()
    assert off.max() < 4
    assert (np.diff(quantiles.values) >= 0).all()


def test_a_repeated_query_gives_the_same_analysis() -> None:
    carried = channel()
    first = analyse(carried, FIVE, privacy=PRIVATE)
    again = analyse(carried, first.query)
    for one, other in zip(first.findings, again.findings, strict=True):
        assert one.names == other.names
        np.testing.assert_array_equal(one.values, other.values)
    assert (analyse(carried, FIVE, privacy=PRIVATE).findings[4].values != one.values).any()


def test_columns_that_nobody_declared_become_a_recipe() -> None:
    carried = channel()
    asked = (AGE, WARD, Categories(column="ill"))
    declared = analyse(carried, asked, privacy=PRIVATE).columns()
    assert set(declared["ward"].categories) == {"north", "south", "west"}
    assert set(declared["ill"].categories) == {"yes", "no"}
    low, high = declared["age"].range or (0, 0)
    assert 0 <= low < 40
    assert 60 < high <= 200
    recipe = plan_recipe(carried, settings({"model": "logistic"}), columns=declared)
    text = repr(recipe.model)
    assert "north" in text
    assert f"{declared['age'].knots[0]!r}" in text
    assert recipe.features == {"age": "double", "ward": "string"}


def test_settings_ask_for_what_nobody_declared() -> None:
    wanted = {
        "epsilon": 1.0,
        "columns": {"age": {"kind": "quantiles", "low": 0, "high": 200},
                    "ward": {"kind": "categories"}},
    }  # fmt: skip
    given = settings().model_copy(update={"analyse": AnalyseSpec.model_validate(wanted)})
    found = declare(channel(), given)
    assert found is not None
    assert found.query.privacy == PRIVATE
    assert found.query.statistics == (AGE, WARD)
    assert set(found.columns()) == {"age", "ward"}
    assert declare(channel(), settings()) is None
    wrong = AnalyseSpec.model_validate({"columns": {"age": {"kind": "quantiles", "low": 3}}})
    with pytest.raises(ConfigError, match="high"):
        declare(channel(), settings().model_copy(update={"analyse": wrong}))


def test_sites_that_cannot_be_heard_are_named() -> None:
    def spoil(name: str, request: Message) -> Fault | None:
        del request
        return Fault("malformed") if name == "c" else None

    carried = LoopbackChannel([site(n, {"tasks": ["train"]} if n == "b" else {}) for n in NAMES],
                              faults=spoil)  # fmt: skip
    with pytest.raises(RefusedError, match="1 sites answered") as caught:
        analyse(carried, (WARD,), [*NAMES, "d"], privacy=PRIVATE)
    for words in ("b: this site's policy doesn't allow", "c: ", "d: it can't be reached"):
        assert words in str(caught.value.hint)


# --- what one row moves


@pytest.mark.parametrize("statistic", FIVE, ids=lambda s: s.kind)
def test_one_row_moves_a_statistic_by_its_sensitivity_at_most(statistic: Statistic) -> None:
    values: list[Any] = [-1e300, 0.0, 1e-9, 39.999, 40.0, 100.0, 1e300, math.inf, None]
    if not statistic.numeric:
        values = ["north", "", "east", "x" * 300, "other", None]
    kind = pa.float64() if statistic.numeric else pa.string()
    most = 0.0
    for one in values:
        names, after = statistic.measure(pa.array([*values, one], kind))
        others, before = statistic.measure(pa.array(values, kind))
        if statistic.open:
            table = dict(zip(names, after, strict=True))
            for name, count in zip(others, before, strict=True):
                table[name] -= count
            moved = math.hypot(*table.values())
        else:
            moved = float(np.linalg.norm(after - before))
        most = max(most, moved)
    assert most <= statistic.sensitivity * (1 + 1e-12)
    assert most > 0.99 * statistic.sensitivity


# --- the noise


def fixed(*statistics: Any, privacy: QueryPrivacySpec = PRIVATE) -> Query:  # noqa: ANN401
    """A query whose coins are the same in every run of the tests."""
    return query(*statistics, privacy=privacy, job="0" * 32)


def noisy(about: Query, seed: int, rows: Any = None) -> NDArray[np.float64]:  # noqa: ANN401
    stream = SecretStream(seed.to_bytes(32, "big"))
    return release(about, columns_of(about, rows), noise_of(about), stream).values


def test_the_noise_is_the_gaussian_that_is_accounted() -> None:
    about = fixed(AGE, Moments(column="age", low=0, high=100))
    noise = noise_of(about)
    assert noise is not None
    exact = np.concatenate([s.measure(c)[1] for s, c in
                            zip(about.statistics, columns_of(about), strict=True)])  # fmt: skip
    off = noisy(about, 1) - exact
    scaled = off[:-3] / noise.deviation(AGE)
    assert 0.95 < scaled.std() < 1.05
    assert kstest(scaled, "norm").pvalue > 1e-4
    many = np.array([noisy(about, seed)[-3:] - exact[-3:] for seed in range(200)])
    scaled = many / noise.deviation(about.statistics[1])
    assert 0.88 < scaled.std() < 1.12
    assert abs(np.corrcoef(many[:, 0], many[:, 1])[0, 1]) < 0.3
    # Asked twice in one query, a statistic has two draws of noise.
    both = noisy(fixed(AGE, AGE), 1).reshape(2, -1)
    assert abs(np.corrcoef(both[0] - exact[:-3], both[1] - exact[:-3])[0, 1]) < 0.1


@pytest.mark.parametrize("opened", [0, 1, 3])
def test_the_whole_query_keeps_its_guarantee(opened: int) -> None:
    about = query(AGE, *([WARD] * opened), privacy=PRIVATE)
    noise = noise_of(about)
    assert noise is not None
    assert compose_epsilon(noise.mechanisms, PRIVATE.delta) <= PRIVATE.epsilon
    # Once more without an accountant: Balle and Wang 2018, and the names' chances on top.
    mu = math.sqrt(1 + opened) / noise.gaussian.noise_multiplier
    delta = norm.cdf(mu / 2 - 1 / mu) - math.e * norm.cdf(-mu / 2 - 1 / mu)
    names = opened * noise.names.delta if noise.names else 0.0
    assert names == pytest.approx(PRIVATE.delta / 2 if opened else 0.0)
    assert delta + names <= PRIVATE.delta * (1 + 1e-9)
    assert delta + names > 0.9 * PRIVATE.delta


def test_other_rows_get_other_coins() -> None:
    # Were the noise the same, the difference would be one person's row.
    about = fixed(AGE)
    noise = noise_of(about)
    assert noise is not None
    between = noisy(about, 1) - noisy(about, 1, people().table.slice(1))
    assert 0.95 < between.std() / (math.sqrt(2) * noise.deviation(AGE)) < 1.05
    np.testing.assert_array_equal(noisy(about, 1), noisy(about, 1))


# --- names that only the rows know


def test_a_name_that_one_person_has_is_told_with_the_chance_that_is_accounted() -> None:
    about = fixed(WARD)
    noise = noise_of(about)
    assert noise is not None
    assert noise.names == ThresholdReleases(PRIVATE.delta / 2)
    chance = norm.sf((noise.threshold - 1) / noise.gaussian.noise_multiplier)
    assert 0.99 * noise.names.delta < chance <= noise.names.delta
    for seed in range(200):
        stream = SecretStream(seed.to_bytes(32, "big"))
        told = release(about, columns_of(about), noise, stream)
        assert set(told.names["0"]) == {"north", "south", "west"}
        assert (told.values[:3] >= noise.threshold).all()
        assert not told.values[3:].any()


def test_the_threshold_lets_through_as_many_as_it_says() -> None:
    about = fixed(WARD, privacy=QueryPrivacySpec(epsilon=1.0, delta=0.2))
    noise = noise_of(about)
    assert noise is not None
    alone = [pa.array(["the only one"])]
    draws = 2000
    told = sum(
        bool(release(about, alone, noise, SecretStream(seed.to_bytes(32, "big"))).names["0"])
        for seed in range(draws)
    )
    assert abs(told / draws - 0.1) < 4 * math.sqrt(0.09 / draws)


def test_a_site_names_no_more_than_is_asked() -> None:
    about = fixed(Categories(column="ward", most=2))
    told = release(about, columns_of(about), noise_of(about), SecretStream(bytes(32)))
    assert told.names == {"0": ("north", "south")}
    assert told.values.shape == (2,)


def test_names_cost_what_they_cost_under_every_relation() -> None:
    names = ThresholdReleases(1e-6, 3)
    assert compose_epsilon([names], 3.1e-6) == 0.0
    assert compose_epsilon([names], 2.9e-6) == math.inf
    assert compose_epsilon([names], 6.1e-6, relation=Relation.REPLACE_ONE) == 0.0
    assert compose_epsilon([names], 5.9e-6, relation=Relation.REPLACE_ONE) == math.inf
    assert ThresholdReleases.from_json(names.to_json()) == names


# --- exact counts


def test_small_cells_are_not_told_exactly() -> None:
    rows = pa.array([*(["many"] * 10), *(["few"] * 9)])
    numbers = pa.array([*([1.0] * 10), *([150.0] * 9)])
    about = query(
        Counts(column="ward", categories=("many", "few")), WARD, AGE,
        Histogram(column="age", edges=(0, 100, 200)), privacy=None,
    )  # fmt: skip
    told = release(about, [rows, rows, numbers, numbers], None, SecretStream(bytes(32)))
    assert told.names == {"1": ("many",)}
    np.testing.assert_array_equal(told.values[:3], [10, 0, 0])
    # The other half would tell, by what the whole holds.
    assert not told.values[3 + 256 : -2].any()
    np.testing.assert_array_equal(told.values[-2:], [10, 0])
    few = query(Moments(column="age", low=0, high=1), privacy=None)
    assert not release(few, [pa.array([0.5] * 9)], None, SecretStream(bytes(32))).values.any()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Quantiles(column="x", low=1, high=1), "low must be below high"),
        (lambda: Quantiles(column="x", low=0, high=1, shares=(0.5, 0.2)), "shares must rise"),
        (lambda: Histogram(column="x", edges=(1, 1)), "edges must rise"),
        (lambda: Counts(column="x", categories=("a", "a")), "must not repeat"),
        (lambda: query(sites=("a", "a")), "named twice"),
        (lambda: query(sites=("a",)), "more than there are sites"),
    ],
)
def test_a_query_that_makes_no_sense(make: Any, words: str) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=words):
        make()
