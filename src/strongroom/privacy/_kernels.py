"""Normal draws by the ziggurat (Marsaglia & Tsang 2000), from a cryptographic key stream.

A draw takes one 64-bit word: 8 bits choose the strip, 53 others the signed position in it, so the
two are independent (Doornik 2005, "An Improved Ziggurat Method", on what happens otherwise). About
one draw in ninety needs further words, which come from the end of the buffer. Strips and tail are
exact up to the rounding of 53-bit uniforms.
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
def _draw(words: NDArray[np.uint64], word: np.uint64, spare: int) -> tuple[float, int]:
    """Return one draw that begins with `word`, and where the next spare word stands."""
    while True:
        strip = np.int64(word & np.uint64(_STRIPS - 1))
        signed = np.float64(np.int64(word) >> np.int64(11)) * _TO_SIGNED
        value = signed * EDGES[strip]
        if abs(value) < EDGES[strip + 1]:
            return value, spare
        if spare + 64 > len(words):
            return value, len(words) + 1
        if strip == 0:
            while spare + 2 <= len(words):
                beyond = -math.log(_uniform(words[spare])) / _RIGHT
                other = -math.log(_uniform(words[spare + 1]))
                spare += 2
                if other + other > beyond * beyond:
                    return math.copysign(_RIGHT + beyond, signed), spare
            return value, len(words) + 1
        share = _uniform(words[spare])
        height = HEIGHTS[strip + 1] + share * (HEIGHTS[strip] - HEIGHTS[strip + 1])
        if height < math.exp(-value * value / 2):
            return value, spare + 1
        word = words[spare + 1]
        spare += 2


@compiled
def normals(words: NDArray[np.uint64], out: NDArray[np.float64]) -> int:
    """Fill `out` with standard normal draws.

    Returns:
        How many words were used; more than there are if they were too few.
    """
    spare = len(out)
    for i in range(len(out)):
        out[i], spare = _draw(words, words[i], spare)
    return spare


@compiled
def add_noise(
    words: NDArray[np.uint64],
    total: NDArray[np.floating],
    grid: float,
    deviation: float,
    out: NDArray[np.floating],
) -> int:
    """Put `total`, rounded to the grid, plus normal noise on the grid into `out`.

    Args:
        words: uint64 [at least n], of the key stream.
        total: [n].
        grid: a power of two.
        deviation: of the noise, in grid steps.
        out: [n].

    Returns:
        How many words were used; more than there are if they were too few.
    """
    spare, inverse = len(total), 1.0 / grid
    for i in range(len(total)):
        value, spare = _draw(words, words[i], spare)
        out[i] = (np.rint(np.float64(total[i]) * inverse) + np.rint(value * deviation)) * grid
    return spare
