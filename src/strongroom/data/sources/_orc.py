"""ORC, read by Arrow in a process of its own: one small file may unfold into any memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from strongroom.data._apart import apart, on_disk
from strongroom.data.sources._columnar import batches_of
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.data._apart import Answers
    from strongroom.data.sources._document import Batch, Limits

_REFUSED = {
    -1: "not ORC, or a damaged or encrypted file of it",
    -2: "this ORC file needs more memory than it is given",
}
_APART = Path(__file__).with_name("_orc_apart.py")


def read_orc(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the rows of an ORC file.

    Raises:
        DataError: not ORC, damaged, encrypted, or too much for memory or time.
    """
    with (
        on_disk(stream, path, limits.buffer_bytes) as file,
        apart(_APART, file, path=path) as answers,
    ):
        try:
            yield from batches_of(_tables(answers, path))
        except (pa.ArrowException, ValueError) as error:
            raise answers.broken() from error


def _tables(answers: Answers, path: str) -> Iterator[pa.Table]:
    while (size := int(answers.line())) > 0:
        with pa.ipc.open_stream(answers.read(size)) as reader:
            yield reader.read_all()
    if size < 0:
        raise DataError(_REFUSED[size], where=path)
