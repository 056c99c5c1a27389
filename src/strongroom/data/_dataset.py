"""The Dataset noun: Arrow data, a role per column, and a fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from strongroom.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """What a dataset holds."""

    TABLE = "table"
    TEXT = "text"


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
    """A table or a corpus, with the role of every column.

    Attributes:
        table: the rows, Arrow. A text corpus is a table with one `text` column.
        kind: table or text.
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
        if isinstance(data, pa.Table):
            return cls(table=data, **about)
        if hasattr(data, "__arrow_c_stream__"):
            return cls(table=pa.table(data), **about)
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
        """SHA-256, hex, of the table as one canonical Arrow IPC stream (one batch, no metadata)."""
        digest = hashlib.sha256()
        digest.update(canonical_ipc(self.table))
        return digest.hexdigest()


def canonical_ipc(table: pa.Table) -> pa.Buffer:
    """Return the Arrow IPC stream that depends on names, types and values alone.

    Chunking, dictionary encoding and metadata are taken away first.
    """
    columns = []
    for column in table.columns:
        plain = (
            column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        )
        chunk = plain.combine_chunks()
        # A slice carries its parent's buffers; concatenating with nothing copies just its part.
        columns.append(pa.concat_arrays([chunk]) if isinstance(chunk, pa.Array) else chunk)
    schema = pa.schema(
        [pa.field(n, c.type) for n, c in zip(table.column_names, columns, strict=True)]
    )
    clean = pa.Table.from_arrays(columns, schema=schema).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(clean)
    return sink.getvalue()
