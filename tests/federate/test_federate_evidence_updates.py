"""If this fails, an audit says that updates give no rows away when they do, or counts wrongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from tests.federate.sites import settings, site

from strongroom.attacks.reconstruction import Protection
from strongroom.audit import METRICS, Status
from strongroom.config import ColumnSpec, FederationSpec
from strongroom.data import Dataset, Role
from strongroom.errors import InputError
from strongroom.federate import Kind, Recipe, SecureSpec, SitePrivacySpec
from strongroom.federate._loopback import LoopbackChannel
from strongroom.federate._model import Blueprint
from strongroom.federate.coordinator import Coordinator, FederationResult, plan_recipe
from strongroom.federate.evidence import (
    Examined,
    FederationEvidence,
    Flow,
    Inversion,
    SiteTraffic,
    Watched,
    attack_updates,
    membership_at,
    search_leaks,
    sent_updates,
    summed_updates,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.federate import Answers, Message
    from strongroom.federate.evidence import LeakReport

COLUMNS = {
    **{name: ColumnSpec(range=(0, 100)) for name in ("age", "stay", "score", "dose")},
    "ward": ColumnSpec(categories=("north", "south", "east", "west")),
    "drug": ColumnSpec(categories=tuple("abcdefgh")),
    "ill": ColumnSpec(categories=("no", "yes"), role="target"),
}
ONE = {"model": "mlp", "hidden": (32,), "learning_rate": 0.1}


def patients(rows: int, seed: int) -> Dataset:
    draw = np.random.default_rng(seed)
    table = {name: draw.uniform(0, 100, rows) for name in ("age", "stay", "score", "dose")}
    more = {
        "ward": draw.choice(["north", "south", "east", "west"], rows),
        "drug": draw.choice(list("abcdefgh"), rows),
        "ill": np.where(np.arange(rows) % 2, "yes", "no"),
    }
    return Dataset(pa.table({**table, **more}), roles={"ill": Role.TARGET})


@dataclass
class Run:
    """A job that ran, and what its coordinator saw."""

    result: FederationResult
    watched: Watched
    rows: Mapping[str, Dataset]

    @property
    def blueprint(self) -> Blueprint:
        return Blueprint.of(self.result.recipe)

    def attack(self, **more: Any) -> Inversion:  # noqa: ANN401
        """Attack what was seen of each site's updates."""
        sent = sent_updates(self.watched.exchanges, self.result.recipe)
        found = []
        for name, rows in self.rows.items():
            blueprint = self.blueprint
            own = [u for u in sent if u.site == name and np.any(u.update)]
            inputs = blueprint.model.read(rows)[0]
            others = blueprint.model.read(patients(2 * rows.rows + 400, 1000))[0]
            found.append(attack_updates(blueprint, own, inputs, others, **more))
        return Inversion.together(found)


def run(
    sites: int = 3,
    rows: int = 2,
    train: dict[str, Any] | None = None,
    **job: Any,  # noqa: ANN401
) -> Run:
    data = {f"s{k}": patients(rows, k) for k in range(sites)}
    made = [
        site(name, own, columns=COLUMNS, test=patients(40, 99), policy=FederationSpec(site=name))
        for name, own in data.items()
    ]
    with LoopbackChannel(made) as channel:
        watched = Watched(channel, keep=(Kind.TRAIN, Kind.SUBMIT))
        plan = settings({**ONE, **(train or {})}, **{"rounds": 6, "local_epochs": 1, **job})
        recipe = plan_recipe(watched, plan, columns=COLUMNS)
        result = Coordinator(recipe, watched, patience=0.0).run()
    return Run(result, watched, data)


@pytest.fixture(scope="module", name="bare")
def _bare() -> Run:
    # One row of two in each update, in expectation: some are of none, some of both.
    return run(train={"batch_size": 1}, rows=30, local_epochs=1 / 30, rounds=20)


@pytest.fixture(scope="module", name="secure")
def _secure() -> Run:
    return run(
        train={"batch_size": 1}, rows=30, local_epochs=1 / 30, rounds=20,
        secure=SecureSpec(threshold=2),
    )  # fmt: skip


