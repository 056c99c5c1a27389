"""Blanks what parts words without being ASCII, in the bytes of UTF-8, place by place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.compiled import compiled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SPACE, _ASCII = 0x20, 0x80


@compiled
def blank(data: NDArray[np.uint8], parts: NDArray[np.uint8], blanked: NDArray[np.uint8]) -> int:
    """Write spaces over every character that parts words; return how many there are.

    Args:
        data: uint8 [n], UTF-8. What isn't UTF-8 is left as it is.
        parts: uint8 [65536 / 8], a bit for every character of the Basic Multilingual Plane.
        blanked: uint8 [n], a copy of `data` in which they are written, or [0] to count alone.
    """
    found, at, end = 0, 0, len(data)
    while at < end:
        lead = data[at]
        if lead < _ASCII:
            at += 1
            continue
        length = 1 if lead < 0xC2 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4  # noqa: PLR2004 - UTF-8
        if length == 1 or at + length > end:
            at += 1
            continue
        char = lead & (0x7F >> length)
        for i in range(at + 1, at + length):
            char = char << 6 | data[i] & 0x3F
        # Beyond the Basic Multilingual Plane stand pictures and rare letters: pictures are many.
        parting = 0x1F000 <= char < 0x20000 if char > 0xFFFF else parts[char >> 3] >> (char & 7) & 1  # noqa: PLR2004
        if parting:
            if len(blanked):
                blanked[at : at + length] = _SPACE
            found += 1
        at += length
    return found
