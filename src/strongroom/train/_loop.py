"""The training loop: the same for private and plain training, and exactly resumable.

Every coin is addressed by step number (see `privacy.SecretStream`), and everything else that a step
depends on is in the checkpoint, so a training that was killed and continued ends in the same bits
on the same machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from strongroom.errors import InputError
from strongroom.privacy import ClippedGradient, SlotCanaries, noisy_sum
from strongroom.train._optimizers import Kind, Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.privacy import LossFunction, Mechanism, SecretStream
    from strongroom.progress import Progress
    from strongroom.train._result import Checkpointer

CHECKPOINT_SECONDS = 2.0
MICRO_BATCH = 4096
CURVE_POINTS = 20


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
    """The rows that are trained on.

    Attributes:
        inputs: [n, ...]; may lie on disk.
        labels: [n, ...].
        augment: several views of every row, or None.
        micro_batch: examples that go through the network at once.
    """

    inputs: NDArray[Any]
    labels: NDArray[np.int64]
    augment: Augment | None = None
    micro_batch: int = MICRO_BATCH

    @property
    def views(self) -> int:
        """Network rows per example."""
        return self.augment.views if self.augment else 1

    def take(
        self, chosen: slice | NDArray[np.intp], stream: SecretStream, step: int, first: int
    ) -> tuple[Tensor, Tensor]:
        """Return the network's rows and targets of the chosen examples."""
        inputs, labels = self.inputs[chosen], self.labels[chosen]
        if self.augment is not None:
            inputs = self.augment(inputs, stream, step, first)
            labels = np.repeat(labels, self.views, axis=0)
        return _tensor(inputs), _tensor(labels)


@dataclass(frozen=True)
class Noise:
    """What makes a training private: the accounted mechanism and its clip norm."""

    mechanism: Mechanism
    clip_norm: float


@dataclass(frozen=True)
class Plan:
    """Everything that is fixed before the first step.

    Attributes:
        steps: how many.
        rate: the chance of each row to be in a step's batch; 1 is every row.
        normaliser: the constant that the sum of gradients is divided by: rate times the *declared*
            rows, never the size of a batch.
        optimizer, learning_rate, weight_decay: see `Optimizer`.
        average: return the mean of the last half of the iterates.
        noise: None for training without privacy.
        canaries: how many ride along (private training only).
        digest: identifies the run, so that no other run's checkpoint is taken up.
    """

    steps: int
    rate: float
    normaliser: float
    optimizer: Kind
    learning_rate: float
    weight_decay: float
    average: bool
    noise: Noise | None
    canaries: int
    digest: bytes


