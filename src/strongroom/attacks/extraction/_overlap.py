"""How alike two runs of tokens are."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_ORDERS = (1, 2, 3, 4)


def bleu(written: Sequence[int], wanted: Sequence[int]) -> float:
    """Return BLEU-4 of one run against one other, unsmoothed (Papineni et al. 2002), 0 to 1."""
    if not len(written):
        return 0.0
    log = 0.0
    for order in _ORDERS:
        found, there = _grams(written, order), _grams(wanted, order)
        shared = sum(min(count, there[gram]) for gram, count in found.items())
        if not shared:
            return 0.0
        log += math.log(shared / sum(found.values())) / len(_ORDERS)
    brevity = min(0.0, 1 - len(wanted) / len(written))
    return math.exp(log + brevity)


def _grams(run: Sequence[int], order: int) -> Counter[tuple[int, ...]]:
    return Counter(zip(*(run[i:] for i in range(order)), strict=False))


def edits(written: NDArray[np.integer], wanted: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return how many tokens must be put in, taken out or changed, row by row [n, t] (Levenshtein).

    All rows at once: one step per pair of places, n numbers each.
    """
    n, t = written.shape
    width = wanted.shape[1]
    before = np.repeat(np.arange(width + 1)[:, None], n, axis=1)
    for i in range(t):
        now = np.empty_like(before)
        now[0] = i + 1
        change = before[:-1] + (written[:, i] != wanted.T)
        least = np.minimum(change, before[1:] + 1)
        for j in range(width):
            np.minimum(least[j], now[j] + 1, out=now[j + 1])
        before = now
    found: NDArray[np.int64] = before[width]
    return found
