"""Does any record of a site's data stand in what left it?"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.federate.evidence._index import LEAST, Index, Needle, Needles
from strongroom.federate.evidence._records import PLANTED, SHARED, add_planted, needles_of
from strongroom.federate.evidence._views import Budget, squeeze, views
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.federate.evidence._views import View
    from strongroom.progress import Progress

_BLOCK = 1 << 25
_BETWEEN = b"\0" * 16
_MOST_TOLD = 200
_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class Leak:
    """One record, or one planted identifier, that was found. It says where, never what.

    Attributes:
        form: what it looked like.
        row: whose record it is, from 0; of a planted identifier, its number.
        column: of a single value.
        message: in which of the captured pieces, from 0.
        offset: where in it, about.
        way: what it was hidden behind, from the outside in: "zlib", "base64", …
        times: how often it stands there.
    """

    form: str
    row: int
    column: str
    message: int
    offset: int
    way: tuple[str, ...] = ()
    times: int = 1

    @property
    def planted(self) -> bool:
        """Whether it is a planted identifier."""
        return self.form.startswith(PLANTED)


@dataclass(frozen=True)
class LeakReport:
    """What a search found, and how far it could see.

    Attributes:
        pieces, size: how many pieces were searched, and their bytes.
        unpacked: bytes that were searched besides, since they were hidden in the others.
        rows: of the dataset.
        searchable: how many of them have something of their own that was searched for; the others
            can't be told from many.
        needles: how much was searched for, by its form.
        planted: how many planted identifiers were searched for.
        leaks: what was found, at most 200.
        found: how many were found.
        rows_found, planted_found: how many rows, and planted identifiers, these are of.
        unread: more was hidden than could be unpacked: then nothing is proved.
        chance: the most that the chance of finding anything in so many random bytes is.
        seconds: how long it took.
    """

    pieces: int
    size: int
    unpacked: int
    rows: int
    searchable: int
    needles: Mapping[str, int]
    planted: int
    leaks: tuple[Leak, ...]
    found: int
    rows_found: int
    planted_found: int
    unread: bool
    chance: float
    seconds: float

    @property
    def clean(self) -> bool:
        """Whether everything was read and nothing was found."""
        return not self.found and not self.unread

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; no value of the data is among them."""
        return {**asdict(self), "clean": self.clean}

    def __str__(self) -> str:
        what = f"{self.size:,} bytes in {self.pieces:,} pieces, {self.unpacked:,} more unpacked"
        whom = f"{self.searchable:,} of {self.rows:,} rows and {self.planted:,} planted identifiers"
        if self.clean:
            return f"none of {whom} stands in {what}"
        return (
            f"{self.rows_found:,} rows and {self.planted_found:,} planted identifiers stand in "
            f"{what}; searched for: {whom}" + ("; not all could be unpacked" * self.unread)
        )


def search_leaks(
    captured: Iterable[bytes],
    dataset: Dataset,
    *,
    inputs: NDArray[Any] | None = None,
    planted: Sequence[str] = (),
    public: Iterable[bytes] = (),
    shared: int = SHARED,
    progress: Progress = SILENT,
) -> LeakReport:
    """Search captured bytes for a site's records: see `LeakSearch`, which takes the same.

    `captured` is what left: messages, or the decrypted bytes of connections; `progress` is told how
    far it is.
    """
    search = LeakSearch(dataset, inputs=inputs, planted=planted, public=public, shared=shared)
    search.read(captured, progress)
    return search.report()


