"""The pass over the bytes: finds where something may begin, and walks the automata from there.

It knows nothing of rules: it reports which sets of patterns end where ("events"), and which words
of the rules' contexts stand where. `_kernels_judge` makes hits of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.compiled import compiled
from strongroom.discover.engine._kernels_bits import LANES, SOME, among, eight, letters, lowest

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 16_384
"""Bytes of the longest span or lead."""
ENDS = 64
"""Of one start, at least half as many of the longest ends are kept."""
EVENTS_A_CHUNK = LANES * 8 * ENDS // 4
WORDS_KEPT = 32
"""The words that the next call is given again: more never stand near one place."""
BASE, EDGE, ROW, CARRY, WORDS, REACH = range(6)
"""Where a search stands: next byte, next row to begin, its row, bit, words, and how far
the last greedy span reaches."""
ROW_OF, START, END, WHAT, WORD, VISITED = range(6)
"""An event: its row; where it starts and ends; the set that accepts or, if negative, ~the rule of
an anchor; how many words were known by then; and which walk it comes from."""
LETTER, UNDERSCORE = 1, 2
"""What `kinds` says of a byte: a letter or digit or part of what isn't ASCII; else 0."""
KEY, LENGTH, TAIL, NUMBER = range(4)
"""A row of `lexicon`: first eight bytes, length, where the others stand in `tails`, and number."""
NEXT, RULE, AHEAD = range(3)
"""A row of `anchors`: the next one at the same byte, its rule, the automaton from the byte on."""

U = np.uint64  # places as these are never taken for places from the end
_ONE, _FOLD, _PAIR = np.uint64(1), np.uint64(0x2020202020202020), np.uint64(0xFFFF)
_FACTOR, _FOUR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFFFFFFFF)
_WORD_SHIFT, _GRAM_SHIFT = np.uint64(52), np.uint64(46)
_BYTE = np.uint64(0xFF)
_1, _2, _3, _4, _5, _6, _7 = (np.uint64(8 * i) for i in range(1, 8))
_ZERO, _NINE = b"09"
_EIGHT = 8
# A text made to be slow: past this many steps a byte, a walk goes only so far.
FAIR_STEPS, FAIR_WALK, FAIR_START = 64, 256, 1 << 16


@compiled
def eight_at(data: NDArray[np.uint8], at: int) -> Any:  # noqa: ANN401 - a number for mypy too
    """Return eight bytes as a number, zeros behind the end."""
    if at + _EIGHT <= len(data):
        return eight(data, at)
    found = np.uint64(0)
    for i in range(len(data) - 1, at - 1, -1):
        found = (found << np.uint64(8)) | np.uint64(data[i])
    return found


@compiled
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


