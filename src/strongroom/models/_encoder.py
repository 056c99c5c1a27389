"""Table rows to numbers, by column types and declarations alone: no value ever shapes the encoding.

That is what lets private training read the result without paying for it: adding or removing a row
changes that row's numbers and no other's.

- A number with a declared `range` is clamped to it and laid on a linear-spline basis (one "hat"
  function per knot, so that neighbouring hats sum to 1): a linear model over it is any piecewise
  linear function with its bends at the knots.
- Such a number may have `bins` beside its knots: one position each, for a step function.
- A number without a range is first squashed by sign(x)·log(1 + |x|), with fixed, even knots.
- A date is a number of years with a fixed range.
- A declared category list gives one column each, and one for anything else.
- A category without a list is hashed into a fixed number of buckets.
- Every column has a last position that says "missing".
- Positions named as `reference` are always 0: a linear model says the same without them (its
  constant stands for them), and rows that only have what most rows have become short, which is
  what clipping counts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from strongroom.config import ColumnSpec

_SQUASHED_KNOTS = tuple(float(k) / 2 for k in range(-33, 34))  # up to |x| of about 15 million
_DATE_RANGE = (1900.0, 2100.0)
_DATE_KNOTS = tuple(float(y) for y in range(1900, 2101, 5))
_EVEN_PIECES = 10
_BUCKETS = 64
_MICROSECONDS_A_YEAR = 365.2425 * 24 * 3600 * 1e6


class ColumnKind(StrEnum):
    """How a column is read."""

    NUMBER = "number"
    DATE = "date"
    CATEGORY = "category"


@dataclass(frozen=True)
class EncodedColumn:
    """How one source column becomes positions `start` to `stop` (exclusive) of the encoding.

    Attributes:
        name: of the source column.
        kind: number, date or category.
        start, stop: its slice; the last position says "missing".
        declared: the user declared its range or categories; otherwise fixed rules apply.
        integer: whole numbers only.
        range: declared bounds of a number, in its own units, or None.
        knots: of a number: where the hats stand, after squashing if there is no range.
        categories: declared list; empty for hashed categories. Text of the value for other types.
        buckets: of a hashed category.
        bins: inner edges of the fine bins of a number with a range; they stand after the knots.
        reference: positions, counted from `start`, that are written as 0.
    """

    name: str
    kind: ColumnKind
    start: int
    stop: int
    declared: bool
    integer: bool = False
    range: tuple[float, float] | None = None
    knots: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    buckets: int = 0
    bins: tuple[float, ...] = ()
    reference: tuple[int, ...] = ()

    @property
    def slice(self) -> slice:
        """The positions of this column in an encoded row."""
        return slice(self.start, self.stop)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        # What few columns have is left out where it is not used: older versions read those.
        rare = {"bins": list(self.bins), "reference": list(self.reference)}
        return {
            "name": self.name,
            "kind": self.kind.value,
            "start": self.start,
            "stop": self.stop,
            "declared": self.declared,
            "integer": self.integer,
            "range": list(self.range) if self.range else None,
            "knots": list(self.knots),
            "categories": list(self.categories),
            "buckets": self.buckets,
            **{name: values for name, values in rare.items() if values},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> EncodedColumn:
        """Read back what `to_json` gave."""
        plain = dict(document)
        plain["kind"] = ColumnKind(plain["kind"])
        plain["range"] = tuple(plain["range"]) if plain["range"] else None
        plain["knots"] = tuple(plain["knots"])
        plain["categories"] = tuple(plain["categories"])
        plain["bins"] = tuple(plain.get("bins", ()))
        plain["reference"] = tuple(plain.get("reference", ()))
        return cls(**plain)


@dataclass(frozen=True)
class TableEncoder:
    """A fixed map from table rows to float32[n, width]; see the module's text."""

    columns: tuple[EncodedColumn, ...]

    @classmethod
    def from_specs(
        cls,
        schema: pa.Schema,
        features: Sequence[str],
        columns: Mapping[str, ColumnSpec] | None = None,
    ) -> TableEncoder:
        """Lay out an encoding for `features` of tables with this schema.

        Raises:
            DataError: no feature, a feature that isn't there, a type that can't be encoded, or a
                range declared for text.
        """
        if not features:
            raise DataError(
                "no column is left to learn from",
                hint="give at least one column the role feature",
            )
        laid: list[EncodedColumn] = []
        start = 0
        for name in features:
            if name not in schema.names:
                raise DataError(f'no column "{name}"', hint=did_you_mean(name, schema.names))
            column = _lay_out(name, schema.field(name).type, start, (columns or {}).get(name))
            laid.append(column)
            start = column.stop
        return cls(tuple(laid))

    @property
    def width(self) -> int:
        """Length of an encoded row."""
        return self.columns[-1].stop

    @property
    def names(self) -> tuple[str, ...]:
        """One name per position, `column=what`."""
        return tuple(n for c in self.columns for n in _position_names(c))

    def encode(self, table: pa.Table) -> NDArray[np.float32]:
        """Return float32[rows, width].

        Raises:
            DataError: a column is missing or has another type, or holds NaN or infinite values.
        """
        encoded = np.zeros((table.num_rows, self.width), dtype=np.float32)
        for column in self.columns:
            if column.name not in table.column_names:
                raise DataError(
                    f'the model needs column "{column.name}", which is not there',
                    hint=did_you_mean(column.name, table.column_names),
                )
            values = table.column(column.name).combine_chunks()
            part = encoded[:, column.slice]
            if column.kind is ColumnKind.CATEGORY:
                _write_categories(column, values, part)
            else:
                _write_numbers(column, values, part)
            part[:, list(column.reference)] = 0.0
        return encoded

    def describe(self) -> dict[str, tuple[str, ...]]:
        """Return which columns are "declared" by the user and which follow "fixed" rules."""
        return {
            "declared": tuple(c.name for c in self.columns if c.declared),
            "fixed": tuple(c.name for c in self.columns if not c.declared),
        }

    def to_json(self) -> list[dict[str, Any]]:
        """Return plain JSON values."""
        return [c.to_json() for c in self.columns]

    @classmethod
    def from_json(cls, document: Sequence[Mapping[str, Any]]) -> TableEncoder:
        """Read back what `to_json` gave."""
        return cls(tuple(EncodedColumn.from_json(c) for c in document))


