"""What belongs together in an array of table rows: a category written as 0 and 1 is one column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW_VALUES = 64
"""A column with at most so many different values may be a category."""
_LOOKED_AT_FIRST = 500  # rows: what they rule out needs no look at all others


def columns_of(inputs: NDArray[Any]) -> list[NDArray[np.intp]]:
    """Return the positions of every column of rows [n, d], in order.

    Neighbouring positions of which always exactly one is 1 and the others are 0 are one column.
    """
    width = inputs.shape[1]
    binary = np.array(
        [bool(((inputs[:, i] == 0) | (inputs[:, i] == 1)).all()) for i in range(width)]
    )
    few = inputs[:_LOOKED_AT_FIRST].astype(np.float32)
    parts, at = [], 0
    while at < width:
        end, total = at, np.zeros(len(few), np.float32)
        while end < width and binary[end] and total.max() <= 1:
            if (total == 1).all() and (inputs[:, at:end].sum(axis=1) == 1).all():
                break
            total = total + few[:, end]
            end += 1
        whole = end - at > 1 and bool((inputs[:, at:end].sum(axis=1) == 1).all())
        stop = end if whole else at + 1
        parts.append(np.arange(at, stop))
        at = stop
    return parts


def few_values(column: NDArray[Any], most: int = FEW_VALUES) -> NDArray[np.float64] | None:
    """Return the different values of a column, rising, or None where there are more than `most`.

    What is missing (NaN) is one of them, the last.
    """
    found = np.unique(column.astype(np.float64))
    return found if len(found) <= most else None


def code_columns(inputs: NDArray[Any], model: Any) -> frozenset[int]:  # noqa: ANN401 - any model
    """Return the columns of rows [n, d] whose numbers stand for something else, without order.

    Bins and other whole numbers; texts and truth values of a table that a codec made numbers of.
    """
    if inputs.dtype.kind in "iu":
        return frozenset(range(inputs.shape[1]))
    columns = getattr(getattr(model, "codec", None), "columns", None) or ()
    if len(columns) != inputs.shape[1]:
        return frozenset()
    return frozenset(i for i, c in enumerate(columns) if c.kind in {"text", "boolean"})


def spread_out(inputs: NDArray[Any], like: NDArray[Any]) -> NDArray[np.float64]:
    """Return rows [n, d] as numbers for a linear model, float64 [n, w].

    A column with few values is written out, one position for each; a number is brought to mean 0
    and deviation 1, and what is missing gets the mean. Both as they are in the rows `like`.
    """
    parts = []
    for place in range(inputs.shape[1]):
        column = inputs[:, place].astype(np.float64)
        values = few_values(like[:, place])
        if values is not None:
            held = column[:, None] == values[None, :]
            held[:, np.isnan(values)] = np.isnan(column)[:, None]
            parts.append(held.astype(np.float64))
            continue
        known = like[:, place].astype(np.float64)
        known = known[np.isfinite(known)]
        scaled = (column - known.mean()) / (known.std() or 1.0)
        missing = ~np.isfinite(column)
        parts.append(np.column_stack([np.where(missing, 0.0, scaled), missing]))
    return np.concatenate(parts, axis=1) if parts else np.zeros((len(inputs), 0))
