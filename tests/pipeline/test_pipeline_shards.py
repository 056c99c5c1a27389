"""If this fails, deleting a person trains everybody anew, or leaves the person in the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import Project


def walked(project: Project) -> Any:  # noqa: ANN401 - JSON
    done = project("run", "--json", "--until", "train")
    assert done.code == 0, done.err
    return done.json["stages"]["train"]


def test_who_is_deleted_costs_one_shard(project: Project) -> None:
    project.edit("[train.privacy]\nepsilon = 2.0\ncanaries = 60\n", "")
    project.edit("[train]\n", "[train]\nshards = 3\n")
    project.edit('"privacy.epsilon" = { max = 3.0 }\n', "")
    before = walked(project)
    assert before["shards"]["taken_over"] == 0
    assert before["model"]["shards"] == 3

    # Four people leave; those of them that were held out for testing were in no shard.
    source = project.folder / "patients.csv"
    lines = source.read_text().splitlines(keepends=True)
    source.write_text("".join(lines[:-4]))
    after = walked(project)
    changed = sum(
        b != a for b, a in zip(before["shards"]["rows"], after["shards"]["rows"], strict=True)
    )
    assert 1 <= changed <= 3
    assert after["shards"]["taken_over"] == 3 - changed

    # Who comes back finds the others as they were, and settings that change change everybody.
    source.write_text("".join(lines))
    assert walked(project)["shards"]["taken_over"] == 3 - changed
    assert walked(project)["model"]["digest"] == before["model"]["digest"]
    project.edit("epochs = 8", "epochs = 9")
    assert walked(project)["shards"]["taken_over"] == 0
    assert project("verify").code == 0


def test_shards_and_a_private_training_are_refused_before_anything_is_spent(
    project: Project,
) -> None:
    project.edit("[train]\n", "[train]\nshards = 3\n")
    done = project("run", "--until", "train")
    assert done.code == 2
    assert "shards" in done.err
    assert "Traceback" not in done.err
    assert not project("budget", "--json").json["entries"]
