"""Paths, folders, patterns, addresses and standard input, as files that can be opened."""

from __future__ import annotations

import contextlib
import errno
import glob
import io
import os
import stat
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from strongroom.data.sources._document import PassedOver, Unreadable
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import WriteableBuffer

# What tools keep below folders of people's own files. Name such a folder itself to have it read.
KEPT_BY_TOOLS = frozenset({
    ".git", ".hg", ".svn", ".bzr", ".jj", "node_modules", "bower_components", "__pycache__",
    ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis",
    ".gradle", ".terraform", ".strongroom",
})  # fmt: skip
_PATTERN = "*?["
# Of what has vanished, and of links that lead nowhere or in a circle: no data.
_NOTHING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE})


@dataclass(frozen=True)
class File:
    """Bytes that somebody named, or that lie below a folder that somebody named.

    Attributes:
        path: as the user named it, or that with what lies below; bytes of it that are no text are
            escaped.
        open: gives the bytes from their beginning.
        size: in bytes, where known.
        version: tells that it is unchanged; empty if that can't be told.
        named: whether the user named this file itself.
        place: where it lies on this machine's disk, if it does.
    """

    path: str
    open: Callable[[], BinaryIO]
    size: int | None = None
    version: str = ""
    named: bool = True
    place: str = ""


def find_files(
    path: str, *, skip: frozenset[str] = KEPT_BY_TOOLS
) -> Iterator[File | Unreadable | PassedOver]:
    """Yield the file at `path`, those below it, or those that it matches, in order of their names.

    Links are followed, and every folder is walked once however many lead to it.

    Args:
        path: a file, a folder, a pattern (`data/**/*.csv`), an address that fsspec knows
            (`s3://…`), or `-` for standard input.
        skip: names of folders below it that are passed over.
    """
    if path == "-":
        yield File("-", _standard_input)
    elif "://" in path or "::" in path:
        from strongroom.data.sources._remote import find_remote

        yield from find_remote(path)
    elif any(mark in path for mark in _PATTERN) and not _exists(path):
        matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - as it was named
        if not matches:
            said = _said(path)
            yield Unreadable(said, DataError("no file matches this pattern", where=said))
        for match in matches:
            if not (Path(match).is_dir() and "**" in path):
                yield from _local(match, skip)
    else:
        yield from _local(path, skip)


def _local(path: str, skip: frozenset[str]) -> Iterator[File | Unreadable | PassedOver]:
    try:
        about = Path(path).stat()
    except (OSError, ValueError) as error:
        yield Unreadable(_said(path), cannot_read(error, path))
        return
    if stat.S_ISDIR(about.st_mode):
        yield from _below(path, skip)
    elif stat.S_ISREG(about.st_mode):
        yield _regular(path, about, named=True)
    else:
        # What a shell makes of <(command); read once, as standard input.
        yield File(_said(path), partial(open_local, path))


def _below(top: str, skip: frozenset[str]) -> Iterator[File | Unreadable | PassedOver]:
    """Walk a folder, without recursion: folders may lie deeper than Python can call."""
    walked: set[tuple[int, int]] = set()
    waiting = [top]
    while waiting:
        path = waiting.pop()
        try:
            about = Path(path).stat()
        except OSError as error:
            if error.errno not in _NOTHING:
                yield Unreadable(_said(path), cannot_read(error, path))
            continue
        if stat.S_ISREG(about.st_mode):
            yield _regular(path, about, named=False)
        elif stat.S_ISDIR(about.st_mode) and (about.st_dev, about.st_ino) not in walked:
            walked.add((about.st_dev, about.st_ino))
            if path != top and Path(path).name in skip:
                yield PassedOver(_said(path), "a folder that a tool keeps")
                continue
            try:
                names = sorted(os.listdir(path), reverse=True)  # noqa: PTH208 - names only
            except OSError as error:
                yield Unreadable(_said(path), cannot_read(error, path, "folder"))
                continue
            waiting += [os.path.join(path, name) for name in names]  # noqa: PTH118 - as it was named


def _regular(path: str, about: os.stat_result, *, named: bool) -> File:
    version = f"{about.st_size}:{about.st_mtime_ns}:{about.st_ctime_ns}"
    with contextlib.suppress(OSError):
        # Of a database, which has what changed beside it for a while.
        beside = Path(f"{path}-wal").stat()
        version += f":{beside.st_size}:{beside.st_mtime_ns}"
    opened = partial(open_local, path)
    return File(_said(path), opened, about.st_size, version, named=named, place=path)


def open_local(path: str) -> BinaryIO:
    """Open a file; what is added to it from now on isn't read.

    Raises:
        DataError: it can't be opened.
    """
    try:
        raw = open(path, "rb", buffering=0)  # noqa: PTH123, SIM115 - the caller closes it
    except (OSError, ValueError) as error:
        raise cannot_read(error, path) from error
    about = os.fstat(raw.fileno())
    if not stat.S_ISREG(about.st_mode):
        return io.BufferedReader(raw)
    return io.BufferedReader(_Steady(raw, about.st_size), 1 << 16)


def cannot_read(error: Exception, path: str, what: str = "file") -> DataError:
    """Say that the operating system doesn't let us read something, and why."""
    path = _said(path)
    if isinstance(error, FileNotFoundError):
        return DataError("no such file", where=path, hint="check the path and its spelling")
    why = getattr(error, "strerror", None) or "its name or content can't be"
    return DataError(f"cannot read the {what}: {why}", where=path)


def _said(path: str) -> str:
    """Return a path as text: names on disk may be any bytes."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")


class _Steady(io.RawIOBase):
    """A file that ends where it ended when it was opened: a log may grow faster than it is read."""

    def __init__(self, raw: io.FileIO, size: int) -> None:
        self._raw, self._size = raw, size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        left = max(0, self._size - self._raw.tell())
        return self._raw.readinto(view[:left]) or 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            offset, whence = self._size + offset, io.SEEK_SET
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


def _exists(path: str) -> bool:
    return os.path.lexists(path)


class Once(io.RawIOBase):
    """A stream that is read forward, once: what was read of it already, then the rest.

    The rest stays open: it isn't ours.
    """

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        part = self._head[: len(view)] or self._rest.read(len(view))
        self._head = self._head[len(view) :]
        view[: len(part)] = part
        return len(part)


def _standard_input() -> BinaryIO:
    return io.BufferedReader(Once(b"", sys.stdin.buffer))
