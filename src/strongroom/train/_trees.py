"""Train additive trees on a table: histograms of residuals, noisy where privacy is asked for."""

from __future__ import annotations

import hashlib
import json
import math
import time
from typing import TYPE_CHECKING

import numpy as np

from strongroom.errors import ConfigError, InputError
from strongroom.models import AdditiveModel, TableBins, metrics, squashed_numbers
from strongroom.privacy import GaussianReleases, Unit, calibrate_noise, gaussian_mu
from strongroom.train._boosting import Boosting, Noises
from strongroom.train._guard import open_stream, reserve
from strongroom.train._preparation import lay_out, one_row_each, rounded, subject_codes
from strongroom.train._quantiles import (
    COVERED,
    EDGES,
    private_knots,
    release_for,
    scale_of,
    undeclared,
)
from strongroom.train._result import TrainResult
from strongroom.train._unfinished import FIELD, about

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec, TreesSpec
    from strongroom.data import Dataset
    from strongroom.models import TableEncoder
    from strongroom.privacy import SecretStream
    from strongroom.train._guard import Surroundings

_CHECKPOINT_SECONDS = 2.0
_CURVE_POINTS = 20
_CURVE_ROWS = 4096
_ONLY = {"clipping": "flat", "sampling": "poisson", "noise": "independent", "canaries": 0}


def train_trees(
    dataset: Dataset,
    spec: TrainSpec,
    test: Dataset | None,
    columns: Mapping[str, ColumnSpec],
    around: Surroundings,
) -> TrainResult:
    """Train "trees"; see `_boosting` for how, and `train_table` for what is read.

    Raises:
        DataError: no target, one class, or values that can't be used.
        ConfigError: a setting that trees don't have.
        BudgetExceededError: the budget doesn't cover the guarantee; nothing was trained.
        InputError: the scores ran away.
    """
    begun = time.perf_counter()
    _check(spec)
    paid = spec.privacy is not None and spec.privacy.preprocessing > 0
    layout = lay_out(dataset, columns, measured=paid)
    release = release_for(spec.privacy, layout.encoder) if spec.privacy is not None else None
    model = AdditiveModel(TableBins.of(layout.encoder), layout.classes, target=layout.target)
    # Everything that can be refused for bad input is, before anything is spent.
    held_out = model.read(test) if test is not None else None
    inputs, labels = model.read(dataset)
    subjects = subject_codes(dataset)
    units = len(labels) if subjects is None else int(subjects.max()) + 1
    settings = spec.trees
    guarded = noises = None
    if spec.privacy is not None:
        before = (release,) if release is not None else ()
        noises = plan_noises(spec.privacy, settings, before)
        unit = Unit.EXAMPLE if subjects is None else Unit.SUBJECT
        all_of_it = (*before, noises.counts, noises.rounds)
        guarded = reserve(spec, spec.privacy, all_of_it, unit, around)
    stream = guarded.stream if guarded else open_stream(spec, around)
    chosen = slice(None) if subjects is None else one_row_each(subjects, stream)
    if release is not None:
        bins = _measured_bins(layout.encoder, dataset.table, chosen, release, stream)
        model = AdditiveModel(bins, layout.classes, target=layout.target)
        held_out = model.read(test) if test is not None else None
        inputs, labels = model.read(dataset)
    inputs, labels = inputs[chosen], labels[chosen]
    boosting = Boosting(model, inputs, labels, settings, noises, stream)
    curve = _run(boosting, model, held_out, spec, around, stream)
    statement = None
    if guarded is not None:
        guarded.settle()
        whole = (
            f"all {settings.rounds} rounds of histograms and the noisy counts of the bins; the "
            "trees grown on them are post-processing"
        )
        covered = [whole, *([COVERED] if release is not None else []), *layout.covered]
        if subjects is not None:
            covered.append("one row per subject takes part, chosen by secret coins")
        statement = guarded.state(
            covered=covered,
            not_covered=(
                *layout.not_covered,
                "settings: taken as chosen without looking at these rows",
                "metrics on the training and the test rows are exact, not noised",
                "timing",
            ),
            public_rows=around.rows or rounded(units),
            declared=around.rows is not None,
            sampling="every row in every round",
        )
    measured = {"train": metrics(model.predict_proba(inputs), labels)}
    if held_out is not None:
        measured["test"] = metrics(model.predict_proba(held_out[0]), held_out[1])
    return TrainResult(
        model=model,
        spec=spec,
        metrics=measured,
        privacy=statement,
        canaries=None,
        steps=settings.rounds,
        seconds=time.perf_counter() - begun,
        curve=curve,
        skipped=layout.skipped,
    )


