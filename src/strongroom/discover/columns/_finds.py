"""What was found in the values of a column, each counted as often as it stands there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover._bytes import bytes_of
from strongroom.discover._hits import Hits
from strongroom.discover.columns import _kernels as kernels
from strongroom.discover.columns._profile import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

# A detection that covers this much of a value is the value; less is a mention inside it.
_COVERS = 0.6
# So many hits are kept until it is known how often their values come.
_MOST_KEPT = 1 << 19


class Finds:
    """Adds up hits; those of values that may come again are kept until all have come."""

    def __init__(self) -> None:
        self._sums: dict[str, np.ndarray] = {}
        self._kept: list[tuple[np.ndarray, np.ndarray, Hits]] = []
        self._values = self._hits = 0

    def add(self, hits: Hits, texts: pa.Array, counts: np.ndarray) -> None:
        """Add what was found in texts that come so often (int64 [n])."""
        if len(hits):
            _tally(hits, _lengths(texts), counts, self._sums)

    def keep(self, hits: Hits, texts: pa.Array, hashes: np.ndarray) -> None:
        """Add what was found in texts; how often they come will be told by their hashes."""
        if not len(hits):
            return
        # Values without a hit need no place.
        begins = np.diff(hits.row, prepend=-1) != 0
        held = hits.row[begins]
        moved = replace(hits, row=np.cumsum(begins) - 1 + self._values)
        self._kept.append((hashes[held], _lengths(texts)[held], moved))
        self._values += len(held)
        self._hits += len(hits)

    @property
    def full(self) -> bool:
        """Whether no more should be kept."""
        return self._hits > _MOST_KEPT

    def count(self, times: Callable[[np.ndarray], np.ndarray]) -> None:
        """Add up what was kept; `times` says of hashes how often each came."""
        self._sums = self._counted(times)
        self._kept, self._values, self._hits = [], 0, 0

    def tallies(self, times: Callable[[np.ndarray], np.ndarray]) -> dict[str, Tally]:
        """Return the sums so far, by entity; `times` says of hashes how often each came."""
        return {
            entity: Tally(int(spans), int(values), int(whole), int(validated), float(score))
            for entity, (spans, values, whole, validated, score) in self._counted(times).items()
        }

    def _counted(self, times: Callable[[np.ndarray], np.ndarray]) -> dict[str, np.ndarray]:
        sums = dict(self._sums)
        if self._kept:
            hashes, lengths, parts = zip(*self._kept, strict=True)
            together = Hits.together(parts)
            _tally(together, np.concatenate(lengths), times(np.concatenate(hashes)), sums)
        return sums


def _tally(
    hits: Hits, lengths: np.ndarray, counts: np.ndarray, sums: dict[str, np.ndarray]
) -> None:
    added = np.zeros((len(hits.entities), 5))
    kernels.tally(
        hits.row, hits.start, hits.end, hits.entity, hits.score, hits.validated,
        lengths, counts, _COVERS, added,
    )  # fmt: skip
    for entity, more in zip(hits.entities, added, strict=True):
        if more[0]:
            sums[entity] = sums.get(entity, 0) + more


def _lengths(texts: pa.Array) -> np.ndarray:
    """Return the bytes of each text without the white space around it, int64 [n]."""
    lengths = np.empty(len(texts), np.int64)
    kernels.trimmed(*bytes_of(texts), lengths)
    return lengths
