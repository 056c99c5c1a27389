"""The workspace's lock: one writer at a time, and the next one is told who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import time
from typing import TYPE_CHECKING

from strongroom.errors import WorkspaceError
from strongroom.files import user_errors
from strongroom.store._codec import now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLL_SECONDS = 0.1
_MAX_BYTES = 512


@contextlib.contextmanager
def locked(path: Path, verb: str, wait: float) -> Iterator[None]:
    """Hold the lock at `path` for the block; the kernel lets go of it when the process dies.

    Args:
        path: the lock file; made if it isn't there, never removed.
        verb: what we are doing, for others to read.
        wait: seconds to wait for another holder.

    Raises:
        WorkspaceError: held by another for longer than `wait`, or the place is read-only.
    """
    with user_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + wait
        while not _try(descriptor):
            if time.monotonic() >= deadline:
                raise WorkspaceError(
                    f"the workspace is in use by {_holder(descriptor)}",
                    where=str(path.parent),
                    hint="wait for it to finish, or give --wait SECONDS",
                )
            time.sleep(_POLL_SECONDS)
        with user_errors(path):
            # Written in place: the lock belongs to this file, a renamed one would be another.
            os.ftruncate(descriptor, 0)
            word = verb.replace("\n", " ")
            text = f"pid {os.getpid()} ({word}) on {platform.node()} since {now()[:19]}Z\n"
            os.pwrite(descriptor, text.encode()[:_MAX_BYTES], 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    text = os.pread(descriptor, _MAX_BYTES, 0).decode(errors="replace").split("\n")[0]
    return text if text.startswith("pid ") and text.isprintable() else "another process"
