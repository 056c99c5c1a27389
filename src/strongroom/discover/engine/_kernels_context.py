"""Words of context: which one stands somewhere, and which starts stand near enough to one.

Most rules of foreign countries count only beside a word: a number of so many digits says nothing
without one that names it. The places where such a rule might begin are kept ("pending"); those that
have a word for it near them are walked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import borrowing, inlined
from strongroom.discover.engine._kernels_bits import eight, letters, lowest
from strongroom.discover.engine._kernels_walk import GROUPS, KNOWN, ROW_OF, START

if TYPE_CHECKING:
    from numpy.typing import NDArray

BEFORE, AFTER = 56, 16
"""How many bytes before a span and after it a word of context lies in, as a whole."""
KEY, LENGTH, TAIL, NUMBER = range(4)
"""A row of `lexicon`: first eight bytes, length, where the others stand in `tails`, and number."""
LETTER, UNDERSCORE = 1, 2
"""What `kinds` says of a byte: a letter or digit or part of what isn't ASCII; else 0."""
_ONE, _FOLD = np.uint64(1), np.uint64(0x2020202020202020)
_FACTOR, _WORD_SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(52)
_EIGHT = 8


@inlined
def word_at(
    data: NDArray[np.uint8],
    at: int,
    length: int,
    first: int,
    used: NDArray[np.uint8],
    lexicon: NDArray[np.int64],
    tails: NDArray[np.uint8],
) -> int:
    """Return the number of the word of some rule's context that stands here, or -1.

    Args:
        data: the text.
        at: where the word begins.
        length: its bytes.
        first: the eight bytes there.
        used: uint8 [slots], which rows of the lexicon are taken.
        lexicon: int64 [slots, 4].
        tails: what long words have behind their eighth byte.
    """
    key = first | _FOLD
    if length < _EIGHT:
        key &= (_ONE << np.uint64(8 * length)) - _ONE
    slot = np.int64((key * _FACTOR) >> _WORD_SHIFT)
    while used[slot]:
        if np.uint64(lexicon[slot, KEY]) == key and lexicon[slot, LENGTH] == length:
            tail = lexicon[slot, TAIL] - _EIGHT
            same = True
            for i in range(_EIGHT, length):
                same = same and (data[at + i] | 32) == tails[tail + i]
            if same:
                return int(lexicon[slot, NUMBER])
        slot = (slot + 1) & (len(used) - 1)
    return -1


@borrowing
def meet(
    data: NDArray[np.uint8],
    tail: NDArray[np.uint8],
    tail_at: int,
    offsets: NDArray[np.int64],
    row: int,
    asking: NDArray[np.int64],
    many: int,
    used: NDArray[np.uint8],
    lexicon: NDArray[np.int64],
    tails: NDArray[np.uint8],
    words: NDArray[np.int64],
    known: int,
) -> int:
    """Look at the places where words of context may stand.

    Args:
        data: uint8, the texts one after the other.
        tail: uint8, the end of them, and zeros, see `search`.
        tail_at: where it begins.
        offsets: int64 [rows + 1], where each begins.
        row: one that doesn't begin after the first place.
        asking: int64 [p], the places.
        many: how many there are.
        used: uint8 [slots], see `word_at` here and below.
        lexicon: int64 [slots, 4].
        tails: uint8.
        words: int64 [m, 3], start, end and number of words of context; filled.
        known: how many there are.

    Returns:
        How many there are now.
    """
    for at in range(many):
        i = asking[at]
        while offsets[row + 1] <= i:
            row += 1
        text, place = (data, i) if i < tail_at else (tail, i - tail_at)
        # A text's last word ends there, whatever the next one begins with.
        length = min(lowest(~letters(text, place)), offsets[row + 1] - i)
        number = word_at(data, i, length, eight(text, place), used, lexicon, tails)
        words[known, 0], words[known, 1], words[known, 2] = i, i + length, number
        known += number >= 0
    return known


@borrowing
def beside(
    pending: NDArray[np.int64],
    waiting: int,
    words: NDArray[np.int64],
    known: int,
    searched: int,
    asks: NDArray[np.int64],
    everywhere: int,
    longest: int,
) -> int:
    """Keep the pending walks that begin near a word for their groups.

    Args:
        pending: int64 [p, 4], by place, see `_kernels_walk`; those that are kept come first.
        waiting: how many there are.
        words: int64 [m, 3], words of context, by place.
        known: how many there are.
        searched: how far words are known; what may have one behind it is walked.
        asks: int64 [words], the groups that each word speaks for.
        everywhere: the groups that the name of the column speaks for.
        longest: bytes of the longest span that is looked for here.

    Returns:
        How many are kept.
    """
    kept, far = 0, AFTER + longest
    for at in range(waiting):
        i, met, mask = pending[at, START], pending[at, KNOWN], pending[at, GROUPS]
        wanted = mask if i + far >= searched else everywhere
        j = met - 1
        while j >= 0 and words[j, 0] >= i - BEFORE:
            wanted |= asks[words[j, 2]]
            j -= 1
        j = met
        while j < known and words[j, 0] <= i + far:
            wanted |= asks[words[j, 2]]
            j += 1
        pending[kept, ROW_OF], pending[kept, START] = pending[at, ROW_OF], i
        pending[kept, KNOWN], pending[kept, GROUPS] = met, wanted & mask
        kept += (wanted & mask) != 0
    return kept
