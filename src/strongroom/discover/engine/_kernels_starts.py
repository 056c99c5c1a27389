"""Makes of places where something may begin: words of context, walks, anchors, and what is pending.

Greedy rules are walked here and now, since their spans hide what else would start inside of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import borrowing
from strongroom.discover.engine._kernels_bits import eight, letters, lowest, numeric
from strongroom.discover.engine._kernels_context import word_at
from strongroom.discover.engine._kernels_search import ANCHOR, AT, GROUPS, WORD
from strongroom.discover.engine._kernels_walk import (
    END,
    ENDS,
    GROUP,
    KNOWN,
    MOST_GROUPS,
    ROW_OF,
    START,
    VISITED,
    WHAT,
    U,
    fair,
    walked_from,
)
from strongroom.discover.engine._kernels_walk import WORD as WORDS_THEN
from strongroom.discover.engine._sieve import SHAPE

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS_KEPT = 32
"""The words that the next call is given again: more never stand near one place."""
ROW, REACH, WORDS, PENDING, WALKS = range(5)
"""Where this stands: the row; how far the last greedy span reaches; how many words, pending starts
and walks there are."""
NEXT, RULE, AHEAD_OF = range(3)
"""A row of `anchors`: the next one at the same byte, its rule, the automaton from the byte on."""

_ONE = np.uint64(1)
_ZERO, _NINE = b"09"


@borrowing
def begin(  # noqa: C901, PLR0912, PLR0914, PLR0915, PLR0917 - one list, one loop
    data: NDArray[np.uint8],
    tail: NDArray[np.uint8],
    tail_at: int,
    offsets: NDArray[np.int64],
    places: NDArray[np.int64],
    at: int,
    many: int,
    standing: NDArray[np.int64],
    moves: NDArray[np.int32],
    classes: NDArray[np.int32],
    starts: NDArray[np.int32],
    beyond: NDArray[np.uint8],
    sure: NDArray[np.uint8],
    groups: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    glue: NDArray[np.int64],
    shapes: NDArray[np.int64],
    literal: int,
    eager: int,
    anywhere: int,
    contextual: int,
    anchor_at: NDArray[np.int16],
    anchors: NDArray[np.int64],
    around: NDArray[np.uint8],
    used: NDArray[np.uint8],
    lexicon: NDArray[np.int64],
    tails: NDArray[np.uint8],
    words: NDArray[np.int64],
    pending: NDArray[np.int64],
    walks: NDArray[np.int64],
    events: NDArray[np.int64],
    steps: NDArray[np.int64],
) -> tuple[int, int]:
    """Go through places, until an array is full.

    Args:
        data: uint8, the texts one after the other.
        tail: uint8, the end of them, and zeros, see `search`.
        tail_at: where it begins.
        offsets: int64 [rows + 1], where each begins.
        places: int64 [p, 2], see `search`.
        at: the one to begin with.
        many: how many there are.
        standing: int64 [5], changed.
        moves: int32, automata, see `walk_all` here and below.
        classes: int32 [automata, 256].
        starts: int32 [automata].
        beyond: uint8 [sets, 257].
        sure: uint8 [sets].
        groups: int64 [groups].
        kinds: uint8 [256], `LETTER`, `UNDERSCORE` or 0.
        glue: int64 [256], the groups that never start at a digit that this byte joins to another.
        shapes: int64 [2**14], the groups that may start with bytes of a shape, see `shapes_of`.
        literal: the groups that start with one of few words.
        eager: those of which a span hides what starts inside of it, but what is literal.
        anywhere: the groups that may begin inside a word.
        contextual: those that count only beside a word of their context.
        anchor_at: int16 [256], the first row of `anchors` for a byte, or -1.
        anchors: int64 [anchors, 3].
        around: uint8 [256], what may stand behind any anchor's byte.
        used: uint8 [slots], see `word_at` here and below.
        lexicon: int64 [slots, 4].
        tails: uint8.
        words: int64 [m, 3], start, end and number of words of context; filled.
        pending: int64 [p, 4]; filled.
        walks: int64 [w, 4], w > `MOST_GROUPS`; filled.
        events: int64 [k, 6], k > `MOST_GROUPS` times `ENDS`, and anchors; filled.
        steps: int64 [1], steps walked so far; changed.

    Returns:
        The place to go on with, and how many events there are.
    """
    begun, row, reach = offsets[0], standing[ROW], standing[REACH]
    known, waiting, walking = standing[WORDS], standing[PENDING], standing[WALKS]
    n, walked = 0, steps[0]
    room = len(events) - MOST_GROUPS * ENDS - len(anchors)
    while (
        at < many and n < room and known < len(words) and waiting < len(pending)
        and walking < len(walks) - MOST_GROUPS
    ):  # fmt: skip
        i, what, begins = places[at, AT] >> 2, places[at, AT] & 3, places[at, GROUPS]
        at += 1
        while offsets[row + 1] <= i:
            row += 1
        lo, hi = offsets[row], offsets[row + 1]
        if i < reach:
            begins &= literal | anywhere
            what &= WORD
        text, place = (data, i) if i < tail_at else (tail, i - tail_at)
        if what & WORD:
            # A text's last word ends there, whatever the next one begins with.
            length = min(lowest(~letters(text, place)), hi - i)
            number = word_at(data, i, length, eight(text, place), used, lexicon, tails)
            if number >= 0:
                words[known, 0], words[known, 1], words[known, 2] = i, i + length, number
                known += 1
        if begins:
            # A text's end is neither letter nor digit.
            seen = (_ONE << U(min(hi - i, SHAPE))) - _ONE
            shape = numeric(text, place) & seen
            begins &= shapes[shape | ((letters(text, place) & seen) << U(SHAPE))]
        if begins and i > lo:
            before = data[U(i - 1)]
            if kinds[before]:
                begins &= anywhere
            elif i - 1 > lo and glue[before] & begins:  # noqa: SIM102 - the line would be long
                if _ZERO <= data[U(i)] <= _NINE and _ZERO <= data[U(i - 2)] <= _NINE:
                    begins &= ~glue[before]
        if begins & contextual:
            pending[waiting, ROW_OF], pending[waiting, START] = row, i
            pending[waiting, KNOWN], pending[waiting, GROUP] = known, begins & contextual
            waiting += 1
            begins &= ~contextual
        while begins:
            g = lowest(U(begins))
            begins &= begins - 1
            if (eager >> g) & 1:
                earlier = n
                n, end = walked_from(
                    data, row, i, min(hi, i + fair(walked, i - begun)), hi, groups[g], moves,
                    classes, starts, beyond, sure, known, events, n,
                )  # fmt: skip
                walked += end - i
                if n > earlier:
                    reach = max(reach, events[n - 1, END])
            else:
                walks[walking, ROW_OF], walks[walking, START] = row, i
                walks[walking, KNOWN], walks[walking, GROUP] = known, g
                walking += 1
        if what & ANCHOR and i + 1 < hi and around[data[U(i + 1)]]:
            anchor = np.int64(anchor_at[data[U(i)]])
            while anchor >= 0:
                # What may follow the byte is asked first: a full stop rarely is a domain's dot.
                follows = anchors[anchor, AHEAD_OF]
                move = abs(np.int64(moves[starts[follows] + classes[follows, data[U(i)]]]))
                if moves[move + classes[follows, data[U(i + 1)]]]:
                    events[n, ROW_OF], events[n, START], events[n, END] = row, i, i + 1
                    events[n, WHAT], events[n, WORDS_THEN] = ~anchors[anchor, RULE], known
                    events[n, VISITED] = n
                    n += 1
                anchor = anchors[anchor, NEXT]
    standing[ROW], standing[REACH], standing[WORDS] = row, reach, known
    standing[PENDING], standing[WALKS] = waiting, walking
    steps[0] = walked
    return at, n
