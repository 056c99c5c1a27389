"""The front door of the room: which trainer makes which kind of model."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from strongroom.errors import InputError, MissingExtraError
from strongroom.privacy import MemoryLedger
from strongroom.progress import SILENT
from strongroom.train._guard import Surroundings
from strongroom.train._shards import Earlier, train_sharded
from strongroom.train._unfinished import check_unfinished
from strongroom.train._watch import check_watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.config import ColumnSpec, ModelKind, TrainSpec
    from strongroom.data import Dataset
    from strongroom.privacy import Ledger
    from strongroom.progress import Progress
    from strongroom.train._result import Checkpointer, TrainResult

# Model kind to (file, function); a trainer is imported when it is first used.
TRAINERS: Mapping[ModelKind, tuple[str, str]] = {
    "logistic": ("_table", "train_table"),
    "mlp": ("_table", "train_table"),
    "trees": ("_trees", "train_trees"),
    "scattering": ("_image", "train_image"),
    "cnn": ("_image", "train_image"),
    "ngram": ("_text", "train_text"),
    "text-classifier": ("_text", "train_text"),
    "language-model": ("_text", "train_text"),
    "huggingface": ("_huggingface", "train_huggingface"),
}


def train_model(
    dataset: Dataset,
    spec: TrainSpec,
    *,
    test: Dataset | None = None,
    validation: Dataset | None = None,
    columns: Mapping[str, ColumnSpec] | None = None,
    rows: int | None = None,
    ledger: Ledger | None = None,
    account: str = "",
    budget: float | None = None,
    key: str = "",
    checkpointer: Checkpointer | None = None,
    progress: Progress = SILENT,
    earlier: Earlier | None = None,
) -> TrainResult:
    """Train what `spec.model` names on the rows of a dataset, privately where the spec says so.

    Args:
        dataset: rows with roles, one of them target.
        spec: model, optimizer and guarantee.
        test: rows to measure on; they need the same columns.
        validation: rows that are nobody's secret, by which a training may stop early.
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
        earlier: a model from before, whose unchanged shards are taken over where
            `spec.shards` asks for several.

    Raises:
        DataError: no target, one class, or values that can't be used.
        BudgetExceededError: the budget doesn't cover the guarantee; nothing was trained.
        InputError: another private run stands unfinished in the checkpointer.
        MissingExtraError: torch isn't installed.
    """
    if spec.model not in TRAINERS:
        raise InputError(f'models of kind "{spec.model}" cannot be trained in this version')
    file, name = TRAINERS[spec.model]
    try:
        trainer = getattr(importlib.import_module(f"strongroom.train.{file}"), name)
    except ModuleNotFoundError as error:  # pragma: no cover - the test environment has torch
        if error.name != "torch":
            raise
        raise MissingExtraError("torch", "train") from error
    around = Surroundings(
        ledger=ledger or MemoryLedger(),
        account=account,
        budget=budget,
        key=key,
        checkpointer=checkpointer,
        progress=progress,
        rows=rows,
        validation=validation,
    )
    check_watch(spec, around)
    check_unfinished(spec, around)
    if spec.shards > 1:
        return train_sharded(
            trainer, dataset, spec, test, columns or {}, around, earlier or Earlier()
        )
    result: TrainResult = trainer(dataset, spec, test, columns or {}, around)
    return result
