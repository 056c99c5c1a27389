"""If this fails, a user's mistake loses data, leaves half a file, or ends in a traceback.

Each mistake of the list in the issue, made for real: exit code 2 (1 where a policy refuses), what,
where and how to mend it on stderr, nothing on stdout, nothing half-written.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from strongroom.data import write_table
from strongroom.files import TEMPORARY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Done, Project


def refused(done: Done, *words: str, code: int = 2) -> None:
    """Check that a command ended in a clear error that says all of `words`."""
    assert done.code == code, done.err + done.out
    assert done.err.startswith("error: "), done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err, f"{word!r} not in: {done.err}"


def rewrite(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")


def leftovers(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.name.startswith(TEMPORARY_PREFIX)]


class TestWords:
    def test_misspelt_verb(self, project: Project) -> None:
        refused(project("rnu"), 'unknown verb "rnu"', 'did you mean "run"?')

    def test_misspelt_flag(self, project: Project) -> None:
        refused(project("scan", "--spasn", "patients.csv"), "--spasn", 'did you mean "--spans"?')

    def test_missing_argument(self, project: Project) -> None:
        refused(project("scan"), "missing argument", "strongroom scan --help")

    def test_misspelt_key_with_its_line(self, project: Project) -> None:
        project.edit("epsilon = 2.0", "epsillon = 2.0")
        line = project.config.read_text().splitlines().index("epsillon = 2.0") + 1
        refused(
            project("run"),
            'unknown key "epsillon" in [train.privacy]',
            f"strongroom.toml:{line}",
            'did you mean "epsilon"?',
        )

    def test_misspelt_stage(self, project: Project) -> None:
        refused(project("run", "--until", "trian"), 'no stage "trian"', 'did you mean "train"?')

    def test_misspelt_metric_in_the_policy(self, project: Project) -> None:
        project.edit('"privacy.epsilon"', '"privacy.epsilom"')
        refused(project("run"), "privacy.epsilom", 'did you mean "privacy.epsilon"?')
        assert not project.workspace.exists() or project("budget", "--json").json["entries"] == []

    def test_misspelt_attack_before_anything_is_spent(self, project: Project) -> None:
        project.edit('attacks = "quick"', 'attacks = ["membership.lirra"]')
        refused(project("run"), "membership.lirra", 'did you mean "membership.lira"?')
        assert not project.workspace.exists() or project("budget", "--json").json["entries"] == []

    def test_errors_are_one_json_document_too(self, project: Project) -> None:
        done = project("run", "--json", "-c", "nowhere.toml")
        assert done.code == 2
        assert done.json["schema"] == "strongroom/error/1"
        assert "no nowhere.toml" in done.json["error"]["what"]


class TestFiles:
    def test_no_configuration(self, project: Project) -> None:
        project.config.unlink()
        refused(project("run"), "no strongroom.toml here", "strongroom init")

    def test_missing_source(self, project: Project) -> None:
        (project.folder / "patients.csv").unlink()
        refused(project("run"), "no such file", "patients.csv")

    def test_empty_source(self, project: Project) -> None:
        (project.folder / "patients.csv").write_bytes(b"")
        refused(project("run"), "empty", "patients.csv")

    def test_ragged_csv(self, project: Project) -> None:
        rewrite(project.folder / "patients.csv", lambda ls: [*ls[:30], ls[30] + ",more", *ls[31:]])
        refused(project("run"), "11 fields where the header has 10", "patients.csv:31")

    def test_wrong_encoding(self, project: Project) -> None:
        path = project.folder / "patients.csv"
        lines = path.read_bytes().split(b"\n")
        lines[4] = lines[4].replace(b"walks", b"w\xe4lks") + b"\xff"
        path.write_bytes(b"\n".join(lines))
        refused(project("run"), "not UTF-8", "patients.csv:5", "iconv")

    def test_wrong_name_for_the_kind(self, project: Project) -> None:
        shutil.copy(project.folder / "patients.csv", project.folder / "patients.xyz")
        told = project("scan", "patients.xyz", "--json").json["files"]
        assert told[0]["kind"] == "text"  # what nothing says to be a table is read as lines
        refused(project("risk", "patients.xyz", "--quasi", "age"), "cannot tell what kind of file")

    def test_a_parquet_file_that_is_none(self, project: Project) -> None:
        shutil.copy(project.folder / "patients.csv", project.folder / "patients.parquet")
        refused(project("scan", "patients.parquet"), "not Parquet")

    def test_init_keeps_what_is_there(self, project: Project) -> None:
        before = project.config.read_bytes()
        refused(project("init", "patients.csv"), "already is a strongroom.toml", "--force")
        assert project.config.read_bytes() == before
        refused(project("init", "nowhere.csv", "--force"), "no such file")
        assert project.config.read_bytes() == before
        assert project("init", "patients.csv", "--force").code == 0
        assert project.config.read_bytes() != before

    def test_unknown_example(self, project: Project) -> None:
        refused(
            project("init", "--example", "adlut", "demo"), 'no example "adlut"', 'mean "adult"?'
        )


class TestData:
    def test_target_that_is_not_there(self, project: Project) -> None:
        project.edit('target = "readmitted"', 'target = "readmited"')
        refused(project("run"), 'no column "readmited"', 'did you mean "readmitted"?')

    def test_an_immutable_column_that_is_not_there(self, project: Project) -> None:
        project.edit("shadows = 8", 'shadows = 8\nimmutable = ["agee"]')
        refused(project("run"), "[audit] immutable", 'did you mean "age"?')
        project.edit('"agee"', '"age"')
        assert project("run", "--until", "seal").code == 0
        project.edit('["age"]', '["sexx"]')
        refused(project("run"), "[audit] immutable", 'did you mean "sex"?')
        assert project("budget", "--json").json["entries"] == []

    def test_target_of_one_class(self, project: Project) -> None:
        path = project.folder / "patients.csv"
        path.write_text(re.sub(r'"?yes"?\n', "no\n", path.read_text()))
        refused(project("run"), "one class", "readmitted")

    @pytest.mark.parametrize("value", ["inf", "-inf"])
    def test_values_that_are_no_numbers(self, project: Project, value: str) -> None:
        path = project.folder / "patients.csv"
        header, first, *rest = path.read_text().splitlines()
        index = header.replace('"', "").split(",").index("stay")
        cells = first.split(",")
        cells[index] = value
        path.write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
        refused(project("run"), "stay", "infinite")

    def test_nan_in_a_feature(self, project: Project) -> None:
        people = [dict(p) for p in project.people]
        people[5]["stay"] = float("nan")
        table = pa.Table.from_pylist(people)
        write_table(table, project.folder / "patients.parquet")
        project.edit('source = "patients.csv"', 'source = "patients.parquet"')
        project.edit('target = "readmitted"', 'target = "readmitted"\ntest = "patients.csv"')
        refused(project("run"), '"stay" holds NaN', "make them empty")
        assert project("budget", "--json").json["entries"] == []

    def test_k_larger_than_the_table(self, project: Project) -> None:
        project.edit("k = 5", "k = 4000")
        refused(project("run"), "k = 4000")

    def test_epsilon_zero(self, project: Project) -> None:
        project.edit("epsilon = 2.0", "epsilon = 0")
        refused(project("run"), '"epsilon" in [train.privacy]', "greater than 0")

    def test_large_delta_is_warned_of(self, project: Project) -> None:
        project.edit("epsilon = 2.0", "epsilon = 2.0\ndelta = 0.01")
        done = project("run", "--until", "train", "--json")
        assert done.code == 0, done.err
        warnings = " ".join(done.json["stages"]["train"]["privacy"]["warnings"])
        assert "δ" in warnings
        assert "600" in warnings


class TestMoneyAndKeys:
    def test_an_overspent_budget_says_what_is_left(self, project: Project) -> None:
        project.edit("budget = 9.0", "budget = 2.5")
        assert project("run", "--until", "train").code == 0
        project.edit("epochs = 8", "epochs = 9")
        done = project("run", "--until", "train")
        refused(done, "ε = 2 asked", 'left for "clinic"', "of 2.5 in 1 run", code=1)
        assert len(project("budget", "--json").json["entries"]) == 1

    def test_a_key_that_others_can_read(self, project: Project) -> None:
        assert project("run", "--until", "discover").code == 0
        key = next((project.folder.parent / "xdg").rglob("*.key"))
        key.chmod(0o644)
        refused(project("run"), "others can read", str(key), "chmod 600")

    def test_a_wrong_key(self, project: Project) -> None:
        assert project("run", "--until", "anonymize").code == 0
        assert project("keys", "new", "other.key").code == 0
        refused(project("run", STRONGROOM_IDENTITY="other.key"), "key")

    def test_a_lost_key(self, project: Project) -> None:
        assert project("run", "--until", "anonymize").code == 0
        key = next((project.folder.parent / "xdg").rglob("*.key"))
        key.unlink()
        refused(project("run"), "key", str(key))

    def test_a_wrong_passphrase(self, project: Project) -> None:
        made = project("keys", "new", "my.key", "--passphrase", STRONGROOM_PASSPHRASE="right")
        assert made.code == 0, made.err
        refused(project("keys", "show", "my.key", STRONGROOM_PASSPHRASE="wrong"), "passphrase")
        refused(project("keys", "show", "my.key"), "passphrase")

    def test_keys_are_never_replaced(self, project: Project) -> None:
        assert project("keys", "new", "my.key").code == 0
        before = (project.folder / "my.key").read_bytes()
        refused(project("keys", "new", "my.key"), "my.key")
        assert (project.folder / "my.key").read_bytes() == before


class TestTampering:
    def test_an_artefact(self, project: Project) -> None:
        assert project("run", "--until", "seal").code == 0
        victim = max((project.workspace / "artefacts").rglob("*.age"), key=lambda p: p.name)
        content = bytearray(victim.read_bytes())
        content[-20] ^= 1
        victim.write_bytes(bytes(content))
        done = project("verify")
        assert done.code == 1
        assert victim.name[:16] in done.out
        assert "Traceback" not in done.err

    def test_the_model_that_the_audit_reads(self, project: Project) -> None:
        assert project("run", "--until", "train").code == 0
        for victim in (project.workspace / "artefacts").rglob("*.age"):
            content = victim.read_bytes()
            victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        refused(project("run"), "isn't what was written", "strongroom verify")

    def test_the_log(self, project: Project) -> None:
        assert project("run", "--until", "anonymize").code == 0
        record = sorted((project.workspace / "evidence").glob("0*.json"))[1]
        record.write_text(record.read_text().replace("payload", "payloaf", 1))
        done = project("verify", "--json")
        assert done.code == 1
        assert done.json["ok"] is False
        assert any(record.stem.lstrip("0") in str(b) for b in done.json["broken"])

    def test_the_ledger(self, project: Project) -> None:
        import sqlite3

        assert project("run", "--until", "train").code == 0
        database = sqlite3.connect(project.workspace / "state.db")
        table = "ledger_entries"
        with database:
            database.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
        database.close()
        done = project("verify")
        assert done.code == 1
        assert "ledger" in done.out


class TestPlaces:
    def test_a_full_disk_loses_nothing(self, project: Project) -> None:
        assert project("run", "--until", "discover").code == 0
        before = {p: p.read_bytes() for p in project.files() if "evidence" in p.parts}

        def small_files() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

        done = subprocess.run(
            [sys.executable, "-m", "strongroom", "run"],
            cwd=project.folder,
            env=dict(os.environ),
            preexec_fn=small_files,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert "full" in done.stderr
        assert "Traceback" not in done.stderr
        for path, content in before.items():
            assert path.read_bytes().startswith(content[:40])
        assert not leftovers(project.folder)
        assert project("run").code == 0
        assert project("verify").code == 0

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_read_only_place(self, project: Project) -> None:
        project.folder.chmod(0o500)
        try:
            refused(project("run"), "cannot write here")
        finally:
            project.folder.chmod(0o700)

    def test_a_file_system_that_is_read_only(self, project: Project) -> None:
        mounted = project.folder.parent / "mounted"
        mounted.mkdir()
        script = (
            f"mount --bind {project.folder} {mounted} && mount -o remount,ro,bind {mounted}"
            f" && cd {mounted} && exec {sys.executable} -m strongroom run"
        )
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script],
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 2 or "error:" not in done.stderr:
            pytest.skip(f"no right to mount here: {done.stderr.strip()[:80]}")
        assert "cannot write here" in done.stderr
        assert "Traceback" not in done.stderr

    def test_two_runs_at_once(self, project: Project) -> None:
        holder = project.start("run")
        try:
            deadline = time.monotonic() + 60
            while not (project.workspace / "lock").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.2)
            if holder.poll() is not None:
                pytest.skip("the first run was over before the second began")
            second = project("run")
            refused(second, f"pid {holder.pid}", "--wait")
        finally:
            holder.communicate(timeout=120)
        assert holder.returncode == 0
        assert project("run", "--wait", "30").code == 0
