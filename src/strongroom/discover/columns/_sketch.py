"""What is kept of a column of any length: how many different values, and a sample of them.

Both are exact while a column is short. Beyond, both keep what a hash chooses, half as many each
time the room is full: of the different values those whose own hash begins with enough zero bits,
with exact counts (distinct sampling, Gibbons, VLDB 2001), and of all values those in places whose
number's hash does. So the answer depends on the data alone, and columns of one table are sampled
in the same rows.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.discover._bytes import bytes_of
from strongroom.discover.columns import _kernels as kernels

if TYPE_CHECKING:
    from collections.abc import Sequence

_SMALLEST, _LARGEST = 1 << 10, 1 << 17
_MOST_PARTS = 256
_STEP = 1 << 20
# What tells the shape of a value stands in so many characters of it.
_HEAD = 400


class Distinct:
    """Counts different values: exactly up to 98,304 of them, then to about 1 % (95 % of cases)."""

    def __init__(self) -> None:
        self._keys = np.zeros(_SMALLEST, np.uint64)
        self._counts = np.zeros(_SMALLEST, np.int64)
        self._used = 0
        self._level = 0

    def add(self, hashes: np.ndarray, counts: np.ndarray) -> None:
        """Add values by their hashes (uint64) and how often each came (int64)."""
        done = 0
        while True:
            done, self._used = kernels.count_in(
                self._keys, self._counts, self._used, self._level, hashes, counts, done
            )
            if done == len(hashes):
                return
            if len(self._keys) < _LARGEST:
                self._rebuild(4 * len(self._keys))
            else:
                self._level += 1
                self._rebuild(_LARGEST)

    def _rebuild(self, size: int) -> None:
        held = self._keys != 0
        keys, counts = self._keys[held], self._counts[held]
        size = min(size, _LARGEST)
        self._keys, self._counts = np.zeros(size, np.uint64), np.zeros(size, np.int64)
        _, self._used = kernels.count_in(self._keys, self._counts, 0, self._level, keys, counts, 0)

    @property
    def exact(self) -> bool:
        """Whether every value was counted."""
        return self._level == 0

    @property
    def room(self) -> int:
        """How many more different values are counted exactly; none once some aren't."""
        return 3 * _LARGEST // 4 - self._used if self.exact else 0

    def unseen(self, hashes: np.ndarray) -> np.ndarray:
        """Return the places of those that were not added yet, while all are counted."""
        places = np.empty(len(hashes), np.int64)
        return places[: kernels.unseen(self._keys, hashes, places)]

    def times(self, hashes: np.ndarray) -> np.ndarray:
        """Return how often each was added, while all are counted; all must have been."""
        times = np.empty(len(hashes), np.int64)
        kernels.look_up(self._keys, self._counts, hashes, times)
        return times

    @property
    def counts(self) -> np.ndarray:
        """How often each value came that is kept."""
        held: np.ndarray = self._counts[self._keys != 0]
        return held

    def estimate(self, present: int) -> tuple[int, float]:
        """Return how many different values there are, and the share of values that come once.

        Args:
            present: how many values were added.
        """
        counts = self.counts
        alone = int((counts == 1).sum())
        if not present:
            return 0, 0.0
        if alone == len(counts):
            # No repetition among so many: the column is a key, and not nearly one.
            return present, 1.0
        scale = 1 << self._level
        return min(present, len(counts) * scale), min(1.0, alone * scale / present)


class Sample:
    """Keeps up to `most` of the values that are added, chosen by the hash of their place."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._level = 0
        self._seen = 0
        self._chosen: list[np.ndarray] = []
        self._parts: list[pa.Array] = []

    def add(self, values: pa.Array) -> None:
        """Add the next values."""
        places, hashes = self._pick(len(values))
        whole = len(places) == len(values)
        self._keep(hashes, _head(values if whole else values.take(pa.array(places))), len(values))

    def skip(self, count: int) -> None:
        """Add that many nulls."""
        while count > 0:
            _, hashes = self._pick(min(count, _STEP))
            self._keep(hashes, pa.nulls(len(hashes)), min(count, _STEP))
            count -= _STEP

    def values(self) -> pa.Array:
        """Return what was kept, in order; as strings where parts differ in type."""
        return together(self._parts)

    def _pick(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        while count >> self._level > self._most:
            self._thin()
        return _picked(self._seen, self._level, count)

    def _keep(self, hashes: np.ndarray, values: pa.Array, seen: int) -> None:
        self._chosen.append(hashes)
        self._parts.append(values)
        self._seen += seen
        while sum(len(h) for h in self._chosen) > self._most:
            self._thin()
        if len(self._parts) > _MOST_PARTS:
            self._chosen, self._parts = [np.concatenate(self._chosen)], [together(self._parts)]

    def _thin(self) -> None:
        self._level += 1
        kept = [h >> np.uint64(64 - self._level) == 0 for h in self._chosen]
        self._chosen = [h[k] for h, k in zip(self._chosen, kept, strict=True)]
        self._parts = [p.filter(pa.array(k)) for p, k in zip(self._parts, kept, strict=True)]


@lru_cache(maxsize=8)
def _picked(seen: int, level: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which of the next values are kept, and their hashes; alike for all columns."""
    places, hashes = np.empty(count, np.int64), np.empty(count, np.uint64)
    found = kernels.pick(seen, level, places, hashes, count)
    return places[:found].copy(), hashes[:found].copy()


def together(parts: Sequence[pa.Array]) -> pa.Array:
    """Put arrays behind one another; where their types differ, as strings."""
    kinds = {p.type for p in parts if not pa.types.is_null(p.type)}
    if not kinds:
        return pa.nulls(sum(len(p) for p in parts))
    kind = kinds.pop() if len(kinds) == 1 else pa.large_string()
    return pa.concat_arrays([p.cast(kind) for p in parts])


def _head(values: pa.Array) -> pa.Array:
    """Cut long strings: how one begins tells what it is."""
    kind = values.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pc.binary_slice(values, 0, _HEAD)
    if not pa.types.is_large_string(kind) or not len(values):
        return values
    lengths = np.diff(bytes_of(values)[1])
    return values if lengths.max() <= _HEAD else pc.utf8_slice_codeunits(values, 0, _HEAD)
