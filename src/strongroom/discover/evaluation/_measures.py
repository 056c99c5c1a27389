"""Precision, recall and F with 95 % intervals, from counts by blocks of texts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

_DRAWS, _FEW = 1000, 20
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """A share between 0 and 1 and its 95 % interval; None where there was nothing to measure."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "–"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def to_json(self) -> list[float | None]:
        """Return value, low, high."""
        return [None if v is None else round(v, 4) for v in (self.value, self.low, self.high)]


@dataclass(frozen=True)
class Measure:
    """How well something was found.

    Attributes:
        gold: what should be found, in spans or characters.
        found: what was found.
        precision: share of `found` that is right.
        recall: share of `gold` that was found.
        f1: their harmonic mean.
        f2: the same with recall counting twice as much: what leaks is worse than what is masked
            for nothing.
    """

    gold: int
    found: int
    precision: Rate
    recall: Rate
    f1: Rate
    f2: Rate

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; rates as [value, low, high]."""
        return {
            "gold": self.gold,
            "found": self.found,
            "precision": self.precision.to_json(),
            "recall": self.recall.to_json(),
            "f1": self.f1.to_json(),
            "f2": self.f2.to_json(),
        }


def measure(
    blocks: np.ndarray, draws: np.ndarray, trials: tuple[int, int] | None = None
) -> Measure:
    """Measure from counts.

    The interval is a bootstrap over blocks of texts, since spans of one text stand or fall
    together. Where that can't vary (everything right, or nothing) or there are few texts, Wilson's
    interval (1927) of precision and recall stands in, and F of their ends.

    Args:
        blocks: int64 [blocks, 4]: gold, gold that was hit, found, found that is right.
        draws: int64 [draws, blocks], how often each block was drawn; see `draw`.
        trials: (gold, found) that are independent at best, where the counts are characters of
            spans: the numbers of spans.
    """
    gold, hit, found, right = (int(n) for n in blocks.sum(axis=0))
    drawn = draws @ blocks
    with np.errstate(invalid="ignore", divide="ignore"):
        recalls, precisions = drawn[:, 1] / drawn[:, 0], drawn[:, 3] / drawn[:, 2]
        few = len(blocks) < _FEW
        independent = trials or (gold, found)
        precision = _rate(right, found, precisions, independent[1], few=few)
        recall = _rate(hit, gold, recalls, independent[0], few=few)
        f1, f2 = (
            _f_rate(precision, recall, _f(precisions, recalls, beta), beta, few=few)
            for beta in (1.0, 2.0)
        )
    return Measure(gold, found, precision, recall, f1, f2)


def draw(blocks: int, seed: int = 0) -> np.ndarray:
    """Draw as many blocks as there are, with replacement, many times: int64 [draws, blocks]."""
    chances = np.full(max(1, blocks), 1 / max(1, blocks))
    drawn: np.ndarray = np.random.default_rng(seed).multinomial(max(1, blocks), chances, _DRAWS)
    return drawn[:, :blocks]


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a proportion."""
    share, z2 = successes / trials, _Z95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    half = _Z95 / (1 + z2 / trials) * spread
    return max(0.0, centre - half), min(1.0, centre + half)


def f_score(precision: float | None, recall: float | None, beta: float = 1.0) -> float | None:
    """Return F; 0 where one of the two is undefined and the other isn't: nothing was right."""
    if precision is None and recall is None:
        return None
    return float(_f(np.array(precision or 0.0), np.array(recall or 0.0), beta))


def _f(precision: np.ndarray, recall: np.ndarray, beta: float) -> np.ndarray:
    p, r, b2 = np.nan_to_num(precision), np.nan_to_num(recall), beta * beta
    below = b2 * p + r
    made: np.ndarray = np.where(below > 0, (1 + b2) * p * r / np.where(below > 0, below, 1), 0.0)
    return made


def _rate(successes: int, trials: int, drawn: np.ndarray, independent: int, *, few: bool) -> Rate:
    if not trials:
        return Rate(None)
    share = successes / trials
    if few or share in {0.0, 1.0}:
        return Rate(share, *wilson(share * independent, max(1, independent)))
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return Rate(share, float(low), float(high))


def _f_rate(precision: Rate, recall: Rate, drawn: np.ndarray, beta: float, *, few: bool) -> Rate:
    value = f_score(precision.value, recall.value, beta)
    if value is None:
        return Rate(None)
    if few or value in {0.0, 1.0}:
        ends = (f_score(getattr(precision, e), getattr(recall, e), beta) for e in ("low", "high"))
        return Rate(value, *ends)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Rate(value, float(low), float(high))
