"""What becomes of a stretch of text with the shape of a rule: its ends, context, and score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import borrowing
from strongroom.discover.engine._kernels_bits import eight, letters, lowest
from strongroom.discover.engine._kernels_context import AFTER, BEFORE, LETTER, word_at
from strongroom.discover.engine._kernels_proofs import (
    AHEAD,
    ANCHOR,
    APART,
    BACK,
    BOUNDED,
    CURIOUS,
    LEAD,
    WAY,
    WHOLE,
    proven,
    walk,
)
from strongroom.discover.engine._kernels_walk import (
    END,
    LONGEST,
    ROW_OF,
    START,
    VISITED,
    WHAT,
    WORD,
    U,
    fair,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAR = 64
"""Words of context that are remembered of a neighbourhood; more don't fit in it."""
_ONE, _FOLD, _NEAREST = U(1), U(0x2020202020202020), U((1 << AFTER) - 1)
_FACTOR, _WORD_SHIFT = U(0x9E3779B97F4A7C15), U(52)
_EIGHT = 8


@borrowing
def _leftmost(
    data: NDArray[np.uint8],
    at: int,
    lo: int,
    automaton: int,
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
    kinds: NDArray[np.uint8],
) -> int:
    """Walk back from an anchor to the first place where the span may start; -1 if there is none."""
    found, which, move = -1, U(automaton), starts[automaton]
    for i in range(at - 1, max(lo, at - LONGEST) - 1, -1):
        move = moves[U(abs(np.int64(move))) + U(classes[which, data[U(i)]])]
        if move <= 0:
            if move == 0:
                break
            if i == lo or not kinds[data[U(i - 1)]]:
                found = i
    return found


@borrowing
def _words_around(  # noqa: PLR0917
    data: NDArray[np.uint8],
    tail: NDArray[np.uint8],
    tail_at: int,
    lo: int,
    begin: int,
    finish: int,
    hi: int,
    known: int,
    words: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    used: NDArray[np.uint8],
    lexicon: NDArray[np.int64],
    tails: NDArray[np.uint8],
    near: NDArray[np.int64],
    n_near: int,
) -> int:
    """Write the words of context around a span to `near`, the nearest first; return how many.

    Args:
        data: see `judge` here and below.
        tail: the end of the texts.
        tail_at: where it begins.
        lo: where the span's text begins.
        begin: where the span begins.
        finish: where it ends.
        hi: where its text ends.
        known: how many words before it are known.
        words: int64 [k, 3].
        kinds: uint8 [256].
        used: uint8 [slots].
        lexicon: int64 [slots, 4].
        tails: uint8.
        near: filled.
        n_near: how many are there already.
    """
    i = known - 1
    while i >= 0 and words[i, 0] >= max(lo, begin - BEFORE):
        if words[i, 1] <= begin and n_near < NEAR:
            near[n_near] = words[i, 2]
            n_near += 1
        i -= 1
    until = min(AFTER, hi - finish)
    text, place = data, finish
    if finish >= tail_at:
        text, place = tail, finish - tail_at
    alive = letters(text, place)
    begins = alive & ~(alive << _ONE) & _NEAREST
    # The rest of a word that the span ends in is no word.
    if kinds[data[U(finish - 1)]] & LETTER:
        begins &= ~_ONE
    while begins:
        k = lowest(begins)
        begins &= begins - _ONE
        length = lowest(~(alive >> U(k)))
        # A row's last word ends there, whatever the next row begins with.
        length = min(length, hi - finish - k)
        if 0 < length <= until - k and n_near < NEAR:
            first = eight(text, place + k)
            key = first | _FOLD
            if length < _EIGHT:
                key &= (_ONE << U(8 * length)) - _ONE
            if used[(key * _FACTOR) >> _WORD_SHIFT]:
                number = word_at(data, finish + k, length, first, used, lexicon, tails)
                if number >= 0:
                    near[n_near] = number
                    n_near += 1
    return n_near


