"""Only predicted probabilities, for members and for others: a model that can be asked no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from strongroom.data import read_dataset
from strongroom.errors import DataError, InputError
from strongroom.models.foreign._base import ForeignModel
from strongroom.models.foreign._labels import find_target, read_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.models.foreign._reference import Options, Reference

MEMBER = "member"
"""The column that says whether a row was trained on, where one file holds both."""
OWN = ("p_true", "probability_of_true_class", "true_class_probability")
"""Names of a lone column: the probability of the row's own class."""
_PREFIXES = ("", "p_", "prob_", "proba_", "probability_", "p(", "prob(")
_TARGETS = ("label", "target", "y", "class", "true_label")
_FILES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".arrow", ".gz")
_TRUE = {"1", "true", "yes", "member", "in", "train"}
_FALSE = {"0", "false", "no", "nonmember", "out", "test"}
_ROUNDED = 2e-2
_NAMES = 1 << 52  # whole numbers that float64 tells apart


class Predictions(ForeignModel):
    """A `Model` that answers by row number from tables of probabilities.

    `read` takes a dataset with one column per class (named as the class, or p_CLASS) and one with
    the label; or with one column `p_true`, the probability of the row's own class, and then nothing
    is known of the others: they share the rest. Each dataset that is read adds its rows; inputs are
    int64 [n, 1]: names of rows that are drawn at random, for a number in order would say which rows
    are members.

    Args:
        classes: in the order of the outputs; by default those that columns or labels name.
        target: the column with the label.
    """

    kind: ClassVar[str] = "predictions"

    def __init__(self, *, classes: Sequence[Any] | None = None, target: str | None = None) -> None:
        super().__init__(_Names(), classes or ("0", "1"), target)
        self._named = classes is not None
        self._known = np.zeros((0, len(self.classes)), np.float32)
        self._names = np.zeros(0, np.int64)
        self.fixed = True
        self.own_only = False

    def __repr__(self) -> str:
        return f"Predictions({len(self._known):,} rows, {len(self.classes)} classes)"

    def read(self, dataset: Dataset) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return names int64 [n, 1] and labels of rows, and keep their probabilities.

        Raises:
            DataError: no label, no column for a class, or values that are no probabilities.
        """
        target = self._target_of(dataset)
        own = next((c for c in dataset.columns if c.lower() in OWN), None)
        if not len(self._known):
            self._begin(dataset, target, own)
        labels = read_labels(dataset, target, self.classes)
        found = self._own(dataset, own, labels) if own else self._all(dataset, target)
        names = self._new_names(len(labels))
        self._names = np.concatenate([self._names, names])
        self._known = np.concatenate([self._known, found])
        return names[:, None], labels

    def _new_names(self, count: int) -> NDArray[np.int64]:
        """Return numbers that no row has yet, drawn at random, the same each time."""
        coins = np.random.default_rng(len(self._names))
        fresh = np.setdiff1d(coins.integers(0, _NAMES, 2 * count + 8), self._names)
        return coins.permutation(fresh)[:count].astype(np.int64)

    def _answer(self, inputs: Any) -> NDArray[Any]:  # noqa: ANN401
        names = np.asarray(inputs).reshape(-1)
        order = np.argsort(self._names)
        place = np.searchsorted(self._names, names, sorter=order)
        place = order[np.minimum(place, len(order) - 1)] if len(order) else np.zeros(0, np.intp)
        if len(place) != len(names) or (self._names[place] != names).any():
            raise InputError("only what was predicted is known: no other row can be asked about")
        found: NDArray[Any] = self._known[place]
        return found

    def _target_of(self, dataset: Dataset) -> str:
        if not self.target and dataset.target is None:
            named = [c for c in dataset.columns if c.lower() in _TARGETS]
            self.target = named[0] if len(named) == 1 else ""
        self.target = find_target(dataset, self.target)
        return self.target

    def _begin(self, dataset: Dataset, target: str, own: str | None) -> None:
        """Find the classes in the first rows: those of the columns, or those of the labels."""
        if not self._named:
            numeric = [
                field.name
                for field in dataset.table.schema
                if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
            ]
            columns = [c for c in numeric if c not in {target, MEMBER, dataset.subject}]
            if own is None:
                names = [_bare(c) for c in columns]
            else:
                from strongroom.models._metrics import find_classes

                names = list(find_classes(dataset.table.column(target)))
            if len(set(names)) < 2:  # noqa: PLR2004 - nothing to tell apart
                raise DataError(
                    "no probabilities per class are in these rows",
                    where=dataset.name,
                    hint='one column per class, named as the class or "p_CLASS", and one with the '
                    f'label; or one column "{OWN[0]}" and the label',
                )
            self.classes = tuple(names)
        self.own_only = own is not None
        self._known = np.zeros((0, len(self.classes)), np.float32)

    def _own(self, dataset: Dataset, own: str, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        chance = _numbers(dataset, own)
        found = np.repeat(((1 - chance) / (len(self.classes) - 1))[:, None], len(self.classes), 1)
        found[np.arange(len(labels)), labels] = chance
        shares: NDArray[np.float32] = found.astype(np.float32)
        return shares

    def _all(self, dataset: Dataset, target: str) -> NDArray[np.float32]:
        by_class = {_bare(c): c for c in reversed(dataset.columns) if c != target}
        missing = [c for c in self.classes if c not in by_class]
        if missing:
            raise DataError(
                f'no column holds the probability of the class "{missing[0]}"',
                where=dataset.name,
                hint=f'name it "{missing[0]}" or "p_{missing[0]}"',
            )
        found = np.stack([_numbers(dataset, by_class[c]) for c in self.classes], axis=1)
        total = found.sum(axis=1)
        wrong = np.flatnonzero(np.abs(total - 1) > _ROUNDED)
        if len(wrong):
            raise DataError(
                f"the probabilities of {len(wrong):,} rows don't sum to 1, such as row "
                f"{int(wrong[0])}, counted from 0",
                where=dataset.name,
                hint="give one column of probability per class, not logits",
            )
        shares: NDArray[np.float32] = (found / total[:, None]).astype(np.float32)
        return shares

    def _content(self) -> Any:  # noqa: ANN401
        return {"classes": self.classes, "probabilities": self._known}


class _Names:
    """Inputs are names of rows as they stand."""

    def encode(self, dataset: Dataset, target: str) -> NDArray[Any]:
        """See `Codec.encode`."""
        del target
        return np.arange(dataset.rows, dtype=np.int64)[:, None]

    def decode(self, batch: NDArray[Any]) -> NDArray[Any]:
        """See `Codec.decode`."""
        return batch


def split_members(dataset: Dataset) -> tuple[Dataset, Dataset] | None:
    """Return the members and the others of rows with a column `member`; None without one.

    Raises:
        DataError: the column says something else than yes and no, or only one of them.
    """
    if MEMBER not in dataset.columns:
        return None
    told = [str(v).strip().lower() for v in dataset.table.column(MEMBER).to_pylist()]
    wrong = [i for i, v in enumerate(told) if v not in _TRUE | _FALSE]
    if wrong:
        raise DataError(
            f'the column "{MEMBER}" says neither yes nor no in row {wrong[0]}, counted from 0',
            where=dataset.name,
            hint="1 or true for rows that were trained on, 0 or false for others",
        )
    inside = np.array([v in _TRUE for v in told])
    if inside.all() or not inside.any():
        raise DataError(
            f'the column "{MEMBER}" says the same of every row: there is nobody to tell apart',
            where=dataset.name,
        )
    rest = dataset.table.drop_columns([MEMBER])
    return (
        dataset.with_table(rest.filter(pa.array(inside))),
        dataset.with_table(rest.filter(pa.array(~inside))),
    )


def _bare(column: str) -> str:
    """Return the class that a column's name says."""
    for prefix in reversed(_PREFIXES[1:]):
        if column.lower().startswith(prefix):
            return column[len(prefix) :].removesuffix(")")
    return column


