"""If these fail, a killed coordinator loses rounds, or goes on with another job's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.federate.sites import (
    KilledError,
    Memory,
    kill_in_round,
    line,
    settings,
)

from strongroom.errors import InputError, RefusedError, TamperedError
from strongroom.federate.coordinator import Coordinator, plan_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.mark.parametrize(
    "strategy",
    [{"name": "fedavg"}, {"name": "fedadam", "server_learning_rate": 0.1}, {"name": "scaffold"}],
)
def test_a_killed_coordinator_goes_on_with_the_same_bits(strategy: Mapping[str, Any]) -> None:
    channel = line()
    recipe = plan_recipe(channel, settings(rounds=5, strategy=strategy))
    whole = Coordinator(recipe, channel).run()
    store = Memory()
    channel = line()
    with pytest.raises(KilledError):
        Coordinator(recipe, channel, store=store, progress=kill_in_round(3)).run()
    found = Coordinator(recipe, channel, store=store).run()
    assert found.model.digest() == whole.model.digest()
    assert [r["round"] for r in found.rounds] == [1, 2, 3, 4, 5]
    assert store.load() is None


def test_another_jobs_state_is_not_taken_up() -> None:
    channel, store = line(), Memory()
    first = plan_recipe(channel, settings())
    with pytest.raises(KilledError):
        Coordinator(first, channel, store=store, progress=kill_in_round(2)).run()
    second = plan_recipe(channel, settings())
    with pytest.raises(InputError, match="another job stands unfinished"):
        Coordinator(second, channel, store=store).run()


def test_a_state_that_was_changed_is_refused() -> None:
    channel, store = line(), Memory()
    recipe = plan_recipe(channel, settings())
    with pytest.raises(KilledError):
        Coordinator(recipe, channel, store=store, progress=kill_in_round(2)).run()
    assert store.kept is not None
    del store.kept[0]["summed"]
    with pytest.raises(TamperedError, match="can't be read"):
        Coordinator(recipe, channel, store=store).run()


def test_stop_makes_the_sites_forget() -> None:
    channel, store = line(), Memory()
    recipe = plan_recipe(channel, settings())
    with pytest.raises(KilledError):
        Coordinator(recipe, channel, store=store, progress=kill_in_round(2)).run()
    Coordinator(recipe, channel, store=store).stop()
    assert store.load() is None
    with pytest.raises(RefusedError, match="the job is stopped at this site"):
        Coordinator(recipe, channel, patience=0).run()
