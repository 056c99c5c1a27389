"""Walks the automata of unions of rules from where they may begin: what ends where ("events")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import borrowing, inlined
from strongroom.discover.engine._kernels_bits import lowest

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 16_384
"""Bytes of the longest span or lead."""
ENDS = 64
"""Of one start, at least half as many of the longest ends are kept."""
MOST_GROUPS = 62
ROW_OF, START, END, WHAT, WORD, VISITED = range(6)
"""An event: its row; where it starts and ends; the set that accepts or, if negative, ~the rule of
an anchor; how many words were known by then; and which walk it comes from."""
KNOWN, GROUPS = 2, 3
"""A walk: `ROW_OF` and `START` as an event, how many words were known by then, and the groups that
are walked there."""
NOWHERE = 256
"""The byte behind a text, for `beyond`."""
_ONE = np.uint64(1)
U = np.uint64  # places as these are never taken for places from the end
# A text made to be slow: past this many steps a byte, a walk goes only so far.
FAIR_STEPS, FAIR_WALK, FAIR_START = 64, 256, 1 << 16


@inlined
def _halved(events: NDArray[np.int64], n: int, first: int) -> int:
    """Forget the earlier half of the ends of a start whose events begin at `first`."""
    for i in range(first, n - ENDS // 2):
        for field in range(events.shape[1]):
            events[i, field] = events[i + ENDS // 2, field]
    return n - ENDS // 2


@inlined
def walked_from(  # noqa: PLR0917
    data: NDArray[np.uint8],
    row: int,
    begin: int,
    to: int,
    hi: int,
    automaton: int,
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
    beyond: NDArray[np.uint8],
    sure: NDArray[np.uint8],
    known: int,
    events: NDArray[np.int64],
    n: int,
) -> tuple[int, int]:
    """Walk a union of patterns from one place; write where its sets end to `events` from `n` on.

    Args:
        data: the texts.
        row: the number of the text.
        begin: where to begin.
        to: where to stop.
        hi: where the text ends.
        automaton: which union.
        moves: see `Shelf` here and below.
        classes: the column of each byte.
        starts: first rows.
        beyond: uint8 [sets, 257], what may stand behind the end of each set of patterns.
        sure: uint8 [sets], of which only the longest end is wanted.
        known: how many words of context are known.
        events: int64 [k, 6].
        n: how many there are.

    Returns:
        How many there are now, and where the walk ended.
    """
    end, earlier, which = begin, n, U(automaton)
    state = U(starts[which])
    while True:
        move = np.int32(1)
        while end < to:
            move = moves[state + U(classes[which, data[U(end)]])]
            end += 1
            if move <= 0:
                break
            state = U(move)
        if move >= 0:
            return n, end
        state = U(-np.int64(move))
        what = U(moves[state])
        if beyond[what, U(data[U(end)]) if end < hi else U(NOWHERE)]:
            if n > earlier and sure[what] and events[n - 1, WHAT] == np.int64(what):
                n -= 1
            elif n - earlier == ENDS:
                n = _halved(events, n, earlier)
            events[n, ROW_OF], events[n, START], events[n, END] = row, begin, end
            events[n, WHAT], events[n, WORD] = np.int64(what), known
            events[n, VISITED] = earlier
            n += 1


@inlined
def fair(steps: int, read: int) -> int:
    """Return how far a walk may go after so many steps in so many bytes."""
    return FAIR_WALK if steps > FAIR_START + FAIR_STEPS * read else LONGEST


@borrowing
def walk_all(  # noqa: PLR0917
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    walks: NDArray[np.int64],
    at: int,
    many: int,
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
    beyond: NDArray[np.uint8],
    sure: NDArray[np.uint8],
    groups: NDArray[np.int64],
    events: NDArray[np.int64],
    steps: NDArray[np.int64],
) -> tuple[int, int]:
    """Walk from each of a list of starts, until `events` is full.

    Args:
        data: uint8, the texts one after the other.
        offsets: int64 [rows + 1], where each begins.
        walks: int64 [w, 4], by place.
        at: the one to begin with.
        many: how many there are.
        moves: int32, rows of automata, see `Shelf` here and below.
        classes: uint8 [automata, 256].
        starts: int32 [automata].
        beyond: uint8 [sets, 257], which byte may stand behind what a set accepts.
        sure: uint8 [sets], of which only the longest end is wanted.
        groups: int64 [groups], unions of patterns.
        events: int64 [k, 6], k > `MOST_GROUPS` times `ENDS`; filled.
        steps: int64 [1], steps walked so far; changed.

    Returns:
        The walk to go on with, and how many events there are.
    """
    n, walked, begun, room = 0, steps[0], offsets[0], len(events) - MOST_GROUPS * ENDS
    while at < many and n < room:
        row, i, known = walks[at, ROW_OF], walks[at, START], walks[at, KNOWN]
        hi, mask = offsets[row + 1], U(walks[at, GROUPS])
        at += 1
        while mask:
            n, end = walked_from(
                data, row, i, min(hi, i + fair(walked, i - begun)), hi, groups[U(lowest(mask))],
                moves, classes, starts, beyond, sure, known, events, n,
            )  # fmt: skip
            mask &= mask - _ONE
            walked += end - i
    steps[0] = walked
    return at, n
