"""The training loop: the same for private and plain training, and exactly resumable.

Every coin is addressed by step number (see `privacy.SecretStream`), and everything else that a step
depends on is in the checkpoint, so a training that was killed and continued ends in the same bits
on the same machine.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from strongroom.errors import InputError
from strongroom.privacy import (
    ClippedGradient,
    Flat,
    PoissonSampler,
    SlotCanaries,
    Unclipped,
    noisy_sum,
    verify_gradients,
)
from strongroom.train._optimizers import Kind, Optimizer
from strongroom.train._unfinished import FIELD
from strongroom.train._watch import Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from strongroom.privacy import (
        Clipping,
        LossFunction,
        Noise,
        Sampler,
        Schedule,
        SecretStream,
    )
    from strongroom.progress import Progress
    from strongroom.train._result import Checkpointer
    from strongroom.train._watch import Watch

CHECKPOINT_SECONDS = 2.0
MICRO_BATCH = 4096
CURVE_POINTS = 20
_ADAPTING = 0.2  # how fast an adaptive clip norm moves, as in Andrew et al. 2021
_VERIFIED = 3


class Augment(Protocol):
    """Makes several views of every row; a unit's gradient is the mean over its views."""

    @property
    def views(self) -> int:
        """How many views each row has."""

    def __call__(
        self, rows: NDArray[Any], stream: SecretStream, step: int, first: int
    ) -> NDArray[Any]:
        """Return [n * views, ...] for rows [n, ...]: the views of a row stand together.

        `step` and `first`, the position of rows[0] in the step's batch, address the coins.
        """


@dataclass(frozen=True)
class Examples:
    """The rows that are trained on, by unit.

    Attributes:
        inputs: [n, ...]; may lie on disk.
        labels: [n, ...].
        groups: of persons with several rows: the row numbers [units, m] of each, and how much each
            counts, float32 [units, m]; None where every row is a unit.
        augment: several views of every row, or None.
        micro_batch: examples that go through the network at once.
    """

    inputs: NDArray[Any]
    labels: NDArray[np.int64]
    augment: Augment | None = None
    micro_batch: int = MICRO_BATCH
    groups: tuple[NDArray[np.intp], NDArray[np.float32]] | None = None

    @property
    def units(self) -> int:
        """How many there are to be drawn."""
        return len(self.labels if self.groups is None else self.groups[0])

    @property
    def rows_per_unit(self) -> int:
        """Network rows per unit."""
        rows = 1 if self.groups is None else self.groups[0].shape[1]
        return rows * (self.augment.views if self.augment else 1)

    def loss(self, loss: LossFunction) -> LossFunction:
        """Return the loss whose sum over a unit's rows is the unit's."""
        views = self.augment.views if self.augment else 1
        if self.groups is None:
            return loss if views == 1 else lambda outputs, targets: loss(outputs, targets) / views

        def weighted(outputs: Any, targets: tuple[Tensor, Tensor]) -> Tensor:  # noqa: ANN401
            return loss(outputs, targets[0]) * targets[1]

        return weighted

    def take(
        self, chosen: slice | NDArray[np.intp], stream: SecretStream, step: int, first: int
    ) -> tuple[Tensor, Any]:
        """Return the network's rows, and the targets that `loss` takes, of the chosen units."""
        views = self.augment.views if self.augment else 1
        weights = None
        rows = chosen
        if self.groups is not None:
            rows = self.groups[0][chosen].ravel()
            weights = np.repeat(self.groups[1][chosen].ravel() / views, views)
        inputs, labels = self.inputs[rows], self.labels[rows]
        if self.augment is not None:
            inputs = self.augment(inputs, stream, step, first)
            labels = np.repeat(labels, views, axis=0)
        if weights is None:
            return _tensor(inputs), _tensor(labels)
        return _tensor(inputs), (_tensor(labels), _tensor(weights))


@dataclass(frozen=True)
class Guard:
    """What makes a training private.

    Attributes:
        schedule: how batches are drawn and how much noise their sums get, as one accounted fact.
        clipping: how a unit's gradient is bounded; at first, where it adapts.
        quantile: the share of units whose gradients shall lie within the clip norm, where it adapts
            (Andrew et al. 2021); None where it is fixed.
    """

    schedule: Schedule
    clipping: Clipping
    quantile: float | None = None


