"""A bank of linear models and MLPs, as `train` makes them for tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from strongroom.models.bank._plan import Plan, side_by_side, threads
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from strongroom.config import TrainSpec

    Floats = NDArray[np.float32]

PARAMETER_FLOATS = 40_000_000  # of all models that are trained at once; there are four such
LANES = 64  # linear models that are trained as one layer: fixed, so that noise is repeatable
_NOISE_FLOATS = 2_000_000  # drawn at once for one job
_ACTIVATION_FLOATS = 250_000  # of one block of rows: 1 MB, half of a large second-level cache
# OpenBLAS keeps a product of fewer multiplications on one thread and needn't pack it.
_PRODUCT = 1_000_000
_DENSE = 0.25  # share of entries that aren't zero, above which a product is quicker than lists
MULTIPLE = 16
_OPTIMIZERS = {"sgd": 0, "momentum": 1, "adam": 2, "adam-corrected": 2}


@dataclass(frozen=True)
class Bank:
    """M trained models of one shape.

    Attributes:
        weights: per layer, float32 [M, out, in].
        biases: per layer, float32 [M, out].
    """

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    def __len__(self) -> int:
        """Return how many models there are."""
        return len(self.weights[0])

    def logits(self, inputs: Floats) -> Floats:
        """Return float32 [M, n, classes] for inputs float32 [n, d]."""
        return BankReader(self, inputs).logits(range(len(self)))


class BankReader:
    """Asks a bank about the same rows, some models at a time: all logits of all may be too much."""

    def __init__(self, bank: Bank, inputs: Floats | Entries) -> None:
        self._bank = bank
        self._rows = inputs if isinstance(inputs, Entries) else Entries.of(inputs)

    def logits(self, models: range) -> Floats:
        """Return float32 [len(models), n, classes]."""
        from strongroom.models.bank._deep import forward

        bank, rows = self._bank, self._rows
        widths = [rows.width, *(b.shape[1] for b in bank.biases)]
        sizes = np.array(widths, np.int64)
        classes = widths[-1]
        out = np.empty((len(models), len(rows), classes), np.float32)
        block = _block(widths)

        def work(i: int) -> None:
            model = models[i]
            flat = np.concatenate(
                [
                    part
                    for w, b in zip(bank.weights, bank.biases, strict=True)
                    for part in (w[model].T.ravel(), b[model])
                ]
            )
            scratch = np.empty(block * int(sizes[1:].sum()), np.float32)
            for begin in range(0, len(rows), block):
                chosen = np.arange(begin, min(begin + block, len(rows)), dtype=np.int32)
                given = scratch[: len(chosen) * int(sizes[1:].sum())]
                forward(*rows.arrays, chosen, sizes, flat, given)
                last = given[len(given) - len(chosen) * classes :]
                out[i, begin : begin + block] = last.reshape(-1, classes)

        side_by_side(work, len(models), threads(), lambda _: None)
        return out


@dataclass(frozen=True, eq=False)
class Entries:
    """Rows as lists of what isn't zero where most is, else as they are.

    Attributes:
        starts: int64 [n + 1], where each row's entries begin; empty for rows as they are.
        columns, values: int32 and float32, of all entries.
        dense: float32 [n, d]; empty where there are lists.
        squares: float32 [n], squared length of each row.
        width: d.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: Floats
    dense: Floats
    squares: Floats
    width: int

    @classmethod
    def of(cls, inputs: Floats) -> Entries:
        """Read rows float32 [n, d]."""
        x = np.ascontiguousarray(inputs, np.float32)
        squares = np.einsum("ij,ij->i", x, x)
        present = x != 0
        counts = present.sum(axis=1)
        none = np.zeros(0, np.int64)
        if counts.sum() > _DENSE * x.size:
            nothing = np.zeros(0, np.int32), np.zeros(0, np.float32)
            return cls(none, *nothing, x, squares, x.shape[1])
        starts = np.concatenate([[0], counts.cumsum()]).astype(np.int64)
        columns = np.nonzero(present)[1].astype(np.int32)
        empty = np.zeros((0, 0), np.float32)
        return cls(starts, columns, x[present], empty, squares, x.shape[1])

    @classmethod
    def of_tokens(cls, tokens: NDArray[np.integer], width: int, nothing: int = 0) -> Entries:
        """Read texts int [n, t] as bags: 1/√k for each of a text's k tokens; `nothing` is none.

        Tokens are below `width`.
        """
        present = tokens != nothing
        counts = present.sum(axis=1)
        starts = np.concatenate([[0], counts.cumsum()]).astype(np.int64)
        each = (1 / np.sqrt(np.maximum(counts, 1))).astype(np.float32)
        values = np.repeat(each, counts)
        squares = (counts > 0).astype(np.float32)
        dense = np.zeros((0, 0), np.float32)
        return cls(starts, tokens[present].astype(np.int32), values, dense, squares, width)

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.squares)

    @property
    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats, Floats]:
        """What kernels are given."""
        return self.starts, self.columns, self.values, self.dense


