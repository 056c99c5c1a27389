"""The Dataset noun: Arrow data, a role per column, and a fingerprint."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import ReadableBuffer


class Kind(StrEnum):
    """What a dataset holds."""

    TABLE = "table"
    TEXT = "text"
    IMAGE = "image"


class Role(StrEnum):
    """What a column is for, in the terms of ISO/IEC 20889."""

    DIRECT_IDENTIFIER = "direct_identifier"
    QUASI_IDENTIFIER = "quasi_identifier"
    SENSITIVE = "sensitive"
    TARGET = "target"
    FEATURE = "feature"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Dataset:
    """A table, a corpus or images, with the role of every column.

    Attributes:
        table: the rows, Arrow. A text corpus is a table with one `text` column; images are one
            `binary` column of whole image files, beside others.
        kind: table, text or image.
        roles: column name to role; a column that isn't named is a plain feature.
        subject: the column that says which person a row belongs to (the privacy unit), if any.
        name: for people to recognise it; usually the file name.
    """

    table: pa.Table
    kind: Kind = Kind.TABLE
    roles: Mapping[str, Role] = field(default_factory=dict)
    subject: str | None = None
    name: str = "table"

    def __post_init__(self) -> None:
        for column in (*self.roles, *((self.subject,) if self.subject else ())):
            self.require(column)

    @classmethod
    def of(cls, data: Any, **about: Any) -> Dataset:  # noqa: ANN401 - any Arrow speaker
        """Wrap a Dataset, Arrow table, pandas or polars frame; `about` sets the other fields.

        Raises:
            DataError: `data` speaks no Arrow.
        """
        if isinstance(data, cls):
            return replace(data, **about) if about else data
        if isinstance(data, pa.Table) or hasattr(data, "__arrow_c_stream__"):
            return cls(table=plain(pa.table(data)), **about)
        raise DataError(
            f"cannot read a table from {type(data).__name__}",
            hint="pass an Arrow table, a pandas or polars frame, or a path to read_dataset",
        )

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.table.num_rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(self.table.column_names)

    @property
    def target(self) -> str | None:
        """The column to predict, if one has that role."""
        return next(iter(self.columns_with(Role.TARGET)), None)

    def columns_with(self, role: Role) -> tuple[str, ...]:
        """The columns of one role, in the order of the table."""
        return tuple(c for c in self.table.column_names if self.roles.get(c, Role.FEATURE) is role)

    def require(self, column: str) -> None:
        """Check that a column exists.

        Raises:
            DataError: it doesn't; the hint names the nearest one.
        """
        if column not in self.table.column_names:
            names = ", ".join(self.table.column_names[:12])
            raise DataError(
                f'no column "{column}" in {self.name}',
                where=self.name,
                hint=did_you_mean(column, self.table.column_names) or f"the columns are: {names}",
            )

    def with_table(self, table: pa.Table) -> Dataset:
        """Return the same dataset over other rows or columns; roles of lost columns go."""
        kept = {c: r for c, r in self.roles.items() if c in table.column_names}
        subject = self.subject if self.subject in table.column_names else None
        return replace(self, table=table, roles=kept, subject=subject)

    def with_roles(self, roles: Mapping[str, Role]) -> Dataset:
        """Return the same rows with other roles."""
        return replace(self, roles=dict(roles))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, hex, of the table as one canonical Arrow IPC stream.

        It depends on names, types, values and their order alone: not on chunks, dictionaries,
        slices, metadata, or what lies in memory under a missing value.
        """
        digest = hashlib.sha256()
        table = plain(self.table)
        with pa.ipc.new_stream(_Hashing(digest), table.schema) as writer:
            step = _batch_rows(table)
            for start in range(0, table.num_rows, step):
                writer.write_batch(_canonical(table.slice(start, step)))
        return digest.hexdigest()


_BATCH = 65_536
_BATCH_BYTES = 2**29  # of one column; an Arrow array of bytes ends at 2^31
# Row numbers of a pandas frame without an index of its own: not data, and nearly an identifier.
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


def plain(table: pa.Table) -> pa.Table:
    """Return the table as Strongroom's rooms expect it, whoever made it.

    Records within records become columns of their own, by dotted path; dictionaries are decoded,
    every text is `string` and every blob `binary` (not the large or view kinds), a column without
    any value is `string`, and metadata are gone.
    """
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    kept = [
        (name, _plain_column(column))
        for name, column in zip(table.column_names, table.columns, strict=True)
        if not _PANDAS_INDEX.fullmatch(name)
    ]
    return pa.Table.from_arrays([column for _, column in kept], names=[name for name, _ in kept])


def _plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return column.cast(pa.binary())
    return column


def _batch_rows(table: pa.Table) -> int:
    """Return how many rows are hashed together: it depends on the values alone."""
    blobs = (c for c in table.columns if pa.types.is_binary(c.type))
    largest = max((pc.sum(pc.binary_length(c)).as_py() or 0 for c in blobs), default=0)
    if largest <= _BATCH_BYTES:
        return _BATCH
    return max(1, min(_BATCH, int(table.num_rows) * _BATCH_BYTES // int(largest)))


def _canonical(rows: pa.Table) -> pa.RecordBatch:
    # Taking every row copies values into fresh buffers that start at 0, with zeros under nulls.
    everything = pa.array(np.arange(rows.num_rows))
    columns = [column.combine_chunks().take(everything) for column in rows.columns]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


class _Hashing(io.RawIOBase):
    """A file that only remembers the hash of what was written."""

    def __init__(self, digest: hashlib._Hash) -> None:
        self._digest = digest

    def writable(self) -> bool:
        return True

    def write(self, content: ReadableBuffer) -> int:
        view = memoryview(content)
        self._digest.update(view)
        return view.nbytes
