"""PDF: the text of each page, and what hides in forms, comments, links and properties.

A record is a page, in order, so that the number of a record is that of its page; fields follow.
Pages without text that are pictures are read by OCR where that is installed. PDFium works in a
process of its own (`_pdf_apart.py`): the files are strangers' and it is not Python.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import mmap
import os
import selectors
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from strongroom.data.documents._metadata import xmp_fields
from strongroom.data.documents._ocr import can_read_pictures, read_page
from strongroom.data.documents._records import batches, member_of, shown_name
from strongroom.data.documents._unpack import Ration, unpacked
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from strongroom.data.sources._document import Batch, Budget, Limits, Member, Unreadable

_APART = Path(__file__).with_name("_pdf_apart.py")
_PATIENCE_SECONDS = 120
_MOST_FRAME, _MOST_HEAD, _MOST_PACKETS = 1 << 28, 1 << 16, 16
_ERRORS = {
    "password": ("protected by a password", "save it without one and scan that"),
    "damaged": ("not a PDF, or a damaged one", None),
}


def read_pdf(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the pages of a PDF, and then its fields.

    Raises:
        DataError: damaged, protected by a password, or too much for memory or time; or the extra
            `documents` isn't installed.
    """
    notes: list[str] = []
    with _on_disk(stream, path, limits) as file:
        yield from batches(_pieces(file, path, limits, notes), limits, notes)


def pdf_members(stream: BinaryIO, path: str, budget: Budget) -> Iterator[Member | Unreadable]:
    """Yield the files attached to a PDF.

    Raises:
        DataError: there is too much of it.
    """
    with (
        _on_disk(stream, path, budget.limits) as file,
        contextlib.closing(_frames(file, path, "files")) as found,
    ):
        while True:
            try:
                told, content = next(found)
            except (StopIteration, DataError):
                # What is wrong with the file, whoever reads its pages says.
                return
            budget.member()
            name = shown_name(str(told.get("name", "")))
            ration = Ration(f"{path}!/{name}", budget, packed=len(content))
            stored = unpacked("stored", io.BytesIO(content), ration)
            yield member_of(stored, name, budget.limits)


def _pieces(
    file: BinaryIO, path: str, limits: Limits, notes: list[str]
) -> Iterator[tuple[str, bool]]:
    read = limits.ocr and can_read_pictures()
    pictures, unread = 0, 0
    for told, content in _frames(file, path, "text+pictures" if read else "text"):
        if told["kind"] == "picture":
            height, width, stride = (int(told[side]) for side in ("height", "width", "stride"))
            rows = np.frombuffer(content, np.uint8).reshape(height, stride)
            yield read_page(rows[:, :width]), True
            continue
        pictures += bool(told.get("pictured"))
        unread += told["kind"] == "unread"
        yield content.decode("utf-8", "replace"), True
    if pictures:
        notes.append(f"{pictures:,} pages are pictures, whose text was not read")
    if unread:
        notes.append(f"{unread:,} pages are damaged and were not read")
    for name, value in _packets(file):
        yield f"{name}: {value}", True


def _packets(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield what XMP says, which other programs write plainly into a PDF."""
    if not os.fstat(file.fileno()).st_size:
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield from xmp_fields(content, _MOST_PACKETS)


@contextlib.contextmanager
def _on_disk(stream: BinaryIO, path: str, limits: Limits) -> Iterator[BinaryIO]:
    """Give the stream as a file with a descriptor; in memory where it has none.

    Raises:
        DataError: too large to be held in memory.
    """
    with contextlib.suppress(OSError, AttributeError):
        stream.fileno()
        yield stream
        return
    content = stream.read(limits.buffer_bytes + 1)
    if len(content) > limits.buffer_bytes:
        raise DataError(
            f"a PDF of more than {limits.buffer_bytes >> 20:,} MiB inside another file",
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


def _frames(
    file: BinaryIO, path: str, wish: str
) -> Generator[tuple[dict[str, Any], bytes], None, None]:
    """Yield what the process apart sends.

    Raises:
        DataError: it says so, was ended, was silent for too long, or what it needs isn't installed.
    """
    if importlib.util.find_spec("pypdfium2") is None:
        # No MissingExtraError: the file is one of many, and the scan goes on.
        raise DataError(
            "a PDF needs pypdfium2, which is not installed",
            where=path,
            hint='pip install "strongroom[documents]"',
        )
    descriptor = file.fileno()
    process = subprocess.Popen(  # noqa: S603 - our own script, in our own Python
        [sys.executable, "-I", str(_APART), str(descriptor), wish],
        pass_fds=[descriptor],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
    )
    try:
        pipe = _Patient(process, path)
        while True:
            told = json.loads(pipe.line())
            content = pipe.read(int(told.pop("size", 0)))
            if told["kind"] == "done":
                return
            if told["kind"] == "error":
                what, hint = _ERRORS[told["what"]]
                raise DataError(what, where=path, hint=hint)
            yield told, content
    except (ValueError, KeyError) as error:
        raise _broken(path) from error
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


class _Patient:
    """Reads from a process that may say nothing any more.

    Raises:
        DataError: it was silent for too long, or ended before it was done.
    """

    def __init__(self, process: subprocess.Popen[bytes], path: str) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        self._descriptor, self._path = process.stdout.fileno(), path
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._descriptor, selectors.EVENT_READ)
        self._waiting = bytearray()

    def line(self) -> bytes:
        """Return up to the next line end."""
        while (end := self._waiting.find(b"\n")) < 0:
            if len(self._waiting) > _MOST_HEAD:
                raise _broken(self._path)
            self._more()
        return self._taken(end + 1)

    def read(self, size: int) -> bytes:
        """Return so many bytes."""
        if not 0 <= size <= _MOST_FRAME:
            raise _broken(self._path)
        while len(self._waiting) < size:
            self._more()
        return self._taken(size)

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        return taken

    def _more(self) -> None:
        if not self._selector.select(_PATIENCE_SECONDS):
            raise DataError(
                f"a page took more than {_PATIENCE_SECONDS} s: the rest was not read",
                where=self._path,
            )
        fresh = os.read(self._descriptor, 1 << 20)
        if not fresh:
            raise _broken(self._path)
        self._waiting += fresh


def _broken(path: str) -> DataError:
    return DataError(
        "the PDF can't be read to its end: damaged, or it takes too much memory", where=path
    )
