"""Columns as flat values: nested Arrow columns become dotted paths, anything odd becomes text."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Leaf:
    """One column of plain values.

    Attributes:
        name: dotted path of it (`contact.email`).
        header: its own name, without the path to it.
        source: the column of the table that it is part of.
        values: plain (not nested, not dictionary-encoded) values.
        owners: the row of the table of each value, or None when value i stands in row i.
        rows: how many rows the table has.
    """

    name: str
    header: str
    source: str
    values: pa.Array
    owners: np.ndarray | None
    rows: int

    def row_of(self, place: int) -> int:
        """Return the row of the table that value number `place` belongs to."""
        return place if self.owners is None else int(self.owners[place])


def leaves(table: pa.Table) -> Iterator[Leaf]:
    """Yield every leaf of every column, in order."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        top = Leaf(name, name, name, pa.nulls(0), None, table.num_rows)
        yield from _parts(top, column)


def _parts(above: Leaf, column: pa.ChunkedArray | pa.Array) -> Iterator[Leaf]:
    """Yield the leaves of a column that stands at `above`."""
    values = column
    if isinstance(column, pa.ChunkedArray):
        values = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    kind = values.type
    if pa.types.is_dictionary(kind):
        yield from _parts(above, values.dictionary_decode())
    elif isinstance(values, pa.ExtensionArray):
        yield from _parts(above, values.storage)
    elif pa.types.is_struct(kind):
        for i, part in enumerate(values.flatten()):
            own = kind.field(i).name
            yield from _parts(replace(above, name=f"{above.name}.{own}", header=own), part)
    elif (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    ):
        lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
        rows = np.arange(len(values)) if above.owners is None else above.owners
        inside = replace(above, owners=np.repeat(rows, lengths))
        yield from _parts(inside, pc.list_flatten(values))
    else:
        yield replace(above, values=_plain(values))


def _plain(values: pa.Array) -> pa.Array:
    """Return strings as large strings, odd types as text, and everything else as it is."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return values.cast(pa.large_string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:
            return values.cast(pa.large_string())
        except pa.ArrowInvalid:
            return values
    if pa.types.is_nested(kind) or "view" in str(kind):
        said = [None if v is None else json.dumps(v, default=str) for v in values.to_pylist()]
        return pa.array(said, pa.large_string())
    return values
