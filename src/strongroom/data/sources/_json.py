"""JSON and JSON Lines of any size: records are found first and read block by block.

A list of records is a table, also one that lies inside a record (`{"data": [...]}`). What is too
large for one batch is entered, level by level. What is nested too deeply, has too many different
keys or is no JSON is given as text, so that nothing in it is missed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from strongroom.data._encodings import utf8
from strongroom.data._json import DEEPEST
from strongroom.data.documents._records import cut_at
from strongroom.data.sources._document import Batch, Limits
from strongroom.data.sources._json_records import (
    KEY,
    MOST_COLUMNS,
    VALUE,
    Records,
    clean,
    is_value,
    value_of,
)
from strongroom.data.sources._notes import with_notes

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Any

_VALUES = 1 << 16
_TABLE = 8  # records in a list that is a table and not part of one record
_WRAPPED = 3  # levels above such a list
_TEXT, _LIST, _RECORD = 0, 1, 2  # as the kernels have it
_OPENS = {b"[": _LIST, b"{": _RECORD}


def read_json(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the records of a JSON text, or of several after one another (JSON Lines).

    Raises:
        DataError: it is no text.
    """
    notes: list[str] = []
    text = _Text(utf8(stream, path, notes), limits)
    yield from with_notes(text.read(), lambda: (*notes, *text.notes()))


