"""People of whom everything but one value is known, and how to ask a model about that value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.attacks._positions import columns_of, spread_out
from strongroom.models import TableEncoder, encodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FEWEST_HOLDERS = 20
"""A value that fewer people hold is neither tried nor named."""

_FEW_VALUES = 12  # a number with at most so many is a category
_BINS = 5
_CANDIDATES = 64
_GRID = 32
_WIDEST = 2_000  # positions of an array that are looked at


@dataclass(frozen=True, eq=False)
class Secret:
    """A column that the attacker wants to know; n people, K values, G candidates.

    Attributes:
        name: of the column.
        values: the K values in words; numbers are cut into bins.
        candidates: the G cells that the model is asked with.
        value_of: int [G]: the value that a candidate stands for.
        weight: float [G]: how common a candidate is within its value, in the population.
        share: float [K]: how common a value is in the population.
        truth: int [n] of both groups, members first: the value held; -1 where it is missing or too
            rare to be tried.
    """

    name: str
    values: tuple[str, ...]
    candidates: Sequence[Any]
    value_of: NDArray[np.intp]
    weight: NDArray[np.float64]
    share: NDArray[np.float64]
    truth: NDArray[np.intp]


class People(Protocol):
    """Members, then others."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that a model can be asked about."""

    def secret(self, name: str) -> Secret | None:
        """Return what there is to be learnt of a column; None where no two values are common."""

    def known(self, name: str, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return what is known of these people without the column: float32 [n, w]."""

    def asked(self, name: str, rows: NDArray[np.intp], candidate: Any) -> NDArray[Any]:  # noqa: ANN401 - a cell
        """Return the model's inputs for these people, each with this cell in the column."""


class TablePeople:
    """People in a table.

    Args:
        table: members, then others, as people know them.
        encoder: turns it into the model's inputs.
        others: the first row that isn't a member's.
        target: the column that the model predicts, if it is there.
    """

    def __init__(self, table: pa.Table, encoder: Any, others: int, target: str) -> None:  # noqa: ANN401 - see evasion.Encoder
        self._table, self._encoder, self._others = table, encoder, others
        read = [c.name for c in encoder.columns if c.name in table.column_names]
        self.names = tuple(n for n in read if n != target)
        self._own = [n for n in self.names if encodable(table.schema.field(n).type)]

    def secret(self, name: str) -> Secret | None:
        """See `People.secret`."""
        column = self._table.column(name).combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        if number:
            plain = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            if len(np.unique(plain[self._others :][np.isfinite(plain[self._others :])])) > (
                _FEW_VALUES
            ):
                return _numbers(name, plain, self._others)
        return _categories(name, column, self._others)

    def known(self, name: str, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """See `People.known`: by an encoding of our own, which the model's maker had no part in."""
        features = [n for n in self._own if n != name]
        if not features:
            return np.zeros((len(rows), 0), np.float32)
        encoder = TableEncoder.from_specs(self._table.schema, features)
        return encoder.encode(self._table.select(features).take(pa.array(rows)))

    def asked(self, name: str, rows: NDArray[np.intp], candidate: Any) -> NDArray[Any]:  # noqa: ANN401 - a cell
        """See `People.asked`."""
        table = self._table.take(pa.array(rows))
        place = table.column_names.index(name)
        kind = table.schema.field(name).type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        cells = pa.array([candidate] * len(rows)).cast(plain, safe=False)
        if pa.types.is_dictionary(kind):
            cells = cells.dictionary_encode()
        encoded: NDArray[Any] = self._encoder.encode(table.set_column(place, name, cells))
        return encoded


class ArrayPeople:
    """People of whom only a model's inputs are there: an array [n, d].

    Args:
        inputs: members, then others.
        others: the first row that isn't a member's.
        columns: of a table that became numbers position by position; each has a `source`, a `kind`
            and `decode`. None: a column is a position, or a category written out.
    """

    def __init__(
        self, inputs: NDArray[Any], others: int, columns: Sequence[Any] | None = None
    ) -> None:
        self._inputs, self._others = inputs, others
        told = columns if columns is not None and len(columns) == inputs.shape[1] else None
        self._told = {} if told is None else {c.source: c for c in told}
        if told is not None:
            self._parts = {c.source: np.array([i]) for i, c in enumerate(told)}
        else:
            found = columns_of(inputs) if inputs.shape[1] <= _WIDEST else []
            self._parts = {_name(p): p for p in found}
        self.names = tuple(self._parts)

    def secret(self, name: str) -> Secret | None:
        """See `People.secret`."""
        part = self._parts[name]
        if len(part) > 1:
            return _categories(name, pa.array(self._inputs[:, part].argmax(axis=1)), self._others)
        cells = self._inputs[:, part[0]].astype(np.float64)
        told = self._told.get(name)
        if told is not None and told.kind in {"text", "boolean"}:
            codes = pa.array(np.where(cells < 0, np.nan, cells), from_pandas=True)
            return _categories(name, codes, self._others, told)
        seen = cells[self._others :]
        if len(np.unique(seen[np.isfinite(seen)])) > _FEW_VALUES:
            return _numbers(name, cells, self._others)
        return _categories(name, pa.array(cells, from_pandas=True), self._others)

    def known(self, name: str, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """See `People.known`."""
        rest = np.setdiff1d(np.arange(self._inputs.shape[1]), self._parts[name])
        known: NDArray[np.float32] = spread_out(
            self._inputs[np.ix_(rows, rest)], self._inputs[self._others :, rest]
        ).astype(np.float32)
        return known

    def asked(self, name: str, rows: NDArray[np.intp], candidate: Any) -> NDArray[Any]:  # noqa: ANN401 - a cell
        """See `People.asked`."""
        inputs = self._inputs[rows].copy()
        part = self._parts[name]
        if len(part) > 1:
            inputs[:, part] = 0
            inputs[:, part[int(candidate)]] = 1
        else:
            inputs[:, part[0]] = candidate
        return inputs


def _name(positions: NDArray[np.intp]) -> str:
    first, last = positions[0], positions[-1]
    return f"input {first}" if first == last else f"inputs {first} to {last}"


def _categories(
    name: str,
    column: pa.Array,
    others: int,
    told: Any = None,  # noqa: ANN401 - a codec's column
) -> Secret | None:
    counts = pc.value_counts(column.slice(others).drop_null())
    cells, held = counts.field("values").to_pylist(), counts.field("counts").to_numpy()
    common = [i for i in np.argsort(-held, kind="stable") if held[i] >= FEWEST_HOLDERS]
    chosen = [cells[i] for i in common[:_CANDIDATES]]
    if len(chosen) < 2:  # noqa: PLR2004 - two make a question
        return None
    places = pc.fill_null(pc.index_in(column, pa.array(chosen, column.type)), -1)
    share = held[common[:_CANDIDATES]].astype(np.float64)
    return Secret(
        name,
        tuple(_words(c if told is None else told.decode(np.array([c]))[0]) for c in chosen),
        chosen,
        np.arange(len(chosen)),
        np.ones(len(chosen)),
        share / share.sum(),
        places.to_numpy(zero_copy_only=False).astype(np.intp),
    )


def _numbers(name: str, cells: NDArray[np.float64], others: int) -> Secret | None:
    population = cells[others:]
    population = population[np.isfinite(population)]
    if len(population) < 2 * FEWEST_HOLDERS:
        return None
    edges = np.unique(np.quantile(population, np.linspace(0, 1, _BINS + 1)[1:-1]))
    found, held = np.unique(population, return_counts=True)
    if len(found) > _CANDIDATES:
        found = np.unique(np.quantile(population, (np.arange(_GRID) + 0.5) / _GRID))
        nearest = np.abs(population[:, None] - found[None, :]).argmin(axis=1)
        held = np.bincount(nearest, minlength=len(found))
    bin_of = np.searchsorted(edges, found, side="right")
    kept, value_of = np.unique(bin_of, return_inverse=True)
    if len(kept) < 2:  # noqa: PLR2004 - two make a question
        return None
    share = np.bincount(value_of, weights=held)
    with np.errstate(invalid="ignore"):
        truth = np.searchsorted(edges, cells, side="right")
    place = np.full(len(edges) + 2, -1)
    place[kept] = np.arange(len(kept))
    bounds = [population.min(), *edges, population.max()]
    return Secret(
        name,
        tuple(f"{bounds[k]:g} to {bounds[k + 1]:g}" for k in kept),
        found.tolist(),
        value_of,
        held / share[value_of],
        share / share.sum(),
        np.where(np.isfinite(cells), place[truth], -1).astype(np.intp),
    )


def _words(cell: Any) -> str:  # noqa: ANN401 - a cell
    return f"{cell:g}" if isinstance(cell, float) else str(cell)
