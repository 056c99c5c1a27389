"""If this fails, text doesn't walk the way: an address reaches the model, or the audit breaks."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from tests.conftest import Project

from strongroom.config import DiscoverSpec, parse
from strongroom.data import Dataset
from strongroom.discover import scan
from strongroom.starter import render_config

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = """\
[project]
name = "messages"
[data]
source = "messages.csv"
target = "label"
rows = 300
[data.columns.label]
categories = ["ham", "spam"]
[train]
model = "ngram"
epochs = 20
optimizer = "momentum"
learning_rate = 5.0
[train.privacy]
epsilon = 8.0
clip_norm = 0.5
canaries = 60
[train.text]
column = "text"
buckets = 4096
[audit]
attacks = "quick"
"""
LETTERS = """\
[project]
name = "letters"
[data]
source = "letters.txt"
rows = 500
[train]
model = "language-model"
epochs = 4
batch_size = 100
learning_rate = 0.02
average = false
[train.privacy]
epsilon = 8.0
canaries = 60
[train.text]
length = 32
width = 16
layers = 1
heads = 2
[audit]
attacks = "quick"
"""
HOME = "see you at home tonight with mum and the dog then we eat and sleep"
PRIZE = "win free cash prize now claim this urgent offer today and call us"


def sentence(draw: random.Random, words: str, number: int) -> str:
    said = " ".join(draw.choices(words.split(), k=9))
    return f"{said} write to person{number}@example.org" if number % 5 == 0 else said


def walk(tmp_path: Path, config: str, source: str, content: str) -> tuple[Project, dict[str, Any]]:
    folder = tmp_path / "text"
    folder.mkdir()
    (folder / source).write_text(content)
    (folder / "strongroom.toml").write_text(config)
    project = Project(folder, ())
    done = project("run")
    assert done.code in {0, 1}, done.err
    assert "not evaluable" in done.out
    return project, json.loads((folder / "report" / "report.json").read_text())


def findings(report: dict[str, Any], metric: str) -> list[dict[str, Any]]:
    return [f for f in report["findings"] if f["metric"] == metric]


def address_free(project: Project, report: dict[str, Any]) -> None:
    assert findings(report, "discover.residual_identifiers")[0]["value"] == 0
    model = project.folder / "model"
    files = [*project.files(), *(p for p in model.rglob("*") if p.is_file())]
    for file in [*files, project.folder / "report" / "report.html"]:
        assert b"@example.org" not in file.read_bytes(), file


def test_messages_walk_the_way(tmp_path: Path) -> None:
    draw = random.Random(1)
    rows = []
    for number in range(400):
        label, words = ("spam", PRIZE) if draw.random() < 0.4 else ("ham", HOME)
        rows.append(f"{label},{sentence(draw, words, number)}")
    project, report = walk(tmp_path, MESSAGES, "messages.csv", "\n".join(["label,text", *rows]))
    address_free(project, report)
    assert report["train"]["metrics"]["test"]["balanced_accuracy"] > 0.9
    assert report["train"]["model"]["kind"] == "ngram"
    # Text is attacked by models of the same recipe.
    losses = [f for f in report["findings"] if f["check"] == "membership.loss"]
    assert any(f["value"] is not None for f in losses)
    assert any(f["value"] is not None for f in findings(report, "privacy.epsilon_lower_bound"))
    shadows = [f for f in report["findings"] if f["check"] == "membership.lira"]
    assert any(f["value"] is not None for f in shadows)
    assert all(f["details"]["references"] == "own" for f in shadows if f["value"] is not None)
    assert project("verify").code == 0


def test_a_text_file_walks_the_way(tmp_path: Path) -> None:
    draw = random.Random(2)
    content = "\n".join(sentence(draw, HOME, number) for number in range(300))
    project, report = walk(tmp_path, LETTERS, "letters.txt", content)
    address_free(project, report)
    test = report["train"]["metrics"]["test"]
    assert 1 < test["perplexity"] < 60
    assert report["train"]["comparison"]["metrics"]["test"]["perplexity"] < test["perplexity"] + 5
    assert any("one sequence of 32 bytes" in s for s in report["train"]["privacy"]["covered"])
    accuracy = findings(report, "utility.accuracy")[0]
    assert accuracy["value"] == pytest.approx(test["accuracy"])
    assert project("verify").code == 0


def test_init_writes_a_recipe_for_text_where_nothing_else_is_left(tmp_path: Path) -> None:
    words = ["see you at the station later today", "win a prize now, call this number at once"]
    table = pa.table(
        {
            "label": ["ham", "spam"] * 60,
            "text": [f"{w} and think of it {i} times more" for i in range(60) for w in words],
        }
    )
    for columns, model in (
        (table, "ngram"),
        (table.append_column("n", pa.array([i % 7 for i in range(120)])), "lo"),
    ):
        dataset = Dataset.of(columns)
        found = scan(dataset, DiscoverSpec(), "label")
        text = render_config(found, dataset, tmp_path / "messages.csv")
        assert f'model = "{model}' in text
        assert parse(text).train.epochs in {30, 100}
