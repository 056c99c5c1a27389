"""Train a model on a table: privately where the specification says so."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from strongroom.errors import MissingExtraError
from strongroom.models import metrics
from strongroom.privacy import (
    CanaryObservation,
    MemoryLedger,
    PrivacyStatement,
    Relation,
    SecretStream,
    Spend,
    Unit,
    calibrate,
    guarantee_warnings,
)
from strongroom.progress import SILENT
from strongroom.train._preparation import lay_out, one_row_each, rounded, subject_codes
from strongroom.train._result import TrainResult

try:
    from strongroom.models import TableModel
    from strongroom.privacy import SlotCanaries
    from strongroom.train._loop import Noise, Plan, fit, initialise
except ImportError as error:  # pragma: no cover - the test environment has torch
    raise MissingExtraError("torch", "train") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec
    from strongroom.data import Dataset
    from strongroom.privacy import Ledger, Mechanism, Reservation
    from strongroom.progress import Progress
    from strongroom.train._preparation import Layout
    from strongroom.train._result import Checkpointer

_CURVE_ROWS = 4096


@dataclass(frozen=True)
class _Guarded:
    """What a private run is held by while it trains."""

    spec: PrivacySpec
    mechanism: Mechanism
    ledger: Ledger
    reservation: Reservation
    stream: SecretStream
    unit: Unit


def train_table(
    dataset: Dataset,
    spec: TrainSpec,
    *,
    test: Dataset | None = None,
    columns: Mapping[str, ColumnSpec] | None = None,
    rows: int | None = None,
    ledger: Ledger | None = None,
    account: str = "",
    budget: float | None = None,
    key: str = "",
    checkpointer: Checkpointer | None = None,
    progress: Progress = SILENT,
) -> TrainResult:
    """Train a classifier on the rows of a table.

    Features are the columns with the roles feature, quasi-identifier and sensitive; direct
    identifiers, ignored and free-text columns are never read. Where the dataset has a subject, one
    row of each subject is kept, chosen by secret coins, and the guarantee is per subject.

    Args:
        dataset: rows with roles, one of them target.
        spec: model, optimizer and guarantee.
        test: rows to measure on; they need the same columns.
        columns: public declarations.
        rows: the declared number of rows (or subjects), a public constant from which sampling rate
            and normaliser come. Without it the count rounded to two digits is used, and the
            statement says so.
        ledger: where the spend is reserved before the first private step and settled after the
            last; one that lasts as long as this call by default.
        account: the data source that is spent on.
        budget: the most ε that may ever be spent on the account.
        key: identifies the run, so that a killed one gets its reservation back.
        checkpointer: makes a killed run continue where it was.
        progress: is told every step.

    Raises:
        DataError: no target, one class, or values that can't be used.
        BudgetExceededError: the budget doesn't cover the guarantee; nothing was trained.
    """
    begun = time.perf_counter()
    layout = lay_out(dataset, columns or {})
    # Everything that can be refused for bad input is, before anything is spent.
    held_out = layout.read(test.table) if test is not None else None
    inputs, labels = layout.read(dataset.table)
    subjects = subject_codes(dataset)
    units = len(labels) if subjects is None else int(subjects.max()) + 1
    public_rows = rows or rounded(units)
    rate = 1.0 if spec.batch_size == "full" else min(1.0, spec.batch_size / public_rows)
    steps = max(1, round(spec.epochs / rate))
    guarded = None
    if spec.privacy is not None:
        mechanism = calibrate(spec.privacy.epsilon, spec.privacy.delta, rate, steps)
        guarded = _reserve(
            spec, spec.privacy, mechanism, dataset, ledger or MemoryLedger(), account, budget, key
        )
    stream = guarded.stream if guarded else SecretStream(_open_seed(spec, key))
    if subjects is not None:
        chosen = one_row_each(subjects, stream)
        inputs, labels = inputs[chosen], labels[chosen]
    hidden = spec.hidden if spec.model == "mlp" else ()
    model = TableModel(layout.encoder, hidden, layout.classes, target=layout.target)
    initialise(model.network, stream)
    plan = Plan(
        steps=steps,
        rate=rate,
        normaliser=rate * public_rows,
        optimizer=spec.optimizer,
        learning_rate=spec.learning_rate,
        weight_decay=spec.weight_decay,
        average=spec.average,
        noise=Noise(guarded.mechanism, guarded.spec.clip_norm) if guarded else None,
        # An even number keeps the canaries' labels in balance.
        canaries=guarded.spec.canaries + guarded.spec.canaries % 2 if guarded else 0,
        digest=_digest(spec, key, stream),
    )
    fitted = fit(
        model.network,
        inputs,
        labels,
        plan,
        stream,
        evaluate=_evaluator(model, held_out),
        checkpointer=checkpointer,
        progress=progress,
    )
    statement = None
    if guarded is not None:
        guarded.ledger.settle(guarded.reservation)
        statement = _statement(guarded, spec, layout, rows, public_rows)
    measured = {"train": metrics(model.predict_proba(inputs), labels)}
    if held_out is not None:
        measured["test"] = metrics(model.predict_proba(held_out[0]), held_out[1])
    observed = None
    if guarded is not None and fitted.canaries is not None:
        observed = CanaryObservation(
            fitted.canaries.scores,
            fitted.canaries.included,
            guarded.mechanism.epsilon(guarded.spec.delta),
            guarded.spec.delta,
            SlotCanaries.WHAT,
        )
    return TrainResult(
        model=model,
        spec=spec,
        metrics=measured,
        privacy=statement,
        canaries=observed,
        steps=steps,
        seconds=time.perf_counter() - begun,
        curve=fitted.curve,
        skipped=layout.skipped,
    )


def _reserve(
    spec: TrainSpec,
    privacy: PrivacySpec,
    mechanism: Mechanism,
    dataset: Dataset,
    ledger: Ledger,
    account: str,
    budget: float | None,
    key: str,
) -> _Guarded:
    unit = Unit.SUBJECT if dataset.subject else Unit.EXAMPLE
    spend = Spend(
        mechanism.epsilon(privacy.delta), privacy.delta, unit, events=(mechanism.to_json(),)
    )
    reservation = ledger.reserve(account, spend, budget=budget, key=key)
    seed = reservation.seed if spec.seed is None else _open_seed(spec, key)
    return _Guarded(privacy, mechanism, ledger, reservation, SecretStream(seed), unit)


def _open_seed(spec: TrainSpec, key: str) -> bytes:
    """Return a seed that isn't secret: of plain training, and of rehearsals with a given seed."""
    run = key if spec.seed is None else str(spec.seed)
    return hashlib.sha256(f"strongroom open seed\0{run}".encode()).digest()


