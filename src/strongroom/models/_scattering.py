"""Wavelet scattering: image features that nothing learns, so that private training reads them free.

Second-order scattering (Bruna & Mallat 2013, "Invariant Scattering Convolution Networks"): an image
is filtered by oriented Morlet wavelets at `scales` octaves, the modulus is taken, filtered and
taken again with coarser wavelets, and every result is averaged by a Gaussian of width 2^scales and
sampled once per 2^scales pixels. Small shifts change the averages little, the moduli keep what an
average alone would lose, and no step moves two images further apart than they were.

Every image is transformed by itself, with filters that only its size determines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from strongroom.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WIDTH = 0.8  # deviation of the finest wavelet's envelope, in pixels
_FREQUENCY = 3 * math.pi / 4  # of the finest wavelet
_IMAGES_AT_ONCE = 32


class Scattering:
    """The transform for images of one size.

    Args:
        height, width: of the images, in pixels; both at least 2^(scales + 1).
        scales: octaves J.
        angles: orientations L in half a turn.

    Attributes:
        channels: features per position and colour: 1 + JL + L²J(J-1)/2, in the order 1, first
            order (by scale, then angle), second order (by first wavelet, then second).
        shape: (channels, height // 2^J, width // 2^J) for one colour.

    Raises:
        DataError: the images are too small.
    """

    def __init__(self, height: int, width: int, *, scales: int = 2, angles: int = 8) -> None:
        least = 2 ** (scales + 1)
        if min(height, width) < least:
            raise DataError(
                f"images of {height}×{width} are too small for scattering over {scales} octaves",
                hint=f"both sides need at least {least} pixels",
            )
        self.scales, self.angles = scales, angles
        self.channels = 1 + scales * angles + angles * angles * scales * (scales - 1) // 2
        step = 2**scales
        self.shape = (self.channels, height // step, width // step)
        self._padded = [((side + step) // step + 1) * step for side in (height, width)]
        self._pad = _padding(width, self._padded[1]) + _padding(height, self._padded[0])

    @cached_property
    def _bank(self) -> _Bank:
        height, width = self._padded
        return _bank(height, width, self.scales, self.angles)

    def __call__(self, images: Tensor) -> Tensor:
        """Return float32[n, colours * channels, h, w] for float32[n, colours, height, width]."""
        colours = images.shape[1]
        flat = images.reshape(-1, *images.shape[2:])
        found = torch.empty(len(flat), *self.shape)
        for begin in range(0, len(flat), _IMAGES_AT_ONCE):
            part = slice(begin, begin + _IMAGES_AT_ONCE)
            self._transform(flat[part], found[part])
        return found.reshape(len(images), colours * self.channels, *self.shape[1:])

    def _transform(self, images: Tensor, found: Tensor) -> None:
        padded = nn.functional.pad(images[:, None], self._pad, mode="reflect")[:, 0]
        spectrum = torch.fft.fft2(padded)
        found[:, 0] = self._average(padded, 0)
        first, second = 1, 1 + self.scales * self.angles
        for j1 in range(self.scales):
            moduli = _modulus(spectrum[:, None], self._bank.wavelets[j1][0], 2**j1)
            found[:, first : first + self.angles] = self._average(moduli, j1)
            first += self.angles
            if j1 + 1 == self.scales:
                break
            spectra = torch.fft.fft2(moduli)
            for angle in range(self.angles):
                for j2 in range(j1 + 1, self.scales):
                    again = _modulus(
                        spectra[:, angle, None], self._bank.wavelets[j2][j1], 2 ** (j2 - j1)
                    )
                    found[:, second : second + self.angles] = self._average(again, j2)
                    second += self.angles

    def _average(self, values: Tensor, level: int) -> Tensor:
        """Smooth, sample, and cut the padding off: two matrix products, as a Gaussian separates."""
        smooth: Tensor = self._bank.rows[level] @ values @ self._bank.columns[level]
        return smooth


def _modulus(spectrum: Tensor, wavelets: Tensor, step: int) -> Tensor:
    """Return |x ∗ ψ| at every `step`-th pixel: [n, angles, h / step, w / step].

    Sampling in space is folding in frequency.
    """
    height, width = spectrum.shape[-2] // step, spectrum.shape[-1] // step
    folded: Tensor | None = None
    for top in range(0, spectrum.shape[-2], height):
        for left in range(0, spectrum.shape[-1], width):
            place = (..., slice(top, top + height), slice(left, left + width))
            part = spectrum[place] * wavelets[place]
            folded = part if folded is None else folded.add_(part)
    assert folded is not None  # noqa: S101 - a spectrum has at least one place
    moduli: Tensor = torch.fft.ifft2(folded).abs().div_(step * step)
    return moduli


def _padding(side: int, padded: int) -> tuple[int, int]:
    before = (padded - side) // 2
    return before, padded - side - before


@dataclass(frozen=True)
class _Bank:
    """Filters for images of one padded size. Level l works on every 2^l-th pixel.

    Attributes:
        wavelets: by scale, then level: spectra [angles, height / 2^l, width / 2^l].
        rows: by level: the matrix that smooths and samples along the height, from the left.
        columns: along the width, from the right.
    """

    wavelets: tuple[tuple[Tensor, ...], ...]
    rows: tuple[Tensor, ...]
    columns: tuple[Tensor, ...]


@lru_cache(maxsize=8)
def _bank(height: int, width: int, scales: int, angles: int) -> _Bank:
    wavelets = []
    turns = [(angles - angles // 2 - 1 - a) * math.pi / angles for a in range(angles)]
    for scale in range(scales):
        spectra = np.stack([_morlet(height, width, scale, turn, 4 / angles) for turn in turns])
        levels = [_shrunk(_shrunk(spectra, level, -2), level, -1) for level in range(scale + 1)]
        wavelets.append(tuple(_tensor(s) for s in levels))
    return _Bank(
        tuple(wavelets),
        tuple(_tensor(_averaging(height, scales, level)) for level in range(scales)),
        tuple(_tensor(_averaging(width, scales, level).T) for level in range(scales)),
    )


def _morlet(height: int, width: int, scale: int, angle: float, slant: float) -> NDArray[np.float64]:
    """Return the spectrum of a wavelet: real, since the wavelet is Hermitian, and 0 at 0."""
    wave = _gabor(height, width, scale, angle, slant, _FREQUENCY / 2**scale)
    envelope = _gabor(height, width, scale, angle, slant, 0.0)
    wavelet = wave - envelope * (wave.sum() / envelope.sum())
    spectrum: NDArray[np.float64] = np.fft.fft2(wavelet).real
    return spectrum


def _gabor(
    height: int, width: int, scale: int, angle: float, slant: float, frequency: float
) -> NDArray[np.complex128]:
    """Return a plane wave under an elliptic Gaussian, made periodic by summing its repeats."""
    deviation = _WIDTH * 2**scale
    down = np.arange(-2 * height, 3 * height)[:, None]
    across = np.arange(-2 * width, 3 * width)[None, :]
    along = down * math.cos(angle) + across * math.sin(angle)
    aside = across * math.cos(angle) - down * math.sin(angle)
    exponent = -(along**2 + (slant * aside) ** 2) / (2 * deviation**2) + 1j * frequency * along
    wave = np.exp(exponent) * (slant / (2 * math.pi * deviation**2))
    folded: NDArray[np.complex128] = wave.reshape(5, height, 5, width).sum((0, 2))
    return folded


def _shrunk(spectrum: NDArray[np.float64], level: int, axis: int) -> NDArray[np.float64]:
    """Return a filter's spectrum for signals sampled at every 2^level-th place.

    What a signal so sampled cannot hold is cut off; the rest is folded.
    """
    if level == 0:
        return spectrum
    moved = np.moveaxis(spectrum, axis, -1).copy()
    side = moved.shape[-1]
    kept = side >> level
    moved[..., kept // 2 : kept // 2 + side - kept] = 0
    folded = moved.reshape(*moved.shape[:-1], 2**level, kept).sum(-2)
    return np.moveaxis(folded, -1, axis)


def _averaging(side: int, scales: int, level: int) -> NDArray[np.float64]:
    """Return the matrix that smooths a line of side / 2^level pixels and samples it."""
    deviation = _WIDTH * 2 ** (scales - 1)
    places = np.arange(-2 * side, 3 * side)
    line = np.exp(-(places**2) / (2 * deviation**2)) / (math.sqrt(2 * math.pi) * deviation)
    spectrum = np.fft.fft(line.reshape(5, side).sum(0)).real
    kernel = np.fft.ifft(_shrunk(spectrum, level, -1)).real
    count, step = side >> level, 2 ** (scales - level)
    inner = np.arange(1, side // 2**scales - 1) * step
    matrix: NDArray[np.float64] = kernel[(inner[:, None] - np.arange(count)[None, :]) % count]
    return matrix


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
