"""Values of JSON as columns: by Arrow where they agree, in Python where they don't.

Some keys are data, not names: addresses and numbers of people by which records are found. They
become values themselves, in a column `key` beside the column `value`.
"""

from __future__ import annotations

import io
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from strongroom.data._dataset import plain
from strongroom.data._json import as_written
from strongroom.data.sources._dialect import unique_names

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence

MOST_COLUMNS = 10_000
_MOST_FIELDS = 1_000  # of a list that is a row
_NO_JSON = "values that are no JSON, read as text"
_DEEP = "values that are nested too deeply, read as text"
_BLOCK = 1 << 16  # so that records without a key in common stay few
_EXACT = 2.0**63
# An e-mail address, or seven digits, unless these are a day's.
_VALUE = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|(?!\d{4}-?\d\d-?\d\d(?!\d))(?:\D*\d){7}")
KEY, VALUE = "key", "value"
_WHOLE = 1 << 53


def value_of(text: bytes) -> Any:  # noqa: ANN401 - whatever JSON has
    """Read one value; what is none, and integers that no column holds, stay text."""
    try:
        return json.loads(text, object_pairs_hook=_record)
    except (ValueError, RecursionError):
        return text.decode("utf-8", "replace")


class Records:
    """Makes tables of records, and remembers their columns.

    Args:
        odd: counts what could not be read as it should.
    """

    def __init__(self, odd: Counter[str]) -> None:
        self._odd = odd
        self._columns: set[str] = set()
        self._order: dict[str, int] = {}
        self._types: dict[str, pa.DataType] = {}

    def tables(
        self, content: bytes, places: np.ndarray, path: str, deepest: int
    ) -> Iterator[pa.Table]:
        """Yield the values at `places`, in their order; a record is a row."""
        data = np.frombuffer(content, np.uint8)
        good = (data[places[:, 0]] == ord("{")) & (places[:, 2] <= deepest)
        sizes = np.cumsum(places[:, 1] - places[:, 0])
        changes = np.flatnonzero((good[1:] != good[:-1]) | (np.diff(sizes // _BLOCK) > 0)) + 1
        held: list[pa.Table] = []
        for begin, end in zip([0, *changes], [*changes, len(places)], strict=True):
            texts = [content[b:e] for b, e in places[begin:end, :2].tolist()]
            if good[begin]:
                table = self._checked(self._by_arrow(texts), texts, path)
            else:
                shallow = (places[begin:end, 2] <= deepest).tolist()
                table = self._odd_values(texts, shallow, path)
            if held and held[-1].schema != table.schema:
                yield pa.concat_tables(held)
                held = []
            held.append(table)
        if held:
            yield pa.concat_tables(held)

    def text(self, texts: Sequence[str], path: str) -> pa.Table:
        """Return texts that are no JSON as a column."""
        return pa.table({path or "text": pa.array([clean(t) for t in texts], pa.string())})

    def table(self, records: Sequence[Mapping[str, Any]]) -> pa.Table:
        """Return records as a table of plain columns; lists stay lists where they agree."""
        rows = [dict(_flat(record)) for record in records]
        names = dict.fromkeys(name for row in rows for name in row)
        columns = [column_of([row.get(name) for row in rows]) for name in names]
        return plain(pa.Table.from_arrays(columns, names=list(names)))

    def _by_arrow(self, texts: list[bytes]) -> pa.Table | None:
        """Return records as Arrow reads them; None where it can't, or would lose something."""
        block = b"\n".join(texts)
        options = pa_json.ReadOptions(use_threads=False, block_size=len(block) + 1)
        names: list[str] = []
        try:
            while True:
                known = pa.schema(list(self._types.items()))
                parse = pa_json.ParseOptions(explicit_schema=known, newlines_in_values=True)
                table = pa_json.read_json(io.BytesIO(block), options, parse)
                names = names or table.column_names
                if any(is_value(key) for field in table.schema for key in _keys(field)):
                    return None
                kinds = ((f.name, f.type, as_written(f.type)) for f in table.schema)
                changed = {name: written for name, kind, written in kinds if kind != written}
                if not changed:
                    break
                # Arrow took strings for points in time; ask again for what stands in the file.
                self._types |= changed
            if table.num_rows != len(texts):
                return None
            # Columns whose types are known come first; they shall stand where they did.
            for name in names:
                self._order.setdefault(name, len(self._order))
            table = plain(table.select(sorted(table.column_names, key=self._order.__getitem__)))
        except (pa.ArrowException, ValueError):
            return None
        for column in table.columns:
            if pa.types.is_floating(column.type):
                largest = pc.max(pc.abs(column)).as_py()
                if largest is not None and largest >= _EXACT:
                    return None
        return table

    def _checked(self, table: pa.Table | None, texts: list[bytes], path: str) -> pa.Table:
        if table is None:
            values = [value_of(text) for text in texts]
            bad = sum(not isinstance(value, dict) for value in values)
            if bad:
                self._odd[_NO_JSON] += bad
            table = self.table([v if isinstance(v, dict) else {"text": v} for v in values])
        # Columns that Strongroom asked for, and that these records don't have.
        present = [
            n
            for n in table.column_names
            if n not in self._types or table[n].null_count < len(table)
        ]
        table = table.select(present)
        names = [f"{path}.{name}" if path else name for name in table.column_names]
        if len(self._columns.union(names)) > MOST_COLUMNS:
            self._odd[f"records beyond {MOST_COLUMNS:,} different keys, read as text"] += len(texts)
            return self.text([t.decode("utf-8", "replace") for t in texts], path)
        self._columns.update(names)
        return table.rename_columns(unique_names(names))

    def _odd_values(self, texts: list[bytes], shallow: list[bool], path: str) -> pa.Table:
        """Return what is no record: lists as rows, numbers and words as one column."""
        rows: list[dict[str, Any]] = []
        for text, fine in zip(texts, shallow, strict=True):
            value = value_of(text) if fine else text.decode("utf-8", "replace")
            if isinstance(value, list):
                first, more = value[:_MOST_FIELDS], value[_MOST_FIELDS:]
                row = {f"column {i}": v for i, v in enumerate(first, start=1)}
                rows.append({**row, "more": json.dumps(more)} if more else row)
            elif isinstance(value, str) and text[:1] != b'"':
                self._odd[_DEEP if not fine else _NO_JSON] += 1
                rows.append({"text": value})
            else:
                rows.append({"value": value})
        return self._checked(self.table(rows), texts, path)


@lru_cache(4096)
def is_value(key: str) -> bool:
    """Tell a key that is data from the name of a field."""
    return _VALUE.match(key) is not None


def _keys(field: pa.Field) -> Iterator[str]:
    """Yield the keys of a column: its own, and those of records in it."""
    yield field.name
    kind = field.type
    for i in range(kind.num_fields):
        yield from _keys(kind.field(i))


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Keep also the values of keys that stand there twice, and keys that are values."""
    held = [(clean(key), value) for key, value in pairs if is_value(key)]
    if held:
        keys, values = zip(*held, strict=True)
        others = [pair for pair in pairs if not is_value(pair[0])]
        pairs = [*others, (KEY, [*keys]), (VALUE, [*values])]
    found = {key if key.isascii() else clean(key): value for key, value in pairs}
    if len(found) == len(pairs):
        return found
    names = unique_names([clean(key) for key, _ in pairs])
    return dict(zip(names, (value for _, value in pairs), strict=True))


def _flat(record: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict):
            yield from _flat(value, name)
        else:
            yield name, value


def column_of(values: Sequence[Any]) -> pa.Array:
    """Return values as a column of one kind: as text where they are of several."""
    kinds = {type(v) for v in values} - {type(None)}
    numbers = kinds == {int, float} and all(abs(v) < _WHOLE for v in values if v is not None)
    try:
        if len(kinds) <= 1 or numbers:
            return pa.array(values, pa.float64() if numbers else None)
    except (pa.ArrowException, OverflowError, ValueError):
        pass
    return pa.array([None if v is None else _written(v) for v in values], pa.string())


def _written(value: object) -> str:
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def clean(text: str) -> str:
    """Return a text without halves of surrogate pairs, which are none."""
    return text.encode("utf-8", "replace").decode()
