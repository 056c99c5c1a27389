"""If this fails, images don't walk the way: one changes unseen, or the audit breaks on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tests.conftest import Project

if TYPE_CHECKING:
    from typing import Any

DIGITS = Path(__file__).parents[1] / "data" / "mnist_digits" / "digits.npz"
# So few pictures teach nothing under a serious epsilon, and the test would hang on its coins.
CONFIG = """\
[project]
name = "digits"
[data]
source = "digits"
target = "label"
rows = 90
[data.columns.label]
categories = ["one", "two", "zero"]
[train]
model = "scattering"
epochs = 40
optimizer = "momentum"
learning_rate = 0.5
[train.privacy]
epsilon = 100.0
clip_norm = 0.1
canaries = 60
[audit]
attacks = "quick"
"""


def laid_out(folder: Path) -> Project:
    arrays = np.load(DIGITS)
    for number, (pixels, label) in enumerate(zip(arrays["x"], arrays["y"], strict=True)):
        if label < 3:
            place = folder / "digits" / ("zero", "one", "two")[label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / f"{number}.png")
    (folder / "strongroom.toml").write_text(CONFIG)
    return Project(folder, ())


def test_a_folder_of_images_walks_the_whole_way(tmp_path: Path) -> None:
    project = laid_out(tmp_path)
    done = project("run")
    assert done.code in {0, 1}, done.err
    report: dict[str, Any] = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["train"]["metrics"]["test"]["accuracy"] > 0.5  # by chance 0.33
    columns = {c["name"]: c for c in report["files"][0]["columns"]}
    assert "not looked into" in columns["image"]["reason"]
    status = {(f["check"], f["metric"]): f for f in report["findings"]}
    assert status[("membership.loss", "membership.auc")]["value"] is not None
    by_references = status[("membership.lira", "membership.auc")]
    assert by_references["value"] is not None
    assert by_references["details"]["references"] == "own"
    assert any(
        check == "privacy.one_run" and f["value"] is not None for (check, _), f in status.items()
    )
    again = project("run")
    assert "unchanged" in again.out
    assert project("verify").code == 0
    (tmp_path / "digits" / "one" / "extra.png").write_bytes(
        next((tmp_path / "digits" / "one").glob("*.png")).read_bytes()
    )
    more = project("run", "--until", "discover")
    assert more.code == 0
    assert "unchanged" not in more.out  # one image more is another source


def test_init_writes_a_recipe_for_images(tmp_path: Path) -> None:
    project = laid_out(tmp_path)
    (tmp_path / "strongroom.toml").unlink()
    assert project("init", "digits", "--target", "label").code == 0
    text = (tmp_path / "strongroom.toml").read_text()
    assert 'model = "scattering"' in text
    assert project("run", "--until", "seal").code == 0
