"""What the tests of documents share: reading a file, or bytes, to its end."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from strongroom.data.documents import OPENERS, READERS, UNPACKERS
from strongroom.data.sources import Budget, Limits, Member, Unreadable
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.data.sources import Batch

FILES = Path(__file__).parents[1] / "data" / "documents"
WITHOUT_OCR = Limits(ocr=False)


class Forward(io.BytesIO):
    """Bytes that come once, as out of a pipe or an archive."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def batches(form: str, content: bytes, limits: Limits = WITHOUT_OCR) -> Iterator[Batch]:
    return READERS[form](io.BytesIO(content), "a file", limits)


def records(form: str, content: bytes, limits: Limits = WITHOUT_OCR) -> list[str]:
    """Return whole records, put together again where they were cut; places must agree."""
    found: list[str] = []
    for batch in batches(form, content, limits):
        rows = batch.table["text"].to_pylist()
        if batch.offset:
            assert batch.first_row == len(found) - 1
            assert batch.offset == len(found[-1])
            found[-1] += rows.pop(0)
        else:
            assert batch.first_row == len(found)
        found += rows
    return found


def notes(form: str, content: bytes) -> list[str]:
    return [note for batch in batches(form, content) for note in batch.notes]


def members(form: str, content: bytes, limits: Limits = WITHOUT_OCR) -> dict[str, bytes | str]:
    """Return name to content of what lies inside; to what is wrong with it where it can't be."""
    found: dict[str, bytes | str] = {}
    for member in OPENERS[form](io.BytesIO(content), "a file", Budget(limits, "a file")):
        if isinstance(member, Unreadable):
            found[member.path] = member.error.what
            continue
        try:
            content = member.open().read()
        except DataError as error:
            found[member.name] = error.what
            continue
        assert content.startswith(member.head)
        found[member.name] = content
    return found


def drained(stream: BinaryIO) -> None:
    """Read a stream to its end."""
    while stream.read(1 << 20):
        pass


def first(found: Iterator[Member | Unreadable]) -> Member:
    member = next(found)
    assert isinstance(member, Member)
    return member


def unpacked(form: str, content: bytes, limits: Limits = WITHOUT_OCR) -> bytes:
    return UNPACKERS[form](Forward(content), "a file", Budget(limits, "a file")).read()
