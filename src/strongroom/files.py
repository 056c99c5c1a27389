"""The one way to write a file: beside, fsync, rename. A reader never sees half of it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from strongroom.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}

TEMPORARY_PREFIX = ".strongroom-tmp-"


@contextlib.contextmanager
def user_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's complaints about `path` into a `WorkspaceError`.

    Raises:
        WorkspaceError: the disk is full, the place is read-only or not ours, or doesn't exist.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise WorkspaceError(
                "the disk is full; nothing was changed",
                where=str(path),
                hint="free some space and run the same command again: it continues",
            ) from error
        if error.errno in _READ_ONLY:
            raise WorkspaceError(
                "cannot write here", where=str(path), hint="check the owner and mode of the folder"
            ) from error
        if isinstance(error, IsADirectoryError):
            raise WorkspaceError("cannot write here: this is a folder", where=str(path)) from error
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise WorkspaceError("cannot write here: no such folder", where=str(path)) from error
        if isinstance(error, FileExistsError):
            raise WorkspaceError("a file is in the way", where=str(path)) from error
        raise


@contextlib.contextmanager
def atomic_writer(path: Path | str, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """Open a file for writing that appears at `path` whole, or not at all.

    The bytes go to a temporary file in the same folder, are flushed to disk, and the file is
    renamed over `path` when the block ends without an exception; the folder is flushed too, so
    that the rename survives a power cut.

    Args:
        path: where the file shall be.
        mode: its permission bits (use 0o600 for keys).

    Raises:
        WorkspaceError: see `user_errors`.
    """
    path = Path(path)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    with user_errors(path):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        fsync_folder(path.parent)


def write_bytes(path: Path | str, content: bytes, *, mode: int = 0o644) -> None:
    """Write `content` to `path` atomically (see `atomic_writer`)."""
    with atomic_writer(path, mode=mode) as stream:
        stream.write(content)


def remove_leftovers(*folders: Path) -> None:
    """Remove the temporary files that a kill left below folders where nobody else writes now."""
    for folder in folders:
        for path in folder.rglob(f"{TEMPORARY_PREFIX}*"):
            with user_errors(path):
                path.unlink(missing_ok=True)


def fsync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
