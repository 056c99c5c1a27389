"""One pass over a column, window by window: from places to walks, from walks to hits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover.checks._kernels import SCRATCH
from strongroom.discover.engine import _kernels_context as context
from strongroom.discover.engine import _kernels_judge as judging
from strongroom.discover.engine import _kernels_search as searching
from strongroom.discover.engine import _kernels_starts as starting
from strongroom.discover.engine import _kernels_walk as walking
from strongroom.discover.engine._kernels_bits import LANES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.discover.engine._tables import Tables

_WINDOW = 1 << 18
_PLACES, _EVENTS, _HITS = 1 << 16, 1 << 14, 1 << 15


class Pass:
    """A column that is gone over, and the arrays that the kernels hand to each other.

    Args:
        tables: the rules.
        least: no score below it is a hit.
        data: uint8, the texts one after the other; read-only.
        offsets: int64 [rows + 1], where each begins.
    """

    def __init__(
        self, tables: Tables, least: float, data: NDArray[np.uint8], offsets: NDArray[np.int64]
    ) -> None:
        self._tables, self._data, self._offsets = tables, data, offsets
        self._tail, self._tail_at = _tail(data, int(offsets[0]))
        self._words = np.empty((_PLACES + starting.WORDS_KEPT, 3), np.int64)
        self._places = np.empty((_PLACES, 2), np.int64)
        self._covers = np.empty((_PLACES + 1, 2), np.int64)
        self._asking, self._anchored = (np.empty(_PLACES, np.int64) for _ in range(2))
        self._pending, self._walks = (np.empty((_PLACES, 4), np.int64) for _ in range(2))
        margin = max(walking.MOST_GROUPS * walking.ENDS, len(tables.anchor.anchors))
        self._events = np.empty((_EVENTS + margin, 6), np.int64)
        self._walked, self._judged = np.zeros(1, np.int64), np.zeros(1, np.int64)
        rules = len(tables.judge.facts)
        self._near, self._always, self._least = np.zeros(judging.NEAR, np.int64), 0, least
        self._lent = (
            np.zeros(rules, np.int64),
            np.zeros(SCRATCH, np.int64),
            np.zeros((2, walking.ENDS), np.int64),
            np.zeros(256, np.int64),
            self._judged,
        )
        self._rules = rules
        self._renew()
        self._before: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []

    def _renew(self) -> None:
        self._found, size = 0, max(_HITS, 4 * self._rules)
        self._hits, self._scores = np.empty((size, 4), np.int64), np.empty(size, np.float32)

    def run(self, header: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find everything.

        Args:
            header: the numbers of the words that count everywhere.

        Returns:
            int64 [n, 4], row, first byte, byte after the last, and rule; and float32 [n], scores.
        """
        always = list(header)[: judging.NEAR // 2]
        self._near[: len(always)], self._always = always, len(always)
        everywhere = int(np.bitwise_or.reduce(self._tables.asks[always])) if always else 0
        at, found, known = np.zeros(3, np.int64), np.zeros(3, np.int64), 0
        at[searching.BASE] = self._offsets[0]
        told, symbols = np.zeros(4, np.uint64), np.zeros(LANES, np.uint32)
        standing = np.zeros(5, np.int64)
        data, tail, tail_at, offsets = self._data, self._tail, self._tail_at, self._offsets
        while at[searching.BASE] < offsets[-1]:
            searching.search(
                data, tail, tail_at, offsets, at, *self._tables.search, told, symbols,
                self._places, self._asking, self._anchored, found, _WINDOW,
            )  # fmt: skip
            places, asking, anchored = found.tolist()
            row = int(standing[starting.ROW])
            known = context.meet(
                data, tail, tail_at, offsets, row, self._asking, asking, *self._tables.meet,
                self._words, known,
            )  # fmt: skip
            done = 0
            while done < places:
                done, events = starting.begin(
                    data, tail, tail_at, offsets, self._places, done, places, self._words, known,
                    standing, *self._tables.begin, self._covers, self._pending, self._walks,
                    self._events, self._walked,
                )  # fmt: skip
                self._judge(events)
            covering, waiting, walks = standing[starting.COVERS :].tolist()
            done = 0
            while done < anchored:
                done, events = starting.anchor(
                    data, offsets, row, self._anchored, done, anchored, self._words,
                    known, self._covers, covering, *self._tables.anchor, self._events,
                )  # fmt: skip
                self._judge(events)
            self._walk(self._walks, walks)
            waiting = context.beside(
                self._pending, waiting, self._words, known, int(at[searching.BASE]),
                self._tables.asks, everywhere, self._tables.longest,
            )  # fmt: skip
            self._walk(self._pending, waiting)
            kept = min(known, starting.WORDS_KEPT)
            self._words[:kept] = self._words[known - kept : known].copy()
            known = kept
            standing[starting.PENDING :] = 0
            self._keep_cover(standing)
        self._before.append((self._hits[: self._found], self._scores[: self._found]))
        every, worth = zip(*self._before, strict=True)
        return np.concatenate(every), np.concatenate(worth)

    def _keep_cover(self, standing: NDArray[np.int64]) -> None:
        """Forget greedy spans but the last, which may reach into the next window."""
        many = int(standing[starting.COVERS])
        if many:
            self._covers[0] = self._covers[many - 1]
            standing[starting.COVERS] = 1

    def _walk(self, walks: NDArray[np.int64], many: int) -> None:
        done = 0
        while done < many:
            done, events = walking.walk_all(
                self._data, self._offsets, walks, done, many, *self._tables.walk, self._events,
                self._walked,
            )  # fmt: skip
            self._judge(events)

    def _judge(self, many: int) -> None:
        event = 0
        while event < many:
            if self._found + self._rules > len(self._hits):
                self._before.append((self._hits[: self._found], self._scores[: self._found]))
                self._renew()
            event, self._found = judging.judge(
                self._data, self._tail, self._tail_at, self._offsets, self._events, event, many,
                *self._tables.judge, self._words, self._near, self._always, self._least,
                *self._lent, self._hits, self._scores, self._found,
            )  # fmt: skip


def _tail(data: NDArray[np.uint8], begin: int) -> tuple[NDArray[np.uint8], int]:
    """Return a copy of the last bytes with zeros behind, and where in the data it begins."""
    steps = (len(data) - searching.LAST - begin) // LANES + 1
    at = begin + LANES * max(0, steps)
    tail = np.zeros(searching.LAST_ROOM, np.uint8)
    tail[: len(data) - at] = data[at:]
    tail.flags.writeable = False
    return tail, at
