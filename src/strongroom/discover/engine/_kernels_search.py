"""The pass over the bytes: where something may begin, by vectors and tables alone.

It knows nothing of rules: it lists the places from which on the bytes may belong to some groups of
rules, those where a word of context may stand, and those where an anchor does. No branch depends on
what is read: it couldn't be foreseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import borrowing
from strongroom.discover.engine._kernels_bits import (
    AHEAD,
    LANES,
    SOME,
    among,
    eight,
    letters,
    lowest,
    sifted,
)
from strongroom.discover.engine._sieve import RUN_BITS, RUN_FACTOR

if TYPE_CHECKING:
    from numpy.typing import NDArray

BASE, EDGE, CARRY = range(3)
"""Where a search stands: next byte, next row to begin, and whether a letter stands before."""
PLACES, WORDS, ANCHORS = range(3)
"""How many of each were found."""
AT, GROUPS = range(2)
"""A place, and the groups that may begin there."""
INSIDE, BEGIN, LITERAL, ASKED = range(4)
"""What `sieve` says of four bytes: something may begin there at any byte; where a word begins; one
of few words of a rule; a word of context."""
LAST, LAST_ROOM = 2 * LANES + 8, 4 * LANES
"""The last bytes are read from a copy with zeros behind: less than so many, and its size."""

U = np.uint64  # places as these are never taken for places from the end
_ONE, _BYTE = np.uint64(1), np.uint64(0xFF)
_RUN_FACTOR, _RUN_SHIFT = np.uint64(RUN_FACTOR), np.uint64(64 - RUN_BITS)
_1, _2, _3, _4, _5, _6, _7 = (np.uint64(8 * i) for i in range(1, 8))


@borrowing
def search(  # noqa: PLR0915, PLR0917 - one pass, one loop
    data: NDArray[np.uint8],
    tail: NDArray[np.uint8],
    tail_at: int,
    offsets: NDArray[np.int64],
    at: NDArray[np.int64],
    gates: NDArray[np.int64],
    runs: NDArray[np.int64],
    sieve: NDArray[np.uint32],
    anchoring: NDArray[np.uint8],
    around: NDArray[np.uint8],
    marking: NDArray[np.uint8],
    literal: int,
    starting: int,
    anywhere: int,
    told: NDArray[np.uint64],
    symbols: NDArray[np.uint32],
    places: NDArray[np.int64],
    asking: NDArray[np.int64],
    anchored: NDArray[np.int64],
    found: NDArray[np.int64],
    most: int,
) -> None:
    """Go on with the pass; stop at the end, after `most` bytes, or when `places` is full.

    Args:
        data: uint8, the texts one after the other.
        tail: uint8 [`LAST_ROOM`], the end of them, and zeros.
        tail_at: where it begins: at the first multiple of 64 bytes, from the first text on, that
            has less than `LAST` bytes before the end.
        offsets: int64 [rows + 1], where each begins.
        at: int64 [3], where the search stands; changed.
        gates: int64 [8, 256], the groups that may start with a byte at each of eight places.
        runs: int64 [2**13], the groups that may start with four symbols, see `runs_of`.
        sieve: uint32, see `sifted`, with `INSIDE`, `BEGIN`, `LITERAL` and `ASKED`.
        anchoring: uint8 [a multiple of `SOME`], the bytes of anchors.
        around: uint8 [256], what may stand behind any anchor's byte.
        marking: uint8 [a multiple of `SOME`], bytes that aren't letters and yet starts.
        literal: the groups that start with one of few words.
        starting: the others that start where a word does.
        anywhere: the groups that may begin inside a word.
        told: uint64 [4], overwritten.
        symbols: uint32 [64], overwritten.
        places: int64 [p, 2], p > 64; filled.
        asking: int64 [p], where words of context may stand; filled.
        anchored: int64 [p], where anchors do; filled.
        found: int64 [3], how many of each; overwritten.
        most: bytes, about.
    """
    rows, stop = len(offsets) - 1, offsets[-1]
    base, edge, carry = at[BASE], at[EDGE], np.uint64(at[CARRY])
    until, room = min(stop, base + most), len(places) - LANES
    n, words, anchors = 0, 0, 0
    while base < until and max(n, words, anchors) < room:
        text, place = (data, base) if base < tail_at else (tail, base - tail_at)
        alive = letters(text, place)
        anchor, marks = np.uint64(0), np.uint64(0)
        for more in range(0, len(anchoring), SOME):
            anchor |= among(text, place, anchoring, more)
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
        bits = begin | of_few | asked | anchor | (inside if anywhere else np.uint64(0))
        if stop - base < LANES:
            bits &= (_ONE << U(stop - base)) - _ONE
        while bits:
            k = lowest(bits)
            bits &= bits - _ONE
            at_k = U(k)
            first = eight(text, place + k)
            groups = (
                (anywhere & -np.int64((inside >> at_k) & _ONE))
                | (starting & -np.int64((begin >> at_k) & _ONE))
                | (literal & -np.int64((of_few >> at_k) & _ONE))
            )
            run = (U(symbols[at_k]) * _RUN_FACTOR) >> _RUN_SHIFT
            groups &= runs[run] | -np.int64((short >> at_k) & _ONE)
            groups &= gates[0, first & _BYTE] & gates[1, (first >> _1) & _BYTE]
            groups &= gates[2, (first >> _2) & _BYTE] & gates[3, (first >> _3) & _BYTE]
            groups &= gates[4, (first >> _4) & _BYTE] & gates[5, (first >> _5) & _BYTE]
            groups &= gates[6, (first >> _6) & _BYTE] & gates[7, first >> _7]
            places[n, AT], places[n, GROUPS] = base + k, groups
            n += groups != 0
            asking[words] = base + k
            words += int((asked >> at_k) & _ONE)
            anchored[anchors] = base + k
            anchors += int((anchor >> at_k) & around[(first >> _1) & _BYTE])
        base += LANES
    at[BASE], at[EDGE], at[CARRY] = base, edge, np.int64(carry)
    found[PLACES], found[WORDS], found[ANCHORS] = n, words, anchors
