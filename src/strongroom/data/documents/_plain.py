"""Plain text, logs, Markdown, source code: a line is a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa

from strongroom.data._encodings import utf8
from strongroom.data.documents._records import TEXT, cut_at
from strongroom.data.sources._document import Batch, Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEWLINE = 10


def read_plain(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    r"""Yield the lines of a text in any encoding; they end with `\n` or `\r\n`.

    Raises:
        DataError: it is no text.
    """
    notes: list[str] = []
    first, held = 0, 0
    carried: list[bytes] = []
    size = 0
    for chunk in utf8(stream, path, notes):
        carried.append(chunk)
        size += len(chunk)
        if size > limits.record_bytes or b"\n" in chunk:
            whole = b"".join(carried)
            end = whole.rfind(b"\n") + 1
            if end:
                batch = _lines(whole[:end], first, held, notes)
                yield batch
                first, held = first + batch.table.num_rows, 0
            rest = whole[end:]
            while len(rest) > limits.record_bytes:
                part = _part(rest, limits.record_bytes)
                yield Batch(_table(part, np.array([0, len(part)])), first, held)
                held += len(part.decode())
                rest = rest[len(part) :]
            carried, size = [rest] if rest else [], len(rest)
    if size:
        yield _lines(b"".join(carried) + b"\n", first, held, notes)
    elif notes:
        yield Batch(_table(b"", np.array([0])), first, 0, tuple(notes))


def _lines(content: bytes, first: int, held: int, notes: list[str]) -> Batch:
    """Make a batch of whole lines: the text without their ends, and where each begins."""
    if b"\r\n" in content:
        content = content.replace(b"\r\n", b"\n")
    ends = np.flatnonzero(np.frombuffer(content, np.uint8) == _NEWLINE)
    offsets = np.zeros(len(ends) + 1, np.int64)
    np.subtract(ends, np.arange(len(ends)), out=offsets[1:])
    said = tuple(notes)
    notes.clear()
    return Batch(_table(content.translate(None, b"\n"), offsets), first, held, said)


def _table(text: bytes, offsets: np.ndarray) -> pa.Table:
    values = pa.LargeStringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(text)
    )
    return pa.table({TEXT: values})


def _part(rest: bytes, most: int) -> bytes:
    """Cut a long line at white space; at a character's border in any case."""
    # Bytes as characters: every mark at which a text is cut is ASCII.
    at = cut_at(rest[:most].decode("latin-1"), most)
    while at > 1 and at < len(rest) and 0x80 <= rest[at] < 0xC0:  # noqa: PLR2004 - within one
        at -= 1
    return rest[:at]
