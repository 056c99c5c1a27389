"""If this fails, a text of hashed features moves the noisy sum by more than its clip norm."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from strongroom.errors import InputError
from strongroom.privacy import ClippedGradient

PLACES, ROWS, TOKENS = 8, 6, 30


class Weighted(nn.Module):
    """A bag whose indices each have a weight of their own."""

    def __init__(self, bag: nn.EmbeddingBag) -> None:
        super().__init__()
        self.bag = bag

    def forward(self, index: Tensor, weight: Tensor) -> Tensor:
        found: Tensor = self.bag(index, None, weight)
        return found


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, targets, reduction="none")


def one_by_one(
    net: nn.Module, rows: tuple[Tensor, ...], targets: Tensor, unit: int
) -> list[Tensor]:
    """Return every unit's gradient, flat, by plain autograd."""
    found = []
    for i in range(0, len(targets), unit):
        net.requires_grad_(requires_grad=True)
        losses = loss(net(*(r[i : i + unit] for r in rows)), targets[i : i + unit])
        gradients = torch.autograd.grad(losses.sum(), list(net.parameters()))
        found.append(torch.cat([g.flatten() for g in gradients]))
    return found


def agree(net: nn.Module, rows: tuple[Tensor, ...], targets: Tensor, unit: int = 1) -> None:
    wanted = torch.stack(one_by_one(net, rows, targets, unit))
    norms = wanted.norm(dim=1)
    clip = 0.8 * float(norms.median())
    net.requires_grad_(requires_grad=True)
    found = ClippedGradient(net, clip, rows_per_unit=unit)(rows, targets, loss)
    total = torch.cat([v.flatten() for v in found.total.values()])
    assert torch.allclose(found.norms, norms, rtol=1e-12, atol=0)
    clipped = (wanted * (clip / norms).clamp_max(1)[:, None]).sum(0)
    assert torch.allclose(total, clipped, rtol=1e-10, atol=1e-14)


CASES = [
    *itertools.product(
        ("sum", "mean"), (2, 20), (1, 2), (None, 0), ("rising", "shuffled", "repeated")
    )
]


@pytest.mark.parametrize(("mode", "width", "unit", "padding", "order"), CASES)
def test_bags_are_clipped_exactly(
    mode: str, width: int, unit: int, padding: int | None, order: str
) -> None:
    torch.manual_seed(0)
    bag = nn.EmbeddingBag(TOKENS, width, mode=mode, padding_idx=padding)
    net = nn.Sequential(bag, nn.Linear(width, 3)).double()
    index = torch.stack([torch.randperm(TOKENS - 1)[:PLACES] + 1 for _ in range(ROWS)])
    if order == "rising":
        index = index.sort(dim=1).values
    if order == "repeated":
        index[:, -3:] = index[:, :3]
    if padding is not None:
        index[1, 5:], index[2] = padding, padding
        if order != "rising":
            index[3, 2] = padding
    agree(net, (index,), torch.randint(0, 3, (ROWS,)), unit)


def test_an_index_meets_itself_across_a_weight_of_zero() -> None:
    torch.manual_seed(0)
    net = Weighted(nn.EmbeddingBag(9, 2, mode="sum").double())
    index = torch.tensor([[5, 5, 5, 1], [2, 3, 4, 4]])
    weight = torch.tensor([[1.0, 0.0, 1.0, 2.0], [0.5, 0.0, 1.0, 1.0]]).double()
    agree(net, (index, weight), torch.tensor([0, 1]))


@pytest.mark.parametrize("mode", ["max", "sum"])
def test_bags_without_a_rule_are_refused(mode: str) -> None:
    engine = ClippedGradient(nn.EmbeddingBag(9, 2, mode=mode), 1.0)
    index = torch.tensor([[1, 2]])
    rows = (index,) if mode == "max" else (index.flatten(), torch.tensor([0, 1]))
    with pytest.raises(InputError):
        engine(rows, torch.zeros(len(rows[0]), dtype=torch.int64), loss)
