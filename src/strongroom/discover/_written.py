"""Values that are written with other spaces, hyphens and digits are read as if with ASCII's.

Typesetters and word processors put no-break and narrow spaces into numbers and names, hyphens that
don't break, soft ones that aren't seen; East Asian text has digits of full width, and other scripts
digits of their own. Rules and the model of names see the plain writing; what they find is told by
places in the text as it is.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from strongroom.discover._bytes import bytes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.discover._hits import Hits

_MANY, _GONE = 0x80, 1
_HYPHENS = "\u2010\u2011\u2012\u2212\ufe58\ufe63"
_UNSEEN = "\u00ad\u2060"
_FULL_WIDTH = range(0xFF01, 0xFF5F)


@dataclass(frozen=True)
class Written:
    """Texts in plain writing, and the way back.

    Attributes:
        texts: large strings.
        places: int64, where in the bytes of the texts as they are each byte of these stood; None if
            they are the same.
        plain: large strings, the texts as they are.
    """

    texts: pa.Array
    places: NDArray[np.int64] | None
    plain: pa.Array

    def back(self, hits: Hits) -> Hits:
        """Return what was found here by its places in the texts as they are."""
        if self.places is None or not len(hits):
            return hits
        data, offsets = bytes_of(self.plain)
        _, here = bytes_of(self.texts)
        shift = offsets[hits.row] - offsets[0]
        first = here[hits.row] + hits.start
        # Its end is that of its last character: what is left out behind it is no part of it.
        last = self.places[here[hits.row] + hits.end - 1]
        lead = data[offsets[0] + last]
        length = 1 + (lead >= 0xC2).astype(np.int64) + (lead >= 0xE0) + (lead >= 0xF0)  # noqa: PLR2004 - UTF-8
        return replace(hits, start=self.places[first] - shift, end=last + length - shift)


def written(texts: pa.Array) -> Written:
    """Return texts as if their spaces, hyphens and digits were ASCII's; nulls stay.

    Args:
        texts: large strings. They are the same, and no copy, where nothing is written otherwise.
    """
    whole, offsets = bytes_of(texts)
    data = whole[offsets[0] : offsets[-1]]
    if data.max(initial=0) < _MANY:
        return Written(texts, None, texts)
    from strongroom.discover._kernels_written import otherwise, write

    instead, leads = _instead()
    if not otherwise(data, leads, instead):
        return Written(texts, None, texts)
    copy, places = np.empty(len(data), np.uint8), np.empty(len(data) + 1, np.int64)
    made = write(data, instead, copy, places)
    places = places[: made + 1]
    begins = np.searchsorted(places, offsets - offsets[0])
    valid = None
    if texts.null_count:
        told = texts.is_valid().to_numpy(zero_copy_only=False)
        valid = pa.py_buffer(np.packbits(told, bitorder="little"))
    buffers = [valid, pa.py_buffer(begins.astype(np.int64)), pa.py_buffer(copy[:made])]
    found = pa.Array.from_buffers(texts.type, len(texts), buffers, texts.null_count)
    return Written(found, places, texts)


@cache
def _instead() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return what stands for each character up to U+FFFF, and the bytes that such begin with."""
    instead = np.zeros(0x10000, np.uint8)
    for code in range(_MANY, 0x10000):
        char = chr(code)
        if unicodedata.category(char) == "Zs":
            instead[code] = ord(" ")
        elif (digit := unicodedata.decimal(char, -1)) >= 0:
            instead[code] = ord("0") + digit
        elif code in _FULL_WIDTH:
            instead[code] = code - _FULL_WIDTH.start + ord("!")
        elif char in _HYPHENS:
            instead[code] = ord("-")
        elif char in _UNSEEN:
            instead[code] = _GONE
    leads = np.zeros(256, np.bool_)
    leads[[chr(code).encode()[0] for code in np.flatnonzero(instead).tolist()]] = True
    return instead, leads
