"""What a source is made of: documents, which give their records in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import TYPE_CHECKING, BinaryIO

from strongroom.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from strongroom.data._dataset import Kind


@dataclass(frozen=True)
class Batch:
    """Some records of a document.

    Attributes:
        table: plain columns; a text has one column `text`, with a record (a line, a paragraph, a
            page, a header field) in each row.
        first_row: number of the first record in its document.
        offset: code points of that record that earlier batches held: only a record too long for
            one batch is cut, at white space where there is some.
        notes: what a person should know about how these records were read, in words without
            values: bytes that no text has, pages that are pictures, members passed over.
    """

    table: pa.Table
    first_row: int
    offset: int = 0
    notes: tuple[str, ...] = ()


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
        name: of its own file, unpacked: `a.py` of `src.zip!/a.py.gz`; empty where it has none.
    """

    path: str
    kind: Kind
    form: str
    open: Callable[[], Iterator[Batch]]
    size: int | None = None
    version: str = ""
    name: str = ""


@dataclass(frozen=True)
class Unreadable:
    """Something that can't be read: it is listed, and the scan goes on."""

    path: str
    error: DataError


@dataclass(frozen=True)
class PassedOver:
    """Something below a folder that nobody named and that isn't looked into: programs, sound."""

    path: str
    why: str


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
        buffer_bytes: of a member that must lie in memory whole, since its format needs it.
        ocr: read the text in pictures, where the extra for it is installed.
    """

    member_bytes: int = 1 << 34
    total_bytes: int = 1 << 37
    ratio: int = 200
    members: int = 100_000
    depth: int = 6
    record_bytes: int = 1 << 22
    buffer_bytes: int = 1 << 28
    ocr: bool = True


@dataclass
class Budget:
    """What one source has unfolded so far, over all its members and theirs: counts, and refuses.

    Attributes:
        limits: what it may unfold into.
        path: of the source, for messages.
        unpacked: bytes so far.
        members: how many so far.
    """

    limits: Limits
    path: str
    unpacked: int = 0
    members: int = 0

    def unpack(self, count: int) -> None:
        """Count bytes that were unpacked.

        Raises:
            DataError: that is too much.
        """
        self.unpacked += count
        if self.unpacked > self.limits.total_bytes:
            raise DataError(
                f"unpacks into more than {self.limits.total_bytes >> 20:,} MiB: the rest was not "
                "read",
                where=self.path,
            )

    def member(self) -> None:
        """Count a member.

        Raises:
            DataError: there are too many.
        """
        self.members += 1
        if self.members > self.limits.members:
            raise DataError(
                f"holds more than {self.limits.members:,} members: the rest was not read",
                where=self.path,
            )


@dataclass(frozen=True)
class Member:
    """Something that lies in another file: of an archive, attached to a mail, pasted into text.

    Attributes:
        name: as the file that holds it says; for people, never used as a path.
        head: how it begins, enough to tell its form.
        open: gives its bytes, forward only. The first time, and before the next member is asked
            for, that costs nothing; later, what holds it may be read again up to there.
        size: unpacked, where known; not to be trusted.
        version: tells that it is unchanged (its checksum); empty if that can't be told.
    """

    name: str
    head: bytes
    open: Callable[[], BinaryIO]
    size: int | None = None
    version: str = ""


Reader = Callable[[BinaryIO, str, Limits], Iterator[Batch]]
"""(stream, path for messages, limits) to records; a stream that can't seek is read forward, or
held in memory up to `buffer_bytes` where the format needs more."""

Tables = Callable[[Callable[[], BinaryIO], str, str, str, Limits], Iterator[Document | Unreadable]]
"""(opens the bytes, where they lie on disk or nothing, path for messages, version, limits) to the
tables of a file that holds several."""

Unpacker = Callable[[BinaryIO, str, Budget], BufferedReader]
"""(compressed stream, path for messages, budget) to what it holds, forward only."""

Opener = Callable[[BinaryIO, str, Budget], Iterator[Member | Unreadable]]
"""(stream, path for messages, budget) to what lies in it."""
