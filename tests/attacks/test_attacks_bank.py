"""If this fails, shadow models aren't trained as the target was, and membership is misjudged."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from strongroom.config import PrivacySpec, TrainSpec
from strongroom.models import train_bank
from strongroom.models.bank import _table
from strongroom.models.bank._plan import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

N, D, CLASSES = 45, 7, 3
Params = list[tuple[torch.Tensor, torch.Tensor]]


def rows(classes: int = CLASSES) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    coins = np.random.default_rng(5)
    inputs = coins.random((N, D), dtype=np.float32)
    return inputs, coins.integers(0, classes, N)


def halves(models: int) -> NDArray[np.bool_]:
    return np.random.default_rng(6).random((models, N)) < 0.5


def reference(
    spec: TrainSpec,
    classes: int,
    start: Params,
    members: NDArray[np.bool_],
    batches: Sequence[NDArray[np.int32]],
    normaliser: float,
    clip: float | None,
) -> Params:
    """Train one model by plain autograd, one row at a time, and torch's own optimizers."""
    inputs, labels = (torch.from_numpy(a) for a in rows(classes))
    params = [(w.clone().requires_grad_(), b.clone().requires_grad_()) for w, b in start]
    flat = [p for pair in params for p in pair]
    optimizer: Any
    if spec.optimizer == "adam":
        optimizer = torch.optim.AdamW(flat, spec.learning_rate, weight_decay=spec.weight_decay)
    else:
        momentum = 0.9 if spec.optimizer == "momentum" else 0.0
        optimizer = torch.optim.SGD(flat, spec.learning_rate, momentum=momentum)
    kept = []
    for batch in batches:
        total = [torch.zeros_like(p) for p in flat]
        for i in batch.tolist():
            if not members[i]:
                continue
            z = inputs[i]
            for k, (w, b) in enumerate(params):
                z = w @ (torch.relu(z) if k else z) + b
            loss = torch.nn.functional.cross_entropy(z[None], labels[i][None])
            gradient = torch.autograd.grad(loss, flat)
            norm = math.sqrt(sum(float(g.square().sum()) for g in gradient))
            shrink = 1.0 if clip is None else min(1.0, clip / norm)
            total = [t + shrink * g for t, g in zip(total, gradient, strict=True)]
        for p, t in zip(flat, total, strict=True):
            p.grad = t / normaliser
        if spec.weight_decay and spec.optimizer != "adam":
            with torch.no_grad():
                for p in flat:
                    p.mul_(1 - spec.learning_rate * spec.weight_decay)
        optimizer.step()
        kept.append([p.detach().clone() for p in flat])
    last = kept[len(kept) // 2 :] if spec.average else kept[-1:]
    mean = [torch.stack(ps).mean(0) for ps in zip(*last, strict=True)]
    return list(zip(mean[::2], mean[1::2], strict=True))


@pytest.mark.parametrize(("models", "classes"), [(1, CLASSES), (3, CLASSES), (2, 2)])
@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize(
    "spec",
    [
        TrainSpec(
            epochs=6, batch_size="full", weight_decay=0.01, optimizer="sgd", learning_rate=1.0
        ),
        TrainSpec(epochs=3, batch_size=16, optimizer="momentum", learning_rate=0.3, average=False),
        TrainSpec(
            model="mlp", hidden=(5,), epochs=3, batch_size=16, optimizer="adam",
            learning_rate=0.02, weight_decay=0.1,
        ),
        TrainSpec(
            model="mlp", hidden=(6, 4), epochs=4, batch_size="full", optimizer="sgd",
            learning_rate=0.4,
        ),
    ],
)  # fmt: skip
def test_a_bank_equals_one_model_after_another(
    spec: TrainSpec,
    models: int,
    classes: int,
    private: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = spec.model_copy(update={"privacy": PrivacySpec(clip_norm=0.4) if private else None})
    inputs, labels = rows(classes)
    members = halves(models)
    # Blocks of 32 rows: sums over parts must be the same as over the whole.
    monkeypatch.setattr(_table, "_ACTIVATION_FLOATS", 1)
    noise = 0.0 if private else None
    bank = train_bank(spec, inputs, labels, classes, members, noise_multiplier=noise, seed=4)
    plan = Plan.of(spec, N, members.sum(axis=1).mean(), noise, 4)
    hidden = spec.hidden if spec.model == "mlp" else ()
    for m in range(models):
        begin = _table.initial([D, *hidden, classes], 4, m)
        start = [(torch.from_numpy(w.T), torch.from_numpy(b)) for w, b in begin]
        clip = 0.4 if private else None
        wanted = reference(
            spec, classes, start, members[m], list(plan.batches()), plan.normaliser, clip
        )
        for (weight, bias), w, b in zip(wanted, bank.weights, bank.biases, strict=True):
            np.testing.assert_allclose(w[m], weight, rtol=2e-3, atol=2e-5)
            np.testing.assert_allclose(b[m], bias, rtol=2e-3, atol=2e-5)


def test_logits_are_those_of_each_model() -> None:
    inputs, labels = rows()
    spec = TrainSpec(model="mlp", hidden=(6, 4), epochs=2, batch_size="full")
    bank = train_bank(spec, inputs, labels, CLASSES, halves(2), seed=1)
    found = bank.logits(inputs)
    assert found.shape == (2, N, CLASSES)
    assert len(bank) == 2
    for m in range(2):
        z = inputs
        for k, (w, b) in enumerate(zip(bank.weights, bank.biases, strict=True)):
            z = (np.maximum(z, 0) if k else z) @ w[m].T + b[m]
        np.testing.assert_allclose(found[m], z, rtol=1e-4, atol=1e-5)


def test_a_row_outside_a_models_set_changes_nothing() -> None:
    inputs, labels = rows()
    members = halves(2)
    spec = TrainSpec(epochs=5, batch_size=32)
    bank = train_bank(spec, inputs, labels, CLASSES, members, seed=2)
    other = labels.copy()
    other[~members[0]] = (other[~members[0]] + 1) % CLASSES
    again = train_bank(spec, inputs, other, CLASSES, members, seed=2)
    assert np.array_equal(bank.weights[0][0], again.weights[0][0])
    assert not np.array_equal(bank.weights[0][1], again.weights[0][1])


def test_noise_has_the_deviation_that_was_asked_for() -> None:
    _, labels = rows(2)
    members = np.ones((200, N), np.bool_)
    spec = TrainSpec(
        epochs=4,
        batch_size="full",
        optimizer="sgd",
        learning_rate=0.5,
        average=False,
        privacy=PrivacySpec(),
    )
    # Rows of zeros have no gradient at the weights: what moves them is noise alone.
    nothing = np.zeros((N, D), np.float32)
    bank = train_bank(spec, nothing, labels, 2, members, noise_multiplier=5.0, seed=3)
    wanted = 0.5 * math.sqrt(4) * 5.0 * 1.0 / N
    assert 0.95 * wanted < np.std(bank.weights[0]) < 1.05 * wanted
    assert abs(np.mean(bank.weights[0])) < 0.1 * wanted


def test_chunks_of_models_are_trained_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, labels = rows()
    members = halves(5)
    spec = TrainSpec(epochs=4, batch_size=20, optimizer="sgd", learning_rate=1.0)
    whole = train_bank(spec, inputs, labels, CLASSES, members, seed=2)
    monkeypatch.setattr(_table, "PARAMETER_FLOATS", 2 * CLASSES * (D + 1))
    told: list[tuple[float, float]] = []

    class Listener:
        def step(self, done: float, total: float, note: str = "") -> None:
            del note
            told.append((done, total))

    parts = train_bank(spec, inputs, labels, CLASSES, members, seed=2, progress=Listener())
    np.testing.assert_allclose(parts.weights[0], whole.weights[0], rtol=1e-4, atol=1e-6)
    assert told[-1][0] == told[-1][1]
    assert all(a[0] < b[0] for a, b in pairwise(told))


def test_an_epoch_shows_each_row_once_in_expectation() -> None:
    members = np.ones((1, 1_000), np.bool_)
    plan = Plan.of(TrainSpec(epochs=40, batch_size=100), 1_000, members.sum(), None, 0)
    shown = sum(len(b) for b in plan.batches())
    assert plan.steps == 400
    assert abs(shown - 40_000) < 5 * math.sqrt(40_000)
