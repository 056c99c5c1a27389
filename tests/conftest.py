"""Shared by all tests: keys stay out of the user's own folder; a small project to walk."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import settings

from strongroom.cli._main import run
from strongroom.data import write_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CONFIG = """\
[project]
name = "clinic"
[data]
source = "patients.csv"
target = "readmitted"
rows = 600
budget = 9.0
[data.columns.age]
role = "quasi_identifier"
range = [0, 120]
knots = [30, 50, 70]
[data.columns.sex]
role = "quasi_identifier"
categories = ["f", "m"]
[data.columns.ward]
role = "quasi_identifier"
categories = ["north", "south", "east"]
[data.columns.stay]
role = "feature"
range = [0, 30]
[data.columns.diagnosis]
role = "sensitive"
categories = ["asthma", "diabetes", "fracture", "migraine"]
[anonymize]
k = 5
l = 2
[train]
epochs = 8
batch_size = "full"
learning_rate = 0.1
[train.privacy]
epsilon = 2.0
canaries = 60
[audit]
attacks = "quick"
shadows = 8
[policy]
"privacy.epsilon" = { max = 3.0 }
"anonymize.k" = { min = 5 }
"membership.auc" = { max = 0.8 }
"membership.tpr_at_fpr_0.01" = { max = 0.5 }
"""


# One submission, one verdict: at home every run tries new examples, in CI the same ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(autouse=True)
def _own_configuration_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("STRONGROOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STRONGROOM_IDENTITY", raising=False)
    monkeypatch.delenv("STRONGROOM_PASSPHRASE", raising=False)
    monkeypatch.setenv("COLUMNS", "120")


@dataclass(frozen=True)
class Done:
    """What one command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.out)


@dataclass(frozen=True)
class Project:
    """A folder with made-up patients and a strongroom.toml, and the command to use on it."""

    folder: Path
    people: tuple[Mapping[str, Any], ...]

    def __call__(self, *arguments: str, **environment: str) -> Done:
        """Run `strongroom` in the folder, in this process: what `main` does, less the exit."""
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, environment),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = run(arguments)
        return Done(code, out.getvalue(), err.getvalue())

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `strongroom` and don't wait."""
        return subprocess.Popen(
            [sys.executable, "-m", "strongroom", *arguments],
            cwd=self.folder,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def config(self) -> Path:
        return self.folder / "strongroom.toml"

    def edit(self, old: str, new: str) -> None:
        """Change the configuration; the old text must be there."""
        text = self.config.read_text()
        assert old in text, f"{old!r} isn't in the configuration"
        self.config.write_text(text.replace(old, new))

    @property
    def workspace(self) -> Path:
        return self.folder / ".strongroom"

    def files(self) -> Iterator[Path]:
        """Every file of the workspace."""
        return (p for p in sorted(self.workspace.rglob("*")) if p.is_file())


def made_up_people(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Patients with identifiers that no real person has; readmission depends on age and stay."""
    draw = random.Random(seed)
    people = []
    for number in range(count):
        age, stay = draw.randint(18, 90), draw.randint(0, 30)
        mail = f"patient{number}@example.org"
        note = draw.choice(["", "", "walks daily", f"write to {mail} first"])
        people.append(
            {
                "patient_id": f"PT-{100000 + number}",
                "name": f"{draw.choice(['Ada', 'Ben', 'Cleo', 'Dan'])} "
                f"{draw.choice(['Miller', 'Nowak', 'Okafor', 'Park'])}{chr(97 + number % 26)}",
                "email": mail,
                "age": age,
                "sex": draw.choice(["f", "m"]),
                "ward": draw.choice(["north", "south", "east"]),
                "stay": stay,
                "diagnosis": draw.choice(["asthma", "diabetes", "fracture", "migraine"]),
                "note": note,
                "readmitted": "yes" if age / 90 + stay / 30 + draw.gauss(0, 0.3) > 1.1 else "no",
            }
        )
    return people


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh project folder, nothing run yet."""
    folder = tmp_path / "clinic"
    folder.mkdir()
    people = made_up_people(600)
    write_table(pa.Table.from_pylist(people), folder / "patients.csv")
    (folder / "strongroom.toml").write_text(CONFIG)
    return Project(folder, tuple(people))
