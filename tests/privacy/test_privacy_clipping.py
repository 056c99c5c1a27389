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
from strongroom.privacy import Automatic, ClippedGradient, Flat, PerLayer, cross_entropy

CLIP = 0.7


def loss_of(outputs: Tensor, targets: Tensor) -> Tensor:
    """Sum a smooth loss over everything but the examples."""
    return ((outputs - targets.reshape(-1, *([1] * (outputs.dim() - 1)))) ** 2).flatten(1).sum(1)


def reference(
    module: nn.Module, inputs: Tensor, targets: Tensor, rows_per_unit: int = 1
) -> tuple[dict[str, Tensor], Tensor]:
    """Clip by one autograd call per unit, the slow and plain way."""
    parameters = {k: p for k, p in module.named_parameters() if p.requires_grad}
    total = {k: torch.zeros_like(v) for k, v in parameters.items()}
    norms = []
    for i in range(0, len(inputs), rows_per_unit):
        part = slice(i, i + rows_per_unit)
        loss = loss_of(module(inputs[part]), targets[part]).sum()
        grads = torch.autograd.grad(loss, list(parameters.values()))
        norm = torch.sqrt(torch.stack([g.square().sum() for g in grads]).sum())
        norms.append(norm)
        for key, grad in zip(parameters, grads, strict=True):
            total[key] += grad * min(1.0, CLIP / float(norm))
    return total, torch.stack(norms)


class Tokens(nn.Module):
    """Embedding, then something on [n, t, d]."""

    def __init__(self, tokens: int, wide: int, rest: nn.Module) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, wide)
        self.rest = rest

    def forward(self, indices: Tensor) -> Tensor:
        found: Tensor = self.rest(torch.tanh(self.embed(indices)))
        return found


class Tied(nn.Module):
    """A language model whose output layer is its embedding."""

    def __init__(self, *, bias: bool) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(6, 4), nn.Linear(4, 6, bias=bias)
        self.out.weight = self.embed.weight

    def forward(self, indices: Tensor) -> Tensor:
        found: Tensor = self.out(torch.tanh(self.embed(indices)))
        return found


class Twice(nn.Module):
    """A layer used twice, then another."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.out = layer, nn.LazyLinear(2)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.out(self.layer(torch.tanh(self.layer(inputs))).flatten(1))
        return found


class Positions(nn.Module):
    """Positions that all rows share, as GPT-2 has them."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.place, self.out = nn.Embedding(5, 3), nn.Embedding(4, 3), nn.Linear(3, 2)

    def forward(self, indices: Tensor) -> Tensor:
        places = torch.arange(indices.shape[1])[None]
        found: Tensor = self.out(torch.tanh(self.embed(indices) + self.place(places)))
        return found


class Opaque(nn.Module):
    """Parameters of its own, used by no layer that has a rule; a layer inside, used directly."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.randn(5))
        self.inner = nn.Linear(5, 3, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.tanh(nn.functional.linear(inputs * self.scale, self.inner.weight)) @ (
            self.inner.weight
        )


class SelfAttention(nn.Module):
    """Attention on itself, or with other keys and values."""

    def __init__(self, *, other: bool, mask: bool = False, **about: bool | int) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True, **about)
        self.other, self.mask = other, mask

    def forward(self, inputs: Tensor) -> Tensor:
        keys = values = inputs
        if self.other:
            keys = torch.cat([inputs, inputs.cos()], 1)[:, 1:, : self.attend.kdim]
            values = keys.sin()[..., : self.attend.vdim]
        mask = None
        if self.mask:
            mask = torch.ones(inputs.shape[1], keys.shape[1], dtype=torch.bool).triu(1)
        found: Tensor = self.attend(inputs, keys, values, attn_mask=mask)[0]
        return found


class FirstOf(nn.Module):
    """A recurrent layer without its states."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.layer(inputs)[0]
        return found


