"""Normal draws by the ziggurat (Marsaglia & Tsang 2000), from a cryptographic key stream.

A draw takes one 64-bit word: 8 bits choose the strip, 53 others the signed position in it, so the
two are independent (Doornik 2005, "An Improved Ziggurat Method", on what happens otherwise). About
one draw in ninety needs further words, which come from the end of the buffer. Strips and tail are
exact up to the rounding of 53-bit uniforms.

Each kernel goes over its numbers twice: once without a branch, so that the compiler makes vector
instructions of it, and once more to the one in ninety that needs further words.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRIPS = 256
_RIGHT = 3.6541528853610088  # where the tail begins
_AREA = 0.00492867323399  # of every strip
_TO_SIGNED, _TO_UNIT = 2.0**-52, 2.0**-53


def _edges() -> NDArray[np.float64]:
    edges = np.zeros(_STRIPS + 1)
    edges[0] = _AREA / math.exp(-_RIGHT * _RIGHT / 2)
    edges[1] = _RIGHT
    for i in range(2, _STRIPS):
        height = _AREA / edges[i - 1] + math.exp(-(edges[i - 1] ** 2) / 2)
        edges[i] = math.sqrt(-2 * math.log(height))
    return edges


EDGES = _edges()
HEIGHTS = np.exp(-EDGES * EDGES / 2)


@compiled
def _uniform(word: np.uint64) -> float:
    return (np.float64(word >> np.uint64(11)) + 0.5) * _TO_UNIT


@compiled
def _open(word: np.uint64) -> float:
    """Return the draw that a word makes if it stands inside its strip."""
    strip = np.int64(word & np.uint64(_STRIPS - 1))
    return float(np.float64(np.int64(word) >> np.int64(11)) * _TO_SIGNED * EDGES[strip])


@compiled
def _inside(word: np.uint64, value: float) -> bool:
    return bool(abs(value) < EDGES[np.int64(word & np.uint64(_STRIPS - 1)) + 1])


@compiled
def _settle(words: NDArray[np.uint64], word: np.uint64, spare: int) -> tuple[float, int]:
    """Return the draw that begins with a word outside its strip, and the next spare word's place.

    The place lies behind the last word if they were too few.
    """
    while True:
        value = _open(word)
        if _inside(word, value):
            return value, spare
        if spare + 2 > len(words):
            return value, len(words) + 1
        strip = np.int64(word & np.uint64(_STRIPS - 1))
        if strip == 0:
            while spare + 2 <= len(words):
                beyond = -math.log(_uniform(words[spare])) / _RIGHT
                other = -math.log(_uniform(words[spare + 1]))
                spare += 2
                if other + other > beyond * beyond:
                    return math.copysign(_RIGHT + beyond, value), spare
            return value, len(words) + 1
        share = _uniform(words[spare])
        height = HEIGHTS[strip + 1] + share * (HEIGHTS[strip] - HEIGHTS[strip + 1])
        if height < math.exp(-value * value / 2):
            return value, spare + 1
        word = words[spare + 1]
        spare += 2


@compiled
def normals(words: NDArray[np.uint64], out: NDArray[np.float64], marks: NDArray[np.uint8]) -> int:
    """Fill `out` with standard normal draws.

    Args:
        words: uint64 [at least n], of the key stream.
        out: [n].
        marks: uint8 [at least n], for the kernel's own use.

    Returns:
        How many words were used; more than there are if they were too few.
    """
    for i in range(len(out)):
        out[i] = _open(words[i])
        marks[i] = np.uint8(not _inside(words[i], out[i]))
    spare = len(out)
    for i in range(len(out)):
        if marks[i]:
            out[i], spare = _settle(words, words[i], spare)
    return spare


@compiled
def add_noise(
    words: NDArray[np.uint64],
    total: NDArray[np.floating],
    grid: float,
    deviation: float,
    out: NDArray[np.floating],
    marks: NDArray[np.uint8],
) -> int:
    """Put `total`, rounded to the grid, plus normal noise on the grid into `out`.

    Args:
        words: uint64 [at least n], of the key stream.
        total: [n].
        grid: a power of two.
        deviation: of the noise, in grid steps.
        out: [n].
        marks: uint8 [n rounded up to eights], for the kernel's own use.

    Returns:
        How many words were used; more than there are if they were too few.
    """
    count, inverse = len(total), 1.0 / grid
    for i in range(count):
        word = words[i]
        value = _open(word)
        out[i] = (np.rint(np.float64(total[i]) * inverse) + np.rint(value * deviation)) * grid
        marks[i] = np.uint8(not _inside(word, value))
    for i in range(count, len(marks)):
        marks[i] = 0
    spare = count
    eights = marks.view(np.uint64)
    for eight in range(len(eights)):
        if eights[eight]:
            for i in range(8 * eight, min(8 * eight + 8, count)):
                if marks[i]:
                    value, spare = _settle(words, words[i], spare)
                    on_grid = np.rint(np.float64(total[i]) * inverse)
                    out[i] = (on_grid + np.rint(value * deviation)) * grid
    return spare
