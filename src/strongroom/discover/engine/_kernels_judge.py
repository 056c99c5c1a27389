"""What becomes of a stretch of text that has the shape of a rule: checks, context, and the score."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.discover.checks._kernels import passes
from strongroom.discover.engine._kernels_search import (
    END,
    ENDS,
    FAIR_START,
    FAIR_STEPS,
    FAIR_WALK,
    LETTER,
    LONGEST,
    ROW_OF,
    START,
    VISITED,
    WHAT,
    WORD,
    eight_at,
    word_at,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

BEFORE, AFTER = 56, 16
"""How many bytes before a span and after it a word of context lies in, as a whole."""
NEAR = 64
"""Words of context that are remembered of a neighbourhood; more don't fit in it."""
WHOLE, LEAD, ANCHOR = range(3)
WAY, BACK, AHEAD, FOLLOW, COMPACT, PROGRAM, BOUNDED, APART, CURIOUS, LEAST_BITS = range(10)
"""A row of `facts`, by rule: whether events are of the whole span, of its lead, or of an anchor in
it; the automata back to its start, ahead (of the span, or from the anchor on), of what must follow
and of the span without separators; its check-digit program (all -1 for none); 1 if no word may
touch it, 2 if on the right only; its row of `aparts`; 1 if the words around matter; least entropy
in millionths of a bit."""

_ZERO, _NINE, _BIG_A, _BIG_Z, _SMALL_A, _SMALL_Z = b"09AZaz"


