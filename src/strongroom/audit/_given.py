"""What an audit is given: rows of any kind, read for the model, and what is odd about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.attacks import Rows
from strongroom.data import Dataset, Kind, Role, read_dataset
from strongroom.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.attacks._situation import ModelKind

_ROW_COLUMNS = ("row", "rows", "index", "id", "ids")
_MOST_SHARED = 0.5


@dataclass(frozen=True, eq=False)
class Given:
    """Rows as the model takes them, and as people know them.

    Attributes:
        rows: for attacks.
        table: row for row the same, where they came as a table.
        kind: what they are.
        people: whose row each is, as text, if that is known.
    """

    rows: Rows
    table: pa.Table | None = None
    kind: Kind = Kind.TABLE
    people: pa.Array | None = None

    def take(self, places: NDArray[np.integer]) -> Given:
        """Return the rows of these places."""
        at = pa.array(places)
        return Given(
            self.rows.take(places),
            None if self.table is None else self.table.take(at),
            self.kind,
            None if self.people is None else self.people.take(at),
        )


def dataset_of(
    data: Any,  # noqa: ANN401 - a path or any Arrow speaker
    *,
    target: str | None = None,
    subject: str | None = None,
) -> Dataset:
    """Return rows as a Dataset that knows its target and whose rows belong to whom.

    Raises:
        DataError: it can't be read, or has no such column.
    """
    dataset = read_dataset(data) if isinstance(data, str | Path) else Dataset.of(data)
    if target is not None:
        dataset.require(target)
        others = {c: r for c, r in dataset.roles.items() if r is not Role.TARGET}
        dataset = replace(dataset, roles={**others, target: Role.TARGET})
    if subject is not None:
        dataset.require(subject)
        dataset = replace(dataset, subject=subject)
    return dataset


def read_rows(
    model: Any,  # noqa: ANN401 - a Model; with `read` where it takes datasets
    data: Any,  # noqa: ANN401 - a path, an Arrow speaker, arrays, or a pair of arrays
    labels: Any = None,  # noqa: ANN401 - an array
    *,
    target: str | None = None,
    subject: str | None = None,
) -> Given:
    """Read rows for a model.

    Args:
        model: reads datasets (`read`) or takes arrays as they are.
        data: a path, a table, an array of inputs, or a pair (inputs, labels).
        labels: the labels of an array.
        target: the column that is predicted.
        subject: the column that says whose row it is; it is nobody's feature.

    Raises:
        DataError: they don't fit the model; says which column, shape or rows.
        InputError: an array without labels, or of another length.
    """
    if labels is None and isinstance(data, tuple) and len(data) == 2:  # noqa: PLR2004 - a pair
        data, labels = data
    if labels is not None or isinstance(data, np.ndarray):
        return Given(_of_arrays(model, data, labels))
    dataset = dataset_of(data, target=target, subject=subject)
    if not callable(getattr(model, "read", None)):
        raise InputError(
            f"a {type(model).__name__} reads no tables", hint="give arrays: (inputs, labels)"
        )
    return of_dataset(model, dataset)


def of_dataset(model: Any, dataset: Dataset) -> Given:  # noqa: ANN401 - a Model with `read`
    """Read the rows of a dataset that knows its target and, where it matters, its subject.

    Raises:
        DataError: they don't fit the model, or a row belongs to nobody.
    """
    inputs, labels = model.read(dataset)
    sources = getattr(model, "sources", None)  # of a model of sequences, of which a row has several
    numbers = sources(dataset) if callable(sources) else np.arange(len(labels))
    people = None
    if dataset.subject is not None:
        column = dataset.table.column(dataset.subject)
        if column.null_count:
            raise DataError(
                f'the column "{dataset.subject}" lacks a value in {column.null_count:,} rows: '
                "whose are they?",
                where=dataset.name,
            )
        people = pc.cast(column, pa.string()).combine_chunks().take(pa.array(numbers))
    whole = dataset.table if dataset.rows == len(labels) else None
    return Given(Rows(inputs, labels, numbers), whole, dataset.kind, people)


def _of_arrays(model: Any, inputs: Any, labels: Any) -> Rows:  # noqa: ANN401 - see read_rows
    if labels is None:
        raise InputError(
            "an array of inputs needs its labels",
            hint="members=(inputs, labels), or labels=(of members, of non-members)",
        )
    found, told = _array(inputs), np.asarray(_array(labels))
    if len(found) != len(told):
        raise InputError(f"{len(found):,} rows came with {len(told):,} labels")
    classes = tuple(getattr(model, "classes", ()))
    if told.ndim > 1:
        return Rows(found, told.astype(np.int64), np.arange(len(told)))  # a token's each
    places = {name: i for i, name in enumerate(classes)}
    if np.issubdtype(told.dtype, np.integer) and not {*map(str, told.tolist())} & places.keys():
        # Numbers, and no class is called by a number: they are places.
        places = {str(i): i for i in range(len(classes))}
    codes = np.asarray([places.get(str(label), -1) for label in told.tolist()], np.int64)
    if (codes < 0).any():
        strange = int(np.flatnonzero(codes < 0)[0])
        raise DataError(
            f"{int((codes < 0).sum()):,} labels are no class of the model, such as that of row "
            f"{strange}, counted from 0",
            hint=f"the model knows {len(classes)} classes; name them in its order (classes)",
        )
    return Rows(found, codes, np.arange(len(codes)))


def _array(values: Any) -> NDArray[Any]:  # noqa: ANN401 - NumPy, torch, a list
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values)


def with_subjects(*given: Given) -> list[Given]:
    """Return the same rows with codes of the people that they belong to, alike in all of them.

    Where everybody has one row, a person is a row and needs no code.
    """
    known = [g.people for g in given if g.people is not None]
    if not known or all(len(pc.unique(people)) == len(people) for people in known):
        return list(given)
    names = pc.unique(pa.concat_arrays(known))
    return [
        g
        if g.people is None
        else replace(
            g,
            rows=replace(
                g.rows, subjects=np.asarray(pc.index_in(g.people, names).to_numpy(), np.int64)
            ),
        )
        for g in given
    ]


def model_kind(model: Any, given: Given) -> ModelKind:  # noqa: ANN401 - a Model
    """Tell what kind of model it is, by what it says and what it reads."""
    told = getattr(model, "takes", None)
    if told in ("table", "image", "text", "language"):
        kind: ModelKind = told
        return kind
    if callable(getattr(model, "losses", None)) or given.rows.labels.ndim > 1:
        return "language"
    if given.kind is Kind.IMAGE or given.rows.inputs.ndim == 4:  # noqa: PLR2004 - [n, c, h, w]
        return "image"
    return "text" if given.kind is Kind.TEXT else "table"


def oddities(inside: Given, outside: Given) -> list[str]:
    """Say what is odd about the rows: the same in both files, or repeated.

    Nothing is left out: people may be alike, and without those who are, members would look rarer
    or commoner than strangers for no fault of the model's.

    Raises:
        DataError: most non-members are members: the files are the same, or mixed up.
    """
    notes: list[str] = []
    ours, theirs = _keys(inside), _keys(outside)
    seen = set(ours)
    count = sum(key in seen for key in theirs)
    if count > _MOST_SHARED * len(theirs):
        raise DataError(
            f"{count:,} of {len(theirs):,} non-members stand among the members too",
            hint="non-members are rows that the model was not trained on; is it the same file?",
        )
    if count:
        notes.append(
            f"{count:,} of {len(theirs):,} non-members equal a member in every column; if they are "
            "the same records, take them out: they make every attack look weaker than it is"
        )
    if len(seen) < len(ours):
        notes.append(
            f"{len(ours) - len(seen):,} of {len(ours):,} members repeat another in every column"
        )
    if inside.people is not None and outside.people is not None:
        both = pc.unique(inside.people.filter(pc.is_in(inside.people, outside.people)))
        if len(both):
            notes.append(
                f"{len(both):,} people have rows among the members and among the non-members: "
                "attacks on people take them for members and for strangers at once"
            )
    return notes


def _keys(given: Given) -> list[Any]:
    """Return what tells one record from another: all its columns, or its inputs and label."""
    if given.table is not None:
        return list(zip(*(column.to_pylist() for column in given.table.columns), strict=True))
    rows = given.rows
    flat = np.ascontiguousarray(rows.inputs.reshape(len(rows), -1))
    labels = np.ascontiguousarray(rows.labels.reshape(len(rows), -1))
    return [a.tobytes() + b.tobytes() for a, b in zip(flat, labels, strict=True)]


def forgotten_rows(
    data: Any,  # noqa: ANN401 - a path or any Arrow speaker
    model: Any,  # noqa: ANN401 - a Model
    members: Given,
    *,
    target: str | None = None,
    subject: str | None = None,
) -> tuple[Given, Given]:
    """Return the members that are left, and the rows that were to be deleted.

    Args:
        data: the rows themselves, with all columns; or one column: of row numbers of the members'
            file (named row, index or id), or of values of the members' column of the same name.
        model: reads rows.
        members: all of them, those to be deleted among them or not.
        target: the column that is predicted.
        subject: the column that says whose row it is.

    Raises:
        DataError: it can't be told which rows are meant.
    """
    dataset = dataset_of(data)
    if len(dataset.columns) > 1:
        gone = read_rows(model, data, target=target, subject=subject)
        keys = set(_keys(replace(gone, table=None)))
        left = [i for i, key in enumerate(_keys(replace(members, table=None))) if key not in keys]
        return members.take(np.asarray(left, np.int64)), gone
    (name,) = dataset.columns
    column = dataset.table.column(name)
    if members.table is not None and name in members.table.column_names:
        wanted = pc.cast(column, pa.string()).combine_chunks()
        known = pc.cast(members.table.column(name), pa.string())
        chosen = np.asarray(pc.fill_null(pc.is_in(known, wanted), fill_value=False))
        if not chosen.any():
            raise DataError(f'no member has one of these values of "{name}"', where=dataset.name)
    elif name.lower() in _ROW_COLUMNS and pa.types.is_integer(column.type):
        places = np.asarray(column.to_numpy())
        if len(places) and not 0 <= places.min() <= places.max() < len(members.rows):
            raise DataError(
                f"a row number is beyond the {len(members.rows):,} members, counted from 0",
                where=dataset.name,
            )
        chosen = np.zeros(len(members.rows), np.bool_)
        chosen[places] = True
    else:
        raise DataError(
            f'it can\'t be told which rows "{name}" means',
            where=dataset.name,
            hint="give the rows themselves, or one column: row (numbers in the members' file, from "
            "0) or a column that the members have too",
        )
    return members.take(np.flatnonzero(~chosen)), members.take(np.flatnonzero(chosen))


def require_columns(given: Given, columns: Sequence[str], where: str) -> None:
    """Check that rows have columns by name.

    Raises:
        DataError: one isn't there, or the rows came as arrays.
    """
    if not columns:
        return
    if given.table is None:
        raise InputError(f"{where} needs rows as tables, not arrays", hint="give frames or files")
    for name in columns:
        Dataset(given.table).require(name)
