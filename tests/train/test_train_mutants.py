"""If this fails, a training could be less private than its statement and no test would notice.

Each check below watches a real training from outside. Each is then shown a *mutant*, a training
with one classic mistake in it, and has to refuse it.
"""

# ruff: noqa: ANN401 - spies and mutants pass on whatever the real functions take

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy import stats

from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec
from strongroom.privacy import (
    ClippedGradient,
    ClippedSum,
    PoissonSampler,
    Unclipped,
    _schedule,
    noisy_sum,
)
from strongroom.train import _loop, train_model
from strongroom.train._optimizers import Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.train import TrainResult

# Two-sided, per check: a right training is refused once in ten thousand runs.
FALSE_ALARM = 1e-4
ROWS, BATCH, CLIP = 500, 50, 0.8
SPEC = TrainSpec(
    model="mlp",
    hidden=(32,),
    batch_size=BATCH,
    epochs=10,
    optimizer="sgd",
    learning_rate=0.5,
    average=False,
    privacy=PrivacySpec(epsilon=2, clip_norm=CLIP),
)


class Watch:
    """Everything that passed through one training, step by step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[int] = []
        self.totals: list[NDArray[np.float64]] = []
        self.noisy: list[NDArray[np.float64]] = []
        self.gradients: list[NDArray[np.float32]] = []
        self.sums: list[ClippedSum] = []
        self._open = 0
        call, step = ClippedGradient.__call__, Optimizer.step
        add = vars(_schedule)["noisy_sum"]

        def watched_call(
            engine: Any, inputs: Any, targets: Any, loss: Any, into: Any = None
        ) -> ClippedSum:
            found = call(engine, inputs, targets, loss, into)
            if into is None:  # a look before the first step
                return found
            self._open += len(targets)
            self.sums.append(found)
            return found

        def watched_add(total: NDArray[np.float64], **about: Any) -> NDArray[np.float64]:
            self.batches.append(self._open)
            self._open = 0
            self.totals.append(total.copy())
            noisy: NDArray[np.float64] = add(total, **about)
            self.noisy.append(noisy.copy())
            return noisy

        def watched_step(optimizer: Any, gradient: torch.Tensor, number: int) -> None:
            self.gradients.append(gradient.numpy().copy())
            step(optimizer, gradient, number)

        monkeypatch.setattr(ClippedGradient, "__call__", watched_call)
        monkeypatch.setattr(_schedule, "noisy_sum", watched_add)
        monkeypatch.setattr(Optimizer, "step", watched_step)


def noise_is_as_stated(seen: Watch, result: TrainResult) -> None:
    assert result.privacy is not None
    noise = np.concatenate([n - t for n, t in zip(seen.noisy, seen.totals, strict=True)])
    chi = float(np.square(noise).sum()) / (result.privacy.noise_multiplier * CLIP) ** 2
    assert stats.chi2.sf(chi, noise.size) > FALSE_ALARM / 2
    assert stats.chi2.cdf(chi, noise.size) > FALSE_ALARM / 2


def batches_are_poisson(seen: Watch, result: TrainResult) -> None:
    assert result.privacy is not None
    rate = result.privacy.sampling_rate
    sizes = np.array(seen.batches)
    chi = float(np.square(sizes - ROWS * rate).sum() / (ROWS * rate * (1 - rate)))
    assert stats.chi2.cdf(chi, len(sizes)) > FALSE_ALARM / 2
    assert stats.chi2.sf(chi, len(sizes)) > FALSE_ALARM / 2


def one_row_is_bounded(seen: Watch, result: TrainResult) -> None:
    # Batches of a single row: the whole sum is that row's, so its norm is the row's influence.
    del result
    alone = [np.linalg.norm(t) for t, n in zip(seen.totals, seen.batches, strict=True) if n == 1]
    assert len(alone) > 10
    assert max(alone) <= CLIP * (1 + 1e-5)


def rows_add_up(seen: Watch, result: TrainResult) -> None:
    # Each row is clipped on its own: fifty rows together go far beyond one row's bound.
    del result
    assert max(np.linalg.norm(t) for t in seen.totals) > 2 * CLIP


def normaliser_is_constant(seen: Watch, result: TrainResult) -> None:
    assert result.privacy is not None
    constant = result.privacy.sampling_rate * ROWS
    for noisy, gradient in zip(seen.noisy, seen.gradients, strict=True):
        np.testing.assert_allclose(gradient, noisy / constant, rtol=1e-5)


def weak_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaker(total: Any, *, noise_multiplier: float, **about: Any) -> Any:
        return noisy_sum(total, noise_multiplier=0.8 * noise_multiplier, **about)

    monkeypatch.setattr(_schedule, "noisy_sum", weaker)


def shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    def fixed(sampler: Any, stream: Any, step: int, units: int) -> NDArray[np.int64]:
        del stream
        order = np.random.default_rng(step).permutation(units)
        return np.sort(order[: round(sampler.rate * units)])

    monkeypatch.setattr(PoissonSampler, "batch", fixed)


def clipped_after_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ClippedGradient.__call__

    def late(engine: Any, inputs: Any, targets: Any, loss: Any, into: Any = None) -> ClippedSum:
        engine.clipping, kept = Unclipped(), engine.clipping
        found = real(engine, inputs, targets, loss)
        engine.clipping = kept
        whole = torch.cat([v.flatten() for v in found.total.values()])
        if into is not None:
            into.flat += whole * min(1.0, kept.sensitivity / float(whole.norm()))
        return found

    monkeypatch.setattr(ClippedGradient, "__call__", late)


def not_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ClippedGradient.__call__

    def loose(engine: Any, inputs: Any, targets: Any, loss: Any, into: Any = None) -> ClippedSum:
        engine.clipping, kept = Unclipped(), engine.clipping
        found = real(engine, inputs, targets, loss, into)
        engine.clipping = kept
        return found

    monkeypatch.setattr(ClippedGradient, "__call__", loose)


def leaking_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    draw = PoissonSampler.batch

    def counted(*about: Any) -> NDArray[np.int64]:
        chosen = draw(*about)
        sizes.append(len(chosen))
        return chosen

    monkeypatch.setattr(PoissonSampler, "batch", counted)
    monkeypatch.setattr(
        _loop, "mean_gradient", lambda t, _: (t / max(sizes[-1], 1)).astype(np.float32)
    )


def counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two views of a row, each clipped on its own: the row may move the sum by twice the bound.
    real = ClippedGradient.__call__

    def twice(engine: Any, inputs: Any, targets: Any, loss: Any, into: Any = None) -> ClippedSum:
        real(engine, inputs, targets, loss, into)
        return real(engine, inputs, targets, loss, into)

    monkeypatch.setattr(ClippedGradient, "__call__", twice)


SINGLE = SPEC.model_copy(
    update={
        "batch_size": 1,
        "epochs": 0.2,
        "privacy": PrivacySpec(epsilon=8, delta=1e-3, clip_norm=CLIP),
    }
)
CHECKS: list[tuple[Any, TrainSpec, Any]] = [
    (noise_is_as_stated, SPEC, weak_noise),
    (batches_are_poisson, SPEC, shuffled),
    (one_row_is_bounded, SINGLE, not_clipped),
    (one_row_is_bounded, SINGLE, counted_twice),
    (rows_add_up, SPEC, clipped_after_the_sum),
    (normaliser_is_constant, SPEC, leaking_batch_size),
]


def watched(
    monkeypatch: pytest.MonkeyPatch,
    data: Dataset,
    columns: dict[str, ColumnSpec],
    spec: TrainSpec,
) -> tuple[Watch, TrainResult]:
    seen = Watch(monkeypatch)
    return seen, train_model(data, spec, columns=columns, rows=ROWS)


@pytest.mark.parametrize(("check", "spec"), [c[:2] for c in CHECKS])
def test_the_real_training_passes_every_check(
    check: Any,
    spec: TrainSpec,
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check(*watched(monkeypatch, people(ROWS), columns, spec))


@pytest.mark.parametrize(("check", "spec", "mutate"), CHECKS)
def test_every_mutant_is_caught(
    check: Any,
    spec: TrainSpec,
    mutate: Callable[[pytest.MonkeyPatch], None],
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutate(monkeypatch)
    seen, result = watched(monkeypatch, people(ROWS), columns, spec)
    with pytest.raises(AssertionError):
        check(seen, result)


def test_adding_a_row_changes_nothing_before_the_noise_but_its_own_clipped_gradient(
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = people(ROWS)
    spec = SPEC.model_copy(update={"batch_size": "full", "epochs": 1, "seed": 1})
    totals = []
    for rows in (ROWS, ROWS - 1):
        with monkeypatch.context() as patch:
            seen, _ = watched(patch, data.with_table(data.table.slice(0, rows)), columns, spec)
            totals.append(seen.totals[0])
    assert 0 < np.linalg.norm(totals[0] - totals[1]) <= CLIP * (1 + 1e-4)


@pytest.mark.parametrize(("batch", "epochs"), [("full", 50), (100, 10)])
def test_canaries_that_rode_separate_as_the_theory_of_the_noise_says(
    batch: Any,
    epochs: int,
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
) -> None:
    spec = SPEC.model_copy(
        update={
            "batch_size": batch,
            "epochs": epochs,
            "privacy": PrivacySpec(epsilon=4, clip_norm=CLIP, canaries=3000),
        }
    )
    result = train_model(people(ROWS), spec, columns=columns, rows=ROWS)
    seen, said = result.canaries, result.privacy
    assert seen is not None
    assert said is not None
    assert (seen.epsilon, seen.delta) == (said.epsilon, said.delta)
    inside, outside = seen.scores[seen.included], seen.scores[~seen.included]
    # A likelihood ratio's own identity, whatever the mechanism: E_out[exp(score)] = 1.
    weight = np.exp(outside)
    assert abs(weight.mean() - 1) < 5 * weight.std() / np.sqrt(len(weight))
    if batch == "full":
        # Composed Gaussians: scores are N(±μ²/2, μ²) with μ = √T / σ.
        mu = np.sqrt(said.steps) / said.noise_multiplier
        for scores, centre in ((inside, mu**2 / 2), (outside, -(mu**2) / 2)):
            assert stats.kstest((scores - centre) / mu, "norm").pvalue > FALSE_ALARM
    area = stats.mannwhitneyu(inside, outside).statistic / (len(inside) * len(outside))
    assert area > 0.6
