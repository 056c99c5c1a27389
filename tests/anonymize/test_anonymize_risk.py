"""If this fails, Strongroom tells people that a table is safer (or worse) than it is.

Every measure is held against a reference in plain Python dictionaries that shares no code with the
product.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.anonymize import Risk, risk
from strongroom.data import Dataset
from strongroom.errors import DataError

ROW = st.fixed_dictionaries(
    {
        "age": st.one_of(st.none(), st.integers(-3, 3)),
        "sex": st.sampled_from(["f", "m", None]),
        "zip": st.sampled_from(["a", "b"]),
        "illness": st.sampled_from(["x", "y", "z", None]),
        "income": st.one_of(st.none(), st.integers(-2, 5)),
        "person": st.sampled_from(["p", "q", "r", "s", None]),
    }
)
SCHEMA = pa.schema(
    [
        ("age", pa.int64()),
        ("sex", pa.string()),
        ("zip", pa.string()),
        ("illness", pa.string()),
        ("income", pa.int64()),
        ("person", pa.string()),
    ]
)
QUASI = ["age", "sex", "zip"]


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


def classes_of(rows: list[dict[str, Any]], quasi: list[str]) -> dict[Any, list[dict[str, Any]]]:
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[q] for q in quasi)].append(row)
    return groups


def moved(group: list[Any], everyone: list[Any], ordered: bool) -> float:
    """The earth mover's distance, by its definition."""
    kinds: list[Any] = sorted({v for v in everyone if v is not None})
    if None in everyone:
        kinds.append(None)
    gaps = [group.count(v) / len(group) - everyone.count(v) / len(everyone) for v in kinds]
    if not ordered:
        return sum(abs(gap) for gap in gaps) / 2
    if len(kinds) == 1:
        return 0.0
    return sum(abs(sum(gaps[: i + 1])) for i in range(len(kinds))) / (len(kinds) - 1)


@settings(max_examples=150, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=30), st.sampled_from([0.05, 0.2, 0.5, 1 / 3]))
def test_every_measure_equals_the_reference(rows: list[dict[str, Any]], threshold: float) -> None:
    found = risk(table_of(rows), QUASI, ["illness", "income"], threshold)
    groups = classes_of(rows, QUASI)
    sizes = [len(group) for group in groups.values()]
    n = len(rows)
    assert (found.rows, found.classes, found.k) == (n, len(sizes), min(sizes))
    assert found.uniques == sum(1 for s in sizes if s == 1)
    assert found.l == min(
        len({r[column] for r in group}) for group in groups.values() for column in SENSITIVE
    )
    assert found.t == pytest.approx(
        max(
            moved([r[c] for r in group], [r[c] for r in rows], ordered=c == "income")
            for group in groups.values()
            for c in SENSITIVE
        )
    )
    for attacker in (found.prosecutor, found.journalist):
        assert attacker is not None
        assert attacker.max == pytest.approx(1 / min(sizes))
        assert attacker.mean == pytest.approx(len(sizes) / n)
        above = sum(s for s in sizes if threshold * s < 1 and not math.isclose(threshold * s, 1))
        assert attacker.share_above == pytest.approx(above / n)
    assert found.marketer == pytest.approx(len(sizes) / n)
    assert dict(found.histogram) == {s: s * c for s, c in Counter(sizes).items()}
    assert found.population == "the data set itself"


SENSITIVE = ["illness", "income"]


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=25))
def test_classes_count_persons_where_rows_belong_to_persons(rows: list[dict[str, Any]]) -> None:
    found = risk(table_of(rows), QUASI, subject="person")
    groups = classes_of(rows, QUASI).values()
    persons = [len({r["person"] for r in group}) for group in groups]
    assert found.k == min(persons)
    assert found.unit == "subjects"
    assert found.marketer == pytest.approx(
        sum(len(g) / p for g, p in zip(groups, persons, strict=True)) / len(rows)
    )
    assert sum(count for _, count in found.histogram) == len(rows)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=12), st.lists(ROW, max_size=40))
