"""Secret coins: every random choice of a private run, from one 32-byte seed.

A coin is addressed by a label and a step, so that the coins of step t are the same whether the run
got there in one go or after a crash: replaying a reserved run is the same release. Each address has
its own ChaCha20 key (HKDF-SHA256, RFC 5869), and the key stream is read as 64-bit words.

What is closed, and what isn't, of the known attacks on noise in floating point:

- *Porous outputs* (Mironov 2012): closed. `noisy_sum` rounds the sum to a fixed grid, draws the
  noise on the same grid and adds the two as whole numbers, so which values can appear doesn't
  depend on the data. Rounding to whole grid steps commutes with adding a whole number, so the
  result is a function of (rounded sum + noise) alone. What the rounding adds to the sensitivity is
  added to the deviation.
- *Predictable or recoverable generators*: closed. A cryptographic stream, seeded by the system.
- *Inexact Gaussians* (Holohan & Braghin 2021): mitigated. A draw is the sum of four Box-Muller
  draws, halved, each from 53-bit uniforms. The tails end near 8.5 σ each, and the distribution is
  a very fine discretisation of the Gaussian, not the Gaussian.
- *Timing* (Jin et al. 2022): not addressed; draws take no data-dependent branch, and a local
  training's step time isn't published, but nothing is proved.
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING

import numpy as np
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED_BYTES = 32
_GRID_BITS = 20


class SecretStream:
    """Coins addressed by (label, step).

    Args:
        seed: 32 secret bytes; without it they come from the operating system.
    """

    def __init__(self, seed: bytes | None = None) -> None:
        seed = secrets.token_bytes(SEED_BYTES) if seed is None else seed
        if len(seed) != SEED_BYTES:
            raise InputError(f"a seed has {SEED_BYTES} bytes, this one has {len(seed)}")
        self._seed = seed

    def raw(self, label: str, step: int, size: int) -> bytes:
        """Return `size` bytes of the key stream at this address, from its start."""
        key = HKDF(
            hashes.SHA256(), 32, salt=None, info=f"strongroom coins 1\0{label}\0{step}".encode()
        ).derive(self._seed)
        # A zero nonce is right: the key is used for this one stream only.
        return Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(size))

    def words(self, label: str, step: int, count: int) -> NDArray[np.uint64]:
        """Return `count` uniform 64-bit words."""
        return np.frombuffer(self.raw(label, step, 8 * count), dtype="<u8")

    def uniform(self, label: str, step: int, count: int) -> NDArray[np.float64]:
        """Return uniforms in (0, 1): odd multiples of 2^-54, never 0 or 1."""
        words = self.words(label, step, count)
        return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def bernoulli(self, label: str, step: int, count: int, rate: float) -> NDArray[np.bool_]:
        """Return `count` independent coins that show True with probability `rate`.

        The probability is `rate` rounded down to a multiple of 2^-64: never more than accounted.
        """
        if rate >= 1:
            return np.ones(count, dtype=np.bool_)
        return self.words(label, step, count) < np.uint64(math.floor(rate * 2.0**64))

    def normal(self, label: str, step: int, count: int) -> NDArray[np.float64]:
        """Return `count` standard normal draws, each the halved sum of four Box-Muller draws."""
        pairs = (count + 1) // 2
        uniforms = self.uniform(label, step, 8 * pairs).reshape(2, 4, pairs)
        radius = np.sqrt(-2.0 * np.log(uniforms[0]))
        angle = (2.0 * np.pi) * uniforms[1]
        both = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        halved: NDArray[np.float64] = both.sum(axis=0) / 2.0
        return halved[:count]


def grid_step(sensitivity: float, count: int) -> float:
    """Return the grid of `noisy_sum`, a power of two.

    Rounding all `count` coordinates moves a vector by at most 2^-20 of the sensitivity.
    """
    return 2.0 ** math.floor(math.log2(sensitivity / math.sqrt(count)) - _GRID_BITS)


def noisy_sum(
    total: NDArray[np.float64],
    *,
    sensitivity: float,
    noise_multiplier: float,
    stream: SecretStream,
    label: str,
    step: int,
) -> NDArray[np.float64]:
    """Return `total` on the grid plus Gaussian noise on the grid.

    Args:
        total: float64[count], a sum that one unit moves by at most `sensitivity` in L2.
        sensitivity: the L2 bound.
        noise_multiplier: deviation of the noise over the (rounded) sensitivity.
        stream: where the coins come from.
        label: with `step`, the address of the coins.
        step: never used twice for different sums.

    Returns:
        float64[count], whole multiples of `grid_step(sensitivity, count)`.
    """
    grid = grid_step(sensitivity, total.size)
    # Two neighbours' sums are each moved by at most grid/2 per coordinate.
    rounded_sensitivity = sensitivity + grid * math.sqrt(total.size)
    deviation = noise_multiplier * rounded_sensitivity
    noise = np.rint(stream.normal(label, step, total.size) * (deviation / grid))
    noisy: NDArray[np.float64] = (np.rint(total / grid) + noise) * grid
    return noisy
