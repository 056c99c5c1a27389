"""Columns as small integers: what grouping, partitioning and loss compute with.

Code 0 is *missing*; codes 1…m are the distinct values: numbers and dates by size, categories from
the rarest to the most frequent, so that rare ones share a group with each other or with missing
ones and frequent ones can stand alone; with a hierarchy every subtree is a contiguous run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

ANY = "*"
_LARGEST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Tree:
    """A generalisation hierarchy over the values of one column.

    Attributes:
        ancestors: int64[m, depth]: the nodes from the root (first) to the value itself; a value
            nearer to the root repeats itself.
        names: what a node is called, by node.
        leaves: int64[nodes]: how many declared values lie under a node.
    """

    ancestors: Ints
    names: tuple[str, ...]
    leaves: Ints

    def nearest_common(self, low: Ints, high: Ints) -> Ints:
        """Return the depth of the nearest common ancestor of each pair of codes (1-based).

        Codes are in depth-first order, so it is the ancestor of everything between them, too.
        """
        same = self.ancestors[low - 1] == self.ancestors[high - 1]
        return np.asarray(same.sum(axis=1) - 1, np.int64)


@dataclass(frozen=True)
class Coded:
    """One column as codes.

    Attributes:
        name: of the column.
        codes: int64[rows], 0 for missing.
        distinct: the m distinct values, in the order of their codes.
        values: float64[m] for a number or a date, None for a category.
        tree: the hierarchy of a category that has one.
    """

    name: str
    codes: Ints
    distinct: pa.Array
    values: Floats | None = None
    tree: Tree | None = None

    @property
    def cardinality(self) -> int:
        """How many codes there are, missing included."""
        return len(self.distinct) + 1

    @cached_property
    def labels(self) -> list[str]:
        """The distinct values as text."""
        return [str(v) for v in self.distinct.cast(pa.string()).to_pylist()]

    @property
    def ordered(self) -> bool:
        """Whether the values have an order and a distance."""
        return self.values is not None


def encode(
    column: pa.ChunkedArray, name: str, hierarchy: Mapping[str, tuple[str, ...]] | None = None
) -> Coded:
    """Turn one column into codes.

    Raises:
        DataError: nested or binary values, NaN or infinity, or a value that the hierarchy lacks.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = _finite(column, name)
    _require_scalar(column.type, name)
    if hierarchy:
        return _with_hierarchy(column.cast(pa.string()), name, hierarchy)
    distinct = column.unique().drop_null()
    if pa.types.is_null(distinct.type):
        return Coded(name, np.zeros(len(column), np.int64), pa.array([], pa.string()))
    if pa.types.is_boolean(distinct.type):
        column, distinct = column.cast(pa.string()), distinct.cast(pa.string())
    distinct = distinct.take(pc.sort_indices(distinct))
    values = _numbers(distinct)
    if values is None:
        times = np.bincount(_codes(column, distinct), minlength=len(distinct) + 1)[1:]
        distinct = distinct.take(pa.array(np.argsort(times, kind="stable")))
    return Coded(name, _codes(column, distinct), distinct, values)


