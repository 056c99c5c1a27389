"""If these fail, a job loses rounds, averages what it mustn't, or hangs on one bad site."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from tests.federate.sites import (
    Memory,
    Tells,
    fault_at,
    line,
    people,
    run,
    settings,
    site,
    three,
)

from strongroom.config import FederationSpec
from strongroom.errors import InputError, RefusedError
from strongroom.federate import Kind, Message
from strongroom.federate._loopback import Fault, LoopbackChannel
from strongroom.federate._model import Blueprint
from strongroom.federate.coordinator import Coordinator, evaluate_model, plan_recipe
from strongroom.federate.liars import Liar
from strongroom.models import metrics
from strongroom.vault import SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from strongroom.federate import Answers

    Facts = dict[str, Any]


# --- the way through


def test_three_sites_train_a_model_and_say_so() -> None:
    found = run(line(), settings(rounds=8))
    assert found.metrics["test"]["accuracy"] > 0.85
    assert found.metrics["test"]["rows"] == 300
    assert [r["round"] for r in found.rounds] == list(range(1, 9))
    assert found.curve[-1][1] < found.curve[0][1]
    assert all(s.verified for s in found.statements.values())
    assert found.warnings == ()
    assert found.privacy is None
    assert "in the clear" in found.seen
    assert "3 sites, 8 rounds" in str(found)
    assert "<svg" in found.plot()
    assert found.to_json()["digest"] == found.recipe.digest()


def test_a_round_is_the_weighted_mean_of_what_the_sites_do_alone() -> None:
    """Against the definition: each site's own steps from the same start, weighted by its rows."""
    rows = {"a": people(100, 1), "b": people(300, 2, shift=1.0)}
    channel = LoopbackChannel([site(n, d) for n, d in rows.items()])
    recipe = plan_recipe(channel, settings(rounds=1, local_epochs=3))
    found = Coordinator(recipe, channel).run()
    blueprint = Blueprint.of(recipe)
    start = blueprint.initial(bytes.fromhex(recipe.job))
    total = np.zeros(blueprint.size)
    for name, data in rows.items():
        other = site(name, data)
        facts = {"recipe": recipe.model_dump(mode="json")}
        other.answer(Message(Kind.PROPOSE, recipe.job, 0, "0" * 32, facts))
        answer = other.answer(
            Message(Kind.TRAIN, recipe.job, 1, "1" * 32, {}, {"parameters": start})
        )
        total += data.rows / 400 * answer.arrays["update"].astype(np.float64)
    blueprint.load((start.astype(np.float64) + total).astype(np.float32))
    assert found.model.digest() == blueprint.digest()


def test_the_mean_of_the_last_half_is_released_where_asked() -> None:
    channel = line()
    recipe = plan_recipe(channel, settings({"average": True}))
    store = Memory()
    seen: list[NDArray[Any]] = []

    class Watching(Memory):
        def save(self, state: Mapping[str, NDArray[Any]], step: int) -> None:
            seen.append(state["parameters"].copy())
            store.save(state, step)

    found = Coordinator(recipe, channel, store=Watching()).run()
    blueprint = Blueprint.of(recipe)
    blueprint.load(np.mean(seen[2:], axis=0).astype(np.float32))
    assert found.model.digest() == blueprint.digest()


@pytest.mark.parametrize(
    "strategy",
    [
        {"name": "fedprox", "mu": 0.1},
        {"name": "fedadam", "server_learning_rate": 0.3, "tau": 0.01},
        {"name": "scaffold"},
    ],
)
def test_each_strategy_learns(strategy: Mapping[str, Any]) -> None:
    found = run(line(), settings(rounds=12, strategy=strategy))
    assert found.metrics["test"]["accuracy"] > 0.82


