"""If this fails, changed data pass for unchanged (or the reverse), or a role is lost on the way."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.data import Dataset, Role
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

BASE: dict[str, list[Any]] = {
    "s": ["a", None, "", "b"],
    "n": [1, 2, None, 4],
    "x": [0.5, None, 2.0, -1.0],
    "b": [True, None, False, True],
    "l": [[1], None, [], [2, None]],
}


def fingerprint(data: dict[str, Any] | pa.Table) -> str:
    return Dataset(pa.table(data)).fingerprint


columns = st.lists(
    st.tuples(
        st.one_of(st.none(), st.text(max_size=3)),
        st.one_of(st.none(), st.integers(-9, 9)),
        st.one_of(st.none(), st.booleans()),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=80, deadline=None)
@given(rows=columns, cut=st.integers(0, 9), before=st.integers(0, 9), after=st.integers(0, 3))
def test_the_fingerprint_is_blind_to_how_the_values_lie_in_memory(
    rows: list[tuple[Any, ...]], cut: int, before: int, after: int
) -> None:
    kinds = (pa.string(), pa.int64(), pa.bool_())

    def table_of(some: list[tuple[Any, ...]]) -> pa.Table:
        values = [list(c) for c in zip(*some, strict=True)] or [[], [], []]
        arrays = [pa.array(c, t) for c, t in zip(values, kinds, strict=True)]
        return pa.table(arrays, names=["s", "n", "b"])

    table = table_of(rows)
    expected = fingerprint(table)
    assert fingerprint(pa.concat_tables([table_of(rows[:cut]), table_of(rows[cut:])])) == expected
    padding = table_of([("zz", 7, True)])
    padded = pa.concat_tables([*[padding] * before, table, *[padding] * after]).combine_chunks()
    assert fingerprint(padded.slice(before, len(rows))) == expected
    encoded = table.set_column(0, "s", table.column("s").dictionary_encode())
    assert fingerprint(encoded) == expected
    large = table.set_column(0, "s", table.column("s").cast(pa.large_string()))
    assert fingerprint(large) == expected
    assert fingerprint(table.replace_schema_metadata({"made": "by"})) == expected


def test_what_lies_under_a_missing_value_does_not_count() -> None:
    mask = np.array([False, True, False])
    hidden = pa.array(np.array([1, 99, 3]), mask=mask)
    assert fingerprint({"n": hidden}) == fingerprint({"n": pa.array([1, None, 3])})


def changed(column: str, value: list[Any]) -> dict[str, list[Any]]:
    return {**BASE, column: value}


@pytest.mark.parametrize(
    "other",
    [
        changed("s", ["a", None, "", "c"]),
        changed("s", ["a", "", "", "b"]),
        changed("s", ["a", None, None, "b"]),
        changed("n", [1, 2, 0, 4]),
        changed("n", [2, 1, None, 4]),
        changed("x", [0.5, None, 2.0, -1.0000000000000002]),
        changed("b", [True, False, False, True]),
        changed("l", [[1], [], [], [2, None]]),
        changed("l", [[1], None, [2], [None]]),
        {("S" if k == "s" else k): v for k, v in BASE.items()},
        dict(reversed(BASE.items())),
        {k: v for k, v in BASE.items() if k != "l"},
        {**BASE, "more": [1, 1, 1, 1]},
        {k: v[:3] for k, v in BASE.items()},
        {k: v[::-1] for k, v in BASE.items()},
        pa.table(BASE).set_column(1, "n", pa.array(BASE["n"], pa.int32())),
        pa.table(BASE).set_column(1, "n", pa.array(BASE["n"], pa.float64())),
    ],
)
def test_the_fingerprint_sees_every_change(other: dict[str, Any] | pa.Table) -> None:
    assert fingerprint(other) != fingerprint(BASE)


def test_the_last_row_of_a_long_table_counts_and_where_batches_end_does_not() -> None:
    numbers = np.arange(200_000)
    one = fingerprint({"n": numbers})
    pieces = pa.chunked_array([numbers[:70_000], numbers[70_000:]])
    assert fingerprint({"n": pieces}) == one
    numbers[-1] = 0
    assert fingerprint({"n": numbers}) != one


def test_the_fingerprint_is_the_same_in_another_process() -> None:
    code = (
        "import pyarrow as pa; from strongroom.data import Dataset;"
        f"print(Dataset(pa.table({BASE!r})).fingerprint)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "7"},
    )
    assert said.stdout.strip() == fingerprint(BASE)


# Dataset


@pytest.mark.parametrize("frame", [pa.table, pd.DataFrame, pl.DataFrame], ids=["pa", "pd", "pl"])
def test_every_frame_becomes_the_same_dataset(frame: Callable[[Any], Any]) -> None:
    data = {"s": ["a", "b"], "n": [1, 2]}
    dataset = Dataset.of(frame(data), name="people", roles={"s": Role.QUASI_IDENTIFIER})
    assert dataset.table.schema.types == [pa.string(), pa.int64()]
    assert dataset.fingerprint == fingerprint(data)
    assert dataset.name == "people"
    assert dataset.columns_with(Role.QUASI_IDENTIFIER) == ("s",)


def test_categories_blobs_and_empty_columns_become_plain() -> None:
    table = pa.table(
        {
            "c": pa.array(["a", "b", "a"]).dictionary_encode(),
            "v": pa.array([b"a", b"b", None], pa.binary_view()),
            "l": pa.array([b"a", b"b", None], pa.large_binary()),
            "t": pa.array(["a", None, "b"], pa.string_view()),
            "e": pa.nulls(3),
        }
    )
    plain = Dataset.of(table).table
    assert plain.schema.types == [
        pa.string(), pa.binary(), pa.binary(), pa.string(), pa.string(),
    ]  # fmt: skip
    assert plain.to_pylist() == table.to_pylist()


def test_the_row_numbers_of_a_pandas_frame_are_no_column_but_a_named_index_is() -> None:
    frame = pd.DataFrame({"n": [1, 2, 3]}, index=[7, 8, 9])
    assert Dataset.of(frame[frame.n > 1]).columns == ("n",)
    assert "person" in Dataset.of(frame.rename_axis("person")).columns


def test_a_dataset_stays_itself_and_takes_new_settings() -> None:
    dataset = Dataset.of(pa.table(BASE))
    assert Dataset.of(dataset) is dataset
    assert Dataset.of(dataset, name="other").name == "other"


@pytest.mark.parametrize("thing", [None, 3, "path.csv", {"a": [1]}, [1, 2]])
def test_what_speaks_no_arrow_is_refused(thing: object) -> None:
    with pytest.raises(DataError, match="cannot read a table from"):
        Dataset.of(thing)


def test_roles_and_what_follows_from_them() -> None:
    dataset = Dataset(pa.table(BASE), roles={"x": Role.TARGET, "s": Role.IGNORE}, subject="n")
    assert (dataset.rows, dataset.columns) == (4, tuple(BASE))
    assert dataset.target == "x"
    assert dataset.columns_with(Role.FEATURE) == ("n", "b", "l")
    assert Dataset(pa.table(BASE)).target is None
    assert dataset.with_roles({"n": Role.TARGET}).target == "n"


def test_roles_of_columns_that_go_go_with_them() -> None:
    dataset = Dataset(pa.table(BASE), roles={"x": Role.TARGET, "s": Role.IGNORE}, subject="n")
    less = dataset.with_table(dataset.table.select(["s", "b"]))
    assert less.roles == {"s": Role.IGNORE}
    assert less.subject is None
    kept = dataset.with_table(dataset.table.slice(1, 2))
    assert (kept.roles, kept.subject, kept.rows) == (dataset.roles, "n", 2)


@pytest.mark.parametrize("about", [{"roles": {"incme": Role.TARGET}}, {"subject": "incme"}])
def test_a_column_that_is_not_there_is_named_with_the_nearest(about: dict[str, Any]) -> None:
    with pytest.raises(DataError, match='no column "incme" in people') as caught:
        Dataset(pa.table({"income": [1], "age": [2]}), name="people", **about)
    assert caught.value.hint == 'did you mean "income"?'


def test_without_a_near_one_the_columns_are_listed() -> None:
    with pytest.raises(DataError) as caught:
        Dataset(pa.table({"income": [1], "age": [2]})).require("zzz")
    assert caught.value.hint == "the columns are: income, age"
