"""A model of bytes that counts: what text of this kind usually says, without the target.

Byte n-grams, each order falling back on the shorter one in proportion to what is unseen (MacKay and
Peto 1995, with one fixed weight).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_ORDER = 6  # bytes seen, the last one being what is expected; 7 would still fit into 64 bits
_WEIGHT = 4.0


class ByteCounts:
    """Byte n-grams of some texts.

    Args:
        texts: to be counted.
    """

    def __init__(self, texts: Sequence[bytes]) -> None:
        self._counts = []
        for order in range(1, _ORDER + 1):
            grams = np.concatenate([np.zeros(0, np.uint64), *(_grams(t, order) for t in texts)])
            self._counts.append((_counted(grams), _counted(grams >> np.uint64(8))))

    def loss(self, text: bytes) -> float:
        """Return the log loss of a text, in nats, all of its bytes together."""
        if not text:
            return 0.0
        chance = np.full(len(text), 1 / 256)
        for order, (whole, before) in enumerate(self._counts, start=1):
            grams = _grams(text, order)
            seen = _look(whole, grams)
            there = _look(before, grams >> np.uint64(8))
            chance = (seen + _WEIGHT * chance) / (there + _WEIGHT)
        return -float(np.log(chance).sum()) if math.isfinite(chance.min()) else math.inf


def _grams(text: bytes, order: int) -> NDArray[np.uint64]:
    """Return the n-gram that ends at each byte, packed; before the text stand zeros."""
    padded = np.frombuffer(bytes(order - 1) + text, np.uint8).astype(np.uint64)
    found = np.zeros(len(text), np.uint64)
    for i in range(order):
        found = (found << np.uint64(8)) | padded[i : i + len(text)]
    return found


def _counted(grams: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    values, counts = np.unique(grams, return_counts=True)
    return values, counts


def _look(
    table: tuple[NDArray[np.uint64], NDArray[np.int64]], grams: NDArray[np.uint64]
) -> NDArray[np.float64]:
    values, counts = table
    if not len(values):
        return np.zeros(len(grams))
    at = np.minimum(np.searchsorted(values, grams), len(values) - 1)
    found: NDArray[np.float64] = np.where(values[at] == grams, counts[at], 0).astype(np.float64)
    return found