@borrowing
def judge(  # noqa: C901, PLR0912, PLR0915, PLR0917
    data: NDArray[np.uint8],
    tail: NDArray[np.uint8],
    tail_at: int,
    offsets: NDArray[np.int64],
    events: NDArray[np.int64],
    at: int,
    n_events: int,
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    set_at: NDArray[np.int64],
    set_rules: NDArray[np.int64],
    facts: NDArray[np.int64],
    programs: NDArray[np.int64],
    aparts: NDArray[np.uint8],
    relation: NDArray[np.uint8],
    worth: NDArray[np.float32],
    used: NDArray[np.uint8],
    lexicon: NDArray[np.int64],
    tails: NDArray[np.uint8],
    capitals: NDArray[np.uint8],
    is_digit: NDArray[np.uint8],
    words: NDArray[np.int64],
    near: NDArray[np.int64],
    always: int,
    least: float,
    marks: NDArray[np.int64],
    scratch: NDArray[np.int64],
    ends: NDArray[np.int64],
    counts: NDArray[np.int64],
    steps: NDArray[np.int64],
    hits: NDArray[np.int64],
    scores: NDArray[np.float32],
    n: int,
) -> tuple[int, int]:
    """Make hits of events, until there are no more or `hits` is nearly full.

    Args:
        data: uint8, the texts one after the other.
        tail: uint8, the end of them, see `search`.
        tail_at: where it begins.
        offsets: int64 [rows + 1], where each begins.
        events: int64 [m, 6], see `_kernels_walk`.
        at: the event to begin with.
        n_events: how many there are.
        moves: int32, rows of automata, see `Shelf`.
        classes: uint8 [automata, 256], the column of each byte.
        starts: int32 [automata], first rows.
        kinds: uint8 [256].
        set_at: int64 [sets + 1], where the rules of a set stand in `set_rules`.
        set_rules: int64.
        facts: int64 [rules, 11].
        programs: int64, check-digit programs.
        aparts: uint8 [kinds, 256], characters that join numbers.
        relation: uint8 [rules, words], 1 if a word speaks for a rule, 2 if against it.
        worth: float32 [rules, 4], scores by what the words around say.
        used: uint8 [slots], see `word_at` here and below.
        lexicon: int64 [slots, 4].
        tails: uint8.
        capitals: uint8 [256], a letter's capital, a digit itself, else 0.
        is_digit: uint8 [256].
        words: int64 [k, 3], those in the text, by place.
        near: int64 [NEAR]; the first `always` are words that count everywhere.
        always: how many.
        least: no score below it is a hit.
        marks: int64 [rules], where the last hit of each ended.
        scratch: int64, lent to checks.
        ends: int64 [2, ENDS], overwritten.
        counts: int64 [256], zeros.
        steps: int64 [1], steps walked so far; changed.
        hits: int64 [size, 4]: row, first byte, byte after the last, rule; filled from `n` on.
        scores: float32 [size], likewise.
        n: how many hits there are.

    Returns:
        The event to go on with, and how many hits there are.
    """
    while at < n_events and n + len(facts) <= len(hits):
        visit, after = events[at, VISITED], at + 1
        while after < n_events and events[after, VISITED] == visit:
            after += 1
        row = events[at, ROW_OF]
        lo, hi = offsets[row], offsets[row + 1]
        around_start, around_end, n_near = -1, -1, always
        for j in range(after - 1, at - 1, -1):
            what, start, end = events[j, WHAT], events[j, START], events[j, END]
            first, last = (0, 1) if what < 0 else (set_at[what], set_at[what + 1])
            for member in range(first, last):
                rule = ~what if what < 0 else set_rules[member]
                begin, n_ends, walked_from = start, 1, start
                if facts[rule, WAY] == LEAD:
                    begin = walked_from = end
                if begin < marks[rule]:
                    continue
                ends[0, 0] = end
                if facts[rule, WAY] != WHOLE:
                    far = fair(steps[0], start - offsets[0])
                    n_ends, reached = walk(
                        data, walked_from, min(hi, walked_from + far), facts[rule, AHEAD],
                        moves, classes, starts, ends[0],
                    )  # fmt: skip
                    steps[0] += reached - walked_from
                if n_ends and facts[rule, WAY] == ANCHOR:
                    begin = _leftmost(
                        data, start, lo, facts[rule, BACK], moves, classes, starts, kinds
                    )
                    steps[0] += start - begin
                    if begin < marks[rule] or begin < 0:
                        continue
                for e in range(n_ends - 1, -1, -1):
                    finish = ends[0, e]
                    if finish == begin:
                        continue
                    if facts[rule, BOUNDED]:
                        if finish < hi and kinds[data[U(finish)]]:
                            continue
                        if facts[rule, BOUNDED] == 1 and begin > lo and kinds[data[U(begin - 1)]]:
                            continue
                    # Where only a joining character parts two digits, a number goes on.
                    joins = facts[rule, APART]
                    if begin > lo + 1 and aparts[joins, data[U(begin - 1)]]:  # noqa: SIM102
                        if is_digit[data[U(begin)]] and is_digit[data[U(begin - 2)]]:
                            continue
                    if finish + 1 < hi and aparts[joins, data[U(finish)]]:  # noqa: SIM102
                        if is_digit[data[U(finish - 1)]] and is_digit[data[U(finish + 1)]]:
                            continue
                    # Where nothing counts without a word of context, that is asked first.
                    wanting = worth[rule, 0] < least
                    if not wanting and not proven(
                        data, tail, tail_at, begin, finish, hi, facts, rule, moves, classes, starts,
                        capitals, programs, scratch, ends[1], counts, steps,
                    ):  # fmt: skip
                        continue
                    said = np.uint8(0)
                    if facts[rule, CURIOUS]:
                        if begin != around_start or finish != around_end:
                            around_start, around_end = begin, finish
                            n_near = _words_around(
                                data, tail, tail_at, lo, begin, finish, hi, events[j, WORD], words,
                                kinds, used, lexicon, tails, near, always,
                            )  # fmt: skip
                        # The nearest word that says anything decides; a column's name is last.
                        for i in range(n_near):
                            said = relation[rule, near[(i + always) % n_near]]
                            if said:
                                break
                        if worth[rule, said] < least:
                            continue
                    if wanting and not proven(
                        data, tail, tail_at, begin, finish, hi, facts, rule, moves, classes, starts,
                        capitals, programs, scratch, ends[1], counts, steps,
                    ):  # fmt: skip
                        continue
                    marks[rule] = finish
                    hits[n, 0], hits[n, 1], hits[n, 2] = row, begin - lo, finish - lo
                    hits[n, 3] = rule
                    scores[n] = worth[rule, said]
                    n += 1
                    break
        at = after
    return at, n
