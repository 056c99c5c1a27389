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
            self._tables = tables

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
        from strongroom.discover.engine._pass import Pass

        data = np.frombuffer(buffers[2], np.uint8)
        # Kernels are compiled for what they can't write to.
        data.flags.writeable = False
        offsets = np.frombuffer(buffers[1], np.int64)[texts.offset :][: len(texts) + 1]
        hits, scores = Pass(self._tables, self._least, data, offsets).run(self._words.among(header))
        keep = self._confirmed(data, offsets, hits)
        if texts.null_count:
            keep &= texts.is_valid().to_numpy(zero_copy_only=False)[hits[:, 0]]
        # Nearly in order already: a sort by runs takes next to nothing.
        order = np.argsort((hits[:, 0] << _PLACE_BITS) | hits[:, 1], kind="stable")
        order = order[keep[order]]
        row, start, end, rule = hits[order].T
        return Hits(
            row, start, end,
            self._entity[rule], scores[order], self._recognizer[rule], self._validated[rule],
            self._entities, self._recognizers,
        )  # fmt: skip

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
