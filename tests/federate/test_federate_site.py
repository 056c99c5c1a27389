"""If this fails, a site does what its policy forbids, answers twice, or lets out too much."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from tests.federate.one_site import (
    COLUMNS,
    SGD,
    SIZE,
    Asker,
    Disk,
    people,
    recipe,
    site,
    started,
    table_model,
)

from strongroom.config import PrivacySpec, TrainSpec
from strongroom.data import Role
from strongroom.federate import Kind, Message, SecureSpec, SitePrivacySpec, StrategySpec
from strongroom.federate.site import EXITS, _exit, _job
from strongroom.federate.site._exit import LeakError, check_leaving
from strongroom.models import ImageModel, ImageShape
from strongroom.privacy import EntryState, MemoryLedger, PrivacyStatement
from strongroom.store.evidence import make_statement
from strongroom.train import train_model
from strongroom.vault import VerifyKey, dsse_verify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.data import Dataset

ZERO = np.zeros(SIZE, np.float32)
PRIVATE = SitePrivacySpec(epsilon=2, delta=1e-5)
SECURE = SecureSpec(threshold=3)
ADAM = TrainSpec(model="logistic", optimizer="adam", learning_rate=0.05)
SCAFFOLD = StrategySpec(name="scaffold")


def proposal(job: Any, **about: Any) -> Message:  # noqa: ANN401
    asker = Asker(site(**about), job)
    return asker(Kind.PROPOSE, facts={"recipe": job.model_dump(mode="json")})


# --- a whole job


def test_a_job_from_description_to_statement() -> None:
    asker = Asker(site(), recipe())
    told = asker.good(Kind.DESCRIBE).facts
    assert told["columns"] == {"x": "double", "job": "string", "y": "string"}
    assert told["features"] == ["x", "job"]
    assert told["target"] == "y"
    assert told["rows"] == 300
    assert told["declarations"]["job"] == {"categories": ["cook", "smith"]}
    agreed = asker.propose().facts
    assert agreed["digest"] == asker.job.digest()
    assert agreed["weight"] == 300
    signed = b"strongroom federate propose\0" + agreed["digest"].encode() + b"\0a"
    assert VerifyKey.parse(agreed["key"]).verify(signed, bytes.fromhex(agreed["signature"]))
    parameters = ZERO
    for number in range(1, 6):
        answer = asker.train(number, parameters)
        assert answer.facts == {"weight": 300}
        parameters = parameters + answer.arrays["update"]
    central = train_model(people(seed=ord("a")), SGD.model_copy(update={"epochs": 5}),
                          columns=COLUMNS).model  # fmt: skip
    whole = np.concatenate([v.ravel() for v in central.tensors().values()])
    np.testing.assert_array_equal(parameters, whole)
    found = asker.good(Kind.EVALUATE, 5, arrays={"parameters": parameters}).facts
    rows, labels = central.read(people(200, seed=1))
    assert found["rows"] == 200
    assert found["right"] == (central.predict_proba(rows).argmax(1) == labels).sum()
    envelope = asker.good(Kind.FINISH, 5, facts={"model": "0f", "outcome": "done"}).facts
    told = json.loads(dsse_verify(envelope["statement"], VerifyKey.parse(agreed["key"])))
    assert told["subject"] == [{"name": "recipe", "digest": {"sha256": agreed["digest"]}}]
    predicate = told["predicate"]
    assert predicate["rounds"] == {"asked": 5, "last": 5}
    assert predicate["privacy"] is None
    assert predicate["told"] == {"model": "0f", "outcome": "done"}
    assert predicate["traffic"]["sent"]["train"]["messages"] == 5
    assert predicate["traffic"]["sent"]["train"]["bytes"] > 5 * 4 * SIZE
    assert "one by one" in predicate["trusted"][0]
    again = asker.good(Kind.FINISH, 5, facts={"model": "0f", "outcome": "done"}).facts
    assert again == envelope


def test_no_value_of_the_rows_is_in_what_left() -> None:
    asker, parameters = started()
    answers = [
        asker(Kind.DESCRIBE),
        asker.train(1, parameters),
        asker(Kind.EVALUATE, 1, arrays={"parameters": parameters}),
        asker(Kind.FINISH, 1),
    ]
    everything = b"".join(a.encode() for a in answers)
    everything += base64.b64decode(answers[-1].facts["statement"]["payload"])
    assert not any(f"person {i}".encode() in everything for i in range(300))


@pytest.mark.parametrize("unit", ["example", "site"])
def test_a_private_job_is_reserved_at_its_first_round_and_settled_at_the_end(
    unit: str,
) -> None:
    ledger = MemoryLedger()
    privacy = PRIVATE.model_copy(update={"unit": unit})
    asker, parameters = started(recipe(privacy=privacy, weighting="equal"), ledger=ledger)
    assert not ledger.entries("people.csv")
    asker.train(1, parameters)
    (entry,) = ledger.entries("people.csv")
    assert entry.state is EntryState.RESERVED
    asker.train(2, parameters)
    told = asker.good(Kind.FINISH, 2).facts["statement"]
    (entry,) = ledger.entries("people.csv")
    assert entry.state is EntryState.SETTLED
    assert entry.spend.unit == "example"
    stated = json.loads(base64.b64decode(told["payload"]))["predicate"]
    proved = PrivacyStatement.from_json(stated["privacy"])
    assert proved.unit == unit
    assert proved.epsilon <= 2
    # A row can turn a whole update into any other: twice as far as a site that isn't there.
    noise = entry.spend.events[0]["noise_multiplier"]
    assert noise == proved.noise_multiplier / (2 if unit == "site" else 1)
    assert (entry.spend.epsilon > 2) == (unit == "site")
    assert proved.private
    assert any("own noise" in text for text in stated["trusted"])


def test_scaffold_s_control_variates() -> None:
    job = recipe(strategy=SCAFFOLD, local_epochs=3)
    asker, parameters = started(job)
    control = np.full_like(parameters, 0.01)
    first = asker.train(1, parameters, control=control).arrays
    # Option II: cᵢ⁺ = cᵢ - c + (x - y) / (K η), with cᵢ = 0 at first.
    expected = -control - first["update"] / (3 * SGD.learning_rate)
    np.testing.assert_allclose(first["control"], expected, rtol=1e-5)
    own = first["control"]
    second = asker.train(2, parameters, control=own).arrays
    expected = -own - second["update"] / (3 * SGD.learning_rate)
    np.testing.assert_allclose(second["control"], expected, rtol=1e-5)
    # With c = cᵢ nothing is corrected: the same as without a control variate at all.
    plain, _ = started(recipe(local_epochs=3))
    np.testing.assert_allclose(
        second["update"], plain.train(1, parameters).arrays["update"], atol=1e-6
    )


# --- the gate


WITHOUT = "which the recipe doesn't name"
REFUSALS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("made by strongroom 9.1.0", {"version": "9.1.0"}, {}),
    ("doesn't invite", {"sites": ("b", "c")}, {}),
    ("doesn't allow the task", {}, {"tasks": ["evaluate"]}),
    ("doesn't allow models", {}, {"models": ["mlp"]}),
    ("not trained by gradients", {"train": TrainSpec(model="trees")}, {"models": ["trees"]}),
    ("5 rounds, where", {}, {"max_rounds": 4}),
    ("where this site wants 3", {}, {"min_sites": 3}),
    ("wants secure aggregation", {}, {"secure": True}),
    ("sums of 2 sites", {"secure": SecureSpec(threshold=2), "min_sites": 3}, {"min_sites": 3}),
    ("wants differential privacy", {}, {"privacy": {}}),
    ("hides one example", {"privacy": PRIVATE}, {"privacy": {"unit": "person"}}),
    ("ε = 2, where", {"privacy": PRIVATE}, {"privacy": {"epsilon": 1}}),
    ("δ = 1e-05, where", {"privacy": PRIVATE}, {"privacy": {"delta": 1e-6}}),
    ("rows are one person's", {"privacy": SitePrivacySpec(unit="person")}, {}),
    ("neither shards", {"train": SGD.model_copy(update={"patience": 3})}, {}),
    ("neither shards", {"train": SGD.model_copy(update={"shards": 3})}, {}),
    ("plain gradient steps", {"strategy": SCAFFOLD, "train": ADAM}, {}),
    ("may leave|would send", {}, {"max_bytes": 100}),
    ("not this site's target", {"model": table_model().meta() | {"target": "job"}}, {}),
    (WITHOUT, {"features": {"x": "double"}}, {}),
    ("no column", {"features": {"x": "double", "job": "string", "z": "double"}}, {}),
    ("not learnt from", {"features": {"x": "double", "job": "string", "name": "string"}}, {}),
    ("has type double", {"features": {"x": "string", "job": "string"}}, {}),
    ("local steps", {"train": SGD.model_copy(update={"batch_size": 1}), "local_epochs": 900}, {}),
    ("can't be made", {"model": table_model().meta() | {"hidden": [10**6]}}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("why", "asked", "policy"), REFUSALS)
def test_what_the_policy_forbids(why: str, asked: dict[str, Any], policy: dict[str, Any]) -> None:
    answer = proposal(recipe(**asked), policy=policy)
    assert answer.kind is Kind.REFUSED
    assert any(each in answer.facts["why"] for each in why.split("|")), answer.facts
    assert answer.facts["hint"] or why in ("no column", "can't be made", WITHOUT)


def test_the_same_minor_version_will_do() -> None:
    major, minor, _ = recipe().version.split(".")
    assert proposal(recipe(version=f"{major}.{minor}.99")).kind is Kind.PROPOSE


def test_a_column_of_another_type_than_the_model_reads() -> None:
    data = people()
    texts = data.table.column("x").cast(pa.string())
    other = data.with_table(data.table.set_column(1, "x", texts))
    answer = proposal(recipe(features={"x": "string", "job": "string"}), data=other)
    assert "the model reads a number" in answer.facts["why"]


def test_whole_numbers_are_numbers_too() -> None:
    data = people()
    whole = pa.array(np.arange(300) % 3)
    other = data.with_table(data.table.set_column(1, "x", whole))
    assert proposal(recipe(), data=other).kind is Kind.PROPOSE


def test_a_column_that_people_closed_is_not_read() -> None:
    data = people()
    closed = data.with_roles({**data.roles, "job": Role.IGNORE})
    assert "not learnt from" in proposal(recipe(), data=closed).facts["why"]
    named = replace(data, subject="job")
    assert "not learnt from" in proposal(recipe(), data=named).facts["why"]


def with_labels(data: Dataset, labels: list[str]) -> Dataset:
    return data.with_table(data.table.set_column(3, "y", pa.array(labels)))


def test_rows_that_can_t_be_used() -> None:
    told: list[str] = []
    empty = people().with_table(people().table.slice(0, 0))
    odd = with_labels(people(), ["maybe"] * 7 + ["no"] * 293)
    broken = people()
    broken = broken.with_table(
        broken.table.set_column(1, "x", pa.array([float("nan")] * 3 + [1.0] * 297))
    )
    for data in (empty, odd, broken):
        answer = proposal(recipe(), data=data, tell=lambda _, text: told.append(text))
        assert "can't be read" in answer.facts["why"]
        # How many rows and why is for the people at the site.
        assert not set("0123456789") & set(answer.facts["why"] + answer.facts["hint"])
    assert any("7 rows" in text for text in told)
    assert any("NaN" in text for text in told)


def test_a_site_with_one_class_trains() -> None:
    one = with_labels(people(), ["no"] * 300)
    asker, parameters = started(data=one)
    update = asker.train(1, parameters).arrays["update"]
    assert np.abs(update).max() > 0


def test_a_budget_that_doesn_t_cover_the_job() -> None:
    answer = proposal(recipe(privacy=PRIVATE), budget=1.0)
    assert "budget" in answer.facts["why"]
    assert "people.csv" not in answer.facts["why"]


def test_a_budget_that_is_gone_in_mid_run() -> None:
    ledger = MemoryLedger()
    home = site(ledger=ledger, budget=2.5)
    one, two = Asker(home, recipe(privacy=PRIVATE)), Asker(home, recipe(privacy=PRIVATE))
    one.propose()
    two.propose()
    parameters = ZERO
    one.train(1, parameters)
    why = two.why(Kind.TRAIN, 1, arrays={"parameters": parameters})
    assert "budget" in why
    one.train(2, parameters)
    assert len(ledger.entries("people.csv")) == 1


def test_an_approval_is_waited_for() -> None:
    yes: set[str] = set()
    home = site(policy={"approve": "ask"}, approve=yes.__contains__)
    asker = Asker(home, recipe())
    facts = {"recipe": asker.job.model_dump(mode="json")}
    for _ in range(2):
        answer = asker(Kind.PROPOSE, facts=facts)
        assert answer.facts["pending"] is True
        assert "approval" in answer.facts["why"]
    assert list(home.waiting) == [asker.job.digest()]
    assert "no such job" in asker.why(Kind.TRAIN, 1)
    yes.add(asker.job.digest())
    asker.propose()
    assert not home.waiting
    # A job that differs in anything is another one.
    other = asker.job.model_copy(update={"job": secrets.token_hex(16), "rounds": 6})
    facts = {"recipe": other.model_dump(mode="json")}
    assert Asker(home, other)(Kind.PROPOSE, facts=facts).facts["pending"] is True


def test_a_job_can_t_change_its_recipe() -> None:
    asker, _ = started()
    other = asker.job.model_copy(update={"rounds": 50})
    facts = {"recipe": other.model_dump(mode="json")}
    assert "another recipe" in asker.why(Kind.PROPOSE, facts=facts)
    facts = {"recipe": recipe().model_dump(mode="json")}
    assert "another job" in asker.why(Kind.PROPOSE, facts=facts)


def test_a_recipe_with_code_in_it_can_t_be_read() -> None:
    asker = Asker(site(), recipe())
    changes: list[dict[str, Any]] = [
        {"code": "print(1)"},
        {"rounds": 0},
        {"sites": []},
        {"train": {"model": "x"}},
    ]
    for more in changes:
        facts = {"recipe": asker.job.model_dump(mode="json") | more}
        assert "can't be read" in asker.why(Kind.PROPOSE, facts=facts)
    assert "nothing else" in asker.why(Kind.PROPOSE, facts={"recipe": {}, "more": 1})


def test_a_policy_that_says_nothing_of_itself() -> None:
    asker = Asker(site(policy={"describe": False, "metrics": False}), recipe())
    assert "describe" in asker.why(Kind.DESCRIBE)
    asker.propose()
    zero = ZERO
    assert "metrics" in asker.why(Kind.EVALUATE, 1, arrays={"parameters": zero})


def test_too_many_jobs_at_once() -> None:
    home = site()
    askers = [Asker(home, recipe()) for _ in range(9)]
    for asker in askers[:8]:
        asker.propose()
    facts = {"recipe": askers[8].job.model_dump(mode="json")}
    assert "jobs are going on" in askers[8].why(Kind.PROPOSE, facts=facts)
    askers[0].good(Kind.STOP)
    askers[8].propose()


# --- rounds: in order, each once


def test_a_round_that_is_asked_again_is_answered_from_memory() -> None:
    ledger = MemoryLedger()
    asker, parameters = started(recipe(privacy=PRIVATE), ledger=ledger)
    first = asker.train(1, parameters).arrays["update"]
    np.testing.assert_array_equal(asker.train(1, parameters).arrays["update"], first)
    assert len(ledger.entries("people.csv")) == 1


def test_mutant_a_second_release_for_a_repeated_round(monkeypatch: pytest.MonkeyPatch) -> None:
    # A site whose coins didn't hang on the round would release twice: the check must see it.
    asker, parameters = started(recipe(privacy=PRIVATE))
    first = asker.train(1, parameters).arrays["update"]
    job = next(iter(asker.site._jobs.values()))
    job.record.done = False
    compute = job._training.round  # type: ignore[union-attr]

    def fresh(number: int, given: Any, *, request: bytes, **more: Any) -> Any:  # noqa: ANN401
        return compute(number, given, request=request + b"again", **more)

    monkeypatch.setattr(job._training, "round", fresh)
    assert not np.array_equal(asker.train(1, parameters).arrays["update"], first)


def test_a_round_is_not_answered_for_two_models() -> None:
    asker, parameters = started()
    asker.train(1, parameters)
    why = asker.why(Kind.TRAIN, 1, arrays={"parameters": parameters + 1})
    assert "other parameters" in why
    asker.train(3, parameters + 1)
    for number, words in ((2, "don't go back"), (0, "of a job of 5"), (6, "of a job of 5")):
        assert words in asker.why(Kind.TRAIN, number, arrays={"parameters": parameters})


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({}, 'without "parameters"'),
        ({"parameters": np.zeros(SIZE - 1, np.float32)}, "not float32 22"),
        ({"parameters": np.zeros((SIZE, 1), np.float32)}, "not float32 22"),
        ({"parameters": np.zeros(SIZE)}, "not float32 22"),
        (
            {"parameters": ZERO, "control": ZERO},
            "SCAFFOLD",
        ),
        ({"parameters": ZERO, "more": np.zeros(1)}, "nobody looks at"),
    ],
)
def test_parameters_that_don_t_fit(arrays: Mapping[str, Any], why: str) -> None:
    asker, _ = started()
    assert why in asker.why(Kind.TRAIN, 1, arrays=arrays)


def test_parameters_that_are_not_finite() -> None:
    # Over a wire these can't come; a site in the same process is asked without one.
    asker, _ = started()
    bad = Message(Kind.TRAIN, asker.job.job, 1, "0" * 32, {},
                  {"parameters": np.full(SIZE, np.nan, np.float32)})  # fmt: skip
    assert "finite" in asker.site.answer(bad).facts["why"]


def test_a_request_that_was_made_before() -> None:
    asker, parameters = started()
    request = Message(Kind.TRAIN, asker.job.job, 1, "ab" * 16, {}, {"parameters": parameters})
    assert asker.send(request).kind is Kind.TRAIN
    for kind in (Kind.TRAIN, Kind.EVALUATE, Kind.FINISH):
        again = asker.send(replace(request, kind=kind))
        assert "nonce was seen" in again.facts["why"]
    assert "without a nonce" in asker.send(replace(request, nonce="")).facts["why"]
    told = Message(Kind.DESCRIBE, "", 0, "cd" * 16)
    assert asker.send(told).kind is Kind.DESCRIBE
    assert "nonce was seen" in asker.send(told).facts["why"]


def test_an_unknown_job() -> None:
    asker = Asker(site(), recipe())
    for kind in (Kind.TRAIN, Kind.EVALUATE, Kind.FINISH, Kind.STOP, Kind.UNMASK, Kind.GROW):
        assert "no such job" in asker.why(kind, 1)


def test_kinds_that_are_not_asked_of_a_site() -> None:
    asker, _ = started()
    for kind in (Kind.REFUSED, Kind.GROW, Kind.ANALYSE):
        assert asker(kind, 1).kind is Kind.REFUSED
    assert "knows no keys" in asker.why(Kind.KEYS, 1)


def test_one_model_is_measured_in_a_round() -> None:
    asker, parameters = started()
    first = asker.good(Kind.EVALUATE, 1, arrays={"parameters": parameters}).facts
    assert asker.good(Kind.EVALUATE, 1, arrays={"parameters": parameters}).facts == first
    why = asker.why(Kind.EVALUATE, 1, arrays={"parameters": parameters + 1})
    assert "on another model" in why
    assert "of a job of" in asker.why(Kind.EVALUATE, 6, arrays={"parameters": parameters})
    bare = Asker(site(test=None), recipe())
    bare.propose()
    assert "no test rows" in bare.why(Kind.EVALUATE, 1, arrays={"parameters": parameters})


def test_a_job_that_only_measures() -> None:
    asker, parameters = started(recipe(task="evaluate"))
    assert "doesn't train" in asker.why(Kind.TRAIN, 1, arrays={"parameters": parameters})
    assert asker.good(Kind.EVALUATE, 0, arrays={"parameters": parameters}).facts["rows"] == 200


# --- stop


def test_stop_ends_a_round_at_its_next_step() -> None:
    job = recipe(local_epochs=1000, train=SGD.model_copy(update={"batch_size": 3}))
    running = threading.Event()

    class Watch:
        def step(self, done: float, total: float, note: str = "") -> None:
            del done, total, note
            running.set()

    asker, parameters = started(job, progress=Watch())
    answers: list[Message] = []
    worker = threading.Thread(
        target=lambda: answers.append(asker(Kind.TRAIN, 1, arrays={"parameters": parameters}))
    )
    worker.start()
    assert running.wait(20)
    assert asker(Kind.STOP).kind is Kind.STOP
    worker.join(20)
    assert not worker.is_alive()
    assert "told to stop" in answers[0].facts["why"]
    assert "stopped" in asker.why(Kind.TRAIN, 1, arrays={"parameters": parameters})
    facts = {"recipe": job.model_dump(mode="json")}
    assert "stopped" in asker.why(Kind.PROPOSE, facts=facts)


def test_what_was_spent_stays_spent_after_stop() -> None:
    ledger = MemoryLedger()
    asker, parameters = started(recipe(privacy=PRIVATE), ledger=ledger)
    asker.train(1, parameters)
    asker.good(Kind.STOP)
    (entry,) = ledger.entries("people.csv")
    assert entry.state is EntryState.SETTLED


def test_people_at_the_site_stop_it_too() -> None:
    asker, parameters = started()
    asker.site.stop()
    assert "told to stop" in asker.why(Kind.TRAIN, 1, arrays={"parameters": parameters})
    # What was done until then is still told.
    assert "payload" in asker.good(Kind.FINISH, 1).facts["statement"]


# --- crashes


@pytest.mark.parametrize("strategy", ["fedavg", "scaffold"])
@pytest.mark.parametrize("private", [False, True])
def test_a_killed_site_goes_on_with_the_same_bits(strategy: str, *, private: bool) -> None:
    spec = SGD.model_copy(update={"batch_size": 30})
    job = recipe(
        train=spec,
        strategy=StrategySpec.model_validate({"name": strategy}),
        privacy=PRIVATE if private else None,
    )
    ledger, disk = MemoryLedger(), Disk()
    asker, parameters = started(job, ledger=ledger, checkpointer=disk)
    more = {"control": np.full(SIZE, 0.1, np.float32)} if strategy == "scaffold" else {}
    asker.train(1, parameters, **more)
    before = disk.kept[job.job]
    whole = asker.train(2, parameters + 1, **more).arrays
    after = disk.kept[job.job]
    for kept in (before, after):
        # Killed before round 2 was begun, or after it was answered.
        disk.kept[job.job] = kept
        again = Asker(site(ledger=ledger, checkpointer=disk), job)
        again.propose()
        found = again.train(2, parameters + 1, **more).arrays
        for name, array in whole.items():
            np.testing.assert_array_equal(found[name], array)
    assert len(ledger.entries("people.csv")) == private
    assert "don't go back" in again.why(Kind.TRAIN, 1, arrays={"parameters": parameters, **more})


def test_a_site_killed_within_a_round_answers_that_request_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job, ledger, disk = recipe(privacy=PRIVATE), MemoryLedger(), Disk()
    asker, parameters = started(job, ledger=ledger, checkpointer=disk)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    training = next(iter(asker.site._jobs.values()))._training
    with monkeypatch.context() as patch:
        patch.setattr(training, "round", dies)
        with pytest.raises(KeyboardInterrupt):
            asker(Kind.TRAIN, 1, arrays={"parameters": parameters})
    again = Asker(site(ledger=ledger, checkpointer=disk), job)
    again.propose()
    why = again.why(Kind.TRAIN, 1, arrays={"parameters": parameters + 1})
    assert "other parameters" in why
    again.train(1, parameters)
    assert len(ledger.entries("people.csv")) == 1


def test_a_private_job_whose_state_is_lost_does_not_go_on() -> None:
    # Which rounds were answered can't be told, and the ledger would give the same coins again.
    job, ledger = recipe(privacy=PRIVATE), MemoryLedger()
    asker, parameters = started(job, ledger=ledger)
    asker.train(1, parameters)
    again = Asker(site(ledger=ledger), job)
    again.propose()
    for _ in range(2):
        why = again.why(Kind.TRAIN, 1, arrays={"parameters": parameters + 1})
        assert "is gone" in why


def test_a_full_disk_is_told_and_nothing_is_lost() -> None:
    ledger, disk = MemoryLedger(), Disk()
    asker, parameters = started(recipe(privacy=PRIVATE), ledger=ledger, checkpointer=disk)
    disk.full = True
    why = asker.why(Kind.TRAIN, 1, arrays={"parameters": parameters})
    assert "No space left" in why
    assert not ledger.entries("people.csv")
    disk.full = False
    first = asker.train(1, parameters).arrays["update"]
    disk.full = True
    assert "No space" in asker.why(Kind.TRAIN, 2, arrays={"parameters": parameters})
    disk.full = False
    np.testing.assert_array_equal(asker.train(1, parameters).arrays["update"], first)
    disk.full = True
    assert "No space" in asker.why(Kind.FINISH, 1)
    disk.full = False
    asker.good(Kind.FINISH, 1)
    (entry,) = ledger.entries("people.csv")
    assert entry.state is EntryState.SETTLED


def test_a_disk_that_fills_up_within_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    asker, parameters = started(recipe(privacy=PRIVATE), checkpointer=disk)
    training = next(iter(asker.site._jobs.values()))._training
    compute, seen = training.round, []  # type: ignore[union-attr]

    def fills(*given: Any, **more: Any) -> Any:  # noqa: ANN401
        seen.append(compute(*given, **more))
        disk.full = True
        return seen[-1]

    monkeypatch.setattr(training, "round", fills)
    assert "No space" in asker.why(Kind.TRAIN, 1, arrays={"parameters": parameters})
    disk.full = False
    np.testing.assert_array_equal(asker.train(1, parameters).arrays["update"], seen[0])
    assert len(seen) == 1


def test_a_job_that_is_over_stays_over_after_a_restart() -> None:
    disk = Disk()
    for end, words in ((Kind.FINISH, "finished"), (Kind.STOP, "stopped")):
        asker, parameters = started(checkpointer=disk)
        asker.train(1, parameters)
        said = asker.good(end, 1).facts
        again = Asker(site(checkpointer=disk), asker.job)
        facts = {"recipe": asker.job.model_dump(mode="json")}
        assert words in again.why(Kind.PROPOSE, facts=facts)
        if end is Kind.FINISH:
            assert again.good(end, 1).facts == said


# --- the exit


def test_the_table_names_every_kind_that_is_answered() -> None:
    assert set(EXITS) == set(Kind)


BAD: list[tuple[Kind, dict[str, Any], dict[str, Any]]] = [
    (Kind.STOP, {"rows": 1}, {}),
    (Kind.TRAIN, {"rows": [1, 2]}, {}),
    (Kind.TRAIN, {"weight": 1.5}, {}),
    (Kind.TRAIN, {"weight": True}, {}),
    (Kind.TRAIN, {"ready": "person 1"}, {}),
    (Kind.TRAIN, {}, {"update": np.zeros(SIZE + 1, np.float32)}),
    (Kind.TRAIN, {}, {"update": np.zeros((SIZE, 1), np.float32)}),
    (Kind.TRAIN, {}, {"update": np.zeros(SIZE)}),
    (Kind.TRAIN, {}, {"update": np.full(SIZE, np.nan, np.float32)}),
    (Kind.TRAIN, {}, {"rows": ZERO}),
    (Kind.EVALUATE, {"rows": -1}, {}),
    (Kind.EVALUATE, {"log_loss": float("inf")}, {}),
    (Kind.EVALUATE, {"rows": 1}, {"rows": np.zeros((3, 2), np.float32)}),
    (Kind.DESCRIBE, {"columns": {"x": ["person 1"]}}, {}),
    (Kind.DESCRIBE, {"declarations": {"x": {"values": [1]}}}, {}),
    (Kind.KEYS, {}, {"keys": np.zeros(10_000, np.uint8)}),
    (Kind.SUBMIT, {}, {"masked": np.zeros(SIZE, np.uint64)}),
    (Kind.SUBMIT, {}, {"masked": np.zeros(SIZE + 1, np.float32)}),
    (Kind.FINISH, {"statement": {"payload": "x", "rows": 1}}, {}),
    (Kind.REFUSED, {"why": "x" * 3000}, {}),
    (Kind.PROPOSE, {"digest": "person 1"}, {}),
    (Kind.ANALYSE, {"names": ["person 1"]}, {}),
    (Kind.ANALYSE, {"names": {"0": ["x" * 201]}}, {}),
    (Kind.ANALYSE, {"rows": 3}, {}),
    (Kind.ANALYSE, {}, {"values": np.zeros(SIZE + 1)}),
]


@pytest.mark.parametrize(("kind", "facts", "arrays"), BAD)
def test_what_may_not_leave(kind: Kind, facts: dict[str, Any], arrays: dict[str, Any]) -> None:
    with pytest.raises(LeakError):
        check_leaving(Message(kind, facts=facts, arrays=arrays), SIZE)


def test_a_leaky_site_is_stopped_at_the_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    asker, parameters = started()
    train = _job.Job._train

    def leaky(job: Any, request: Message) -> Message:  # noqa: ANN401
        answer = train(job, request)
        return replace(answer, arrays={**answer.arrays, "rows": np.zeros((300, 2), np.float32)})

    monkeypatch.setattr(_job.Job, "_train", leaky)
    why = asker.why(Kind.TRAIN, 1, arrays={"parameters": parameters})
    assert "may not leave" in why


def test_a_failure_inside_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    asker, parameters = started(tell=lambda _, text: told.append(text))

    def fails(*_: object) -> None:
        raise RuntimeError("row 17 is person 17")

    monkeypatch.setattr(_job.Job, "_train", fails)
    answer = asker(Kind.TRAIN, 1, arrays={"parameters": parameters})
    assert answer.kind is Kind.REFUSED
    assert "person" not in str(answer.facts)
    assert "RuntimeError" in answer.facts["why"]
    assert any("person 17" in text for text in told)


def test_bytes_that_may_leave_in_a_job() -> None:
    asker, parameters = started(policy={"max_bytes": 1500})
    asker.train(1, parameters)
    asker.train(2, parameters)
    asker.train(3, parameters)
    why = asker.why(Kind.TRAIN, 4, arrays={"parameters": parameters})
    assert "1,500 bytes" in why
    # To say no is always possible.
    assert "1,500 bytes" in asker.why(Kind.EVALUATE, 4, arrays={"parameters": parameters})


def test_what_is_counted_is_what_passed() -> None:
    asker, parameters = started()
    sent = len(asker.train(1, parameters).encode())
    told = asker.good(Kind.FINISH, 1).facts["statement"]
    traffic = json.loads(base64.b64decode(told["payload"]))["predicate"]["traffic"]
    assert traffic["sent"]["train"] == {"messages": 1, "bytes": sent}


# --- evidence


def test_the_site_s_own_log_gets_the_statement_and_refusals_are_in_it() -> None:
    log: list[Mapping[str, Any]] = []

    class Log:
        def append(self, statement: Mapping[str, Any]) -> None:
            log.append(statement)

    asker, parameters = started(evidence=Log())
    asker.why(Kind.TRAIN, 9, arrays={"parameters": parameters})
    asker.good(Kind.FINISH)
    (statement,) = log
    kind = make_statement("federation", [], {})["predicateType"]
    assert statement["predicateType"] == kind
    assert statement["predicate"]["refusals"] == [
        {"kind": "train", "round": 9, "why": "round 9 of a job of 5"}
    ]


def test_other_kinds_of_models_get_in() -> None:
    pixels = [b"\x89PNG"] * 4
    data = people(4)
    data = data.with_table(data.table.append_column("image", [pixels]))
    model = ImageModel(ImageShape("cnn", 8, 8, 1), "image", ("no", "yes"), target="y")
    job = recipe(
        train=TrainSpec(model="cnn", privacy=PrivacySpec()),
        model=json.loads(json.dumps(model.meta())),
        features={"image": "binary"},
    )
    # As far as reading the images, which are none.
    assert "can't be read" in proposal(job, data=data).facts["why"]


def test_the_table_is_closed() -> None:
    assert isinstance(_exit.EXITS[Kind.STOP].facts, dict)
    assert not _exit.EXITS[Kind.STOP].facts
