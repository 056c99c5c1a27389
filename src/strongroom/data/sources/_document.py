"""What a source is made of: documents, which give their records in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import pyarrow as pa

    from strongroom.data._dataset import Kind
    from strongroom.errors import DataError


@dataclass(frozen=True)
class Batch:
    """Some records of a document.

    Attributes:
        table: plain columns; a text has one column `text`, with a record (a line, a paragraph, a
            page, a header field) in each row.
        first_row: number of the first record in its document.
        offset: code points of that record that earlier batches held: only a record too long for
            one batch is cut, at white space where there is some.
    """

    table: pa.Table
    first_row: int
    offset: int = 0


@dataclass(frozen=True)
class Document:
    """One table or text, wherever it lies.

    Attributes:
        path: as the user named it; members as `a.zip!/b.csv`, tables as `sqlite:///x.db#people`.
        kind: table, text or image.
        form: its format, such as `csv`.
        open: gives its records in constant memory; raises DataError.
        size: in bytes, where known.
        version: tells that it is unchanged (size and time, a digest); empty if that can't be told.
    """

    path: str
    kind: Kind
    form: str
    open: Callable[[], Iterator[Batch]]
    size: int | None = None
    version: str = ""


@dataclass(frozen=True)
class Unreadable:
    """Something that can't be read: it is listed, and the scan goes on."""

    path: str
    error: DataError


@dataclass(frozen=True)
class Limits:
    """How much a source may unfold into.

    Attributes:
        member_bytes: of one member of an archive, unpacked.
        total_bytes: of all members together.
        ratio: unpacked to packed.
        members: how many.
        depth: archives within archives.
        record_bytes: longer records are cut.
    """

    member_bytes: int = 1 << 34
    total_bytes: int = 1 << 37
    ratio: int = 1_000
    members: int = 100_000
    depth: int = 3
    record_bytes: int = 1 << 22


Reader = Callable[[BinaryIO, str, Limits], Iterator[Batch]]
"""(seekable stream, path for messages, limits) to records."""
