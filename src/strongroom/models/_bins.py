"""Table rows to bins: every column becomes the number of one bin, by the rules of its encoding.

What is declared decides, or fixed rules; values never do (see `TableEncoder`). Numbers are cut
finely, since what learns from bins can join neighbours, and can't split one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import DataError, did_you_mean
from strongroom.models._encoder import (
    ColumnKind,
    EncodedColumn,
    TableEncoder,
    category_codes,
    squashed_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

_MOST_UNITS = 256  # a whole-number range up to this wide gets a bin for each number
_EVEN = 128
_FINER = 4  # bins between two fixed knots


@dataclass(frozen=True)
class TableBins:
    """A fixed map from table rows to int32[n, columns].

    Attributes:
        columns: what is read, as for `TableEncoder`.
        edges: for each column the rising inner edges of its bins; none for categories.
    """

    columns: tuple[EncodedColumn, ...]
    edges: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, encoder: TableEncoder) -> TableBins:
        """Cut the columns of an encoding."""
        return cls(encoder.columns, tuple(_edges(c) for c in encoder.columns))

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many bins each column has; the last says "missing"."""
        return tuple(
            c.stop - c.start if c.kind is ColumnKind.CATEGORY else len(e) + 2
            for c, e in zip(self.columns, self.edges, strict=True)
        )

    @property
    def references(self) -> tuple[int, ...]:
        """The bin of each column that most rows are declared to have; -1: none is declared."""
        return tuple(
            -1
            if not c.reference
            else c.reference[0]
            if c.kind is ColumnKind.CATEGORY
            else int(np.searchsorted(e, c.knots[c.reference[0]], side="right"))
            for c, e in zip(self.columns, self.edges, strict=True)
        )

    def encode(self, table: pa.Table) -> NDArray[np.int32]:
        """Return int32[rows, columns].

        Raises:
            DataError: a column is missing or has another type, or holds NaN or infinite values.
        """
        codes = np.empty((table.num_rows, len(self.columns)), dtype=np.int32)
        for place, (column, edges) in enumerate(zip(self.columns, self.edges, strict=True)):
            if column.name not in table.column_names:
                raise DataError(
                    f'the model needs column "{column.name}", which is not there',
                    hint=did_you_mean(column.name, table.column_names),
                )
            values = table.column(column.name).combine_chunks()
            if column.kind is ColumnKind.CATEGORY:
                codes[:, place] = category_codes(column, values)
            else:
                numbers, missing = squashed_numbers(column, values)
                found = np.searchsorted(np.asarray(edges), numbers, side="right")
                codes[:, place] = np.where(missing, len(edges) + 1, found)
        return codes

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "columns": [c.to_json() for c in self.columns],
            "edges": [list(e) for e in self.edges],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TableBins:
        """Read back what `to_json` gave."""
        return cls(
            tuple(EncodedColumn.from_json(c) for c in document["columns"]),
            tuple(tuple(map(float, e)) for e in document["edges"]),
        )


def _edges(column: EncodedColumn) -> tuple[float, ...]:
    if column.kind is ColumnKind.CATEGORY:
        return ()
    if column.range is None:
        steps = np.arange(1, _FINER) / _FINER
        between = [a + (b - a) * steps for a, b in pairwise(column.knots)]
        return tuple(sorted({*column.knots, *(float(e) for part in between for e in part)}))
    if column.bins:
        return tuple(sorted({*column.knots[1:-1], *column.bins}))
    low, high = column.range
    if column.integer and high - low <= _MOST_UNITS:
        return tuple(float(e) for e in np.arange(np.floor(low) + 0.5, high))
    even = np.linspace(low, high, _EVEN + 1)[1:-1]
    return tuple(sorted({*column.knots[1:-1], *map(float, even)}))
