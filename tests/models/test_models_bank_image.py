"""If this fails, shadows of an image model are other networks than the one that is attacked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from strongroom.config import TrainSpec
from strongroom.models._image import convolutional
from strongroom.models.bank import ImageBank, train_image_bank
from strongroom.models.bank import _convolution as conv
from strongroom.models.bank._image import _Shape
from strongroom.models.bank._plan import Plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

N, CLASSES = 24, 4


def images(
    colours: int = 1, high: int = 28, wide: int = 28
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    coins = np.random.default_rng(1)
    pixels = coins.integers(0, 256, (N, colours, high, wide)).astype(np.uint8)
    return pixels, coins.integers(0, CLASSES, N)


def network(bank: ImageBank, model: int, size: tuple[int, ...], classes: int) -> nn.Sequential:
    made = convolutional(size[0], min(size[1:]), classes)
    made.load_state_dict({k: torch.from_numpy(v) for k, v in bank.state(model).items()})
    return made


def alone(
    spec: TrainSpec, size: tuple[int, ...], member: NDArray[np.bool_], plan: Plan, number: int
) -> nn.Sequential:
    """Train one network by PyTorch, each image's gradient clipped where the plan says so."""
    pixels, labels = (torch.from_numpy(a) for a in images(*size))
    shape = _Shape.of(size, CLASSES)
    start = ImageBank(shape.initial(3, number)[None], shape)
    made = network(start, 0, size, CLASSES)
    optimizer: Any = torch.optim.AdamW(made.parameters(), spec.learning_rate, weight_decay=0)
    if spec.optimizer == "sgd":
        optimizer = torch.optim.SGD(made.parameters(), spec.learning_rate)
    for batch in plan.batches():
        mine = batch[member[batch]]
        total = [torch.zeros_like(p) for p in made.parameters()]
        for part in [[i] for i in mine] if plan.clip else [mine]:
            loss = nn.functional.cross_entropy(made(pixels[part]), labels[part], reduction="sum")
            gradient = torch.autograd.grad(loss, list(made.parameters()))
            norm = float(torch.sqrt(sum((g.square().sum() for g in gradient), torch.zeros(()))))
            shrink = min(1.0, plan.clip / norm) if plan.clip else 1.0
            total = [t + shrink * g for t, g in zip(total, gradient, strict=True)]
        for p, t in zip(made.parameters(), total, strict=True):
            p.grad = t / plan.normaliser
        optimizer.step()
    return made


@pytest.mark.parametrize("size", [(1, 28, 28), (3, 32, 24), (1, 19, 22), (1, 50, 56)])
def test_a_bank_of_networks_says_what_pytorch_says(size: tuple[int, ...]) -> None:
    pixels, _ = images(*size)
    shape = _Shape.of(size, CLASSES)
    bank = ImageBank(np.stack([shape.initial(0, m) for m in range(2)]), shape)
    found = bank.logits(pixels)
    for m in range(2):
        with torch.no_grad():
            wanted = network(bank, m, size, CLASSES)(torch.from_numpy(pixels)).numpy()
        np.testing.assert_allclose(found[m], wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("models", [1, 3])
@pytest.mark.parametrize("size", [(1, 28, 28), (3, 19, 22)])
def test_a_bank_of_networks_equals_networks_trained_alone(
    size: tuple[int, ...], models: int, private: bool
) -> None:
    spec = TrainSpec.model_validate({
        "model": "cnn", "epochs": 3, "batch_size": 8, "average": False,
        "optimizer": "sgd", "learning_rate": 0.2,
        "privacy": {"clip_norm": 0.5} if private else None,
    })  # fmt: skip
    pixels, labels = images(*size)
    member = np.random.default_rng(2).random((models, N)) < 0.5
    noise = 0.0 if private else None
    bank = train_image_bank(spec, pixels, labels, CLASSES, member, noise_multiplier=noise, seed=3)
    plan = Plan.of(spec, N, member.sum(axis=1).mean(), noise, 3)
    found = bank.logits(pixels)
    for m in range(models):
        with torch.no_grad():
            wanted = alone_logits(spec, size, member[m], plan, m, pixels)
        np.testing.assert_allclose(found[m], wanted, rtol=2e-2, atol=2e-3)


def alone_logits(
    spec: TrainSpec,
    size: tuple[int, ...],
    member: NDArray[np.bool_],
    plan: Plan,
    number: int,
    pixels: NDArray[np.uint8],
) -> NDArray[np.float32]:
    with torch.enable_grad():
        made = alone(spec, size, member, plan, number)
    found: NDArray[np.float32] = made(torch.from_numpy(pixels)).numpy()
    return found


def test_a_private_network_is_noised_and_goes_by_its_seed() -> None:
    spec = TrainSpec.model_validate(
        {"model": "cnn", "epochs": 1, "batch_size": 8, "privacy": {"clip_norm": 0.5}}
    )
    pixels, labels = images(1, 16, 16)
    member = np.ones((2, N), np.bool_)
    given = (spec, pixels, labels, CLASSES, member)
    one = train_image_bank(*given, noise_multiplier=1.0, seed=1)
    same = train_image_bank(*given, noise_multiplier=1.0, seed=1)
    other = train_image_bank(*given, noise_multiplier=2.0, seed=1)
    assert np.array_equal(one.parameters, same.parameters)
    assert not np.array_equal(one.parameters, other.parameters)
    part = train_image_bank(
        spec, pixels, labels, CLASSES, member[1:], noise_multiplier=1.0, seed=1, first=1
    )
    assert np.array_equal(one.parameters[1], part.parameters[0])


def test_the_points_of_winograd_make_a_convolution() -> None:
    a, g, b = (m.astype(np.float64) for m in conv.winograd())
    coins = np.random.default_rng(0)
    line, kernel = coins.normal(size=8), coins.normal(size=5)
    wanted = [line[k : k + 5] @ kernel for k in range(4)]
    np.testing.assert_allclose(a.T @ ((g @ kernel) * (b @ line)), wanted, atol=1e-5)


@pytest.mark.parametrize("width", [16, 32, 48])
def test_products_of_shifted_rows_are_numpys(width: int) -> None:
    coins = np.random.default_rng(0)
    x = coins.normal(size=(14 + 8, 8)).astype(np.float32)
    weight = coins.normal(size=(5, 8, width)).astype(np.float32)
    y = coins.normal(size=(14, width)).astype(np.float32)
    out = np.zeros((14, width), np.float32)
    conv.product(x.ravel(), 2, 5, 8, weight.ravel(), width, out.ravel(), 14)
    wanted = sum(x[2 * s : 2 * s + 14] @ weight[s] for s in range(5))
    np.testing.assert_allclose(out, wanted, rtol=1e-4, atol=1e-5)
    sums = np.ones((5, 8, width), np.float32)
    conv.outer(x.ravel(), 2, 5, 8, y.ravel(), width, sums.ravel(), 14)
    each = np.stack([x[2 * s : 2 * s + 14].T @ y for s in range(5)])
    np.testing.assert_allclose(sums, 1 + each, rtol=1e-4, atol=1e-5)
