"""If this fails, a compiled loop of the banks computes something else than NumPy and PyTorch do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from strongroom.config import PrivacySpec, TrainSpec
from strongroom.models import train_bank
from strongroom.models.bank import _kernels as kernels
from strongroom.models.bank import _table
from strongroom.models.bank._plan import Plan, side_by_side

if TYPE_CHECKING:
    from numpy.typing import NDArray

N, D = 60, 40


def rows(classes: int, share: float = 0.1) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    coins = np.random.default_rng(8)
    inputs = coins.random((N, D), dtype=np.float32)
    inputs[coins.random((N, D)) > share] = 0
    return inputs, coins.integers(0, classes, N)


def alone(
    spec: TrainSpec, classes: int, member: NDArray[np.bool_], plan: Plan, number: int, seed: int
) -> list[NDArray[np.float32]]:
    """Train one model by PyTorch: its layers, its loss, its optimizer."""
    inputs, labels = (torch.from_numpy(a) for a in rows(classes))
    layers: list[nn.Module] = []
    hidden = spec.hidden if spec.model == "mlp" else ()
    for weight, bias in _table.initial([D, *hidden, classes], seed, number):
        linear = nn.Linear(*weight.shape)
        linear.weight.data, linear.bias.data = torch.from_numpy(weight.T), torch.from_numpy(bias)
        layers += [linear, nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    optimizer: Any = torch.optim.AdamW(network.parameters(), spec.learning_rate, weight_decay=0)
    if spec.optimizer == "momentum":
        optimizer = torch.optim.SGD(network.parameters(), spec.learning_rate, momentum=0.9)
    for batch in plan.batches():
        mine = torch.from_numpy(batch[member[batch]].astype(np.int64))
        optimizer.zero_grad()
        each = nn.functional.cross_entropy(network(inputs[mine]), labels[mine], reduction="sum")
        (each / plan.normaliser).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return [p.detach().numpy() for p in network.parameters()]


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("models", [1, 3])
@pytest.mark.parametrize(
    ("model", "optimizer"), [("mlp", "adam"), ("mlp", "momentum"), ("logistic", "adam")]
)
def test_a_bank_on_sparse_rows_equals_models_trained_alone(
    model: str, optimizer: str, models: int, classes: int
) -> None:
    # 84 units: sixteen at a time four times over, once, and four one by one.
    spec = TrainSpec.model_validate({
        "model": model, "hidden": (84, 20), "epochs": 5, "batch_size": 16,
        "optimizer": optimizer, "learning_rate": 0.01, "average": False,
    })  # fmt: skip
    inputs, labels = rows(classes)
    member = np.random.default_rng(1).random((models, N)) < 0.5
    bank = train_bank(spec, inputs, labels, classes, member, seed=2)
    plan = Plan.of(spec, N, member.sum(axis=1).mean(), None, 2)
    logits = bank.logits(inputs)
    for m in range(models):
        wanted = alone(spec, classes, member[m], plan, m, 2)
        for i, (w, b) in enumerate(zip(bank.weights, bank.biases, strict=True)):
            np.testing.assert_allclose(w[m], wanted[2 * i], rtol=5e-3, atol=5e-5)
            np.testing.assert_allclose(b[m], wanted[2 * i + 1], rtol=5e-3, atol=5e-5)
        z = inputs
        for k in range(len(bank.weights)):
            z = (np.maximum(z, 0) if k else z) @ wanted[2 * k].T + wanted[2 * k + 1]
        np.testing.assert_allclose(logits[m], z, rtol=5e-3, atol=5e-4)


@pytest.mark.parametrize("model", ["logistic", "mlp"])
@pytest.mark.parametrize("classes", [2, 3])
def test_lists_and_matrices_give_the_same_private_models(model: str, classes: int) -> None:
    inputs, labels = rows(classes)
    member = np.random.default_rng(1).random((5, N)) < 0.5
    spec = TrainSpec.model_validate({
        "model": model, "hidden": (20,), "epochs": 4, "batch_size": 20,
        "learning_rate": 0.05, "optimizer": "adam-corrected", "privacy": {"clip_norm": 0.3},
    })  # fmt: skip
    given = (spec, inputs, labels, classes, member)
    lists = train_bank(*given, noise_multiplier=0.5, seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_table, "_DENSE", 0.0)
        matrix = train_bank(*given, noise_multiplier=0.5, seed=3)
    for a, b in zip(lists.weights, matrix.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-2, atol=2e-4)


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_parts_of_a_bank_are_the_same_as_the_whole(model: str) -> None:
    inputs, labels = rows(2)
    member = np.random.default_rng(1).random((70, N)) < 0.5
    spec = TrainSpec.model_validate(
        {"model": model, "hidden": (20,), "epochs": 2, "batch_size": 20, "privacy": PrivacySpec()}
    )
    whole = train_bank(spec, inputs, labels, 2, member, noise_multiplier=1.0, seed=3)
    learnt = float(member.sum(axis=1).mean())
    part = train_bank(
        spec, inputs, labels, 2, member[64:], noise_multiplier=1.0, seed=3, first=64, learnt=learnt
    )
    assert np.array_equal(whole.weights[0][64:], part.weights[0])


def test_a_training_that_diverges_says_so_in_its_numbers() -> None:
    inputs, labels = rows(2)
    spec = TrainSpec(
        model="mlp", hidden=(20, 16), epochs=40, batch_size="full", optimizer="sgd",
        learning_rate=1e30,
    )  # fmt: skip
    bank = train_bank(spec, inputs, labels, 2, np.ones((1, N), np.bool_), seed=3)
    assert not np.isfinite(bank.logits(inputs)).all()


def test_a_model_without_rows_stays_as_it_began() -> None:
    inputs, labels = rows(2)
    spec = TrainSpec(model="mlp", hidden=(20,), epochs=2, batch_size=16)
    member = np.zeros((1, N), np.bool_)
    bank = train_bank(spec, inputs, labels, 2, member, seed=3, learnt=30.0)
    assert np.array_equal(bank.weights[0][0], _table.initial([D, 20, 2], 3, 0)[0][0].T)


def test_residuals_of_shared_rows_are_clipped_and_weighted_as_numpy_does() -> None:
    coins = np.random.default_rng(0)
    n, classes, models = 6, 3, 16
    z = coins.normal(0, 4, (n, classes, models)).astype(np.float32)
    z[0] = 200  # all alike, and far out
    labels = coins.integers(0, classes, n).astype(np.int32)
    members = (coins.random((n, models)) < 0.5).astype(np.float32)
    norms = coins.uniform(1, 3, n).astype(np.float32)
    wanted = np.exp(z - z.max(axis=1, keepdims=True))
    wanted /= wanted.sum(axis=1, keepdims=True)
    wanted[np.arange(n), labels] -= 1
    size = np.sqrt((wanted**2).sum(axis=1)) * norms[:, None]
    wanted *= (np.minimum(1, 0.7 / size) * members / 5)[:, None]
    found = z.ravel().copy()
    every = np.arange(n, dtype=np.int32)
    kernels.shared_residuals(found, every, labels, members.ravel(), norms, classes, 0.7, 5.0)
    np.testing.assert_allclose(found.reshape(z.shape), wanted, rtol=2e-5, atol=1e-7)


def test_exponentials_are_those_of_numpy_from_end_to_end() -> None:
    x = np.linspace(-100, 90, 4096, dtype=np.float32)
    labels, every = np.zeros(len(x) // 16, np.int32), np.arange(len(x) // 16, dtype=np.int32)
    ones, norms = np.ones(len(x), np.float32), np.ones(len(x) // 16, np.float32)
    found = x.copy()
    kernels.shared_residuals(found, every, labels, ones, norms, 2, math.inf, 1.0)
    wanted = 1 / (1 + np.exp(-x.astype(np.float64)))
    np.testing.assert_allclose(found, wanted, rtol=5e-6, atol=1e-37)


def test_an_error_in_a_thread_is_the_callers() -> None:
    def work(i: int) -> None:
        if i == 3:
            raise MemoryError

    with pytest.raises(MemoryError):
        side_by_side(work, 8, 2, lambda _: None)