def test_updates_of_single_rows_give_them_away(bare: Run) -> None:
    found = bare.attack(batch=3)
    assert found.share >= 0.8
    assert found.chance <= 0.05
    assert found.above_chance
    assert found.way == "linear"


def test_masked_updates_give_nothing_away(secure: Run) -> None:
    found = secure.attack()
    assert found.seen == "masked"
    assert found.updates == 60
    assert not found.above_chance
    assert found.share <= 0.02


def test_a_sum_of_few_rows_is_as_telling_as_a_batch(secure: Run) -> None:
    sums = summed_updates(secure.watched.exchanges)
    inputs = np.concatenate([secure.blueprint.model.read(r)[0] for r in secure.rows.values()])
    others = secure.blueprint.model.read(patients(600, 1000))[0]
    few = attack_updates(secure.blueprint, sums, inputs, others, batch=4)
    assert few.seen == "sum"
    assert few.above_chance

    many = run(rows=100, rounds=8, secure=SecureSpec(threshold=2))
    sums = summed_updates(many.watched.exchanges)
    inputs = np.concatenate([many.blueprint.model.read(r)[0] for r in many.rows.values()])
    lost = attack_updates(many.blueprint, sums, inputs, others, batch=8)
    assert lost.share <= lost.chance + 0.02


@pytest.mark.parametrize("epsilon", [8.0, 1.0])
def test_private_updates_give_nothing_above_chance(epsilon: float) -> None:
    private = run(
        train={"batch_size": 1}, rows=30, local_epochs=1 / 30, rounds=20,
        privacy=SitePrivacySpec(epsilon=epsilon),
    )  # fmt: skip
    statement = private.result.privacy
    assert statement is not None
    assert statement.epsilon <= epsilon
    found = private.attack(protection=Protection.of(statement))
    assert found.updates == 60
    assert not found.above_chance
    # Nor does reading them as if there were no noise.
    assert not private.attack().above_chance


def test_both_count_the_same(bare: Run, secure: Run) -> None:
    for one in (bare, secure):
        counted = one.watched.traffic()
        evidence = FederationEvidence(one.result, counted)
        assert evidence.differences == dict.fromkeys(one.rows, ())
        for name in one.rows:
            assert counted[name].out.messages == counted[name].into.messages
            assert counted[name].out.bytes > 10_000
    changed = {**counted["s0"].sent, "train": Flow(19, 1)}
    other = SiteTraffic(changed, counted["s0"].received)
    assert other.differences(counted["s0"])
    assert SiteTraffic.from_json(counted["s0"].to_json()) == counted["s0"]


def test_what_a_tap_sees_is_what_crossed() -> None:
    seen: list[tuple[str, bool, bytes]] = []
    made = [site(f"s{k}", patients(20, k), columns=COLUMNS) for k in range(2)]
    with LoopbackChannel(made, tap=lambda *message: seen.append(message)) as channel:
        own: list[tuple[str, bool, bytes]] = []
        watched = Watched(channel, tap=lambda *message: own.append(message))
        recipe = plan_recipe(watched, settings(ONE, rounds=1), columns=COLUMNS)
        Coordinator(recipe, watched, patience=0.0).run()
    assert sorted(own) == sorted(seen)


def test_everything_as_findings(bare: Run, secure: Run) -> None:
    rows = bare.rows["s0"]
    crossed = [one.encode() for e in bare.watched.exchanges for one in (e.request, e.answer) if one]
    inputs = bare.blueprint.model.read(rows)[0]
    evidence = FederationEvidence(
        bare.result,
        bare.watched.traffic(),
        leaks={"s0": search_leaks(crossed, rows, inputs=inputs)},
        inversion=bare.attack(batch=3),
        membership={
            "s0": membership_at(
                "s0", bare.result.model, rows, patients(60, 77), train=bare.result.recipe.train
            )
        },
    )
    found = evidence.findings()
    assert found["federation.records_in_traffic"].status is Status.PASS
    assert found["federation.update_recovered_share"].status is Status.FAIL
    assert found["federation.traffic_differences"].value == 0
    assert found["federation.sites_without_evidence"].value == 0
    assert found["federation.sites_outvoted"].value == 0
    assert found["membership.auc"].details["site"] == "s0"
    assert {f.metric for f in found} <= set(METRICS)

    silent = FederationEvidence(secure.result).findings()
    assert silent["federation.records_in_traffic"].status is Status.NOT_EVALUABLE
    assert silent["federation.sum_recovered_share"].status is Status.NOT_EVALUABLE


