"""If this fails, a scan misreads a delimited file, loses part of it, or stops at a damaged one."""

from __future__ import annotations

import contextlib
import csv
import io
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.data._csv import MISSING, _typed
from strongroom.data.sources import Batch, Limits
from strongroom.data.sources._delimited import _Table, read_delimited
from strongroom.data.sources._dialect import Dialect, dialect_of, unique_names
from strongroom.data.sources._kernels_csv import INTEGERS, NOTHING, NUMBERS, TEXT, numbers
from strongroom.errors import DataError


def read(content: bytes | str, name: str = "t.csv") -> list[Batch]:
    data = content.encode() if isinstance(content, str) else content
    batches = list(read_delimited(io.BytesIO(data), name, Limits()))
    for batch in batches:
        batch.table.validate(full=True)
    return batches


def rows(content: bytes | str, name: str = "t.csv") -> list[dict[str, Any]]:
    return [row for batch in read(content, name) for row in batch.table.to_pylist()]


def chunked(
    text: bytes, dialect: Dialect, size: int, record_bytes: int = 1 << 22
) -> tuple[_Table, list[Batch]]:
    table = _Table(dialect, Limits(record_bytes=record_bytes))
    parts = [text[i : i + size] for i in range(0, len(text), size)]
    return table, list(table.read(iter(parts)))


# Against Python's own reader


STARS = "*" * 60
CELLS = st.text("ab1 ,;\"\\\n\t'", max_size=6)


def as_python_reads(text: str, dialect: Dialect) -> list[list[str]]:
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar=dialect.escape or None,
        skipinitialspace=dialect.spaces,
    )
    return [record for record in reader if record]


@settings(max_examples=400, deadline=None)
@given(
    text=st.text('ab,;"\n\r ', max_size=40),
    delimiter=st.sampled_from(",;"),
    spaces=st.booleans(),
    size=st.integers(1, 50),
)
def test_any_text_is_read_as_python_reads_it_in_any_chunks(
    text: str, delimiter: str, size: int, *, spaces: bool
) -> None:
    width = 45
    columns = unique_names([""] * width)
    dialect = Dialect(delimiter, columns=columns, spaces=spaces, header=None)
    expected = as_python_reads(text, dialect)
    table, batches = chunked(text.encode(), dialect, size)
    if table.notes() and "never close" in table.notes()[-1]:
        return  # Python takes the rest of the file for one value
    got = [row for b in batches for row in b.table.to_pylist()]
    filled = [[*r, *[None] * (width - len(r))] for r in expected]
    assert [[_text(v) for v in row.values()] for row in got] == [
        [None if v in (None, "") else v for v in row] for row in filled
    ]


def _text(value: object) -> object:
    return None if value == "" else value


@settings(max_examples=200, deadline=None)
@given(
    records=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONE]),
    newline=st.sampled_from(["\n", "\r\n"]),
    size=st.integers(1, 64),
)
def test_what_python_writes_comes_back(
    records: list[list[str]], delimiter: str, quoting: Literal[0, 1, 3], newline: str, size: int
) -> None:
    escape = "\\" if quoting == csv.QUOTE_NONE else None
    records = [[f"x{c.replace('n', '')}" for c in record] for record in records]
    out = io.StringIO()
    writer = csv.writer(
        out, delimiter=delimiter, quoting=quoting, escapechar=escape, lineterminator=newline
    )
    writer.writerows(records)
    quote = "" if escape else '"'
    dialect = Dialect(delimiter, quote, escape or "", columns=("a", "b", "c"), header=None)
    table, batches = chunked(out.getvalue().encode(), dialect, size)
    assert [list(r.values()) for b in batches for r in b.table.to_pylist()] == records
    assert table.notes() == ()


# Numbers


NUMERIC = st.one_of(
    st.text("0123456789.-+eE x", max_size=22),
    st.integers(-(2**64), 2**64).map(str),
    st.floats().map(str),
    st.sampled_from(["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-0"]),
    st.sampled_from(["-9223372036854775809", "inf", "-Infinity", "infinit", ".5", "5.", ".", "00"]),
    st.none(),
)


@settings(max_examples=600, deadline=None)
@given(values=st.lists(NUMERIC, max_size=5))
def test_numbers_are_told_as_the_other_reader_tells_them(values: list[str | None]) -> None:
    strings = pa.array(values, pa.string())
    whole = pa.chunked_array([strings])
    expected = _typed(whole)
    _, offsets, data = strings.buffers()
    out = np.frombuffer(data or b"", np.uint8)
    integers = np.empty(len(values), np.int64)
    valid = np.array([v is not None for v in values], np.bool_)
    at = np.frombuffer(offsets or bytes(4), np.int32)
    kind = numbers(out, at, valid, integers)
    known = {INTEGERS: pa.int64(), NUMBERS: pa.float64(), TEXT: pa.string(), NOTHING: pa.string()}
    assert expected.type == known[kind]
    if kind == INTEGERS:
        assert expected.fill_null(0).to_pylist() == integers.tolist()