def test_a_model_from_elsewhere_is_measured_where_the_rows_are() -> None:
    """The counts of all sites together are those of all test rows in one place."""
    tests = {"a": people(50, 31), "b": people(70, 32)}
    sites = [site(n, people(20, 1), test=rows) for n, rows in tests.items()]
    trained = run(line(), settings({"model": "mlp", "hidden": (4,), "learning_rate": 0.5}))
    found = evaluate_model(LoopbackChannel(sites), trained.model, project="check")
    together = people(50, 31).with_table(pa.concat_tables([rows.table for rows in tests.values()]))
    inputs, labels = trained.model.read(together)
    wanted = metrics(trained.model.predict_proba(inputs), labels)
    told = found.metrics["test"]
    assert (told["rows"], told["accuracy"]) == (120, wanted["accuracy"])
    assert told["log_loss"] == pytest.approx(wanted["log_loss"])
    assert all(s.verified for s in found.statements.values())
    assert "count of right answers" in str(found)


def test_sites_that_tell_no_counts_leave_no_measurement() -> None:
    policy = FederationSpec(metrics=False)
    channel = LoopbackChannel([site(n, d, policy=policy) for n, d in three().items()])
    trained = run(line())
    with pytest.raises(RefusedError, match="0 of 2 sites tell how well"):
        evaluate_model(channel, trained.model, project="check")


def test_threads_give_the_same_bits() -> None:
    channel = line()
    recipe = plan_recipe(channel, settings())
    alone = Coordinator(recipe, channel).run()
    with line(threads=True) as other:
        at_once = Coordinator(recipe, other).run()
    assert at_once.model.digest() == alone.model.digest()


# --- an unreliable world


def test_a_site_that_vanishes_leaves_the_round_and_comes_back() -> None:
    channel = line(faults=fault_at("b", Kind.TRAIN, {2}, Fault("vanish")))
    found = run(channel)
    assert found.rounds[1]["dropped"] == {"b": "no answer within the deadline"}
    assert found.rounds[1]["answered"] == ["a", "c"]
    assert found.rounds[2]["answered"] == ["a", "b", "c"]
    assert found.tolerated["dropped"] == {"b": 1}


def test_an_answer_that_is_lost_after_the_work_costs_the_site_one_round() -> None:
    found = run(line(faults=fault_at("b", Kind.TRAIN, {1}, Fault("silent"))))
    assert found.rounds[0]["answered"] == ["a", "c"]
    assert found.rounds[1]["answered"] == ["a", "b", "c"]


@pytest.mark.parametrize("threads", [False, True])
def test_a_slow_site_is_left_behind_at_the_deadline(threads: bool) -> None:
    faults = fault_at("c", Kind.TRAIN, {1}, Fault("delay", 1.5))
    with line(threads=threads, faults=faults) as channel:
        found = run(channel, settings(deadline=1.0))
    assert found.rounds[0]["answered"] == ["a", "b"]
    assert found.rounds[-1]["answered"] == ["a", "b", "c"]


def test_a_site_that_stays_silent_isnt_waited_for_in_every_round() -> None:
    """It agrees each time that it is asked, and never answers: it rests for longer and longer."""
    channel = line(faults=fault_at("b", Kind.TRAIN, range(1, 12), Fault("vanish")))
    found = run(channel, settings(rounds=13))
    missed = [r["round"] for r in found.rounds if "b" in r["asked"]]
    assert missed == [1, 2, 3, 5, 8, 13]
    assert found.rounds[-1]["answered"] == ["a", "b", "c"]


