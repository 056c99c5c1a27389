"""Spreadsheets of other kinds, .xls, .xlsb and .ods, read by calamine in a process of its own.

A sheet is read as text of what the cells hold; the memory and time of that process are bounded.
"""

from __future__ import annotations

import importlib.util
import json
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from strongroom.data._apart import apart, nameless
from strongroom.data._dataset import Kind
from strongroom.data._patient import whole
from strongroom.data.sources._document import Document, Limits, Unreadable
from strongroom.data.sources._sheets import batches_of_sheet
from strongroom.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from strongroom.data._apart import Answers
    from strongroom.data.sources._document import Batch

_APART = Path(__file__).with_name("_old_sheets_apart.py")
_OLE, _DIRECTORY = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 1 << 14
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def old_tables(
    opened: Callable[[], BinaryIO], place: str, path: str, version: str, limits: Limits
) -> Iterator[Document | Unreadable]:
    """Yield the sheets of a spreadsheet (see `Tables` for the arguments)."""
    if importlib.util.find_spec("python_calamine") is None:
        missing = MissingExtraError("python-calamine", "spreadsheets")
        yield Unreadable(path, DataError(missing.what, where=path, hint=missing.hint))
        return
    try:
        file = _held(opened, place, path, limits)
        with _lines(file, path) as lines:
            sheets = [told["sheet"] for told in lines if isinstance(told, dict)]
    except DataError as error:
        yield Unreadable(path, error)
        return
    for name in sheets:
        yield Document(
            path if len(sheets) == 1 else f"{path}#{name}",
            Kind.TABLE,
            "spreadsheet",
            partial(_read, file, path, name),
            None,
            f"{version}#{name}" if version else "",
        )


def _read(file: BinaryIO, path: str, sheet: str) -> Iterator[Batch]:
    with _lines(file, path) as lines:
        for told in lines:
            if told == {"sheet": sheet}:
                break
        yield from batches_of_sheet(_rows(lines), path)


def _rows(lines: Iterator[Any]) -> Iterator[list[Any]]:
    for told in lines:
        if not isinstance(told, list):
            return
        yield told


def _held(opened: Callable[[], BinaryIO], place: str, path: str, limits: Limits) -> BinaryIO:
    """Return the file, or a nameless one with its bytes: it has to be handed over.

    Raises:
        DataError: it is too large to be held, or protected by a password.
    """
    if place:
        file: BinaryIO = Path(place).open("rb")  # noqa: SIM115 - it is handed over
    else:
        file = nameless()
        with opened() as stream:
            content = whole(stream, limits.buffer_bytes + 1)
        if len(content) > limits.buffer_bytes:
            raise DataError(
                f"larger than {limits.buffer_bytes >> 20:,} MiB inside another file",
                where=path,
                hint="unpack it and scan the file itself",
            )
        file.write(content)
        file.flush()
    if is_encrypted(file):
        raise protected(path)
    return file


def is_encrypted(file: BinaryIO) -> bool:
    """Tell the container in which Office puts what a password protects.

    Its directory of names begins at a sector that the header tells ([MS-CFB] 2.2).
    """
    file.seek(0)
    head = file.read(512)
    if not head.startswith(_OLE) or len(head) < 512:  # noqa: PLR2004 - the header
        return False
    sector = int.from_bytes(head[48:52], "little")
    file.seek((sector + 1) << min(int.from_bytes(head[30:32], "little"), 12))
    names = file.read(_DIRECTORY)
    file.seek(0)
    return _ENCRYPTED in names


def protected(path: str) -> DataError:
    """Say that a password is needed."""
    return DataError(
        "protected by a password", where=path, hint="save a copy without one and scan that"
    )


@contextmanager
def _lines(file: BinaryIO, path: str) -> Iterator[Iterator[Any]]:
    """Run the process apart and give what it says.

    Raises:
        DataError: it could not read the file, or took too much.
    """
    file.seek(0)
    with apart(_APART, file, path=path) as answers:
        yield _told(answers, path)


def _told(answers: Answers, path: str) -> Iterator[Any]:
    while (told := json.loads(answers.line())) != "done":
        if told == "password":
            raise protected(path)
        yield told
