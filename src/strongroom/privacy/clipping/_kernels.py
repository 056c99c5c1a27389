"""One pass over inputs and output gradients for the parameters of normalising layers.

In PyTorch the same takes a normalisation, a product and two sums, each through memory. Sums of up
to 64 places are in the values' own precision, and these sums are added up in double precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

_BLOCK = 64


@compiled
def by_place(given: Floats, returned: Floats, mean: Floats, scale: Floats, out: Floats) -> None:
    """Layers that normalise each place by itself.

    Args:
        given: [units, places, features].
        returned: the same.
        mean: [units, places], subtracted from the input.
        scale: [units, places], multiplied with it.
        out: [units, 2, features]: the gradients of scale and shift.
    """
    units, places, features = given.shape
    block = np.zeros((2, features), given.dtype)
    whole = np.zeros((2, features))
    for unit in range(units):
        whole[:] = 0
        for begin in range(0, places, _BLOCK):
            block[:] = 0
            for place in range(begin, min(begin + _BLOCK, places)):
                m, s = mean[unit, place], scale[unit, place]
                for f in range(features):
                    g = returned[unit, place, f]
                    block[0, f] += g * ((given[unit, place, f] - m) * s)
                    block[1, f] += g
            for f in range(features):
                whole[0, f] += block[0, f]
                whole[1, f] += block[1, f]
        for f in range(features):
            out[unit, 0, f] = whole[0, f]
            out[unit, 1, f] = whole[1, f]


@compiled
def by_channel(given: Floats, returned: Floats, mean: Floats, scale: Floats, out: Floats) -> None:
    """Layers that normalise groups of channels over all places; channels last.

    Args:
        given: [units, places, channels].
        returned: the same.
        mean: [units, channels], subtracted from the input.
        scale: [units, channels], multiplied with it.
        out: [units, 2, channels]: the gradients of scale and shift.
    """
    units, places, channels = given.shape
    block = np.zeros((2, channels), given.dtype)
    whole = np.zeros((2, channels))
    for unit in range(units):
        whole[:] = 0
        for begin in range(0, places, _BLOCK):
            block[:] = 0
            for place in range(begin, min(begin + _BLOCK, places)):
                for c in range(channels):
                    g = returned[unit, place, c]
                    block[0, c] += g * ((given[unit, place, c] - mean[unit, c]) * scale[unit, c])
                    block[1, c] += g
            for c in range(channels):
                whole[0, c] += block[0, c]
                whole[1, c] += block[1, c]
        for c in range(channels):
            out[unit, 0, c] = whole[0, c]
            out[unit, 1, c] = whole[1, c]
