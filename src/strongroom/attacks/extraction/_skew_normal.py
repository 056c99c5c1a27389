"""The skew-normal distribution, fitted to what was sampled and read far out in its lower tail.

Azzalini 1985; used by Carlini et al. 2019, section 4.3, for the ranks of secrets of which there are
too many to try.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strongroom.attacks._intervals import special_functions

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_SKEW = 0.99  # the family reaches 0.9953
_POINTS = 4_000
_REACH = 40.0


@dataclass(frozen=True)
class SkewNormal:
    """2/ω φ((x-ξ)/ω) Φ(α(x-ξ)/ω).

    Attributes:
        place, scale, shape: ξ, ω and α.
    """

    place: float
    scale: float
    shape: float

    @classmethod
    def fit(cls, values: NDArray[np.floating]) -> SkewNormal:
        """Return the member of the family with the values' mean, variance and skewness.

        A skewness that the family doesn't reach becomes the nearest that it does.
        """
        x = np.asarray(values, np.float64)
        mean, deviation = float(x.mean()), float(x.std())
        if deviation <= 0:
            return cls(mean, 1e-12, 0.0)
        skew = float((((x - mean) / deviation) ** 3).mean())
        skew = max(-_MOST_SKEW, min(_MOST_SKEW, skew))
        power = abs(skew) ** (2 / 3)
        delta = math.sqrt(math.pi / 2 * power / (power + ((4 - math.pi) / 2) ** (2 / 3)))
        delta = math.copysign(min(delta, 0.9999), skew)
        scale = deviation / math.sqrt(1 - 2 * delta**2 / math.pi)
        return cls(
            mean - scale * delta * math.sqrt(2 / math.pi), scale, delta / math.sqrt(1 - delta**2)
        )

    def log_cdf(self, value: float) -> float:
        """Return the log of the share at or below a value, exact far below machine precision."""
        special = special_functions()
        z = (value - self.place) / self.scale
        # Points lie ever denser towards z: the further out, the faster the density falls.
        steps = np.linspace(0, 1, _POINTS) ** 3 * _REACH / max(1.0, abs(z))
        t = z - steps
        log = math.log(2) - t**2 / 2 - math.log(2 * math.pi) / 2 + special.log_ndtr(self.shape * t)
        top = float(log.max())
        found = top + math.log(float(np.trapezoid(np.exp(log - top), steps)))
        return min(0.0, found)

    def cdf(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the shares at or below values, to machine precision of 1."""
        special = special_functions()
        z = (np.asarray(values, np.float64) - self.place) / self.scale
        found: NDArray[np.float64] = special.ndtr(z) - 2 * special.owens_t(z, self.shape)
        return found

    def distance(self, values: NDArray[np.floating]) -> tuple[float, float]:
        """Return how far the values are from the distribution: Kolmogorov and Smirnov's D, and p.

        The p is too kind, since the same values were fitted: a small one speaks against the fit, a
        large one little for it.
        """
        x = np.sort(np.asarray(values, np.float64))
        n = len(x)
        share = self.cdf(x)
        d = max(
            float((np.arange(1, n + 1) / n - share).max()), float((share - np.arange(n) / n).max())
        )
        return d, float(special_functions().kolmogorov(d * math.sqrt(n)))
