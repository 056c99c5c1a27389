"""If this fails, one person can move the model further than the noise hides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

from strongroom.errors import InputError
from strongroom.privacy import ClippedGradient

CLIP = 0.7


def loss_of(outputs: Tensor, targets: Tensor) -> Tensor:
    """Sum a smooth loss over everything but the examples."""
    return ((outputs - targets.reshape(-1, *([1] * (outputs.dim() - 1)))) ** 2).flatten(1).sum(1)


def reference(
    module: nn.Module, inputs: Tensor, targets: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """Clip by one autograd call per example, the slow and plain way."""
    parameters = dict(module.named_parameters())
    module.requires_grad_(requires_grad=True)
    total = {k: torch.zeros_like(v) for k, v in parameters.items()}
    norms = []
    for i in range(len(inputs)):
        loss = loss_of(module(inputs[i : i + 1]), targets[i : i + 1]).sum()
        grads = torch.autograd.grad(loss, list(parameters.values()))
        norm = torch.sqrt(torch.stack([g.square().sum() for g in grads]).sum())
        norms.append(norm)
        for key, grad in zip(parameters, grads, strict=True):
            total[key] += grad * min(1.0, CLIP / float(norm))
    return total, torch.stack(norms)


class LastOfTokens(nn.Module):
    """Embedding, then a layer on [n, t, d]."""

    def __init__(self, tokens: int, wide: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, wide)
        self.out = nn.Linear(wide, 2)

    def forward(self, indices: Tensor) -> Tensor:
        found: Tensor = self.out(torch.tanh(self.embed(indices)))
        return found


def rows(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randn(*shape)


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "logistic": (lambda: nn.Linear(5, 2), rows(9, 5)),
    "no bias": (lambda: nn.Linear(5, 2, bias=False), rows(9, 5)),
    "mlp": (
        lambda: nn.Sequential(
            nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3), nn.Tanh(), nn.Linear(3, 2)
        ),
        rows(9, 5),
    ),
    "sequence, ghost norm": (lambda: nn.Linear(20, 20), rows(4, 3, 20)),
    "sequence, direct norm": (lambda: nn.Linear(2, 2), rows(4, 30, 2)),
    "image of vectors": (lambda: nn.Linear(4, 2), rows(5, 3, 2, 4)),
    "embedding": (lambda: nn.Embedding(6, 3), lambda: torch.randint(6, (8,))),
    "repeated tokens": (lambda: LastOfTokens(4, 3), lambda: torch.randint(4, (6, 5))),
}


@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize("case", CASES)
def test_every_rule_agrees_with_per_example_autograd(
    case: str, kind: torch.dtype, tolerance: float
) -> None:
    torch.manual_seed(5)
    make, draw = CASES[case]
    module, inputs = make().to(kind), draw()
    inputs = inputs.to(kind) if inputs.is_floating_point() else inputs
    targets = torch.randn(len(inputs)).to(kind)
    expected, norms = reference(module, inputs, targets)
    found = ClippedGradient(module, CLIP)((inputs,), targets, loss_of)
    assert (norms > CLIP).any()
    torch.testing.assert_close(found.norms, norms, rtol=tolerance * 4, atol=tolerance)
    assert set(found.total) == set(expected)
    for key, value in expected.items():
        torch.testing.assert_close(found.total[key], value, rtol=tolerance * 8, atol=tolerance * 8)


def test_no_gradient_is_stored_and_no_hook_stays() -> None:
    module = nn.Linear(3, 2)
    engine = ClippedGradient(module, CLIP)
    engine((torch.randn(4, 3),), torch.zeros(4), loss_of)
    assert all(p.grad is None and not p.requires_grad for p in module.parameters())
    assert not module._forward_hooks


@given(
    seed=st.integers(0, 2**31),
    size=st.floats(1e-3, 1e4),
    clip=st.floats(1e-3, 10),
    n=st.integers(2, 12),
)
@settings(max_examples=60, deadline=None)
def test_one_example_moves_the_sum_by_at_most_its_sensitivity(
    seed: int, size: float, clip: float, n: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    module = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
    engine = ClippedGradient(module, clip)
    inputs = torch.randn(n, 6, generator=generator) * size
    targets = torch.randn(n, generator=generator)
    whole = engine((inputs,), targets, loss_of).total
    less = engine((inputs[1:],), targets[1:], loss_of).total
    moved = torch.cat([(whole[k] - less[k]).flatten().double() for k in whole]).norm()
    assert float(moved) <= engine.sensitivity * (1 + 1e-5 * n)


def test_small_gradients_are_left_alone_and_large_ones_shrunk_to_the_bound() -> None:
    module = nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(1.0)
    inputs, targets = torch.tensor([[0.1], [100.0]]), torch.zeros(2)
    found = ClippedGradient(module, 1.0)((inputs,), targets, loss_of)
    assert found.norms.tolist() == pytest.approx([0.02, 20_000.0])
    assert float(found.total["weight"]) == pytest.approx(0.02 + 1.0)


def test_a_layer_that_did_not_run_gets_zeros() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare = nn.Linear(2, 1), nn.Linear(2, 1)

        def forward(self, inputs: Tensor) -> Tensor:
            found: Tensor = self.used(inputs)
            return found

    found = ClippedGradient(Unused(), 1.0)((torch.ones(3, 2),), torch.zeros(3), loss_of)
    assert not found.total["spare.weight"].any()
    assert found.total["used.weight"].any()


def test_without_a_clip_norm_there_is_no_sensitivity() -> None:
    module = nn.Linear(2, 1)
    engine = ClippedGradient(module, None)
    inputs, targets = torch.randn(5, 2) * 100, torch.zeros(5)
    found = engine((inputs,), targets, loss_of)
    module.requires_grad_(requires_grad=True)
    plain = torch.autograd.grad(loss_of(module(inputs), targets).sum(), module.weight)
    torch.testing.assert_close(found.total["weight"], plain[0])
    with pytest.raises(InputError, match="no bound"):
        _ = engine.sensitivity


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.SyncBatchNorm])
def test_a_layer_that_mixes_examples_is_refused_with_the_mend(kind: type[nn.Module]) -> None:
    with pytest.raises(InputError, match="mixes the examples") as refusal:
        ClippedGradient(nn.Sequential(nn.Linear(2, 2), kind(2)), 1.0)
    assert "GroupNorm" in str(refusal.value.hint)


def test_batch_norm_without_parameters_is_refused_too() -> None:
    with pytest.raises(InputError, match="mixes the examples"):
        ClippedGradient(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, affine=False)), 1.0)


def test_a_layer_without_a_rule_is_refused_and_the_known_ones_named() -> None:
    with pytest.raises(InputError, match='layer "1": there is no rule for Bilinear') as refusal:
        ClippedGradient(nn.Sequential(nn.Linear(2, 2), nn.Bilinear(2, 2, 2)), 1.0)
    assert "Linear" in str(refusal.value.hint)


def test_a_subclass_may_do_anything_so_it_has_no_rule() -> None:
    class Sneaky(nn.Linear):
        pass

    with pytest.raises(InputError, match="Sneaky"):
        ClippedGradient(Sneaky(2, 2), 1.0)


def test_shared_parameters_and_repeated_layers_are_refused() -> None:
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    other.weight = one.weight
    with pytest.raises(InputError, match="share a parameter"):
        ClippedGradient(nn.Sequential(one, other), 1.0)
    layer = nn.Linear(2, 2)

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, inputs: Tensor) -> Tensor:
            found: Tensor = self.layer(self.layer(inputs))
            return found

    engine = ClippedGradient(Twice(), 1.0)
    with pytest.raises(InputError, match="runs twice"):
        engine((torch.ones(1, 2),), torch.zeros(1), loss_of)
    assert not layer._forward_hooks