class LowRank(nn.Module):
    """A frozen layer with a trainable adapter beside it (LoRA)."""

    def __init__(self) -> None:
        super().__init__()
        self.base, self.down, self.up = nn.Linear(5, 4), nn.Linear(5, 2, False), nn.Linear(2, 4)
        self.base.requires_grad_(requires_grad=False)
        self.up.bias.requires_grad = False

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.base(inputs) + self.up(self.down(inputs))
        return found


def rows(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randn(*shape)


def tokens(many: int, *shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randint(many, shape)


def flat(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(2))


def transformer_layer() -> nn.Module:
    return nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "logistic": (lambda: nn.Linear(5, 2), rows(9, 5)),
    "no bias": (lambda: nn.Linear(5, 2, bias=False), rows(9, 5)),
    "mlp": (
        lambda: nn.Sequential(
            nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3), nn.Tanh(), nn.Linear(3, 2)
        ),
        rows(9, 5),
    ),
    "in-place activation": (
        lambda: nn.Sequential(nn.Linear(5, 7), nn.ReLU(inplace=True), nn.Linear(7, 2)),
        rows(9, 5),
    ),
    "sequence, ghost norm": (lambda: nn.Linear(20, 20), rows(4, 3, 20)),
    "sequence, direct norm": (lambda: nn.Linear(2, 2), rows(4, 30, 2)),
    "image of vectors": (lambda: nn.Linear(4, 2), rows(5, 3, 2, 4)),
    "embedding": (lambda: nn.Embedding(6, 3), tokens(6, 8)),
    "padding": (lambda: nn.Embedding(6, 3, padding_idx=2), tokens(6, 8, 4)),
    "repeated tokens": (lambda: Tokens(4, 3, nn.Linear(3, 2)), tokens(4, 6, 5)),
    "shared positions": (Positions, tokens(5, 6, 4)),
    "bag": (
        lambda: nn.EmbeddingBag(7, 3, mode="sum", padding_idx=0),
        tokens(7, 8, 5),
    ),
    "averaging bag": (lambda: nn.EmbeddingBag(7, 20, padding_idx=1), tokens(7, 8, 5)),
    "conv1d": (lambda: flat(nn.Conv1d(4, 6, 3, stride=2, padding=1)), rows(5, 4, 9)),
    "conv2d": (
        lambda: flat(nn.Conv2d(2, 4, (3, 2), padding=(1, 0)), nn.ReLU(), nn.Conv2d(4, 3, 3)),
        rows(5, 2, 7, 6),
    ),
    "conv2d, dilated groups": (
        lambda: flat(nn.Conv2d(4, 6, 3, dilation=2, groups=2, padding="same", bias=False)),
        rows(5, 4, 6, 5),
    ),
    "conv2d, reflected": (
        lambda: flat(nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect")),
        rows(4, 2, 5, 5),
    ),
    "conv2d, depthwise, valid": (
        lambda: flat(nn.Conv2d(3, 3, 2, groups=3, stride=2, padding="valid")),
        rows(4, 3, 6, 6),
    ),
    "conv3d": (lambda: flat(nn.Conv3d(2, 3, 2, stride=(1, 2, 1))), rows(4, 2, 4, 5, 4)),
    "layer norm": (lambda: flat(nn.LayerNorm((3, 4)), nn.Tanh()), rows(5, 3, 4)),
    "layer norm on a sequence": (
        lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4, bias=False), nn.Linear(4, 2)),
        rows(5, 6, 3),
    ),
    "rms norm": (lambda: nn.Sequential(nn.Linear(3, 4), nn.RMSNorm(4)), rows(5, 6, 3)),
    "group norm": (
        lambda: flat(nn.Conv2d(2, 6, 3), nn.GroupNorm(3, 6), nn.ReLU()),
        rows(5, 2, 6, 6),
    ),
    "instance norm": (
        lambda: flat(nn.Conv2d(2, 4, 3), nn.InstanceNorm2d(4, affine=True), nn.ReLU()),
        rows(5, 2, 6, 6),
    ),
    "instance norm 1d": (
        lambda: flat(nn.InstanceNorm1d(3, affine=True), nn.Tanh()),
        rows(5, 3, 6),
    ),
    "self-attention": (lambda: SelfAttention(other=False), rows(5, 3, 4)),
    "masked self-attention": (lambda: SelfAttention(other=False, mask=True), rows(5, 3, 4)),
    "cross-attention": (lambda: SelfAttention(other=True, bias=False), rows(5, 3, 4)),
    "attention with other widths": (
        lambda: SelfAttention(other=True, kdim=3, vdim=2),
        rows(5, 3, 4),
    ),
    "transformer": (lambda: Tokens(7, 8, transformer_layer()), tokens(7, 5, 6)),
    "lstm": (lambda: FirstOf(nn.LSTM(3, 4, num_layers=2, batch_first=True)), rows(5, 6, 3)),
    "lstm, both ways": (
        lambda: FirstOf(nn.LSTM(3, 4, bidirectional=True, bias=False, batch_first=True)),
        rows(5, 6, 3),
    ),
    "gru": (lambda: FirstOf(nn.GRU(3, 4, bidirectional=True, batch_first=True)), rows(5, 6, 3)),
    "tied weights": (lambda: Tied(bias=False), tokens(6, 5, 4)),
    "tied weights, bias": (lambda: Tied(bias=True), tokens(6, 5, 4)),
    "linear twice": (lambda: Twice(nn.Linear(4, 4)), rows(6, 4)),
    "convolution twice": (lambda: Twice(nn.Conv1d(3, 3, 3, padding=1)), rows(6, 3, 5)),
    "norm twice": (lambda: Twice(nn.LayerNorm(4)), rows(6, 4)),
    "a layer without a rule": (
        lambda: nn.Sequential(nn.Linear(5, 5), Opaque(), nn.Linear(5, 2)),
        rows(6, 5),
    ),
    "a transposed convolution": (
        lambda: flat(nn.Conv2d(1, 2, 3), nn.ConvTranspose2d(2, 2, 2)),
        rows(4, 1, 5, 5),
    ),
    "frozen layers and an adapter": (LowRank, rows(6, 5)),
}


