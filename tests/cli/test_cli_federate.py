"""If this fails, the verbs of a federation say something else than they should, or nothing."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from strongroom import __version__
from strongroom.config import ProjectSpec
from strongroom.federate import Decisions, Recipe, SitePrivacySpec, read_settings
from strongroom.store import Workspace

pytest.importorskip("nvflare")

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project


def recipe(**more: object) -> Recipe:
    given = {"job": secrets.token_hex(16), "project": "hearts", "version": __version__,
             "sites": ("a", "b"), "rounds": 7, **more}  # fmt: skip
    return Recipe.model_validate(given)


def test_init_makes_kits_and_says_what_is_next(project: Project) -> None:
    done = project("federate", "init", "hospital-a", "hospital-b", "--host", "fed.example.org")
    assert done.code == 0, done.err
    for said in ("fed.example.org:8002", "hospital-a.zip", "Next: strongroom federate serve"):
        assert said in done.out
    assert (project.folder / "federation" / "sites" / "hospital-b.zip").is_file()
    settings = read_settings(project.folder / "federation")
    assert settings.project == ProjectSpec(name="federation")
    # Its settings are the user's from then on.
    (project.folder / "federation" / "federation.toml").write_text('[project]\nname = "mine"\n')
    again = project("federate", "init", "hospital-c", "--host", "fed.example.org", "--json")
    assert sorted(again.json["sites"]) == ["hospital-a", "hospital-b", "hospital-c"]
    assert read_settings(project.folder / "federation").project.name == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["init", "Hospital A"], "can't name a site"),
        (["init", "a", "a"], "named twice"),
        (["init", "a", "--port", "99999"], "is not a port"),
        (["init", "a", "--host", "a b"], "can't be the server's address"),
        (["serve", "nowhere"], "not a start-up kit"),
        (["run", "nowhere"], "no federation.toml here"),
        (["join", "nowhere"], "not a start-up kit"),
        (["approve", "abcdef"], "names no jobs of this site"),
        (["approve", "ab"], "too short"),
        (["jobs", "abcdef"], 'no job "abcdef"'),
        (["jion"], 'did you mean "join"'),
    ],
)
def test_what_cannot_be_is_told(project: Project, arguments: list[str], said: str) -> None:
    done = project("federate", *arguments)
    assert done.code == 2
    assert said in done.err


def test_without_a_verb_there_is_help(project: Project) -> None:
    done = project("federate")
    assert done.code == 2
    assert "join" in done.out
    assert not done.err


def test_run_without_a_server_says_how_to_start_it(project: Project) -> None:
    assert project("federate", "init", "a", "b", "--port", "1").code == 0
    done = project("federate", "run")
    assert done.code == 2
    assert "nobody listens there" in done.err
    assert "strongroom federate serve" in done.err


def test_privacy_is_asked_for_in_the_job(project: Project) -> None:
    assert project("federate", "init", "a", "b").code == 0
    path = project.folder / "federation" / "federation.toml"
    path.write_text('[project]\nname = "x"\n[train.privacy]\nepsilon = 1.0\n')
    done = project("federate", "run")
    assert done.code == 2
    assert "[job.privacy]" in done.err
    path.write_text('[project]\nname = "x"\n[job]\nround = 3\n')
    done = project("federate", "run")
    assert 'unknown key "round" in [job]' in done.err
    assert 'did you mean "rounds"' in done.err


def test_people_at_a_site_read_and_decide(project: Project) -> None:
    nothing = project("federate", "jobs")
    assert nothing.code == 0
    assert "Nothing has been asked" in nothing.out
    first, second = recipe(), recipe(privacy=SitePrivacySpec(epsilon=1.5))
    at_the_site = Decisions(project.folder / ".strongroom" / "federation")
    for one in (first, second):
        at_the_site.note(one, "waits")
        assert not at_the_site.approves(one.digest())

    shown = project("federate", "jobs")
    assert shown.out.count("waits for you") == 2
    assert "no privacy" in shown.out
    assert "ε = 1.5" in shown.out
    words = project("federate", "jobs", first.job[:8])
    assert "7 rounds" in words.out
    assert "the coordinator sees this site's update" in words.out

    assert project("federate", "approve", second.job[:8]).code == 0
    assert at_the_site.approves(second.digest())
    denied = project("federate", "approve", first.job, "--deny", "--json")
    assert denied.json["said"] == "no"
    with pytest.raises(Exception, match="said no"):
        at_the_site.approves(first.digest())
    # A yes is to this recipe: with another parameter it is another.
    assert not at_the_site.approves(recipe(job=second.job).digest())

    at_the_site.note(second, "runs")
    assert at_the_site.stopped() == []
    assert project("federate", "stop", second.job[:8]).code == 0
    assert at_the_site.stopped() == [second.job]
    at_the_site.note(second, "stopped")
    assert "stopped already" in project("federate", "stop", second.job[:8]).err
    states = {j["job"]: j["state"] for j in project("federate", "jobs", "--json").json["jobs"]}
    assert states == {first.job: "waits", second.job: "stopped"}


def test_a_touched_decision_is_told(project: Project) -> None:
    one = recipe()
    folder = project.folder / ".strongroom" / "federation"
    Decisions(folder).note(one, "waits")
    (folder / f"{one.job}.json").write_text(json.dumps({"said": "yes"}))
    done = project("federate", "jobs")
    assert done.code == 2
    assert "can't be read" in done.err


def test_decisions_leave_a_workspace_that_verify_accepts(project: Project) -> None:
    with Workspace.open(project.folder / ".strongroom", create=True):
        pass
    Decisions(project.folder / ".strongroom" / "federation").note(recipe(), "waits")
    assert project("verify").code == 0


@pytest.mark.slow
def test_the_demo_trains_and_leaves_no_process(tmp_path: Path) -> None:
    """Three sites of UCI Adult, as a newcomer starts them."""
    command = [sys.executable, "-m", "strongroom", "federate", "demo", "new", "--rounds", "3"]
    done = subprocess.run(
        [*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document["members"]) == {"companies", "government", "self-employed"}
    # Always saying the most frequent class would reach 76.4 %.
    assert document["metrics"]["test"]["accuracy"] > 0.83
    assert all(s["verified"] for s in document["statements"].values())
    for log in (tmp_path / "new" / "logs").iterdir():
        assert "stopped" in log.read_text(), log
    twice = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert twice.returncode == 2
    assert "the folder isn't empty" in twice.stderr
