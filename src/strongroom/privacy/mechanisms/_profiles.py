"""Privacy-loss distributions from privacy profiles: δ as a function of ε, by connecting the dots.

Between the points of the grid the profile is replaced by what lies above it (Doroshenko et al.
2022), so that the distribution is never too small, however it is composed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.privacy.mechanisms._base import dp_accounting

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Profile = Callable[[NDArray[np.float64]], NDArray[np.float64]]

# Standard deviations beyond which a Gaussian's tail is below e^-50 / 2.
_REACH = 9.9


def profile_losses(grid: float, *sides: tuple[float, float, Profile]) -> Any:  # noqa: ANN401
    """Return the distribution of dp-accounting with these profiles.

    Args:
        grid: discretisation of the loss.
        sides: (lowest ε, highest ε, profile) for removing a unit, and for adding one if that is
            another; outside of them the loss is rounded up.
    """
    dp = dp_accounting()
    masses = []
    for low, high, profile in sides:
        first, last = math.floor(low / grid), math.ceil(high / grid)
        epsilons = np.arange(first, last + 1, dtype=np.float64) * grid
        deltas = np.clip(profile(epsilons), np.maximum(0.0, -np.expm1(epsilons)), 1.0)
        masses.append(
            dp.pld.pld_pmf.create_pmf_pessimistic_connect_dots_fixed_gap(
                grid, first, last, _convex(np.exp(epsilons), deltas)
            )
        )
    return dp.pld.privacy_loss_distribution.PrivacyLossDistribution(*masses)


def _convex(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest convex function below the points.

    A profile is convex in e^ε, so an upper bound on one may be lowered to its hull: the smaller
    of two bounds has a dent where they cross, and sums leave dents of rounding.
    """
    hull: list[int] = []
    for place in range(len(x)):
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (y[b] - y[a]) * (x[place] - x[a]) < (y[place] - y[a]) * (x[b] - x[a]):
                break
            hull.pop()
        hull.append(place)
    return np.interp(x, x[hull], y[hull]).astype(np.float64)


def gaussian_reach(mu: float) -> float:
    """Return the loss of N(μ, 1) over N(0, 1) above which there is nearly nothing."""
    return mu * (_REACH + mu / 2)


def gaussian_profile(mu: float) -> Profile:
    """Return the profile of N(μ, 1) and N(0, 1)."""
    from scipy.special import ndtr

    def profile(epsilons: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = ndtr(mu / 2 - epsilons / mu) - np.exp(epsilons) * ndtr(
            -mu / 2 - epsilons / mu
        )
        return found

    return profile


def concentrated_profile(rho: float, epsilons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a bound on the profile, at ε >= 0, of whatever is ρ-zCDP.

    Canonne, Kamath and Steinke 2020, corollary 13: every order α > 1 gives one; this is the order
    that is best but for a factor before the exponential.
    """
    alpha = 1 + np.maximum((epsilons - rho) / (2 * rho), 1e-3)
    exponent = (alpha - 1) * (alpha * rho - epsilons) + alpha * np.log1p(-1 / alpha)
    found: NDArray[np.float64] = np.exp(np.minimum(exponent - np.log(alpha - 1), 0.0))
    return found


def replaced_profile(rate: float, mu: float) -> tuple[float, float, Profile]:
    """Return the profile of a uniform subset of fixed size with one unit replaced.

    Given the rest of the batch, the sums are mixtures r N(x) + (1 - r) N(z) and r N(x') +
    (1 - r) N(z), whose hockey stick at e^ε ≥ 1 is at most r times that of N(μ) and N(0) at
    1 + (e^ε - 1) / r (Balle, Barthe and Gaboardi 2018, advanced joint convexity); below 1 it
    follows from the same with the roles changed. The two halves meet convexly, so they are the
    profile of a pair that dominates (Zhu, Dong and Wang 2022).

    Args:
        rate: the chance of each unit to be in the batch.
        mu: what a replacement moves the sum by, over the noise.
    """
    inner = gaussian_profile(mu)

    def profile(epsilons: NDArray[np.float64]) -> NDArray[np.float64]:
        size = np.abs(epsilons)
        half = rate * inner(np.log1p(np.expm1(size) / rate))
        return np.where(epsilons >= 0, half, -np.expm1(-size) + np.exp(-size) * half)

    most = math.log1p(rate * math.expm1(gaussian_reach(mu)))
    return -most, most, profile
