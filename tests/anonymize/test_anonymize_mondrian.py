"""If this fails, a released table isn't k-anonymous or l-diverse, lies about a row, or loses one.

The checker reads released values by their documented format alone and counts with dictionaries.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.anonymize import Anonymized, anonymize
from strongroom.config import AnonymizeSpec, ColumnSpec
from strongroom.data import Dataset, Role
from strongroom.errors import DataError, RefusedError

DATA = Path(__file__).parents[1] / "data" / "adult_arx"
Hierarchy = dict[str, tuple[str, ...]]
HIERARCHY: Hierarchy = {
    "a1": ("a", "letters"),
    "a2": ("a", "letters"),
    "b1": ("b", "letters"),
    "7": ("digits",),
    "loner": (),
}


def set_members(text: str) -> set[str]:
    """Read `{A, "B, C"}`."""
    found = set()
    for quoted, plain in re.findall(r'("(?:[^"\\]|\\.)*")|([^,{}"]+)', text[1:-1]):
        if quoted:
            found.add(json.loads(quoted))
        elif plain.strip():
            found.add(plain.strip())
    return found


def holds(
    released: str | None,
    value: object,
    hierarchy: Hierarchy | None,
) -> bool:
    """Whether a released value is true of an original one."""
    if released in {"*", value}:
        return True
    if released is None or value is None:
        return False
    if hierarchy is not None:
        return released in {str(value), *hierarchy[str(value)]}
    if isinstance(value, str):
        return released.startswith("{") and value in set_members(released)
    if released.startswith("["):
        body = released[1:-1]
        low, high = body.split("..") if ".." in body else body.split("-")
    else:
        low = high = released
    if isinstance(value, dt.date):
        return dt.date.fromisoformat(low) <= value <= dt.date.fromisoformat(high)
    assert isinstance(value, int | float)
    return float(low) <= value <= float(high)


def check(
    original: list[dict[str, Any]],
    released: list[dict[str, Any]],
    k: int,
    l: int,  # noqa: E741 - the measure's own letter
    quasi: list[str],
    sensitive: list[str],
    hierarchies: dict[str, Hierarchy],
) -> None:
    assert len(released) == len(original)
    classes: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for before, after in zip(original, released, strict=True):
        for column in before:
            if column in quasi:
                assert holds(after[column], before[column], hierarchies.get(column)), column
            else:
                assert after[column] == before[column]
        classes[tuple(after[q] for q in quasi)].append(after)
    for rows in classes.values():
        assert len(rows) >= k
        for column in sensitive:
            assert len({row[column] for row in rows}) >= l


ROW = st.fixed_dictionaries(
    {
        "age": st.one_of(st.none(), st.integers(-5, 40)),
        "weight": st.one_of(st.none(), st.floats(-1e300, 1e300), st.sampled_from([0.5, 1.5, 2.5])),
        "born": st.one_of(st.none(), st.dates(dt.date(1999, 1, 1), dt.date(2001, 1, 1))),
        "town": st.sampled_from(["Ayr", "Bath, North", 'Cork "C"', "{Deal}", None]),
        "kind": st.sampled_from([*HIERARCHY, None]),
        "same": st.just("constant"),
        "illness": st.sampled_from(["x", "y", "z", None]),
    }
)
SCHEMA = pa.schema(
    [
        ("age", pa.int64()),
        ("weight", pa.float64()),
        ("born", pa.date32()),
        ("town", pa.string()),
        ("kind", pa.string()),
        ("same", pa.string()),
        ("illness", pa.string()),
    ]
)
QUASI = ["age", "weight", "born", "town", "kind", "same"]
DECLARED = {"kind": ColumnSpec(hierarchy=HIERARCHY)}


def roles_of(
    table: pa.Table, quasi: list[str], sensitive: list[str] | None = None
) -> dict[str, Role]:
    return (
        dict.fromkeys(table.column_names, Role.FEATURE)
        | dict.fromkeys(quasi, Role.QUASI_IDENTIFIER)
        | dict.fromkeys(sensitive or [], Role.SENSITIVE)
    )


def run(
    table: pa.Table,
    quasi: list[str],
    sensitive: list[str],
    *,
    columns: dict[str, ColumnSpec] | None = None,
    subject: str | None = None,
    **settings: float,
) -> Anonymized:
    dataset = Dataset(table, roles=roles_of(table, quasi, sensitive), subject=subject)
    return anonymize(
        dataset, AnonymizeSpec.model_validate(settings), columns=columns, text_columns=[]
    )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_every_release_is_anonymous_diverse_and_true(data: st.DataObject) -> None:
    rows = data.draw(st.lists(ROW, min_size=1, max_size=40))
    if data.draw(st.booleans()):
        rows = rows * data.draw(st.integers(2, 3))
    k = data.draw(st.integers(1, len(rows)))
    diversity = data.draw(st.integers(1, len({r["illness"] for r in rows})))
    quasi = data.draw(st.lists(st.sampled_from(QUASI), min_size=1, unique=True))
    table = pa.Table.from_pylist(rows, SCHEMA)
    found = run(table, quasi, ["illness"], k=k, l=diversity, columns=DECLARED)
    released = found.dataset.table.to_pylist()
    check(rows, released, k, diversity, quasi, ["illness"], {"kind": HIERARCHY})
    assert found.after.k is not None
    assert found.after.k >= k
    assert found.after.l is not None
    assert found.after.l >= diversity
    assert found.suppressed == 0
    assert 0 <= found.loss.ncp <= 1
    assert all(0 <= level <= 1 for level in found.generalization.values())
    if k == 1 and diversity == 1:
        assert found.loss.ncp == 0
        assert found.after.classes == found.before.classes


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("pqrst")), min_size=2, max_size=40),
    st.integers(1, 3),
)
def test_rows_hide_among_persons_not_among_their_own(rows: list[tuple[int, str]], k: int) -> None:
    k = min(k, len({person for _, person in rows}))
    table = pa.table({"age": [a for a, _ in rows], "person": [p for _, p in rows]})
    found = run(table, ["age"], [], k=k, subject="person")
    assert "person" not in found.dataset.columns
    assert found.minimized.subject == "person"
    persons = defaultdict(set)
    for (_, person), released in zip(rows, found.dataset.table["age"].to_pylist(), strict=True):
        persons[released].add(person)
    assert min(len(p) for p in persons.values()) >= k
    assert found.after.k == min(len(p) for p in persons.values())


def adult() -> tuple[pa.Table, dict[str, Hierarchy]]:
    options = pa_csv.ParseOptions(delimiter=";")
    table = pa_csv.read_csv(DATA / "adult_subset.csv.gz", parse_options=options)
    hierarchies = {}
    for name in table.column_names:
        with (DATA / f"adult_hierarchy_{name}.csv").open(encoding="utf-8", newline="") as stream:
            lines = csv.reader(stream, delimiter=";")
            hierarchies[name] = {line[0]: tuple(line[1:]) for line in lines}
    return table, hierarchies


@pytest.mark.parametrize(("k", "diversity"), [(2, 1), (5, 1), (5, 3), (10, 5), (100, 2)])
@pytest.mark.parametrize("declared", [True, False])
def test_real_census_rows_with_and_without_their_hierarchies(
    k: int, diversity: int, declared: bool
) -> None:
    table, hierarchies = adult()
    if not declared:
        hierarchies = {}
    sensitive = ["occupation"]
    quasi = [c for c in table.column_names if c not in {"occupation", "salary-class"}]
    columns = {c: ColumnSpec(hierarchy=h) for c, h in hierarchies.items()}
    found = run(table, quasi, sensitive, k=k, l=diversity, columns=columns)
    released = found.dataset.table.to_pylist()
    check(table.to_pylist(), released, k, diversity, quasi, sensitive, hierarchies)
    assert found.suppressed == 0
    assert found.before.k == 1
    # It would be easy to be anonymous by saying nothing.
    assert found.loss.ncp < (0.65 if k == 100 else 0.3)


def test_rows_whose_person_is_unknown_are_suppressed_within_the_limit() -> None:
    people = [f"p{i}" if i else None for i in range(20)]
    table = pa.table({"age": list(range(20)), "person": people})
    found = run(table, ["age"], [], k=2, suppression_limit=0.05, subject="person")
    assert found.suppressed == found.after.suppressed == 1
    assert found.dataset.rows == 19
    assert found.minimized.rows == 20
    assert found.before.rows == 20
    with pytest.raises(RefusedError, match=r"1 of 20 rows \(5.0%\).* limit is 4.0%") as caught:
        run(table, ["age"], [], k=2, suppression_limit=0.04, subject="person")
    assert caught.value.exit_code == 1


def test_a_range_of_dates_and_of_negative_numbers_can_be_read_back() -> None:
    table = pa.table(
        {
            "when": pa.array([dt.date(2024, 1, 5), dt.date(2024, 3, 1)]),
            "debt": [-3, 4],
            "age": [17, 28],
            "at": pa.array([1, 2], pa.timestamp("s")),
            "clock": pa.array([1, 2], pa.time32("s")),
        }
    )
    released = run(table, table.column_names, [], k=2).dataset.table.to_pylist()[0]
    assert released["when"] == "[2024-01-05..2024-03-01]"
    assert released["debt"] == "[-3..4]"
    assert released["age"] == "[17-28]"
    assert released["at"] == "[1970-01-01 00:00:01..1970-01-01 00:00:02]"
    assert released["clock"] == "[00:00:01-00:00:02]"


def test_categories_become_sets_or_ancestors() -> None:
    town = ["Ayr", "Ayr", "Bath, N", "Bath, N", "Cork", "Cork"]
    table = pa.table({"town": town})
    assert run(table, ["town"], [], k=2).dataset.table.equals(table)
    released = run(table, ["town"], [], k=3).dataset.table["town"].to_pylist()
    assert released == ["*"] * 6
    more = pa.table({"town": [*town, "Cork"]})
    released = run(more, ["town"], [], k=3).dataset.table["town"].to_pylist()
    assert released == ['{Ayr, "Bath, N"}'] * 4 + ["Cork"] * 3
    kinds = pa.table({"kind": ["a1", "a2", "b1", "b1"]})
    released = run(kinds, ["kind"], [], k=2, columns=DECLARED).dataset.table["kind"].to_pylist()
    assert released == ["a", "a", "b1", "b1"]


def test_missing_values_keep_to_themselves_where_there_are_enough() -> None:
    enough = pa.table({"age": [None, None, 1, 2, 3, 4]})
    released = run(enough, ["age"], [], k=2).dataset.table["age"].to_pylist()
    assert released == [None, None, "[1-2]", "[1-2]", "[3-4]", "[3-4]"]
    one = pa.table({"age": [None, 1, 2, 3, 4]})
    released = run(one, ["age"], [], k=2).dataset.table["age"].to_pylist()
    assert released[:2] == ["*", "*"]
    assert "*" not in released[3:]


def test_integers_beyond_float_precision_are_told_apart() -> None:
    big = 2**60
    table = pa.table({"id": [big, big + 1, big + 2, big + 3]})
    released = run(table, ["id"], [], k=2).dataset.table["id"].to_pylist()
    assert released == [f"[{big}-{big + 1}]"] * 2 + [f"[{big + 2}-{big + 3}]"] * 2


def test_one_name_in_two_branches_stays_two_things() -> None:
    hierarchy: Hierarchy = {"x": ("other", "left"), "y": ("other", "right"), "z": ("third", "left")}
    table = pa.table({"c": ["x", "y", "z", "x", "y", "z"]})
    columns = {"c": ColumnSpec(hierarchy=hierarchy)}
    released = run(table, ["c"], [], k=3, columns=columns).dataset.table["c"].to_pylist()
    # "other" would be true of x and y and join them; only the top is above both.
    assert released == ["*"] * 6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 6}, "k = 6 is larger than the table, which has 5 rows"),
        ({"k": 4, "subject": "person"}, "k = 4 is larger than the number of persons, 3"),
        ({"k": 2, "l": 3}, 'l = 3 is more than the 2 distinct values of column "illness"'),
        ({"k": 2, "l": 2, "sensitive": []}, "no column is sensitive"),
    ],
)
def test_demands_that_no_table_can_meet(settings: dict[str, Any], message: str) -> None:
    table = pa.table({"age": range(5), "person": list("ppqqr"), "illness": list("xxxxy")})
    sensitive = settings.pop("sensitive", ["illness"])
    with pytest.raises(DataError) as caught:
        run(table, ["age"], sensitive, **settings)
    assert message in caught.value.what
    assert caught.value.hint


def test_nan_in_a_quasi_identifier_is_refused_and_names_the_column() -> None:
    table = pa.table({"age": [1.0, float("nan")], "b": [1, 2]})
    with pytest.raises(DataError, match='column "age"'):
        run(table, ["age", "b"], [], k=1)


def test_a_value_that_its_hierarchy_lacks_is_counted_not_shown() -> None:
    table = pa.table({"kind": ["a1", "secret-value"]})
    with pytest.raises(DataError, match="1 distinct values") as caught:
        run(table, ["kind"], [], k=1, columns=DECLARED)
    assert "secret-value" not in str(caught.value)
    assert caught.value.where == "data.columns.kind.hierarchy"


def test_numbers_may_have_a_hierarchy_too() -> None:
    bands: Hierarchy = {str(i): (f"{i // 10}x",) for i in range(40)}
    table = pa.table({"age": [12, 15, 31, 33, None, None]})
    columns = {"age": ColumnSpec(hierarchy=bands)}
    released = run(table, ["age"], [], k=2, columns=columns).dataset.table["age"].to_pylist()
    assert released == ["1x", "1x", "3x", "3x", None, None]


def test_progress_reaches_the_whole() -> None:
    seen: list[tuple[float, float]] = []

    class Listener:
        def step(self, done: float, total: float, note: str = "") -> None:
            assert note
            seen.append((done, total))

    table = pa.table({"age": np.arange(100)})
    dataset = Dataset(table, roles=roles_of(table, ["age"]))
    anonymize(dataset, AnonymizeSpec(k=5), text_columns=[], progress=Listener())
    assert [done == total for done, total in seen].index(True) == len(seen) - 1
    assert seen == sorted(seen)
