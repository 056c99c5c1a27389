"""If this fails, people are singled out by columns that nobody was warned of."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.data import Dataset
from strongroom.discover import scan
from strongroom.discover.columns._column import hashed
from strongroom.discover.columns._keys import Search

if TYPE_CHECKING:
    from collections.abc import Sequence


def hashes(columns: dict[str, list[int]]) -> dict[str, np.ndarray]:
    return {name: hashed(pa.array(values)) for name, values in columns.items()}


def alone(columns: Sequence[list[int]], persons: list[int] | None = None) -> float:
    """The plain twin: rows whose values only one person has."""
    rows = list(zip(*columns, strict=True))
    told = persons or list(range(len(rows)))
    people = Counter(row for row, _ in set(zip(rows, told, strict=True)))
    return sum(people[row] == 1 for row in rows) / len(rows)


tables = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.tuples(*[st.integers(0, 3)] * width), min_size=2, max_size=60).map(
        lambda rows: {f"c{i}": [r[i] for r in rows] for i in range(width)}
    )
)


@settings(max_examples=60, deadline=None)
@given(tables, st.booleans(), st.data())
def test_shares_are_counts_of_rows_that_are_alone(
    table: dict[str, list[int]], told: bool, data: st.DataObject
) -> None:
    rows = len(table["c0"])
    persons = data.draw(st.lists(st.integers(1, 9), min_size=rows, max_size=rows)) if told else None
    search = Search(hashes(table), None if persons is None else hashed(pa.array(persons)))
    together = search.together()
    assert set(together) == set(table)
    for name, key in together.items():
        assert name in key.columns
        assert key.share == pytest.approx(alone([table[c] for c in key.columns], persons))


@settings(max_examples=60, deadline=None)
@given(tables)
def test_keys_are_minimal_and_no_smaller_one_is_missed(table: dict[str, list[int]]) -> None:
    found = Search(hashes(table)).keys(most=1_000)
    everything = alone(list(table.values()))
    wanted = 0.8 * everything
    reached = [set(k.columns) for k in found if k.share >= wanted - 1e-9]
    assert not any(a < b for a in reached for b in reached)
    for key in found:
        assert key.share == pytest.approx(alone([table[c] for c in key.columns]))
    for size in range(1, len(table) + 1):
        for columns in combinations(table, size):
            enough = everything > 0 and alone([table[c] for c in columns]) >= max(wanted, 0.01)
            # A column that says the same as another stands for both.
            named = {tuple(_partition(table[c])) for c in columns}
            covered = any({tuple(_partition(table[c])) for c in k} <= named for k in reached)
            assert covered or not enough or size > 4


def _partition(values: list[int]) -> list[int]:
    first: dict[int, int] = {}
    return [first.setdefault(v, i) for i, v in enumerate(values)]


def test_a_person_with_many_rows_is_not_hidden_among_them() -> None:
    rows = 4_000
    draw = np.random.default_rng(3)
    person = draw.integers(0, 500, rows)
    table = {"patient_id": person + 10_000, "zip": 10_000 + person, "sex": person % 2}
    found = scan(Dataset.of(pa.table(table)))
    assert [k.columns for k in found.keys] == [("zip",)]
    assert found.keys[0].share == 1.0
    assert "zip singles out 100 % of rows" in found.column("zip").reason
    for said in (str(found), found._repr_html_()):
        assert "Singled out by few columns: zip (100 % of rows)" in said


def test_columns_nobody_named_are_found_by_measuring_and_long_tables_are_sampled() -> None:
    draw = np.random.default_rng(4)
    rows = 300_000
    table = pa.table(
        {
            "sex": draw.integers(0, 2, rows),
            "shoe": draw.integers(0, 40, rows),
            "reading": draw.integers(0, 10**9, rows),
            "constant": np.ones(rows),
        }
    )
    found = scan(Dataset.of(table))
    assert ("reading",) in [k.columns for k in found.keys]
    assert all(60_000 < k.rows <= 1 << 17 for k in found.keys)
    assert "at most" in str(found)
    assert "constant" not in {c for k in found.keys for c in k.columns}


def test_wide_tables_take_a_bounded_number_of_tries() -> None:
    draw = np.random.default_rng(5)
    columns = {f"c{i}": hashed(pa.array(draw.integers(0, 5, 3_000))) for i in range(120)}
    search = Search(columns)
    assert search.keys()
    assert len(search._measured) <= 4 * 4_000
