"""If this fails, what Strongroom writes is not what it was given, or others may read it."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import stat
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.data import Dataset, read_table, write_table
from strongroom.errors import InputError, WorkspaceError

if TYPE_CHECKING:
    from pathlib import Path


TABLE = pa.table({"name": ["Ann", None], "n": [1, 2]})

# Text that isn't a number, since a CSV doesn't say which of the two "12" is.
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10).map(
    lambda text: f"w{text}"
)


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


rows = st.lists(
    st.tuples(
        optional(words),
        optional(st.integers(-(2**63), 2**63 - 1)),
        optional(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)),
    ),
    min_size=1,
    max_size=8,
)
settle = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def table_of(values: list[tuple[Any, ...]]) -> pa.Table:
    kinds = (pa.string(), pa.int64(), pa.float64())
    columns = [pa.array(c, t) for c, t in zip(zip(*values, strict=True), kinds, strict=True)]
    return pa.table(columns, names=["odd, \"name'", "n", "x"])


@settle
@given(values=rows, ending=st.sampled_from([".csv", ".tsv", ".jsonl", ".csv.gz"]))
def test_text_formats_give_back_every_value(
    tmp_path: Path, values: list[tuple[Any, ...]], ending: str
) -> None:
    table = table_of(values)
    write_table(table, tmp_path / f"t{ending}")
    assert read_table(tmp_path / f"t{ending}").to_pylist() == table.to_pylist()


@settle
@given(values=rows, ending=st.sampled_from([".parquet", ".arrow", ".parquet.gz"]))
def test_binary_formats_give_back_every_value_and_type(
    tmp_path: Path, values: list[tuple[Any, ...]], ending: str
) -> None:
    table = table_of(values)
    write_table(table, tmp_path / f"t{ending}")
    read = read_table(tmp_path / f"t{ending}")
    assert read.schema == table.schema
    assert Dataset(read).fingerprint == Dataset(table).fingerprint


lines = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\ufeff"), max_size=10)


@settle
@given(texts=st.lists(lines, min_size=1, max_size=6))
def test_a_corpus_gives_back_every_line(tmp_path: Path, texts: list[str]) -> None:
    table = pa.table({"text": texts})
    write_table(table, tmp_path / "t.txt")
    assert read_table(tmp_path / "t.txt").equals(table)


def test_dates_and_truth_are_written_in_words(tmp_path: Path) -> None:
    table = pa.table({"day": [dt.date(2020, 1, 31)], "yes": [True]})
    for ending in (".csv", ".jsonl"):
        write_table(table, tmp_path / f"t{ending}")
    assert read_table(tmp_path / "t.csv").to_pylist() == [{"day": "2020-01-31", "yes": "true"}]
    assert read_table(tmp_path / "t.jsonl").to_pylist() == [{"day": "2020-01-31", "yes": True}]


def test_json_is_one_valid_document_a_line(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "t.jsonl")
    text = (tmp_path / "t.jsonl").read_text("utf-8")
    assert [json.loads(line) for line in text.splitlines()] == TABLE.to_pylist()


def test_the_same_table_gives_the_same_gzip(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        write_table(TABLE, tmp_path / name)
    packed = (tmp_path / "a.csv.gz").read_bytes()
    assert packed == (tmp_path / "b.csv.gz").read_bytes()
    assert packed == gzip.compress(gzip.decompress(packed), mtime=0)


def test_only_the_owner_may_read_it_unless_told_otherwise(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "private.csv")
    write_table(TABLE, tmp_path / "shared.csv", mode=0o644)
    modes = [stat.S_IMODE(p.stat().st_mode) for p in sorted(tmp_path.iterdir())]
    assert modes == [0o600, 0o644]


NESTED = pa.table({"a": [[1, 2]]})
NOT_FINITE = pa.table({"a": [float("nan")]})


@pytest.mark.parametrize(
    ("table", "name", "what"),
    [
        (TABLE, "t.xlsx", "cannot tell what kind of file"),
        (TABLE, "t", "cannot tell what kind of file"),
        (TABLE, "t.txt", "one column, this table has 2"),
        (NESTED, "t.csv", "cannot hold lists"),
        (NOT_FINITE, "t.jsonl", "neither NaN nor infinity"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_and_nothing_is_left(
    tmp_path: Path, table: pa.Table, name: str, what: str
) -> None:
    with pytest.raises(InputError, match=what) as caught:
        write_table(table, tmp_path / name)
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_missing_lines_and_numbers_in_a_corpus(tmp_path: Path) -> None:
    write_table(pa.table({"n": [1, None, 3]}), tmp_path / "t.log")
    assert (tmp_path / "t.log").read_bytes() == b"1\n\n3\n"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no such folder"):
        write_table(TABLE, tmp_path / "missing" / "t.csv")
