"""Redaction: personal data in free text gives way to a label, a mask or a surrogate.

Offsets are code points. Overlapping finds are one region, replaced as a whole, so that no end of a
longer find stays behind a shorter one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from strongroom.anonymize._surrogates import surrogate
from strongroom.config import DiscoverSpec
from strongroom.data import Kind
from strongroom.discover import find_column_spans, find_own_values
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from strongroom.data import Dataset
    from strongroom.discover import Detection

    Mode = Literal["label", "mask", "surrogate"]
    Spans = Iterable[tuple[int, Detection]]

BLOCK = "█"
# A shorter value ("5", "Al") is too often something else where nothing says what it is.
_WORTH_REPEATING = 3


@dataclass(frozen=True)
class Redacted:
    """A dataset without the personal data that was found in its text.

    Attributes:
        dataset: the redacted dataset.
        counts: entity to how many regions were replaced.
        columns: which columns were looked through.
    """

    dataset: Dataset
    counts: dict[str, int]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class _Region:
    """A stretch of text to replace; `kept` is one that was written by us and stays."""

    start: int
    end: int
    entity: str
    score: float
    kept: bool = False

    @classmethod
    def of(cls, found: Detection) -> _Region:
        return cls(found.start, found.end, found.entity, found.score)


def redact_text(
    text: str, detections: Iterable[Detection], mode: Mode = "label", key: bytes | None = None
) -> str:
    """Return `text` with every detection replaced.

    Args:
        text: any text.
        detections: where the personal data is, in code points of `text`.
        mode: `label` writes the entity in brackets, `mask` as many blocks as there were letters,
            `surrogate` a plausible stand-in that is the same for the same value under one key.
        key: secret bytes, for surrogates.

    Raises:
        InputError: surrogates without a key.
    """
    regions = _merged(_Region.of(found) for found in detections)
    return _replace(text, regions, mode, _needed(mode, key))[0]


def redact_column(
    values: pa.ChunkedArray | pa.Array, spans: Spans, mode: Mode = "label", key: bytes | None = None
) -> pa.Array:
    """Return a column of text with the spans (row, detection) replaced; see `redact_text`."""
    by_row: dict[int, list[Detection]] = defaultdict(list)
    for row, found in spans:
        by_row[row].append(found)
    texts = values.cast(pa.string()).to_pylist()
    for row, detections in by_row.items():
        texts[row] = redact_text(texts[row], detections, mode, key)
    return pa.array(texts, pa.string())


def redact(
    dataset: Dataset,
    mode: Mode = "label",
    key: bytes | None = None,
    discover_spec: DiscoverSpec | None = None,
    columns: Sequence[str] | None = None,
    own: Mapping[str, pa.ChunkedArray] | None = None,
) -> Redacted:
    """Find and replace personal data in text columns, row by row, until nothing more is found.

    Args:
        dataset: a corpus or a table.
        mode: see `redact_text`.
        key: for surrogates.
        discover_spec: what counts as found.
        columns: the text columns; by default every one of a corpus, and none of a table.
        own: identifier columns of the same rows, whose values are looked for in their row's text.

    Raises:
        DataError: a column isn't there.
        InputError: surrogates without a key.
    """
    if columns is None:
        corpus = dataset.kind is Kind.TEXT
        columns = [c for c in dataset.columns if corpus and is_text(dataset.table[c].type)]
    table, counts = dataset.table, Counter[str]()
    for name in columns:
        dataset.require(name)
        clean, replaced = _until_clean(
            table[name], name, mode, _needed(mode, key), discover_spec or DiscoverSpec(), own or {}
        )
        table = table.set_column(table.column_names.index(name), name, clean)
        counts += replaced
    return Redacted(dataset.with_table(table), dict(sorted(counts.items())), tuple(columns))


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    view = pa.types.is_string_view(kind)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or view)


def _until_clean(
    column: pa.ChunkedArray,
    header: str,
    mode: Mode,
    key: bytes,
    spec: DiscoverSpec,
    own: Mapping[str, pa.ChunkedArray],
) -> tuple[pa.Array, Counter[str]]:
    """Redact, look again at the rows that changed, and redact what shows only now.

    A replacement changes its surroundings, and what stood beside it may become recognisable. What
    lies inside a replacement is ours and stays, so the text that is left shrinks with every round.
    """
    texts = column.cast(pa.string()).to_pylist()
    counts = Counter[str]()
    rows = list(range(len(texts)))
    written: dict[int, list[_Region]] = {}
    while rows:
        at = pa.array(rows, pa.int64())
        values = pa.array([texts[row] for row in rows], pa.string())
        mine = {name: identifiers.take(at) for name, identifiers in own.items()}
        spans = [*find_column_spans(values, spec, header=header), *_own(values, mine)]
        fresh: dict[int, list[_Region]] = defaultdict(list)
        for position, found in spans:
            row = rows[position]
            if not any(w.start <= found.start and found.end <= w.end for w in written.get(row, ())):
                fresh[row].append(_Region.of(found))
        for row, found_here in fresh.items():
            again = _repeated(texts[row], found_here)
            regions = _merged([*written.get(row, ()), *found_here, *again])
            counts.update(region.entity for region in regions if not region.kept)
            texts[row], written[row] = _replace(texts[row], regions, mode, key)
        rows = sorted(fresh)
    return pa.array(texts, pa.string()), counts


def _own(values: pa.Array, own: Mapping[str, pa.ChunkedArray]) -> list[tuple[int, Detection]]:
    """Find each row's own identifiers, and their words as those of a name.

    What discover calls a column is judged over all its rows; which words go must not hang on that.
    """
    worded = {name: column for name, column in own.items() if is_text(column.type)}
    return [
        *(find_own_values(values, own) if own else ()),
        *(find_own_values(values, worded, dict.fromkeys(worded, "PERSON")) if worded else ()),
    ]


def _repeated(text: str, found: Iterable[_Region]) -> list[_Region]:
    """Find the other places where a found value stands, which lack the context it was known by."""
    values = {text[region.start : region.end]: region for region in found}
    repeated = []
    for value, region in values.items():
        start = text.find(value) if len(value) >= _WORTH_REPEATING else -1
        while start >= 0:
            end = start + len(value)
            inside = value[0].isalnum() and text[start - 1 : start].isalnum()
            if not inside and not (value[-1].isalnum() and text[end : end + 1].isalnum()):
                repeated.append(_Region(start, end, region.entity, region.score))
            start = text.find(value, end)
    return repeated


def _merged(regions: Iterable[_Region]) -> list[_Region]:
    """Merge what overlaps; the merged region is named after its longest, then surest, part."""
    merged: list[_Region] = []
    best = (0, 0.0)
    for region in sorted(regions, key=lambda r: (r.start, r.end)):
        rank = (region.end - region.start, region.score)
        if merged and region.start < merged[-1].end:
            last = merged.pop()
            entity, best = (region.entity, rank) if rank > best else (last.entity, best)
            end, kept = max(last.end, region.end), last.kept and region.kept
            merged.append(_Region(last.start, end, entity, best[1], kept))
        elif rank[0] > 0:
            merged.append(region)
            best = rank
    return merged


def _replace(
    text: str, regions: Iterable[_Region], mode: Mode, key: bytes
) -> tuple[str, list[_Region]]:
    """Return the new text, and where in it the replacements stand."""
    pieces: list[str] = []
    written: list[_Region] = []
    read = length = 0
    for region in regions:
        value = text[region.start : region.end]
        fresh = value if region.kept else _stand_in(value, region.entity, mode, key)
        start = length + region.start - read
        pieces += [text[read : region.start], fresh]
        read, length = region.end, start + len(fresh)
        written.append(_Region(start, length, region.entity, region.score, kept=True))
    return "".join([*pieces, text[read:]]), written


def _stand_in(value: str, entity: str, mode: Mode, key: bytes) -> str:
    if mode == "label":
        return f"[{entity}]"
    if mode == "mask":
        return BLOCK * len(value)
    return surrogate(entity, value, key)


def _needed(mode: Mode, key: bytes | None) -> bytes:
    if mode == "surrogate" and not key:
        raise InputError(
            "surrogates need a key", hint="pass key=…, or take mode='label' or mode='mask'"
        )
    return key or b""
