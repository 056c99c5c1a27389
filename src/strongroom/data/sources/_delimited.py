"""CSV, TSV and their kin, whatever the delimiter, quoting and encoding, in constant memory.

Nothing is refused and nothing is lost: a record with too few fields is filled up, what one has too
much stands in a column of its own, a quote that never closes is taken as a character, a record
that is too long comes in pieces. All that is counted and said in the notes.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.data._encodings import utf8
from strongroom.data.sources._dialect import Dialect, dialect_of, unique_names
from strongroom.data.sources._document import Batch, Limits
from strongroom.data.sources._notes import with_notes

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAMPLE = 1 << 16
_ROWS, _FIELDS = 1 << 16, 1 << 20
_CELLS = 1 << 22  # of a batch, also those that records lack
_NEWLINES, _BLANKS = (b"\n", b"\r"), b"\n\r"
_BREAKS = np.zeros(256, np.bool_)
_BREAKS[list(b" \t\n\r,;|&<>\"'()[]{}")] = True


def read_delimited(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the records of a delimited text.

    A column is of integers or floats as long as nothing is lost by it, and of strings from the
    first batch on in which something would be. A table without a header has `column 1`, ….

    Raises:
        DataError: it is no text.
    """
    notes: list[str] = []
    chunks = utf8(stream, path, notes)
    sample = b""
    for chunk in chunks:
        sample += chunk
        lines = any(mark in sample for mark in _NEWLINES)
        if len(sample) >= _SAMPLE and (lines or len(sample) > limits.record_bytes):
            break
    looked_at = sample[:_SAMPLE]
    dialect = dialect_of(looked_at, whole=len(sample) < _SAMPLE, path=path)
    if len(sample) > limits.record_bytes and not lines:
        dialect = replace(dialect, columns=unique_names([""] * len(dialect.columns)), header=None)
    table = _Table(dialect, limits)
    batches = table.read(chain([sample], chunks))
    yield from with_notes(batches, lambda: (*notes, *table.notes()))


