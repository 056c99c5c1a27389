"""Words end at “quotes”, dashes and emoji too: rules know ASCII's marks, so the others are blanked.

The bytes keep their places: what is found in the blanked text stands there in the text. What rules
name themselves is left in: the apostrophe of O’Neil, the dash of 3–5, º and °. Scripts that put no
space between words are looked at twice: as they are, since words of theirs are words of context,
and blanked, since a number or an address may touch any letter.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAMED_BY_RULES = "’–º°ª"
# Kana, Han, Hangul.
_UNSPACED = ((0x3040, 0x3100), (0x3400, 0x4DC0), (0x4E00, 0xA000), (0xAC00, 0xD7B0),
             (0xF900, 0xFB00))  # fmt: skip
_MANY = 0x80


def parted(texts: pa.Array) -> list[pa.Array]:
    """Return texts with spaces in place of what parts words and isn't ASCII.

    Args:
        texts: large strings.

    Returns:
        One column, the same if all is ASCII; a second one, with unspaced scripts blanked as well,
        if there are such. The bytes of both have the places of the first.
    """
    content = texts.buffers()[2] if len(texts) else None
    data = np.frombuffer(content or b"", np.uint8)
    if not len(data) or data.max() < _MANY:
        return [texts]
    marks, all_of_it = data.copy(), data.copy()
    from strongroom.discover._kernels_marks import blank

    few, many = blank(marks, _parting(unspaced=False)), blank(all_of_it, _parting(unspaced=True))
    first = _with(texts, marks) if few else texts
    return [first, _with(texts, all_of_it)] if many > few else [first]


def _with(texts: pa.Array, data: NDArray[np.uint8]) -> pa.Array:
    buffers = [*texts.buffers()[:2], pa.py_buffer(data)]
    count, nulls, offset = len(texts), texts.null_count, texts.offset
    return pa.Array.from_buffers(texts.type, count, buffers, nulls, offset)


@cache
def _parting(*, unspaced: bool) -> NDArray[np.uint8]:
    """Return a bit for each character up to U+FFFF: marks, symbols, spaces, unspaced scripts."""
    bits = np.zeros(0x10000, np.uint8)
    for code in range(_MANY, 0x10000):
        category = unicodedata.category(chr(code))
        bits[code] = category[0] in "PSZ" or category == "Cf"
    for first, end in _UNSPACED:
        bits[first:end] |= unspaced
    bits[[ord(char) for char in _NAMED_BY_RULES]] = 0
    return np.packbits(bits, bitorder="little")
