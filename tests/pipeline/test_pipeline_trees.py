"""If this fails, a model without a network is trained but not audited, kept or reported."""

from __future__ import annotations

import json
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
    by_references = [
        f for f in json.loads(page)["findings"]
        if (f["check"], f["metric"]) == ("membership.lira", "membership.auc")
    ]  # fmt: skip
    assert by_references[0]["value"] is not None
    assert by_references[0]["details"]["references"] == "own"
    assert project("verify").code == 0
