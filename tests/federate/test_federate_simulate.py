"""If these fail, a simulated federation isn't the real one, or a liar or a dropout spoils a job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from tests.federate import sealed_job
from tests.federate.sites import (
    COLUMNS,
    KilledError,
    Memory,
    kill_in_round,
    people,
    settings,
    site,
)

from strongroom.errors import RefusedError
from strongroom.federate import Kind, Message
from strongroom.federate._loopback import Fault, LoopbackChannel
from strongroom.federate._model import Blueprint
from strongroom.federate._simulate import simulate
from strongroom.federate.coordinator import Coordinator, plan_recipe
from strongroom.federate.coordinator._gather import draw_groups
from strongroom.federate.liars import Liar, flip_labels, scaled, sign_flip
from strongroom.federate.secure import Quantiser

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.federate import Answers, Recipe, Settings
    from strongroom.federate.coordinator import FederationResult


SECURE = {"threshold": 3}


def many(count: int, rows: int = 60) -> dict[str, Dataset]:
    return {f"s{k:02d}": people(rows, k, shift=(k % 3 - 1) * 0.5) for k in range(count)}


def ran(sites: dict[str, Dataset], job: Settings, **more: Any) -> FederationResult:  # noqa: ANN401
    tests = {name: people(40, 500 + k) for k, name in enumerate(sites)}
    return simulate(job, sites, tests=tests, columns=COLUMNS, **more)


# --- secure sums


def clear_sum(
    recipe: Recipe, start: NDArray[np.float32], sites: dict[str, Dataset]
) -> NDArray[np.float32]:
    """Return the next parameters, from the sum in the clear of the same quantised updates."""
    assert recipe.secure is not None
    weights = {name: float(data.rows) for name, data in sites.items()}
    quantiser = Quantiser(recipe.secure, len(recipe.sites))
    total = np.zeros(len(start) + 1, np.int64)
    for name, data in sites.items():
        other = site(name, data)
        plain = recipe.model_copy(update={"secure": None})
        facts = {"recipe": plain.model_dump(mode="json")}
        other.answer(Message(Kind.PROPOSE, recipe.job, 0, "0" * 32, facts))
        answer = other.answer(
            Message(Kind.TRAIN, recipe.job, 1, "1" * 32, {}, {"parameters": start})
        )
        weight = weights[name] / max(weights.values())
        total = total + quantiser.encode(answer.arrays["update"], weight)
    vectors, weight = quantiser.decode(total)
    return (start.astype(np.float64) + vectors / weight).astype(np.float32)


def test_the_secure_sum_is_the_clear_one_to_the_bit() -> None:
    sites = {"a": people(60, 1), "b": people(90, 2), "c": people(30, 3), "d": people(60, 4)}
    line = LoopbackChannel([site(n, d) for n, d in sites.items()])
    recipe = plan_recipe(line, settings(rounds=1, secure=SECURE))
    found = Coordinator(recipe, line).run()
    blueprint = Blueprint.of(recipe)
    start = blueprint.initial(bytes.fromhex(recipe.job))
    blueprint.load(clear_sum(recipe, start, sites))
    assert found.model.digest() == blueprint.digest()
    assert "at least 3 sites each, and no update" in found.seen


@pytest.mark.parametrize("what", ["vanish", "silent"])
@pytest.mark.parametrize("kind", [Kind.TRAIN, Kind.KEYS, Kind.SHARES, Kind.SUBMIT, Kind.CONFIRM])
def test_a_sum_bears_a_site_that_vanishes_at_any_stage(
    kind: Kind, what: Literal["vanish", "silent"]
) -> None:
    """Who vanished before its vector was there isn't in the sum; who vanished after is."""
    sites = {"a": people(60, 1), "b": people(90, 2), "c": people(30, 3), "d": people(60, 4)}

    def faults(name: str, request: Message) -> Fault | None:
        return Fault(what) if (name, request.kind) == ("d", kind) else None

    line = LoopbackChannel([site(n, d) for n, d in sites.items()], faults=faults)
    recipe = plan_recipe(line, settings(rounds=1, secure=SECURE))
    found = Coordinator(recipe, line, patience=0).run()
    answered = found.rounds[0]["answered"]
    # A site that was asked for training, and didn't answer, may still come to the sum.
    assert answered in (["a", "b", "c"], ["a", "b", "c", "d"])
    assert ("d" in answered) == (kind is Kind.CONFIRM or (kind, what) == (Kind.TRAIN, "silent"))
    assert "d" in found.rounds[0]["dropped"]


