"""If this fails, a killed private training that continues is a second release for one price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec
from strongroom.privacy import EntryState, MemoryLedger
from strongroom.progress import SILENT
from strongroom.train import train_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.progress import Progress
    from strongroom.train import TrainResult

SPECS = {
    "full, momentum": TrainSpec(
        batch_size="full",
        epochs=24,
        optimizer="momentum",
        privacy=PrivacySpec(epsilon=2, canaries=20),
    ),
    "poisson, adam, mlp": TrainSpec(
        model="mlp",
        hidden=(8,),
        batch_size=100,
        epochs=4,
        optimizer="adam",
        privacy=PrivacySpec(epsilon=2, canaries=21),
    ),
    "plain": TrainSpec(batch_size=100, epochs=4, learning_rate=0.1),
}


class MemoryCheckpointer:
    """A `Checkpointer` that lives as long as the test."""

    def __init__(self) -> None:
        self.kept: tuple[dict[str, NDArray[Any]], int] | None = None
        self.saves = 0

    def save(self, state: Mapping[str, NDArray[Any]], step: int) -> None:
        """Keep a copy."""
        self.kept = ({k: v.copy() for k, v in state.items()}, step)
        self.saves += 1

    def load(self) -> tuple[dict[str, NDArray[Any]], int] | None:
        """Return what was kept."""
        return self.kept

    def clear(self) -> None:
        """Forget."""
        self.kept = None


@pytest.fixture
def checkpointer() -> MemoryCheckpointer:
    """Return a place to keep checkpoints in."""
    return MemoryCheckpointer()


class StopAt:
    """A `Progress` that pulls the plug."""

    def __init__(self, step: int) -> None:
        self._step = step

    def step(self, done: float, total: float, note: str = "") -> None:
        """Raise at the step."""
        del total, note
        if done == self._step:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", SPECS)
def test_a_run_stopped_anywhere_ends_in_the_same_bits(
    name: str,
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
    checkpointer: MemoryCheckpointer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("strongroom.train._loop.CHECKPOINT_SECONDS", 0.0)
    spec, ledger = SPECS[name], MemoryLedger()

    def run(keep: MemoryCheckpointer | None, progress: Progress = SILENT) -> TrainResult:
        return train_model(
            people(),
            spec,
            test=people(50, seed=1),
            columns=columns,
            rows=600,
            ledger=ledger,
            account="a",
            key="k",
            checkpointer=keep,
            progress=progress,
        )

    stops = np.random.default_rng(len(name)).choice(np.arange(2, 23), 2, replace=False)
    for stop in sorted(stops):
        with pytest.raises(KeyboardInterrupt):
            run(checkpointer, StopAt(int(stop)))
        assert checkpointer.kept is not None
        assert checkpointer.kept[1] == stop
    results = []
    # The reservation is open still: the same coins without a checkpoint, and with one.
    for keep in (None, checkpointer):
        if spec.privacy:
            for entry in ledger.entries("a"):
                assert entry.state is EntryState.RESERVED
        with monkeypatch.context() as patch:
            if keep is None and spec.privacy:
                patch.setattr(ledger, "settle", lambda _: None)
            results.append(run(keep))
    straight, resumed = results
    assert resumed.model.digest() == straight.model.digest()
    assert resumed.curve == straight.curve
    assert checkpointer.kept is None
    if spec.privacy:
        assert straight.canaries is not None
        assert resumed.canaries is not None
        np.testing.assert_array_equal(resumed.canaries.scores, straight.canaries.scores)
        assert len(ledger.entries("a")) == 1
        assert ledger.entries("a")[0].state is EntryState.SETTLED


def test_another_runs_checkpoint_is_not_taken_up(
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
    checkpointer: MemoryCheckpointer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("strongroom.train._loop.CHECKPOINT_SECONDS", 0.0)
    spec = SPECS["plain"]
    with pytest.raises(KeyboardInterrupt):
        train_model(
            people(),
            spec,
            columns=columns,
            key="one",
            checkpointer=checkpointer,
            progress=StopAt(9),
        )
    fresh = train_model(people(), spec, columns=columns, key="two")
    mixed = train_model(people(), spec, columns=columns, key="two", checkpointer=checkpointer)
    assert mixed.model.digest() == fresh.model.digest()


def test_checkpoints_are_rare(
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
    checkpointer: MemoryCheckpointer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("strongroom.train._loop.CHECKPOINT_SECONDS", 1e9)
    train_model(people(), SPECS["plain"], columns=columns, checkpointer=checkpointer)
    assert checkpointer.saves == 0