def made(case: str, kind: torch.dtype) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(5)
    make, draw = CASES[case]
    module, inputs = make(), draw()
    module(inputs[:2])  # gives lazy layers their shape
    inputs = inputs.to(kind) if inputs.is_floating_point() else inputs
    return module.to(kind), inputs, torch.randn(len(inputs)).to(kind)


@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize("case", CASES)
def test_every_layer_agrees_with_per_example_autograd(
    case: str, kind: torch.dtype, tolerance: float
) -> None:
    module, inputs, targets = made(case, kind)
    expected, norms = reference(module, inputs, targets)
    found = ClippedGradient(module, CLIP)((inputs,), targets, loss_of)
    assert (norms > CLIP).any()
    assert set(found.total) == set(expected)
    whole = torch.cat([v.flatten() for v in expected.values()])
    moved = torch.cat([(found.total[k] - v).flatten() for k, v in expected.items()])
    assert float(moved.norm() / whole.norm()) < tolerance
    torch.testing.assert_close(found.norms, norms, rtol=tolerance * 4, atol=tolerance)


@pytest.mark.parametrize("case", CASES)
def test_rows_of_one_unit_are_clipped_as_one(case: str) -> None:
    module, inputs, targets = made(case, torch.float64)
    units = len(inputs) // 2
    inputs, targets = inputs[: 2 * units], targets[: 2 * units]
    expected, norms = reference(module, inputs, targets, rows_per_unit=2)
    found = ClippedGradient(module, CLIP, rows_per_unit=2)((inputs,), targets, loss_of)
    torch.testing.assert_close(found.norms, norms, rtol=1e-11, atol=1e-12)
    for key, value in expected.items():
        torch.testing.assert_close(found.total[key], value, rtol=1e-11, atol=1e-11)


def test_no_gradient_is_stored_and_no_hook_stays() -> None:
    module = nn.Linear(3, 2)
    engine = ClippedGradient(module, CLIP)
    engine((torch.randn(4, 3),), torch.zeros(4), loss_of)
    assert all(p.grad is None and not p.requires_grad for p in module.parameters())
    assert not module._forward_hooks