@dataclass(frozen=True)
class Fitted:
    """What the loop gives beside the trained network."""

    curve: tuple[tuple[int, float], ...]
    canaries: SlotCanaries | None


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return each example's log loss [n]."""
    return nn.functional.cross_entropy(outputs, targets, reduction="none")


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

    Raises:
        InputError: a loss or gradient isn't finite; says at which step.
    """
    run = _Run(network, examples, plan, stream, loss)
    curve: list[tuple[int, float]] = []
    start = _take_up(run, curve, plan, checkpointer)
    marks = set(np.linspace(1, plan.steps, min(CURVE_POINTS, plan.steps)).round().astype(int))
    saved = time.monotonic()
    for number in range(start + 1, plan.steps + 1):
        run.step(number)
        if evaluate is not None and number in marks:
            curve.append((number, evaluate()))
        if checkpointer is not None and time.monotonic() - saved >= CHECKPOINT_SECONDS:
            checkpointer.save(_kept(run, curve, plan), number)
            saved = time.monotonic()
        progress.step(number, plan.steps, f"step {number} of {plan.steps}")
    run.finish()
    if checkpointer is not None:
        checkpointer.clear()
    return Fitted(tuple(curve), run.canaries)


class _Run:
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
        self._loss = _mean_of_views(loss, examples.views)
        self.flat = _flatten(network)
        self.optimizer = Optimizer(plan.optimizer, self.flat, plan.learning_rate, plan.weight_decay)
        self.summed = torch.zeros_like(self.flat, dtype=torch.float64)
        self.canaries: SlotCanaries | None = None
        clip_norm = plan.noise.clip_norm if plan.noise is not None else None

        def clipper(module: nn.Module) -> ClippedGradient:
            return ClippedGradient(module, clip_norm, rows_per_unit=examples.views)

        self._engine = clipper(network)
        if plan.noise is not None and plan.canaries:
            self.canaries = SlotCanaries(
                plan.canaries,
                network=network,
                clipper=clipper,
                row=_tensor(examples.inputs[:1]),
                target=_tensor(examples.labels[:1]),
                loss=self._loss,
                stream=stream,
                views=examples.views,
            )
        self._width = self.flat.numel() + (plan.canaries if self.canaries else 0)

    def step(self, number: int) -> None:
        """Draw a batch, sum, add noise, and move the parameters."""
        plan, stream = self._plan, self._stream
        total = self._row_sum(number)
        noise = plan.noise
        if noise is not None:
            rate = noise.mechanism.sampling_rate
            if self.canaries is not None:
                total[self.flat.numel() :] = self.canaries.ride(number, rate)
            sensitivity = self._engine.sensitivity
            total = noisy_sum(
                total,
                sensitivity=sensitivity,
                noise_multiplier=noise.mechanism.noise_multiplier,
                stream=stream,
                label="noise",
                step=number,
            )
            if self.canaries is not None:
                self.canaries.observe(
                    total[self.flat.numel() :],
                    deviation=noise.mechanism.noise_multiplier * sensitivity,
                    rate=rate,
                )
        gradient = mean_gradient(total[: self.flat.numel()], plan.normaliser)
        self.optimizer.step(torch.from_numpy(gradient), number)
        if number > plan.steps // 2:
            self.summed += self.flat

    def finish(self) -> None:
        """Leave the parameters that are released in the network."""
        if self._plan.average:
            self.flat.copy_(self.summed / (self._plan.steps - self._plan.steps // 2))

    def _row_sum(self, number: int) -> NDArray[np.float64]:
        """Return the sum of the (clipped) gradients of this step's batch; empty batches give 0."""
        total = np.zeros(self._width)
        rows = len(self._examples.labels)
        chosen = None
        if self._plan.rate < 1:
            mask = self._stream.bernoulli("sample", number, rows, self._plan.rate)
            chosen = np.flatnonzero(mask)
        together = self._examples.micro_batch
        for begin in range(0, rows if chosen is None else len(chosen), together):
            part = slice(begin, begin + together)
            inputs, targets = self._examples.take(
                part if chosen is None else chosen[part], self._stream, number, begin
            )
            found = self._engine((inputs,), targets, self._loss)
            if not (torch.isfinite(found.norms).all() and torch.isfinite(found.losses).all()):
                raise InputError(
                    f"training broke down at step {number}: a loss or gradient is not finite",
                    hint="lower [train].learning_rate",
                )
            total[: self.flat.numel()] += _flat_sum(found.total)
        return total


def mean_gradient(total: NDArray[np.float64], normaliser: float) -> NDArray[np.float32]:
    """Return the sum over a declared constant. Never over the batch: its size is private."""
    return (total / normaliser).astype(np.float32)


def _flat_sum(total: dict[str, Tensor]) -> NDArray[np.float64]:
    """Return the sums in the order of the parameters."""
    flat: NDArray[np.float64] = torch.cat([p.flatten() for p in total.values()]).double().numpy()
    return flat


def _mean_of_views(loss: LossFunction, views: int) -> LossFunction:
    """Return the loss whose sum over a unit's views is their mean."""
    return loss if views == 1 else lambda outputs, targets: loss(outputs, targets) / views


def _tensor(values: NDArray[Any]) -> Tensor:
    # A memmap's pages are read here and nowhere else.
    return torch.from_numpy(np.ascontiguousarray(values))


def _flatten(network: nn.Module) -> Tensor:
    """Make the parameters views of one flat vector, in their order, and return it."""
    parameters = list(network.parameters())
    flat = torch.cat([p.detach().flatten() for p in parameters])
    begin = 0
    for parameter in parameters:
        parameter.data = flat[begin : begin + parameter.numel()].view_as(parameter)
        begin += parameter.numel()
    return flat


def _kept(run: _Run, curve: list[tuple[int, float]], plan: Plan) -> dict[str, NDArray[Any]]:
    state: dict[str, NDArray[Any]] = {
        "digest": np.frombuffer(plan.digest, dtype=np.uint8),
        "parameters": run.flat.numpy().copy(),
        "summed": run.summed.numpy().copy(),
        "curve": np.array(curve, dtype=np.float64).reshape(-1, 2),
        **run.optimizer.state(),
    }
    if run.canaries is not None:
        state["canary.scores"] = run.canaries.scores.copy()
    return state


def _take_up(
    run: _Run, curve: list[tuple[int, float]], plan: Plan, checkpointer: Checkpointer | None
) -> int:
    """Restore this run's checkpoint if there is one; return the steps that are done."""
    kept = checkpointer.load() if checkpointer is not None else None
    if kept is None or kept[0]["digest"].tobytes() != plan.digest:
        return 0
    state, done = kept
    run.flat.copy_(torch.from_numpy(state["parameters"]))
    run.summed.copy_(torch.from_numpy(state["summed"]))
    run.optimizer.restore(state)
    curve += [(int(step), float(loss)) for step, loss in state["curve"]]
    if run.canaries is not None:
        run.canaries.scores[:] = state["canary.scores"]
    return done
