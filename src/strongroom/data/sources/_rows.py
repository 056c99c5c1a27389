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
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_ROWS = 1 << 14
_BYTES, _MOST_BYTES = 1 << 23, 1 << 28
_WHOLE = 1 << 53


def batches_of_rows(
    rows: Iterable[Sequence[Any]], names: Sequence[str], path: str
) -> Iterator[Batch]:
    """Yield what a cursor gives, as many rows at once as a batch of some megabytes holds.

    Args:
        rows: values, as many in each row as there are names.
        names: of the columns.
        path: for messages.

    Raises:
        DataError: one row takes more than a quarter of a gigabyte.
    """
    columns = unique_names(names)
    first, size = 0, 0
    held: list[Sequence[Any]] = []
    for row in rows:
        one = sum(len(value) for value in row if isinstance(value, str | bytes))
        if one > _MOST_BYTES:
            where = f"{path}, row {first + len(held)}"
            raise DataError(f"a row of more than {_MOST_BYTES >> 20} MiB", where=where)
        if held and (size + one > _BYTES or len(held) == _ROWS):
            yield _batch(held, columns, first)
            first, size, held = first + len(held), 0, []
        held.append(row)
        size += one
    if held:
        yield _batch(held, columns, first)


def _batch(rows: Sequence[Sequence[Any]], columns: Sequence[str], first: int) -> Batch:
    arrays = [column_of([_plain(v) for v in values]) for values in zip(*rows, strict=True)]
    return Batch(pa.Table.from_arrays(arrays, names=list(columns)), first)


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