@given(
    mode=st.sampled_from((Flat, PerLayer, Automatic)),
    seed=st.integers(0, 2**31),
    size=st.floats(1e-3, 1e4),
    clip=st.floats(1e-3, 10),
    n=st.integers(2, 12),
)
@settings(max_examples=100, deadline=None)
def test_one_example_moves_the_sum_by_at_most_its_sensitivity(
    mode: type[Flat], seed: int, size: float, clip: float, n: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    module = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
    engine = ClippedGradient(module, mode(clip))
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


def test_each_mode_takes_what_it_says() -> None:
    module = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    inputs, targets = torch.tensor([[0.01], [10.0]]), torch.zeros(2)
    sizes = []
    for mode in (Flat(1.0), PerLayer(1.0), Automatic(1.0)):
        engine = ClippedGradient(module, mode)
        module.requires_grad_(requires_grad=True)
        alone = [
            torch.cat([v.flatten() for v in engine((x[None],), y[None], loss_of).total.values()])
            for x, y in zip(inputs, targets, strict=True)
        ]
        sizes.append([float(v.norm()) for v in alone])
        assert engine.sensitivity == 1.0
    (small, large), (small_layers, large_layers), (small_auto, large_auto) = sizes
    assert small == pytest.approx(small_layers)
    assert small < small_auto < large_auto < large == pytest.approx(1.0)
    assert large_layers == pytest.approx(1.0)


def test_micro_batches_add_up_in_one_buffer() -> None:
    module, inputs, targets = made("transformer", torch.float64)
    engine = ClippedGradient(module, CLIP)
    whole, buffer = engine((inputs,), targets, loss_of), engine.accumulator()
    for part in (slice(0, 2), slice(2, 3), slice(3, None)):
        engine((inputs[part],), targets[part], loss_of, into=buffer)
    for name, value in whole.total.items():
        torch.testing.assert_close(buffer.views[name], value)
    flat = torch.cat([v.flatten() for v in whole.total.values()])
    torch.testing.assert_close(buffer.flat, flat)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("inf"), float("nan")])
def test_a_norm_that_bounds_nothing_is_refused(bad: float) -> None:
    for mode in (Flat, PerLayer, Automatic):
        with pytest.raises(InputError, match="bounds nothing"):
            mode(bad)