class _Table:
    """Turns bytes into batches, and remembers where in the table they are and what was odd."""

    def __init__(self, dialect: Dialect, limits: Limits) -> None:
        self._marks = dialect.marks
        self._literally = (dialect.marks[0], -1, *dialect.marks[2:])
        self._width = len(dialect.columns)
        self._names = unique_names([*dialect.columns, "more fields"])
        self._kinds = [0] * len(self._names)
        self._longest = limits.record_bytes
        room = max(_FIELDS, self._width + 2)
        self._rows = max(1, min(_ROWS, _CELLS // len(self._names)))
        self._fields = (
            np.empty(room, np.int32),
            np.empty(room, np.int32),
            np.empty(room, np.uint8),
            np.empty(max(self._rows, (dialect.header or 0) + 1) + 1, np.int32),
        )
        self._header = dialect.header  # until it is passed
        self._row = 0
        # Of a record that comes in pieces: the column that is next, and how much of it came.
        self._piece: tuple[int, int] | None = None
        self._short = self._long = self._unclosed = 0

    def notes(self) -> tuple[str, ...]:
        """Say what was odd, in words without values."""
        said = []
        if self._short:
            said.append(f"records with fewer fields than columns: {self._short:,}")
        if self._long:
            where = self._names[-1]
            said.append(f'records with more fields than columns, see "{where}": {self._long:,}')
        if self._unclosed:
            said.append(f"quotes that never close, taken as characters: {self._unclosed:,}")
        return tuple(said)

    def read(self, chunks: Iterator[bytes]) -> Iterator[Batch]:
        """Yield the records of a text that comes in chunks."""
        carried, final = b"", False
        while not final:
            chunk = next(chunks, None)
            final = chunk is None
            content = carried + (chunk or b"")
            data, at = np.frombuffer(content, np.uint8), 0
            while at < len(data):
                after, batch = self._next(content, data, at, final=final)
                if batch is not None:
                    yield batch
                elif after == at:
                    break
                at = after
            carried = content[at:]

    def _next(
        self, content: bytes, data: np.ndarray, at: int, *, final: bool
    ) -> tuple[int, Batch | None]:
        """Return where to go on, and a batch; the same place and None where more is needed."""
        if self._piece is None:
            count, after, unclosed = self._split(data, at, len(data), self._marks, final=final)
            if count:
                return after, self._batch(data, at, after, count, self._marks)
            if content[at:after].strip(_BLANKS) == b"" and after == len(data):
                return after, None
            if not final and len(data) - after <= self._longest:
                return at, None
            if unclosed:
                self._unclosed += 1
                end = min(len(data), after + self._longest)
                last = final and end == len(data)
                count, beyond, _ = self._split(
                    data, after, end, self._literally, final=last, most=1
                )
                if count:
                    return beyond, self._batch(data, after, beyond, 1, self._literally)
            at, self._piece = after, (0, 0)
        return self._next_piece(content, data, at, final=final)

    def _next_piece(
        self, content: bytes, data: np.ndarray, at: int, *, final: bool
    ) -> tuple[int, Batch | None]:
        """Go on in a record that is too long for one batch; quotes mean nothing in it."""
        assert self._piece is not None  # noqa: S101 - for the type checker
        column, held = self._piece
        end = min(len(data), at + self._longest)
        stop = min((p for p in (content.find(m, at, end) for m in _NEWLINES) if p >= 0), default=-1)
        if stop < 0 and end < at + self._longest and not final:
            return at, None
        ended = stop >= 0 or (final and end == len(data))
        upto = stop if stop >= 0 else end
        delimiter = self._marks[0]
        if held:
            cut = content.find(delimiter, at, upto)
        else:
            cut = -1 if ended else content.rfind(delimiter, at, upto)
        after, row = cut + 1, self._row
        if cut >= 0:
            self._piece = (column + content.count(delimiter, at, cut) + 1, 0)
        elif ended:
            cut, after = upto, upto + (stop >= 0)
            self._piece, row = None, row + 1
        else:
            cut = after = at + _cut(content[at:end])
            self._piece = (column, held + len(content[at:cut].decode()))
        count, _, _ = self._split(data, at, cut, self._literally, final=True, most=1)
        batch = None
        if count:
            absent = min(column, self._width)
            batch = self._batch(data, at, cut, 1, self._literally, absent=absent, held=held)
        self._row = row
        return after, batch

    def _split(
        self,
        data: np.ndarray,
        at: int,
        end: int,
        marks: tuple[int, int, int, bool],
        *,
        final: bool,
        most: int = 0,
    ) -> tuple[int, int, bool]:
        from strongroom.data.sources._kernels_csv import split

        # Up to the header at first, so that it begins a batch of its own.
        most = most or (self._rows if self._header is None else self._header + 1)
        starts, ends, kinds, firsts = self._fields
        fields = (starts, ends, kinds, firsts[: most + 1])
        count, after, unclosed = split(data, at, end, final, marks, self._width + 1, *fields)
        return int(count), int(after), bool(unclosed)

    def _batch(
        self,
        data: np.ndarray,
        at: int,
        end: int,
        count: int,
        marks: tuple[int, int, int, bool],
        *,
        absent: int = 0,
        held: int = 0,
    ) -> Batch | None:
        """Make columns of the records that `_split` just found between `at` and `end`."""
        if self._header is not None:
            if count <= self._header:
                self._header -= count
            else:
                count, self._header = count - 1, None
            if not count:
                return None
        from strongroom.data.sources._kernels_csv import gather

        starts, ends, kinds, firsts = self._fields
        firsts = firsts[: count + 1]
        counts = np.diff(firsts) + absent * (np.arange(count) == 0)
        surplus = int((counts > self._width).sum())
        if self._piece is None and not held:
            self._short += int((counts < self._width).sum())
            self._long += surplus
        columns = self._width + (surplus > 0)
        out = np.empty(end - at, np.uint8)
        offsets = np.empty((columns, count + 1), np.int32)
        valid = np.empty((columns, count), np.bool_)
        gather(data, (starts, ends, kinds, firsts), absent, marks, out, offsets, valid)
        arrays = [self._column(i, out, offsets[i], valid[i]) for i in range(columns)]
        first, self._row = self._row, self._row + count
        table = pa.Table.from_arrays(arrays, names=list(self._names[:columns]))
        return Batch(table, first, held)

    def _column(
        self, place: int, out: np.ndarray, offsets: np.ndarray, valid: np.ndarray
    ) -> pa.Array:
        from strongroom.data.sources._kernels_csv import INTEGERS, NUMBERS, TEXT, numbers

        bits = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
        strings = pa.StringArray.from_buffers(
            len(valid), pa.py_buffer(offsets), pa.py_buffer(out), bits
        )
        if self._kinds[place] == TEXT:
            return strings
        values = np.empty(len(valid), np.int64)
        found = max(self._kinds[place], numbers(out, offsets, valid, values))
        self._kinds[place] = found
        if found == INTEGERS:
            return pa.Array.from_buffers(pa.int64(), len(valid), [bits, pa.py_buffer(values)])
        if found == NUMBERS:
            return pc.cast(pc.utf8_trim_whitespace(strings), pa.float64())
        return strings


def _cut(window: bytes) -> int:
    """Return where to cut a long field: past white space or a mark, never within a character."""
    half = len(window) // 2
    breaks = np.flatnonzero(_BREAKS[np.frombuffer(window, np.uint8)[half:]])
    if len(breaks):
        return half + int(breaks[-1]) + 1
    at = len(window)
    while at > half and window[at - 1] & 0xC0 == 0x80:  # noqa: PLR2004 - within a character
        at -= 1
    return at - 1 if at > half else len(window)
