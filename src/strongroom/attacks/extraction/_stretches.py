"""Stretches that two sets of texts share, found by hashing every window of bytes once.

Karp and Rabin 1987, over 2^64; whatever hashes alike is compared byte by byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse


class Stretches:
    """Every stretch of `length` bytes of some texts.

    Args:
        texts: where to look.
        length: of a stretch, in bytes.
    """

    def __init__(self, texts: Sequence[bytes], length: int) -> None:
        self.length = length
        self._joined = b"".join(texts)
        starts, self._owners = _places(texts, length)
        hashes = _hashes(self._joined, length)[starts]
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._starts = hashes[order], starts[order]

    def find(self, texts: Sequence[bytes]) -> list[dict[int, int]]:
        """Return for each text which of its stretches stand here: {its place: whose text}.

        The owner is the number of the first text that holds it.
        """
        joined = b"".join(texts)
        starts, owners = _places(texts, self.length)
        hashes = _hashes(joined, self.length)[starts]
        at = np.searchsorted(self._hashes, hashes)
        inside = at < len(self._hashes)
        same = np.zeros(len(at), np.bool_)
        same[inside] = self._hashes[at[inside]] == hashes[inside]
        offsets = np.cumsum([0, *map(len, texts)])
        found: list[dict[int, int]] = [{} for _ in texts]
        for i in np.flatnonzero(same).tolist():
            start, there = int(starts[i]), int(self._starts[at[i]])
            end = there + self.length
            if joined[start : start + self.length] == self._joined[there:end]:
                owner = int(owners[start])
                found[owner][start - int(offsets[owner])] = int(self._owners[there])
        return found


def _places(texts: Sequence[bytes], length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where whole stretches begin in the joined texts, and whose each byte is."""
    sizes = np.array([len(text) for text in texts], np.int64)
    owners = np.repeat(np.arange(len(texts)), sizes)
    ends = np.cumsum(sizes)[owners] if len(texts) else owners
    starts = np.flatnonzero(np.arange(len(owners)) + length <= ends)
    return starts, owners


def _hashes(text: bytes, length: int) -> NDArray[np.uint64]:
    """Return the hash of each window, uint64 [bytes - length + 1], by differences of sums."""
    values = np.frombuffer(text, np.uint8).astype(np.uint64) + np.uint64(1)
    if len(values) < length:
        return np.zeros(0, np.uint64)
    powers = _powers(_BASE, len(values))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values * powers, dtype=np.uint64)])
    # A window that begins at i carries base^i too much.
    back = _powers(pow(_BASE, -1, 2**64), len(values))
    hashes: NDArray[np.uint64] = (sums[length:] - sums[:-length]) * back[: len(values) - length + 1]
    # The low bits of a sum mod 2^64 depend on low bits alone: mix the high ones in.
    return hashes ^ (hashes >> np.uint64(32))


def _powers(base: int, count: int) -> NDArray[np.uint64]:
    steps = np.full(count, base, np.uint64)
    steps[:1] = 1
    return np.cumprod(steps, dtype=np.uint64)