def encodable(kind: pa.DataType) -> bool:
    """Tell whether a column of this type can be a feature."""
    return _is_category(kind) or _is_number(kind) or pa.types.is_date(kind) or _is_timestamp(kind)


def _lay_out(name: str, kind: pa.DataType, start: int, spec: ColumnSpec | None) -> EncodedColumn:
    if spec is not None and spec.categories:
        known = (spec.categories.index(str(spec.reference)),) if spec.reference is not None else ()
        return EncodedColumn(
            name,
            ColumnKind.CATEGORY,
            start,
            start + len(spec.categories) + 2,
            declared=True,
            categories=spec.categories,
            reference=known,
        )
    if _is_category(kind):
        if spec is not None and spec.range:
            raise DataError(
                f'column "{name}" has a declared range but holds text',
                where=f"[data.columns.{name}]",
                hint="declare categories instead, or mend the column",
            )
        return EncodedColumn(
            name,
            ColumnKind.CATEGORY,
            start,
            start + _BUCKETS + 1,
            declared=False,
            buckets=_BUCKETS,
        )
    if not encodable(kind):
        raise DataError(
            f'column "{name}" has type {kind}, which cannot be a feature',
            hint='give it the role "ignore"',
        )
    form = ColumnKind.NUMBER if _is_number(kind) else ColumnKind.DATE
    limits = spec.range if spec is not None else None
    bins: tuple[float, ...] = ()
    if limits:
        inner = spec.knots if spec is not None else ()
        knots = (limits[0], *inner, limits[1]) if inner else _even(*limits)
        if spec is not None and spec.bins:
            bins = _edges(*limits, spec.bins, log=spec.log)
    else:
        knots = _SQUASHED_KNOTS if form is ColumnKind.NUMBER else _DATE_KNOTS
    reference: tuple[int, ...] = ()
    if spec is not None and spec.reference is not None:
        common = float(spec.reference)
        reference = (int(np.abs(np.subtract(knots, common)).argmin()),)
        if bins:
            reference += (len(knots) + int(np.searchsorted(bins, common, side="right")),)
    return EncodedColumn(
        name,
        form,
        start,
        start + len(knots) + (len(bins) + 1 if bins else 0) + 1,
        declared=bool(limits),
        integer=pa.types.is_integer(kind),
        range=limits,
        knots=knots,
        bins=bins,
        reference=reference,
    )


def _even(low: float, high: float) -> tuple[float, ...]:
    return tuple(float(k) for k in np.linspace(low, high, _EVEN_PIECES + 1))


