"""Train a model on a table: the columns are read row by row, by what is declared about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.errors import ConfigError
from strongroom.models import TableModel
from strongroom.train._gradient import Prepared, train_network
from strongroom.train._preparation import lay_out, subject_codes
from strongroom.train._quantiles import COVERED, PrivateKnots, release_for

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
        ConfigError: settings that don't go together.
        BudgetExceededError: the budget doesn't cover the guarantee; nothing was trained.
    """
    measured = spec.privacy is not None and spec.privacy.preprocessing > 0
    if measured and spec.patience:
        raise ConfigError(
            "private preprocessing and early stopping don't go together",
            where="[train]",
            hint="set patience = 0, or preprocessing = 0 and declare ranges",
        )
    layout = lay_out(dataset, columns, measured=measured)
    # Everything that can be refused for bad input is, before anything is spent.
    held_out = layout.read(test.table) if test is not None else None
    inputs, labels = layout.read(dataset.table)
    hidden = spec.hidden if spec.model == "mlp" else ()
    model = TableModel(layout.encoder, hidden, layout.classes, target=layout.target)
    release = release_for(spec.privacy, layout.encoder) if spec.privacy is not None else None
    others = (held_out[0],) if held_out is not None else ()
    prepared = Prepared(
        model=model,
        inputs=inputs,
        labels=labels,
        held_out=held_out,
        subjects=subject_codes(dataset),
        prelude=PrivateKnots(release, model, others) if release is not None else None,
        skipped=layout.skipped,
        covered=(*layout.covered, *([COVERED] if release is not None else [])),
        not_covered=layout.not_covered,
    )
    return train_network(prepared, spec, around)