@dataclass(frozen=True)
class Settings:
    """A plan and a recipe as kernels are given them."""

    plan: Plan
    spec: TrainSpec

    @property
    def numbers(self) -> tuple[int, float, float, float, float, float]:
        """Optimizer, rate, decay, deviation, clip, normaliser: in the order of kernels."""
        plan, spec = self.plan, self.spec
        corrected = spec.optimizer == "adam-corrected"
        return (
            _OPTIMIZERS[spec.optimizer],
            spec.learning_rate,
            spec.weight_decay,
            plan.noise / plan.normaliser if corrected else 0.0,
            math.inf if plan.clip is None else plan.clip,
            plan.normaliser,
        )

    @property
    def average_from(self) -> int:
        """The first step whose iterate is averaged; beyond the last: none."""
        return self.plan.steps // 2 if self.spec.average else self.plan.steps

    def noise(self, coins: np.random.Generator, steps: int, size: int) -> Floats:
        """Draw for so many steps."""
        if not self.plan.noise:
            return np.zeros((0, 0), np.float32)
        drawn = coins.standard_normal((steps, size), dtype=np.float32)
        drawn *= np.float32(self.plan.noise)
        return drawn


@dataclass(frozen=True, eq=False)
class _Job:
    """What all models have in common."""

    rows: Entries
    labels: NDArray[np.int32]
    widths: list[int]
    settings: Settings
    seed: int
    bias: bool

    @property
    def parameters(self) -> int:
        return sum(o * (i + 1) for i, o in pairwise(self.widths))


