"""Distinct words of sentences, numbered in the order in which they are met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.compiled import compiled
from strongroom.discover.names._kernels_words import fingerprint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@compiled
def number_words(
    data: NDArray[np.uint8],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    keys: NDArray[np.int64],
    numbers: NDArray[np.int32],
    known: int,
    out: NDArray[np.int32],
) -> int:
    """Write every token's number; return how many distinct words are known now.

    Args:
        data: UTF-8.
        start: [n] first byte of each token.
        end: [n] byte after it.
        keys: open table of fingerprints, 0 where free; at most half of it may be taken.
        numbers: [keys] the word of each.
        known: distinct words so far.
        out: [n] is filled.
    """
    mask = len(keys) - 1
    for t in range(len(start)):
        key = fingerprint(data, start[t], end[t]) | 1
        i = (key ^ (key >> 21)) & mask
        while keys[i] != 0 and keys[i] != key:
            i = (i + 1) & mask
        if keys[i] == 0:
            keys[i], numbers[i] = key, known
            known += 1
        out[t] = numbers[i]
    return known
