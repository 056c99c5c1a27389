"""Labels of a dataset as places among a model's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from strongroom.data import Dataset

_SHOWN = 12


def class_names(classes: Iterable[Any]) -> tuple[str, ...]:
    """Return a model's own classes as text: 1 and 1.0 as "1", True as "true".

    Raises:
        InputError: fewer than two, or two of the same name.
    """
    names = tuple(class_name(c) for c in classes)
    if len(names) < 2:  # noqa: PLR2004 - nothing to tell apart
        raise InputError(
            f"the model has {len(names)} class{'' if len(names) == 1 else 'es'}; an audit of a "
            "classifier needs two",
            hint="was it fitted on rows of one class only?",
        )
    if len(set(names)) != len(names):
        raise InputError("two of the model's classes have the same name", hint="classes=…")
    return names


def numbered(count: int) -> tuple[str, ...]:
    """Return "0", "1", …: names for the outputs of a model that names none."""
    return class_names(range(count))


def find_target(dataset: Dataset, target: str | None) -> str:
    """Return the column that is predicted.

    Raises:
        DataError: the rows have no such column, or none is named.
    """
    named = target or dataset.target
    if named is None:
        raise DataError(
            "which column does the model predict?",
            where=dataset.name,
            hint=f"name it (target); the columns are: {', '.join(dataset.columns[:_SHOWN])}",
        )
    dataset.require(named)
    return named


def read_labels(dataset: Dataset, target: str, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return int64 [n]: the place of each row's label among the classes.

    Compared as text; where that fails, 1 is 1.0, and true is 1 for a model of 0 and 1.

    Raises:
        DataError: a label that the model never saw; says which rows, never its value.
    """
    texts = _column_text(dataset.table.column(target))
    places = pc.index_in(texts, pa.array(list(classes), pa.string()))
    if places.null_count:
        like = [_alike(c) for c in classes]
        if len(set(like)) == len(like):
            table = {name: place for place, name in enumerate(like)}
            unique = pc.unique(texts).drop_null().to_pylist()
            known = {value: table.get(_alike(value)) for value in unique}
            again = pa.array([known.get(value) for value in texts.to_pylist()], pa.int64())
            if again.null_count < places.null_count:
                places = again
    if places.null_count:
        unknown = np.flatnonzero(places.is_null().to_numpy(zero_copy_only=False))
        shown = ", ".join(str(int(row)) for row in unknown[:5])
        more = ", …" if len(unknown) > 5 else ""  # noqa: PLR2004 - as many as are shown
        raise DataError(
            f"{len(unknown):,} row{'s hold' if len(unknown) > 1 else ' holds'} a label that the "
            f"model never saw, or none (row {shown}{more}, counted from 0)",
            where=f"{dataset.name}, {target}",
            hint=f"the model's classes are {_listed(classes)}; where they are called otherwise in "
            "these rows, name them in the order of its outputs (classes)",
        )
    labels: NDArray[np.int64] = places.to_numpy(zero_copy_only=False).astype(np.int64)
    return labels


def _listed(classes: Sequence[str]) -> str:
    quoted = [f'"{c}"' for c in classes[:_SHOWN]]
    return ", ".join(quoted) + (f" and {len(classes) - _SHOWN} more" * (len(classes) > _SHOWN))


def _column_text(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.string())


def class_name(value: Any) -> str:  # noqa: ANN401 - whatever a model calls its classes
    """Return a class as text; see `class_names`."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int | float | np.integer | np.floating):
        return _alike(str(value))
    return str(value)


def _alike(text: str) -> str:
    """Return one spelling of a number or a truth value."""
    plain = text.strip().lower()
    if plain in {"true", "false"}:
        return "1" if plain == "true" else "0"
    try:
        number = float(plain)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else repr(number)
