"""Multidimensional strict Mondrian: groups of rows, each at least k large and l-diverse.

LeFevre, DeWitt and Ramakrishnan (2006, "Mondrian multidimensional k-anonymity"): start with one
group; cut every group in two at the median of its widest column while both halves may stand alone;
a column that can't be cut gives way to the next widest. Cuts fall between distinct values (strict),
for a hierarchy between children of the nearest common ancestor.

All groups of one depth are cut together in a few NumPy passes, so the work is about
rows x columns x depth with no Python loop over groups.

Missing is a value of its own: a group that mixes missing and present values counts as fully
general in that column. So it is cut between the two first; where that isn't allowed, the missing
ones are cut off with as few present ones as may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strongroom.anonymize._columns import distinct_per_group
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from strongroom.anonymize._columns import Coded

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Distinct:
    """A demand on every group: at least `least` distinct values of a column."""

    column: Coded
    least: int

    def met(self, groups: Ints, count: int, rows: Ints) -> Bools:
        """Tell for each group (bool[count]) whether its rows meet the demand."""
        found = distinct_per_group(groups, count, self.column.codes[rows], self.column.cardinality)
        return found >= self.least


@dataclass
class _Groups:
    """The groups that may still be cut: their rows side by side, in group order."""

    rows: Ints
    sizes: Ints

    @property
    def starts(self) -> Ints:
        return np.cumsum(self.sizes) - self.sizes


def partition(
    columns: Sequence[Coded], k: int, demands: Sequence[Distinct] = (), progress: Progress = SILENT
) -> tuple[Ints, int]:
    """Group the rows.

    The whole table must meet k and the demands; then every group does, and every row has one.

    Args:
        columns: the quasi-identifiers, at least one.
        k: the least number of rows of a group.
        demands: what else every group must hold.
        progress: told how many rows have their final group.

    Returns:
        The group of every row, int64[rows] in 0…groups-1, and how many groups there are.
    """
    total = len(columns[0].codes)
    codes = np.stack([column.codes for column in columns])
    group_of = np.empty(total, np.int64)
    finished = placed = 0
    groups = _Groups(np.arange(total), np.array([total], np.int64))
    while groups.sizes.size:
        left = _cut_all(columns, codes, groups, k, demands)
        whole = left == 0
        of_row = np.repeat(np.arange(len(left)), groups.sizes)
        done = whole[of_row]
        numbers = finished + np.cumsum(whole) - 1
        group_of[groups.rows[done]] = numbers[of_row[done]]
        finished += int(whole.sum())
        placed += int(done.sum())
        halves = np.stack([left, groups.sizes - left], axis=1)[~whole]
        groups = _Groups(groups.rows[~done], halves.ravel())
        progress.step(placed, total, f"{finished:,} groups")
    return group_of, finished


def _cut_all(
    columns: Sequence[Coded], codes: Ints, groups: _Groups, k: int, demands: Sequence[Distinct]
) -> Ints:
    """Cut every group once where that is allowed.

    Orders the rows inside each group so that the left half comes first.

    Returns:
        int64[groups]: the size of the left half, 0 for a group that stays whole.
    """
    ends = [extremes(v[groups.rows], groups.starts) for v in codes]
    widths = np.stack([span(c, *of) for c, of in zip(columns, ends, strict=True)])
    mixed = np.stack([of[2] for of in ends])
    by_width = np.argsort(-widths, axis=0, kind="stable")
    left = np.zeros(len(groups.sizes), np.int64)
    candidates = np.flatnonzero(groups.sizes >= 2 * k)
    for rank in range(len(columns)):
        column = by_width[rank, candidates]
        varied = widths[column, candidates] > 0
        candidates, column = candidates[varied], column[varied]
        left[candidates] = _cut(columns, codes, groups, candidates, column, k, demands)
        again = (left[candidates] == 0) & mixed[column, candidates]
        left[candidates[again]] = _cut(
            columns, codes, groups, candidates[again], column[again], k, demands, together=True
        )
        candidates = candidates[left[candidates] == 0]
    return left


def extremes(codes: Ints, starts: Ints) -> tuple[Ints, Ints, Bools]:
    """Return the lowest present code, the highest, and whether missing is among them, per group.

    Both codes are 0 where a group holds nothing but missing values.
    """
    high = np.maximum.reduceat(codes, starts)
    absent = np.minimum.reduceat(codes, starts) == 0
    low = np.minimum.reduceat(np.where(codes == 0, np.iinfo(np.int64).max, codes), starts)
    return np.minimum(low, high), high, absent & (high > 0)


def span(column: Coded, low: Ints, high: Ints, mixed: Bools) -> Floats:
    """Return the share of the domain between two codes; 1 where missing is mixed with values."""
    varied = high > low
    share = np.zeros(len(low))
    low, high = low[varied], high[varied]
    if not varied.any():
        pass
    elif column.tree is not None:
        depth = column.tree.nearest_common(low, high)
        under = column.tree.leaves[column.tree.ancestors[low - 1, depth]]
        share[varied] = under / column.tree.leaves[0]
    elif column.values is not None:
        domain = column.values[-1] - column.values[0]
        share[varied] = (column.values[high - 1] - column.values[low - 1]) / domain
    else:
        share[varied] = (high - low) / (len(column.distinct) - 1)
    return np.where(mixed, 1.0, share)


def _cut(
    columns: Sequence[Coded],
    codes: Ints,
    groups: _Groups,
    chosen: Ints,
    column: Ints,
    k: int,
    demands: Sequence[Distinct],
    *,
    together: bool = False,
) -> Ints:
    """Try to cut each `chosen` group along its `column`: int64[chosen], left size or 0.

    A group that mixes missing and present values is cut between them, or, `together`, so that the
    missing ones take as few present ones with them as may be.
    """
    if not chosen.size:
        return np.zeros(0, np.int64)
    sizes = groups.sizes[chosen]
    starts = np.cumsum(sizes) - sizes
    of_row = np.repeat(np.arange(len(chosen)), sizes)
    within = np.arange(len(of_row)) - starts[of_row]
    at = groups.starts[chosen][of_row] + within
    rows = groups.rows[at]
    values = codes[column[of_row], rows]
    order = np.argsort(of_row * (int(values.max()) + 1) + values, kind="stable")
    rows, values = rows[order], values[order]
    groups.rows[at] = rows

    # A boundary is the first position of a new value inside a group.
    edge = np.flatnonzero((values[1:] != values[:-1]) & (of_row[1:] == of_row[:-1])) + 1
    of_edge = of_row[edge]
    smaller = np.minimum(within[edge], sizes[of_edge] - within[edge])
    missing = values[edge - 1] == 0
    # Nearest to the median is where the smaller half is largest.
    score = np.where(smaller >= k, smaller, 0)
    mixed = np.isin(of_edge, of_edge[missing])
    if together:
        score[mixed & (score > 0)] = (sizes[of_edge] - within[edge])[mixed & (score > 0)]
        score[missing] = 0
    else:
        score[mixed & ~missing] = 0
    low, high, _ = extremes(values, starts)
    for j, coded in enumerate(columns):
        if coded.tree is not None:
            mine = np.flatnonzero((column[of_edge] == j) & ~missing)
            inside = of_edge[mine]
            child = coded.tree.nearest_common(low[inside], high[inside]) + 1
            before = coded.tree.ancestors[values[edge[mine] - 1] - 1, child]
            after = coded.tree.ancestors[values[edge[mine]] - 1, child]
            score[mine[before == after]] = 0
    best = np.zeros(len(chosen), np.int64)
    np.maximum.at(best, of_edge, score)
    taken = np.flatnonzero((score == best[of_edge]) & (score > 0))
    cut_groups, first = np.unique(of_edge[taken], return_index=True)
    left = np.zeros(len(chosen), np.int64)
    left[cut_groups] = within[edge[taken[first]]]
    _refuse(left, of_row, within, rows, demands)
    return left


def _refuse(
    left: Ints, of_row: Ints, within: Ints, rows: Ints, demands: Sequence[Distinct]
) -> None:
    """Set `left` to 0 in place where a half would not meet the demands."""
    for demand in demands:
        cut = left > 0
        if not cut.any():
            return
        mine = cut[of_row]
        number = np.cumsum(cut) - 1
        half = 2 * number[of_row[mine]] + (within[mine] >= left[of_row[mine]])
        both = demand.met(half, 2 * int(cut.sum()), rows[mine]).reshape(-1, 2).all(axis=1)
        left[np.flatnonzero(cut)[~both]] = 0
