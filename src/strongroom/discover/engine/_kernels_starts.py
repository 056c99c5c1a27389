"""Makes walks of places where something may begin, and events of anchors.

Greedy rules are walked here and now, since their spans hide what else would start inside of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import borrowing
from strongroom.discover.engine._kernels_bits import letters, lowest, numeric
from strongroom.discover.engine._kernels_search import AT
from strongroom.discover.engine._kernels_search import GROUPS as MAY_BEGIN
from strongroom.discover.engine._kernels_walk import (
    END,
    ENDS,
    GROUPS,
    KNOWN,
    MOST_GROUPS,
    ROW_OF,
    START,
    VISITED,
    WHAT,
    WORD,
    U,
    fair,
    walked_from,
)
from strongroom.discover.engine._sieve import SHAPE

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS_KEPT = 32
"""The words that the next window is given again: more never stand near one place."""
ROW, REACH, COVERS, PENDING, WALKS = range(5)
"""Where this stands: the row; how far the last greedy span reaches; how many of these spans,
pending walks and walks there are."""
NEXT, RULE, AHEAD_OF = range(3)
"""A row of `anchors`: the next one at the same byte, its rule, the automaton from the byte on."""

_ONE, _ALL = np.uint64(1), np.int64(-1)
_ZERO, _NINE = b"09"


@borrowing
def begin(  # noqa: PLR0917
    data: NDArray[np.uint8],
    tail: NDArray[np.uint8],
    tail_at: int,
    offsets: NDArray[np.int64],
    places: NDArray[np.int64],
    at: int,
    many: int,
    words: NDArray[np.int64],
    known: int,
    standing: NDArray[np.int64],
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
    beyond: NDArray[np.uint8],
    sure: NDArray[np.uint8],
    groups: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    glue: NDArray[np.int64],
    shapes: NDArray[np.int64],
    first_words: NDArray[np.int64],
    literal: int,
    eager: int,
    anywhere: int,
    contextual: int,
    covers: NDArray[np.int64],
    pending: NDArray[np.int64],
    walks: NDArray[np.int64],
    events: NDArray[np.int64],
    steps: NDArray[np.int64],
) -> tuple[int, int]:
    """Go through places, until `events` is full.

    Args:
        data: uint8, the texts one after the other.
        tail: uint8, the end of them, and zeros, see `search`.
        tail_at: where it begins.
        offsets: int64 [rows + 1], where each begins.
        places: int64 [p, 2], see `search`.
        at: the one to begin with.
        many: how many there are.
        words: int64 [m, 3], words of context, by place.
        known: how many there are.
        standing: int64 [5], changed.
        moves: int32, rows of automata, see `walk_all` here and below.
        classes: uint8 [automata, 256].
        starts: int32 [automata].
        beyond: uint8 [sets, 257].
        sure: uint8 [sets].
        groups: int64 [groups].
        kinds: uint8 [256], `LETTER`, `UNDERSCORE` or 0.
        glue: int64 [256], the groups that never start at a digit that this byte joins to another.
        shapes: int64 [2**14], the groups that may start with bytes of a shape, see `shapes_of`.
        first_words: int64 [65], the groups that may start with so many letters and digits.
        literal: the groups that start with one of few words.
        eager: those of which a span hides what starts inside of it, but what is literal.
        anywhere: the groups that may begin inside a word.
        contextual: those that count only beside a word of their context.
        covers: int64 [p + 1, 2], spans of greedy rules; filled.
        pending: int64 [p, 4], walks for `beside`; filled.
        walks: int64 [p, 4]; filled.
        events: int64 [k, 6], k > `MOST_GROUPS` times `ENDS`; filled.
        steps: int64 [1], steps walked so far; changed.

    Returns:
        The place to go on with, and how many events there are.
    """
    begun, row, reach = offsets[0], standing[ROW], standing[REACH]
    covering, waiting, walking = standing[COVERS], standing[PENDING], standing[WALKS]
    n, walked, met = 0, steps[0], 0
    room = len(events) - MOST_GROUPS * ENDS
    while at < many and n < room:
        i, begins = places[at, AT], places[at, MAY_BEGIN]
        at += 1
        while offsets[row + 1] <= i:
            row += 1
        lo, hi = offsets[row], offsets[row + 1]
        # Few branches: they couldn't be foreseen. A text's end is neither letter nor digit.
        text, place = (data, i) if i < tail_at else (tail, i - tail_at)
        seen = (_ONE << U(min(hi - i, SHAPE))) - _ONE
        alive = letters(text, place)
        shape = (numeric(text, place) & seen) | ((alive & seen) << U(SHAPE))
        begins &= shapes[shape] & first_words[min(lowest(~alive), hi - i)]
        begins &= literal | anywhere if i < reach else _ALL
        if i > lo:
            before = data[U(i - 1)]
            number = _ZERO <= data[U(i)] <= _NINE and _ZERO <= data[U(max(i - 2, lo))] <= _NINE
            joined = number and i - 1 > lo and not kinds[before]
            begins &= (anywhere if kinds[before] else _ALL) & ~(glue[before] if joined else 0)
        if not begins:
            continue
        while met < known and words[met, 0] <= i:
            met += 1
        pending[waiting, ROW_OF], pending[waiting, START] = row, i
        pending[waiting, KNOWN], pending[waiting, GROUPS] = met, begins & contextual
        waiting += (begins & contextual) != 0
        begins &= ~contextual
        walks[walking, ROW_OF], walks[walking, START] = row, i
        walks[walking, KNOWN], walks[walking, GROUPS] = met, begins & ~eager
        walking += (begins & ~eager) != 0
        begins &= eager
        before_it = reach
        while begins:
            earlier = n
            n, end = walked_from(
                data, row, i, min(hi, i + fair(walked, i - begun)), hi, groups[lowest(U(begins))],
                moves, classes, starts, beyond, sure, met, events, n,
            )  # fmt: skip
            begins &= begins - 1
            walked += end - i
            if n > earlier:
                reach = max(reach, events[n - 1, END])
        covers[covering, 0], covers[covering, 1] = i, reach
        covering += reach > before_it
    standing[ROW], standing[REACH], standing[COVERS] = row, reach, covering
    standing[PENDING], standing[WALKS] = waiting, walking
    steps[0] = walked
    return at, n


@borrowing
def anchor(  # noqa: PLR0917
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    row: int,
    anchored: NDArray[np.int64],
    at: int,
    many: int,
    words: NDArray[np.int64],
    known: int,
    covers: NDArray[np.int64],
    covering: int,
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
    anchor_at: NDArray[np.int16],
    anchors: NDArray[np.int64],
    events: NDArray[np.int64],
) -> tuple[int, int]:
    """Make events of anchors that no greedy span covers, until `events` is full.

    Args:
        data: uint8, the texts one after the other.
        offsets: int64 [rows + 1], where each begins.
        row: one that doesn't begin after the first anchor.
        anchored: int64 [p], where anchors stand.
        at: the one to begin with.
        many: how many there are.
        words: int64 [m, 3], words of context, by place.
        known: how many there are.
        covers: int64 [p, 2], spans of greedy rules, by place.
        covering: how many there are.
        moves: int32, rows of automata, see `Shelf` here and below.
        classes: uint8 [automata, 256].
        starts: int32 [automata].
        anchor_at: int16 [256], the first row of `anchors` for a byte, or -1.
        anchors: int64 [anchors, 3].
        events: int64 [k, 6], k > anchors; filled.

    Returns:
        The anchor to go on with, and how many events there are.
    """
    n, met, cover, reach = 0, 0, 0, np.int64(-1)
    while at < many and n < len(events) - len(anchors):
        i = anchored[at]
        at += 1
        while cover < covering and covers[cover, 0] < i:
            reach = max(reach, covers[cover, 1])
            cover += 1
        if i < reach:
            continue
        while offsets[row + 1] <= i:
            row += 1
        while met < known and words[met, 0] <= i:
            met += 1
        one = np.int64(anchor_at[data[U(i)]])
        while one >= 0 and i + 1 < offsets[row + 1]:
            # What may follow the byte is asked first: a full stop rarely is a domain's dot.
            follows = anchors[one, AHEAD_OF]
            move = abs(np.int64(moves[starts[follows] + classes[follows, data[U(i)]]]))
            if moves[move + classes[follows, data[U(i + 1)]]]:
                events[n, ROW_OF], events[n, START], events[n, END] = row, i, i + 1
                events[n, WHAT], events[n, WORD] = ~anchors[one, RULE], met
                events[n, VISITED] = n
                n += 1
            one = anchors[one, NEXT]
    return at, n
