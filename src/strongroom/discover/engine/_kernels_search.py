"""The pass over the bytes: finds where something may begin, and walks the automata from there.

It knows nothing of rules: it reports which sets of patterns end where ("events"), which words of
the rules' contexts stand where, and where something might begin that counts only beside such a
word ("pending"). `_kernels_context` goes on with these, and `_kernels_judge` makes hits of events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import borrowing, inlined
from strongroom.discover.engine._kernels_bits import (
    AHEAD,
    LANES,
    SOME,
    among,
    eight,
    letters,
    lowest,
    numeric,
    sifted,
)
from strongroom.discover.engine._sieve import RUN_BITS, RUN_FACTOR, SHAPE

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 16_384
"""Bytes of the longest span or lead."""
ENDS = 64
"""Of one start, at least half as many of the longest ends are kept."""
MOST_GROUPS = 62
EVENTS_A_CHUNK = LANES * (MOST_GROUPS + 1) * ENDS
WORDS_KEPT = 32
"""The words that the next call is given again: more never stand near one place."""
BASE, EDGE, ROW, CARRY, WORDS, REACH, PENDING = range(7)
"""Where a search stands: next byte, next row to begin, its row, bit, words, how far the last
greedy span reaches, and how many starts are pending."""
ROW_OF, START, END, WHAT, WORD, VISITED = range(6)
"""An event: its row; where it starts and ends; the set that accepts or, if negative, ~the rule of
an anchor; how many words were known by then; and which walk it comes from."""
GROUPS = 3
"""A row of `pending`: `ROW_OF` and `START` as an event, how many words were known by then (the
third), and the groups that might begin there."""
LETTER, UNDERSCORE = 1, 2
"""What `kinds` says of a byte: a letter or digit or part of what isn't ASCII; else 0."""
KEY, LENGTH, TAIL, NUMBER = range(4)
"""A row of `lexicon`: first eight bytes, length, where the others stand in `tails`, and number."""
NEXT, RULE, AHEAD_OF = range(3)
"""A row of `anchors`: the next one at the same byte, its rule, the automaton from the byte on."""
INSIDE, BEGIN, LITERAL, ASKED = range(4)
"""What `sieve` says of four bytes: something may begin there at any byte; where a word begins; one
of few words of a rule; a word of context."""
NOWHERE = 256
"""The byte behind a text, for `beyond`."""
LAST, LAST_ROOM = 2 * LANES + 8, 4 * LANES
"""The last bytes are read from a copy with zeros behind: less than so many, and its size."""

U = np.uint64  # places as these are never taken for places from the end
_ONE, _FOLD = np.uint64(1), np.uint64(0x2020202020202020)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_WORD_SHIFT = np.uint64(52)
_RUN_FACTOR, _RUN_SHIFT = np.uint64(RUN_FACTOR), np.uint64(64 - RUN_BITS)
_BYTE = np.uint64(0xFF)
_1, _2, _3, _4, _5, _6, _7 = (np.uint64(8 * i) for i in range(1, 8))
_ZERO, _NINE = b"09"
_EIGHT = 8
# A text made to be slow: past this many steps a byte, a walk goes only so far.
FAIR_STEPS, FAIR_WALK, FAIR_START = 64, 256, 1 << 16


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


@inlined
def _from(place: int) -> np.uint64:
    """Return the bits from a place on."""
    return ~np.uint64(0) << U(place) if place < LANES else np.uint64(0)


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
    classes: NDArray[np.int32],
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
        classes: what each byte adds to a place.
        starts: first rows.
        beyond: uint8 [sets, 257], what may stand behind the end of each set of patterns.
        sure: uint8 [sets], of which only the longest end is wanted.
        known: how many words of context are known.
        events: see `search`.
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


