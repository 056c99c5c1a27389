"""What counts only beside a word of its context is walked only there.

Most rules of foreign countries are such: a number of so many digits says nothing without a word
that names it. The pass over the bytes leaves the places where one might begin; here they are held
against the words that it met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.compiled import borrowing
from strongroom.discover.engine._kernels_bits import lowest
from strongroom.discover.engine._kernels_search import (
    END,
    ENDS,
    GROUPS,
    MOST_GROUPS,
    ROW_OF,
    START,
    U,
    walked_from,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BEFORE, AFTER = 56, 16
"""How many bytes before a span and after it a word of context lies in, as a whole."""


@borrowing
def search_beside(  # noqa: PLR0917
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    pending: NDArray[np.int64],
    at: int,
    waiting: int,
    words: NDArray[np.int64],
    known: int,
    searched: int,
    asks: NDArray[np.int64],
    everywhere: int,
    longest: int,
    moves: NDArray[np.int32],
    classes: NDArray[np.int32],
    starts: NDArray[np.int32],
    beyond: NDArray[np.uint8],
    sure: NDArray[np.uint8],
    groups: NDArray[np.int64],
    events: NDArray[np.int64],
    steps: NDArray[np.int64],
) -> tuple[int, int]:
    """Walk from pending starts that stand near a word for their groups, until `events` is full.

    Args:
        data: uint8, the texts one after the other.
        offsets: int64 [rows + 1], where each begins.
        pending: int64 [p, 4], see `search`; by place.
        at: the one to begin with.
        waiting: how many there are.
        words: int64 [m, 3], words of context, by place.
        known: how many there are.
        searched: how far words are known; what may have one behind it is walked.
        asks: int64 [words], the groups that each word speaks for.
        everywhere: the groups that the name of the column speaks for.
        longest: bytes of the longest span that is looked for here.
        moves: int32, automata, see `Shelf`.
        classes: int32 [automata, 256].
        starts: int32 [automata].
        beyond: uint8 [sets, 257], see `search`.
        sure: uint8 [sets].
        groups: int64 [groups].
        events: int64 [k, 6]; filled.
        steps: int64 [1], steps walked so far; changed.

    Returns:
        The pending start to go on with, and how many events there are.
    """
    n, walked, far = 0, steps[0], AFTER + longest
    room = len(events) - (MOST_GROUPS + 1) * ENDS
    while at < waiting and n < room:
        row, i = pending[at, ROW_OF], pending[at, START]
        met, mask = pending[at, END], pending[at, GROUPS]
        at += 1
        wanted = everywhere
        if i + far >= searched:
            wanted = mask
        j = met - 1
        while j >= 0 and words[j, 0] >= i - BEFORE:
            wanted |= asks[words[j, 2]]
            j -= 1
        j = met
        while j < known and words[j, 0] <= i + far:
            wanted |= asks[words[j, 2]]
            j += 1
        wanted &= mask
        hi = offsets[row + 1]
        while wanted:
            g = lowest(U(wanted))
            wanted &= wanted - 1
            n, end = walked_from(
                data, row, i, min(hi, i + longest), hi, groups[g], moves, classes, starts,
                beyond, sure, met, events, n,
            )  # fmt: skip
            walked += end - i
    steps[0] = walked
    return at, n
