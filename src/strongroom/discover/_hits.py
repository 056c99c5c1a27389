"""Detections over a whole column, as arrays: nothing in Python per hit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from strongroom.discover._detection import Detection, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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

    @classmethod
    def empty(cls) -> Hits:
        """Nothing was found."""
        return cls.of_detections(pa.array([], pa.large_string()), {})

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
        columns = list(zip(*rows, strict=True)) or [()] * 7
        kinds = (np.int64, np.int64, np.int64, np.int16, np.float32, np.int16, np.bool_)
        arrays = [np.array(c, kind) for c, kind in zip(columns, kinds, strict=True)]
        return cls(*arrays, tuple(entities), tuple(recognizers))

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
    def together(cls, parts: Sequence[Hits], texts: pa.Array) -> Hits:
        """Put what several tiers found together, overlaps and all."""
        return cls.of_detections(texts, _joined(parts, texts))

    @classmethod
    def merged(cls, parts: Sequence[Hits], texts: pa.Array) -> Hits:
        """Put what several tiers found together, without overlaps (see `resolve`)."""
        joined = _joined(parts, texts)
        return cls.of_detections(texts, {row: resolve(found) for row, found in joined.items()})


def _joined(parts: Sequence[Hits], texts: pa.Array) -> dict[int, list[Detection]]:
    joined: dict[int, list[Detection]] = {}
    for part in parts:
        for row, detections in part.detections(texts).items():
            joined.setdefault(row, []).extend(detections)
    return joined