@borrowing
def search(  # noqa: C901, PLR0912, PLR0915, PLR0917 - one pass, one loop
    data: NDArray[np.uint8],
    tail: NDArray[np.uint8],
    tail_at: int,
    offsets: NDArray[np.int64],
    at: NDArray[np.int64],
    moves: NDArray[np.int32],
    classes: NDArray[np.int32],
    starts: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    beyond: NDArray[np.uint8],
    sure: NDArray[np.uint8],
    groups: NDArray[np.int64],
    gates: NDArray[np.int64],
    runs: NDArray[np.int64],
    glue: NDArray[np.int64],
    shapes: NDArray[np.int64],
    sieve: NDArray[np.uint32],
    anchoring: NDArray[np.uint8],
    marking: NDArray[np.uint8],
    literal: int,
    starting: int,
    eager: int,
    anywhere: int,
    contextual: int,
    anchor_at: NDArray[np.int16],
    anchors: NDArray[np.int64],
    around: NDArray[np.uint8],
    used: NDArray[np.uint8],
    lexicon: NDArray[np.int64],
    tails: NDArray[np.uint8],
    longest_word: int,
    words: NDArray[np.int64],
    events: NDArray[np.int64],
    pending: NDArray[np.int64],
    steps: NDArray[np.int64],
    told: NDArray[np.uint64],
    symbols: NDArray[np.uint32],
    most: int,
) -> int:
    """Go on with the pass; stop at the end, after `most` bytes, or when an array is full.

    Args:
        data: uint8, the texts one after the other.
        tail: uint8 [`LAST_ROOM`], the end of them, and zeros.
        tail_at: where it begins: at the first multiple of 64 bytes, from the first text on, that
            has less than `LAST` bytes before the end.
        offsets: int64 [rows + 1], where each begins.
        at: int64 [7], where the search stands; changed.
        moves: int32, automata, see `Shelf`.
        classes: int32 [automata, 256], what each byte adds to a place.
        starts: int32 [automata], first states.
        kinds: uint8 [256], LETTER, UNDERSCORE or 0.
        beyond: uint8 [sets, 257], which byte may stand behind what a set accepts.
        sure: uint8 [sets], of which only the longest end is wanted.
        groups: int64 [groups], unions of patterns, by their bit in masks.
        gates: int64 [8, 256], the groups that may start with a byte at each of eight places.
        runs: int64 [2**13], the groups that may start with four symbols, see `runs_of`.
        glue: int64 [256], the groups that never start at a digit that this byte joins to another.
        shapes: int64 [2**14], the groups that may start with bytes of a shape, see `shapes_of`.
        sieve: uint32, see `sifted`, with `INSIDE`, `BEGIN`, `LITERAL` and `ASKED`.
        anchoring: uint8 [a multiple of `SOME`], the bytes of anchors.
        marking: uint8 [a multiple of `SOME`], bytes that aren't letters and yet starts.
        literal: the groups that start with one of few words.
        starting: the others that start where a word does.
        eager: those of which a span hides what starts inside of it, but what is literal.
        anywhere: the groups that may begin inside a word.
        contextual: those that count only beside a word of their context.
        anchor_at: int16 [256], the first row of `anchors` for a byte, or -1.
        anchors: int64 [anchors, 3].
        around: uint8 [256], what may stand behind any anchor's byte.
        used: uint8 [slots], see `word_at` here and below.
        lexicon: int64 [slots, 4].
        tails: uint8.
        longest_word: bytes of the longest of them.
        words: int64 [m, 3], start, end and number of words of context; filled.
        events: int64 [k, 6], k > `EVENTS_A_CHUNK`; filled.
        pending: int64 [p, 4], p > 64; filled.
        steps: int64 [1], steps walked so far; changed.
        told: uint64 [4], overwritten.
        symbols: uint32 [64], overwritten.
        most: bytes, about.

    Returns:
        How many events there are.
    """
    rows, stop, begun = len(offsets) - 1, offsets[-1], offsets[0]
    base, edge, row, reach = at[BASE], at[EDGE], at[ROW], at[REACH]
    carry = np.uint64(at[CARRY])
    known, waiting, n, walked = at[WORDS], at[PENDING], 0, steps[0]
    until, room = min(stop, base + most), len(events) - EVENTS_A_CHUNK
    while (
        base < until and n < room and known < len(words) - LANES and waiting < len(pending) - LANES
    ):
        text, place = (data, base) if base < tail_at else (tail, base - tail_at)
        alive = letters(text, place)
        anchored, marks = np.uint64(0), np.uint64(0)
        for more in range(0, len(anchoring), SOME):
            anchored |= among(text, place, anchoring, more)
        for more in range(0, len(marking), SOME):
            marks |= among(text, place, marking, more)
        sifted(text, place, sieve, told, symbols)
        edges = np.uint64(0)
        while edge <= rows and offsets[edge] < base + LANES:
            if offsets[edge] >= base:
                edges |= _ONE << U(offsets[edge] - base)
            edge += 1
        # What the sieve says of a text's last bytes it says of the next text's, too: ask no sieve.
        short = (edges >> _ONE) | (edges >> U(2)) | (edges >> U(3))
        ahead = edge
        while ahead <= rows and offsets[ahead] < base + LANES + AHEAD:
            short |= ~np.uint64(0) << U(offsets[ahead] - base - AHEAD)
            ahead += 1
        first_letters = alive & (~((alive << _ONE) | carry) | edges)
        carry = alive >> U(LANES - 1)
        outside = marks | first_letters
        inside = told[INSIDE] | short
        begin, of_few = outside & (told[BEGIN] | short), outside & (told[LITERAL] | short)
        asked = first_letters & (told[ASKED] | short)
        if not anywhere:
            inside = np.uint64(0)
        # In a greedy span only these count.
        always = of_few | asked | inside
        bits = begin | anchored | always
        if base < reach:
            bits &= _from(reach - base) | always
        while bits:
            k = lowest(bits)
            bits &= bits - _ONE
            i, at_k = base + k, U(k)
            first = eight(text, place + k)
            # No branch in between: it couldn't be foreseen.
            begins = (
                (anywhere & -np.int64((inside >> at_k) & _ONE))
                | (starting & -np.int64((begin >> at_k) & _ONE))
                | (literal & -np.int64((of_few >> at_k) & _ONE))
            )
            run = (U(symbols[at_k]) * _RUN_FACTOR) >> _RUN_SHIFT
            begins &= runs[run] | -np.int64((short >> at_k) & _ONE)
            begins &= gates[0, first & _BYTE] & gates[1, (first >> _1) & _BYTE]
            begins &= gates[2, (first >> _2) & _BYTE] & gates[3, (first >> _3) & _BYTE]
            begins &= gates[4, (first >> _4) & _BYTE] & gates[5, (first >> _5) & _BYTE]
            begins &= gates[6, (first >> _6) & _BYTE] & gates[7, first >> _7]
            anchor = np.int64(-1)
            if (anchored >> at_k) & _ONE and around[(first >> _1) & _BYTE]:
                anchor = np.int64(anchor_at[first & _BYTE])
            is_asked = (asked >> at_k) & _ONE
            if i >= stop or not (begins or is_asked or anchor >= 0):
                continue
            while offsets[row + 1] <= i:
                row += 1
            lo, hi = offsets[row], offsets[row + 1]
            if is_asked:
                length = lowest(~(alive >> at_k))
                if k + length >= LANES:
                    # It goes on in the next chunk.
                    while (
                        i + length < hi
                        and length <= longest_word
                        and kinds[data[U(i + length)]] & LETTER
                    ):
                        length += 1
                length = min(length, hi - i)
                number = word_at(data, i, length, first, used, lexicon, tails)
                if number >= 0:
                    words[known, 0], words[known, 1], words[known, 2] = i, i + length, number
                    known += 1
            if begins:
                # A text's end is neither letter nor digit.
                seen = (_ONE << U(min(hi - i, SHAPE))) - _ONE
                shape = numeric(text, place + k) & seen
                begins &= shapes[shape | ((letters(text, place + k) & seen) << U(SHAPE))]
            if i > lo:
                before = data[U(i - 1)]
                if kinds[before]:
                    begins &= anywhere
                elif i - 1 > lo and glue[before] & begins:  # noqa: SIM102 - the line would be long
                    if _ZERO <= data[U(i)] <= _NINE and _ZERO <= data[U(i - 2)] <= _NINE:
                        begins &= ~glue[before]
            if i < reach:
                begins &= literal | anywhere
                anchor = np.int64(-1)
            if begins & contextual:
                pending[waiting, ROW_OF], pending[waiting, START] = row, i
                pending[waiting, END], pending[waiting, GROUPS] = known, begins & contextual
                waiting += 1
                begins &= ~contextual
            while begins:
                g = lowest(U(begins))
                begins &= begins - 1
                far = LONGEST
                if walked > FAIR_START + FAIR_STEPS * (i - begun):
                    far = FAIR_WALK
                earlier = n
                n, end = walked_from(
                    data, row, i, min(hi, i + far), hi, groups[g], moves, classes, starts, beyond,
                    sure, known, events, n,
                )  # fmt: skip
                if n > earlier and (eager >> g) & 1:
                    reach = max(reach, events[n - 1, END])
                    bits &= _from(reach - base) | always
                walked += end - i
            while anchor >= 0:
                # What may follow the byte is asked first: a full stop rarely is a domain's dot.
                follows = anchors[anchor, AHEAD_OF]
                move = abs(np.int64(moves[starts[follows] + classes[follows, data[i]]]))
                if i + 1 < hi and moves[move + classes[follows, data[i + 1]]]:
                    events[n, ROW_OF], events[n, START], events[n, END] = row, i, i + 1
                    events[n, WHAT], events[n, WORD] = ~anchors[anchor, RULE], known
                    events[n, VISITED] = n
                    n += 1
                anchor = anchors[anchor, NEXT]
        base += LANES
    at[BASE], at[EDGE], at[ROW], at[REACH] = base, edge, row, reach
    at[CARRY], at[WORDS], at[PENDING] = np.int64(carry), known, waiting
    steps[0] = walked
    return n