@compiled
def _halved(events: NDArray[np.int64], n: int, first: int) -> int:
    """Forget the earlier half of the ends of a start whose events begin at `first`."""
    events[first : first + ENDS // 2] = events[first + ENDS // 2 : n]
    return n - ENDS // 2


@compiled
def search(  # noqa: C901, PLR0912, PLR0915, PLR0917 - one pass, one loop
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    at: NDArray[np.int64],
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    loose: NDArray[np.uint8],
    groups: NDArray[np.int64],
    gates: NDArray[np.uint32],
    glue: NDArray[np.uint32],
    stops: NDArray[np.uint8],
    literal: int,
    eager: int,
    sown: NDArray[np.uint8],
    anywhere: int,
    sieve: NDArray[np.uint8],
    wild: NDArray[np.uint8],
    anchor_at: NDArray[np.int16],
    anchors: NDArray[np.int64],
    beyond: NDArray[np.uint8],
    used: NDArray[np.uint8],
    lexicon: NDArray[np.int64],
    tails: NDArray[np.uint8],
    longest_word: int,
    words: NDArray[np.int64],
    events: NDArray[np.int64],
    steps: NDArray[np.int64],
    pad: NDArray[np.uint8],
    most: int,
) -> int:
    """Go on with the pass; stop at the end, after `most` bytes, or when an array is full.

    Args:
        data: uint8, the texts one after the other.
        offsets: int64 [rows + 1], where each begins.
        at: int64 [6], where the search stands; changed.
        moves: int32, rows of automata, see `Shelf`.
        classes: uint8 [automata, 256], the column of each byte.
        starts: int32 [automata], first rows.
        kinds: uint8 [256], LETTER, UNDERSCORE or 0.
        loose: uint8 [sets], of which a rule may end inside a word.
        groups: int64 [groups], unions of patterns, by their bit in masks.
        gates: uint32 [8, 256], the groups that may start with a byte at each of eight places.
        glue: uint32 [256], the groups that never start at a digit that this byte joins to another.
        stops: uint8 [a multiple of `SOME`], bytes that aren't letters and yet starts or anchors.
        literal: the groups that start with one of few words.
        eager: those of which a span hides what starts inside of it, but what is literal.
        sown: uint8 [32768], bits by hash of four bytes: one of those may start with them.
        anywhere: the groups that may begin inside a word; 0 is none.
        sieve: uint8 [32768], bits by hash of four bytes: one of those may begin with them.
        wild: uint8 [65536] or [0], the same by two bytes.
        anchor_at: int16 [256], the first row of `anchors` for a byte, or -1.
        anchors: int64 [anchors, 3].
        beyond: uint8 [256], what may stand behind any anchor's byte.
        used: uint8 [slots], see `word_at` here and below.
        lexicon: int64 [slots, 4].
        tails: uint8.
        longest_word: bytes of the longest of them.
        words: int64 [m, 3], start, end and number of words of context; filled.
        events: int64 [k, 6], k > `EVENTS_A_CHUNK`; filled.
        steps: int64 [1], steps walked so far; changed.
        pad: uint8 [64], overwritten.
        most: bytes, about.

    Returns:
        How many events there are.
    """
    rows, stop, begun = len(offsets) - 1, offsets[-1], offsets[0]
    base, edge, row, reach = at[BASE], at[EDGE], at[ROW], at[REACH]
    carry = np.uint64(at[CARRY])
    known, n, walked = at[WORDS], 0, steps[0]
    until, room = min(stop, base + most), len(events) - EVENTS_A_CHUNK
    while base < until and n < room and known < len(words) - LANES:
        whole = base + LANES + _EIGHT <= len(data)
        if whole:
            alive = letters(data, base)
            bits = among(data, base, stops, 0)
            for more in range(SOME, len(stops), SOME):
                bits |= among(data, base, stops, more)
        else:
            pad[:] = 0
            pad[: min(LANES, len(data) - base)] = data[base : base + LANES]
            alive = letters(pad, 0)
            bits = among(pad, 0, stops, 0)
            for more in range(SOME, len(stops), SOME):
                bits |= among(pad, 0, stops, more)
        inside = np.uint64(0)
        if anywhere:
            for k in range(LANES):
                first = eight(data, base + k) if whole else eight_at(data, base + k)
                slot = np.int64((((first | _FOLD) & _FOUR) * _FACTOR) >> _GRAM_SHIFT)
                inside |= np.uint64((sieve[slot >> 3] >> (slot & 7)) & 1) << np.uint64(k)
            if len(wild):
                for k in range(LANES):
                    first = eight(data, base + k) if whole else eight_at(data, base + k)
                    inside |= np.uint64(wild[first & _PAIR]) << np.uint64(k)
        edges = np.uint64(0)
        while edge < rows and offsets[edge] < base + LANES:
            if offsets[edge] >= base:
                edges |= _ONE << U(offsets[edge] - base)
            edge += 1
        breaks = ~alive | edges
        outside = bits | (alive & (~((alive << _ONE) | carry) | edges))
        carry = alive >> U(LANES - 1)
        bits = outside | inside
        while bits:
            k = lowest(bits)
            bits &= bits - _ONE
            i, at_k = base + k, U(k)
            first = eight(data, i) if whole else eight_at(data, i)
            # No branch in between: it couldn't be foreseen.
            slot = np.int64((((first | _FOLD) & _FOUR) * _FACTOR) >> _GRAM_SHIFT)
            sown_here = np.int64((sown[slot >> 3] >> (slot & 7)) & 1)
            begins = np.int64(
                gates[0, first & _BYTE]
                & gates[1, (first >> _1) & _BYTE]
                & gates[2, (first >> _2) & _BYTE]
                & gates[3, (first >> _3) & _BYTE]
            ) & (~literal | -sown_here)
            if begins:
                begins &= gates[4, (first >> _4) & _BYTE] & gates[5, (first >> _5) & _BYTE]
                begins &= gates[6, (first >> _6) & _BYTE] & gates[7, first >> _7]
            length, key, anchor = 0, first | _FOLD, np.int64(-1)
            if (alive >> at_k) & _ONE:
                length = lowest((breaks >> at_k) >> _ONE) + 1
                if length < _EIGHT and k + length < LANES:
                    key &= (_ONE << U(8 * length)) - _ONE
                elif k + length >= LANES:
                    # It goes on in the next chunk.
                    length = LANES - k
                    while offsets[row + 1] <= min(i, stop - 1):
                        row += 1
                    while (
                        i + length < offsets[row + 1]
                        and length <= longest_word
                        and kinds[data[U(i + length)]] & LETTER
                    ):
                        length += 1
                    if length < _EIGHT:
                        key &= (_ONE << U(8 * length)) - _ONE
                if not used[(key * _FACTOR) >> _WORD_SHIFT]:
                    length = 0
            elif beyond[(first >> _1) & _BYTE]:
                anchor = np.int64(anchor_at[first & _BYTE])
            mask = anywhere if (inside >> at_k) & _ONE else 0
            if not (outside >> at_k) & _ONE:
                begins, length, anchor = 0, 0, np.int64(-1)  # type: ignore[assignment]
            if i >= stop or not (begins or mask or length or anchor >= 0):
                continue
            while offsets[row + 1] <= i:
                row += 1
            lo, hi = offsets[row], offsets[row + 1]
            if length and i + length <= hi:
                number = word_at(data, i, length, first, used, lexicon, tails)
                if number >= 0:
                    words[known, 0], words[known, 1], words[known, 2] = i, i + length, number
                    known += 1
            if begins and i > lo:
                before = data[U(i - 1)]
                if kinds[before]:
                    begins = 0  # type: ignore[assignment]
                elif i - 1 > lo and glue[before] & begins:  # noqa: SIM102 - the line would be long
                    if _ZERO <= data[U(i)] <= _NINE and _ZERO <= data[U(i - 2)] <= _NINE:
                        begins &= ~np.int64(glue[before])
            if i < reach:
                begins &= literal
                anchor = np.int64(-1)
            mask |= begins  # type: ignore[assignment]
            g = 0
            while mask:
                if mask & 1:
                    far = LONGEST
                    if walked > FAIR_START + FAIR_STEPS * (i - begun):
                        far = FAIR_WALK
                    to, end, earlier, automaton = min(hi, i + far), i, n, U(groups[g])
                    state = U(starts[automaton])
                    while end < to:
                        move = moves[state + U(classes[automaton, data[U(end)]])]
                        end += 1
                        state = U(move)
                        if move <= 0:
                            if move == 0:
                                break
                            state = U(-np.int64(move))
                            what = np.int64(moves[state])
                            if end == hi or not kinds[data[U(end)]] or loose[U(what)]:
                                if n - earlier == ENDS:
                                    n = _halved(events, n, earlier)
                                events[n, ROW_OF], events[n, START], events[n, END] = row, i, end
                                events[n, WHAT], events[n, WORD] = what, known
                                events[n, VISITED] = earlier
                                n += 1
                    if n > earlier and (eager >> g) & 1:
                        reach = max(reach, events[n - 1, END])
                    walked += end - i
                mask >>= 1
                g += 1
            while anchor >= 0:
                # What may follow the byte is asked first: a full stop rarely is a domain's dot.
                ahead = anchors[anchor, AHEAD]
                move = abs(np.int64(moves[starts[ahead] + classes[ahead, data[i]]]))
                if i + 1 < hi and moves[move + classes[ahead, data[i + 1]]]:
                    events[n, ROW_OF], events[n, START], events[n, END] = row, i, i + 1
                    events[n, WHAT], events[n, WORD] = ~anchors[anchor, RULE], known
                    events[n, VISITED] = n
                    n += 1
                anchor = anchors[anchor, NEXT]
        base += LANES
    at[BASE], at[EDGE], at[ROW], at[REACH] = base, edge, row, reach
    at[CARRY], at[WORDS], steps[0] = np.int64(carry), known, walked
    return n