def test_a_sum_with_too_few_loses_the_round_and_nothing_else() -> None:
    sites = many(4)

    def faults(name: str, request: Message) -> Fault | None:
        hit = request.kind is Kind.SUBMIT and request.round == 2 and name in ("s00", "s01")
        return Fault("vanish") if hit else None

    found = ran(sites, settings(rounds=4, secure=SECURE), faults=faults)
    assert list(found.tolerated["lost"]) == ["2"]
    assert "1 of 4 rounds gave no update" in str(found)
    assert [len(r.get("answered", ())) for r in found.rounds] == [4, 0, 4, 4]


def test_a_killed_coordinator_never_asks_for_a_second_sum_of_a_round() -> None:
    sites = [site(n, d) for n, d in many(4).items()]
    asked: list[tuple[str, int]] = []

    def tap(name: str, to_site: bool, data: bytes) -> None:
        message = Message.decode(data)
        if to_site and message.kind is Kind.TRAIN:
            asked.append((name, message.round))

    line = LoopbackChannel(sites, tap=tap)
    recipe = plan_recipe(line, settings(rounds=4, secure=SECURE))
    store = Memory()
    with pytest.raises(KilledError):
        Coordinator(recipe, line, store=store, progress=kill_in_round(2)).run()
    found = Coordinator(recipe, line, store=store).run()
    assert len(asked) == len(set(asked))
    assert found.tolerated["lost"] == {"2": "the coordinator stopped during this round"}


