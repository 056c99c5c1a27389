"""Who is singled out: the smallest sets of columns whose values belong to one person alone.

A set that singles people out still does with a further column, so the search goes level by level
(Mannila and Toivonen 1997) and never enters a set that holds a smaller answer. Sets are tried on
few rows first: rows that are alone among many are alone among few, so a set that falls short there
falls short everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from strongroom.discover._found import Key
from strongroom.discover.columns import _kernels as kernels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FEW_ROWS, _MORE_ROWS = 2_048, 16_384
# A set answers when it singles out this much of what all columns together do.
_ENOUGH = 0.8
_MOST_COLUMNS = 4
# Who is singled out less than that by the best of sets isn't singled out by few columns.
_LEAST = 0.01
# How many sets of one size are tried on few rows, on more, and on all.
_MOST_SETS, _MOST_MEASURED, _MOST_FINAL = 4_000, 200, 20
# In a column's reason: up to so many columns, fewer where they do.
_REASONED, _ALMOST = 3, 0.9
# Of some thousand rows a share is known to about a hundredth: nothing is dropped for less.
_MARGIN = 0.03


@dataclass(frozen=True)
class _Rows:
    """Rows of a table, as hashes.

    Attributes:
        columns: uint64 [columns, rows].
        persons: uint64 [rows], who each row is about.
    """

    columns: np.ndarray
    persons: np.ndarray

    def share(self, chosen: Sequence[int]) -> float:
        """Return the share of rows whose values in these columns no other person has."""
        rows = self.columns.shape[1]
        size = 1 << (2 * rows).bit_length()
        return float(
            kernels.alone(
                self.columns,
                np.array(chosen, np.int64),
                self.persons,
                np.empty(size, np.uint64),
                np.empty(size, np.uint64),
                np.empty(rows, np.int64),
            )
            / rows
        )

    def some(self, most: int) -> _Rows:
        """Return up to that many of the rows, evenly spread."""
        rows = self.columns.shape[1]
        if rows <= most:
            return self
        places = np.linspace(0, rows - 1, most).astype(np.int64)
        return _Rows(np.ascontiguousarray(self.columns[:, places]), self.persons[places])


class Search:
    """Measures sets of columns of one table.

    Args:
        columns: hashes (uint64, 0 where there is no value) of the same rows, by name.
        persons: who each row is about, as hashes; without it each is about somebody else.
    """

    def __init__(
        self, columns: Mapping[str, np.ndarray], persons: np.ndarray | None = None
    ) -> None:
        self._names = list(columns)
        rows = len(next(iter(columns.values()), ()))
        told = np.arange(1, rows + 1, dtype=np.uint64)
        if persons is not None and rows:
            told = np.where(persons == 0, told, persons)
        table = np.array([columns[n] for n in self._names], np.uint64).reshape(len(columns), rows)
        self._all = _Rows(table, told)
        self._more, self._few = self._all.some(_MORE_ROWS), self._all.some(_FEW_ROWS)
        self._measured: dict[tuple[int, ...], float] = {}

    def together(self) -> dict[str, Key]:
        """Measure every column beside the one or two with which it singles most people out."""
        best: dict[int, tuple[float, tuple[int, ...]]] = {}
        for size in range(1, _REASONED + 1):
            for places in self._sets(self._telling, size):
                share = self._tried(places)
                for i in places:
                    # A larger set must do better, and only where a smaller one doesn't do.
                    known, of = best.get(i, (-1.0, ()))
                    if share > known and (len(of) in {0, size} or known < _ALMOST):
                        best[i] = share, places
        first = max(best.values(), default=(0.0, ()))[1]
        for i in range(len(self._names)):
            best.setdefault(i, (0.0, tuple(dict.fromkeys((i, *first)))[:_REASONED]))
        return {self._names[i]: self._key(places) for i, (_, places) in sorted(best.items())}

    def keys(self, most: int = 5, beside: Sequence[str] = ()) -> tuple[Key, ...]:
        """Find the smallest sets that single out four fifths of whom all columns single out.

        Sets have up to four columns; in wide tables only the most telling columns are tried.
        Where none reaches that much, those that single most people out are returned.

        Args:
            most: how many to find.
            beside: every set shall hold one of these; all columns if empty.
        """
        places = self._telling
        wanted = _ENOUGH * self._all.share(places) if places else 0.0
        if wanted == 0:
            return ()
        needed = {self._names.index(n) for n in beside} or set(places)
        found: list[tuple[int, ...]] = []
        nearest: list[tuple[int, ...]] = []
        for size in range(1, min(_MOST_COLUMNS, len(places)) + 1):
            tried = [
                (self._tried(s), s)
                for s in self._sets(places, size)
                if not any(set(f) <= set(s) for f in found)
            ]
            tried.sort(reverse=True)
            nearest = [s for _, s in tried if not needed.isdisjoint(s)][:most] or nearest
            promising = [s for share, s in tried[:_MOST_MEASURED] if share >= wanted - _MARGIN]
            shares = sorted(((self._more.share(s), s) for s in promising), reverse=True)
            last = [s for share, s in shares[:_MOST_FINAL] if share >= wanted - _MARGIN]
            found += [s for s in last if self._all.share(s) >= wanted]
            if sum(not needed.isdisjoint(s) for s in found) >= most:
                break
        reached = [s for s in found if not needed.isdisjoint(s)]
        keys = [self._key(s) for s in reached or nearest]
        keys.sort(key=lambda k: (len(k.columns), -k.share, k.columns))
        return tuple(k for k in keys[:most] if k.share >= _LEAST)

    @cached_property
    def _telling(self) -> list[int]:
        """Return the places of the columns, the one that singles most rows out first.

        Of columns that say the same (a code and its words), only the first is kept.
        """
        table = self._few.columns
        shares = [self._few.share([i]) for i in range(len(table))]
        kinds = [len(np.unique(c)) for c in table]
        kept: list[int] = []
        for i in range(len(table)):
            # The columns before it that fall into as many groups, and into the same ones.
            twins = (j for j in kept if kinds[j] == kinds[i])
            if kinds[i] > 1 and not any(_pairs(table[i], table[j]) == kinds[i] for j in twins):
                kept.append(i)
        return sorted(kept, key=lambda i: (-shares[i], -kinds[i], i))

    def _tried(self, places: tuple[int, ...]) -> float:
        """Measure a set on few rows, once."""
        if places not in self._measured:
            self._measured[places] = self._few.share(places)
        return self._measured[places]

    @staticmethod
    def _sets(places: list[int], size: int) -> Iterator[tuple[int, ...]]:
        while comb(len(places), size) > _MOST_SETS:
            places = places[:-1]
        return combinations(places, size)

    def _key(self, places: Sequence[int]) -> Key:
        names = tuple(self._names[i] for i in places)
        return Key(names, self._all.share(places), self._all.columns.shape[1])


def _pairs(left: np.ndarray, right: np.ndarray) -> int:
    """Count the different pairs of values."""
    return len(np.unique(left * np.uint64(0x9E3779B97F4A7C15) ^ right))