def _edges(low: float, high: float, count: int, *, log: bool) -> tuple[float, ...]:
    """Return the inner edges of `count` bins between the bounds."""
    shares = np.linspace(0, 1, count + 1)[1:-1]
    if log:
        return tuple(float(e) for e in low + np.expm1(shares * np.log1p(high - low)))
    return tuple(float(e) for e in low + shares * (high - low))


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _is_timestamp(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind))


def _is_category(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    )


def _position_names(column: EncodedColumn) -> list[str]:
    if column.categories:
        inner = [*column.categories, "(other)"]
    elif column.buckets:
        inner = [f"#{i}" for i in range(column.buckets)]
    else:
        inner = [f"~{k:g}" for k in column.knots]
        inner += [f">={e:g}" for e in (-np.inf, *column.bins)] if column.bins else []
    # Private knots may be fewer than the places that were laid out for them.
    inner += ["(unused)"] * (column.stop - column.start - 1 - len(inner))
    return [f"{column.name}={n}" for n in (*inner, "(missing)")]


def squashed_numbers(
    column: EncodedColumn, values: pa.Array
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the numbers on the scale of the column's knots, and which are missing (then 0).

    Raises:
        DataError: another type, or NaN or infinite values.
    """
    numbers, missing = _as_numbers(column, values)
    if column.kind is ColumnKind.NUMBER and column.range is None:
        numbers = np.sign(numbers) * np.log1p(np.abs(numbers))
    return numbers, missing


def _write_numbers(column: EncodedColumn, values: pa.Array, out: NDArray[np.float32]) -> None:
    numbers, missing = squashed_numbers(column, values)
    out[missing, -1] = 1.0
    rows = np.flatnonzero(~missing)
    present = numbers[rows]
    knots = np.asarray(column.knots)
    present = np.clip(present, knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, present, side="right") - 1, 0, len(knots) - 2)
    share = (present - knots[left]) / (knots[left + 1] - knots[left])
    out[rows, left] = 1.0 - share
    out[rows, left + 1] = share
    if column.bins:
        # Which bin is decided on the clamped value, so that the outer bins are open.
        place = np.searchsorted(np.asarray(column.bins), present, side="right")
        out[rows, len(knots) + place] = 1.0


def _as_numbers(
    column: EncodedColumn, values: pa.Array
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    kind = values.type
    if column.kind is ColumnKind.DATE and (pa.types.is_date(kind) or _is_timestamp(kind)):
        micro = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        numbers = pc.add(
            1970.0, pc.divide(micro.cast(pa.float64(), safe=False), _MICROSECONDS_A_YEAR)
        )
    elif column.kind is ColumnKind.NUMBER and (_is_number(kind) or pa.types.is_null(kind)):
        numbers = values.cast(pa.float64(), safe=False)
    else:
        raise DataError(
            f'column "{column.name}" was a {column.kind} when the model was made, now it has '
            f"type {kind}",
        )
    missing = numbers.is_null().to_numpy(zero_copy_only=False)
    plain = numbers.fill_null(0.0).to_numpy(zero_copy_only=False)
    broken = int(np.count_nonzero(~np.isfinite(plain)))
    if broken:
        raise DataError(
            f'column "{column.name}" holds NaN or infinite values in {broken:,} '
            f"row{'' if broken == 1 else 's'}",
            where=f"column {column.name}",
            hint="make them empty (missing is understood), or mend or drop the rows",
        )
    return plain, missing


def category_codes(column: EncodedColumn, values: pa.Array) -> NDArray[np.intp]:
    """Return each value's place among the column's positions; the last is "missing"."""
    plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    try:
        texts = plain.cast(pa.string())
    except pa.ArrowInvalid as error:  # pragma: no cover - no type that reaches here refuses
        raise DataError(f'column "{column.name}" cannot be read as categories') from error
    coded = texts.dictionary_encode()
    positions = np.array(
        [_position(column, v) for v in coded.dictionary.to_pylist()], dtype=np.intp
    )
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    # Code -1 (missing) finds the appended last position.
    places: NDArray[np.intp] = np.append(positions, column.stop - column.start - 1)[codes]
    return places


def _write_categories(column: EncodedColumn, values: pa.Array, out: NDArray[np.float32]) -> None:
    out[np.arange(len(out)), category_codes(column, values)] = 1.0


def _position(column: EncodedColumn, value: str) -> int:
    if column.buckets:
        digest = hashlib.blake2b(f"{column.name}\0{value}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") % column.buckets
    try:
        return column.categories.index(value)
    except ValueError:
        return len(column.categories)
