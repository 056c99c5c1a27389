"""Pictures: what their files say, field by field, and the text that is seen in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from strongroom.data._patient import whole
from strongroom.data.documents._metadata import picture_fields
from strongroom.data.documents._ocr import can_read_pictures, frames, read_page
from strongroom.data.documents._records import batches
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.data.sources._document import Batch, Limits

_MOST_SAID = 1 << 24


def read_picture(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the fields of a picture (`Artist: …`), then the text in it as one record.

    Text is read where the extra `ocr` is installed and `limits.ocr` asks for it.

    Raises:
        DataError: too large to be held in memory.
    """
    content = whole(stream, limits.buffer_bytes + 1)
    if len(content) > limits.buffer_bytes:
        raise DataError(
            f"a picture of more than {limits.buffer_bytes >> 20:,} MiB isn't read", where=path
        )
    notes: list[str] = []
    yield from batches(_pieces(content, path, limits, notes), limits, notes)


def _pieces(
    content: bytes, path: str, limits: Limits, notes: list[str]
) -> Iterator[tuple[str, bool]]:
    said = 0
    for name, value in picture_fields(content):
        said += len(value)
        if said > _MOST_SAID:
            notes.append("the picture's file says more than is read")
            break
        yield f"{name}: {value}", True
    if not (limits.ocr and can_read_pictures()):
        notes.append("text in the picture was not read")
        return
    try:
        for image in frames(content, path):
            if text := read_page(image):
                yield text, True
    except DataError as error:
        # What was said so far stays said.
        notes.append(f"text in the picture was not read: {error.what}")
