"""Training by gradients: what every trainer of a network shares, once its data are numbers."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from strongroom.errors import ConfigError, DataError
from strongroom.models import metrics
from strongroom.privacy import CanaryObservation, SlotCanaries, Unit, cross_entropy
from strongroom.train._guard import open_stream, reserve
from strongroom.train._loop import (
    MICRO_BATCH,
    Examples,
    Guard,
    Plan,
    fit,
    initialise,
)
from strongroom.train._plan import make_clipping, make_sampler, make_schedule
from strongroom.train._preparation import one_row_each, rounded, rows_each
from strongroom.train._rehearsal import WHAT, rehearse
from strongroom.train._result import TrainResult
from strongroom.train._unfinished import about
from strongroom.train._watch import HELD_OUT, OWN, PUBLIC, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import nn

    from strongroom.config import TrainSpec
    from strongroom.models import TrainedModel
    from strongroom.privacy import LossFunction, Mechanism, SecretStream
    from strongroom.train._guard import Guarded, Surroundings
    from strongroom.train._loop import Augment

_CURVE_ROWS = 4096
_WATCHED = (
    "when to stop, and which parameters to keep, was decided on rows declared public; what is "
    "spent is what all steps would spend"
)
_NOT_COVERED = (
    "model, optimizer and their settings: taken as chosen without looking at these rows",
    "metrics on the training and the test rows are exact, not noised",
    "rounding inside single-precision sums, about 1e-6 of the clip norm; timing",
)


class Prelude(Protocol):
    """Measures something on the rows before the first step, paid from the same ε."""

    @property
    def mechanism(self) -> Mechanism:
        """What it costs."""

    def __call__(
        self, network: nn.Module, inputs: NDArray[Any], stream: SecretStream | None, rows: int
    ) -> None:
        """Measure `inputs`, one row per unit, and set the network by what was found.

        `rows` is the declared number of them, `stream` the coins of the noise: None measures
        exactly, for training without privacy.
        """


@dataclass(frozen=True)
class Prepared:
    """A network and its data as numbers, ready to be trained; n rows.

    Attributes:
        model: ours; its network is trained in place: the parameters that it names as `trainable`,
            or all.
        inputs: [n, ...], any dtype and shape after the first axis; may lie on disk (memmap).
        labels: int64 [n], or [n, t] where the loss takes that.
        held_out: inputs and labels to measure on, or None.
        subjects: int64 [n], a number per person, or None where every row is its own unit.
        loss: (outputs, targets) to one loss per row.
        initialise: sets the network's parameters from coins.
        measure: metrics of the model on inputs and labels; "log_loss" among them is the curve.
        prelude: measures the rows first; or None.
        augment: several views of every row, averaged within its unit; or None.
        micro_batch: rows that go through the network at once.
        skipped: columns that were left out, with the reason.
        covered, not_covered: texts for the statement.
    """

    model: TrainedModel
    inputs: NDArray[Any]
    labels: NDArray[np.int64]
    held_out: tuple[NDArray[Any], NDArray[np.int64]] | None = None
    subjects: NDArray[np.int64] | None = None
    loss: LossFunction = cross_entropy
    initialise: Callable[[nn.Module, SecretStream], None] = initialise
    measure: Callable[[Any, NDArray[Any], NDArray[np.int64]], dict[str, Any]] = field(
        default=lambda model, inputs, labels: metrics(model.predict_proba(inputs), labels)
    )
    prelude: Prelude | None = None
    augment: Augment | None = None
    micro_batch: int = MICRO_BATCH
    skipped: Mapping[str, str] = field(default_factory=dict)
    covered: tuple[str, ...] = ()
    not_covered: tuple[str, ...] = ()


def train_network(prepared: Prepared, spec: TrainSpec, around: Surroundings) -> TrainResult:
    """Train the prepared network, privately where the specification says so.

    Raises:
        BudgetExceededError: the budget doesn't cover the guarantee; nothing was trained.
        InputError: a loss or gradient isn't finite; says at which step.
    """
    begun = time.perf_counter()
    model, inputs, labels = prepared.model, prepared.inputs, prepared.labels
    subjects = prepared.subjects
    _check_subjects(prepared, spec)
    watch, kept = _watch(prepared, spec, around)
    if kept is not None:
        inputs, labels = inputs[kept], labels[kept]
        subjects = None if subjects is None else np.unique(subjects[kept], return_inverse=True)[1]
    units = len(labels) if subjects is None else int(subjects.max()) + 1
    public_rows = around.rows or rounded(units)
    sampler, steps = make_sampler(spec, units, public_rows)
    guarded = guard = None
    if spec.privacy is not None:
        beside = (prepared.prelude.mechanism,) if prepared.prelude else ()
        schedule = make_schedule(spec.privacy, sampler, steps, public_rows, beside)
        sampler = schedule.sampler
        unit = Unit.EXAMPLE if subjects is None else Unit.SUBJECT
        guarded = reserve(spec, spec.privacy, (*beside, schedule.mechanism), unit, around)
        adapts = spec.privacy.clipping == "adaptive"
        guard = Guard(
            schedule, make_clipping(spec.privacy), spec.privacy.quantile if adapts else None
        )
    stream = guarded.stream if guarded else open_stream(spec, around)
    groups = None
    if subjects is not None:
        rows, groups = _bounded(subjects, spec, stream)
        inputs, labels = inputs[rows], labels[rows]
    prepared.initialise(model.network, stream)
    if prepared.prelude is not None:
        prepared.prelude(model.network, inputs, stream if guarded else None, public_rows)
    for parameter in getattr(model, "trainable", model.network.parameters)():
        parameter.requires_grad_(requires_grad=True)
    plan = Plan(
        steps=steps,
        sampler=sampler,
        normaliser=sampler.expected(public_rows) * (1 if kept is None else 1 - HELD_OUT),
        optimizer=spec.optimizer,
        learning_rate=spec.learning_rate,
        weight_decay=spec.weight_decay,
        average=spec.average,
        guard=guard,
        canaries=guarded.spec.canaries if guarded and not guarded.spec.rehearsal else 0,
        digest=_digest(spec, around.key, stream),
        about=about(spec, around.key),
    )
    examples = Examples(inputs, labels, prepared.augment, prepared.micro_batch, groups)
    canaries, what = None, SlotCanaries.WHAT
    if guarded is not None and guarded.spec.rehearsal and guarded.spec.canaries:
        planted = guarded.spec.canaries
        canaries = rehearse(
            model.network, examples, plan, stream, loss=prepared.loss, canaries=planted
        )
        what = WHAT
    fitted = fit(
        model.network,
        examples,
        plan,
        stream,
        loss=prepared.loss,
        evaluate=_evaluator(prepared),
        checkpointer=around.checkpointer,
        progress=around.progress,
        watch=watch,
    )
    statement = observed = None
    if guarded is not None:
        guarded.settle()
        whole = (
            f"all {steps} gradient steps from the first private row to the released parameters; "
            "averaging them is post-processing"
        )
        statement = guarded.state(
            covered=(
                whole,
                *([_WATCHED] if watch else []),
                *prepared.covered,
                *_subjects_covered(guarded),
            ),
            not_covered=(
                *prepared.not_covered,
                *_NOT_COVERED,
            ),
            public_rows=public_rows,
            declared=around.rows is not None,
            sampling=sampler.words,
        )
        canaries = canaries or fitted.canaries
        if canaries is not None:
            observed = CanaryObservation(
                canaries.scores,
                canaries.included,
                guarded.epsilon,
                guarded.spec.delta,
                what,
                guarded.mechanism.to_json(),
            )
    measured = {"train": prepared.measure(model, inputs, labels)}
    if prepared.held_out is not None:
        measured["test"] = prepared.measure(model, *prepared.held_out)
    return TrainResult(
        model=model,
        spec=spec,
        metrics=measured,
        privacy=statement,
        canaries=observed,
        steps=fitted.steps,
        seconds=time.perf_counter() - begun,
        curve=fitted.curve,
        skipped=prepared.skipped,
        stopping=fitted.stopping,
    )


def _watch(
    prepared: Prepared, spec: TrainSpec, around: Surroundings
) -> tuple[Watch | None, NDArray[np.intp] | None]:
    """Return what a training is watched by, and which rows are left for it where some were taken.

    Raises:
        DataError: the validation rows don't fit the model.
    """
    if not spec.patience:
        return None, None
    kept = None
    if around.validation is not None:
        inputs, labels = prepared.model.read(around.validation)
    else:
        units = prepared.subjects
        count = len(prepared.labels) if units is None else int(units.max()) + 1
        held = open_stream(spec, around).bernoulli("validation", 0, count, HELD_OUT)
        held = held if units is None else held[units]
        if held.all() or not held.any():
            raise DataError(
                "there are too few rows to hold some out for early stopping",
                hint="name validation rows, or set patience = 0",
            )
        inputs, labels = prepared.inputs[held], prepared.labels[held]
        kept = np.flatnonzero(~held)

    def evaluate() -> float:
        return float(prepared.measure(prepared.model, inputs, labels)["log_loss"])

    words = OWN if around.validation is None else PUBLIC
    return Watch(evaluate, spec.patience, words), kept


def _subjects_covered(guarded: Guarded) -> tuple[str, ...]:
    if guarded.unit is Unit.EXAMPLE:
        return ()
    most = guarded.spec.rows_per_subject
    if most == 1:
        return ("one row per subject takes part, chosen by secret coins",)
    text = f"at most {most} rows per subject take part, chosen by secret coins"
    return (f"{text}; their mean gradient is clipped as one",)


def _check_subjects(prepared: Prepared, spec: TrainSpec) -> None:
    several = spec.privacy is not None and spec.privacy.rows_per_subject > 1
    if several and prepared.subjects is not None and prepared.prelude is not None:
        raise ConfigError(
            "what is measured first is paid for one row a person, not for several",
            where="[train.privacy]",
            hint="set rows_per_subject = 1, or take the private preprocessing out",
        )


def _bounded(
    subjects: NDArray[np.int64], spec: TrainSpec, stream: SecretStream
) -> tuple[NDArray[np.intp], tuple[NDArray[np.intp], NDArray[np.float32]] | None]:
    """Bound what each person contributes.

    Returns:
        The rows that take part, and, where a person may have several, how `Examples.groups` puts
        them together: a person's gradient is the mean of the rows'.
    """
    most = spec.privacy.rows_per_subject if spec.privacy else 1
    if most == 1:
        return one_row_each(subjects, stream), None
    chosen, real = rows_each(subjects, most, stream)
    rows, places = np.unique(chosen, return_inverse=True)
    shares = (real / real.sum(1, keepdims=True)).astype(np.float32)
    return rows, (places.reshape(chosen.shape), shares)


def _digest(spec: TrainSpec, key: str, stream: SecretStream) -> bytes:
    about = json.dumps(spec.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(f"{about}\0{key}\0".encode() + stream.raw("run", 0, 32)).digest()


def _evaluator(prepared: Prepared) -> Callable[[], float] | None:
    if prepared.held_out is None:
        return None
    inputs, labels = (part[:_CURVE_ROWS] for part in prepared.held_out)

    def evaluate() -> float:
        return float(prepared.measure(prepared.model, inputs, labels)["log_loss"])

    return evaluate
