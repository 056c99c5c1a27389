"""If this fails, sites can't train together as people start them, or a kill loses work."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from tests.federate.flare_processes import PATIENCE, Processes, wait_for

from strongroom import load_model
from strongroom.store import Workspace, verify

pytest.importorskip("nvflare")

if TYPE_CHECKING:
    from pathlib import Path

_JOB = """\
[project]
name = "clinics"
[train]
model = "logistic"
optimizer = "sgd"
learning_rate = 1.0
[job]
rounds = {rounds}
local_epochs = 20
min_sites = 2
deadline = 60
{more}
"""
_ASK = 'approve = "ask"\n'


def settings(federation: Processes, rounds: int, more: str = "") -> None:
    path = federation.folder / "federation" / "federation.toml"
    path.write_text(_JOB.format(rounds=rounds, more=more))


def await_round(log: Path, number: int, federation: Processes) -> None:
    wait_for(log, f"round {number} of", federation.running["run"])


@pytest.mark.slow
def test_three_sites_train_although_everything_is_killed_once(tmp_path: Path) -> None:
    rounds = 200
    with Processes(tmp_path, ("a", "b", "c")) as federation:
        for seed, name in enumerate(federation.sites):
            # People at "b" want to be asked.
            federation.settle(name, 300 + 100 * seed, seed, _ASK if name == "b" else "")
        settings(federation, rounds, "[job.privacy]\nepsilon = 2.0\n")
        federation.serve()
        federation.join(*federation.sites)

        command = ("-m", "strongroom", "federate", "run", "federation")
        log = federation.start("run", *command)
        await_round(log, 3, federation)
        # "b" comes late, when its people have looked at the job.
        (waiting,) = json.loads(federation.call("federate", "jobs", "--json",
                                                cwd=tmp_path / "b").stdout)["jobs"]  # fmt: skip
        assert waiting["state"] == "waits"
        assert waiting["recipe"]["privacy"]["epsilon"] == 2.0
        approved = federation.call("federate", "approve", waiting["job"][:8], cwd=tmp_path / "b")
        assert approved.returncode == 0
        assert "ε = 2" in approved.stdout
        wait_for(log, ": 3 sites", federation.running["run"])

        federation.kill("a")
        wait_for(log, ": 2 sites", federation.running["run"])
        federation.kill("run")
        federation.join("a")
        log.write_bytes(b"")
        federation.start("run", *command)
        wait_for(log, "which goes on", federation.running["run"])
        wait_for(log, ": 3 sites", federation.running["run"])
        federation.kill("server")
        federation.serve()
        assert federation.running.pop("run").wait(2 * PATIENCE) == 0

        with Workspace.read_only(tmp_path / "federation" / ".strongroom") as workspace:
            record = workspace.stage("federation")
        assert record is not None
        assert record.doc["digest"] == waiting["digest"]
        done = [r["round"] for r in record.doc["rounds"] if "lost" not in r]
        assert done == sorted(set(done))
        assert len(done) > rounds - 5
        for name in federation.sites:
            told = record.doc["statements"][name]
            assert told["verified"], told["why"]
            # Killed or not: one reservation, never a second one.
            assert told["predicate"]["privacy"]["epsilon"] <= 2.0
            with Workspace.read_only(tmp_path / name / ".strongroom") as site:
                (entry,) = site.budget(name, None)["entries"]
            assert entry["state"] == "settled"
            assert entry["epsilon"] <= 2.0
        for folder in ("federation", *federation.sites):
            assert verify(tmp_path / folder / ".strongroom").ok
        model = load_model(tmp_path / "federation" / "model")
        assert list(model.model.classes) == ["no", "yes"]
        assert record.doc["metrics"]["test"]["accuracy"] > 0.7


@pytest.mark.slow
def test_a_secure_sum_over_the_wire_and_a_stop(tmp_path: Path) -> None:
    with Processes(tmp_path, ("a", "b", "c")) as federation:
        for seed, name in enumerate(federation.sites):
            federation.settle(name, 200, seed, "secure = true\n")
        federation.serve()
        federation.join(*federation.sites)

        settings(federation, 3)
        refused = federation.call("federate", "run", "federation", "--wait", "5")
        assert refused.returncode == 1
        assert "wants secure aggregation" in refused.stderr

        settings(federation, 3, "[job.secure]\nthreshold = 2\n")
        changed = federation.call("federate", "run", "federation")
        assert changed.returncode == 2
        assert "--again gives it up" in changed.stderr
        done = federation.call("federate", "run", "federation", "--again", "--json")
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert [len(r["answered"]) for r in document["rounds"]] == [3, 3, 3]
        page = (tmp_path / "federation" / "report" / "report.html").read_text()
        assert "What left the sites?" in page
        differences = {f["metric"]: f["value"] for f in document["findings"]}
        assert differences["federation.traffic_differences"] == 0
        sent = document["statements"]["a"]["predicate"]["traffic"]["sent"]
        assert sent["submit"]["messages"] == 3

        settings(federation, 1000, "[job.secure]\nthreshold = 2\n")
        log = federation.start("run", "-m", "strongroom", "federate", "run", "federation")
        await_round(log, 2, federation)
        stopped = federation.call("federate", "stop", "-q", cwd=tmp_path / "a")
        assert stopped.returncode == 2
        (job,) = [j for j in json.loads(federation.call("federate", "jobs", "--json",
                  cwd=tmp_path / "a").stdout)["jobs"] if j["state"] == "runs"]  # fmt: skip
        assert federation.call("federate", "stop", job["job"][:8],
                               cwd=tmp_path / "a").returncode == 0  # fmt: skip
        wait_for(log, ": 2 sites", federation.running["run"])
        federation.kill("run")
        over = federation.call("federate", "stop", "--federation", "federation")
        assert over.returncode == 0, over.stderr
        again = federation.call("federate", "stop", "--federation", "federation")
        assert "no job of this coordinator is unfinished" in again.stderr
        time.sleep(1)


def test_a_join_that_cannot_be_is_told(tmp_path: Path) -> None:
    federation = Processes(tmp_path)
    place = federation.settle("a", 50, 0)
    server = federation.call("federate", "join", str(federation.kits["server"].folder), cwd=place)
    assert server.returncode == 2
    assert "kit of the server" in server.stderr
    assert "federate serve takes it" in server.stderr
    other = federation.call("federate", "join", str(federation.kits["b"].folder), cwd=place)
    assert other.returncode == 2
    assert 'of the site "a", and the kit of "b"' in other.stderr
    none = federation.call("federate", "join", "nothing.zip", cwd=place)
    assert "no such start-up kit" in none.stderr
