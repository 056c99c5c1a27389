"""If this fails, `strongroom run` doesn't walk the way, repeats work, or leaks people."""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.conftest import Project

STAGES = ["discover", "anonymize", "seal", "train", "audit", "report"]


def walk_until_report(project: Project, *flags: str) -> dict[str, list[str]]:
    done = project("run", "--json", *flags)
    assert done.code == 0, done.err
    document = done.json
    assert list(document["stages"]) == STAGES
    return {"skipped": document["skipped"]}


def test_the_whole_way_and_what_it_leaves(project: Project) -> None:
    done = project("run")
    assert done.code == 0, done.err
    for stage in STAGES:
        assert re.search(rf"✓ {stage}", done.out), done.out
    assert "Within policy" in done.out
    assert re.search(r"Proved ε = [12]\.\d\d at δ = 1e-05", done.out), done.out
    assert {p.name for p in (project.folder / "report").iterdir()} == {
        "report.html",
        "report.json",
        "report.sarif",
    }
    assert (project.folder / "model" / "model.safetensors").exists()
    assert project("verify").code == 0
    assert project("check").code == 0

    # Nothing that says who the patients are lies in the workspace, the report or the model.
    secrets = [str(p[c]).encode() for p in project.people[::7] for c in ("email", "patient_id")]
    open_files = [*project.files(), *(project.folder / "report").iterdir()]
    open_files += [p for p in (project.folder / "model").rglob("*") if p.is_file()]
    for file in open_files:
        content = file.read_bytes()
        assert not [s for s in secrets if s in content], f"a patient stands in {file}"
    for file in (project.workspace / "artefacts").rglob("*"):
        if file.is_file():
            assert file.read_bytes().startswith(b"age-encryption.org/v1\n")
            assert file.stat().st_mode & 0o077 == 0


def test_only_what_changed_runs_again(project: Project) -> None:
    assert walk_until_report(project) == {"skipped": []}
    assert walk_until_report(project) == {"skipped": STAGES}

    project.edit('"anonymize.k" = { min = 5 }', '"anonymize.k" = { min = 3 }')
    assert walk_until_report(project) == {"skipped": STAGES[:5]}

    project.edit('attacks = "quick"', 'attacks = "quick"\nseed = 1')
    assert walk_until_report(project) == {"skipped": STAGES[:4]}

    project.edit("epochs = 8", "epochs = 9")
    assert walk_until_report(project) == {"skipped": STAGES[:3]}

    # Other anonymized rows, but the same minimized ones: no new training, and no new ε.
    project.edit("k = 5", "k = 6")
    assert walk_until_report(project) == {"skipped": ["discover", "train", "audit"]}

    (project.folder / "report" / "report.html").write_text("mine now")
    assert walk_until_report(project) == {"skipped": STAGES[:5]}
    assert "mine now" not in (project.folder / "report" / "report.html").read_text()

    source = project.folder / "patients.csv"
    source.write_text("".join(source.read_text().splitlines(keepends=True)[:-1]))
    assert walk_until_report(project) == {"skipped": []}
    assert project("verify").code == 0
    assert len(project("budget", "--json").json["entries"]) == 3


def test_a_folder_of_the_user_is_never_replaced(project: Project) -> None:
    (project.folder / "model").mkdir()
    (project.folder / "model" / "mine.txt").write_text("mine")
    done = project("run")
    assert done.code == 2
    assert "isn't one of ours" in done.err
    assert (project.folder / "model" / "mine.txt").read_text() == "mine"
    (project.folder / "model" / "mine.txt").rename(project.folder / "mine.txt")
    (project.folder / "model").rmdir()
    assert project("run").code == 0


def test_a_policy_that_says_no(project: Project) -> None:
    project.edit('"privacy.epsilon" = { max = 3.0 }', '"privacy.epsilon" = { max = 1.5 }')
    done = project("run")
    assert done.code == 1
    assert "FAIL" in done.out
    assert "privacy.epsilon" in done.out
    assert "limit at most 1.5" in done.out
    assert not (project.folder / "model").exists(), "a refused model must not leave the workspace"
    assert project("check").code == 1
    assert project("verify").code == 0

    project.edit('"privacy.epsilon" = { max = 1.5 }', '"privacy.epsilon" = { max = 2.5 }')
    assert project("check").code == 0
    assert project("run").code == 0
    assert (project.folder / "model").exists()


