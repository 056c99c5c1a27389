"""What is known and not read here: each says why, and what to do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from strongroom.data.sources._document import Batch, Limits, Reader

_CHUNK_BYTES = 1 << 20
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def read_ole(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Say what a file in Microsoft's old container is.

    Raises:
        DataError: always.
    """
    before, left = b"", limits.buffer_bytes
    while left > 0 and (chunk := stream.read(_CHUNK_BYTES)):
        if _ENCRYPTED in before + chunk:
            raise DataError(
                "protected by a password", where=path, hint="save it without one and scan that"
            )
        before, left = chunk[-len(_ENCRYPTED) :], left - len(chunk)
    raise DataError(
        "a file of an old Office program, or an Outlook message, which isn't read here",
        where=path,
        hint="save it as .docx, .pptx, .xlsx or .eml",
    )


def _refuse(what: str, _: BinaryIO, path: str, __: Limits) -> Iterator[Batch]:
    raise DataError(
        f"{what} archives aren't read here", where=path, hint="unpack it and scan what comes out"
    )


REFUSED: Mapping[str, Reader] = {
    "ole": read_ole,
    "7z": partial(_refuse, "7z"),
    "rar": partial(_refuse, "RAR"),
}