REFUSED: dict[str, tuple[Callable[[], nn.Module], str, str]] = {
    "batch norm": (lambda: nn.BatchNorm1d(2), "mixes the examples", "GroupNorm"),
    "synchronised": (lambda: nn.SyncBatchNorm(2), "mixes the examples", "GroupNorm"),
    "without parameters": (
        lambda: nn.BatchNorm1d(2, affine=False),
        "mixes the examples",
        "GroupNorm",
    ),
    "running statistics": (
        lambda: nn.InstanceNorm1d(2, track_running_stats=True),
        "running statistics",
        "track_running_stats",
    ),
    "max norm": (lambda: nn.Embedding(2, 2, max_norm=1.0), "max_norm", "max_norm=None"),
    "by frequency": (
        lambda: nn.Embedding(2, 2, scale_grad_by_freq=True),
        "rest of the batch",
        "scale_grad_by_freq",
    ),
    "lazy": (lambda: nn.LazyLinear(2), "no parameters yet", "run the model once"),
    "parametrized": (
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
        "from others",
        "remove_parametrizations",
    ),
    "projections": (lambda: nn.LSTM(2, 4, proj_size=1), "proj_size", "nn.Linear"),
    "attention bias": (
        lambda: nn.MultiheadAttention(2, 1, add_bias_kv=True),
        "add_bias_kv",
        "default",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_private_is_refused_with_the_mend(what: str) -> None:
    make, said, hint = REFUSED[what]
    with pytest.raises(InputError, match=said) as refusal:
        ClippedGradient(nn.Sequential(nn.Linear(2, 2), make()), 1.0)
    assert 'layer "1"' in str(refusal.value)
    assert hint in str(refusal.value.hint)


def test_dropout_in_a_layer_that_runs_again_is_refused() -> None:
    class Drops(Opaque):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

    with pytest.raises(InputError, match="drops out"):
        ClippedGradient(Drops(), 1.0)


def test_a_subclass_may_do_anything_so_it_goes_the_opaque_way() -> None:
    class Sneaky(nn.Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward(inputs) * self.weight.sum()

    torch.manual_seed(1)
    module = Sneaky(3, 2).double()
    inputs, targets = torch.randn(4, 3).double(), torch.randn(4).double()
    expected, _ = reference(module, inputs, targets)
    found = ClippedGradient(module, CLIP)((inputs,), targets, loss_of)
    torch.testing.assert_close(found.total["weight"], expected["weight"])


def test_a_model_without_anything_to_learn_is_refused() -> None:
    module = nn.Linear(2, 2).requires_grad_(requires_grad=False)
    with pytest.raises(InputError, match="no trainable parameter"):
        ClippedGradient(module, 1.0)


def test_a_loss_that_is_not_per_row_is_refused() -> None:
    engine = ClippedGradient(nn.Linear(2, 1), 1.0)
    with pytest.raises(InputError, match="per row") as refusal:
        engine((torch.ones(3, 2),), torch.zeros(3), lambda out, _: out.mean())
    assert "reduction" in str(refusal.value.hint)


def test_positions_without_a_row_axis_are_refused() -> None:
    class Places(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.place = nn.Embedding(4, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            found: Tensor = inputs + self.place(torch.arange(inputs.shape[1]))
            return found

    with pytest.raises(InputError, match="whose row is whose"):
        ClippedGradient(Places(), 1.0)((torch.ones(3, 4, 2),), torch.zeros(3), loss_of)


@pytest.mark.parametrize("classes", [2, 5])
def test_cross_entropy_knows_its_own_gradient(classes: int) -> None:
    torch.manual_seed(2)
    outputs = torch.randn(7, classes, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(classes, (7,))
    losses, gradient = cross_entropy.with_gradient(outputs.detach(), targets)
    plain = nn.functional.cross_entropy(outputs, targets, reduction="none")
    torch.testing.assert_close(losses, plain.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(plain.sum(), outputs)[0])


@pytest.mark.parametrize("loss", [cross_entropy, cross_entropy.__call__])
def test_stacks_take_the_short_way_to_the_same_sum(loss: Callable[..., Tensor]) -> None:
    torch.manual_seed(3)
    stack = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3))
    stack[2].requires_grad_(requires_grad=False)
    inputs, targets = torch.randn(8, 5), torch.randint(3, (8,))
    long = ClippedGradient(nn.Sequential(nn.Sequential(*stack)), CLIP)
    stack.requires_grad_(requires_grad=True)[2].requires_grad_(requires_grad=False)
    short = ClippedGradient(stack, CLIP)
    assert short._stack is not None
    assert long._stack is None
    one, other = (engine((inputs,), targets, loss) for engine in (short, long))
    torch.testing.assert_close(one.norms, other.norms)
    torch.testing.assert_close(one.losses, other.losses)
    for a, b in zip(one.total.values(), other.total.values(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    "case", ["mlp", "conv2d", "layer norm", "group norm", "self-attention", "transformer", "lstm"]
)
def test_mixed_precision_is_clipped_as_what_it_computed(case: str) -> None:
    module, inputs, targets = made(case, torch.float32)
    engine = ClippedGradient(module, CLIP)
    exact = engine((inputs,), targets, loss_of)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = engine((inputs,), targets, loss_of)
    # Seven bits of mantissa, through a few layers.
    torch.testing.assert_close(rough.norms, exact.norms, rtol=0.05, atol=0.02)
    assert all(value.dtype is torch.float32 for value in rough.total.values())
    alone = engine((inputs[:1],), targets[:1], loss_of).total
    assert float(torch.cat([v.flatten() for v in alone.values()]).norm()) <= CLIP * (1 + 1e-5)
