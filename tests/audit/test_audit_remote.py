"""If this fails, an audit of an endpoint asks too much, or hides that it saw only a part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.models.serving import Server, rows

from strongroom.audit import audit_any, chosen_spec, subject_of
from strongroom.errors import EndpointError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from strongroom.audit import Audit


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def audit(server: Server, tmp_path: Path, **changes: Any) -> tuple[Audit, Any]:  # noqa: ANN401
    path = tmp_path / "endpoint.toml"
    path.write_text("", "utf-8")
    mapping = {
        "url": f"{server.url}/predict",
        "batch": 16,
        "backoff": 0.01,
        "retries": 1,
        "response": {"probabilities": "predictions[].scores"},
        **changes,
    }
    subject = subject_of(path, target="back", mapping=mapping)
    found = audit_any(
        subject,
        members=rows(120).table,
        nonmembers=rows(90, seed=1).table,
        target="back",
        spec=chosen_spec("quick", ("membership.loss", "structure.stored")),
    )
    return found, subject.model


def test_every_row_is_asked_once(server: Server, tmp_path: Path) -> None:
    found, model = audit(server, tmp_path)
    assert model.queries == 120 + 90 + 2 * 3  # a few twice, to see whether answers change
    assert not found.notes
    statuses = {f.metric: f.status.value for f in found.findings}
    assert statuses["membership.auc"] == "pass"
    assert statuses["structure.stored_points"] == "not_evaluable"


def test_what_was_answered_is_audited_and_said_to_be_a_part(server: Server, tmp_path: Path) -> None:
    server.before = lambda n, _: (503, {}, {}) if 8 < n < 20 else None
    found, _ = audit(server, tmp_path)
    assert any(note.startswith("partial: the endpoint answered") for note in found.notes)
    (curve,) = [f for f in found.findings if f.metric == "membership.auc"]
    assert 10 <= curve.details["members"] < 120


def test_a_budget_makes_it_a_part(server: Server, tmp_path: Path) -> None:
    found, model = audit(server, tmp_path, queries=190)
    assert model.queries <= 190
    assert any("of 90 non-members" in note for note in found.notes)


def test_answers_that_change_are_said(server: Server, tmp_path: Path) -> None:
    coins = np.random.default_rng(0)

    def answer(body: Any) -> Any:  # noqa: ANN401 - JSON
        chances = coins.random(len(body["instances"]))
        return {"predictions": [{"scores": {"no": 1 - p, "yes": p}} for p in chances]}

    server.answer = answer  # type: ignore[method-assign]
    found, _ = audit(server, tmp_path)
    assert any("changes its answers to the same row" in note for note in found.notes)


def test_one_that_answers_nothing(server: Server, tmp_path: Path) -> None:
    server.before = lambda n, _: (500, {}, {}) if n > 4 else None
    with pytest.raises(EndpointError, match="have no answer"):
        audit(server, tmp_path)
