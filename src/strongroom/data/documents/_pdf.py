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
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from strongroom.data._apart import apart, on_disk
from strongroom.data.documents._metadata import xmp_fields
from strongroom.data.documents._ocr import can_read_pictures, read_page
from strongroom.data.documents._records import batches, member_of, shown_name
from strongroom.data.documents._unpack import Ration, unpacked
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from strongroom.data.sources._document import Batch, Budget, Limits, Member, Unreadable

_APART = Path(__file__).with_name("_pdf_apart.py")
_MOST_PACKETS = 16
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
    with on_disk(stream, path, limits.buffer_bytes) as file:
        yield from batches(_pieces(file, path, limits, notes), limits, notes)


def pdf_members(stream: BinaryIO, path: str, budget: Budget) -> Iterator[Member | Unreadable]:
    """Yield the files attached to a PDF.

    Raises:
        DataError: there is too much of it.
    """
    with (
        on_disk(stream, path, budget.limits.buffer_bytes) as file,
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
    with apart(_APART, file, wish, path=path) as answers:
        try:
            while True:
                told = json.loads(answers.line())
                content = answers.read(int(told.pop("size", 0)))
                if told["kind"] == "done":
                    return
                if told["kind"] == "error":
                    what, hint = _ERRORS[told["what"]]
                    raise DataError(what, where=path, hint=hint)
                yield told, content
        except (ValueError, KeyError) as error:
            raise answers.broken() from error
