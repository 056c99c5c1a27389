"""One column that arrives in parts: what is added up of it, in constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.discover.columns import _kernels as kernels
from strongroom.discover.columns import _shapes as shapes
from strongroom.discover.columns._profile import Profile, Tally
from strongroom.discover.columns._sketch import Distinct, Sample

if TYPE_CHECKING:
    from strongroom.discover._hits import Hits
    from strongroom.discover.columns._leaves import Leaf

# Values that are kept to tell what a column looks like, and rows to measure who is singled out.
SAMPLED_VALUES, SAMPLED_ROWS = 1 << 14, 1 << 17
# A detection that covers this much of a value is the value; less is a mention inside it.
_COVERS = 0.6
# No card, phone or personal number is smaller.
_SMALLEST_NUMBER = 1_000_000
_EXACT_FLOAT = 2**53
# Numbers hold no sentences: when this many different ones show nothing, the others are not read.
_PROBED = 5_000
# Where most values are different, all are read; else each different one once.
_MOSTLY = 0.9
_TABLE, _PROBED_HASHES = 1 << 12, 1 << 10
# Values of so many words, on average of so many of them, are sentences.
_PROSE_WORDS, _PROSE_HALF, _PROSE_PROBED = 4.0, 0.5, 512


class Read(Protocol):
    """Finds personal data in strings."""

    def __call__(self, values: pa.Array, header: str, /, *, prose: bool) -> Hits:
        """Return hits without overlaps; `prose` says that the values are sentences."""
        ...


class Column:
    """Adds up one leaf of a table over its batches.

    Args:
        leaf: the first part of it; `add` it too.
        read: finds what is inside.
        prose: all values are sentences, without a look.
    """

    def __init__(self, leaf: Leaf, read: Read, *, prose: bool = False) -> None:
        self._leaf = (leaf.name, leaf.header, leaf.source)
        self._aligned = leaf.owners is None
        self._read, self._prose = read, prose
        self._kinds: set[str] = set()
        self._present = 0
        self._rows = 0
        self._distinct = Distinct()
        self._values = Sample(SAMPLED_VALUES)
        self._hashes = Sample(SAMPLED_ROWS)
        self._sums: dict[str, np.ndarray] = {}

    def add(self, leaf: Leaf) -> None:
        """Add the values of a batch."""
        hashes = hashed(leaf.values)
        there = hashes != 0
        self._present += int(there.sum())
        self._rows += int(there.sum()) if leaf.owners is None else _different(leaf.owners[there])
        self._values.add(leaf.values)
        if self._aligned:
            self._hashes.add(pa.array(hashes))
        if _mostly_different(hashes):
            # To find the few that aren't costs more than to read them twice.
            first = np.flatnonzero(there)
            counts = np.ones(len(first), np.int64)
        else:
            first, counts = _grouped(hashes)
        if len(first):
            self._kinds.add(_kind(leaf.values.type))
            self._distinct.add(hashes[first], counts)
            self._find(leaf.values, hashes, first, counts)

    def skip(self, rows: int) -> None:
        """Add rows that don't have this column."""
        if self._aligned:
            self._values.skip(rows)
            self._hashes.skip(rows)

    def profile(self, rows: int) -> Profile:
        """Return what was added up; `rows` is how many the table has."""
        values, weights = _counted(self._values.values())
        distinct, unique_share = self._distinct.estimate(self._present)
        tallies = {
            entity: Tally(int(spans), int(values), int(whole), int(validated), float(score))
            for entity, (spans, values, whole, validated, score) in self._sums.items()
        }
        name, header, source = self._leaf
        return Profile(
            name=name,
            header=header,
            source=source,
            aligned=self._aligned,
            kind=_common(self._kinds),
            values=values,
            weights=weights,
            present=self._present,
            missing=rows - self._rows,
            distinct=distinct,
            unique_share=unique_share,
            most=int(self._distinct.counts.max(initial=0)),
            tallies=tallies,
            sampled=self._hashes.values().fill_null(0).to_numpy() if self._aligned else np.empty(0),
        )

    def _find(
        self, values: pa.Array, hashes: np.ndarray, first: np.ndarray, counts: np.ndarray
    ) -> None:
        """Let the recognizers read each different value, and add up what they say."""
        if pa.types.is_large_string(values.type):
            if len(first) >= _MOSTLY * len(values):
                texts, counts = values, (hashes != 0).astype(np.int64)
            else:
                texts = values.take(pa.array(first))
            prose = self._prose or _sentences(texts)
        else:
            texts, prose = _digits(values.take(pa.array(first))), False
            if texts is None or not self._worth_reading(texts):
                return
        hits = self._read(texts, self._leaf[1], prose=prose)
        if not len(hits):
            return
        data, offsets = _bytes(texts)
        lengths = np.empty(len(texts), np.int64)
        kernels.trimmed(data, offsets, lengths)
        sums = np.zeros((len(hits.entities), 5))
        kernels.tally(
            hits.row, hits.start, hits.end, hits.entity, hits.score, hits.validated,
            lengths, counts, _COVERS, sums,
        )  # fmt: skip
        for entity, added in zip(hits.entities, sums, strict=True):
            if added[0]:
                self._sums[entity] = self._sums.get(entity, 0) + added

    def _worth_reading(self, texts: pa.Array) -> bool:
        if len(texts) <= _PROBED:
            return True
        evenly = pa.array(np.linspace(0, len(texts) - 1, _PROBED).astype(np.int64))
        return len(self._read(texts.take(evenly), self._leaf[1], prose=False)) > 0


