"""How like two images are: correlation, signal to noise, structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WINDOW, _DEVIATION = 11, 1.5
_K1, _K2 = 0.01, 0.03
_TINY = 1e-12


def correlation(
    some: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Return the normalised correlation of rows [n, d] with rows [m, d]: float64 [n, m] in [-1, 1].

    A constant row has no direction, and correlates with nothing.
    """
    found: NDArray[np.float64] = standardised(some) @ standardised(others).T / some.shape[1]
    return found


def standardised(rows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return rows [n, d] brought to mean 0 and variance 1 each; a constant row becomes 0."""
    centred = rows - rows.mean(axis=1, keepdims=True, dtype=np.float64)
    deviation = centred.std(axis=1, keepdims=True)
    found: NDArray[np.float64] = centred / np.maximum(deviation, _TINY)
    found[deviation[:, 0] < _TINY] = 0.0
    return found


def psnr(
    some: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]], span: float
) -> NDArray[np.float64]:
    """Return the peak signal-to-noise ratio, in dB, of pairs [n, ...] whose values span `span`."""
    error = np.square(np.subtract(some, others, dtype=np.float64))
    mean = error.reshape(len(error), -1).mean(axis=1)
    found: NDArray[np.float64] = 10 * np.log10(span**2 / np.maximum(mean, _TINY * span**2))
    return found


def ssim(
    some: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]], span: float
) -> NDArray[np.float64]:
    """Return the structural similarity (Wang et al. 2004) of pairs [n, ..., height, width].

    The published window: Gaussian, 11 by 11 pixels, deviation 1.5, K1 = 0.01, K2 = 0.03; smaller
    images have the largest odd window that fits. The mean over all places where the window fits,
    and over colours.

    Args:
        some: images.
        others: what each is compared with.
        span: what the values span, for example 255.

    Returns:
        float64 [n], 1 for equal images.
    """
    x, y = np.asarray(some, np.float64), np.asarray(others, np.float64)
    rows, columns = _windows(x.shape[-2]), _windows(x.shape[-1])

    def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = rows @ values @ columns.T
        return found

    mean_x, mean_y = smooth(x), smooth(y)
    var_x = smooth(x * x) - mean_x**2
    var_y = smooth(y * y) - mean_y**2
    both = smooth(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * span) ** 2, (_K2 * span) ** 2
    places = ((2 * mean_x * mean_y + c1) * (2 * both + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    found: NDArray[np.float64] = places.reshape(len(places), -1).mean(axis=1)
    return found


def _windows(side: int) -> NDArray[np.float64]:
    """Return the matrix [places, side] that averages a line at every place the window fits."""
    width = min(_WINDOW, side - (side + 1) % 2)
    places = np.arange(width) - width // 2
    window = np.exp(-(places**2) / (2 * _DEVIATION**2))
    matrix = np.zeros((side - width + 1, side))
    for place, row in enumerate(matrix):
        row[place : place + width] = window / window.sum()
    return matrix
