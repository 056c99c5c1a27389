"""If this fails, a sweep spends what nobody was told, pays twice, or shows what wasn't measured."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from tests.conftest import made_up_people

from strongroom.data import write_table
from strongroom.privacy import Spend, compose

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project

SWEEP = "epsilon=4,1,2"


def swept(project: Project, *flags: str, sweep: str = SWEEP) -> dict[str, Any]:
    done = project("train", "--sweep", sweep, "--json", *flags)
    assert done.code == 0, done.err
    assert done.json["schema"] == "strongroom/train/1"
    found: dict[str, Any] = done.json["sweep"]
    return found


def spent(project: Project) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = project("budget", "--json").json["entries"]
    return entries


@pytest.fixture
def public(project: Project) -> Path:
    path = project.folder / "public.csv"
    write_table(pa.Table.from_pylist(made_up_people(500, seed=11)), path)
    return path


def test_every_point_is_paid_for_and_what_it_costs_is_said(project: Project) -> None:
    doc = swept(project)
    points = doc["points"]
    assert [p["epsilon"] for p in points] == [1, 2, 4, None]
    without = points[-1]
    assert without["spend"] is None
    assert without["cost"] == 0
    for point in points:
        assert point["measure"] == "accuracy"
        assert point["interval"][0] <= point["value"] <= point["interval"][1]
        assert point["cost"] == pytest.approx(without["value"] - point["value"])
    entries = spent(project)
    assert [(e["run"], e["state"]) for e in entries] == [
        (f"sweep ε={e}", "settled") for e in (1, 2, 4)
    ]
    spends = [Spend.from_json(p["spend"]) for p in points[:-1]]
    assert doc["spent"] == pytest.approx(compose(spends, 1e-5))
    assert doc["ledger"]["spent"] == pytest.approx(doc["spent"])
    assert max(p["epsilon"] for p in points[:-1]) < doc["spent"] < 7
    picture = (project.folder / "report" / "sweep.svg").read_text()
    assert picture.startswith("<svg")
    assert "<script" not in picture
    assert picture.count("<circle") == 3
    assert project("verify").code == 0
    # No model of a sweep is kept.
    assert not list((project.workspace / "checkpoints").iterdir())
    assert "model" not in json.dumps(project("run", "--until", "seal", "--json").json)


def test_points_that_are_done_are_not_paid_again(project: Project) -> None:
    before = swept(project)
    again = swept(project)
    assert again["points"] == before["points"]
    assert len(spent(project)) == 3
    told = project("train", "--sweep", "epsilon=1,2,3,3.5,4").out
    assert re.search(r"2 private trainings will spend ε = \d\.\d\d together", told)
    more = swept(project, sweep="epsilon=1,2,3,4,inf")
    assert len(spent(project)) == 5
    assert [p["epsilon"] for p in more["points"]] == [1, 2, 3, 4, None]
    project.edit("epochs = 8", "epochs = 9")
    swept(project, sweep="epsilon=1")
    assert len(spent(project)) == 6


def test_a_sweep_that_the_budget_does_not_cover_spends_nothing(project: Project) -> None:
    project.edit("budget = 9.0", "budget = 5.0")
    done = project("train", "--sweep", "epsilon=1,2,4,4.5", "--json")
    assert done.code == 1
    assert re.search(r"4 private trainings: together ε = \d", done.json["error"]["what"])
    assert "--public" in done.json["error"]["hint"]
    assert spent(project) == []
    swept(project, sweep="epsilon=1,2")
    assert project("train", "--sweep", "epsilon=4.9").code == 1
    assert len(spent(project)) == 2


def test_public_rows_cost_nothing(project: Project, public: Path) -> None:
    doc = swept(project, "--public", str(public))
    assert doc["public"] == "public.csv"
    assert doc["spent"] == 0
    assert all(p["spend"] is None for p in doc["points"])
    assert 300 < doc["points"][0]["rows"] < 450
    assert spent(project) == []
    done = project("train", "--sweep", SWEEP, "--public", str(public))
    assert "no ε was spent" in done.out
    write_table(pa.table({"age": [1, 2]}), public)
    done = project("train", "--sweep", SWEEP, "--public", str(public))
    assert done.code == 2
    assert "no column" in done.err


def test_the_report_shows_the_line_and_where_you_are(project: Project) -> None:
    assert project("run").code == 0
    report = project.folder / "report" / "report.html"
    assert "The line is the same model at other ε" not in report.read_text()
    swept(project)
    done = project("run", "--json")
    assert done.json["skipped"] == ["discover", "anonymize", "seal", "train", "audit"]
    page = report.read_text()
    assert "The line is the same model at other ε" in page
    assert "you are here" in page
    assert page.count("<td>Other ε") + page.count('scope="row">Other ε') == 3
    told = json.loads((project.folder / "report" / "report.json").read_text())
    assert [p["epsilon"] for p in told["sweep"]["points"]] == [1, 2, 4, None]
    # A sweep of other settings says nothing about today's model.
    project.edit("learning_rate = 0.1", "learning_rate = 0.2")
    assert project("run").code in (0, 1)
    assert "The line is the same model at other ε" not in report.read_text()


def test_the_page_shows_how_it_learnt(project: Project) -> None:
    assert project("run").code == 0
    page = (project.folder / "report" / "report.html").read_text()
    assert "How did it learn?" in page
    assert "Log loss on unseen records went from" in page


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--sweep", "learning_rate=1,2"), "cannot sweep over"),
        (("--sweep", "epsilon=a"), "not a list of numbers"),
        (("--sweep", "epsilon=0"), "above 0"),
        (("--sweep", "epsilon=inf"), "above 0"),
        (("--sweep", SWEEP, "--no-privacy"), "exclude each other"),
        (("--public", "x.csv"), "goes with --sweep"),
    ],
)
def test_what_can_not_be_swept(project: Project, flags: tuple[str, ...], said: str) -> None:
    done = project("train", *flags)
    assert done.code == 2
    assert said in done.err
    assert not project.workspace.exists()


def test_a_training_stops_early_by_public_rows(project: Project, public: Path) -> None:
    project.edit("epochs = 8", "epochs = 40\npatience = 2")
    refused = project("train")
    assert refused.code == 2
    assert "no ε has paid for" in refused.err
    assert spent(project) == []
    project.edit('target = "readmitted"', 'target = "readmitted"\nvalidation = "public.csv"')
    assert project("run").code == 0
    trained = json.loads((project.folder / "report" / "report.json").read_text())["train"]
    assert trained["stopping"]["on"] == "public validation rows"
    assert trained["privacy"]["steps"] == 40 >= trained["steps"]
    assert (
        "were chosen by public validation rows"
        in (project.folder / "report" / "report.html").read_text()
    )
    # Other validation rows are another training; none at all is told.
    assert "train" in project("run", "--json").json["skipped"]
    public.write_text("".join(public.read_text().splitlines(keepends=True)[:-9]))
    assert "train" not in project("run", "--json").json["skipped"]
    public.unlink()
    assert "public.csv" in project("run").err


def test_without_privacy_on_request(project: Project) -> None:
    done = project("train", "--no-privacy")
    assert done.code == 0, done.err
    assert "because --no-privacy asked for it" in done.out
    assert spent(project) == []
    # The gate sees a model of which nothing is proved.
    refused = project("run", "--no-privacy")
    assert refused.code == 1
    assert "privacy.epsilon" in refused.out
    assert not (project.folder / "model").exists()
    assert project("check").code == 1
    # Without the flag the file rules again.
    assert project("run").code == 0
    assert len(spent(project)) == 1
