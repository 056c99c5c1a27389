"""One pass over a column, window by window: from places to walks, from walks to hits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover.checks._kernels import SCRATCH
from strongroom.discover.engine import _kernels_context as beside
from strongroom.discover.engine import _kernels_judge as judging
from strongroom.discover.engine import _kernels_search as searching
from strongroom.discover.engine import _kernels_starts as starting
from strongroom.discover.engine import _kernels_walk as walking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.discover.engine._tables import Tables

_WINDOW = 1 << 18
_PLACES, _WORDS, _PENDING, _WALKS, _EVENTS, _HITS = (1 << n for n in (16, 14, 14, 15, 14, 15))


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
        self._words = np.empty((_WORDS, 3), np.int64)
        self._pending, self._walks = np.empty((_PENDING, 4), np.int64), np.empty((_WALKS, 4), np.int64)
        margin = walking.MOST_GROUPS * walking.ENDS + len(tables.begin.anchors)
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
        self._hits = np.empty((max(_HITS, 4 * rules), 4), np.int64)
        self._scores = np.empty(len(self._hits), np.float32)
        self._found, self._rules = 0, rules
        self._before: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []

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
        at, standing = np.zeros(3, np.int64), np.zeros(5, np.int64)
        at[searching.BASE] = self._offsets[0]
        told, symbols = np.zeros(4, np.uint64), np.zeros(searching.LANES, np.uint32)
        places = np.empty((_PLACES, 2), np.int64)
        texts = (self._data, self._tail, self._tail_at, self._offsets)
        while at[searching.BASE] < self._offsets[-1]:
            done = 0
            many = searching.search(
                *texts, at, *self._tables.search, told, symbols, places, _WINDOW
            )
            while done < many:
                done, events = starting.begin(
                    *texts, places, done, many, standing, *self._tables.walk, *self._tables.begin,
                    self._words, self._pending, self._walks, self._events, self._walked,
                )  # fmt: skip
                until = int(places[done, searching.AT]) // 4 if done < many else int(at[searching.BASE])
                self._judge(events)
                self._walk(int(standing[starting.WALKS]))
                self._beside(standing, until, everywhere)
        self._before.append((self._hits[: self._found], self._scores[: self._found]))
        every, worth = zip(*self._before, strict=True)
        return np.concatenate(every), np.concatenate(worth)

    def _beside(self, standing: NDArray[np.int64], until: int, everywhere: int) -> None:
        """Walk the pending starts that have a word near them, and forget what lies behind."""
        known, waiting = int(standing[starting.WORDS]), int(standing[starting.PENDING])
        done = 0
        while done < waiting:
            done, many = beside.beside(
                self._pending, done, waiting, self._words, known, until, self._tables.asks,
                everywhere, self._tables.longest, self._walks,
            )  # fmt: skip
            self._walk(many)
        kept = min(known, starting.WORDS_KEPT)
        self._words[:kept] = self._words[known - kept : known].copy()
        standing[[starting.WORDS, starting.PENDING, starting.WALKS]] = kept, 0, 0

    def _walk(self, many: int) -> None:
        done = 0
        while done < many:
            done, events = walking.walk_all(
                self._data, self._offsets, self._walks, done, many, *self._tables.walk,
                self._events, self._walked,
            )  # fmt: skip
            self._judge(events)

    def _judge(self, many: int) -> None:
        event = 0
        while event < many:
            if self._found + self._rules > len(self._hits):
                kept = self._hits[: self._found].copy(), self._scores[: self._found].copy()
                self._before.append(kept)
                self._found = 0
            event, self._found = judging.judge(
                self._data, self._tail, self._tail_at, self._offsets, self._events, event, many,
                *self._tables.judge, self._words, self._near, self._always, self._least,
                *self._lent, self._hits, self._scores, self._found,
            )  # fmt: skip


def _tail(data: NDArray[np.uint8], begin: int) -> tuple[NDArray[np.uint8], int]:
    """Return a copy of the last bytes with zeros behind, and where in the data it begins."""
    steps = (len(data) - searching.LAST - begin) // searching.LANES + 1
    at = begin + searching.LANES * max(0, steps)
    tail = np.zeros(searching.LAST_ROOM, np.uint8)
    tail[: len(data) - at] = data[at:]
    tail.flags.writeable = False
    return tail, at
