"""Train a model on a table: the columns are read row by row, by what is declared about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.models import TableModel
from strongroom.train._gradient import Prepared, train_network
from strongroom.train._preparation import lay_out, subject_codes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.config import ColumnSpec, TrainSpec
    from strongroom.data import Dataset
    from strongroom.train._guard import Surroundings
    from strongroom.train._result import TrainResult


def train_table(
    dataset: Dataset,
    spec: TrainSpec,
    test: Dataset | None,
    columns: Mapping[str, ColumnSpec],
    around: Surroundings,
) -> TrainResult:
    """Train "logistic" or "mlp".

    Features are the columns with the roles feature, quasi-identifier and sensitive; direct
    identifiers, ignored and free-text columns are never read. Where the dataset has a subject, one
    row of each subject is kept, chosen by secret coins, and the guarantee is per subject.

    Raises:
        DataError: no target, one class, or values that can't be used.
        BudgetExceededError: the budget doesn't cover the guarantee; nothing was trained.
    """
    layout = lay_out(dataset, columns)
    # Everything that can be refused for bad input is, before anything is spent.
    held_out = layout.read(test.table) if test is not None else None
    inputs, labels = layout.read(dataset.table)
    hidden = spec.hidden if spec.model == "mlp" else ()
    prepared = Prepared(
        model=TableModel(layout.encoder, hidden, layout.classes, target=layout.target),
        inputs=inputs,
        labels=labels,
        held_out=held_out,
        subjects=subject_codes(dataset),
        skipped=layout.skipped,
        covered=layout.covered,
        not_covered=layout.not_covered,
    )
    return train_network(prepared, spec, around)
