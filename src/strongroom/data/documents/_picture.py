"""Pictures: what their files say, field by field, and the text that is seen in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from strongroom.data.documents._metadata import picture_fields
from strongroom.data.documents._records import batches
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.data.sources._document import Batch, Limits


def read_picture(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the fields of a picture (`Artist: …`), then the lines of text in it.

    Text is read where the extra `ocr` is installed and `limits.ocr` asks for it.

    Raises:
        DataError: too large to be held in memory.
    """
    content = stream.read(limits.buffer_bytes + 1)
    if len(content) > limits.buffer_bytes:
        raise DataError(
            f"a picture of more than {limits.buffer_bytes >> 20:,} MiB isn't read", where=path
        )
    notes: list[str] = []
    pieces = ((f"{name}: {value}", True) for name, value in picture_fields(content))
    yield from batches(pieces, limits, notes)