@dataclass(frozen=True)
class Plan:
    """Everything that is fixed before the first step.

    Attributes:
        steps: how many.
        sampler: draws each step's batch.
        normaliser: the constant that the sum of gradients is divided by: what the sampler expects
            of the *declared* rows, never the size of a batch.
        optimizer, learning_rate, weight_decay: see `Optimizer`.
        average: return the mean of the last half of the iterates.
        guard: None for training without privacy.
        canaries: how many ride along (private training only).
        digest: identifies the run, so that no other run's checkpoint is taken up.
        about: the run's settings, bytes, for whoever finds its checkpoint.
        clipping: without a guard: bounds units' gradients for noise that is added elsewhere, where
            several sites' sums meet.
    """

    steps: int
    sampler: Sampler
    normaliser: float
    optimizer: Kind
    learning_rate: float
    weight_decay: float
    average: bool
    guard: Guard | None
    canaries: int
    digest: bytes
    about: NDArray[np.uint8] | None = None
    clipping: Clipping | None = None


@dataclass(frozen=True)
class Fitted:
    """What the loop gives beside the trained network."""

    curve: tuple[tuple[int, float], ...]
    canaries: SlotCanaries | None
    steps: int
    stopping: dict[str, Any] | None = None


def initialise(network: nn.Module, stream: SecretStream) -> None:
    """Set linear layers from the stream: zero for one layer, else uniform in ±1/√inputs."""
    layers = [m for m in network.modules() if isinstance(m, nn.Linear)]
    for number, layer in enumerate(layers):
        bound = layer.in_features**-0.5 if len(layers) > 1 else 0.0
        for name, parameter in layer.named_parameters():
            coins = stream.uniform(f"initial-{name}", number, parameter.numel())
            values = torch.from_numpy((2 * coins - 1) * bound).reshape(parameter.shape)
            parameter.data.copy_(values)


def fit(
    network: nn.Module,
    examples: Examples,
    plan: Plan,
    stream: SecretStream,
    *,
    loss: LossFunction,
    evaluate: Callable[[], float] | None,
    checkpointer: Checkpointer | None,
    progress: Progress,
    watch: Watch | None = None,
) -> Fitted:
    """Train `network` in place; see `Plan`.

    Args:
        network: what `examples` gives to what `loss` takes.
        examples: the rows.
        plan: the settings.
        stream: the coins.
        loss: (outputs, targets) to one loss per network row.
        evaluate: measures the network as it stands, for the curve.
        checkpointer: keeps the state about every two seconds; cleared at the end.
        progress: is told every step.
        watch: may stop it early.

    Raises:
        InputError: a loss or gradient isn't finite; says at which step. Or the network mixes rows.
    """
    run = Run(network, examples, plan, stream, loss)
    curve: list[tuple[int, float]] = []
    run.verify()
    watching = Watching(watch, run.flat, average=plan.average) if watch else None
    start = number = _take_up(run, curve, plan, checkpointer, watching)
    marks = set(np.linspace(1, plan.steps, min(CURVE_POINTS, plan.steps)).round().astype(int))
    saved = time.monotonic()
    for number in range(start + 1, plan.steps + 1):
        run.step(number)
        if evaluate is not None and number in marks:
            curve.append((number, evaluate()))
        if watching is not None and watching.after(number, look=number in marks):
            break
        if checkpointer is not None and time.monotonic() - saved >= CHECKPOINT_SECONDS:
            checkpointer.save(_kept(run, curve, plan, watching), number)
            saved = time.monotonic()
        progress.step(number, plan.steps, f"step {number} of {plan.steps}")
    if watching is not None:
        watching.finish()
    else:
        run.finish()
    if checkpointer is not None:
        checkpointer.clear()
    told = watching.told(plan.steps) if watching else None
    return Fitted(tuple(curve), run.canaries, number, told)


