"""If this fails, a model without a network is trained but not audited, kept or reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Project


def test_trees_go_the_whole_way(project: Project) -> None:
    project.edit("[train]\nepochs = 8", '[train]\nmodel = "trees"\nepochs = 8')
    project.edit("canaries = 60", "canaries = 0")
    done = project("run", "--json")
    assert done.code == 0, done.err
    document = done.json
    assert list(document["stages"])[-1] == "report"
    again = project("run", "--json")
    assert again.json["skipped"] == list(document["stages"])
    assert (project.folder / "model" / "model.safetensors").exists()
    page = (project.folder / "report" / "report.json").read_text()
    assert "rounds of histograms and the noisy counts" in page
    assert "shadow models can be trained for logistic and mlp models, not for trees" in page
    assert project("verify").code == 0