def test_a_journalist_picks_from_the_population(
    rows: list[dict[str, Any]], others: list[dict[str, Any]]
) -> None:
    population = rows + others
    found = risk(table_of(rows), QUASI, population=table_of(population))
    groups = classes_of(rows, QUASI)
    pool = {key: len(group) for key, group in classes_of(population, QUASI).items()}
    mean = sum(len(g) / pool[key] for key, g in groups.items()) / len(rows)
    assert found.journalist is not None
    assert found.prosecutor is not None
    assert found.journalist.max == pytest.approx(1 / min(pool[key] for key in groups))
    assert found.journalist.mean == pytest.approx(
        max(mean, len(groups) / sum(pool[key] for key in groups))
    )
    assert found.marketer == pytest.approx(mean)
    assert found.journalist.max <= found.prosecutor.max
    assert found.population == "the population given"


def test_many_wide_columns_are_still_counted_exactly() -> None:
    # 12 columns of 50 distinct values: 50**12 doesn't fit 64 bits, so keys must be renumbered.
    columns = {f"c{i}": [(7 * row + i) % 50 for row in range(200)] for i in range(12)}
    found = risk(pa.table(columns), list(columns))
    expected = Counter(zip(*columns.values(), strict=True))
    assert found.classes == len(expected)
    assert found.k == min(expected.values())


def test_nothing_to_evaluate_says_why() -> None:
    table = pa.table({"a": [1, 2]})
    nothing = risk(table, [])
    assert nothing.k is None
    assert not nothing.evaluable
    assert "no quasi-identifiers" in str(nothing)
    assert "no rows" in risk(table.slice(0, 0), ["a"]).reason
    assert json.loads(json.dumps(nothing.to_json()))["prosecutor"] is None


def test_json_holds_the_fields_that_scripts_rely_on() -> None:
    document = risk(pa.table({"a": [1, 1, 2], "s": ["x", "y", "x"]}), ["a"], ["s"]).to_json()
    again = json.loads(json.dumps(document))
    assert {"rows", "classes", "k", "l", "t", "marketer", "uniques", "suppressed"} <= set(again)
    for attacker in ("prosecutor", "journalist"):
        assert set(again[attacker]) == {"max", "mean", "share_above"}
    assert again["histogram"] == [[1, 1], [2, 2]]
    assert (again["k"], again["l"], again["t"]) == (1, 1, pytest.approx(1 / 3))


def test_it_prints_what_a_person_wants_to_know() -> None:
    text = str(risk(pa.table({"a": [1] * 5, "s": list("xyxyx")}), ["a"], ["s"]))
    assert "k = 5" in text
    assert "l = 2" in text
    assert "1 in 5 at worst" in text
    assert "l =" not in str(risk(pa.table({"a": [1]}), ["a"]))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_infinity_are_named_by_their_column(bad: float) -> None:
    with pytest.raises(DataError, match='column "age" holds NaN or infinite') as caught:
        risk(pa.table({"age": [1.0, bad]}), ["age"])
    assert caught.value.where == "age"
    assert "null" in str(caught.value)


@pytest.mark.parametrize("values", [pa.array([[1], [2]]), pa.array([b"a", b"b"])])
def test_nested_and_binary_columns_are_refused(values: pa.Array) -> None:
    with pytest.raises(DataError, match="cannot be grouped"):
        risk(pa.table({"a": values}), ["a"])


def test_a_misspelt_column_is_told_the_nearest() -> None:
    with pytest.raises(DataError, match='no column "agee"') as caught:
        risk(pa.table({"age": [1]}), ["agee"])
    assert caught.value.hint == 'did you mean "age"?'


def test_pandas_polars_and_datasets_are_read_alike() -> None:
    import pandas as pd
    import polars as pl

    columns = {"a": [1, 1, 2], "b": ["x", "x", "y"]}
    expected = risk(pa.table(columns), ["a", "b"])
    for data in (pd.DataFrame(columns), pl.DataFrame(columns), Dataset(pa.table(columns))):
        assert risk(data, ["a", "b"]) == expected
    assert isinstance(expected, Risk)


def test_types_that_look_alike_group_alike() -> None:
    plain = pa.table({"a": ["x", "y", "x", None]})
    coded = pa.table({"a": plain["a"].dictionary_encode()})
    assert risk(plain, ["a"]) == risk(coded, ["a"]) == risk(Dataset(coded), ["a"])
    assert risk(pa.table({"a": [0.0, -0.0]}), ["a"]).classes == 1
    assert risk(Dataset(pa.table({"a": pa.nulls(3)})), ["a"]).k == 3
    assert risk(pa.table({"a": [True, False, None]}), ["a"], ["a"]).classes == 3
