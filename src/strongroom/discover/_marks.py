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

from strongroom.discover._bytes import bytes_of

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
    whole, offsets = bytes_of(texts)
    data = whole[offsets[0] : offsets[-1]]
    if data.max(initial=0) < _MANY:
        return [texts]
    few, marks = _blanked(data, _parting(unspaced=False))
    many, all_of_it = _blanked(data, _parting(unspaced=True))
    first = _with(texts, marks) if few else texts
    return [first, _with(texts, all_of_it)] if many > few else [first]


def _blanked(data: NDArray[np.uint8], parts: NDArray[np.uint8]) -> tuple[int, NDArray[np.uint8]]:
    """Return how many characters part words, and the bytes with spaces there."""
    from strongroom.discover._kernels_marks import blank

    # Most texts beyond ASCII have letters alone there: memory is what a copy costs.
    count = blank(data, parts, np.empty(0, np.uint8))
    if not count:
        return 0, data
    copy = data.copy()
    return blank(data, parts, copy), copy


def _with(texts: pa.Array, data: NDArray[np.uint8]) -> pa.Array:
    """Return texts with other bytes in the places of theirs."""
    places = bytes_of(texts)[1]
    valid = None
    if texts.null_count:
        bits = np.packbits(texts.is_valid().to_numpy(zero_copy_only=False), bitorder="little")
        valid = pa.py_buffer(bits)
    buffers = [valid, pa.py_buffer(places - places[0]), pa.py_buffer(data)]
    return pa.Array.from_buffers(texts.type, len(texts), buffers, texts.null_count)


@cache
def _parting(*, unspaced: bool) -> NDArray[np.uint8]:
    """Return a bit for each character up to U+FFFF: marks, spaces, controls, unspaced scripts."""
    bits = np.zeros(0x10000, np.uint8)
    for code in range(_MANY, 0x10000):
        category = unicodedata.category(chr(code))
        bits[code] = category[0] in "PSZ" or category in {"Cc", "Cf"}
    for first, end in _UNSPACED:
        bits[first:end] |= unspaced
    bits[[ord(char) for char in _NAMED_BY_RULES]] = 0
    return np.packbits(bits, bitorder="little")