def _finite(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    column = column.cast(pa.float64())
    if pc.all(pc.is_finite(column), min_count=0).as_py() is False:
        raise DataError(
            f'column "{name}" holds NaN or infinite values',
            where=name,
            hint="write a missing value as an empty field (null) and mend or drop infinite ones",
        )
    # Minus zero is zero.
    return pc.add(column, 0.0)


def _require_scalar(kind: pa.DataType, name: str) -> None:
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    if binary or pa.types.is_fixed_size_binary(kind) or pa.types.is_nested(kind):
        raise DataError(
            f'column "{name}" holds {kind} values, which cannot be grouped',
            where=name,
            hint="give it the role ignore, or turn it into text or numbers first",
        )


def _codes(column: pa.ChunkedArray, distinct: pa.Array) -> Ints:
    positions = pc.fill_null(pc.index_in(column, value_set=distinct), -1)
    return np.asarray(positions.to_numpy(), np.int64) + 1


def _numbers(distinct: pa.Array) -> Floats | None:
    kind = distinct.type
    if pa.types.is_temporal(kind):
        # Days, ticks: only differences matter. 32-bit dates and times have no direct way to 64.
        narrow = pa.types.is_date32(kind) or pa.types.is_time32(kind)
        ticks = (distinct.cast(pa.int32()) if narrow else distinct).cast(pa.int64())
        values = np.asarray(ticks.to_numpy(zero_copy_only=False), np.float64)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        plain = distinct.cast(pa.float64(), safe=False)
        values = np.array(plain.to_numpy(zero_copy_only=False), np.float64)
    else:
        return None
    # Only ratios of distances matter; a quarter keeps the largest distance finite.
    values = values / 4
    if np.any(np.diff(values) <= 0):
        # Integers that float64 can't tell apart: their ranks can.
        return np.arange(len(values), dtype=np.float64)
    return values


def _with_hierarchy(
    column: pa.ChunkedArray, name: str, hierarchy: Mapping[str, tuple[str, ...]]
) -> Coded:
    present = {
        pair["values"]: pair["counts"]
        for pair in column.value_counts().to_pylist()
        if pair["values"] is not None
    }
    unknown = len(set(present) - set(hierarchy))
    if unknown:
        raise DataError(
            f'{unknown} distinct values of column "{name}" are not in its hierarchy',
            where=f"data.columns.{name}.hierarchy",
            hint="declare what every value generalises to",
        )
    tops = {path[-1] if path else value for value, path in hierarchy.items()}
    root = () if len(tops) == 1 else (ANY,)
    paths = {value: (*root, *reversed(path), value) for value, path in hierarchy.items()}
    # A node is its whole path from the root, so that equal names in two branches stay apart.
    nodes: dict[tuple[str, ...], int] = {}
    for path in paths.values():
        for depth in range(1, len(path) + 1):
            nodes.setdefault(path[:depth], len(nodes))
    chains = {v: [nodes[p[:d]] for d in range(1, len(p) + 1)] for v, p in paths.items()}
    leaves = np.zeros(len(nodes), np.int64)
    for chain in chains.values():
        leaves[chain] += 1
    rows_under = np.zeros(len(nodes), np.int64)
    for value, times in present.items():
        rows_under[chains[value]] += times
    # Sorting by the chain of nodes keeps every subtree together.
    values = sorted(present, key=lambda value: [(rows_under[n], n) for n in chains[value]])
    deepest = max(len(chain) for chain in chains.values())
    padded = [chains[v] + [chains[v][-1]] * (deepest - len(chains[v])) for v in values]
    tree = Tree(
        np.array(padded, np.int64).reshape(len(values), deepest),
        tuple(path[-1] for path in nodes),
        leaves,
    )
    distinct = pa.array(values, pa.string())
    return Coded(name, _codes(column, distinct), distinct, tree=tree)


def group(columns: Sequence[Coded], rows: int) -> tuple[Ints, int]:
    """Number the distinct combinations of codes.

    Codes are packed into one int64 key as long as they fit; before they overflow, the keys so far
    are renumbered densely, so the count is exact for any number of columns.

    Returns:
        The class of every row, int64[rows] in 0…classes-1, and how many classes there are.
    """
    keys, size = np.zeros(rows, np.int64), 1
    for column in columns:
        if size > _LARGEST // column.cardinality:
            keys, size = _dense(keys)
        keys = keys * column.cardinality + column.codes
        size *= column.cardinality
    return _dense(keys)


def _dense(keys: Ints) -> tuple[Ints, int]:
    distinct, inverse = np.unique(keys, return_inverse=True)
    return inverse.astype(np.int64), len(distinct)


def distinct_per_group(groups: Ints, count: int, codes: Ints, cardinality: int) -> Ints:
    """Count the distinct codes in every group: int64[count]."""
    pairs = groups * cardinality + codes
    if count * cardinality <= 8 * len(groups):
        present = np.zeros(count * cardinality, np.bool_)
        present[pairs] = True
        return np.asarray(present.reshape(count, cardinality).sum(axis=1), np.int64)
    return np.bincount(np.unique(pairs) // cardinality, minlength=count)