def train_bank(
    spec: TrainSpec,
    inputs: Floats | Entries,
    labels: NDArray[np.integer],
    classes: int,
    membership: NDArray[np.bool_],
    *,
    noise_multiplier: float | None = None,
    seed: int = 0,
    first: int = 0,
    learnt: float | None = None,
    bias: bool = True,
    progress: Progress = SILENT,
) -> Bank:
    """Train one model per row of `membership`, each on its own subset of the rows.

    Models are shown the same Poisson batches and pass over the rows that aren't theirs. An MLP is
    trained in one compiled call, whose weights, activations and moments stay in the cache; linear
    models are trained 64 at a time, as one layer. With `noise_multiplier` each model is trained by
    DP-SGD (Abadi et al. 2016): the norm of one example's gradient is |input|²·|output gradient|²
    summed over the layers (Goodfellow 2015), so no per-example gradient is formed. The noise is
    the *attacker's* and comes from a fast seeded generator: these models are thrown away and prove
    nothing about privacy.

    Args:
        spec: the recipe: architecture, epochs, batch size, optimizer, averaging, and with
            `noise_multiplier` the clip norm.
        inputs: float32 [N, d], or the same as lists.
        labels: int [N], each below `classes`.
        classes: how many there are.
        membership: bool [M, N]: which rows each model learns from.
        noise_multiplier: standard deviation of the noise in units of the clip norm; None trains
            without clipping and noise.
        seed: of initial weights, batches and noise.
        first: the number of the first of these models: initial weights go by number, so that a
            bank trained in parts has those of one trained whole. Of linear models that are trained
            with noise, parts must begin at multiples of 64 for that.
        learnt: rows that a model learns from, on average; by default of these models.
        bias: whether a linear model has one.
        progress: told of steps.
    """
    rows = inputs if isinstance(inputs, Entries) else Entries.of(inputs)
    hidden = spec.hidden if spec.model == "mlp" else ()
    learnt = float(membership.sum(axis=1).mean()) if learnt is None else learnt
    plan = Plan.of(spec, membership.shape[1], learnt, noise_multiplier, seed)
    widths = [rows.width, *hidden, classes]
    job = _Job(
        rows, np.ascontiguousarray(labels, np.int32), widths, Settings(plan, spec), seed, bias
    )
    train = _train_deep if hidden else _train_linear
    chunk = max(1, PARAMETER_FLOATS // job.parameters)
    parts = []
    for begin in range(0, len(membership), chunk):
        part = membership[begin : begin + chunk]
        told = Told(progress, begin, len(membership), plan.steps)
        parts.append(train(job, part, first + begin, told))
    return Bank(
        tuple(np.concatenate([p.weights[i] for p in parts]) for i in range(len(widths) - 1)),
        tuple(np.concatenate([p.biases[i] for p in parts]) for i in range(len(widths) - 1)),
    )


@dataclass(frozen=True)
class Told:
    """Tells of steps of models, `begin` of `models` of them being trained already."""

    progress: Progress
    begin: int
    models: int
    steps: int

    def step(self, model_steps: float) -> None:
        self.progress.step(self.begin * self.steps + model_steps, self.models * self.steps)


def initial(widths: list[int], seed: int, number: int) -> list[tuple[Floats, Floats]]:
    """Return the weights [in, out] and biases [out] that model `number` begins with.

    As training does: uniform in ±1/√inputs; a single layer is convex and starts at zero.
    """
    coins = np.random.default_rng([seed, 2, number])
    layers = []
    for given, out in pairwise(widths):
        bound = 1 / math.sqrt(given) if len(widths) > 2 else 0.0  # noqa: PLR2004
        drawn = (2 * coins.random((given + 1, out), dtype=np.float32) - 1) * np.float32(bound)
        layers.append((drawn[:-1], drawn[-1]))
    return layers


def _block(widths: list[int]) -> int:
    """Return how many rows go through an MLP together."""
    largest = max((i * o for i, o in pairwise(widths[1:])), default=1)
    return max(32, min(_PRODUCT // largest, _ACTIVATION_FLOATS // sum(widths[1:]), 1024))


def _train_deep(job: _Job, membership: NDArray[np.bool_], first: int, told: Told) -> Bank:
    from strongroom.models.bank._deep import descend

    kernel: Callable[..., None] = descend
    plan, models = job.settings.plan, len(membership)
    padded = -(-job.parameters // MULTIPLE) * MULTIPLE
    state = np.zeros((models, 4, padded), np.float32)
    for m in range(models):
        flat = [p.ravel() for layer in initial(job.widths, job.seed, first + m) for p in layer]
        state[m, 0, : job.parameters] = np.concatenate(flat)
    coins = [np.random.default_rng([job.seed, 3, first + m]) for m in range(models)]
    widths = np.array(job.widths, np.int64)
    done = 0
    most = max(1, _NOISE_FLOATS // padded) if plan.noise else plan.steps
    for batches in plan.spans(most):
        starts, rows = joined(batches)

        def work(m: int, starts: NDArray[np.int64] = starts, rows: NDArray[np.int32] = rows,
                 done: int = done) -> None:  # fmt: skip
            noise = job.settings.noise(coins[m], len(starts) - 1, padded)
            kernel(
                *job.rows.arrays,
                job.labels,
                job.rows.squares,
                membership[m],
                starts,
                rows,
                widths,
                *state[m],
                noise,
                *job.settings.numbers,
                done,
                job.settings.average_from,
                _block(job.widths),
            )

        steps, before = len(batches), done
        side_by_side(
            work,
            models,
            threads(),
            lambda n: told.step(before * models + n * steps),  # noqa: B023
        )
        done += steps
    last = state[:, 3 if job.settings.average_from < plan.steps else 0]
    weights, biases, at = [], [], 0
    for given, out in pairwise(job.widths):
        size = given * out
        kept = last[:, at : at + size].reshape(models, given, out)
        weights.append(np.ascontiguousarray(kept.transpose(0, 2, 1)))
        biases.append(last[:, at + size : at + size + out].copy())
        at += size + out
    return Bank(tuple(weights), tuple(biases))


def _train_linear(job: _Job, membership: NDArray[np.bool_], first: int, told: Told) -> Bank:
    from strongroom.models.bank._shared import descend_together

    kernel: Callable[..., None] = descend_together
    plan, models = job.settings.plan, len(membership)
    width, classes = job.widths
    groups = [range(b, min(b + LANES, models)) for b in range(0, models, LANES)]
    lanes = [-(-len(group) // MULTIPLE) * MULTIPLE for group in groups]
    size = (width + 1) * classes
    states = [np.zeros((4, size * wide), np.float32) for wide in lanes]
    learns = [np.zeros((len(job.rows), wide), np.float32) for wide in lanes]
    for group, learn in zip(groups, learns, strict=True):
        learn[:, : len(group)] = membership[group.start : group.stop].T
    coins = [np.random.default_rng([job.seed, 3, first + group.start]) for group in groups]
    norms = np.sqrt(job.rows.squares + np.float32(job.bias))
    outputs = classes if classes > 2 else 1  # noqa: PLR2004
    done = 0
    most = max(1, _NOISE_FLOATS // (size * LANES)) if plan.noise else plan.steps
    for batches in plan.spans(most):
        starts, rows = joined(batches)

        def work(i: int, starts: NDArray[np.int64] = starts, rows: NDArray[np.int32] = rows,
                 done: int = done) -> None:  # fmt: skip
            kernel(
                *job.rows.arrays,
                job.labels,
                learns[i].ravel(),
                norms,
                starts,
                rows,
                width,
                classes,
                *states[i],
                job.settings.noise(coins[i], len(starts) - 1, size * lanes[i]),
                *job.settings.numbers,
                done,
                job.settings.average_from,
                max(32, _ACTIVATION_FLOATS // (outputs * lanes[i])),
                job.bias,
            )

        steps, before, count = len(batches), done, len(groups)
        side_by_side(
            work,
            count,
            threads(),
            lambda n: told.step(models * (before + steps * n / count)),  # noqa: B023
        )
        done += steps
    kept = [
        state[3 if job.settings.average_from < plan.steps else 0]
        .reshape(width + 1, classes, wide)[:, :, : len(group)]
        .transpose(2, 1, 0)
        for state, wide, group in zip(states, lanes, groups, strict=True)
    ]
    whole = np.concatenate(kept)
    return Bank((np.ascontiguousarray(whole[:, :, :-1]),), (whole[:, :, -1].copy(),))


def joined(
    batches: Sequence[NDArray[np.int32]],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return where each batch begins, and all their rows."""
    starts = np.concatenate([[0], np.cumsum([len(b) for b in batches])]).astype(np.int64)
    return starts, np.concatenate(batches)