def test_a_column_is_numbers_until_something_would_be_lost() -> None:
    dialect = Dialect(columns=("zip", "n"), header=None)
    text = b"90210,1\n" * 3 + b"01234,2.5\n" + b"90210,3\n"
    _, batches = chunked(text, dialect, 8)
    kinds = [[str(t) for t in b.table.schema.types] for b in batches]
    assert kinds == [["int64"] * 2] * 3 + [["string", "double"]] * 2
    zips = [str(v) for b in batches for v in b.table["zip"].to_pylist()]
    assert zips == ["90210"] * 3 + ["01234", "90210"]


def test_missing_values_are_null_and_quoted_ones_are_what_they_say() -> None:
    cells = [*MISSING, "\\N", *(f'"{m}"' for m in MISSING), "NAN", "none"]
    got = [r["a"] for r in rows("a,b\n" + "".join(f"{c},x\n" for c in cells))]
    assert got == [None] * 10 + [*MISSING, "NAN", "none"]


# Real-world shapes


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
@pytest.mark.parametrize("delimiter", list(",;\t|^~\x01"))
def test_any_delimiter_in_any_encoding(encoding: str, delimiter: str) -> None:
    if delimiter == "\x01" and "16" in encoding:
        return  # nobody does
    people = [["name", "städt", "n"], *[[f"Jörg {i}", "Köln", str(i)] for i in range(30)]]
    text = "".join(delimiter.join(p) + "\r\n" for p in people)
    got = rows(text.encode(encoding))
    assert got[-1] == {"name": "Jörg 29", "städt": "Köln", "n": 29}
    assert len(got) == 30


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a;b\n1,5;2\n2,5;3\n", [{"a": "1,5", "b": 2}, {"a": "2,5", "b": 3}]),
        ("39, State, 'x'\n50, ?, y\n", [[39, "State", "'x'"], [50, None, "y"]]),
        ("'a','b'\n'x, y','2'\n'z','3'\n", [{"a": "x, y", "b": 2}, {"a": "z", "b": 3}]),
        ('a,b\n"x \\"y\\", z",1\n"q",2\n', [{"a": 'x "y", z', "b": 1}, {"a": "q", "b": 2}]),
        ("mail\na@b.de\nc@d.de\n", [{"mail": "a@b.de"}, {"mail": "c@d.de"}]),
        ("a@b.de\nc@d.de\n", [["a@b.de"], ["c@d.de"]]),
        ("a,a,\n1,2,3\n", [{"a": 1, "a (2)": 2, "column 3": 3}]),
        ("1,Ann\n2,Bob\n", [[1, "Ann"], [2, "Bob"]]),
        ("2019,2020\n5,6\n7,8\n", [{"2019": 5, "2020": 6}, {"2019": 7, "2020": 8}]),
        (f"id,note\n1,a\0b{STARS}\n", [{"id": 1, "note": f"a\0b{STARS}"}]),
        ("a,b\r1,2\r3,4\r", [{"a": 1, "b": 2}, {"a": 3, "b": 4}]),
    ],
)
def test_how_people_write_tables(content: str, expected: list[Any]) -> None:
    got = rows(content)
    if isinstance(expected[0], list):
        assert list(got[0]) == [f"column {i + 1}" for i in range(len(expected[0]))]
        assert [list(r.values()) for r in got] == expected
    else:
        assert got == expected


def test_quotes_that_are_only_characters() -> None:
    tokens = ["I", "said", '"', "no", '"', ".", "5"] * 40
    lines = "".join(f"{i}\t{token}\tO\n" for i, token in enumerate(tokens))
    got = rows(lines, "t.tsv")
    assert [row["column 2"] for row in got] == tokens
    messages = [f'"Hi {i}" he said' if i % 3 else f"no quote {i}" for i in range(90)]
    got = rows("".join(f"ham\t{m}\n" for m in messages), "t.tsv")
    assert [row["column 2"] for row in got] == messages


def test_lines_above_the_header_are_records_too() -> None:
    batches = read("Report by Ann\n\nid,name,city\n" + "1,a,b\n" * 30)
    assert [b.first_row for b in batches] == [0, 1]
    assert batches[0].table.to_pylist() == [{"id": "Report by Ann", "name": None, "city": None}]
    assert batches[1].table.num_rows == 30