class Run:
    """One training: its parameters as one flat vector, and everything that a step changes."""

    def __init__(
        self,
        network: nn.Module,
        examples: Examples,
        plan: Plan,
        stream: SecretStream,
        loss: LossFunction,
    ) -> None:
        self._plan, self._stream, self._examples = plan, stream, examples
        self._loss = examples.loss(loss)
        guard = plan.guard
        self._clipping: Clipping = guard.clipping if guard else plan.clipping or Unclipped()

        def clipper(module: nn.Module) -> ClippedGradient:
            return ClippedGradient(module, self._clipping, rows_per_unit=examples.rows_per_unit)

        self._network = network
        self._engine = clipper(network)
        self._sum = self._engine.accumulator()
        self.flat = _flatten(self._engine.parameters.values())
        self.optimizer = Optimizer(
            plan.optimizer,
            self.flat,
            plan.learning_rate,
            plan.weight_decay,
            self._noise_deviation(),
        )
        self.summed = torch.zeros_like(self.flat, dtype=torch.float64)
        self.canaries: SlotCanaries | None = None
        if guard is not None and plan.canaries:
            rows = examples.rows_per_unit
            self.canaries = SlotCanaries(
                plan.canaries,
                network=network,
                clipper=clipper,
                row=examples.take(slice(0, 1), stream, 0, 0)[0][:1],
                target=_tensor(examples.labels[:1]),
                loss=lambda outputs, targets: loss(outputs, targets) / rows,
                stream=stream,
                views=rows,
            )
        self.noise: Noise | None = None
        if guard is not None:
            width = self.flat.numel() + (plan.canaries if self.canaries else 0)
            self.noise = guard.schedule.noise(stream, width, self._clipping.sensitivity)

    def _noise_deviation(self) -> float:
        """Return the deviation of each coordinate of the mean gradient."""
        guard = self._plan.guard
        if guard is None:
            return 0.0
        return guard.schedule.draw_deviation * self._engine.sensitivity / self._plan.normaliser

    def verify(self) -> None:
        """Look at a few rows before the first step; see `verify_gradients`."""
        few = min(_VERIFIED, self._examples.units)
        inputs, targets = self._examples.take(slice(0, few), self._stream, 0, 0)

        def losses(part: slice) -> Tensor:
            own = tuple(t[part] for t in targets) if self._examples.groups else targets[part]
            return self._loss(self._network(inputs[part]), own)

        verify_gradients(self._engine, losses, few)

    def step(self, number: int) -> None:
        """Draw a batch, sum, add noise, and move the parameters."""
        plan, guard = self._plan, self._plan.guard
        total, within = self.row_sum(number)
        if guard is not None and self.noise is not None:
            total = self._noisy(guard, self.noise, total, number)
        gradient = mean_gradient(total[: self.flat.numel()], plan.normaliser)
        self.move(torch.from_numpy(gradient), number)
        if number > plan.steps // 2:
            self.summed += self.flat
        if guard is not None and guard.quantile is not None:
            self._adapt(guard, guard.quantile, within, number)

    def move(self, gradient: Tensor, number: int) -> None:
        """Move the parameters by the (noisy) mean gradient of a step."""
        self.optimizer.step(gradient, number)

    def _noisy(
        self, guard: Guard, noise: Noise, total: NDArray[np.float32], number: int
    ) -> NDArray[np.float32]:
        rate = guard.schedule.mechanism.sampling_rate
        if self.canaries is not None:
            ridden = self.canaries.ride(number, rate)
            total = np.concatenate([total, ridden])
        sensitivity = self._engine.sensitivity
        moving = sensitivity if guard.quantile is not None else None
        noisy: NDArray[np.float32] = noise.noisy_sum(total, number, sensitivity=moving)
        if self.canaries is not None:
            self.canaries.observe(
                noisy[self.flat.numel() :],
                deviation=guard.schedule.draw_deviation * sensitivity,
                rate=rate,
            )
        return noisy

    def _adapt(self, guard: Guard, quantile: float, within: float, number: int) -> None:
        """Move the clip norm towards the quantile of the gradients' norms, by a noisy count."""
        deviation = guard.schedule.count_deviation
        assert deviation is not None  # noqa: S101 - the schedule accounts for the count
        noisy = noisy_sum(
            np.array([within]),
            sensitivity=0.5,
            noise_multiplier=2 * deviation,
            stream=self._stream,
            label="count",
            step=number,
        )
        share = float(noisy[0]) / self._plan.normaliser + 0.5
        self.clip(self._engine.sensitivity * math.exp(-_ADAPTING * (share - quantile)))

    def clip(self, norm: float) -> None:
        """Go on with another clip norm."""
        self._engine.clipping = Flat(norm)
        self.optimizer.noise_deviation = self._noise_deviation()
        if self.canaries is not None:
            self.canaries.engine.clipping = Flat(norm)

    @property
    def clip_norm(self) -> float:
        """The clip norm of the next step, where there is one; else 0."""
        return self._engine.sensitivity if self._plan.guard else 0.0

    def finish(self) -> None:
        """Leave the parameters that are released in the network."""
        if self._plan.average:
            self.flat.copy_(self.summed / (self._plan.steps - self._plan.steps // 2))

    def row_sum(self, number: int) -> tuple[NDArray[np.float32], float]:
        """Return the sum of this step's (clipped) gradients, and Σ(within the norm - 1/2).

        An empty batch is legal and gives zeros.
        """
        examples, sampler = self._examples, self._plan.sampler
        self._sum.flat.zero_()
        within = 0.0
        whole = isinstance(sampler, PoissonSampler) and sampler.rate >= 1
        chosen = None if whole else sampler.batch(self._stream, number, examples.units)
        size = examples.units if chosen is None else len(chosen)
        for begin in range(0, size, examples.micro_batch):
            part = slice(begin, begin + examples.micro_batch)
            inputs, targets = examples.take(
                part if chosen is None else chosen[part], self._stream, number, begin
            )
            found = self._engine((inputs,), targets, self._loss, into=self._sum)
            if not (torch.isfinite(found.norms).all() and torch.isfinite(found.losses).all()):
                raise InputError(
                    f"training broke down at step {number}: a loss or gradient is not finite",
                    hint="lower [train].learning_rate",
                )
            if self._plan.guard is not None and self._plan.guard.quantile is not None:
                inside = int((found.norms <= self._engine.sensitivity).sum())
                within += inside - len(found.norms) / 2
        total: NDArray[np.float32] = self._sum.flat.numpy()
        return total, within


def mean_gradient(total: NDArray[np.float32], normaliser: float) -> NDArray[np.float32]:
    """Return the sum over a declared constant. Never over the batch: its size is private."""
    return total / np.float32(normaliser)


def _tensor(values: NDArray[Any]) -> Tensor:
    # A memmap's pages are read here and nowhere else.
    return torch.from_numpy(np.ascontiguousarray(values))


def _flatten(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Make the parameters views of one flat vector, in their order, and return it."""
    learnt = list(parameters)
    flat = torch.cat([p.detach().flatten() for p in learnt])
    begin = 0
    for parameter in learnt:
        parameter.data = flat[begin : begin + parameter.numel()].view_as(parameter)
        begin += parameter.numel()
    return flat


def _kept(
    run: Run, curve: list[tuple[int, float]], plan: Plan, watching: Watching | None
) -> dict[str, NDArray[Any]]:
    state: dict[str, NDArray[Any]] = {
        "digest": np.frombuffer(plan.digest, dtype=np.uint8),
        "parameters": run.flat.numpy().copy(),
        "summed": run.summed.numpy().copy(),
        "curve": np.array(curve, dtype=np.float64).reshape(-1, 2),
        "clip_norm": np.array(run.clip_norm),
        **run.optimizer.state(),
        **(run.noise.state() if run.noise else {}),
        **(watching.state() if watching else {}),
        **({FIELD: plan.about} if plan.about is not None else {}),
    }
    if run.canaries is not None:
        state |= run.canaries.state()
    return state


def _take_up(
    run: Run,
    curve: list[tuple[int, float]],
    plan: Plan,
    checkpointer: Checkpointer | None,
    watching: Watching | None,
) -> int:
    """Restore this run's checkpoint if there is one; return the steps that are done."""
    kept = checkpointer.load() if checkpointer is not None else None
    if kept is None or kept[0]["digest"].tobytes() != plan.digest:
        return 0
    state, done = kept
    run.flat.copy_(torch.from_numpy(state["parameters"]))
    run.summed.copy_(torch.from_numpy(state["summed"]))
    run.optimizer.restore(state)
    if run.noise is not None:
        run.noise.restore(state)
        if plan.guard is not None and plan.guard.quantile is not None:
            run.clip(float(state["clip_norm"]))
    if watching is not None:
        watching.restore(state)
    curve += [(int(step), float(loss)) for step, loss in state["curve"]]
    if run.canaries is not None:
        run.canaries.restore(state)
    return done