def test_groups_are_drawn_anew_each_round_by_coins_that_all_can_repeat() -> None:
    line = LoopbackChannel([site(n, d) for n, d in many(12).items()])
    job = settings(secure={"threshold": 2}, rule={"name": "median", "liars": 1, "groups": 6})
    recipe = plan_recipe(line, job)
    names = sorted(recipe.sites)
    drawn = [draw_groups(recipe, number, names) for number in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert sorted(n for g in drawn[0].values() for n in g) == names
    assert {len(g) for g in drawn[0].values()} == {2}
    assert {len(g) for g in draw_groups(recipe, 1, names[:7]).values()} == {2, 3}


def test_a_group_that_wouldnt_be_safe_is_not_asked_to_train() -> None:
    """Five sites left of eight, one of which may work with the server: three aren't enough."""
    job = settings(
        secure={"threshold": 3, "colluders": 1}, rule={"name": "mean", "groups": 2}, rounds=3
    )
    line = LoopbackChannel([site(n, d) for n, d in many(8).items()])
    recipe = plan_recipe(line, job)
    asked: list[Kind] = []
    few = [site(n, d) for n, d in list(many(8).items())[:5]]
    line = LoopbackChannel(few, tap=lambda *seen: asked.append(Message.decode(seen[2]).kind))
    with pytest.raises(RefusedError, match="lets a server that lies get two sums"):
        Coordinator(recipe, line, patience=0).run()
    assert Kind.TRAIN not in asked


def test_groups_of_secure_sums_outvote_a_liar() -> None:
    """One site of twelve has wrong labels: the mean of all follows it, the groups' median less."""
    sites = many(12)
    sites["s05"] = flip_labels(people(2000, 5), ("no", "yes"))
    groups = {"name": "median", "liars": 2, "groups": 6}
    job: dict[str, Any] = {"rounds": 8, "secure": {"threshold": 2}}
    robust = ran(sites, settings(**job, rule=groups))
    plain = ran(sites, settings(rounds=8, secure={"threshold": 7}))
    better, worse = (f.metrics["test"]["accuracy"] for f in (robust, plain))
    assert better > worse + 0.2
    for told in robust.rounds:
        tainted = next(n for n, g in told["groups"].items() if "s05" in g)
        assert told["tolerated"]["share"][tainted] < 1 / 6
    assert "sums of 6 groups of sites" in robust.seen


# --- liars


@pytest.mark.parametrize("rule", ["median", "trimmed-mean", "multi-krum"])
@pytest.mark.parametrize("lie", ["sign", "labels", "scaled"])
def test_thirty_percent_of_liars_cost_a_robust_rule_little(rule: str, lie: str) -> None:
    sites = many(10, rows=150)
    liars = ("s01", "s04", "s08")
    job: dict[str, Any] = {"rounds": 8}
    honest = ran(sites, settings(**job)).metrics["test"]["accuracy"]

    def wrap(found: Answers) -> Answers:
        if found.name not in liars or lie == "labels":
            return found
        return Liar(found, sign_flip(4.0) if lie == "sign" else scaled(-10.0))

    if lie == "labels":
        sites |= {n: flip_labels(sites[n], ("no", "yes")) for n in liars}
    spec = {"name": rule, "liars": 3}
    found = ran(sites, settings(**job, rule=spec), wrap=wrap)
    assert honest - found.metrics["test"]["accuracy"] < 0.02
    if lie != "labels":
        assert set(liars) <= set(found.tolerated["outvoted"])


def test_the_same_liars_break_plain_averaging() -> None:
    sites = many(10, rows=150)
    honest = ran(sites, settings(rounds=8)).metrics["test"]["accuracy"]

    def wrap(found: Answers) -> Answers:
        return Liar(found, sign_flip(4.0)) if found.name in ("s01", "s04", "s08") else found

    found = ran(sites, settings(rounds=8), wrap=wrap)
    assert found.metrics["test"]["accuracy"] < honest - 0.3
    assert any("diverged" in w for w in found.warnings)


def test_a_scaled_update_is_cut_to_the_norm_of_the_others() -> None:
    sites = many(9, rows=150)

    def wrap(found: Answers) -> Answers:
        return Liar(found, scaled(-30.0)) if found.name == "s03" else found

    plain = ran(sites, settings(rounds=6), wrap=wrap).metrics["test"]["accuracy"]
    rule = {"name": "norm-bound", "liars": 1}
    found = ran(sites, settings(rounds=6, rule=rule), wrap=wrap)
    assert found.metrics["test"]["accuracy"] > plain + 0.3
    assert found.tolerated["cut"]["s03"] == 6


# --- privacy


def test_the_whole_is_as_private_as_the_weakest_site() -> None:
    privacy = {"epsilon": 2.0, "delta": 1e-4}
    job = settings(rounds=3, privacy=privacy)
    found = ran(many(3), job)
    assert found.privacy is not None
    assert 1.5 < found.privacy.epsilon <= 2.0
    assert any("adds up" in text for text in found.privacy.not_covered)
    assert "after the site had clipped" in found.seen
    assert f"ε = {found.privacy.epsilon:.4g}" in str(found)


def test_a_site_that_was_in_no_round_has_nothing_to_state() -> None:
    """It agreed, and its request was lost in each round; at the end it can be reached again."""

    def faults(name: str, request: Message) -> Fault | None:
        return Fault("vanish") if (name, request.kind) == ("s02", Kind.TRAIN) else None

    job = settings(rounds=2, privacy={"epsilon": 2.0, "delta": 1e-4})
    found = ran(many(3), job, faults=faults)
    assert found.statements["s02"].idle
    assert found.privacy is not None
    assert "each of the 2 sites" in found.privacy.covered[0]

    def silent(name: str, request: Message) -> Fault | None:
        return Fault("vanish") if (name, request.kind) == ("s02", Kind.FINISH) else None

    found = ran(many(3), job, faults=silent)
    assert found.privacy is None
    assert any("no guarantee can be stated" in text for text in found.warnings)


def test_shared_noise_learns() -> None:
    """Plain steps on all rows, summed with noise that the sites make together."""
    sites = {f"s{k}": people(400, k) for k in range(4)}
    train = {"learning_rate": 1.0, "average": True}
    job = {"rounds": 10, "local_epochs": 1, "secure": {"threshold": 3}}
    privacy = {"epsilon": 4.0, "delta": 1e-4, "noise": "shared"}
    found = ran(sites, settings(train, **job, privacy=privacy))
    assert found.tolerated["lost"] == {}
    assert found.metrics["test"]["accuracy"] > 0.75
    assert found.privacy is not None
    assert 3.5 < found.privacy.epsilon <= 4.0
    assert "the sites' noise is in the sum" in found.seen


def test_a_site_as_the_unit_shares_noise_too() -> None:
    sites = {f"s{k}": people(100, k) for k in range(4)}
    privacy = {"unit": "site", "epsilon": 8.0, "delta": 1e-3, "noise": "shared"}
    job = settings(rounds=2, secure={"threshold": 3}, privacy=privacy, weighting="equal")
    found = ran(sites, job)
    assert found.privacy is not None
    assert found.privacy.unit == "site"
    assert found.tolerated["lost"] == {}


def test_a_site_whose_budget_is_too_small_stays_out_with_the_reason() -> None:
    privacy = {"epsilon": 2.0, "delta": 1e-4}
    rows = many(3)
    sites = [site(n, d, budget=0.5 if n == "s00" else 5.0) for n, d in rows.items()]
    line = LoopbackChannel(sites)
    recipe = plan_recipe(line, settings(rounds=2, privacy=privacy))
    found = Coordinator(recipe, line, patience=0).run()
    assert set(found.members) == {"s01", "s02"}
    assert "privacy budget" in found.refusals[0]["why"]
    sites[1] = site("s01", rows["s01"], budget=0.5)
    line = LoopbackChannel(sites)
    recipe = plan_recipe(line, settings(rounds=2, privacy=privacy))
    with pytest.raises(RefusedError, match="1 of the 2 sites"):
        Coordinator(recipe, line, patience=0).run()


# --- many


@pytest.mark.slow
def test_a_hundred_sites_with_dropouts_finish() -> None:
    """A tenth of the sites is gone in each round, at a stage of its own; sums on a sparse graph."""
    sites = {f"s{k:02d}": people(20, k) for k in range(100)}
    kinds = (Kind.TRAIN, Kind.KEYS, Kind.SHARES, Kind.SUBMIT, Kind.UNMASK)
    draw = np.random.default_rng(3)
    gone: dict[int, dict[str, int]] = {}

    def faults(name: str, request: Message) -> Fault | None:
        if request.kind not in kinds:
            return None
        hit = gone.setdefault(
            request.round,
            {f"s{k:02d}": int(draw.integers(len(kinds))) for k in draw.permutation(100)[:10]},
        )
        return Fault("vanish") if kinds.index(request.kind) >= hit.get(name, 99) else None

    secure = {"threshold": 60, "neighbours": 20}
    # No test rows at the sites: this is about the sums.
    found = simulate(
        settings(rounds=2, local_epochs=1, secure=secure), sites, columns=COLUMNS, faults=faults
    )
    assert found.tolerated["lost"] == {}
    for told in found.rounds:
        assert 90 <= len(told["answered"]) < 100
        assert len(set(told["dropped"])) >= 5


# --- killed from outside


@pytest.mark.slow
def test_a_coordinator_killed_at_any_moment_ends_in_the_same_bits(tmp_path: Path) -> None:
    """With kill -9, sites and all, the states of each sealed on disk; then the same command."""

    def start(folder: Path) -> subprocess.Popen[bytes]:
        folder.mkdir(exist_ok=True)
        root = str(Path(__file__).parents[2])
        return subprocess.Popen(
            [sys.executable, "-m", "tests.federate.sealed_job", str(folder)],
            cwd=root,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    killed = tmp_path / "killed"
    process = start(killed)
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        told = killed / "done"
        if told.exists() and float(told.read_text() or 0) > 5:
            break
        time.sleep(0.002)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (killed / "state.age").exists()
    assert b"parameters" not in (killed / "state.age").read_bytes()
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "recipe.json").write_text((killed / "recipe.json").read_text())
    assert start(killed).wait() == 0
    sealed_job.main(whole)
    results = [json.loads((f / "found.json").read_text()) for f in (killed, whole)]
    assert results[0] == results[1]
    assert results[0]["rounds"] == 40
    assert not (killed / "state.age").exists()