def _measured_bins(
    encoder: TableEncoder,
    table: pa.Table,
    chosen: slice | NDArray[np.intp],
    release: GaussianReleases,
    stream: SecretStream,
) -> TableBins:
    """Return bins whose edges are private quantiles where no range was declared."""
    columns = undeclared(encoder)
    numbers = []
    for column in columns:
        values = table.column(column.name).combine_chunks()
        squashed, missing = squashed_numbers(column, values)
        numbers.append(squashed[chosen][~missing[chosen]])
    found = private_knots(numbers, *scale_of(columns), release, stream, EDGES)
    cut = {c.name: edges for c, edges in zip(columns, found, strict=True)}
    fixed = TableBins.of(encoder)
    both = zip(fixed.columns, fixed.edges, strict=True)
    return TableBins(fixed.columns, tuple(cut.get(c.name, edges) for c, edges in both))


def plan_noises(
    privacy: PrivacySpec, settings: TreesSpec, before: Sequence[GaussianReleases] = ()
) -> Noises:
    """Return the releases that, together with those `before`, cost what was asked for."""
    mu = gaussian_mu(privacy.epsilon, privacy.delta)
    counts = GaussianReleases(1 / (mu * math.sqrt(settings.counts)))

    def rounds(noise: float) -> GaussianReleases:
        return GaussianReleases(noise, settings.rounds)

    rest = calibrate_noise(privacy.epsilon, privacy.delta, rounds, beside=(*before, counts))
    return Noises(counts, rest, privacy.clip_norm)


def _check(spec: TrainSpec) -> None:
    if spec.patience:
        raise ConfigError("trees have no early stopping", where="[train]", hint="set patience = 0")
    for name, value in _ONLY.items():
        if spec.privacy is not None and getattr(spec.privacy, name) != value:
            raise ConfigError(
                f"trees are trained with {name} = {json.dumps(value)} only",
                where="[train.privacy]",
                hint='take it out, or train "logistic", which has it',
            )


def _run(
    boosting: Boosting,
    model: AdditiveModel,
    held_out: tuple[NDArray[np.int32], NDArray[np.int64]] | None,
    spec: TrainSpec,
    around: Surroundings,
    stream: SecretStream,
) -> tuple[tuple[int, float], ...]:
    """Take all rounds, from the checkpoint where there is one; return the learning curve."""
    rounds, checkpointer = spec.trees.rounds, around.checkpointer
    told = json.dumps(spec.model_dump(mode="json"), sort_keys=True)
    digest = hashlib.sha256(
        f"trees\0{told}\0{around.key}\0".encode() + stream.raw("run", 0, 32)
    ).digest()
    curve: list[tuple[int, float]] = []
    done = 0
    kept = checkpointer.load() if checkpointer is not None else None
    if kept is not None and kept[0]["digest"].tobytes() == digest:
        state, done = kept
        boosting.restore(state)
        curve = [(int(number), float(loss)) for number, loss in state["curve"]]
    marks = set(np.linspace(1, rounds, min(_CURVE_POINTS, rounds)).round().astype(int))
    saved = time.monotonic()
    for number in range(done + 1, rounds + 1):
        boosting.step(number)
        if not np.isfinite(boosting.scores).all():
            raise InputError(
                f"training broke down in round {number}: a score is not finite",
                hint="lower [train.trees].learning_rate",
            )
        if held_out is not None and number in marks:
            boosting.write()
            inputs, labels = (part[:_CURVE_ROWS] for part in held_out)
            found = metrics(model.predict_proba(inputs), labels)["log_loss"]
            curve.append((number, float(found)))
        if checkpointer is not None and time.monotonic() - saved >= _CHECKPOINT_SECONDS:
            state = {
                "digest": np.frombuffer(digest, dtype=np.uint8),
                FIELD: about(spec, around.key),
                "curve": np.array(curve, dtype=np.float64).reshape(-1, 2),
                **boosting.state(),
            }
            checkpointer.save(state, number)
            saved = time.monotonic()
        around.progress.step(number, rounds, f"round {number} of {rounds}")
    boosting.write()
    if checkpointer is not None:
        checkpointer.clear()
    return tuple(curve)
