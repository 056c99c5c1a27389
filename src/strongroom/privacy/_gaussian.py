"""The Gaussian mechanism, exactly: ε, δ and μ from each other (Balle and Wang 2018, theorem 8)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def gaussian_delta(mu: float, epsilon: float) -> float:
    """Return the exact δ at `epsilon` of a Gaussian mechanism with sensitivity / deviation `mu`."""
    first = _log_normal_cdf(mu / 2 - epsilon / mu)
    second = epsilon + _log_normal_cdf(-mu / 2 - epsilon / mu)
    return math.exp(first) * -math.expm1(min(second - first, 0.0))


def gaussian_epsilon(mu: float, delta: float) -> float:
    """Return the exact ε at `delta` of a Gaussian mechanism with sensitivity / deviation `mu`."""
    if gaussian_delta(mu, 0.0) <= delta:
        return 0.0
    high = 1.0
    while gaussian_delta(mu, high) > delta:
        high *= 2
    return _bisect(lambda e: gaussian_delta(mu, e) > delta, 0.0, high)


def gaussian_mu(epsilon: float, delta: float) -> float:
    """Return the largest sensitivity / deviation whose exact δ at `epsilon` is at most `delta`."""
    high = 1.0
    while gaussian_delta(high, epsilon) <= delta:
        high *= 2
    # Bisection ends above the root; the caller wants the safe side.
    return _bisect(lambda m: gaussian_delta(m, epsilon) <= delta, 0.0, high) * (1 - 1e-12)


def _bisect(below: Callable[[float], bool], low: float, high: float) -> float:
    """Return the upper end of the last interval of a monotone predicate that turns false."""
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if below(middle):
            low = middle
        else:
            high = middle
    return high


def _log_normal_cdf(x: float) -> float:
    """Return log Φ(x) without underflow."""
    if x > -30:  # noqa: PLR2004 - erfc underflows below -37
        return math.log(math.erfc(-x / math.sqrt(2)) / 2)
    inverse = 1 / (x * x)
    series = 1 - inverse * (1 - 3 * inverse * (1 - 5 * inverse))
    return -x * x / 2 - math.log(-x * math.sqrt(2 * math.pi)) + math.log(series)
