"""The pattern tier's front: rules in, hits out."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from strongroom.discover._hits import Hits
from strongroom.discover.checks import Address
from strongroom.discover.engine import _store
from strongroom.discover.engine._tables import compile_rules, said
from strongroom.discover.engine._words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from strongroom.config import DiscoverSpec
    from strongroom.discover._rule import Rule

_WINDOW = 1 << 19
_EVENTS, _WORDS, _PENDING, _HITS = 1 << 16, 1 << 15, 1 << 16, 1 << 15
_REMEMBERED = 65_536
_PLACE_BITS = 34


class Engine:
    """Rules, ready to be looked for.

    Args:
        rules: any number; those that can't reach the lowest score are left out.
        spec: countries and lowest score.

    Raises:
        InputError: a pattern isn't of the dialect or takes too many states.
    """

    def __init__(self, rules: Sequence[Rule], spec: DiscoverSpec) -> None:
        chosen = frozenset({spec.country, *spec.countries})
        # As narrow as the scores that it is held against.
        self._least = float(np.float32(spec.min_score))
        self._rules = [rule for rule in rules if max(said(rule, chosen)) >= spec.min_score]
        self._words = Words(w for rule in self._rules for w in (*rule.context, *rule.against))
        asked = {i: rule.verify for i, rule in enumerate(self._rules) if rule.verify is not None}
        # Addresses are asked about all at once, by a compiled loop of their own.
        self._addresses = {i: one for i, one in asked.items() if isinstance(one, Address)}
        self._doubts = {
            i: _remembering(one) for i, one in asked.items() if i not in self._addresses
        }
        self._entity, self._entities = _coded(rule.entity for rule in self._rules)
        self._recognizer, self._recognizers = _coded(rule.name for rule in self._rules)
        self._validated = np.array([rule.validated for rule in self._rules], np.bool_)
        if self._rules:
            key = _store.key_of(self._rules, chosen, self._least)
            tables = _store.load(key)
            if tables is None:
                tables = compile_rules(self._rules, chosen, self._least, self._words)
                _store.save(key, tables)
            self._search, self._judge, self._asks, self._longest = tables

    def find(self, values: pa.Array, header: str = "") -> Hits:
        """Find what the rules describe.

        Args:
            values: strings; nulls are passed over.
            header: the name of the column as words, which count as if they stood before each value.

        Returns:
            Hits, which may overlap.
        """
        texts = values.cast(pa.large_string())
        buffers = texts.buffers()
        if not (self._rules and len(texts) and buffers[2]):
            return Hits.empty()
        data = np.frombuffer(buffers[2], np.uint8)
        # Kernels are compiled for what they can't write to.
        data.flags.writeable = False
        offsets = np.frombuffer(buffers[1], np.int64)[texts.offset :][: len(texts) + 1]
        hits, scores = self._found(data, offsets, self._words.among(header))
        keep = self._confirmed(data, offsets, hits)
        if texts.null_count:
            keep &= texts.is_valid().to_numpy(zero_copy_only=False)[hits[:, 0]]
        order = np.flatnonzero(keep)
        # Nearly in order already: a sort by runs takes next to nothing.
        order = order[np.argsort((hits[order, 0] << _PLACE_BITS) | hits[order, 1], kind="stable")]
        row, start, end, rule = (hits[order, i] for i in range(4))
        return Hits(
            row, start, end,
            self._entity[rule], scores[order], self._recognizer[rule], self._validated[rule],
            self._entities, self._recognizers,
        )  # fmt: skip

    def _found(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], header: Sequence[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        from strongroom.discover.checks._kernels import SCRATCH
        from strongroom.discover.engine import _kernels_context as beside
        from strongroom.discover.engine import _kernels_judge as judging
        from strongroom.discover.engine import _kernels_search as searching

        at, steps = np.zeros(7, np.int64), np.zeros(2, np.int64)
        at[searching.BASE] = offsets[0]
        tail, tail_at = _tail(data, int(offsets[0]), searching.LAST, searching.LAST_ROOM)
        words, pending = np.empty((_WORDS, 3), np.int64), np.empty((_PENDING, 4), np.int64)
        events = np.empty((_EVENTS + searching.EVENTS_A_CHUNK, 6), np.int64)
        near = np.zeros(judging.NEAR, np.int64)
        always = list(header)[: judging.NEAR // 2]
        near[: len(always)] = always
        everywhere = int(np.bitwise_or.reduce(self._asks[always])) if always else 0
        told, symbols = np.zeros(4, np.uint64), np.zeros(searching.LANES, np.uint32)
        marks = np.zeros(len(self._rules), np.int64)
        lent = (
            marks,
            np.zeros(SCRATCH, np.int64),
            np.zeros((2, searching.ENDS), np.int64),
            np.zeros(256, np.int64),
            steps[1:],
        )
        s = self._search
        walked = (s.moves, s.classes, s.starts, s.beyond, s.sure, s.groups)
        hits = np.empty((max(_HITS, 4 * len(self._rules)), 4), np.int64)
        scores = np.empty(len(hits), np.float32)
        found = 0
        before: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
        while at[searching.BASE] < offsets[-1]:
            many = searching.search(
                data, tail, tail_at, offsets, at, *s, words, events, pending, steps[:1], told,
                symbols,
                _WINDOW,
            )  # fmt: skip
            known, waiting, done = int(at[searching.WORDS]), int(at[searching.PENDING]), 0
            while True:
                event = 0
                while event < many:
                    if found + len(self._rules) > len(hits):
                        before.append((hits[:found].copy(), scores[:found].copy()))
                        found = 0
                    event, found = judging.judge(
                        data, tail, tail_at, offsets, events, event, many, *self._judge, words,
                        near, len(always), self._least, *lent, hits, scores, found,
                    )  # fmt: skip
                if done == waiting:
                    break
                done, many = beside.search_beside(
                    data, offsets, pending, done, waiting, words, known, int(at[searching.BASE]),
                    self._asks, everywhere, self._longest, *walked, events, steps[:1],
                )  # fmt: skip
            kept = min(known, searching.WORDS_KEPT)
            words[:kept] = words[known - kept : known].copy()
            at[searching.WORDS], at[searching.PENDING] = kept, 0
        before.append((hits[:found], scores[:found]))
        every, worth = zip(*before, strict=True)
        return np.concatenate(every), np.concatenate(worth)

    def _confirmed(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], hits: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Ask the rules that have a last word."""
        keep = np.ones(len(hits), np.bool_)
        doubted = np.zeros(len(self._rules), np.bool_)
        doubted[list(self._doubts)] = True
        for i in np.flatnonzero(doubted[hits[:, 3]]).tolist():
            row, first, last, rule = hits[i].tolist()
            span = data[offsets[row] + first : offsets[row] + last].tobytes()
            keep[i] = self._doubts[rule](span)
        for rule, address in self._addresses.items():
            of_it = np.flatnonzero(hits[:, 3] == rule)
            if len(of_it):
                begins = offsets[hits[of_it, 0]]
                keep[of_it] = address.spans(data, begins + hits[of_it, 1], begins + hits[of_it, 2])
        return keep


def _tail(
    data: NDArray[np.uint8], begin: int, most: int, room: int
) -> tuple[NDArray[np.uint8], int]:
    """Return a copy of the last bytes with zeros behind, and where in the data it begins."""
    steps = (len(data) - most - begin) // 64 + 1
    at, tail = begin + 64 * max(0, steps), np.zeros(room, np.uint8)
    tail[: len(data) - at] = data[at:]
    tail.flags.writeable = False
    return tail, at


def _remembering(verify: Callable[[str], bool]) -> Callable[[bytes], bool]:
    @lru_cache(_REMEMBERED)
    def verified(span: bytes) -> bool:
        return bool(verify(span.decode("utf-8", "replace")))

    return verified


def _coded(names: Iterable[str]) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    """Number names by their first appearance."""
    places: dict[str, int] = {}
    codes = np.array([places.setdefault(n, len(places)) for n in names], np.int16)
    return codes, tuple(places)
