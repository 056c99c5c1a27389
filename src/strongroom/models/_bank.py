"""Banks: M models of one shape trained together as one batched computation.

Shadow models see the same mini-batches of rows; a membership matrix says which rows each of them
learns from, and a row outside a model's set weighs nothing there. Layer 1 of all models is then one
large matrix product, the layers above it are batched ones, and the gradients are written out by
hand: for linear layers nothing is simpler. Activations lie as [model, unit, row], so that every
product reads and writes contiguous memory.

With `noise_multiplier` each model is trained by DP-SGD (Abadi et al. 2016): the norm of one
example's gradient is |input|²·|output gradient|² summed over the layers (Goodfellow 2015), so no
per-example gradient is formed. The noise is the *attacker's* and comes from a fast seeded
generator: these models are thrown away and prove nothing about privacy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from strongroom.config import TrainSpec

_ACTIVATION_FLOATS = 2_000_000  # of one layer of one micro-batch: 8 MB, near the caches
_PARAMETER_FLOATS = 40_000_000  # of all models of one chunk; optimizers hold up to five such
_MOMENTUM = 0.9
_TWO = 2
_BETA_1, _BETA_2, _TINY = 0.9, 0.999, 1e-8


class _Layer(NamedTuple):
    weight: torch.Tensor  # [model, out, in]
    bias: torch.Tensor  # [model, out]


@dataclass(frozen=True)
class Bank:
    """M trained models of one shape.

    Attributes:
        weights: per layer, float32 [M, out, in].
        biases: per layer, float32 [M, out].
    """

    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]

    def __len__(self) -> int:
        """Return how many models there are."""
        return len(self.weights[0])

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 [M, n, classes] for inputs float32 [n, d]."""
        layers = [
            _Layer(torch.from_numpy(w), torch.from_numpy(b))
            for w, b in zip(self.weights, self.biases, strict=True)
        ]
        models, classes = self.biases[-1].shape
        out = np.empty((models, len(inputs), classes), np.float32)
        rows = torch.from_numpy(np.ascontiguousarray(inputs, np.float32))
        step = _micro_rows(models, max(b.shape[1] for b in self.biases))
        for start in range(0, len(inputs), step):
            _, z = _forward(layers, rows[start : start + step])
            out[:, start : start + step] = z.transpose(1, 2).numpy()
        return out


