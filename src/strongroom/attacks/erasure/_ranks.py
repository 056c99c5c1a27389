"""How far some rows stand above others of the same label: area, interval, exact test, power."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Z95 = 1.959963984540054
_Z80 = 0.8416212335729143
_SHUFFLES = 1_999


@dataclass(frozen=True)
class Standing:
    """The chance that a row scores above one of the others with the same label.

    Attributes:
        area: that chance; ties count one half.
        low, high: its 95 % interval.
        p: of "either side of one half", by shuffling within labels (exact up to the shuffles).
        p_above: of "above one half".
        smallest: the least area that so many rows would show four times in five.
        rows, others: how many were compared.
    """

    area: float
    low: float
    high: float
    p: float
    p_above: float
    smallest: float
    rows: int
    others: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "auc": self.area,
            "low": self.low,
            "high": self.high,
            "p": self.p,
            "rows": self.rows,
            "others": self.others,
        }


def stand(
    scores: NDArray[np.float64],
    labels: NDArray[np.integer[Any]],
    other_scores: NDArray[np.float64],
    other_labels: NDArray[np.integer[Any]],
    seed: int,
) -> Standing | None:
    """Compare rows with others, label by label (van Elteren 1960); None where no label is shared.

    Each label counts as often as it occurs among the rows. The interval adds the variances of the
    rows' and the others' parts (DeLong et al. 1988), those of the rows pooled over labels.
    """
    shared = [label for label in np.unique(labels) if (other_labels == label).any()]
    if not shared:
        return None
    kept = np.isin(labels, shared)
    n, coins = int(kept.sum()), np.random.default_rng([seed, 31])
    placements, spread, null = [], 0.0, 0.0
    shuffled = np.zeros(_SHUFFLES)
    others = 0
    for label in shared:
        mine, theirs = scores[labels == label], other_scores[other_labels == label]
        k, m = len(mine), len(theirs)
        others += m
        ranks = _midranks(np.concatenate([mine, theirs]))
        placements.append((ranks[:k] - _midranks(mine)) / m)
        below = 1 - (ranks[k:] - _midranks(theirs)) / k
        spread += (k / n) ** 2 * (float(below.var(ddof=1)) / m if m > 1 else 0.25)
        null += (k / n) ** 2 * (k + m + 1) / (12 * k * m)
        shuffled += (k / n) * (_rank_sums(ranks, k, coins) - k * (k + 1) / 2) / (k * m)
    placed = np.concatenate(placements)
    area = float(placed.mean())
    own = float(placed.var(ddof=1)) / n if n > 1 else 0.25
    half = _Z95 * math.sqrt(own + spread)
    if not own:
        half = max(half, 3 / n)  # the rule of three, where all stand above or below all
    # Shuffles that come as far from the middle, the one that happened among them.
    far = abs(area - 0.5) - 1e-12
    return Standing(
        area,
        max(0.0, area - half),
        min(1.0, area + half),
        float((1 + (np.abs(shuffled - 0.5) >= far).sum()) / (1 + _SHUFFLES)),
        float((1 + (shuffled >= area - 1e-12).sum()) / (1 + _SHUFFLES)),
        min(1.0, 0.5 + (_Z95 + _Z80) * math.sqrt(null)),
        n,
        others,
    )


def rows_needed(margin: float) -> int:
    """Return how many rows are about needed for an interval that reaches no farther than this."""
    return math.ceil((_Z95 / margin) ** 2 / 12)


def _rank_sums(
    ranks: NDArray[np.float64], count: int, coins: np.random.Generator
) -> NDArray[np.float64]:
    """Return the sum of `count` of the ranks, drawn at random, many times over."""
    sums = np.empty(_SHUFFLES)
    step = max(1, 2_000_000 // len(ranks))
    for start in range(0, _SHUFFLES, step):
        size = min(step, _SHUFFLES - start)
        drawn = coins.random((size, len(ranks))).argpartition(count - 1, axis=1)[:, :count]
        sums[start : start + size] = ranks[drawn].sum(axis=1)
    return sums


def _midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    return middle
