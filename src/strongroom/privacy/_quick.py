"""A quick estimate of ε for Poisson-sampled Gaussians: to aim with, never to be stated.

The same connect-the-dots distribution as dp-accounting's (Doroshenko et al. 2022), all points at
once, so that a search costs milliseconds. What is stated is re-checked with dp-accounting.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.privacy.mechanisms._base import Part

_LOG_TAIL = -50.0
_CUT = 1e-15


def quick_epsilon(parts: Sequence[Part], delta: float, grid: float) -> float:
    """Return ε at `delta` of composed Poisson-sampled Gaussians when one unit is added or removed.

    Args:
        parts: (sampling rate, noise multiplier, steps) each.
        delta: in (0, 1).
        grid: discretisation of the loss.
    """
    return max(_one_way(parts, delta, grid, removing=removing) for removing in (True, False))


def _one_way(parts: Sequence[Part], delta: float, grid: float, *, removing: bool) -> float:
    from scipy.fft import next_fast_len

    lows, masses, counts = [], [], []
    log_finite = 0.0
    for rate, noise, steps in parts:
        # A Gaussian needs no repeated convolution.
        sigma, count = (noise / math.sqrt(steps), 1) if rate == 1 else (noise, steps)
        low, mass, infinite = _losses(rate, sigma, grid, removing=removing)
        lows.append(low)
        masses.append(mass)
        counts.append(count)
        log_finite += count * math.log1p(-infinite)
    lower, upper = _window(lows, masses, counts, grid)
    length = next_fast_len(max(upper - lower + 1, *map(len, masses)), real=True)
    product = np.ones(length // 2 + 1, dtype=np.complex128)
    for mass, count in zip(masses, counts, strict=True):
        product *= np.fft.rfft(mass, length) ** count
    first = sum(low * count for low, count in zip(lows, counts, strict=True))
    whole = np.roll(np.fft.irfft(product, length), first - lower).astype(np.float64)
    losses = np.arange(lower, upper + 1, dtype=np.float64) * grid
    return _invert(losses, whole[: len(losses)], -math.expm1(log_finite) + _CUT, delta)


def _losses(
    rate: float, sigma: float, grid: float, *, removing: bool
) -> tuple[int, NDArray[np.float64], float]:
    """Return the lowest loss in grid steps, the masses from there, and that at infinity."""
    from scipy.special import ndtr, ndtri

    reach = -sigma * float(ndtri(0.5 * math.exp(_LOG_TAIL)))

    def loss(x: float) -> float:
        """Return log of (1-q) N(0) + q N(1) over N(0) at x."""
        shift = (x - 0.5) / sigma**2
        if rate == 1:
            return shift
        return float(np.logaddexp(math.log1p(-rate), math.log(rate) + shift))

    low, high = (loss(-reach), loss(1 + reach)) if removing else (-loss(1 + reach), -loss(-reach))
    first, last = math.floor(low / grid), math.ceil(high / grid)
    epsilons = grid * np.arange(first, last + 1)
    # Where the loss crosses ε; outside its range nowhere.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.exp(epsilons if removing else -epsilons) - (1 - rate)
        x = sigma**2 * np.log(np.maximum(ratio, 0) / rate) + 0.5
    if removing:
        without, included = ndtr(-x / sigma), ndtr((1 - x) / sigma)
        upper, under = (1 - rate) * without + rate * included, without
    else:
        without, included = ndtr(x / sigma), ndtr((x - 1) / sigma)
        upper, under = without, (1 - rate) * without + rate * included
    deltas = np.clip(upper - np.exp(epsilons) * under, 0, 1)
    deltas = np.minimum.accumulate(deltas)
    change = np.diff(deltas)
    mass = np.empty_like(deltas)
    mass[0] = 1 - deltas[0] + change[0] / math.expm1(grid)
    mass[1:-1] = (change[1:] - change[:-1] * math.exp(grid)) / math.expm1(grid)
    mass[-1] = change[-1] / math.expm1(-grid)
    return first, np.maximum(mass, 0), float(deltas[-1])


def _window(
    lows: list[int], masses: list[NDArray[np.float64]], counts: list[int], grid: float
) -> tuple[int, int]:
    """Return bounds, in grid steps, outside of which (nearly) no composed loss lies: Chernoff."""
    orders = np.geomspace(0.02, 200, 25)
    above, below = np.zeros_like(orders), np.zeros_like(orders)
    for low, mass, count in zip(lows, masses, counts, strict=True):
        losses = grid * (low + np.arange(len(mass)))
        with np.errstate(divide="ignore"):
            logs = np.log(mass)
        for place, order in enumerate(orders):
            above[place] += count * _log_sum(logs + order * losses)
            below[place] += count * _log_sum(logs - order * losses)
    room = math.log(2 / _CUT)
    high = math.ceil(np.min((above + room) / orders) / grid)
    return min(-math.ceil(np.min((below + room) / orders) / grid), high), high


def _log_sum(logs: NDArray[np.float64]) -> float:
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).sum()))


def _invert(
    losses: NDArray[np.float64], mass: NDArray[np.float64], infinite: float, delta: float
) -> float:
    """Return the ε at which the hockey stick over the losses is `delta`."""
    if infinite > delta:
        return math.inf
    keep = losses >= 0
    losses, mass = losses[keep], mass[keep]
    if not len(losses):
        return 0.0
    upper = infinite + np.cumsum(mass[::-1])[::-1]
    under = np.cumsum((mass * np.exp(-losses))[::-1])[::-1]
    # δ at ε = losses[j] counts what lies above it.
    at = np.append(upper[1:], infinite) - np.exp(losses) * np.append(under[1:], 0.0)
    over = np.flatnonzero(at > delta)
    place = int(over[-1]) + 1 if len(over) else 0
    if upper[place] - delta <= under[place]:
        return 0.0
    return math.log((upper[place] - delta) / under[place])
