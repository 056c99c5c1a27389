"""If this fails, a private training's own audit accuses it wrongly, or misses a fault in it.

Real trainings, with canaries in line. Those that are sound stay below the proved ε, run after run;
mutants with one classic mistake don't.
"""

# ruff: noqa: ANN401 - mutants pass on whatever the real functions take

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from strongroom.attacks import EpsilonEstimate, OneRunBound, Situation
from strongroom.attacks.privacy import Estimate, Family, OneRun, estimate
from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec
from strongroom.privacy import (
    ClippedGradient,
    Flat,
    PoissonSampler,
    Schedule,
    SecretStream,
    cross_entropy,
)
from strongroom.progress import SILENT
from strongroom.train import _loop, train_model
from strongroom.train._loop import Examples, Guard, Plan, fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.train import TrainResult

ROWS, DELTA = 200, 1e-5
RUNS = 20
MANY = 20_000


def spec(epsilon: float, canaries: int, *, batch: Any = "full", **more: Any) -> TrainSpec:
    return TrainSpec(
        model="logistic",
        batch_size=batch,
        epochs=20 if batch == "full" else 10,
        optimizer="sgd",
        privacy=PrivacySpec(epsilon=epsilon, delta=DELTA, canaries=canaries, **more),
    )


def judged(result: TrainResult) -> tuple[OneRunBound, EpsilonEstimate]:
    nothing: object = None
    seen = Situation(nothing, nothing, nothing, nothing, canaries=result.canaries)  # type: ignore[arg-type]  # the attacks read canaries alone
    bound, found = OneRun().run(seen), Estimate().run(seen)
    assert isinstance(bound, OneRunBound)
    assert isinstance(found, EpsilonEstimate)
    return bound, found


@pytest.mark.parametrize("epsilon", [1.0, 4.0, 8.0])
@pytest.mark.parametrize("batch", ["full", pytest.param(40, marks=pytest.mark.slow)])
def test_the_bound_of_twenty_trainings_never_exceeds_the_proved_epsilon(
    epsilon: float,
    batch: Any,
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
) -> None:
    data = people(ROWS)
    bounds, estimates = [], []
    for run in range(RUNS):
        # The coins are secret by default; here they are given, so that the test repeats.
        trained = spec(epsilon, 1_000, batch=batch).model_copy(update={"seed": run})
        result = train_model(data, trained, columns=columns, rows=ROWS)
        bound, found = judged(result)
        assert result.privacy is not None
        assert bound.claimed == found.claimed == result.privacy.epsilon
        bounds.append(bound.epsilon_lower)
        estimates.append(found)
    assert max(bounds) < epsilon
    # Beyond it once in 1,000 by chance.
    assert max(e.epsilon_low for e in estimates) < epsilon
    likely = np.median([e.epsilon_likely for e in estimates])
    assert likely == pytest.approx(epsilon, rel=0.25)


@pytest.mark.parametrize(("batch", "share"), [("full", 0.85), (40, 0.7)])
@pytest.mark.parametrize("epsilon", [4.0, 8.0])
def test_an_audit_in_line_comes_near_the_proved_epsilon(
    epsilon: float,
    batch: Any,
    share: float,
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
) -> None:
    trained = spec(epsilon, MANY, batch=batch).model_copy(update={"seed": 1})
    bound, found = judged(train_model(people(ROWS), trained, columns=columns, rows=ROWS))
    assert share * epsilon < found.epsilon_low < epsilon
    assert bound.epsilon_lower < found.epsilon_low


def test_a_rehearsal_audits_as_well_and_leaves_the_training_alone(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    data, models = people(ROWS), []
    for canaries in (0, MANY):
        trained = spec(4.0, canaries, rehearsal=True).model_copy(update={"seed": 3})
        result = train_model(data, trained, columns=columns, rows=ROWS)
        models.append(torch.cat([torch.as_tensor(t).flatten() for t in tensors(result)]))
    assert torch.equal(*models)
    bound, found = judged(result)
    assert 0.85 * 4 < found.epsilon_low < 4
    assert bound.epsilon_lower < 4
    assert "rehearsal" in found.knowledge
    assert result.privacy is not None
    assert any("rehearsal" in text for text in result.privacy.covered)


def tensors(result: TrainResult) -> list[Any]:
    return list(result.model.tensors().values())


def weak_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a fifth less noise than is accounted."""
    real = SecretStream.add_noise

    def weaker(stream: Any, total: Any, grid: float, deviation: float, *about: Any) -> Any:
        return real(stream, total, grid, 0.8 * deviation, *about)

    monkeypatch.setattr(SecretStream, "add_noise", weaker)


def not_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ClippedGradient

    class Loose(real):  # type: ignore[misc, valid-type]  # a variable base
        def __init__(self, module: Any, clipping: Any, **about: Any) -> None:
            twice = type(clipping)(2 * clipping.sensitivity)
            super().__init__(module, twice, **about)
            self._said = clipping.sensitivity

        @property
        def sensitivity(self) -> float:
            said: float = self._said
            return said

    monkeypatch.setattr(_loop, "ClippedGradient", Loose)


@pytest.mark.parametrize("batch", ["full", 40])
@pytest.mark.parametrize("mutate", [weak_noise, not_clipped])
def test_a_training_that_leaks_more_than_it_says_is_caught(
    mutate: Callable[[pytest.MonkeyPatch], None],
    batch: Any,
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutate(monkeypatch)
    trained = spec(4.0, MANY, batch=batch).model_copy(update={"seed": 2})
    _, found = judged(train_model(people(ROWS), trained, columns=columns, rows=ROWS))
    assert found.epsilon_low > 4.0


class Twice:
    """Two equal views of every row."""

    views = 2

    def __call__(
        self, rows: NDArray[Any], stream: SecretStream, step: int, first: int
    ) -> NDArray[Any]:
        del stream, step, first
        return np.repeat(rows, 2, axis=0)


@pytest.mark.parametrize("mutant", [False, True])
def test_a_row_that_counts_once_for_each_view_is_caught(
    mutant: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mutant:
        real = ClippedGradient

        def per_view(module: Any, clipping: Any, *, rows_per_unit: int) -> Any:
            del rows_per_unit
            return real(module, clipping)

        monkeypatch.setattr(_loop, "ClippedGradient", per_view)
    schedule = Schedule.calibrated(4.0, DELTA, PoissonSampler(1.0), 20)
    plan = Plan(
        steps=20,
        sampler=PoissonSampler(1.0),
        normaliser=50.0,
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=0.0,
        average=False,
        guard=Guard(schedule, Flat(1.0)),
        canaries=5_000,
        digest=b"",
    )
    fitted = fit(
        torch.nn.Linear(3, 2),
        Examples(np.ones((50, 3), np.float32), np.zeros(50, np.int64), Twice()),
        plan,
        SecretStream(bytes(32)),
        loss=cross_entropy,
        evaluate=None,
        checkpointer=None,
        progress=SILENT,
    )
    assert fitted.canaries is not None
    known = Family.of(schedule.mechanism.to_json())
    assert known is not None
    found = estimate(fitted.canaries.scores, fitted.canaries.included, DELTA, known)
    assert isinstance(found, EpsilonEstimate)
    assert (found.epsilon_low > 4.0) == mutant
