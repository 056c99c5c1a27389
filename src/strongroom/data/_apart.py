"""A process of its own for what is not Python and reads strangers' files.

A script beside its caller gets the file as an open descriptor and answers on its standard output.
It bounds its own memory and time; that it dies, or is silent for too long, is an error of that
file and ends nothing else.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING, BinaryIO

from strongroom.data._patient import whole
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE_SECONDS = 120
_MOST_BYTES = 1 << 28
_AT_ONCE = 1 << 20


@contextlib.contextmanager
def apart(script: Path, file: BinaryIO, *arguments: str, path: str) -> Iterator[Answers]:
    """Run a script on a file, and end it when the block ends.

    Args:
        script: gets the number of the descriptor, then the arguments.
        file: has a descriptor.
        arguments: what the script is to do.
        path: for messages.
    """
    descriptor = file.fileno()
    process = subprocess.Popen(  # noqa: S603 - our own script, in our own Python
        [sys.executable, "-I", str(script), str(descriptor), *arguments],
        pass_fds=[descriptor],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
    )
    try:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        yield Answers(process.stdout, path)
    finally:
        process.kill()
        process.communicate()


class Answers:
    """What a process says, waited for.

    Raises:
        DataError: from each method: it was silent for too long, ended early, or said too much.
    """

    def __init__(self, stream: IO[bytes], path: str) -> None:
        self._descriptor, self._path = stream.fileno(), path
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._descriptor, selectors.EVENT_READ)
        self._waiting = bytearray()

    def line(self) -> bytes:
        """Return up to the next line end."""
        seen = 0
        while (end := self._waiting.find(b"\n", seen)) < 0:
            seen = len(self._waiting)
            self._more(seen)
        return self._taken(end + 1)

    def read(self, size: int) -> bytes:
        """Return so many bytes."""
        while len(self._waiting) < size:
            self._more(size)
        return self._taken(size)

    def broken(self) -> DataError:
        """Return the error of a process that didn't do what it should."""
        return DataError(
            "can't be read to its end: damaged, or it takes too much memory", where=self._path
        )

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        return taken

    def _more(self, size: int) -> None:
        if not 0 <= size <= _MOST_BYTES:
            raise self.broken()
        if not self._selector.select(_PATIENCE_SECONDS):
            raise DataError(
                f"a part of it took more than {_PATIENCE_SECONDS} s: the rest was not read",
                where=self._path,
            )
        fresh = os.read(self._descriptor, _AT_ONCE)
        if not fresh:
            raise self.broken()
        self._waiting += fresh


@contextlib.contextmanager
def on_disk(stream: BinaryIO, path: str, most: int) -> Iterator[BinaryIO]:
    """Give a stream as a file with a descriptor; in memory where it has none.

    Args:
        stream: what shall be handed over.
        path: for messages.
        most: bytes that may be held in memory.

    Raises:
        DataError: it has more.
    """
    with contextlib.suppress(OSError, AttributeError):
        stream.fileno()
        yield stream
        return
    content = whole(stream, most + 1)
    if len(content) > most:
        raise DataError(
            f"a file of this kind of more than {most >> 20:,} MiB inside another file",
            where=path,
            hint="unpack it and scan the file itself",
        )
    with nameless() as file:
        file.write(content)
        file.seek(0)
        yield file


def nameless() -> BinaryIO:
    """Return a file without a name: in memory on Linux, elsewhere removed when closed."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("strongroom"), "w+b")  # noqa: PTH123 - has no path
    return tempfile.TemporaryFile()