def _numbers(dataset: Dataset, column: str) -> NDArray[np.float64]:
    try:
        found = dataset.table.column(column).cast(pa.float64()).to_numpy().astype(np.float64)
    except pa.ArrowException as error:
        raise DataError(
            f'the column "{column}" holds no numbers', where=f"{dataset.name}, {column}"
        ) from error
    wrong = np.flatnonzero(~((found >= 0) & (found <= 1)))
    if len(wrong):
        raise DataError(
            f"{len(wrong):,} values are no probability between 0 and 1, such as in row "
            f"{int(wrong[0])}, counted from 0",
            where=f"{dataset.name}, {column}",
        )
    values: NDArray[np.float64] = found
    return values


class PredictionsAdapter:
    """Tables of predicted probabilities."""

    name = "predictions"

    def recognises(self, reference: Reference) -> bool:
        """Tell whether it is a table's file."""
        return reference.suffix in _FILES

    def open(self, reference: Reference, options: Options) -> Predictions:
        """Return a model that reads such tables; the file is looked at, and not kept."""
        model = Predictions(classes=options.classes, target=options.target)
        dataset = read_dataset(str(reference.path))
        trial = Predictions(classes=options.classes, target=options.target)
        trial.read(dataset)  # so that what is wrong with it is said now
        model.target = trial.target
        return model
