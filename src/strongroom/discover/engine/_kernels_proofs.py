"""What proves that a stretch of text is what it has the shape of: everything but its context."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import borrowing
from strongroom.discover.checks._kernels import passes
from strongroom.discover.engine._kernels_bits import LANES, alphanumeric, population
from strongroom.discover.engine._kernels_walk import ENDS, FAIR_WALK, U

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHOLE, LEAD, ANCHOR = range(3)
WAY, BACK, AHEAD, FOLLOW, COMPACT, PROGRAM, BOUNDED, APART, CURIOUS, LEAST_BITS, SIZES = range(11)
"""A row of `facts`, by rule: whether events are of the whole span, of its lead, or of an anchor in
it; the automata back to its start, ahead (of the span, or from the anchor on), of what must follow
and of the span without separators; its check-digit program (all -1 for none); 1 if no word may
touch it, 2 if on the right only; its row of `aparts`; 1 if the words around matter; least entropy
in millionths of a bit; and bit n for n ASCII letters and digits that the span may hold."""
_ONE = U(1)


@borrowing
def walk(
    data: NDArray[np.uint8],
    at: int,
    to: int,
    automaton: int,
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
    ends: NDArray[np.int64],
) -> tuple[int, int]:
    """Walk an automaton of one pattern; keep the last ends in `ends`.

    Returns:
        How many ends there are, and how far the walk went.
    """
    n, which, move = 0, U(automaton), starts[automaton]
    if move < 0:
        ends[0], n = at, 1
    while at < to:
        move = moves[U(abs(np.int64(move))) + U(classes[which, data[U(at)]])]
        at += 1
        if move <= 0:
            if move == 0:
                break
            if n == ENDS:
                n = ENDS // 2
                for i in range(n):
                    ends[i] = ends[n + i]
            ends[n] = at
            n += 1
    return n, at


@borrowing
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


@borrowing
def _fits(
    data: NDArray[np.uint8],
    tail: NDArray[np.uint8],
    tail_at: int,
    begin: int,
    finish: int,
    sizes: np.uint64,
    automaton: int,
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
    capitals: NDArray[np.uint8],
    scratch: NDArray[np.int64],
) -> bool:
    """Tell whether the letters and digits of a span, as capitals, match a pattern as a whole."""
    if finish - begin < LANES:
        text, place = data, begin
        if begin >= tail_at:
            text, place = tail, begin - tail_at
        inside = alphanumeric(text, place) & ((_ONE << U(finish - begin)) - _ONE)
        if not (sizes >> U(population(inside))) & _ONE:
            return False
    which, move = U(automaton), starts[automaton]
    for piece in range(begin, finish, len(scratch)):
        many = 0
        # No branch: where separators stand couldn't be foreseen.
        for i in range(piece, min(finish, piece + len(scratch))):
            byte = capitals[data[U(i)]]
            scratch[many] = classes[which, byte]
            many += byte != 0
        for i in range(many):
            move = moves[U(abs(np.int64(move))) + U(scratch[i])]
            if move == 0:
                return False
    return bool(move < 0)


@borrowing
def proven(  # noqa: PLR0917
    data: NDArray[np.uint8],
    tail: NDArray[np.uint8],
    tail_at: int,
    begin: int,
    finish: int,
    hi: int,
    facts: NDArray[np.int64],
    rule: int,
    moves: NDArray[np.int32],
    classes: NDArray[np.uint8],
    starts: NDArray[np.int32],
    capitals: NDArray[np.uint8],
    programs: NDArray[np.int64],
    scratch: NDArray[np.int64],
    ends: NDArray[np.int64],
    counts: NDArray[np.int64],
    steps: NDArray[np.int64],
) -> bool:
    """Tell whether a span passes everything but its context; arguments as those of `judge`."""
    if facts[rule, COMPACT] >= 0:
        sizes = U(facts[rule, SIZES])
        if not _fits(
            data, tail, tail_at, begin, finish, sizes, facts[rule, COMPACT], moves, classes, starts,
            capitals, scratch,
        ):  # fmt: skip
            return False
    if facts[rule, PROGRAM] >= 0 and not passes(
        data, begin, finish, programs, facts[rule, PROGRAM], scratch
    ):
        return False
    if facts[rule, LEAST_BITS]:
        steps[0] += finish - begin
        if _entropy(data, begin, finish, counts) * 1e6 < facts[rule, LEAST_BITS]:
            return False
    if facts[rule, FOLLOW] >= 0:
        follows, _ = walk(
            data, finish, min(hi, finish + FAIR_WALK), facts[rule, FOLLOW], moves, classes, starts,
            ends,
        )  # fmt: skip
        return follows > 0
    return True
