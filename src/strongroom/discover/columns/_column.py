"""One column that arrives in parts: what is added up of it, in constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.discover._across import rows_belong_together
from strongroom.discover._bytes import bytes_of
from strongroom.discover._hits import Hits
from strongroom.discover.columns import _kernels as kernels
from strongroom.discover.columns import _shapes as shapes
from strongroom.discover.columns._finds import Finds
from strongroom.discover.columns._profile import Profile
from strongroom.discover.columns._sketch import Distinct, Sample

if TYPE_CHECKING:
    from strongroom.discover.columns._leaves import Leaf

# Values that are kept to tell what a column looks like, and rows to measure who is singled out.
SAMPLED_VALUES, SAMPLED_ROWS = 1 << 14, 1 << 17
# No card, phone or personal number is smaller.
_SMALLEST_NUMBER = 1_000_000
_EXACT_FLOAT = 2**53
# Numbers hold no sentences: when this many different ones show nothing, the others are not read.
_PROBED = 5_000
_TABLE, _PROBED_HASHES, _RUN = 1 << 12, 1 << 12, 64
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
        in_order: each batch is read as it comes, though values may stand there again.
    """

    def __init__(
        self, leaf: Leaf, read: Read, *, prose: bool = False, in_order: bool = False
    ) -> None:
        self._leaf = (leaf.name, leaf.header, leaf.source)
        self._aligned = leaf.owners is None
        self._read, self._prose, self._as_it_comes = read, prose, in_order
        self._kinds: set[str] = set()
        self._present = 0
        self._rows = 0
        self._distinct = Distinct()
        self._values = Sample(SAMPLED_VALUES)
        self._hashes = Sample(SAMPLED_ROWS)
        self._finds = Finds()
        # While few values are different, each is read once over all batches.
        self._recalls = True

    def add(self, leaf: Leaf) -> None:
        """Add the values of a batch."""
        hashes = hashed(leaf.values)
        there = hashes != 0
        self._present += int(there.sum())
        self._rows += int(there.sum()) if leaf.owners is None else _different(leaf.owners[there])
        self._values.add(leaf.values)
        if self._aligned:
            self._hashes.add(pa.array(hashes))
        if not there.any():
            return
        self._kinds.add(_kind(leaf.values.type))
        if self._in_order(leaf.values, hashes):
            self._forget()
            self._distinct.add(hashes[there], np.ones(int(there.sum()), np.int64))
            texts, hits = self._read_of(leaf.values)
            self._finds.add(hits, texts, there.astype(np.int64))
            return
        first, counts = _grouped(hashes)
        different, new = hashes[first], first
        if self._recalls:
            unseen = self._distinct.unseen(different)
            if len(unseen) > self._distinct.room or self._finds.full:
                self._forget()
            else:
                new = first[unseen]
        self._distinct.add(different, counts)
        if not len(new):
            return
        texts, hits = self._read_of(leaf.values.take(pa.array(new)))
        if self._recalls:
            self._finds.keep(hits, texts, hashes[new])
        else:
            self._finds.add(hits, texts, counts)

    def _in_order(self, values: pa.Array, hashes: np.ndarray) -> bool:
        """Say whether all values are read as they come, rather than each different one once."""
        if self._as_it_comes:
            return True
        # To find the few that aren't different costs more than to read them twice.
        if len(hashes) > self._distinct.room and _mostly_different(hashes):
            return True
        strings = pa.types.is_large_string(values.type)
        return self._prose and strings and rows_belong_together(values)

    def _forget(self) -> None:
        """Read every value of later batches: there are too many to know those read before."""
        if self._recalls:
            self._finds.count(self._distinct.times)
            self._recalls = False

    def skip(self, rows: int) -> None:
        """Add rows that don't have this column."""
        if self._aligned:
            self._values.skip(rows)
            self._hashes.skip(rows)

    def profile(self, rows: int) -> Profile:
        """Return what was added up; `rows` is how many the table has."""
        values, weights = _counted(self._values.values())
        distinct, unique_share = self._distinct.estimate(self._present)
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
            tallies=self._finds.tallies(self._distinct.times),
            sampled=self._hashes.values().fill_null(0).to_numpy() if self._aligned else np.empty(0),
        )

    def _read_of(self, values: pa.Array) -> tuple[pa.Array, Hits]:
        """Let the recognizers read values; return what they read, too."""
        if pa.types.is_large_string(values.type):
            prose = self._prose or _sentences(values)
            return values, self._read(values, self._leaf[1], prose=prose)
        texts = _digits(values)
        if texts is None or not self._worth_reading(texts):
            return pa.array([], pa.large_string()), Hits.empty()
        return texts, self._read(texts, self._leaf[1], prose=False)

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
    kernels.hash_texts(*bytes_of(_as_bytes(values)), valid, hashes)
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


def _grouped(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each different value stands first, and how often it stands there."""
    first, counts = np.empty(len(hashes), np.int64), np.empty(len(hashes), np.int64)
    found, size = -1, _TABLE
    while found < 0:
        found = kernels.group(
            hashes, np.zeros(size, np.uint64), np.empty(size, np.int64), first, counts
        )
        size = 1 << (2 * len(hashes) - 1).bit_length()
    return first[:found], counts[:found]


def _mostly_different(hashes: np.ndarray) -> bool:
    """Say whether nine of ten values of a long part are different, by pairs among a few of them.

    Of n values drawn from N = 5 n so many are; among m of them, about m^2 / 2 N are seen before.
    """
    if len(hashes) <= _TABLE:
        return False
    # Runs of neighbours, since equal ones may stand side by side.
    begins = np.linspace(0, len(hashes) - _RUN, _PROBED_HASHES // _RUN).astype(np.int64)
    some = hashes[(begins[:, None] + np.arange(_RUN)).ravel()]
    some = some[some != 0]
    return len(some) - len(np.unique(some)) <= len(some) ** 2 / (10 * len(hashes))


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
    numbers = values.fill_null(0).to_numpy(zero_copy_only=False)
    if pa.types.is_floating(kind):
        if not (np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all()):
            return None
        if np.abs(numbers).max() > _EXACT_FLOAT:
            return None
        numbers = numbers.astype(np.int64)
    if numbers.max() < _SMALLEST_NUMBER:
        return None
    return pa.array(numbers).cast(pa.large_string())
