"""The best correlated noise: coefficients for the smallest error of the running sums.

A model after t steps is (with a constant learning rate) the sum of t noisy gradients, whose noise
is (A C⁻¹ z)_t with A the lower triangle of ones and z as large as C is sensitive. So what counts is

    error = sensitivity(C) · ‖A C⁻¹‖_F / √steps,

the root mean square over the steps for σ = 1 and clip norm 1 (Denisov et al. 2022). For a Toeplitz
C both factors have gradients in closed form: C b = 1 gives the first column b of A C⁻¹ by one
linear filter, and the adjoint filter gives its gradient.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from strongroom.errors import InputError, MissingExtraError
from strongroom.privacy._strategies import Banded, Blt

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.privacy._strategies import Strategy

_EDGE = 1e-9
_TOO_FAR = 1e10


def running_error(strategy: Strategy, steps: int, separation: int) -> float:
    """Return the root mean square error of the running sums, over σ and the clip norm.

    Args:
        strategy: C.
        steps: of the training.
        separation: a unit takes part in every so-many-th step.
    """
    response = _filter(strategy)(np.ones(steps))
    spread = float(np.arange(steps, 0, -1) @ response**2)
    return strategy.sensitivity(steps, separation) * math.sqrt(spread / steps)


def best_banded(bands: int, steps: int, separation: int) -> Banded:
    """Return the banded noise with (nearly) the smallest `running_error`.

    Args:
        bands: at least 1; 1 is independent noise.
        steps: of the training.
        separation: a unit takes part in every so-many-th step; with more bands than that, its own
            contributions add up in C, which is counted.

    Raises:
        InputError: no band, or more bands than steps.
    """
    if not 1 <= bands <= steps:
        raise InputError(f"a banded noise has 1 to {steps:,} bands here, not {bands:,}")
    if bands == 1:
        return Banded((1.0,))
    # Square root of the running sum: the best without participation again (Fichtenberger et al.
    # 2022), cut off.
    start = np.cumprod(1 - 1 / (2 * np.arange(1, bands))).astype(np.float64)

    def value(free: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        column = np.zeros(steps)
        column[0] = 1
        column[1:bands] = free
        found, gradient = _log_error(column, separation, _ratio(column[:bands], np.ones(1)))
        return found, gradient[1:bands]

    found = _minimise(value, start, [(0.0, 1.0)] * (bands - 1))
    return Banded((1.0, *map(float, found)))


def best_blt(buffers: int, steps: int, separation: int) -> Blt:
    """Return the BLT noise with (nearly) the smallest `running_error`.

    Args:
        buffers: vectors that it keeps, from 1 on; 3 to 5 are nearly as good as any number.
        steps: of the training.
        separation: a unit takes part in every so-many-th step.

    Raises:
        InputError: no buffer.
    """
    if buffers < 1:
        raise InputError("a BLT noise has at least one buffer")
    # Decays that cover all time scales from one step to the whole training.
    decays = 1 - np.geomspace(0.5, 1 / (steps + 1), buffers)
    start = np.concatenate([np.full(buffers, 0.5 / buffers), np.log(1 / (1 - decays))])
    powers = np.arange(max(steps - 1, 0))

    def value(free: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scales, decays = free[:buffers], 1 - np.exp(-free[buffers:])
        geometric = decays[:, None] ** powers
        column = np.concatenate([[1.0], scales @ geometric])
        found, gradient = _log_error(column, separation, _blt_filter(scales, decays))
        by_decay = np.zeros_like(geometric)
        by_decay[:, 1:] = powers[1:] * geometric[:, :-1]
        return found, np.concatenate(
            [geometric @ gradient[1:], scales * (by_decay @ gradient[1:]) * (1 - decays)]
        )

    longest = [(0.0, math.log(1 / _EDGE))] * buffers
    # Scales up to 1 / buffers keep the column from rising; wider bounds may do better, or diverge.
    found = _minimise(value, start, [(0.0, 1 / buffers)] * buffers + longest)
    wider = _minimise(value, found, [(0.0, 1.0)] * buffers + longest)
    found = wider if wider[:buffers].sum() <= 1 else found
    scales = found[:buffers] * (1 - 1e-12)
    return Blt(tuple(map(float, scales)), tuple(map(float, 1 - np.exp(-found[buffers:]))))


def _log_error(
    column: NDArray[np.float64], separation: int, inverse: Filter
) -> tuple[float, NDArray[np.float64]]:
    """Return the log of the squared error and its gradient in the (not negative) column."""
    steps = len(column)
    response = inverse(np.ones(steps))
    weighted = np.arange(steps, 0, -1) * response
    spread = float(weighted @ response)
    adjoint = inverse(weighted[::-1])[::-1]
    by_spread = -2 * _correlate(adjoint, response)
    rounds = -(-steps // separation)
    padded = np.zeros((rounds, separation))
    padded.ravel()[:steps] = column
    pattern = np.cumsum(padded, axis=0)
    pattern.ravel()[steps:] = 0
    squared = float((pattern**2).sum())
    by_squared = 2 * np.cumsum(pattern[::-1], axis=0)[::-1].ravel()[:steps]
    if not 0 < spread < math.inf:
        return math.inf, by_spread
    return math.log(spread) + math.log(squared), by_spread / spread + by_squared / squared


def _correlate(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Σ_t left[t] right[t - j] for each j ≥ 0."""
    length = 2 * len(left)
    spectrum = np.fft.rfft(left, length) * np.conj(np.fft.rfft(right, length))
    found: NDArray[np.float64] = np.fft.irfft(spectrum, length)[: len(left)].astype(np.float64)
    return found


def _filter(strategy: Strategy) -> Filter:
    """Return x to C⁻¹ x."""
    if isinstance(strategy, Blt):
        return _blt_filter(np.asarray(strategy.scales), np.asarray(strategy.decays))
    return _ratio(strategy.column(strategy.bands or 1), np.ones(1))


def _blt_filter(scales: NDArray[np.float64], decays: NDArray[np.float64]) -> Filter:
    """Return x to C⁻¹ x: C's generating function 1 + Σ ω x / (1 - θ x) as one fraction."""
    below = np.ones(1)
    for decay in decays:
        below = np.convolve(below, [1.0, -decay])
    above = np.append(below, 0.0)
    for place, scale in enumerate(scales):
        others = np.ones(1)
        for other, decay in enumerate(decays):
            if other != place:
                others = np.convolve(others, [1.0, -decay])
        above[1 : len(others) + 1] += scale * others
    return _ratio(above, below)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> Filter:
    try:
        from scipy.signal import lfilter
    except ImportError as error:
        raise MissingExtraError("scipy", "train") from error

    def apply(signal: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = lfilter(below, above, signal)
        return found

    return apply


def _minimise(
    value: Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]],
    start: NDArray[np.float64],
    bounds: list[tuple[float, float]],
) -> NDArray[np.float64]:
    from scipy.optimize import minimize

    def finite(free: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        with np.errstate(over="ignore", invalid="ignore"):
            found, gradient = value(free)
        # A filter that grows without bound: too far.
        good = math.isfinite(found) and bool(np.isfinite(gradient).all())
        return (found, gradient) if good else (_TOO_FAR, np.zeros_like(free))

    found = minimize(finite, start, jac=True, bounds=bounds, method="L-BFGS-B")
    best: NDArray[np.float64] = found.x if finite(found.x)[0] <= finite(start)[0] else start
    return best


if TYPE_CHECKING:
    Filter = Callable[[NDArray[np.float64]], NDArray[np.float64]]