def _digest(spec: TrainSpec, key: str, stream: SecretStream) -> bytes:
    about = json.dumps(spec.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(f"{about}\0{key}\0".encode() + stream.raw("run", 0, 32)).digest()


def _evaluator(
    model: TableModel, held_out: tuple[NDArray[np.float32], NDArray[np.int64]] | None
) -> Callable[[], float] | None:
    if held_out is None:
        return None
    inputs, labels = held_out[0][:_CURVE_ROWS], held_out[1][:_CURVE_ROWS]

    def evaluate() -> float:
        found: Any = metrics(model.predict_proba(inputs), labels)["log_loss"]
        return float(found)

    return evaluate


def _statement(
    guarded: _Guarded, spec: TrainSpec, layout: Layout, rows: int | None, public_rows: int
) -> PrivacyStatement:
    mechanism, privacy = guarded.mechanism, guarded.spec
    whole = (
        f"all {mechanism.steps} gradient steps from the first private row to the released "
        "parameters; averaging them is post-processing"
    )
    covered = [whole, *layout.covered]
    not_covered = [
        *layout.not_covered,
        "model, optimizer and their settings: taken as chosen without looking at these rows",
        "metrics on the training and the test rows are exact, not noised",
        "rounding inside single-precision sums, about 1e-6 of the clip norm; timing",
    ]
    if privacy.canaries:
        covered.append(
            f"{privacy.canaries:,} made-up canary rows ride along, each by a secret coin: they "
            "hold nobody's data"
        )
    if guarded.unit is Unit.SUBJECT:
        covered.append("one row per subject takes part, chosen by secret coins")
    if rows is None:
        not_covered.append(
            f"the number of {guarded.unit.value}s, rounded to {public_rows:,}, is treated as "
            "public; declare [data].rows to close this"
        )
    else:
        covered.append(f"sampling rate and normaliser come from the declared {rows:,} rows")
    warnings = list(guarantee_warnings(privacy.epsilon, privacy.delta, public_rows))
    if spec.seed is not None:
        warnings.append("not private: a seed was given, and who knows it can remove the noise")
    full = mechanism.sampling_rate == 1
    return PrivacyStatement(
        unit=guarded.unit,
        relation=Relation.ADD_OR_REMOVE_ONE,
        epsilon=mechanism.epsilon(privacy.delta),
        delta=privacy.delta,
        accountant=mechanism.accountant,
        sampling="every row in every step"
        if full
        else f"Poisson sampling at rate {mechanism.sampling_rate:.4g}",
        sampling_rate=mechanism.sampling_rate,
        noise_multiplier=mechanism.noise_multiplier,
        clip_norm=privacy.clip_norm,
        steps=mechanism.steps,
        noise_source="ChaCha20, seeded by the operating system"
        if spec.seed is None
        else "ChaCha20 with a given seed",
        events=(mechanism.to_json(),),
        covered=tuple(covered),
        not_covered=tuple(not_covered),
        warnings=tuple(warnings),
        private=spec.seed is None,
    )
