"""What references that learnt from a row say of it, and what those that didn't say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUT, IN = 0, 1
FLOOR = 1e-12  # of a variance: references that agree to the last bit must not divide by zero


@dataclass(frozen=True, eq=False)
class Sides:
    """Sufficient statistics of the references' signals, the first axis being (out, in).

    Attributes:
        count: float64 [2, n]: how many references are on a side.
        mean: float64 [2, n]: of their signals; NaN on a side without any.
        squares: float64 [2, n]: sum of squared distances from that mean.
    """

    count: NDArray[np.float64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, signals: NDArray[np.floating], membership: NDArray[np.bool_]) -> Sides:
        """Sum up signals [M, n] by membership bool [M, n]."""
        centre = signals.mean(axis=0, dtype=np.float64)  # squares of what is left lose no digits
        apart = signals - centre
        count, total, square = (np.empty((2, signals.shape[1])) for _ in range(3))
        for side, weight in ((OUT, ~membership), (IN, membership)):
            w = weight.astype(np.float64)
            count[side] = w.sum(axis=0)
            total[side] = np.einsum("mn,mn->n", w, apart)
            square[side] = np.einsum("mn,mn,mn->n", w, apart, apart)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / count
            squares = np.where(count > 0, np.maximum(square - total * mean, 0.0), 0.0)
        return cls(count, mean + centre, squares)

    @property
    def degrees(self) -> NDArray[np.float64]:
        """Degrees of freedom of each side's variance, float64 [2, n]."""
        return np.maximum(self.count - 1, 0.0)

    def pooled(self) -> NDArray[np.float64]:
        """Return each side's variance over all rows, float64 [2].

        With one reference a side nothing varies within a side: then it is half the variance
        between the two.
        """
        degrees = self.degrees.sum(axis=1)
        if degrees.min() == 0:
            between = np.nanvar(self.mean[IN] - self.mean[OUT]) / 2
            return np.full(2, max(float(between), FLOOR))
        variance: NDArray[np.float64] = self.squares.sum(axis=1) / degrees
        return np.maximum(variance, FLOOR)


def log_probability(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return log p for the signal log(p / (1 - p)), without overflow."""
    with np.errstate(invalid="ignore"):  # NaN, where there was no answer, stays NaN
        found: NDArray[np.float64] = -np.logaddexp(0.0, -np.asarray(signal, np.float64))
    return found


def probability(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return p for the signal log(p / (1 - p))."""
    return np.exp(log_probability(signal))


def logit_of_log(likelihood: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return log(p / (1 - p)) for log p; the mean log-likelihood of a token becomes a signal."""
    log_p = np.minimum(np.asarray(likelihood, np.float64), -FLOOR)
    found: NDArray[np.float64] = log_p - np.log(-np.expm1(log_p))
    return found
