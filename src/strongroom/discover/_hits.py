"""Detections over a whole column, as arrays: nothing in Python per hit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover._detection import Detection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

_PLACE_BITS = 34


@dataclass(frozen=True)
class Hits:
    """What was found in a column of strings, by row and place.

    Attributes:
        row: int64 [n], place in the column.
        start, end: int64 [n], half-open range of UTF-8 bytes within the value.
        entity: int16 [n] into `entities`.
        score: float32 [n].
        recognizer: int16 [n] into `recognizers`.
        validated: bool [n].
        entities: names.
        recognizers: names.
    """

    row: np.ndarray
    start: np.ndarray
    end: np.ndarray
    entity: np.ndarray
    score: np.ndarray
    recognizer: np.ndarray
    validated: np.ndarray
    entities: tuple[str, ...]
    recognizers: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.row)

    def __repr__(self) -> str:
        counts = np.bincount(self.entity, minlength=len(self.entities)).tolist()
        named = sorted((-n, e) for e, n in zip(self.entities, counts, strict=True) if n)
        said = ", ".join(f"{entity} {-n:,}" for n, entity in named)
        return f"<Hits: {said or 'none'}>"

    @classmethod
    def empty(cls) -> Hits:
        """Nothing was found."""
        return cls.together(())

    @classmethod
    def of_detections(cls, texts: pa.Array, found: Mapping[int, Sequence[Detection]]) -> Hits:
        """Turn detections, with offsets in code points of `texts[row]`, into arrays."""
        entities: dict[str, int] = {}
        recognizers: dict[str, int] = {}
        rows = []
        for row in sorted(found):
            text = texts[row].as_py()
            for one in sorted(found[row], key=lambda d: (d.start, d.end)):
                first = len(text[: one.start].encode())
                last = first + len(text[one.start : one.end].encode())
                entity = entities.setdefault(one.entity, len(entities))
                recognizer = recognizers.setdefault(one.recognizer, len(recognizers))
                rows.append((row, first, last, entity, one.score, recognizer, one.validated))
        if not rows:
            return cls.empty()
        places, start, end, kind, score, said, validated = zip(*rows, strict=True)
        return cls(
            np.array(places, np.int64),
            np.array(start, np.int64),
            np.array(end, np.int64),
            np.array(kind, np.int16),
            np.array(score, np.float32),
            np.array(said, np.int16),
            np.array(validated, np.bool_),
            tuple(entities),
            tuple(recognizers),
        )

    def detections(self, texts: pa.Array) -> dict[int, list[Detection]]:
        """Return detections by row, with offsets in code points of `texts[row]`."""
        found: dict[int, list[Detection]] = {}
        row, data = -1, b""
        for i in range(len(self)):
            if self.row[i] != row:
                row = int(self.row[i])
                data = texts[row].as_py().encode()
            start = len(data[: self.start[i]].decode())
            length = len(data[self.start[i] : self.end[i]].decode())
            found.setdefault(row, []).append(
                Detection(
                    self.entities[self.entity[i]],
                    start,
                    start + length,
                    float(self.score[i]),
                    self.recognizers[self.recognizer[i]],
                    bool(self.validated[i]),
                )
            )
        return found

    @classmethod
    def together(cls, parts: Sequence[Hits]) -> Hits:
        """Put what several tiers found together, overlaps and all, by row and place."""
        entities = _all_of(tuple(part.entities for part in parts))
        recognizers = _all_of(tuple(part.recognizers for part in parts))
        joined = cls(
            _column([p.row for p in parts], np.int64),
            _column([p.start for p in parts], np.int64),
            _column([p.end for p in parts], np.int64),
            _column([_named(p.entity, p.entities, entities) for p in parts], np.int16),
            _column([p.score for p in parts], np.float32),
            _column([_named(p.recognizer, p.recognizers, recognizers) for p in parts], np.int16),
            _column([p.validated for p in parts], np.bool_),
            entities,
            recognizers,
        )
        step = np.diff(joined.row)
        if ((step > 0) | (step == 0) & (np.diff(joined.start) >= 0)).all():
            return joined
        return joined.take(np.lexsort((joined.start, joined.row)))

    @classmethod
    def merged(cls, parts: Sequence[Hits]) -> Hits:
        """Put what several tiers found together, without overlaps.

        Who wins is said by `resolve`; how long a hit is counts in bytes here.
        """
        joined = cls.together(parts)
        if not len(joined):
            return joined
        from strongroom.discover._kernels_hits import settle

        kept = np.zeros(len(joined), np.bool_)
        settle(
            joined.row, joined.start, joined.end, joined.entity, joined.score, joined.recognizer,
            joined.validated, kept,
        )  # fmt: skip
        return joined if kept.all() else joined.take(np.flatnonzero(kept))

    def clear_of(self, others: Hits, entity: str) -> Hits:
        """Leave out what overlaps with an entity among others."""
        if entity not in others.entities or not len(self):
            return self
        those = others.take(np.flatnonzero(others.entity == others.entities.index(entity)))
        if not len(those):
            return self
        # A row and a place in it as one number, so that one search answers for all rows.
        order = np.argsort((those.row << _PLACE_BITS) | those.start, kind="stable")
        starts = ((those.row << _PLACE_BITS) | those.start)[order]
        ends = np.maximum.accumulate(((those.row << _PLACE_BITS) | those.end)[order])
        before = np.searchsorted(starts, (self.row << _PLACE_BITS) | self.end) - 1
        reach = np.where(before < 0, -1, ends[np.maximum(before, 0)])
        return self.take(np.flatnonzero(reach <= ((self.row << _PLACE_BITS) | self.start)))

    def named(self) -> Hits:
        """Leave out what has no entity: wholes that hid what lies in them."""
        if self.entities[:1] != ("",):
            return self
        kept = self.take(np.flatnonzero(self.entity > 0))
        return replace(kept, entity=kept.entity - np.int16(1), entities=self.entities[1:])

    def take(self, places: np.ndarray) -> Hits:
        """Return some of the hits."""
        return replace(
            self,
            row=self.row[places],
            start=self.start[places],
            end=self.end[places],
            entity=self.entity[places],
            score=self.score[places],
            recognizer=self.recognizer[places],
            validated=self.validated[places],
        )


def _column(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    """Put parts behind one another, contiguous and of one type."""
    return np.ascontiguousarray(np.concatenate([np.empty(0, kind), *parts]), kind)


@lru_cache(maxsize=256)
def _all_of(names: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Return all names in their order. Small files are many, and what may be found is the same."""
    return tuple(sorted({name for some in names for name in some}))


@lru_cache(maxsize=256)
def _moves(names: tuple[str, ...], among: tuple[str, ...]) -> np.ndarray:
    place = {name: i for i, name in enumerate(among)}
    return np.array([place[name] for name in names], np.int16)


def _named(places: np.ndarray, names: tuple[str, ...], among: tuple[str, ...]) -> np.ndarray:
    """Turn places among some names into places among others."""
    if names == among:
        return places
    moved: np.ndarray = _moves(names, among)[places]
    return moved
