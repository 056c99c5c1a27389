"""Rows of a table as arrays of numbers, and back to the frames or arrays that a model takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.data import Dataset, Kind, Role
from strongroom.errors import DataError, InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MISSING = -1  # the code of a text that isn't there
_SHOWN = 12
_SPELLINGS = {"", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"}  # as data's readers do


@dataclass
class TableColumn:
    """One column as the model knows it.

    Attributes:
        name: the model's own.
        source: the dataset's, where it is spelt otherwise.
        kind: what its numbers stand for; `moment` is microseconds since 1970.
        integer: whether numbers are whole.
        values: texts by their code; it only grows, so that a code never changes its meaning.
        missing: what the model knows a missing text as.
    """

    name: str
    source: str
    kind: Literal["number", "boolean", "text", "moment"] = "number"
    integer: bool = False
    values: list[str] = field(default_factory=list)
    missing: Any = np.nan
    _codes: dict[str, int] = field(default_factory=dict, repr=False)

    def encode(self, column: pa.ChunkedArray, where: str) -> NDArray[np.float64]:
        """Return float64 [n]; what is missing is NaN, or -1 of a text."""
        if self.kind == "text":
            texts = column.cast(pa.string())
            unique = pc.unique(texts).drop_null().to_pylist()
            for text in unique:
                if text not in self._codes:
                    self._codes[text] = len(self.values)
                    self.values.append(text)
            to_code = pa.array([self._codes[text] for text in unique], pa.float64())
            places = pc.index_in(texts, pa.array(unique, pa.string()))
            codes = pc.fill_null(pc.take(to_code, places), float(_MISSING))
            return np.asarray(codes.to_numpy(), np.float64)
        try:
            if self.kind == "moment":
                column = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
            numbers = column.cast(pa.float64(), safe=False)
        except pa.ArrowException as error:
            raise DataError(
                f'the column "{self.source}" holds {column.type}, where it held '
                f"{'numbers' if self.kind == 'number' else self.kind} before",
                where=where,
            ) from error
        found: NDArray[np.float64] = numbers.to_numpy().astype(np.float64)
        return found

    def decode(self, codes: NDArray[Any]) -> NDArray[Any]:
        """Return the values: numbers, truth values, texts or moments; NaN or None for missing."""
        codes = np.asarray(codes, np.float64)
        if self.kind == "text":
            texts = np.array([*self.values, self.missing], dtype=object)
            places = np.nan_to_num(np.rint(codes), nan=_MISSING).astype(np.int64)
            places[(places < 0) | (places >= len(self.values))] = len(self.values)
            chosen: NDArray[Any] = texts[places]
            return chosen
        if self.kind == "moment":
            return codes.astype("datetime64[us]")
        lacking = bool(np.isnan(codes).any())
        if self.kind == "boolean" and not lacking:
            return codes >= 0.5  # noqa: PLR2004 - halfway
        if self.integer and not lacking and (codes == np.rint(codes)).all():
            return codes.astype(np.int64)
        return codes


def _column_of(name: str, source: str, kind: pa.DataType, where: str) -> TableColumn:
    if pa.types.is_boolean(kind):
        return TableColumn(name, source, "boolean")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return TableColumn(name, source, "number", integer=pa.types.is_integer(kind))
    if pa.types.is_string(kind):
        return TableColumn(name, source, "text")
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return TableColumn(name, source, "moment")
    raise DataError(
        f'the column "{source}" holds {kind}, which no table model reads',
        where=where,
        hint="leave it out, or name the columns that the model takes (columns)",
    )


class TableCodec:
    """Columns of a table as float [n, columns], and back to a frame or an array.

    The numbers are float32 where that loses nothing, float64 otherwise: a rounded value could fall
    on the other side of a threshold than the one that the model learnt from. A model that rounds
    its inputs itself gets them `rounded`.

    Args:
        names: the model's columns in order; None takes the dataset's, all but the target, the
            person's column and those to be ignored.
        width: how many columns the model takes, if it says so.
        frame: the model takes a pandas frame with these names; else an array.
        categories: texts in such a frame are categories.
        rounded: to float32, whatever that loses.
        known: the texts that the model knows, by column, or of its columns of text in order. Our
            readers take "?" and its like for missing; a model may have learnt them as a text.
    """

    takes = "table"

    def __init__(
        self,
        names: Sequence[str] | None = None,
        *,
        width: int | None = None,
        frame: bool = False,
        categories: bool = False,
        rounded: bool = False,
        known: Mapping[str, Sequence[Any]] | Sequence[Sequence[Any]] = (),
    ) -> None:
        self.names = None if names is None else tuple(names)
        self.width = width
        self._known = known
        self.frame, self.categories, self.rounded = frame, categories, rounded
        self.columns: tuple[TableColumn, ...] = ()

    def encode(self, dataset: Dataset, target: str) -> NDArray[np.floating[Any]]:
        """See `Codec.encode`."""
        if dataset.kind is Kind.IMAGE:
            raise DataError("the model reads a table, and these are images", where=dataset.name)
        if not self.columns:
            self.columns = self._choose(dataset, target)
        found = np.empty((dataset.rows, len(self.columns)), np.float64)
        for place, column in enumerate(self.columns):
            require_column(dataset, column.source)
            found[:, place] = column.encode(dataset.table.column(column.source), dataset.name)
        small = found.astype(np.float32)
        exact = self.rounded or np.array_equal(small.astype(np.float64), found, equal_nan=True)
        return small if exact else found

    def decode(self, batch: NDArray[Any]) -> Any:  # noqa: ANN401 - a frame or an array
        """See `Codec.decode`; arrays are float64, or objects where a column is text."""
        if self.frame:
            return self._frame(batch)
        if any(column.kind == "text" for column in self.columns):
            found = np.empty(batch.shape, dtype=object)
            for place, column in enumerate(self.columns):
                found[:, place] = column.decode(batch[:, place])
            return found
        return np.asarray(batch, np.float64)

    def _frame(self, batch: NDArray[Any]) -> Any:  # noqa: ANN401 - a pandas frame
        try:
            import pandas as pd
        except ImportError as error:
            raise InputError(
                "the model takes pandas frames, and pandas is not installed",
                hint="pip install pandas",
            ) from error
        columns: dict[str, Any] = {}
        for place, column in enumerate(self.columns):
            values = column.decode(batch[:, place])
            if self.categories and column.kind == "text":
                values = pd.Categorical(values, categories=sorted(column.values))
            elif column.kind == "text":
                values = pd.Series(values, dtype=object)
            columns[column.name] = values
        return pd.DataFrame(columns)

    def _choose(self, dataset: Dataset, target: str) -> tuple[TableColumn, ...]:
        pairs = self._pairs(dataset, target)
        if self.width is not None and len(pairs) != self.width:
            raise DataError(
                f"the model takes {self.width:,} columns, and these rows have {len(pairs):,} "
                f'beside "{target}"',
                where=dataset.name,
                hint="name the model's columns in its order (columns); these rows have: "
                + ", ".join([source for _, source in pairs][:_SHOWN]),
            )
        schema = dataset.table.schema
        columns = tuple(
            _column_of(name, source, schema.field(source).type, dataset.name)
            for name, source in pairs
        )
        texts = [column for column in columns if column.kind == "text"]
        for place, column in enumerate(texts):
            if isinstance(self._known, Mapping):
                known = self._known.get(column.name, ())
            else:
                known = self._known[place] if len(self._known) == len(texts) else ()
            column.missing = _missing_among(known)
        return columns

    def _pairs(self, dataset: Dataset, target: str) -> list[tuple[str, str]]:
        """Return (the model's name, the dataset's) of each column."""
        if self.names is not None:
            spelt = {_spelling(c): c for c in dataset.columns}
            pairs = []
            for name in self.names:
                source = name if name in dataset.columns else spelt.get(_spelling(name), name)
                require_column(dataset, source)
                pairs.append((name if source == name else source, source))
            return pairs
        left_out = {target, dataset.subject, *dataset.columns_with(Role.IGNORE)}
        names = [c for c in dataset.columns if c not in left_out]
        identifiers = set(dataset.columns_with(Role.DIRECT_IDENTIFIER))
        if self.width is not None and len(names) != self.width:
            names = [c for c in names if c not in identifiers]
        return [(name, name) for name in names]


def _missing_among(known: Sequence[Any]) -> Any:  # noqa: ANN401 - a text or NaN
    """Return how a model knows what is missing: NaN, unless it knows one spelling and no NaN."""
    if any(not isinstance(value, str) for value in known):
        return np.nan
    spelt = [value for value in known if value.strip() in _SPELLINGS]
    return spelt[0] if len(spelt) == 1 else np.nan


@dataclass(frozen=True)
class EditableColumn:
    """A column of the dataset as those who change values see it.

    Attributes:
        name: the dataset's.
        kind: number or category; boolean and moment are left alone.
        integer: whether a number is whole.
        range, categories: nothing is declared: what occurs in the table may occur.
    """

    name: str
    kind: str
    integer: bool
    range: None = None
    categories: tuple[str, ...] = ()


class TableEncoding:
    """A table's codec once it knows its columns: which there are, and a table's inputs.

    Args:
        codec: that has read a dataset.
    """

    def __init__(self, codec: TableCodec) -> None:
        self._codec = codec
        self.columns = tuple(
            EditableColumn(c.source, "category" if c.kind == "text" else c.kind, c.integer)
            for c in codec.columns
        )

    def encode(self, table: pa.Table) -> NDArray[np.floating[Any]]:
        """Return float [rows, columns]."""
        return self._codec.encode(Dataset(table), "")


def _spelling(name: str) -> str:
    return re.sub(r"[\s,:\[\]{}\"]+", "_", name)  # as LightGBM writes names down


def require_column(dataset: Dataset, column: str) -> None:
    if column not in dataset.columns:
        names = ", ".join(dataset.columns[:_SHOWN])
        raise DataError(
            f'the model takes the column "{column}", which these rows do not have',
            where=dataset.name,
            hint=did_you_mean(column, dataset.columns) or f"the columns are: {names}",
        )