class _Level(NamedTuple):
    """What is being read: a text of values, a list or a record; and the path to it."""

    within: int
    path: str

    def to(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path and key else self.path or key


class _Text:
    """A JSON text, of which a part lies in memory."""

    def __init__(self, chunks: Iterator[bytes], limits: Limits) -> None:
        self._odd: Counter[str] = Counter()
        self._chunks, self._longest = chunks, limits.record_bytes
        self._content, self._at, self._final = b"", 0, False
        self._data = np.zeros(0, np.uint8)
        self._levels = [_Level(_TEXT, "")]
        self._row = 0
        self._pieces: bytes | None = None  # what ends a value that comes in pieces
        self._held = 0  # code points of it that came
        self._tables: set[str] = set()  # paths of lists that are tables
        self._members: dict[str, Any] = {}  # of records that were entered
        self._records = Records(self._odd)

    def notes(self) -> tuple[str, ...]:
        """Say what was odd, in words without values."""
        return tuple(f"{what}: {count:,}" for what, count in self._odd.items())

    def read(self) -> Iterator[Batch]:
        """Yield all records."""
        from strongroom.data.sources._kernels_json import values

        places = np.empty((_VALUES, 5), np.int64)
        while True:
            if self._pieces is not None:
                yield from self._piece(self._pieces)
                continue
            level, end = self._levels[-1], len(self._data)
            count, after, closed = values(
                self._data, self._at, end, self._final, level.within, places
            )
            if count:
                entered = yield from self._take(level, places[:count], after)
                if entered:
                    continue
            self._at = after
            if closed:
                yield from self._leave()
            elif not count and not self._final and end - after <= self._longest:
                self._more()
            elif not count and after < end:
                self._enter(level)
            elif self._final and after == end:
                break
        while len(self._levels) > 1:
            self._odd["values that end in the middle"] += 1
            yield from self._leave()

    def _more(self) -> None:
        chunk = next(self._chunks, None)
        self._final = chunk is None
        self._content = self._content[self._at :] + (chunk or b"")
        self._data, self._at = np.frombuffer(self._content, np.uint8), 0

    def _enter(self, level: _Level) -> None:
        """Go into a value that is too large, or that nothing ends."""
        from strongroom.data.sources._kernels_json import string_end

        key, at = "", self._at
        if level.within == _RECORD and self._content[at : at + 1] == b'"':
            after = string_end(self._data, at + 1, len(self._data))
            if after > 0:
                key = _string(self._content[at + 1 : after - 1])
                at = (
                    after
                    + len(self._content[after:])
                    - len(self._content[after:].lstrip(b" \t\r\n:"))
                )
        first = self._content[at : at + 1]
        if level.within == _TEXT and first == b"{" and self._is_line(at):
            first = b""
        self._at = at
        if first in _OPENS and len(self._levels) < DEEPEST:
            self._levels.append(_Level(_OPENS[first], level.to(key)))
            self._at = at + 1
            return
        self._levels.append(_Level(_TEXT, level.to(key)))
        self._pieces = b'"' if first == b'"' else b"\n"
        self._at = at + (first == b'"')
        if first != b'"':
            self._odd["values that are no JSON, read as text"] += 1

    def _is_line(self, at: int) -> bool:
        """Tell a damaged line among JSON Lines from a record that goes over several lines."""
        line = self._content.find(b"\n", at)
        return line >= 0 and (self._row > 0 or self._content[line + 1 : line + 2] == b"{")

    def _piece(self, ending: bytes) -> Iterator[Batch]:
        """Yield a part of a string or a line that is too long, or its end."""
        from strongroom.data.sources._kernels_json import string_end

        if ending == b'"':
            stop = string_end(self._data, self._at, len(self._data)) - 1
        else:
            stop = self._content.find(ending, self._at)
        left = len(self._data) - self._at
        if stop < 0 and not self._final and left <= self._longest:
            self._more()
            return
        done = 0 <= stop <= self._at + self._longest or (stop < 0 and left <= self._longest)
        if done:
            cut = stop if stop >= 0 else len(self._data)
            after = cut + (stop >= 0)
        else:
            window = self._content[self._at : self._at + self._longest]
            cut = after = self._at + _cut(window)
        text = self._content[self._at : cut].decode("utf-8", "replace")
        level = self._levels[-1]
        if text.strip():
            table = self._records.text([text], level.path)
            yield Batch(table, self._row, self._held)
        self._held += len(text)
        self._at = after
        if done:
            self._pieces, self._held = None, 0
            self._levels.pop()
            if self._levels[-1].within != _RECORD:
                self._row += 1

    def _leave(self) -> Iterator[Batch]:
        """End a list or a record that was entered."""
        level = self._levels.pop()
        if level.within == _RECORD and self._levels[-1].within != _RECORD:
            yield from self._flush()
            self._row += 1

    def _flush(self) -> Iterator[Batch]:
        """Yield what a record holds itself, beside the lists and records that were entered."""
        if self._members:
            members, self._members = self._members, {}
            yield Batch(self._records.table([members]), self._row)

    def _take(self, level: _Level, places: np.ndarray, after: int) -> Generator[Batch, None, bool]:
        """Yield the records among values; return whether one of them was entered instead."""
        if level.within == _RECORD:
            return (yield from self._take_members(level, places))
        if level.within == _TEXT and self._unwrap(places, after):
            return True
        table = self._first_table(level, places, after)
        if table:
            found = self._records.tables(self._content, places[:table], level.path, DEEPEST)
            for records in found:
                yield Batch(records, self._row)
                self._row += records.num_rows
        if table < len(places):
            self._levels.append(_Level(_LIST, level.path))
            self._at = int(places[table, 0]) + 1
        return table < len(places)

    def _first_table(self, level: _Level, places: np.ndarray, after: int) -> int:
        """Return which value of a text is a list of records, or a list and all there is."""
        if level.within != _TEXT:
            return len(places)
        alone = self._row == 0 and len(places) == 1 and not self._content[after:].strip()
        for i in np.flatnonzero(self._data[places[:, 0]] == ord("[")).tolist():
            begin = int(places[i, 0])
            if alone or self._content[begin + 1 : begin + 64].lstrip()[:1] == b"{":
                return int(i)
        return len(places)

    def _take_members(self, level: _Level, places: np.ndarray) -> Generator[Batch, None, bool]:
        size = 0
        for begin, end, depth, key_begin, key_end in places.tolist():
            key = _string(self._content[key_begin:key_end])
            path = level.to(key)
            first = self._content[begin : begin + 1]
            if path in self._tables and first in _OPENS:
                self._levels.append(_Level(_OPENS[first], path))
                self._at = begin + 1
                return True
            text = self._content[begin:end]
            size += len(text)
            value = value_of(text) if depth <= DEEPEST else text.decode()
            if is_value(key):
                self._members.setdefault(level.to(KEY), []).append(key)
                self._members.setdefault(level.to(VALUE), []).append(value)
            else:
                if path in self._members:
                    yield from self._flush()
                self._members[path] = value
            if size > self._longest or len(self._members) >= MOST_COLUMNS:
                yield from self._flush()
                size = 0
        return False

    def _unwrap(self, places: np.ndarray, after: int) -> bool:
        """Enter the one record of a text if it is only the wrapping of a table."""
        if self._row or len(places) != 1 or places[0, 2] > DEEPEST:
            return False
        begin, end = int(places[0, 0]), int(places[0, 1])
        rest = self._content[after:].strip()
        if rest or self._content[begin : begin + 1] != b"{":
            return False
        if not self._final:
            self._at = begin
            self._more()
            return True  # looked at again, with what follows
        wrapped = _tables(value_of(self._content[begin:end]), "", _WRAPPED)
        if not wrapped:
            return False
        for path in wrapped:
            parts = path.split("\0")
            self._tables |= {".".join(parts[: i + 1]) for i in range(len(parts))}
        self._levels.append(_Level(_RECORD, ""))
        self._at = begin + 1
        return True


def _tables(value: object, path: str, deeper: int) -> list[str]:
    """Return the paths, parted by zeros, of lists of records in a record."""
    if isinstance(value, list):
        return [path] if len(value) >= _TABLE and all(isinstance(v, dict) for v in value) else []
    if not isinstance(value, dict) or not deeper:
        return []
    below = ((f"{path}\0{key}" if path else str(key), v) for key, v in value.items())
    return [found for name, v in below for found in _tables(v, name, deeper - 1)]


def _string(text: bytes) -> str:
    found = value_of(b'"' + text + b'"') if b"\\" in text else text.decode()
    return clean(found) if isinstance(found, str) else text.decode()


def _cut(window: bytes) -> int:
    """Return where to cut: at white space, not within a character or after a backslash."""
    at = cut_at(window.decode("latin-1"), len(window))
    while at > 1 and (window[at - 1] == ord("\\") or window[at - 1 : at] >= b"\x80"):
        at -= 1
    return at
