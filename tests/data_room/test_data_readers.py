"""If this fails, a file is misread, or one that can't be read ends in a traceback."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.data import Kind, read_content, read_dataset, read_table, readable, write_table
from strongroom.errors import DataError

TABLE = pa.table({"name": ["Ann", None, "Zoë"], "n": [1, 2, None], "x": [0.5, None, 2.0]})
ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".arrow", ".txt", ".md", ".log")


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_dataset(path)
    assert str(path) in (caught.value.where or "")
    return caught.value


@pytest.mark.parametrize("zipped", ["", ".gz"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".arrow"])
def test_every_kind_of_table_gives_the_same_rows(tmp_path: Path, ending: str, zipped: str) -> None:
    path = tmp_path / f"t{ending}{zipped}"
    write_table(TABLE, path)
    dataset = read_dataset(path)
    assert dataset.kind is Kind.TABLE
    assert dataset.table.to_pylist() == TABLE.to_pylist()
    assert dataset.name == path.name
    assert dataset.roles == {}


@pytest.mark.parametrize("ending", [".txt", ".md", ".log", ".txt.gz"])
def test_a_text_is_one_row_a_line(tmp_path: Path, ending: str) -> None:
    content = "\ufeffone\r\n\ntwo \x0c\u2028 two\n".encode()
    path = file(
        tmp_path, f"t{ending}", gzip.compress(content, mtime=0) if "gz" in ending else content
    )
    dataset = read_dataset(path)
    assert dataset.kind is Kind.TEXT
    assert dataset.table.to_pydict() == {"text": ["one", "", "two \x0c\u2028 two"]}


def test_an_arrow_stream_is_read_like_an_arrow_file(tmp_path: Path) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    path = file(tmp_path, "t.arrow", sink.getvalue().to_pybytes())
    assert read_table(path).equals(TABLE)


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "year=2020"
    folder.mkdir()
    pq.write_table(TABLE, folder / "t.parquet")
    assert read_table(folder / "t.parquet").column_names == TABLE.column_names


@pytest.mark.parametrize("ending", [*ENDINGS, ".csv.gz", ".parquet.gz", ".txt.gz"])
def test_what_is_empty_missing_or_a_folder(tmp_path: Path, ending: str) -> None:
    empty = gzip.compress(b"", mtime=0) if ending.endswith(".gz") else b""
    assert refused(file(tmp_path, f"t{ending}", empty)).what == "the file is empty"
    missing = refused(tmp_path / f"missing{ending}")
    assert missing.what == "no such file"
    assert missing.hint
    (tmp_path / f"folder{ending}").mkdir()
    assert "this is a folder" in refused(tmp_path / f"folder{ending}").what


@pytest.mark.parametrize("name", ["t", "t.xlsx", "t.gz", ".csv"])
def test_an_unknown_ending_is_refused_with_the_known_ones(tmp_path: Path, name: str) -> None:
    error = refused(file(tmp_path, name, "a\n1\n"))
    assert "cannot tell what kind of file" in error.what
    assert ".parquet" in (error.hint or "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    path = file(tmp_path, "t.csv", "a\n1\n")
    path.chmod(0)
    assert "Permission denied" in refused(path).what


def test_a_name_longer_than_any_file_system_takes(tmp_path: Path) -> None:
    assert "cannot read the file" in refused(tmp_path / f"{'x' * 5000}.csv").what


@pytest.mark.parametrize("name", ["t.csv.gz", "t.parquet.gz"])
@pytest.mark.parametrize(
    "content",
    [
        b"no gzip",
        gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9],
        gzip.compress(b"a\n1\n", mtime=0)[:12] + b"junk",
    ],
)
def test_a_damaged_gzip(tmp_path: Path, name: str, content: bytes) -> None:
    assert "gzip" in refused(file(tmp_path, name, content)).what


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_a_binary_file_that_is_not_what_its_name_says(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_table(TABLE, path)
    half = path.read_bytes()[: path.stat().st_size // 2]
    for content in (b"a,b\n1,2\n", half):
        assert refused(file(tmp_path, name, content)).what.endswith("or a damaged one")


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_a_damaged_column_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_table(TABLE, path)
    damaged = path.read_bytes().replace(b"name", b"n\xb0me")
    assert refused(file(tmp_path, name, damaged)).what.endswith("or a damaged one")


# JSON Lines


def test_json_strings_stay_strings_also_those_that_look_like_dates(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"day": "2020-01-31", "at": "2020-01-31T10:00:00Z", "zip": "01234", "n": 1},
        {"day": "2020-02-01", "at": None, "zip": "90210", "n": 2},
    ]
    nested = {"list": ["2020-01-31"], "record": {"day": "2020-01-31", "n": 1}}
    path = file(tmp_path, "t.jsonl", "\n".join(json.dumps(row | nested) for row in rows))
    flat = {"list": ["2020-01-31"], "record.day": "2020-01-31", "record.n": 1}
    assert read_table(path).to_pylist() == [row | flat for row in rows]


def test_json_with_a_bom_blank_lines_absent_keys_and_no_final_newline(tmp_path: Path) -> None:
    path = file(tmp_path, "t.jsonl", '\ufeff{"a": 1}\r\n\n{"b": "é"}')
    assert read_table(path).to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": "é"}]


def test_a_json_line_larger_than_any_buffer(tmp_path: Path) -> None:
    path = file(tmp_path, "t.jsonl", json.dumps({"a": "x" * 3_000_000}))
    assert len(read_table(path).column("a")[0].as_py()) == 3_000_000


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"a": 1}\n{bad\n', 2),
        ('{"a": 1}\n\n[1]\n', 3),
        ('"text"', 1),
        ('[\n{"a": 1}\n]', 1),
        ('{"a": 1}\n' * 150_000 + '{"a": }', 150_001),
        ('{"a": 1, "a": 2}', None),
    ],
)
def test_a_line_that_is_no_object(tmp_path: Path, content: str, line: int | None) -> None:
    path = file(tmp_path, "t.jsonl", content)
    error = refused(path)
    assert error.what == "a line is not a JSON object"
    assert error.where == (f"{path}:{line}" if line else str(path))


@pytest.mark.parametrize("line", [b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}", b"[" * 99_999])
def test_json_nested_so_deeply_that_its_reader_would_die(tmp_path: Path, line: bytes) -> None:
    path = file(tmp_path, "t.jsonl", b'{"a": 1}\n{bad\n' + line + b"\n")
    assert refused(path).what == "a record is nested deeper than 64 levels"


def test_json_that_changes_its_mind_about_a_key(tmp_path: Path) -> None:
    error = refused(file(tmp_path, "t.jsonl", '{"a": 1}\n{"a": "secret-1"}\n'))
    assert error.what == '"a" is number on one line and string on another'
    assert "secret-1" not in str(error)


def test_json_in_another_encoding(tmp_path: Path) -> None:
    path = file(tmp_path, "t.jsonl", b'{"a": "x"}\n{"a": "M\xfcller"}\n')
    assert refused(path).where == f"{path}:2"


@pytest.mark.parametrize("content", ["\n\n", "{}\n{}\n"])
def test_json_without_columns(tmp_path: Path, content: str) -> None:
    assert refused(file(tmp_path, "t.jsonl", content)).what == "the file holds no columns"


def test_a_text_in_another_encoding(tmp_path: Path) -> None:
    path = file(tmp_path, "t.txt", b"one\ntwo\nM\xfcller\n")
    assert refused(path).where == f"{path}:3"


# Without a name: standard input


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_bytes_without_a_name_are_told_by_how_they_begin(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t{ending}"
    write_table(TABLE, path)
    dataset = read_content(path.read_bytes(), "standard input")
    assert (dataset.kind, dataset.name) == (Kind.TABLE, "standard input")
    assert dataset.fingerprint == read_dataset(path).fingerprint


def test_bytes_that_look_like_nothing_else_are_text() -> None:
    dataset = read_content("\ufeffDear Ann\nyours, Bob\n".encode(), "standard input")
    assert dataset.kind is Kind.TEXT
    assert dataset.table.to_pydict() == {"text": ["Dear Ann", "yours, Bob"]}


@settings(max_examples=100, deadline=None)
@given(
    content=st.one_of(st.binary(max_size=60), st.text('a1,"\n{}[]:é', max_size=40).map(str.encode))
)
def test_any_bytes_without_a_name_are_a_dataset_or_a_data_error(content: bytes) -> None:
    try:
        got: object = read_content(content, "standard input")
    except DataError as error:
        got = error.where
    assert got


@pytest.mark.parametrize(
    ("name", "known"),
    [("a.csv", True), ("a.CSV.gz", True), ("a.b.txt", True), ("a.xlsx", False), ("csv", False)],
)
def test_whether_a_file_can_be_read_is_told_by_its_name(name: str, *, known: bool) -> None:
    assert readable(Path(name)) is known


# Whatever stands in a file, only a DataError may come out.


def table_or_error(path: Path) -> pa.Table | DataError:
    try:
        return read_table(path)
    except DataError as error:
        return error


no_fixture_check = [HealthCheck.function_scoped_fixture]


@settings(max_examples=250, deadline=None, suppress_health_check=no_fixture_check)
@given(
    ending=st.sampled_from(ENDINGS),
    content=st.one_of(
        st.binary(max_size=80),
        st.text('a1,\t"\n\r{}[]:é\0 -.eE+', max_size=60).map(str.encode),
    ),
)
def test_any_bytes_are_a_table_or_a_data_error(tmp_path: Path, ending: str, content: bytes) -> None:
    path = file(tmp_path, f"t{ending}", content)
    got = table_or_error(path)
    if isinstance(got, DataError):
        assert got.where
    else:
        got.validate(full=True)
        assert got.num_rows > 0


@settings(max_examples=120, deadline=None, suppress_health_check=no_fixture_check)
@given(
    ending=st.sampled_from([".csv.gz", ".jsonl", ".parquet", ".arrow"]),
    place=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
)
def test_one_wrong_byte_in_a_good_file_is_a_table_or_a_data_error(
    tmp_path: Path, ending: str, place: float, byte: int
) -> None:
    path = tmp_path / f"t{ending}"
    write_table(TABLE, path)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] = byte
    path.write_bytes(content)
    got = table_or_error(path)
    if isinstance(got, DataError):
        assert got.where
    else:
        got.validate(full=True)