def test_sites_join_late_and_leave() -> None:
    rows = three()
    sites = {n: site(n, d) for n, d in rows.items()}
    channel = LoopbackChannel(sites.values())
    recipe = plan_recipe(channel, settings(rounds=5))
    channel.leave("c")

    def move(done: float) -> None:
        if done == 2:
            channel.join(sites["c"])
        if done == 4:
            channel.leave("a")

    found = Coordinator(recipe, channel, progress=Tells(move), patience=0).run()
    answered = [r["answered"] for r in found.rounds]
    assert answered == [["a", "b"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c"], ["b", "c"]]
    assert found.members["c"]["joined"] == 3
    assert found.statements["a"].why == "the site couldn't be reached at the end"
    assert any('no evidence from "a"' in w for w in found.warnings)


def test_too_few_sites_end_with_who_said_what() -> None:
    strict = FederationSpec(max_rounds=2)
    sites = [site(n, d, policy=strict) for n, d in three().items()]
    with pytest.raises(RefusedError) as told:
        run(LoopbackChannel(sites))
    assert "0 of the 2 sites that a round needs" in str(told.value)
    assert "4 rounds, where this site's policy allows 2" in str(told.value)


def test_a_round_waits_for_as_many_sites_as_its_rule_needs() -> None:
    rows = {f"s{k}": people(40, k) for k in range(5)}
    channel = line(rows)
    recipe = plan_recipe(channel, settings(rule={"name": "krum", "liars": 1}))
    channel.leave("s4")
    with pytest.raises(RefusedError, match="4 of the 5 sites that a round needs"):
        Coordinator(recipe, channel, patience=0).run()
    channel.leave("s4")
    late = site("s4", rows["s4"])
    comes = Tells(lambda _: channel.join(late))
    found = Coordinator(recipe, channel, progress=comes, patience=5, pause=0.01).run()
    assert len(found.rounds[0]["answered"]) == 5


def test_another_version_is_refused_with_the_reason() -> None:
    channel = line()
    recipe = plan_recipe(channel, settings()).model_copy(update={"version": "99.0.0"})
    with pytest.raises(RefusedError, match=r"made by strongroom 99.0.0, this site runs"):
        Coordinator(recipe, channel, patience=0).run()


def test_a_site_that_waits_for_approval_joins_when_it_has_it() -> None:
    agreed: list[str] = []
    rows = three()
    sites = [site(n, rows[n]) for n in ("a", "b")]
    ask = FederationSpec(approve="ask")
    sites.append(site("c", rows["c"], policy=ask, approve=lambda digest: digest in agreed))
    channel = LoopbackChannel(sites)
    recipe = plan_recipe(channel, settings(rounds=6))

    def approve(done: float) -> None:
        if done == 4:
            agreed.append(recipe.digest())

    found = Coordinator(recipe, channel, progress=Tells(approve), patience=0).run()
    assert [len(r["answered"]) for r in found.rounds] == [2, 2, 2, 2, 3, 3]
    assert [r["why"] for r in found.refusals] == ["waits for approval by the people at the site"]


def test_three_rounds_without_enough_updates_end_the_job() -> None:
    def faults(name: str, request: Message) -> Fault | None:
        hit = request.kind is Kind.TRAIN and request.round > 1 and name != "a"
        return Fault("vanish") if hit else None

    store = Memory()
    with pytest.raises(RefusedError, match="3 rounds in a row gave no update: 1 of the 2 sites"):
        run(line(faults=faults), settings(rounds=9), store=store)
    assert store.load() is not None


# --- what isn't averaged


def nan_bytes(data: bytes) -> bytes:
    return data[:-4] + struct.pack("<f", float("nan"))


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault("malformed"), "can't be read"),
        (Fault("malformed", change=nan_bytes), "aren't finite"),
        (Fault("malformed", change=lambda _: b"\x80\x04pickle"), "not a message"),
        (Fault("replay"), "to another request"),
    ],
)
def test_what_is_no_answer_is_dropped_with_the_reason(fault: Fault, why: str) -> None:
    found = run(line(faults=fault_at("b", Kind.TRAIN, {2}, fault)))
    assert why in found.rounds[1]["dropped"]["b"]
    assert found.rounds[1]["answered"] == ["a", "c"]
    assert found.rounds[2]["answered"] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda update: update[:-1], "float32"),
        (lambda update: update.astype(np.float64), "float64"),
        (lambda update: update * np.float32(np.nan), "aren't finite"),
    ],
)
def test_an_update_of_another_shape_or_type_or_nan_is_never_averaged(
    change: Callable[[NDArray[Any]], NDArray[Any]], why: str
) -> None:
    rows = three()
    honest = LoopbackChannel([site(n, rows[n]) for n in ("a", "c")])
    recipe = plan_recipe(honest, settings())
    alone = Coordinator(recipe, honest, patience=0).run()
    sites = [site(n, rows[n]) for n in ("a", "c")]
    recipe = recipe.model_copy(update={"sites": ("a", "b", "c")})
    channel = LoopbackChannel([*sites, Liar(site("b", rows["b"]), change)])
    found = Coordinator(recipe, channel, patience=0).run()
    assert why in found.rounds[0]["dropped"]["b"]
    assert found.model.digest() == alone.model.digest()
    # After three times it isn't asked again.
    assert [len(r["asked"]) for r in found.rounds] == [3, 3, 3, 2]


