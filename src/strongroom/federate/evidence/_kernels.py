"""The loops of the search: eight bytes at a time over everything that was captured."""

from __future__ import annotations

import numpy as np

from strongroom.compiled import compiled

_MIX = np.uint64(0x9E3779B97F4A7C15)
_EIGHT = np.uint64(8)
_TOP = np.uint64(56)
_FEW = 4  # bytes that differ; a window with fewer, such as zeros, stands in too many places
_PENALTY = 1 << 20
_FULL = 255


@compiled
def push(word: np.uint64, byte: int) -> np.uint64:
    """Return the last eight bytes, little-endian, after one more."""
    return (word >> _EIGHT) | (np.uint64(byte) << _TOP)


@compiled
def slot(word: np.uint64, shift: np.uint64) -> np.uint64:
    """Return where a window of eight bytes is noted."""
    return (word * _MIX) >> shift


@compiled
def distinct(word: np.uint64) -> int:
    """Return how many different bytes a window has."""
    found = 0
    for i in range(8):
        a = (word >> np.uint64(8 * i)) & np.uint64(255)
        new = True
        for j in range(i):
            if a == (word >> np.uint64(8 * j)) & np.uint64(255):
                new = False
        found += new
    return found


@compiled
def choose(  # noqa: C901 - one loop
    pool: np.ndarray,
    begins: np.ndarray,
    counts: np.ndarray,
    shift: np.uint64,
    anchors: np.ndarray,
    places: np.ndarray,
) -> None:
    """Write for each needle the window of eight bytes that is rarest among all needles' windows.

    Needle i is pool[begins[i]:begins[i + 1]], of eight bytes at least; its window goes to
    anchors[i], and how far from its begin it ends to places[i]. `counts` is scratch, zeros.
    """
    for i in range(len(anchors)):
        word = np.uint64(0)
        for j in range(begins[i], begins[i + 1]):
            word = push(word, pool[j])
            if j - begins[i] >= 7:  # noqa: PLR2004 - eight bytes are whole
                at = slot(word, shift)
                if counts[at] < _FULL:
                    counts[at] += 1
    for i in range(len(anchors)):
        word = np.uint64(0)
        least = 1 << 40
        for j in range(begins[i], begins[i + 1]):
            word = push(word, pool[j])
            if j - begins[i] >= 7:  # noqa: PLR2004
                cost = int(counts[slot(word, shift)])
                if cost < least:
                    if distinct(word) < _FEW:
                        cost += _PENALTY
                    if cost < least:
                        least = cost
                        anchors[i] = word
                        places[i] = j - begins[i]


@compiled
def mark(anchors: np.ndarray, shift: np.uint64, seen: np.ndarray) -> None:
    """Set the bit of each anchor in `seen`, uint8 [slots / 8]."""
    for i in range(len(anchors)):
        at = slot(anchors[i], shift)
        seen[at >> np.uint64(3)] |= np.uint8(1) << (at & np.uint64(7))


@compiled
def reorder(pool: np.ndarray, begins: np.ndarray, order: np.ndarray, out: np.ndarray) -> None:
    """Write needles in another order."""
    at = 0
    for i in order:
        for j in range(begins[i], begins[i + 1]):
            out[at] = pool[j]
            at += 1


@compiled
def scan(  # noqa: C901 - one loop
    hay: np.ndarray,
    pool: np.ndarray,
    begins: np.ndarray,
    anchors: np.ndarray,
    places: np.ndarray,
    seen: np.ndarray,
    shift: np.uint64,
    first: np.ndarray,
    times: np.ndarray,
) -> None:
    """Note for each needle where it stands first in `hay`, and how often it stands there.

    For `pool`, `begins`, `anchors` and `places` see `choose`: needles are in the order of their
    anchors; for `seen` see `mark`. Written are `first`, int64 [needles], which holds -1 before, and
    `times`, int64 [needles], which holds 0.
    """
    word = np.uint64(0)
    for i in range(len(hay)):
        word = push(word, hay[i])
        at = slot(word, shift)
        if i < 7 or (seen[at >> np.uint64(3)] >> (at & np.uint64(7))) & 1 == 0:  # noqa: PLR2004
            continue
        low, high = 0, len(anchors)
        while low < high:
            middle = (low + high) // 2
            if anchors[middle] < word:
                low = middle + 1
            else:
                high = middle
        while low < len(anchors) and anchors[low] == word:
            length = begins[low + 1] - begins[low]
            start = i - places[low]
            if start >= 0 and start + length <= len(hay):
                same = True
                for j in range(length):
                    if hay[start + j] != pool[begins[low] + j]:
                        same = False
                        break
                if same:
                    if times[low] == 0:
                        first[low] = start
                    times[low] += 1
            low += 1


@compiled
def squeeze(hay: np.ndarray, folded: np.ndarray, out: np.ndarray, origin: np.ndarray) -> int:
    """Write letters and digits in lower case, and one separator for whatever is between them.

    `folded` maps each byte to what is written, the separator (31) for what is none of them. Every
    64th byte of `out` has its origin noted. Returns how much was written.
    """
    written, between = 0, True
    for i in range(len(hay)):
        byte = folded[hay[i]]
        if byte == 31:  # noqa: PLR2004 - the separator
            if between:
                continue
            between = True
        else:
            between = False
        if written % 64 == 0:
            origin[written // 64] = i
        out[written] = byte
        written += 1
    return written


@compiled
def runs(hay: np.ndarray, inside: np.ndarray, least: int, out: np.ndarray) -> int:
    """Write (begin, end) of runs of bytes that are `inside`, `least` long or longer.

    Returns how many there are, which may be more than `out` holds.
    """
    found, begin = 0, -1
    for i in range(len(hay) + 1):
        if i < len(hay) and inside[hay[i]]:
            if begin < 0:
                begin = i
            continue
        if begin >= 0 and i - begin >= least:
            if found < len(out):
                out[found, 0], out[found, 1] = begin, i
            found += 1
        begin = -1
    return found


@compiled
def zlib_heads(hay: np.ndarray, out: np.ndarray) -> int:
    """Write where two bytes could be the head of a zlib stream (RFC 1950, 2.2); see `runs`."""
    found = 0
    for i in range(len(hay) - 1):
        a = np.int64(hay[i])
        b = np.int64(hay[i + 1])
        if (a & 15) == 8 and a >> 4 <= 7 and not b & 32 and (a * 256 + b) % 31 == 0:  # noqa: PLR2004
            if found < len(out):
                out[found] = i
            found += 1
    return found