def hashed(values: pa.Array) -> np.ndarray:
    """Hash values, uint64 [n]; 0 for nulls and blank strings."""
    hashes = np.zeros(len(values), np.uint64)
    if values.null_count == len(values):
        return hashes
    valid = values.is_valid().to_numpy(zero_copy_only=False)
    words = _words_of(values)
    if words is not None:
        kernels.hash_words(words, valid, hashes)
        return hashes
    kernels.hash_texts(*_bytes(_as_bytes(values)), valid, hashes)
    return hashes


def _words_of(values: pa.Array) -> np.ndarray | None:
    """Return values of a fixed size as uint64; None where they have none."""
    kind = values.type
    if pa.types.is_boolean(kind):
        values = values.cast(pa.int8())
    elif pa.types.is_floating(kind):
        # The cast makes one of both zeros, and of every float width.
        numbers = values.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False) + 0.0
        return np.asarray(numbers.view(np.uint64))
    elif pa.types.is_temporal(kind) and kind.bit_width in {32, 64}:
        values = values.view(pa.int32() if kind.bit_width == 32 else pa.int64())  # noqa: PLR2004
    elif not pa.types.is_integer(kind):
        return None
    numbers = values.fill_null(0).to_numpy(zero_copy_only=False)
    wide = np.uint64 if numbers.dtype.kind == "u" else np.int64
    return np.asarray(numbers.astype(wide).view(np.uint64))


def _as_bytes(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        return values
    try:
        return values.cast(pa.large_binary() if "binary" in str(kind) else pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        said = [None if v is None else str(v) for v in values.to_pylist()]
        return pa.array(said, pa.large_string())


def _bytes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of strings with 64-bit offsets, and the offsets [n + 1]."""
    _, offsets, data = texts.buffers()
    whole = np.frombuffer(offsets, np.int64)
    held = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return held, whole[texts.offset : texts.offset + len(texts) + 1]


def _grouped(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each different value stands first, and how often it stands there."""
    first, counts = np.empty(len(hashes), np.int64), np.empty(len(hashes), np.int64)
    found, size = -1, _TABLE
    while found < 0:
        found = kernels.group(
            hashes, np.zeros(size, np.uint64), np.empty(size, np.int64), first, counts
        )
        size = 1 << (2 * len(hashes)).bit_length()
    return first[:found], counts[:found]


def _mostly_different(hashes: np.ndarray) -> bool:
    """Say of a long part whether a few of its values are nearly all different."""
    if len(hashes) <= _TABLE:
        return False
    some = hashes[:: len(hashes) // _PROBED_HASHES]
    some = some[some != 0]
    return len(some) > 0 and len(np.unique(some)) >= _MOSTLY * len(some)


def _counted(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    first, counts = _grouped(hashed(values))
    return values.take(pa.array(first)), counts


def _different(owners: np.ndarray) -> int:
    return len(owners) and int((np.diff(owners) != 0).sum()) + 1


def _sentences(texts: pa.Array) -> bool:
    """Say of some of the strings whether they have as many words as sentences, and no addresses."""
    step = max(1, len(texts) // _PROSE_PROBED)
    some = texts.take(pa.array(np.arange(0, len(texts), step)))
    words = pc.mean(pc.count_substring_regex(some, r"\S+")).as_py() or 0.0
    if words < _PROSE_WORDS:
        return False
    return (pc.mean(pc.match_substring_regex(some, shapes.ADDRESS)).as_py() or 0.0) < _PROSE_HALF


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "float"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "date"
    return "other"


def _common(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "float" if kinds == {"integer", "float"} else "text" if kinds else "other"


def _digits(values: pa.Array) -> pa.Array | None:
    """Write large whole numbers as digits; None where the column holds others.

    pandas makes floats of whole numbers as soon as one is missing.
    """
    kind = values.type
    if not pa.types.is_integer(kind) and not pa.types.is_floating(kind):
        return None
    numbers = values.to_numpy(zero_copy_only=False)
    if pa.types.is_floating(kind):
        if not (np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all()):
            return None
        if np.abs(numbers).max() > _EXACT_FLOAT:
            return None
        numbers = numbers.astype(np.int64)
    if numbers.max() < _SMALLEST_NUMBER:
        return None
    return pa.array(numbers).cast(pa.large_string())