class LeakSearch:
    r"""A search of captured bytes for a site's records, piece by piece.

    Searched for are, of each row: text values that are its own, whole (8 bytes or longer) and in
    parts (24 bytes of longer ones); three neighbouring columns as text; four neighbouring numbers
    as float32, float64, int32 and int64 in either byte order; numbers of a column one below the
    other; windows of the row as the model takes it; SHA-256 of the row as canonical JSON and as
    CSV. They are searched for in the bytes, in what hex, base64, `\u` escapes, zlib, gzip, bzip2,
    xz and zip hide (three deep), and in the same without quotes, commas and capitals.

    Nothing is found that isn't there: what is noticed is compared byte for byte. That it is there
    by accident has, for random bytes, at most the chance that the report states (each of N needles
    of n bytes, at each of B places, 256^-n). What many rows hold alike (`shared`) and what is
    `public` isn't searched for. Not seen are: encryption, rounding, sums, a number or a short word
    alone, values that were changed, and order other than the table's.

    Args:
        dataset: the site's rows.
        inputs: [n, ...], the same rows as the model takes them: of `model.read`.
        planted: identifiers that were put into the rows to be searched for, 4 letters or longer.
        public: what everybody may know, such as the columns' declarations.
        shared: what so many rows hold alike is nobody's.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        inputs: NDArray[Any] | None = None,
        planted: Sequence[str] = (),
        public: Iterable[bytes] = (),
        shared: int = SHARED,
    ) -> None:
        begun = time.perf_counter()
        self._rows, self._planted = dataset.rows, [p.encode() for p in planted]
        searchable = np.zeros(dataset.rows, np.bool_)
        known = _array(b"\n".join(part for whole in public for part in (whole, squeeze(whole))))
        self._indexes: list[tuple[Index, int]] = []
        for needles, first in _blocks(dataset, inputs, shared):
            index = Index.of(needles)
            if len(known):
                index = index.without(known)
            searchable[index.rows + first] = True
            self._indexes.append((index, first))
        if planted:
            # A planted identifier counts even where it was declared: it must not be anywhere.
            needles = Needles()
            add_planted(needles, planted)
            self._indexes.append((Index.of(needles), 0))
        self._searchable = int(searchable.sum())
        self._leaks: list[Leak] = []
        self._budget = Budget()
        self._pieces = self._size = self._unpacked = 0
        self._seconds = time.perf_counter() - begun

    @property
    def found(self) -> int:
        """How many leaks were found so far."""
        return len(self._leaks)

    def read(self, captured: Iterable[bytes], progress: Progress = SILENT) -> None:
        """Search some pieces more."""
        begun = time.perf_counter()
        for block, ends in _joined(captured):
            self._read(block, ends)
            progress.step(self._size, self._size, "searching what was captured")
        self._seconds += time.perf_counter() - begun

    def report(self) -> LeakReport:
        """Return what was found so far."""
        forms: Counter[str] = Counter()
        for index, _ in self._indexes:
            forms.update(index.forms)
        return LeakReport(
            pieces=self._pieces,
            size=self._size,
            unpacked=self._unpacked,
            rows=self._rows,
            searchable=self._searchable,
            needles=dict(sorted(forms.items())),
            planted=len(self._planted),
            leaks=tuple(self._leaks[:_MOST_TOLD]),
            found=len(self._leaks),
            rows_found=len({leak.row for leak in self._leaks if not leak.planted}),
            planted_found=len({leak.row for leak in self._leaks if leak.planted}),
            unread=self._budget.spent,
            chance=self._chance(),
            seconds=self._seconds,
        )

    def _read(self, block: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        """Search one block, whose pieces end at `ends`."""
        for view in views(block, self._budget):
            if view.way and not view.squeezed:
                self._unpacked += len(view.content)
            for index, first_row in self._indexes:
                for number, offset, times in index.find(view.content):
                    about = index.about(number)
                    self._note(replace(about, row=about.row + first_row), view, offset, ends, times)
            self._short(view, ends)
        self._pieces += len(ends)
        self._size += int(len(block) - len(_BETWEEN) * len(ends))

    def _short(self, view: View, ends: NDArray[np.int64]) -> None:
        """Look for planted identifiers that are shorter than needles."""
        short = [(n, text) for n, text in enumerate(self._planted) if len(text) < LEAST]
        if short and not view.squeezed:
            content = view.content.tobytes()
            for number, text in short:
                if (at := content.find(text)) >= 0:
                    about = Needle(f"{PLANTED}, utf-8", number)
                    self._note(about, view, at, ends, content.count(text))

    def _note(
        self, about: Needle, view: View, offset: int, ends: NDArray[np.int64], times: int
    ) -> None:
        place = int(view.place(np.array([offset]))[0])
        piece = min(int(np.searchsorted(ends, place, side="right")), len(ends) - 1)
        inside = max(0, place - (int(ends[piece - 1]) if piece else 0))
        self._leaks.append(
            Leak(about.form, about.row, about.column, self._pieces + piece, inside, view.way, times)
        )

    def _chance(self) -> float:
        """Return the most that the chance of a find in random bytes is."""
        places = float(self._size + self._unpacked) * 2  # each also as squeezed text
        found = 0.0
        for index, _ in self._indexes:
            lengths, counts = np.unique(index.lengths, return_counts=True)
            found += float((counts * 256.0 ** -np.minimum(lengths, 100).astype(np.float64)).sum())
        found += sum(256.0 ** -len(p) for p in self._planted)
        return min(1.0, places * found)


def _blocks(
    dataset: Dataset, inputs: NDArray[Any] | None, shared: int
) -> Iterator[tuple[Needles, int]]:
    for first in range(0, max(1, dataset.rows), _ROWS_AT_ONCE):
        some = slice(first, first + _ROWS_AT_ONCE)
        part = dataset.with_table(dataset.table.slice(first, _ROWS_AT_ONCE))
        yield needles_of(part, None if inputs is None else inputs[some], shared=shared), first


def _joined(captured: Iterable[bytes]) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Yield pieces side by side, with something between, and where each ends."""
    gathered: list[bytes] = []
    ends: list[int] = []
    size = 0
    for piece in captured:
        gathered += [piece, _BETWEEN]
        size += len(piece) + len(_BETWEEN)
        ends.append(size)
        if size >= _BLOCK:
            yield _array(b"".join(gathered)), np.array(ends)
            gathered, ends, size = [], [], 0
    if ends:
        yield _array(b"".join(gathered)), np.array(ends)


def _array(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)
