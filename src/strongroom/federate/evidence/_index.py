"""Many byte strings, looked for at once."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LEAST = 8  # bytes of a needle
_BITS = 22, 28  # of the table that most windows of what is searched are refused by
_ROOM = 5  # doublings of the number of needles


@dataclass(frozen=True)
class Needle:
    """What is looked for, without its bytes.

    Attributes:
        form: how a record would look like that, in words.
        row: whose it is, from 0; of several rows the first.
        column: of a value: where it stands; empty for more than one column.
    """

    form: str
    row: int
    column: str = ""


@dataclass
class Needles:
    """Needles as they are gathered, by form and column."""

    contents: list[bytes] = field(default_factory=list)
    lengths: list[NDArray[np.int64]] = field(default_factory=list)
    rows: list[NDArray[np.int64]] = field(default_factory=list)
    kinds: list[tuple[str, str]] = field(default_factory=list)

    def add(self, contents: list[bytes], rows: list[int], form: str, column: str = "") -> None:
        """Add some; shorter ones than `LEAST` bytes prove nothing and are left out."""
        kept = [i for i, content in enumerate(contents) if len(content) >= LEAST]
        if not kept:
            return
        self.contents.append(b"".join([contents[i] for i in kept]))
        self.lengths.append(np.array([len(contents[i]) for i in kept]))
        self.rows.append(np.array([rows[i] for i in kept]))
        self.kinds.append((form, column))

    def add_windows(
        self, windows: NDArray[np.uint8], rows: NDArray[np.integer], form: str, column: str = ""
    ) -> None:
        """Add windows uint8 [n, length] of these rows, int [n]."""
        if len(windows) and windows.shape[1] >= LEAST:
            self.contents.append(np.ascontiguousarray(windows).tobytes())
            self.lengths.append(np.full(len(windows), windows.shape[1], np.int64))
            self.rows.append(np.asarray(rows, np.int64))
            self.kinds.append((form, column))

    def join(self, others: Needles) -> None:
        """Add others."""
        self.contents += others.contents
        self.lengths += others.lengths
        self.rows += others.rows
        self.kinds += others.kinds


@dataclass(frozen=True, eq=False)
class Index:
    """Needles, ready to be looked for.

    Each has one window of eight bytes by which it is noticed, the rarest that it has; whatever is
    noticed is compared as a whole, so nothing is found that isn't there.
    """

    pool: NDArray[np.uint8]
    begins: NDArray[np.int64]
    rows: NDArray[np.int64]
    kind: NDArray[np.int64]
    kinds: tuple[tuple[str, str], ...]
    anchors: NDArray[np.uint64]
    places: NDArray[np.int64]
    seen: NDArray[np.uint8]
    shift: np.uint64

    @classmethod
    def of(cls, needles: Needles) -> Index:
        """Index needles; their bytes are taken out of `needles`, as there are many."""
        pool = np.frombuffer(b"".join(needles.contents), np.uint8)
        needles.contents.clear()
        kind = np.repeat(np.arange(len(needles.kinds)), [len(r) for r in needles.rows])
        none = np.zeros(0, np.int64)
        lengths = np.concatenate([none, *needles.lengths])
        return _made(
            pool, lengths, np.concatenate([none, *needles.rows]), kind, tuple(needles.kinds)
        )

    def __len__(self) -> int:
        """Return how many needles there are."""
        return len(self.rows)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes of each needle."""
        return np.diff(self.begins)

    @property
    def forms(self) -> Counter[str]:
        """How many needles there are of each form."""
        found: Counter[str] = Counter()
        for (form, _), count in zip(
            self.kinds, np.bincount(self.kind, minlength=len(self.kinds)), strict=True
        ):
            found[form] += int(count)
        return found

    def about(self, number: int) -> Needle:
        """Return what a needle is of."""
        form, column = self.kinds[self.kind[number]]
        return Needle(form, int(self.rows[number]), column)

    def content(self, number: int) -> bytes:
        """Return the bytes of a needle."""
        return self.pool[self.begins[number] : self.begins[number + 1]].tobytes()

    def find(self, hay: NDArray[np.uint8]) -> Iterator[tuple[int, int, int]]:
        """Yield (needle, where it first stands, how often) for each that stands in `hay`."""
        from strongroom.federate.evidence import _kernels as kernels

        first = np.full(len(self), -1, np.int64)
        times = np.zeros(len(self), np.int64)
        kernels.scan(
            hay, self.pool, self.begins, self.anchors, self.places, self.seen, self.shift,
            first, times,
        )  # fmt: skip
        for number in np.flatnonzero(times):
            yield int(number), int(first[number]), int(times[number])

    def without(self, known: NDArray[np.uint8]) -> Index:
        """Return the index without the needles that stand in `known`."""
        drop = np.zeros(len(self), np.bool_)
        drop[[number for number, _, _ in self.find(known)]] = True
        if not drop.any():
            return self
        kept = np.flatnonzero(~drop)
        pool, lengths = self.pool[np.repeat(~drop, self.lengths)], self.lengths[kept]
        return _made(pool, lengths, self.rows[kept], self.kind[kept], self.kinds)


def _made(
    pool: NDArray[np.uint8],
    lengths: NDArray[np.int64],
    rows: NDArray[np.int64],
    kind: NDArray[np.int64],
    kinds: tuple[tuple[str, str], ...],
) -> Index:
    from strongroom.federate.evidence import _kernels as kernels

    count = len(lengths)
    begins = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    bits = min(_BITS[1], max(_BITS[0], math.ceil(math.log2(max(1, count))) + _ROOM))
    shift = np.uint64(64 - bits)
    anchors, places = np.zeros(count, np.uint64), np.zeros(count, np.int64)
    kernels.choose(pool, begins, np.zeros(1 << bits, np.uint8), shift, anchors, places)
    order = np.argsort(anchors, kind="stable")
    seen = np.zeros(1 << (bits - 3), np.uint8)
    kernels.mark(anchors, shift, seen)
    moved = np.concatenate([[0], np.cumsum(lengths[order])]).astype(np.int64)
    out = np.empty_like(pool)
    kernels.reorder(pool, begins, order, out)
    return Index(
        out, moved, rows[order], kind[order], kinds, anchors[order], places[order], seen, shift
    )
