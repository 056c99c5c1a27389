"""ZIP archives, member by member: the directory is walked, never held, and no name is a path.

Written after PKWARE's APPNOTE 6.3.10 (central directory, ZIP64, methods); only sizes that the
bytes bear out are believed.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from strongroom.data._patient import Patient
from strongroom.data.documents._records import member_of, seekable, shown_name
from strongroom.data.documents._unpack import Ration, unpacked
from strongroom.data.sources._document import Unreadable
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import WriteableBuffer

    from strongroom.data.sources._document import Budget, Member

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MOST_COMMENT = 0xFFFF
_IN_64 = 0xFFFFFFFF
_ENCRYPTED, _UTF8_NAME = 1, 1 << 11
_UNIX = 3
_METHODS = {0: "stored", 8: "deflate", 12: "bz2", 93: "zst"}
_BUFFER_BYTES = 1 << 18


class Entry(NamedTuple):
    """One entry of a directory; its bytes begin with a local header at `at`."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    at: int
    is_file: bool


def zip_members(
    stream: BinaryIO,
    path: str,
    budget: Budget,
    *,
    wanted: Callable[[str], bool] = lambda _: True,
) -> Iterator[Member | Unreadable]:
    """Yield the files in a ZIP archive, all or those whose names are wanted.

    What can't be read is yielded as such.

    Raises:
        DataError: not a ZIP archive, a damaged one, one with too many members, or one that lies in
            another and is too large to be held in memory.
    """
    stream = seekable(stream, path, budget.limits)
    whole = stream.seek(0, os.SEEK_END)
    ration = Ration(path, budget, whole)
    for entry in entries(stream, path):
        if not (entry.is_file and wanted(entry.name)):
            continue
        budget.member()
        inside = f"{path}!/{entry.name}"
        try:
            member = member_of(open_entry(stream, entry, inside, ration), entry.name, budget.limits)
        except DataError as error:
            yield Unreadable(inside, error)
            continue
        yield replace(member, size=entry.size, version=f"{entry.crc:08x}-{entry.size}")


def entries(stream: BinaryIO, path: str) -> Iterator[Entry]:
    """Walk the directory of an archive that can be sought.

    Raises:
        DataError: it isn't one, or is damaged.
    """
    start, length, shift = _directory(stream, path)
    at, end = start, start + length
    while at < end:
        stream.seek(at)
        fixed = stream.read(_CENTRAL.size)
        if len(fixed) < _CENTRAL.size or not fixed.startswith(b"PK\1\2"):
            raise DataError("the directory of the archive is damaged", where=path)
        (_, made_by, _, flags, method, _, _, crc, packed, size, *lengths, _, _, outer, local) = (
            _CENTRAL.unpack(fixed)
        )
        name = stream.read(lengths[0])
        extra = stream.read(lengths[1])
        at += _CENTRAL.size + sum(lengths)
        size, packed, local = _wide(extra, size, packed, local)
        mode = outer >> 16 if made_by >> 8 == _UNIX else 0
        is_file = not name.endswith((b"/", b"\\")) and (not stat.S_IFMT(mode) or stat.S_ISREG(mode))
        shown = shown_name(name, "utf-8" if flags & _UTF8_NAME else "cp437")
        yield Entry(shown, flags, method, crc, packed, size, local + shift, is_file)


def open_entry(stream: BinaryIO, entry: Entry, path: str, ration: Ration) -> io.BufferedReader:
    """Return the bytes of an entry, checked against its checksum at their end.

    Raises:
        DataError: encrypted, packed in a way that isn't read here, damaged.
    """
    if entry.flags & _ENCRYPTED:
        raise DataError(
            "protected by a password", where=path, hint="unpack it and scan what comes out"
        )
    method = _METHODS.get(entry.method)
    if method is None:
        raise DataError(
            f"packed by method {entry.method} of ZIP, which isn't read here",
            where=path,
            hint="unpack it and scan what comes out",
        )
    stream.seek(entry.at)
    fixed = stream.read(_LOCAL.size)
    if len(fixed) < _LOCAL.size or not fixed.startswith(b"PK\3\4"):
        raise DataError("the archive is damaged here", where=path)
    begin = entry.at + _LOCAL.size + sum(_LOCAL.unpack(fixed)[-2:])
    packed = io.BufferedReader(_Section(stream, begin, entry.packed), _BUFFER_BYTES)
    return Patient(_Checked(unpacked(method, packed, ration), entry, path), _BUFFER_BYTES)


def _directory(stream: BinaryIO, path: str) -> tuple[int, int, int]:
    """Return where the directory begins, its length, and what stands before the archive.

    A program that unpacks itself, or anything else, may stand there.
    """
    whole = stream.seek(0, os.SEEK_END)
    start = stream.seek(max(0, whole - _MOST_COMMENT - _END.size))
    tail = stream.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise DataError("not a ZIP archive, or one that is cut off", where=path)
    *_, length, offset, _ = _END.unpack_from(tail, at)
    end = start + at
    if at >= _END64_LOCATOR.size and tail.startswith(b"PK\6\7", at - _END64_LOCATOR.size):
        end = start + at - _END64_LOCATOR.size - _END64.size
        stream.seek(max(0, end))
        found = stream.read(_END64.size)
        if len(found) < _END64.size or not found.startswith(b"PK\6\6"):
            raise DataError("the directory of the archive is damaged", where=path)
        *_, length, offset = _END64.unpack(found)
    begin = end - length
    if begin < offset:
        raise DataError("the directory of the archive is damaged", where=path)
    return begin, length, begin - offset


def _wide(extra: bytes, *narrow: int) -> list[int]:
    """Return sizes and place, those too large for 32 bits from the field of ZIP64."""
    at, given = 0, list(narrow)
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            values = [v for (v,) in struct.iter_unpack("<Q", field[: len(field) & ~7])]
            return [values.pop(0) if n == _IN_64 and values else n for n in given]
        at += 4 + length
    return given


class _Section(io.RawIOBase):
    """A part of a stream that is read by several."""

    def __init__(self, stream: BinaryIO, begin: int, length: int) -> None:
        super().__init__()
        self._stream, self._at, self._end = stream, begin, begin + length

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer from where the last read of this part ended."""
        view = memoryview(buffer).cast("B")
        self._stream.seek(self._at)
        piece = self._stream.read(min(len(view), self._end - self._at))
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


class _Checked(io.RawIOBase):
    """The bytes of an entry, which must agree with its checksum when they end."""

    def __init__(self, stream: BinaryIO, entry: Entry, path: str) -> None:
        super().__init__()
        self._stream, self._entry, self._path, self._crc = stream, entry, path, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer.

        Raises:
            DataError: damaged.
        """
        view = memoryview(buffer).cast("B")
        piece = self._stream.read(len(view))
        view[: len(piece)] = piece
        self._crc = zlib.crc32(piece, self._crc)
        if not piece and self._crc != self._entry.crc:
            raise DataError("damaged: it doesn't agree with its checksum", where=self._path)
        return len(piece)