def train_bank(
    spec: TrainSpec,
    inputs: NDArray[np.float32],
    labels: NDArray[np.integer],
    classes: int,
    membership: NDArray[np.bool_],
    *,
    noise_multiplier: float | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Bank:
    """Train one model per row of `membership`, each on its own subset of the rows.

    Args:
        spec: the recipe: architecture, epochs, batch size, optimizer, averaging, and with
            `noise_multiplier` the clip norm.
        inputs: float32 [N, d].
        labels: int [N], each below `classes`.
        classes: how many there are.
        membership: bool [M, N]: which rows each model learns from.
        noise_multiplier: standard deviation of the noise in units of the clip norm; None trains
            without clipping and noise.
        seed: of initial weights, batches and noise.
        progress: told of steps.
    """
    models = len(membership)
    sizes = layer_sizes(spec, inputs.shape[1], classes)
    parameters = sum(o * (i + 1) for i, o in sizes)
    chunk = max(1, min(models, _PARAMETER_FLOATS // parameters))
    x = torch.from_numpy(np.ascontiguousarray(inputs, np.float32))
    y = torch.from_numpy(np.ascontiguousarray(labels, np.int64))
    plan = _Plan.of(spec, membership, noise_multiplier, seed)
    trained: list[list[_Layer]] = []
    for start in range(0, models, chunk):
        members = torch.from_numpy(membership[start : start + chunk].astype(np.float32))
        stack = _Stack(sizes, len(members), seed=seed * 1_000_003 + start)
        for step, batch in enumerate(plan.batches()):
            _accumulate_batch(stack, x, y, members, batch, plan)
            stack.update(spec, step, plan.steps)
            progress.step(start * plan.steps + (step + 1) * len(members), models * plan.steps)
        trained.append(stack.result())
    joined = [
        _Layer(
            torch.cat([layers[i].weight for layers in trained]),
            torch.cat([layers[i].bias for layers in trained]),
        )
        for i in range(len(sizes))
    ]
    return Bank(tuple(w.numpy() for w, _ in joined), tuple(b.numpy() for _, b in joined))


def layer_sizes(spec: TrainSpec, width: int, classes: int) -> list[tuple[int, int]]:
    """Return (in, out) of every linear layer of the architecture."""
    widths = [width, *(spec.hidden if spec.model == "mlp" else ()), classes]
    return list(pairwise(widths))


@dataclass(frozen=True)
class _Plan:
    """Which rows are shown at which step, and how their gradients are weighted."""

    rows: int
    steps: int
    rate: float  # of a row to be in a batch
    normaliser: float  # expected rows of one model in one batch, a constant as in training
    clip: float | None
    noise: float  # standard deviation on the summed gradient
    seed: int

    @classmethod
    def of(
        cls,
        spec: TrainSpec,
        membership: NDArray[np.bool_],
        noise_multiplier: float | None,
        seed: int,
    ) -> _Plan:
        mean_rows = max(1.0, float(membership.sum(axis=1).mean()))
        rate = 1.0 if spec.batch_size == "full" else min(1.0, spec.batch_size / mean_rows)
        clip = None
        if noise_multiplier is not None:
            clip = spec.privacy.clip_norm if spec.privacy else 1.0
        return cls(
            rows=membership.shape[1],
            steps=max(1, round(spec.epochs / rate)),
            rate=rate,
            normaliser=rate * mean_rows,
            clip=clip,
            noise=(noise_multiplier or 0.0) * (clip or 0.0),
            seed=seed,
        )

    def batches(self) -> Iterator[torch.Tensor | None]:
        """Yield the row numbers of each step's Poisson batch; None stands for every row.

        Every call yields the same batches.
        """
        coins = torch.Generator().manual_seed(self.seed)
        for _ in range(self.steps):
            if self.rate >= 1.0:
                yield None
            else:
                yield torch.nonzero(torch.rand(self.rows, generator=coins) < self.rate).flatten()


class _Stack:
    """The weights, gradients and optimizer state of a chunk of models, each one flat buffer."""

    def __init__(self, sizes: list[tuple[int, int]], models: int, *, seed: int) -> None:
        self.coins = torch.Generator().manual_seed(seed)
        self.shapes = [(models, o, i) for i, o in sizes]
        total = sum(models * o * (i + 1) for i, o in sizes)
        self.flat = torch.zeros(total)
        self.gradient = torch.zeros(total)
        self.layers = self._views(self.flat)
        self.gradients = self._views(self.gradient)
        if len(sizes) > 1:
            # As training does: uniform in ±1/√inputs; a single layer is convex and starts at zero.
            for layer in self.layers:
                bound = 1 / math.sqrt(layer.weight.shape[2])
                layer.weight.uniform_(-bound, bound, generator=self.coins)
                layer.bias.uniform_(-bound, bound, generator=self.coins)
        self.first = torch.zeros(0)
        self.second = torch.zeros(0)
        self.mean = torch.zeros(0)
        self.averaged = 0

    def _views(self, flat: torch.Tensor) -> list[_Layer]:
        views, at = [], 0
        for models, out, width in self.shapes:
            weight = flat[at : at + models * out * width].view(models, out, width)
            at += weight.numel()
            bias = flat[at : at + models * out].view(models, out)
            at += bias.numel()
            views.append(_Layer(weight, bias))
        return views

    def update(self, spec: TrainSpec, step: int, steps: int) -> None:
        """Take one optimizer step with the gradient at hand, and clear it."""
        rate, g = spec.learning_rate, self.gradient
        if spec.weight_decay:
            self.flat.mul_(1 - rate * spec.weight_decay)
        if spec.optimizer == "sgd":
            self.flat.sub_(g, alpha=rate)
        else:
            if step == 0:
                self.first = torch.zeros_like(g)
                self.second = torch.zeros_like(g) if spec.optimizer == "adam" else self.first
            if spec.optimizer == "momentum":
                self.first.mul_(_MOMENTUM).add_(g)
                self.flat.sub_(self.first, alpha=rate)
            else:
                self.first.lerp_(g, 1 - _BETA_1)
                self.second.mul_(_BETA_2).addcmul_(g, g, value=1 - _BETA_2)
                correction = math.sqrt(1 - _BETA_2 ** (step + 1))
                denominator = (self.second.sqrt() / correction).add_(_TINY)
                self.flat.addcdiv_(
                    self.first, denominator, value=-rate / (1 - _BETA_1 ** (step + 1))
                )
        g.zero_()
        if spec.average and step >= steps // 2:
            self.averaged += 1
            if self.averaged == 1:
                self.mean = self.flat.clone()
            else:
                self.mean.lerp_(self.flat, 1 / self.averaged)

    def result(self) -> list[_Layer]:
        """Return the layers of the last or the averaged iterate."""
        return self._views(self.mean) if self.averaged else self.layers


def _micro_rows(models: int, widest: int) -> int:
    return max(32, _ACTIVATION_FLOATS // (models * widest))


def _accumulate_batch(
    stack: _Stack,
    x: torch.Tensor,
    y: torch.Tensor,
    members: torch.Tensor,
    batch: torch.Tensor | None,
    plan: _Plan,
) -> None:
    """Put the normalised gradient of a batch, clipped and noised if private, into the stack."""
    if batch is not None:
        x, y, members = x[batch], y[batch], members[:, batch]
    step = _micro_rows(len(members), max(out for _, out, _ in stack.shapes))
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        weight = members[:, part] / plan.normaliser
        _accumulate(stack, x[part], y[part], weight, plan.clip)
    if plan.noise:
        drawn = torch.randn(stack.gradient.shape, generator=stack.coins)
        stack.gradient.add_(drawn, alpha=plan.noise / plan.normaliser)


def _accumulate(
    stack: _Stack, x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, clip: float | None
) -> None:
    """Add the weighted sum of the rows' (clipped) cross-entropy gradients; weight is [M, b]."""
    layers, sinks = stack.layers, stack.gradients
    classes = layers[-1].weight.shape[1]
    if classes == _TWO:
        # Of two logits only the difference counts, and their gradients are each other's negative:
        # one output does the work of both, and its squared gradient counts twice.
        layers, sinks = _difference(layers, sinks)
    hidden, z = _forward(layers, x)
    if classes == _TWO:
        delta = torch.sigmoid_(z).sub_(y)
    else:
        delta = torch.softmax(z, dim=1).sub_(torch.nn.functional.one_hot(y, classes).T)
    deltas = [delta]
    for layer, below in zip(layers[:0:-1], hidden[::-1], strict=True):
        delta = torch.bmm(layer.weight.transpose(1, 2), delta)
        # ReLU's own backward: one pass, and no mask in memory.
        delta = torch.ops.aten.threshold_backward(delta, below, 0.0)
        deltas.insert(0, delta)
    if clip is not None:
        norms = _gradient_norms(x, hidden, deltas, last_counts=2 if classes == _TWO else 1)
        weight = weight * (clip / norms.clamp_(min=1e-12)).clamp_(max=1.0)
    for delta in deltas:
        delta.mul_(weight[:, None, :])
    _contract(sinks, x, hidden, deltas)
    if classes == _TWO:
        for whole, part in zip(stack.gradients[-1], sinks[-1], strict=True):
            whole[:, 0].sub_(part[:, 0])
            whole[:, 1].add_(part[:, 0])


def _contract(
    sinks: list[_Layer], x: torch.Tensor, hidden: list[torch.Tensor], deltas: list[torch.Tensor]
) -> None:
    """Add the sum over rows of (output gradient) × (input) to each layer's gradient."""
    first, *above = sinks
    models, out, width = first.weight.shape
    first.weight.view(models * out, width).addmm_(deltas[0].view(models * out, -1), x)
    first.bias.add_(deltas[0].sum(dim=2))
    for gradient, below, delta in zip(above, hidden, deltas[1:], strict=True):
        gradient.weight.baddbmm_(delta, below.transpose(1, 2))
        gradient.bias.add_(delta.sum(dim=2))


def _gradient_norms(
    x: torch.Tensor, hidden: list[torch.Tensor], deltas: list[torch.Tensor], *, last_counts: int
) -> torch.Tensor:
    """Return [M, b]: each row's gradient norm; the bias is an input that is always 1."""
    norms = [delta.square().sum(dim=1) for delta in deltas]
    norms[-1].mul_(last_counts)
    squared = norms[0].mul_(x.square().sum(dim=1).add_(1))
    for below, norm in zip(hidden, norms[1:], strict=True):
        squared.addcmul_(below.square().sum(dim=1).add_(1), norm)
    return squared.sqrt_()


def _difference(layers: list[_Layer], gradients: list[_Layer]) -> tuple[list[_Layer], list[_Layer]]:
    """Return layers whose last one gives logit 1 less logit 0, and gradients to sum into."""
    weight, bias = layers[-1]
    last = _Layer(weight[:, 1:] - weight[:, :1], bias[:, 1:] - bias[:, :1])
    sink = _Layer(torch.zeros_like(last.weight), torch.zeros_like(last.bias))
    return [*layers[:-1], last], [*gradients[:-1], sink]


def _forward(layers: list[_Layer], x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return the hidden activations [M, h, b] of every hidden layer and the logits [M, c, b]."""
    first, *above = layers
    models, out, width = first.weight.shape
    z = torch.addmm(first.bias.reshape(-1, 1), first.weight.reshape(models * out, width), x.T)
    z = z.view(models, out, len(x))
    hidden = []
    for layer in above:
        hidden.append(z.relu_())
        z = torch.baddbmm(layer.bias.unsqueeze(-1), layer.weight, hidden[-1])
    return hidden, z
