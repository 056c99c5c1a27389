"""If this fails, trees that sites grow together aren't those of their pooled rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from tests.federate.sites import (
    COLUMNS,
    KilledError,
    Memory,
    fault_at,
    kill_in_round,
    people,
    settings,
    site,
)

from strongroom.config import ColumnSpec, TreesSpec
from strongroom.data import Dataset, Role
from strongroom.errors import ConfigError, RefusedError
from strongroom.federate import Fault, Kind, LoopbackChannel, Recipe, Settings
from strongroom.federate._model import Blueprint
from strongroom.federate.coordinator import Coordinator, evaluate_model, plan_recipe
from strongroom.federate.coordinator._grow import cut_coins
from strongroom.federate.liars import Liar, sign_flip
from strongroom.models import AdditiveModel
from strongroom.train._boosting import Boosting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.federate.coordinator import FederationResult

ROUNDS = 8


def trees(**job: Any) -> Settings:  # noqa: ANN401 - fields of a job
    """A small job."""
    return settings({"model": "trees", "trees": {"leaves": 6}}, **({"rounds": ROUNDS} | job))


def wards() -> dict[str, Dataset]:
    """Sites of unequal size, none of it a round number, whose patients differ."""
    sizes = {"a": 137, "b": 253, "c": 319}
    return {n: people(r, r, shift=k - 1.0) for k, (n, r) in enumerate(sizes.items())}


def line(sites: Mapping[str, Dataset], columns: Any = COLUMNS, **more: Any) -> LoopbackChannel:  # noqa: ANN401
    """A channel to real sites, measured on their own rows."""
    made = [site(n, d, columns=columns, test=d) for n, d in sites.items()]
    return LoopbackChannel(made, **more)


def pooled(recipe: Recipe, sites: Mapping[str, Dataset]) -> AdditiveModel:
    """What central training makes of all rows in one place, with the same coins for cuts."""
    found = Blueprint.of(recipe).model
    assert isinstance(found, AdditiveModel)
    table = pa.concat_tables([d.table for d in sites.values()])
    codes, labels = found.read(Dataset(table, roles={found.target: Role.TARGET}))
    boosting = Boosting(found, codes, labels, recipe.train.trees, None, cut_coins(recipe))
    for number in range(1, recipe.rounds):
        boosting.step(number)
    boosting.write()
    return found


def run(recipe: Recipe, channel: LoopbackChannel, **more: Any) -> FederationResult:  # noqa: ANN401
    return Coordinator(recipe, channel, patience=0.0, **more).run()


def flat(model: Any) -> np.ndarray[Any, Any]:  # noqa: ANN401 - any model of ours
    return np.concatenate([t.ravel() for t in model.tensors().values()])


def three_classes() -> tuple[dict[str, Dataset], dict[str, ColumnSpec]]:
    """Sites that tell three kinds apart, with bins that most rows are in, and gaps."""
    columns = {
        "x": ColumnSpec(range=(-3, 3), bins=8, reference=0.0),
        "job": ColumnSpec(categories=("cook", "smith"), reference="cook"),
        "kind": ColumnSpec(categories=("p", "q", "r"), role="target"),
    }
    sites = {}
    for seed, name in enumerate("abc"):
        rng = np.random.default_rng(seed)
        rows = 113 + 60 * seed
        x, job = rng.normal(seed - 1, 1, rows), rng.integers(2, size=rows)
        kind = np.digitize(x + job + 0.2 * rng.normal(size=rows), [-0.5, 1.0])
        given = pa.array(np.where(rng.random(rows) < 0.1, np.nan, x), from_pandas=True)
        table = pa.table(
            {
                "x": given,
                "job": np.array(["cook", "smith"])[job],
                "kind": np.array(["p", "q", "r"])[kind],
            }
        )
        sites[name] = Dataset(table, roles={"kind": Role.TARGET})
    return sites, columns


def two_classes() -> tuple[dict[str, Dataset], dict[str, ColumnSpec]]:
    return wards(), dict(COLUMNS)


@pytest.mark.parametrize("made", [two_classes, three_classes])
@pytest.mark.parametrize("secure", [None, {"threshold": 2, "precision": 30}])
def test_sites_grow_the_trees_of_their_pooled_rows(made: Any, secure: Any) -> None:  # noqa: ANN401
    sites, columns = made()
    channel = line(sites, columns)
    recipe = plan_recipe(channel, trees(secure=secure))
    assert recipe.task == "trees"
    result = run(recipe, channel)
    assert all("lost" not in r and not r["dropped"] for r in result.rounds)
    expected = pooled(recipe, sites)
    assert result.model.meta() == expected.meta()
    scale = np.abs(flat(expected)).max()
    assert scale > 0.1
    np.testing.assert_allclose(flat(result.model), flat(expected), atol=1e-4 * scale)
    assert result.metrics["test"]["accuracy"] > 0.75


def test_a_killed_coordinator_goes_on_with_the_same_bits() -> None:
    sites = wards()
    channel = line(sites)
    recipe = plan_recipe(channel, trees())
    whole = run(recipe, line(sites))
    store = Memory()
    with pytest.raises(KilledError):
        run(recipe, channel, store=store, progress=kill_in_round(4))
    resumed = run(recipe, channel, store=store)
    assert [r["round"] for r in resumed.rounds] == list(range(1, ROUNDS + 1))
    assert resumed.model.digest() == whole.model.digest()


def test_a_site_that_misses_a_round_costs_little() -> None:
    sites = wards()
    faults = fault_at("c", Kind.GROW, {4}, Fault("silent"))
    channel = line(sites, faults=faults)
    recipe = plan_recipe(channel, trees())
    result = run(recipe, channel)
    assert result.tolerated["dropped"] == {"c": 1}
    whole = flat(pooled(recipe, sites))
    assert 0 < np.abs(flat(result.model) - whole).max() < 0.3 * np.abs(whole).max()


def test_nothing_grows_without_the_counts_of_the_first_round() -> None:
    channel = line(wards(), faults=lambda _, m: Fault("silent") if m.kind is Kind.GROW else None)
    recipe = plan_recipe(channel, trees())
    with pytest.raises(RefusedError, match="first round was lost"):
        run(recipe, channel)


def test_a_grown_model_is_measured_by_sites_that_never_saw_it() -> None:
    sites = wards()
    channel = line(sites)
    grown = run(plan_recipe(channel, trees()), channel)
    found = evaluate_model(line(sites), grown.model, project="measured")
    assert found.metrics["test"]["rows"] == sum(d.rows for d in sites.values())
    assert found.metrics["test"]["accuracy"] == grown.metrics["test"]["accuracy"]


@pytest.mark.parametrize(
    ("job", "why"),
    [
        ({"rounds": 1}, "two rounds"),
        ({"weighting": "equal"}, "sums over rows"),
        ({"strategy": {"name": "fedadam"}}, "no other strategy"),
        ({"privacy": {"noise": "shared"}, "secure": {"threshold": 2}}, "isn't shared"),
        ({"privacy": {"unit": "site"}, "weighting": "equal"}, "sums over rows"),
    ],
)
def test_jobs_that_trees_cannot_be_are_refused_with_the_reason(
    job: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        plan_recipe(line(wards()), trees(**job))


def test_a_liar_is_outvoted() -> None:
    """The median of five sites' sums bears one that sends them turned around and large."""
    sites = {n: people(200, k) for k, n in enumerate("abcde")}
    made = [site(n, d, test=d) for n, d in sites.items()]
    lying = LoopbackChannel([*made[:-1], Liar(made[-1], sign_flip(20.0))])
    robust = trees(rule={"name": "median", "liars": 1})
    held = run(plan_recipe(lying, robust), lying)
    assert held.metrics["test"]["accuracy"] > 0.75


def test_defaults_are_those_of_central_training() -> None:
    recipe = plan_recipe(line(wards()), settings({"model": "trees"}))
    assert recipe.train.trees == TreesSpec()
