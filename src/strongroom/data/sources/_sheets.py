"""Rows of a sheet as a table: which one names the columns is guessed, empty ones don't count."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from strongroom.data.sources._dialect import header_of, unique_names
from strongroom.data.sources._document import Batch
from strongroom.data.sources._rows import batches_of_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LOOK = 100
_MORE = "more fields"


def batches_of_sheet(rows: Iterator[Sequence[Any]], path: str) -> Iterator[Batch]:
    """Yield the rows of a sheet.

    Args:
        rows: cells from the first column on; None where there is nothing.
        path: for messages.
    """
    filled = (row for row in rows if any(cell is not None for cell in row))
    sample = list(islice(filled, _LOOK))
    texts = [["" if cell is None else str(cell) for cell in row] for row in sample]
    width = max((len(row) for row in sample), default=0)
    header = header_of([row + [""] * (width - len(row)) for row in texts])
    names = texts.pop(header) if header is not None else []
    if header is not None:
        del sample[header]
    columns = unique_names([*names, *[""] * (width - len(names)), _MORE])
    rest = (_fitted(row, width) for row in chain(sample, filled))
    for batch in batches_of_rows(rest, columns, path):
        more = batch.table.column(width)
        if more.null_count == len(more):
            yield Batch(batch.table.remove_column(width), batch.first_row)
        else:
            yield batch


def _fitted(row: Sequence[Any], width: int) -> list[Any]:
    """Return the cells of a row, and as the last what is beyond the columns of the sheet."""
    beyond = "\t".join(str(cell) for cell in row[width:] if cell is not None)
    return [*row[:width], *[None] * (width - len(row)), beyond or None]
