"""Records to batches: rows of one column of text; a record too long for one batch is cut."""

from __future__ import annotations

import io
import re
from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from strongroom.data._patient import Patient, whole
from strongroom.data.documents._forms import SUFFIXES, form_of
from strongroom.data.sources._document import Batch, Limits, Member
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed import WriteableBuffer

TEXT = "text"
BATCH_BYTES = 1 << 22
_BATCH_ROWS = 1 << 16
_EMPTY_LINES = re.compile(r"\n[ \t]*+\n\s*+")
_TWICE = frozenset(
    {"mail", "mbox", "docx", "pptx", "odf", "pdf", "zip", "tar", "gz", "bz2", "xz", "zst", "lz4"}
)
_HEAD_BYTES, _PIECE_BYTES, _MOST_NAME = 1 << 16, 1 << 16, 1 << 10
_SPACES, _MARKS = " \n\t\r", ",;|<>&\"'()[]{}"


def batches(
    pieces: Iterable[tuple[str, bool]], limits: Limits, notes: list[str]
) -> Iterator[Batch]:
    """Gather records into batches.

    Args:
        pieces: of records, none of them much longer than a batch: text, and whether the record
            ends with it.
        limits: longest record.
        notes: what the reader has to say so far; each goes out with one batch.
    """
    rows: list[str] = []
    size, first, held = 0, 0, 0
    parts: list[str] = []
    open_size = 0
    for text, ends in pieces:
        parts.append(text)
        open_size += len(text)
        while open_size > limits.record_bytes:
            whole = "".join(parts)
            at = cut_at(whole, limits.record_bytes)
            yield _batch([*rows, whole[:at]], first, held, notes)
            held = at if rows else held + at
            first, rows, size = first + len(rows), [], 0
            parts, open_size = [whole[at:]], open_size - at
        if ends:
            rows.append("".join(parts))
            size += open_size
            parts, open_size = [], 0
            if size >= BATCH_BYTES or len(rows) >= _BATCH_ROWS:
                yield _batch(rows, first, held, notes)
                first, rows, size, held = first + len(rows), [], 0, 0
    if parts:
        rows.append("".join(parts))
    if rows or notes:
        yield _batch(rows, first, held, notes)


def cut_at(text: str, most: int) -> int:
    """Return where to cut a text of more than `most` characters: past white space, or a mark.

    Only the second half is looked at, so that what is cut stays long.
    """
    for marks in (_SPACES, _MARKS):
        at = max(text.rfind(mark, most // 2, most) for mark in marks)
        if at >= 0:
            return at + 1
    return most


def text_table(rows: list[str]) -> pa.Table:
    """Return one column of texts; halves of surrogate pairs, which are no text, become U+FFFD."""
    try:
        values = pa.array(rows, pa.large_string())
    except UnicodeEncodeError:
        clean = [row.encode("utf-8", "replace").decode() for row in rows]
        values = pa.array(clean, pa.large_string())
    return pa.table({TEXT: values})


def _batch(rows: list[str], first: int, held: int, notes: list[str]) -> Batch:
    said = tuple(notes)
    notes.clear()
    return Batch(text_table(rows), first, held, said)


def seekable(stream: BinaryIO, path: str, limits: Limits) -> BinaryIO:
    """Return the stream if it can go back, and otherwise what it holds, in memory.

    Raises:
        DataError: it is too large for that.
    """
    if stream.seekable():
        return stream
    content = whole(stream, limits.buffer_bytes + 1)
    if len(content) > limits.buffer_bytes:
        raise DataError(
            f"larger than {limits.buffer_bytes >> 20:,} MiB, and this format can't be read forward",
            where=path,
            hint="unpack it and scan the file itself",
        )
    return io.BytesIO(content)


def member_of(stream: io.BufferedReader, name: str, limits: Limits) -> Member:
    """Return what lies in another file; its head is looked at, and still read first.

    What holds other things is read more than once: it is held in memory as far as limits allow,
    and otherwise can be opened once.

    Raises:
        DataError: it is damaged where it begins.
    """
    head = stream.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    form = form_of(head) or SUFFIXES.get(PurePath(name).suffix.lower())
    if form in _TWICE:
        content = whole(stream, limits.buffer_bytes)
        if len(content) < limits.buffer_bytes:
            return Member(name, head, lambda: io.BytesIO(content))
        stream = streamed(chain([content], iter(lambda: stream.read(BATCH_BYTES), b"")))
    given: list[BinaryIO] = [stream]

    def once() -> BinaryIO:
        if not given:
            raise DataError(
                "too large to be read a second time inside another file",
                where=name,
                hint="unpack it and scan the file itself",
            )
        return given.pop()

    return Member(name, head, once)


def shown_name(name: bytes | str, encoding: str = "utf-8") -> str:
    """Return a name inside a file as people may see it: bounded, nothing that moves a cursor."""
    if isinstance(name, bytes):
        try:
            text = name.decode("utf-8")
        except UnicodeDecodeError:
            text = name.decode(encoding, "replace")
    else:
        text = name
    shown = "".join(c if c.isprintable() else "\ufffd" for c in text[:_MOST_NAME])
    return shown or "unnamed"


def peeked(stream: BinaryIO, count: int = _HEAD_BYTES) -> tuple[bytes, BinaryIO]:
    """Return how a stream begins, and a stream that still gives that too."""
    head = stream.read(count)
    if stream.seekable():
        stream.seek(-len(head), io.SEEK_CUR)
        return head, stream
    return head, streamed(chain([head], iter(lambda: stream.read(BATCH_BYTES), b"")))


def streamed(chunks: Iterator[bytes]) -> io.BufferedReader:
    """Return chunks as a stream, forward only."""
    return Patient(_Streamed(chunks), _PIECE_BYTES)


class _Streamed(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks, self._waiting = chunks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self._waiting:
            fresh = next(self._chunks, None)
            if fresh is None:
                return 0
            self._waiting = memoryview(fresh)
        count = min(len(view), len(self._waiting))
        view[:count] = self._waiting[:count]
        self._waiting = self._waiting[count:]
        return count


def paragraphs(chunks: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield the paragraphs of a text that comes in pieces: what stands between empty lines."""
    carried = ""
    for chunk in chunks:
        *whole, carried = _EMPTY_LINES.split((carried + chunk).replace("\r\n", "\n"))
        for paragraph in whole:
            if text := paragraph.rstrip():
                yield text, True
        if len(carried) > BATCH_BYTES:
            # White space at the end may begin what parts two paragraphs.
            rest = len(carried.rstrip())
            yield carried[:rest], False
            carried = carried[rest:]
    if carried.strip():
        yield carried.rstrip(), True
