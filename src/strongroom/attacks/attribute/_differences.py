"""Intervals and tests for differences of shares, and the correction for many of them at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import special_functions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Difference:
    """A difference of two shares, its interval, and the one-sided p-value of "it is above 0"."""

    value: float
    low: float
    high: float
    p: float

    def to_json(self) -> dict[str, float]:
        """Return plain JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high, "p": self.p}


def paired(first: NDArray[np.bool_], second: NDArray[np.bool_], confidence: float) -> Difference:
    """Return share(first) - share(second) of the same n rows; n at least 1.

    The interval is Newcombe's (1998, "Improved confidence intervals for the difference between
    binomial proportions based on paired data", method 10), the test McNemar's exact one.
    """
    n = len(first)
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    won, lost = int((first & ~second).sum()), int((~first & second).sum())
    p1, p2 = (both + won) / n, (both + lost) / n
    l1, u1 = _wilson(both + won, n, confidence)
    l2, u2 = _wilson(both + lost, n, confidence)
    margins = (both + won) * (lost + neither) * (both + lost) * (won + neither)
    phi = 0.0
    if margins:
        # A positive correlation is corrected for continuity, as the paper does.
        product = both * neither - won * lost
        phi = (max(product - n / 2, 0.0) if product > 0 else product) / math.sqrt(margins)
    difference = p1 - p2
    below = (p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2
    above = (u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2
    # P(at least `won` of the rows in which they differ), each a fair coin.
    chance = 1.0 if won == 0 else float(special_functions().betainc(won, lost + 1, 0.5))
    return Difference(
        difference,
        max(-1.0, difference - math.sqrt(max(below, 0.0))),
        min(1.0, difference + math.sqrt(max(above, 0.0))),
        chance,
    )


def unpaired(first: NDArray[np.bool_], second: NDArray[np.bool_], confidence: float) -> Difference:
    """Return share(first) - share(second) of two groups of rows; each has at least 1.

    The interval is Newcombe's (1998, "Interval estimation for the difference between independent
    proportions", method 10), the test Fisher's exact one.
    """
    (k1, n1), (k2, n2) = (int(first.sum()), len(first)), (int(second.sum()), len(second))
    p1, p2 = k1 / n1, k2 / n2
    l1, u1 = _wilson(k1, n1, confidence)
    l2, u2 = _wilson(k2, n2, confidence)
    difference = p1 - p2
    return Difference(
        difference,
        difference - math.hypot(p1 - l1, u2 - p2),
        difference + math.hypot(u1 - p1, p2 - l2),
        _fisher(k1, n1, k2, n2),
    )


def smaller(first: Difference, second: Difference) -> Difference:
    """Return the smaller of two differences: what is above 0 only if both are.

    Its lower end holds at the level of the two (intersection-union: Berger 1982), its upper end at
    twice the error.
    """
    return Difference(
        min(first.value, second.value),
        min(first.low, second.low),
        min(first.high, second.high),
        max(first.p, second.p),
    )


def holm(chances: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979)."""
    order = np.argsort(chances)
    corrected, worst = [1.0] * len(chances), 0.0
    for rank, place in enumerate(order):
        worst = max(worst, min(1.0, (len(chances) - rank) * chances[place]))
        corrected[place] = worst
    return corrected


def _wilson(hits: int, trials: int, confidence: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, weight = hits / trials, 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / weight
    half = z / weight * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    return max(0.0, centre - half), min(1.0, centre + half)


def _fisher(k1: int, n1: int, k2: int, n2: int) -> float:
    """Return P(the first group has at least k1 hits), all hits being dealt at random."""
    gammaln: Any = special_functions().gammaln
    hits, total = k1 + k2, n1 + n2
    counts = np.arange(k1, min(hits, n1) + 1)

    def choose(n: Any, k: Any) -> Any:  # noqa: ANN401 - numbers or arrays
        return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

    logs = choose(n1, counts) + choose(n2, hits - counts) - choose(total, hits)
    return float(min(1.0, np.exp(logs).sum()))
