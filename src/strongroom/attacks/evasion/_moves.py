"""What a person could change in a row: values that keep types, ranges and known categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_NUMBERS = 9  # values tried per number and round
_CATEGORIES = 64  # and per category, at most
_ROUNDING = 1e-9


class Column(Protocol):
    """What an encoder says about one column of the table."""

    @property
    def name(self) -> str:
        """The column's name in the table."""

    @property
    def kind(self) -> str:
        """`number`, `date` or `category`; a column of another kind is left alone."""

    @property
    def range(self) -> tuple[float, float] | None:
        """Declared bounds of a number."""

    @property
    def integer(self) -> bool:
        """Whether a number must be whole."""

    @property
    def categories(self) -> Sequence[str]:
        """The known categories; empty where none were declared."""


class Encoder(Protocol):
    """What turns a table into inputs."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns it reads."""

    def encode(self, table: pa.Table) -> NDArray[np.float32]:
        """Return float32 [rows, d]."""


@dataclass(frozen=True)
class NumberMoves:
    """Changes of one numeric column.

    Attributes:
        low, high: the values it may take.
        reach: the largest change.
        integer: whether only whole numbers are values.
    """

    name: str
    low: float
    high: float
    reach: float
    integer: bool

    def candidates(self, column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
        """Return `width` values per cell, cell by cell, and which of them are real changes."""
        cells = _floats(column)
        lowest, highest = self._bounds(cells)
        steps = np.linspace(0.0, 1.0, _NUMBERS)
        values = lowest[:, None] + (highest - lowest)[:, None] * steps
        if self.integer:
            values = np.round(values)
        usable = (lowest <= highest)[:, None] & (values != cells[:, None])
        values = np.where(np.isfinite(values), values, 0.0)
        return _cast(values.ravel(), column.type), usable & np.isfinite(cells)[:, None]

    def valid(self, before: pa.Array, after: pa.Array) -> NDArray[np.bool_]:
        """Say which cells could be changed so; a missing cell stays missing."""
        old, new = _floats(before), _floats(after)
        lowest, highest = self._bounds(old)
        slack = _ROUNDING * (1 + np.abs(old))
        inside = (new >= lowest - slack) & (new <= highest + slack)
        whole = np.isclose(new, np.round(new)) if self.integer else np.isfinite(new)
        return inside & whole

    def _bounds(self, cells: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        lowest = np.maximum(self.low, cells - self.reach)
        highest = np.minimum(self.high, cells + self.reach)
        if self.integer:
            lowest, highest = np.ceil(lowest - _ROUNDING), np.floor(highest + _ROUNDING)
        return lowest, highest


@dataclass(frozen=True)
class CategoryMoves:
    """Changes of one column to another known category."""

    name: str
    categories: pa.Array

    def candidates(self, column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
        """Return every category per cell, cell by cell, and which of them are real changes."""
        width, rows = len(self.categories), len(column)
        values = self.categories.take(pa.array(np.tile(np.arange(width), rows)))
        old = column.take(pa.array(np.repeat(np.arange(rows), width)))
        usable = pc.fill_null(pc.not_equal(values, old), fill_value=False)
        return values, usable.to_numpy(zero_copy_only=False).reshape(rows, width)

    def valid(self, before: pa.Array, after: pa.Array) -> NDArray[np.bool_]:
        """Say which cells could be changed so; a missing cell stays missing."""
        known = pc.is_in(after, value_set=self.categories)
        both = pc.and_(pc.is_valid(before), known)
        flags: NDArray[np.bool_] = both.to_numpy(zero_copy_only=False)
        return flags


Moves = NumberMoves | CategoryMoves


def plain_table(table: pa.Table) -> pa.Table:
    """Return the table in one chunk per column, dictionaries written out."""
    columns = [
        c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in table.columns
    ]
    return pa.table(dict(zip(table.column_names, columns, strict=True))).combine_chunks()


def array_of(table: pa.Table, name: str) -> pa.Array:
    """Return a column of a plain table as one array."""
    chunks = table.column(name)
    return chunks.chunk(0) if chunks.num_chunks == 1 else pa.concat_arrays(chunks.chunks)


def moves_of(
    table: pa.Table, columns: Sequence[Column], immutable: Sequence[str], max_change: float
) -> list[Moves]:
    """Return how each column of a plain table may change.

    A number's reach is `max_change` times its standard deviation in the table, and it keeps to its
    declared range, or where none was declared, to the one seen in the table. (A share of the range
    would be no small change where few values lie far out, as with incomes.) An undeclared category
    may become any category seen in the table.
    """
    moves: list[Moves] = []
    for column in columns:
        if column.name in immutable or column.name not in table.column_names:
            continue
        cells = array_of(table, column.name)
        found: Moves | None = None
        if column.kind == "number":
            found = _number_moves(column, cells, max_change)
        elif column.kind == "category":
            found = _category_moves(column, cells)
        if found is not None:
            moves.append(found)
    return moves


def _number_moves(column: Column, cells: pa.Array, max_change: float) -> NumberMoves | None:
    values = _floats(cells)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return None
    low, high = column.range or (float(values.min()), float(values.max()))
    integer = column.integer or pa.types.is_integer(cells.type)
    return NumberMoves(column.name, low, high, max_change * float(values.std()), integer)


def _category_moves(column: Column, cells: pa.Array) -> CategoryMoves | None:
    known = pc.drop_null(cells.unique())
    if column.categories:
        try:
            known = pa.array(list(column.categories), pa.string()).cast(cells.type)
        except pa.ArrowInvalid:
            # Declared as texts that the column's own type can't hold: what it does hold is known.
            known = pc.drop_null(cells.unique())
    return CategoryMoves(column.name, known.slice(0, _CATEGORIES)) if len(known) > 1 else None


def valid_changes(
    before: pa.Table, after: pa.Table, moves: Sequence[Moves], max_changed: int
) -> NDArray[np.bool_]:
    """Say per row whether `after` is a valid row that differs in at most `max_changed` columns."""
    allowed = {m.name: m for m in moves}
    valid = np.ones(before.num_rows, np.bool_)
    changed = np.zeros(before.num_rows, np.int64)
    for name in before.column_names:
        old, new = array_of(before, name), array_of(after, name)
        if old.equals(new):
            continue  # a list, which Arrow can't compare cell by cell, is never changed
        differs = differing(old, new)
        changed += differs
        move = allowed.get(name)
        valid &= ~differs | (move.valid(old, new) if move else False)
    return valid & (changed <= max_changed)


def differing(old: pa.Array, new: pa.Array) -> NDArray[np.bool_]:
    """Say which cells aren't the same; missing equals missing."""
    unlike = pc.fill_null(pc.not_equal(old, new), fill_value=False)
    missing = pc.xor(pc.is_null(old), pc.is_null(new))
    flags: NDArray[np.bool_] = pc.or_(unlike, missing).to_numpy(zero_copy_only=False)
    return flags


def _floats(column: pa.Array) -> NDArray[np.float64]:
    numbers: Any = pc.fill_null(column.cast(pa.float64()), float("nan"))
    cells: NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False)
    return cells


def _cast(values: NDArray[np.float64], kind: pa.DataType) -> pa.Array:
    return pa.array(values).cast(kind, safe=False)