@compiled
def walk(
    data: NDArray[np.uint8],
    at: int,
    to: int,
    automaton: int,
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
    ends: NDArray[np.int64],
) -> int:
    """Walk an automaton of one pattern; keep the last ends in `ends`, return how many."""
    n, state = 0, np.int64(starts[automaton])
    if state < 0:
        state, ends[0], n = -state, at, 1
    while at < to:
        state = np.int64(moves[state + classes[automaton, data[at]]])
        at += 1
        if state <= 0:
            if state == 0:
                break
            state = -state
            if n == ENDS:
                ends[: ENDS // 2] = ends[ENDS // 2 :]
                n = ENDS // 2
            ends[n] = at
            n += 1
    return n


@compiled
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
    found, state = -1, abs(np.int64(starts[automaton]))
    for i in range(at - 1, max(lo, at - LONGEST) - 1, -1):
        state = np.int64(moves[state + classes[automaton, data[i]]])
        if state <= 0:
            if state == 0:
                break
            state = -state
            if i == lo or not kinds[data[i - 1]]:
                found = i
    return found


@compiled
def _goes_on(
    data: NDArray[np.uint8], edge: int, step: int, lo: int, hi: int, apart: NDArray[np.uint8]
) -> bool:
    """Say whether only a joining character parts a digit at `edge` from a further digit."""
    beyond = edge + 2 * step
    return bool(
        lo <= beyond < hi
        and apart[data[edge + step]]
        and _ZERO <= data[edge] <= _NINE
        and _ZERO <= data[beyond] <= _NINE
    )


@compiled
def _compact(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    automaton: int,
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
) -> bool:
    """Say whether the letters and digits of a span, as capitals, match an automaton as a whole."""
    state = np.int64(starts[automaton])
    for i in range(start, end):
        byte = data[i]
        if _SMALL_A <= byte <= _SMALL_Z:
            byte -= 32
        elif not (_ZERO <= byte <= _NINE or _BIG_A <= byte <= _BIG_Z):
            continue
        state = np.int64(moves[abs(state) + classes[automaton, byte]])
        if state == 0:
            return False
    return bool(state < 0)


@compiled
def _entropy(data: NDArray[np.uint8], start: int, end: int, counts: NDArray[np.int64]) -> float:
    """Return Shannon's entropy in bits a byte; `counts` comes and goes as zeros."""
    found, total = 0.0, end - start
    for i in range(start, end):
        counts[data[i]] += 1
    for i in range(start, end):
        many = counts[data[i]]
        if many:
            found -= many * math.log2(many / total)
            counts[data[i]] = 0
    return found / total


@compiled
def _near(  # noqa: PLR0917
    data: NDArray[np.uint8],
    start: int,
    end: int,
    lo: int,
    hi: int,
    known: int,
    words: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    used: NDArray[np.uint8],
    lexicon: NDArray[np.int64],
    tails: NDArray[np.uint8],
    longest_word: int,
    near: NDArray[np.int64],
    n: int,
) -> int:
    """Add the words of context around a span to `near`, behind `n` that are there."""
    for i in range(known - 1, -1, -1):
        if words[i, 0] < max(lo, start - BEFORE):
            break
        if words[i, 1] <= start and n < NEAR:
            near[n] = words[i, 2]
            n += 1
    until, i = min(hi, end + AFTER), end
    # The rest of a word that the span ends in is no word.
    while i < until and kinds[data[i]] & kinds[data[i - 1]] & LETTER:
        i += 1
    while i < until:
        begin = i
        while i < until and kinds[data[i]] & LETTER:
            i += 1
        if begin < i <= begin + longest_word and not (i < hi and kinds[data[i]] & LETTER):
            first = eight_at(data, begin)
            number = word_at(data, begin, i - begin, first, used, lexicon, tails)
            if number >= 0 and n < NEAR:
                near[n] = number
                n += 1
        i += 1
    return n


@compiled
def judge(  # noqa: C901, PLR0912, PLR0915, PLR0917
    data: NDArray[np.uint8],
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
    longest_word: int,
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
        offsets: int64 [rows + 1], where each begins.
        events: int64 [m, 6], see `_kernels_search`.
        at: the event to begin with.
        n_events: how many there are.
        moves, classes, starts: automata, see `Shelf`.
        kinds: uint8 [256].
        set_at: int64 [sets + 1], where the rules of a set stand in `set_rules`.
        set_rules: int64.
        facts: int64 [rules, 10].
        programs: int64, check-digit programs.
        aparts: uint8 [kinds, 256], characters that join numbers.
        relation: uint8 [rules, words], 1 if a word speaks for a rule, 2 if against it.
        worth: float32 [rules, 4], scores by what the words around say.
        used, lexicon, tails: the words of context, see `word_at`.
        longest_word: bytes of the longest of them.
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
                elif facts[rule, WAY] == ANCHOR:
                    begin = _leftmost(
                        data, start, lo, facts[rule, BACK], moves, classes, starts, kinds
                    )
                    steps[0] += start - begin
                if begin < marks[rule] or begin < 0:
                    continue
                ends[0, 0] = end
                if facts[rule, WAY] != WHOLE:
                    far = LONGEST
                    if steps[0] > FAIR_START + FAIR_STEPS * (start - offsets[0]):
                        far = FAIR_WALK
                    n_ends = walk(
                        data, walked_from, min(hi, walked_from + far), facts[rule, AHEAD],
                        moves, classes, starts, ends[0],
                    )  # fmt: skip
                    if n_ends:
                        steps[0] += ends[0, n_ends - 1] - walked_from
                for e in range(n_ends - 1, -1, -1):
                    finish = ends[0, e]
                    if finish == begin:
                        continue
                    if facts[rule, BOUNDED]:
                        if finish < hi and kinds[data[finish]]:
                            continue
                        if facts[rule, BOUNDED] == 1 and begin > lo and kinds[data[begin - 1]]:
                            continue
                    said = 0
                    if facts[rule, CURIOUS]:
                        if begin != around_start or finish != around_end:
                            around_start, around_end = begin, finish
                            n_near = _near(
                                data, begin, finish, lo, hi, events[j, WORD], words, kinds, used,
                                lexicon, tails, longest_word, near, always,
                            )  # fmt: skip
                        for i in range(n_near):
                            said |= relation[rule, near[i]]
                    if worth[rule, said] < least:
                        continue
                    apart = aparts[facts[rule, APART]]
                    if _goes_on(data, begin, -1, lo, hi, apart):
                        continue
                    if _goes_on(data, finish - 1, 1, lo, hi, apart):
                        continue
                    automaton = facts[rule, COMPACT]
                    if automaton >= 0 and not _compact(
                        data, begin, finish, automaton, moves, classes, starts
                    ):
                        continue
                    if facts[rule, PROGRAM] >= 0 and not passes(
                        data, begin, finish, programs, facts[rule, PROGRAM], scratch
                    ):
                        continue
                    if facts[rule, LEAST_BITS]:
                        steps[0] += finish - begin
                        if _entropy(data, begin, finish, counts) * 1e6 < facts[rule, LEAST_BITS]:
                            continue
                    automaton = facts[rule, FOLLOW]
                    if automaton >= 0 and not walk(
                        data, finish, min(hi, finish + FAIR_WALK), automaton, moves, classes,
                        starts, ends[1],
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