class Leaky:
    """A site with a broken transport: it puts a row into the update that leaves."""

    name = "s0"

    def __init__(self, rows: Dataset, row: int) -> None:
        self._site, self._rows, self._row = site("s0", rows, columns=COLUMNS), rows, row
        self._inputs = np.zeros((0, 0), np.float32)

    def answer(self, request: Message) -> Message:
        answer = self._site.answer(request)
        if request.kind is Kind.PROPOSE:
            self._inputs = encoded(self._rows, Recipe.model_validate(request.facts["recipe"]))
        if "update" not in answer.arrays:
            return answer
        update, row = answer.arrays["update"].copy(), self._inputs[self._row]
        update[3 : 3 + len(row)] = row
        return answer.answer(answer.facts, {"update": update})


def encoded(rows: Dataset, recipe: Recipe) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = Blueprint.of(recipe).model.read(rows)[0]
    return found


def test_a_row_in_an_update_is_found_and_fails() -> None:
    data = {f"s{k}": patients(40, k) for k in range(2)}
    captured: dict[str, list[bytes]] = {"s0": [], "s1": []}
    made: list[Answers] = [Leaky(data["s0"], 9), site("s1", data["s1"], columns=COLUMNS)]
    with LoopbackChannel(made) as channel:
        watched = Watched(channel, tap=lambda name, _, message: captured[name].append(message))
        recipe = plan_recipe(watched, settings(ONE, rounds=2), columns=COLUMNS)
        result = Coordinator(recipe, watched, patience=0.0).run()
    leaks = {
        name: search_leaks(captured[name], rows, inputs=encoded(rows, recipe))
        for name, rows in data.items()
    }
    assert {leak.row for leak in leaks["s0"].leaks} == {9}
    assert leaks["s1"].clean
    finding = FederationEvidence(result, leaks=leaks).findings()["federation.records_in_traffic"]
    assert finding.status is Status.FAIL
    assert finding.value == 1


def test_an_answer_with_a_row_doesnt_leave_an_examined_site() -> None:
    data = {f"s{k}": patients(40, k) for k in range(3)}
    told: dict[str, LeakReport] = {}
    alarms: list[LeakReport] = []
    plain = [site(name, data[name], columns=COLUMNS) for name in ("s1", "s2")]
    sites: list[Answers] = [Leaky(data["s0"], 9), *plain]
    made = [
        Examined(
            one,
            data[one.name],
            told=lambda _, report, name=one.name: told.update({name: report}),  # type: ignore[misc]
            alarmed=lambda _, report: alarms.append(report),
        )
        for one in sites
    ]
    crossed: list[bytes] = []
    with LoopbackChannel(made, tap=lambda _name, _way, message: crossed.append(message)) as channel:
        recipe = plan_recipe(channel, settings(ONE, rounds=2), columns=COLUMNS)
        result = Coordinator(recipe, channel, patience=0.0).run()
    assert {leak.row for leak in alarms[0].leaks} == {9}
    assert {r["site"] for r in result.refusals} == {"s0"}
    assert "record" in result.refusals[0]["why"]
    assert search_leaks(crossed, data["s0"], inputs=encoded(data["s0"], recipe)).clean
    assert told["s1"].clean
    assert told["s2"].clean
    assert told["s1"].pieces > 3


def test_what_cannot_be_attacked_says_so(bare: Run) -> None:
    with pytest.raises(InputError, match="no update"):
        attack_updates(
            bare.blueprint, [], np.zeros((1, 3), np.float32), np.zeros((9, 3), np.float32)
        )
    with pytest.raises(InputError, match="one kind"):
        Inversion.together([])