def test_parameters_that_overflow_end_with_a_clear_error() -> None:
    huge = Liar(site("b", three()["b"]), lambda u: np.full_like(u, 3e38))
    channel = LoopbackChannel([site("a", three()["a"]), huge])
    strategy = {"name": "fedavg", "server_learning_rate": 4.0}
    with pytest.raises(InputError, match="broke down in round 1"):
        run(channel, settings(strategy=strategy))


# --- keys and evidence


def test_a_site_with_another_key_than_the_pinned_one_stays_out() -> None:
    channel = line()
    recipe = plan_recipe(channel, settings())
    pinned = {"b": SigningKey(bytes(32)).public}
    found = Coordinator(recipe, channel, pinned=pinned, patience=0).run()
    assert set(found.members) == {"a", "c"}
    assert "another than the one that is known" in found.refusals[0]["why"]


class Forger:
    """A site whose answers of one kind have other facts."""

    def __init__(self, real: Answers, kind: Kind, change: Callable[[Facts], Facts]) -> None:
        self._real, self._kind, self._change, self.name = real, kind, change, real.name

    def answer(self, request: Message) -> Message:
        found = self._real.answer(request)
        if found.kind is not self._kind:
            return found
        return replace(found, facts=self._change(dict(found.facts)))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda f: {**f, "digest": "0" * 64}, "another recipe"),
        (lambda f: {**f, "signature": "0" * 128}, "signature doesn't fit"),
        (lambda f: {**f, "signature": "zz"}, "can't be read"),
        (lambda f: {**f, "weight": -5}, "without digest, weight"),
        (lambda f: {**f, "weight": 1e30}, "without digest, weight"),
        (lambda _: {}, "without digest, weight"),
    ],
)
def test_a_yes_that_isnt_one_keeps_the_site_out(change: Callable[[Facts], Facts], why: str) -> None:
    rows = three()
    sites = [site("a", rows["a"]), site("b", rows["b"])]
    channel = LoopbackChannel([*sites, Forger(site("c", rows["c"]), Kind.PROPOSE, change)])
    found = run(channel)
    assert set(found.members) == {"a", "b"}
    assert why in found.refusals[0]["why"]


def test_evidence_that_was_changed_doesnt_count() -> None:
    rows = three()
    sites = [site("a", rows["a"]), site("b", rows["b"])]

    def change(facts: Facts) -> Facts:
        return {"statement": {**facts["statement"], "payload": "e30="}}

    found = run(LoopbackChannel([*sites, Forger(site("c", rows["c"]), Kind.FINISH, change)]))
    assert not found.statements["c"].verified
    assert found.statements["a"].verified
    assert any('no evidence from "c": the signature' in w for w in found.warnings)


def test_counts_that_cant_be_are_left_out_of_the_metrics() -> None:
    rows = three()
    lie = Forger(site("c", rows["c"]), Kind.EVALUATE, lambda f: {**f, "right": 10**9})
    found = run(LoopbackChannel([site("a", rows["a"]), site("b", rows["b"]), lie]))
    assert found.metrics["test"]["sites"] == 2
    assert found.metrics["test"]["rows"] == 200
