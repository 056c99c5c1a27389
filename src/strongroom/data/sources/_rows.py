"""Rows as databases and spreadsheets give them, as batches of plain columns."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from strongroom.data.sources._dialect import unique_names
from strongroom.data.sources._document import Batch
from strongroom.data.sources._json_records import column_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_ROWS, _FIRST_ROWS = 1 << 14, 64
_BYTES = 1 << 23
_WHOLE = 1 << 53


def batches_of_rows(
    fetch: Callable[[int], Sequence[Sequence[Any]]], names: Sequence[str]
) -> Iterator[Batch]:
    """Yield what a cursor gives, as many rows at once as a batch of some megabytes holds.

    Args:
        fetch: returns the next rows, at most as many as asked for, and none at the end.
        names: of the columns.
    """
    columns = unique_names(names)
    first, count = 0, _FIRST_ROWS
    while rows := fetch(count):
        arrays = [column_of([_plain(v) for v in values]) for values in zip(*rows, strict=True)]
        if not columns:
            return
        table = pa.Table.from_arrays(arrays, names=list(columns))
        yield Batch(table, first)
        first += len(rows)
        count = max(1, min(_ROWS, 4 * count, _BYTES * len(rows) // max(1, table.nbytes)))


def _plain(value: object) -> object:  # noqa: PLR0911 - a case each
    """Return a value as one of a few kinds: whole and other numbers, text, bytes, truth."""
    match value:
        case None | bool() | str() | bytes() | float():
            return value
        case int():
            return value if -(2**63) <= value < 2**63 else str(value)
        case Decimal():
            exact = value.is_finite() and abs(value) < _WHOLE
            whole = exact and value == value.to_integral_value()
            return int(value) if whole else float(value) if exact else str(value)
        case datetime():
            midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
            return value.date().isoformat() if midnight else value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case memoryview() | bytearray():
            return bytes(value)
        case dict() | list() | tuple():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)
