"""Writes characters as ASCII's that look or mean like them, and remembers where each stood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.compiled import compiled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ASCII, _GONE = 0x80, 1


@compiled
def otherwise(
    data: NDArray[np.uint8], leads: NDArray[np.bool_], instead: NDArray[np.uint8]
) -> bool:
    """Say whether anything would be written otherwise.

    Args:
        data: uint8 [n], UTF-8.
        leads: bool [256], whether such a character may begin with a byte.
        instead: see `write`.
    """
    for at in range(len(data) - 1):
        if leads[data[at]]:
            char = data[at] & 0x1F if data[at] < 0xE0 else data[at] & 0x0F  # noqa: PLR2004 - UTF-8
            char = char << 6 | data[at + 1] & 0x3F
            if data[at] >= 0xE0 and at + 2 < len(data):  # noqa: PLR2004
                char = char << 6 | data[at + 2] & 0x3F
            if instead[char]:
                return True
    return False


@compiled
def write(
    data: NDArray[np.uint8],
    instead: NDArray[np.uint8],
    written: NDArray[np.uint8],
    places: NDArray[np.int64],
) -> int:
    """Copy a text with one byte in place of some characters; return how long the copy is.

    Args:
        data: uint8 [n], UTF-8. What isn't UTF-8 is copied as it is.
        instead: uint8 [65536], by character: its byte, 0 to leave it, 1 to leave it out.
        written: uint8 [n], the copy.
        places: int64 [n + 1], where in the data each byte of the copy stood, and where it ended.
    """
    made, at, end = 0, 0, len(data)
    while at < end:
        lead = data[at]
        length = 1 if lead < 0xC2 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4  # noqa: PLR2004 - UTF-8
        byte = 0
        if 1 < length < 4 and at + length <= end:  # noqa: PLR2004 - the Basic Multilingual Plane
            char = lead & (0x7F >> length)
            for i in range(at + 1, at + length):
                char = char << 6 | data[i] & 0x3F
            byte = instead[char]
        if not byte:
            length = 1
            byte = lead
        if byte != _GONE or lead < _ASCII:
            written[made], places[made] = byte, at
            made += 1
        at += length
    places[made] = end
    return made