def start_long_training(project: Project, epochs: int = 4000) -> subprocess.Popen[str]:
    """Start a training of many seconds and wait until the ledger knows of it."""
    project.edit("epochs = 8", f"epochs = {epochs}\ncompare = false")
    victim = project.start("run", "--until", "train")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.1)
        shown = project("budget", "--json")
        if shown.code == 0 and shown.json["entries"]:
            return victim
    raise AssertionError("the training didn't begin")


def test_a_killed_training_is_paid_once(project: Project) -> None:
    """A killed training is replayed from its reservation: one entry in the ledger, not two."""
    victim = start_long_training(project)
    time.sleep(1.0)
    assert victim.poll() is None, "the training was too quick to be killed"
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    (entry,) = project("budget", "--json").json["entries"]
    assert entry["state"] == "reserved"
    assert project("verify").code == 0
    done = project("run", "--until", "train", "--json")
    assert done.code == 0, done.err
    (after,) = project("budget", "--json").json["entries"]
    assert after["state"] == "settled"
    assert after["id"] == entry["id"]


def test_interrupted_by_ctrl_c(project: Project) -> None:
    victim = start_long_training(project)
    victim.send_signal(signal.SIGINT)
    out, err = victim.communicate(timeout=60)
    assert victim.returncode == 130, err
    assert "kept" in err
    assert "Traceback" not in err
    assert "✓ seal" in out
    project.edit("epochs = 4000\ncompare = false", "epochs = 8")
    assert project("train", "--discard").code == 0
    assert walk_until_report(project) == {"skipped": STAGES[:4]}
    assert project("verify").code == 0


def test_changed_settings_do_not_throw_away_what_was_paid(project: Project) -> None:
    victim = start_long_training(project, epochs=400_000)
    kept = project.workspace / "checkpoints" / "train.age"
    deadline = time.monotonic() + 60
    while not kept.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    project.edit("epochs = 400000", "epochs = 5")
    refused = project("run")
    assert refused.code == 2
    assert "epochs 400000.0 → 5.0" in refused.err
    assert len(project("budget", "--json").json["entries"]) == 1
    done = project("train", "--discard")
    assert done.code == 0, done.err
    assert "never finished stays spent" in done.err
    assert len(project("budget", "--json").json["entries"]) == 2


def test_a_project_can_move(project: Project, tmp_path: Path) -> None:
    """The workspace holds no absolute path: copied elsewhere, it still verifies and continues."""
    assert project("run").code == 0
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(project.folder, elsewhere)
    shutil.rmtree(project.folder)
    moved = type(project)(elsewhere, project.people)
    assert moved("verify").code == 0
    assert walk_until_report(moved) == {"skipped": STAGES}


def test_without_privacy(project: Project) -> None:
    text = project.config.read_text()
    start, end = text.index("[train.privacy]"), text.index("[audit]")
    text = text[:start] + text[end:]
    project.config.write_text(text.replace('"privacy.epsilon" = { max = 3.0 }\n', ""))
    done = project("run")
    assert done.code == 0, done.err
    assert "Trained without differential privacy" in done.out
    assert project("budget", "--json").json["entries"] == []


def test_an_mlp_with_poisson_sampling(project: Project) -> None:
    project.edit('batch_size = "full"', 'model = "mlp"\nhidden = [8]\nbatch_size = 100')
    done = project("run", "--json")
    assert done.code == 0, done.err
    privacy = done.json["stages"]["train"]["privacy"]
    assert privacy["sampling_rate"] == pytest.approx(100 / 600)
    assert privacy["epsilon"] <= 2.0 + 1e-6


def test_a_person_with_many_rows_is_the_unit(project: Project) -> None:
    path = project.folder / "patients.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *rows, *rows[:200]]) + "\n")
    project.edit('target = "readmitted"', 'target = "readmitted"\nsubject = "patient_id"')
    done = project("run", "--json")
    assert done.code == 0, done.err
    assert done.json["stages"]["train"]["privacy"]["unit"] == "subject"


@pytest.mark.parametrize("verb", ["discover", "train"])
def test_documents_hold_no_values(project: Project, verb: str) -> None:
    done = project("run", "--until", verb, "--json")
    text = json.dumps(done.json)
    assert not [p for p in project.people if p["email"] in text or p["patient_id"] in text]
