"""The bytes under a column of strings, without a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


def bytes_of(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of large strings or binaries, uint8, and where each begins, int64 [n + 1].

    A slice shares the bytes of the whole: its own are those from the first place to the last.
    """
    _, offsets, content = texts.buffers()
    places = np.frombuffer(offsets or b"", np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(content or b"", np.uint8)
    return data, places if len(places) else np.zeros(1, np.int64)
