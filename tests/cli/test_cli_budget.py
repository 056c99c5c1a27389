"""If this fails, a plan promises another ε than training proves, or accuracy nobody measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from strongroom.cli._chart import chart
from strongroom.cli.budget import _gauge

if TYPE_CHECKING:
    from tests.conftest import Project


def planned(project: Project, *flags: str) -> dict[str, Any]:
    done = project("budget", "plan", "--json", *flags)
    assert done.code == 0, done.err
    assert done.json["schema"] == "strongroom/budget/1"
    found: dict[str, Any] = done.json
    return found


def test_a_plan_is_what_training_then_does(project: Project) -> None:
    doc = planned(project)
    assert doc["solved"] == "noise_multiplier"
    assert doc["budget"]["spent"] == 0
    assert doc["budget"]["fits"]
    trained = project("run", "--until", "train", "--json").json["stages"]["train"]
    assert doc["plan"]["noise_multiplier"] == trained["privacy"]["noise_multiplier"]
    assert doc["plan"]["steps"] == trained["steps"]
    assert doc["budget"]["after"] == pytest.approx(project("budget", "--json").json["spent"])


def test_accuracy_only_where_it_was_measured(project: Project) -> None:
    assert not any(r["measured"] or r["between"] for r in planned(project)["accuracy"])
    assert project("train", "--sweep", "epsilon=1,4").code == 0
    rows = {r["epsilon"]: r for r in planned(project)["accuracy"]}
    assert rows[1.0]["measured"]["from"] == "sweep ε=1"
    assert rows[0.5]["measured"] is None
    assert [p["epsilon"] for p in rows[2.0]["between"]] == pytest.approx([1.0, 4.0])
    said = project("budget", "plan").out
    assert "not measured" in said
    # Other epochs are another training.
    others = planned(project, "--epochs", "20")["accuracy"]
    assert not any(r["measured"] or r["between"] for r in others)


@pytest.mark.parametrize(
    ("flags", "solved"),
    [
        (("--noise", "1.5", "--batch-size", "60"), "epsilon"),
        (("--epsilon", "2", "--noise", "3"), "epochs"),
        (("--epsilon", "2", "--noise", "3", "--epochs", "5"), "batch_size"),
        (("--epsilon", "2", "--rows", "5000", "--delta", "1e-6"), "noise_multiplier"),
    ],
)
def test_each_number_can_be_found(project: Project, flags: tuple[str, ...], solved: str) -> None:
    doc = planned(project, *flags)
    assert doc["solved"] == solved
    given = dict(zip(flags[::2], map(float, flags[1::2]), strict=True))
    plan = doc["plan"]
    for flag, name in (("--noise", "noise_multiplier"), ("--epochs", "epochs"), ("--rows", "rows")):
        if flag in given:
            assert plan[name] == given[flag]
    assert plan["epsilon"] <= given.get("--epsilon", 1e9)


def test_a_plan_draws_and_refuses(project: Project) -> None:
    done = project("budget", "plan", "--epsilon", "12", "--picture", "plan.svg")
    assert done.code == 0, done.err
    assert "it would be refused" in done.out
    assert (project.folder / "plan.svg").read_text().count("you are here") == 3


def test_another_mechanism_than_the_planned_one_is_said(project: Project) -> None:
    assert planned(project)["note"] is None
    project.edit("canaries = 60", 'noise = "blt"')
    assert "noise = blt" in planned(project)["note"]
    assert "noise = blt" in project("budget", "plan").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "--epsilon", "1"), "goes with: strongroom budget plan"),
        (("plan", "clinic"), "own account"),
        (("plan", "--epsilon", "1", "--noise", "1", "--epochs", "1", "--batch-size", "9"),
         "nothing is left"),
        (("plan", "--batch-size", "many"), "neither a number of rows nor full"),
        (("plan", "--batch-size", "1000"), "more than the 600 rows"),
    ],
)  # fmt: skip
def test_bad_plans(project: Project, arguments: tuple[str, ...], said: str) -> None:
    done = project("budget", *arguments)
    assert done.code == 2
    assert said in done.err


def test_a_plan_needs_no_project(project: Project) -> None:
    project.config.unlink()
    assert project("budget", "plan").code == 2
    doc = planned(project, "--rows", "1000", "--epsilon", "1")
    assert doc["budget"] is None


def test_the_gauge_and_the_plot() -> None:
    assert _gauge(2.5, 5.0) == "━" * 20 + "╌" * 20 + " 50 % left"
    assert _gauge(6.0, 5.0).endswith(" 0 % left")
    lines = chart([("a", 1.0), ("b", 2.0), ("c", 2.0)], say="{:.0f}".format, floor=("max", 3.0))
    assert sum(line.count("●") for line in lines) == 3
    assert lines[0].endswith("max")
    assert lines[0].startswith("3 ┤")
    assert chart([("a", 1.0)], say="{:.0f}".format, here=0)
