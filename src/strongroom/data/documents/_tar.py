"""TAR archives, read forward: old, ustar, GNU and pax; links and devices are passed over."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, BinaryIO

from strongroom.data.documents._records import member_of, shown_name
from strongroom.data.documents._unpack import Ration, unpacked
from strongroom.data.sources._document import Unreadable
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

    from strongroom.data.sources._document import Budget, Member

_BLOCK = 512
_MOST_HEADER = 1 << 20
_SKIP_BYTES = 1 << 20
_FILES = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}
_LONG_NAME = tarfile.GNUTYPE_LONGNAME
_MORE_SPARSE = 482


def tar_members(stream: BinaryIO, path: str, budget: Budget) -> Iterator[Member | Unreadable]:
    """Yield the files in a TAR archive.

    Each is to be read before the next is asked for.

    Raises:
        DataError: not a TAR archive, a damaged or cut off one, or one with too many members.
    """
    told: dict[str, str] = {}
    while (block := stream.read(_BLOCK)).strip(b"\0"):
        info = _header(block, path)
        part = _Part(stream, info.size, path)
        if info.type in {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, _LONG_NAME, b"K", b"g"}:
            content = part.read(_MOST_HEADER)
            if info.type == _LONG_NAME:
                told["path"] = shown_name(content.rstrip(b"\0"))
            elif info.type in {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}:
                told |= _pax(content)
            part.skip()
            continue
        if info.type == tarfile.GNUTYPE_SPARSE and block[_MORE_SPARSE]:
            while stream.read(_BLOCK)[504:505] not in {b"\0", b""}:
                pass
        if told.get("size", "").isdecimal():
            part = _Part(stream, int(told["size"][:20]), path)
        name = told.get("path") or shown_name(info.name)
        told = {}
        if info.type in _FILES or info.type == tarfile.GNUTYPE_SPARSE:
            budget.member()
            yield from _member(part, name, path, budget)
        part.skip()


def _member(part: _Part, name: str, path: str, budget: Budget) -> Iterator[Member | Unreadable]:
    inside = f"{path}!/{shown_name(name)}"
    ration = Ration(inside, budget, part.size)
    try:
        yield member_of(
            unpacked("stored", io.BufferedReader(part), ration), shown_name(name), budget.limits
        )
    except DataError as error:
        yield Unreadable(inside, error)


def _header(block: bytes, path: str) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError, UnicodeError) as error:
        raise DataError("not a TAR archive, or a damaged one", where=path) from error
    if info.size < 0:
        raise DataError("the TAR archive is damaged", where=path)
    return info


def _pax(content: bytes) -> dict[str, str]:
    """Read records such as `18 path=some/name` and a line end; what is damaged is passed over."""
    told, at = {}, 0
    while at < len(content):
        length, _, _ = content[at : at + 20].partition(b" ")
        if not length.isdigit() or int(length) <= len(length):
            break
        record = content[at + len(length) + 1 : at + int(length) - 1]
        key, _, value = record.partition(b"=")
        told[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        at += int(length)
    return told


class _Part(io.RawIOBase):
    """The bytes of one entry; skipping goes to where the next header stands."""

    def __init__(self, stream: BinaryIO, size: int, path: str) -> None:
        super().__init__()
        self.size = size
        self._stream, self._path = stream, path
        self._left, self._padding = size, -size % _BLOCK

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer.

        Raises:
            DataError: the archive ends before the entry does.
        """
        view = memoryview(buffer).cast("B")
        most = min(len(view), self._left)
        piece = self._stream.read(most) if most else b""
        if len(piece) < most and not piece:
            raise DataError("the archive is cut off", where=self._path)
        view[: len(piece)] = piece
        self._left -= len(piece)
        return len(piece)

    def skip(self) -> None:
        """Pass over what wasn't read, and the padding."""
        left = self._left + self._padding
        self._left = self._padding = 0
        while left:
            piece = self._stream.read(min(left, _SKIP_BYTES))
            if not piece:
                raise DataError("the archive is cut off", where=self._path)
            left -= len(piece)
