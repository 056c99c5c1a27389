"""Secret coins: every random choice of a private run, from one 32-byte seed.

A coin is addressed by a label and a step, so that the coins of step t are the same whether the run
got there in one go or after a crash: replaying a reserved run is the same release. Each label has
its own AES-256 key (HKDF-SHA256, RFC 5869), the step is the nonce, and the key stream is read as
64-bit words. The stream is what AES-GCM (NIST SP 800-38D) makes of zeros: counter mode, by the
quickest code that there is for it; the tag is thrown away.

What is closed, and what isn't, of the known attacks on noise in floating point:

- *Porous outputs* (Mironov 2012; Jin et al. 2022): closed. `noisy_sum` rounds the sum to a fixed
  grid, draws the noise on the same grid and adds the two as whole numbers, so which values can
  appear doesn't depend on the data. Rounding to whole grid steps commutes with adding a whole
  number, so the result is a function of (rounded sum + noise) alone, and giving it out in single
  precision is post-processing. What the rounding adds to the sensitivity is added to the deviation.
- *Predictable or recoverable generators* (Holohan & Braghin 2021): closed. A cryptographic stream,
  seeded by the system: from one draw nothing about another can be computed, and the reconstruction
  of a draw's uniforms from its low bits meets a draw that was rounded to the grid.
- *Inexact Gaussians*: nearly. The ziggurat is exact but for 53-bit uniforms; about 2^32 of its
  values fall on each grid step near the middle, so a step's probability is off by about 2^-32 of
  itself. The distribution is a very fine discretisation of the Gaussian, not the Gaussian.
- *Timing* (Jin et al. 2022): not addressed. A draw's time depends on its value; a local training's
  step time isn't published.
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Floats = TypeVar("Floats", bound=np.floating[Any])

SEED_BYTES = 32
_TAG_BYTES = 16
_LONGEST = 1 << 30  # that one call enciphers, in bytes
_TOGETHER = 1 << 15  # draws whose words stay in a core's own cache
_GRID_BITS = 20
_SLACK = 256  # spare words for draws that need more than one


class SecretStream:
    """Coins addressed by (label, step).

    Args:
        seed: 32 secret bytes; without it they come from the operating system.

    Attributes:
        seed: as it was given or drawn. Never to be printed.
    """

    def __init__(self, seed: bytes | None = None) -> None:
        seed = secrets.token_bytes(SEED_BYTES) if seed is None else seed
        if len(seed) != SEED_BYTES:
            raise InputError(f"a seed has {SEED_BYTES} bytes, this one has {len(seed)}")
        self.reseed(seed)
        self._zeros, self._buffer = b"", bytearray()

    def reseed(self, seed: bytes) -> None:
        """Give the coins of another seed from now on."""
        self.seed = seed
        self._ciphers: dict[str, AESGCM] = {}

    def raw(self, label: str, step: int, size: int) -> bytes:
        """Return `size` bytes of the key stream at this address, from its start."""
        return bytes(self._stream(label, step, size))

    def words(self, label: str, step: int, count: int, part: int = 0) -> NDArray[np.uint64]:
        """Return `count` uniform 64-bit words, of a further stream at this address for each part.

        Raises:
            InputError: more than one part can hold.
        """
        return np.frombuffer(self._stream(label, step, 8 * count, part), dtype="<u8")

    def _stream(
        self, label: str, step: int, size: int, part: int = 0, into: bytearray | None = None
    ) -> memoryview:
        if size > _LONGEST:
            raise InputError(f"{size:,} bytes are more coins than one address has")
        cipher = self._ciphers.get(label)
        if cipher is None:
            info = f"strongroom coins 2\0{label}".encode()
            cipher = AESGCM(HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(self.seed))
            self._ciphers[label] = cipher
        if len(self._zeros) < size:
            # Kept: fresh zeros for every step would cost more than the cipher.
            self._zeros = bytes(size)
        found = bytearray(size + _TAG_BYTES) if into is None else into
        nonce = step.to_bytes(8, "little") + part.to_bytes(4, "little")
        cipher.encrypt_into(
            nonce, memoryview(self._zeros)[:size], None, memoryview(found)[: size + _TAG_BYTES]
        )
        return memoryview(found)[:size]

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
        """Return `count` standard normal draws."""
        from strongroom.privacy._kernels import normals

        out = np.empty(count)
        marks = np.empty(min(count, _TOGETHER), np.uint8)
        for part, begin in enumerate(range(0, count, _TOGETHER)):
            some = out[begin : begin + _TOGETHER]

            def kernel(words: NDArray[np.uint64], some: NDArray[np.float64] = some) -> int:
                return normals(words, some, marks)

            self._feed(label, step, part, len(some), kernel)
        return out

    def add_noise(
        self,
        total: NDArray[Floats],
        grid: float,
        deviation: float,
        label: str,
        step: int,
        out: NDArray[Floats] | None = None,
    ) -> NDArray[Floats]:
        """Return `total` on the grid plus normal noise on it; see `noisy_sum`."""
        from strongroom.privacy._kernels import add_noise

        out, steps = np.empty_like(total) if out is None else out, deviation / grid
        for part, begin in enumerate(range(0, total.size, _TOGETHER)):
            some, into = total[begin : begin + _TOGETHER], out[begin : begin + _TOGETHER]
            marks = np.empty(-(-some.size // 8) * 8, np.uint8)

            def kernel(
                words: NDArray[np.uint64],
                some: NDArray[Floats] = some,
                into: NDArray[Floats] = into,
                marks: NDArray[np.uint8] = marks,
            ) -> int:
                return add_noise(words, some, grid, steps, into, marks)

            self._feed(label, step, part, some.size, kernel)
        return out

    def _feed(
        self,
        label: str,
        step: int,
        part: int,
        count: int,
        kernel: Callable[[NDArray[np.uint64]], int],
    ) -> None:
        """Give a kernel as many words as it turns out to need, from the start of the address."""
        spare = count // 16 + _SLACK
        while True:
            size = 8 * (count + spare)
            if len(self._buffer) < size + _TAG_BYTES:
                # Kept: fresh pages for every step would cost as much as the cipher.
                self._buffer = bytearray(size + _TAG_BYTES)
            stream = self._stream(label, step, size, part, self._buffer)
            if kernel(np.frombuffer(stream, dtype="<u8")) <= count + spare:
                return
            spare *= 2


def grid_step(sensitivity: float, count: int) -> float:
    """Return the grid of `noisy_sum`, a power of two.

    Rounding all `count` coordinates moves a vector by at most 2^-20 of the sensitivity.
    """
    return 2.0 ** math.floor(math.log2(sensitivity / math.sqrt(count)) - _GRID_BITS)


def noisy_sum(
    total: NDArray[Floats],
    *,
    sensitivity: float,
    noise_multiplier: float,
    stream: SecretStream,
    label: str,
    step: int,
    out: NDArray[Floats] | None = None,
) -> NDArray[Floats]:
    """Return `total` on the grid plus Gaussian noise on the grid.

    Args:
        total: float64 or float32 [count], a sum that one unit moves by at most `sensitivity` in L2.
        sensitivity: the L2 bound.
        noise_multiplier: deviation of the noise over the (rounded) sensitivity.
        stream: where the coins come from.
        label: with `step`, the address of the coins.
        step: never used twice for different sums.
        out: where the result goes: other memory than `total`.

    Returns:
        [count] of the same type: whole multiples of `grid_step(sensitivity, count)`, in single
        precision rounded.
    """
    grid = grid_step(sensitivity, total.size)
    # Two neighbours' sums are each moved by at most grid/2 per coordinate.
    rounded_sensitivity = sensitivity + grid * math.sqrt(total.size)
    return stream.add_noise(total, grid, noise_multiplier * rounded_sensitivity, label, step, out)
