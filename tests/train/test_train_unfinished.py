"""If this fails, changed settings silently throw away a private training that was paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.train.test_train_resume import MemoryCheckpointer, StopAt

from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec
from strongroom.errors import InputError
from strongroom.privacy import MemoryLedger
from strongroom.train import train_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from strongroom.data import Dataset

SPEC = TrainSpec(epochs=12, privacy=PrivacySpec(epsilon=2.0))
MORE = SPEC.model_copy(
    update={"epochs": 24, "privacy": PrivacySpec(epsilon=2.0, clip_norm=0.5), "weight_decay": 0.1}
)


@pytest.fixture
def run(
    people: Callable[..., Dataset],
    columns: Mapping[str, ColumnSpec],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Any]:
    monkeypatch.setattr("strongroom.train._loop.CHECKPOINT_SECONDS", 0.0)
    ledger, checkpointer = MemoryLedger(), MemoryCheckpointer()

    def start(spec: TrainSpec, key: str, **around: Any) -> list[float]:  # noqa: ANN401
        train_model(
            people(),
            spec,
            columns=columns,
            key=key,
            ledger=ledger,
            checkpointer=checkpointer,
            **around,
        )
        return [e.spend.epsilon for e in ledger.entries("")]

    start.ledger = ledger  # type: ignore[attr-defined]
    start.checkpointer = checkpointer  # type: ignore[attr-defined]
    return start


def test_what_changed_is_said_before_anything_is_spent(run: Any) -> None:  # noqa: ANN401
    with pytest.raises(KeyboardInterrupt):
        run(SPEC, "one", progress=StopAt(5))
    with pytest.raises(InputError) as caught:
        run(MORE, "two")
    said = str(caught.value)
    assert "interrupted at step 5" in said
    assert "epochs 12.0 → 24.0" in said or "epochs 12 → 24" in said
    assert "weight_decay 0.0 → 0.1" in said
    assert "privacy.clip_norm 1.0 → 0.5" in said
    assert "ε = 2" in said
    assert "--discard" in said
    assert len(run.ledger.entries("")) == 1
    # Put back, it continues for what it has spent.
    assert len(run(SPEC, "one")) == 1
    assert run.checkpointer.kept is None
    assert len(run(MORE, "two")) == 2


def test_other_rows_are_a_change_too(run: Any) -> None:  # noqa: ANN401
    with pytest.raises(KeyboardInterrupt):
        run(SPEC, "one", progress=StopAt(5))
    with pytest.raises(InputError, match="the rows, what is declared of them"):
        run(SPEC, "two")
    run.checkpointer.clear()
    assert len(run(SPEC, "two")) == 2


def test_plain_trainings_are_given_up_without_a_word(run: Any) -> None:  # noqa: ANN401
    plain = SPEC.model_copy(update={"privacy": None})
    with pytest.raises(KeyboardInterrupt):
        run(plain, "one", progress=StopAt(5))
    assert run(SPEC, "two") == [pytest.approx(2.0)]