@pytest.mark.parametrize("content", ["", "\n\n", "a,b", "a,b\n", "\ufeff"])
def test_nothing_to_read_is_no_record(content: str) -> None:
    assert rows(content) == []


# Damage


def test_ragged_records_are_kept_and_counted() -> None:
    batches = read("a,b\n1,2\n3\n4,5,ann@b.de,6\n7,8\n")
    assert [r for b in batches for r in b.table.to_pylist()] == [
        {"a": 1, "b": 2, "more fields": None},
        {"a": 3, "b": None, "more fields": None},
        {"a": 4, "b": 5, "more fields": "ann@b.de,6"},
        {"a": 7, "b": 8, "more fields": None},
    ]
    assert batches[-1].notes == (
        "records with fewer fields than columns: 1",
        'records with more fields than columns, see "more fields": 1',
    )


def test_a_quote_that_never_closes_costs_one_record() -> None:
    good = '"1","x, y"\n' * 20
    batches = read(f'a,b\n{good}"3,4\n5,6\n')
    got = [str(r["a"]) for b in batches for r in b.table.to_pylist()]
    assert got == ["1"] * 20 + ['"3', "5"]
    assert batches[-1].notes == ("quotes that never close, taken as characters: 1",)


def test_a_binary_file_called_csv() -> None:
    with pytest.raises(DataError) as caught:
        read(bytes(range(256)) * 40)
    assert caught.value.where == "t.csv"


@settings(max_examples=200, deadline=None)
@given(
    text=st.text('ab,"\n é', max_size=300),
    longest=st.integers(4, 60),
    size=st.integers(1, 80),
)
def test_long_records_come_in_pieces_and_nothing_is_lost(
    text: str, longest: int, size: int
) -> None:
    dialect = Dialect(columns=("a", "b", "c"), header=None)
    _, batches = chunked(text.encode(), dialect, size, record_bytes=longest)
    got = "".join(str(v) for b in batches for row in b.table.to_pylist() for v in row.values() if v)
    for character in "abé":
        assert got.count(character) == text.count(character)
    last = 0
    for batch in batches:
        assert batch.first_row >= last
        last = batch.first_row + batch.table.num_rows - 1


def test_one_long_line_is_cut_at_white_space_with_offsets() -> None:
    words = "word " * 400
    text = f"1,{words}end\n2,x\n".encode()
    dialect = Dialect(columns=("a", "b"), header=None)
    _, batches = chunked(text, dialect, 64, record_bytes=256)
    pieces = [(b.first_row, b.offset, b.table["b"][0].as_py()) for b in batches[1:]]
    assert batches[0].table.to_pylist() == [{"a": 1, "b": None}]
    at = 0
    for row, offset, piece in pieces[:-1]:
        assert (row, offset) == (0, at)
        assert len(piece) <= 256
        at += len(piece)
    assert "".join(p[2] for p in pieces[:-1]) == f"{words}end"
    assert batches[-1].first_row == 1


@pytest.mark.parametrize("content", ["," * 300_000 + "\n1,2\n", "a\n" * 5 + "1," * 300_000])
def test_absurdly_many_fields_are_bounded(content: str) -> None:
    assert max(b.table.num_columns for b in read(content)) <= 10_001


@settings(max_examples=300, deadline=None)
@given(content=st.one_of(st.binary(max_size=90), st.text('a1,;\t"\n\r\0é', max_size=60)))
def test_any_bytes_are_records_or_a_data_error(content: bytes | str) -> None:
    with contextlib.suppress(DataError):
        read(content)


def test_a_dialect_is_the_same_for_any_sample() -> None:
    text = b"id|name|note\n" + b'1|"A | B"|x\n' * 4000
    assert {dialect_of(text[:n], whole=False).delimiter for n in (200, 5000, 40_000)} == {"|"}


def test_a_batch_is_no_larger_than_told() -> None:
    batches = read("a,b\n" + "1,2\n" * 200_000)
    assert max(b.table.num_rows for b in batches) <= 1 << 16
    total = sum(pc.sum(b.table["a"]).as_py() for b in batches)
    assert total == 200_000


def test_single_quotes_around_fields_that_hold_double_ones() -> None:
    rows = [[str(i), f'said "no" to it, {i}\nand left', "x"] for i in range(6)]
    out = io.StringIO()
    csv.writer(out, quotechar="'", quoting=csv.QUOTE_ALL).writerows([["n", "text", "z"], *rows])
    dialect = dialect_of(out.getvalue().encode(), whole=True)
    assert (dialect.quote, dialect.columns) == ("'", ("n", "text", "z"))
