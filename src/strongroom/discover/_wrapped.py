"""Sentences that go on over the rows of a text: mail, notes and manuals are broken at a width.

A row goes on in the next if the first word there had no room left in it. That says something where
many rows do so and many behind begin with a small letter, as in prose; rows of logs, lists and
tables are by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.discover._bytes import bytes_of

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from strongroom.discover._hits import Hits

_NARROW, _WIDE = 40, 130
_FULL = 90  # percentile of the lengths that is the width: some rows hold a word wider than it
_LONGEST_WORD = 24
_MOST = 0.4  # of pairs of rows: mail and licences have 0.5 to 1, logs, code and records up to 0.3
_FEWEST = 3
_SMALL = 1 / 3


def goes_on(texts: pa.Array) -> NDArray[np.bool_]:
    """Say of each row of a text whether its sentence goes on in the next row.

    Args:
        texts: large strings, lines of a text in their order.
    """
    none = np.zeros(len(texts), np.bool_)
    if len(texts) <= _FEWEST:
        return none
    length = _numbers(pc.utf8_length(texts))
    filled = length > 0
    width = np.percentile(length[filled], _FULL) if filled.any() else 0
    if not _NARROW <= width <= _WIDE:
        return none
    begun = pc.ascii_ltrim(texts, " ").fill_null("")
    text = _numbers(pc.utf8_length(begun))
    space = _numbers(pc.find_substring(begun, " "))
    word = np.where(space < 0, text, space)[1:]
    indent = length - text
    pairs = filled[:-1] & filled[1:]
    room = (width - length[:-1] - 1 < word) & (indent[:-1] >= indent[1:])
    full = pairs & room & (word > 0) & (word <= _LONGEST_WORD)
    if full.sum() < max(_FEWEST, _MOST * pairs.sum()):
        return none
    data, offsets = bytes_of(begun)
    first = data[offsets[1:-1][full]]
    small = (first >= ord("a")) & (first <= ord("z"))
    return np.append(full, False) if small.sum() > _SMALL * len(first) else none


def _numbers(values: pa.Array) -> NDArray[np.int64]:
    found: NDArray[np.int64] = values.fill_null(0).to_numpy(zero_copy_only=False)
    return found


@dataclass(frozen=True)
class Paragraphs:
    """Rows of a text put together up to an empty one.

    Attributes:
        texts: large strings; where a row ended stands a space if its sentence went on, or else a
            line break.
        begins: int64 [rows + 1], where each row begins in the bytes of all.
        indents, lengths: int64 [rows], spaces before each row's words, and bytes to their end.
        first: int64 [len(texts)], the first row of each.
    """

    texts: pa.Array
    begins: NDArray[np.int64]
    indents: NDArray[np.int64]
    lengths: NDArray[np.int64]
    first: NDArray[np.int64]

    @classmethod
    def of(cls, texts: pa.Array) -> Self | None:
        """Put rows together; None if no sentence goes on, so that every row is by itself."""
        on = goes_on(texts)
        if not on.any():
            return None
        texts = texts.fill_null("")
        whole, behind, upto = (
            _numbers(pc.binary_length(some))
            for some in (texts, *(trim(texts, " ") for trim in (pc.ascii_ltrim, pc.ascii_rtrim)))
        )
        joined = np.append((whole[:-1] > 0) & (whole[1:] > 0), False)
        ends = pa.array(np.where(on, " ", np.where(joined, "\n", "")), pa.large_string())
        spaced = pc.binary_join_element_wise(texts, ends, pa.scalar("", pa.large_string()))
        data, begins = bytes_of(spaced)
        first = np.flatnonzero(np.append(True, ~joined[:-1]))
        places = np.append(begins[first], begins[-1])
        made = pa.Array.from_buffers(
            pa.large_string(), len(first), [None, pa.py_buffer(places), pa.py_buffer(data)]
        )
        return cls(made, begins, whole - behind, upto, first)

    def in_rows(self, hits: Hits) -> Hits:
        """Return hits in the paragraphs as hits in rows: one for each row that a hit lies in."""
        base = self.begins[self.first[hits.row]]
        start, end = base + hits.start, base + hits.end
        low, high = (np.searchsorted(self.begins, at, "right") - 1 for at in (start, end - 1))
        hit = np.repeat(np.arange(len(hits)), high - low + 1)
        row = low[hit] + np.arange(len(hit)) - np.searchsorted(hit, hit)
        begin = self.begins[row]
        start = np.maximum(start[hit] - begin, self.indents[row])
        end = np.minimum(end[hit] - begin, self.lengths[row])
        kept = np.flatnonzero(start < end)
        return replace(hits.take(hit[kept]), row=row[kept], start=start[kept], end=end[kept])
