"""If this fails, a post code loses its zero, or a damaged CSV is blamed on the wrong line."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.data import read_dataset, read_table
from strongroom.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def csv_file(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert str(path) in (caught.value.where or "")
    return caught.value


def column_of(folder: Path, values: list[str]) -> pa.ChunkedArray:
    rows = "".join(f"{value},x\n" for value in values)
    return read_table(csv_file(folder, f"a,b\n{rows}")).column("a")


@pytest.mark.parametrize(
    "values",
    [
        ["01234", "90210"],
        ["90210"] * 1000 + ["01234"],
        ["00", "1"],
        ["+15550100", "+15550101"],
        ["0x1F", "0x20"],
        ["2020-01-31", "2020-02-01"],
        ["2020-01-31T10:00:00Z"],
        ["12:30", "12:31"],
        ["true", "False"],
        ["078-05-1120"],
        ["12345678901234567890", "12345678901234567891"],
        ["4111111111111111.5", "12345678901234567891"],
        ["1,5", "2,5"],
        ["1_000"],
        ["-", "1"],
        [".", "1"],
        ["1e", "1"],
        ["1"] * 300 + ["x"],
    ],
    ids=lambda values: values[-1],
)
def test_text_that_only_looks_like_a_number_stays_as_written(
    tmp_path: Path, values: list[str]
) -> None:
    quoted = [f'"{v}"' if "," in v else v for v in values]
    column = column_of(tmp_path, quoted)
    assert column.type == pa.string()
    assert column.to_pylist() == values


@pytest.mark.parametrize(
    ("values", "kind", "numbers"),
    [
        (["1", "-2", "0"], pa.int64(), [1, -2, 0]),
        ([" 39", "7 "], pa.int64(), [39, 7]),
        (["4111111111111111"], pa.int64(), [4111111111111111]),
        (["-9223372036854775808"], pa.int64(), [-(2**63)]),
        (["1", "2.5", ".5", "3.", "-0", "1e3"], pa.float64(), [1, 2.5, 0.5, 3, 0, 1000]),
        (["1", "NaN", "", "NA", "nan", "?", "N/A"], pa.int64(), [1, *[None] * 6]),
        (["1.5", "inf", "-Infinity"], pa.float64(), [1.5, float("inf"), float("-inf")]),
    ],
)
def test_a_column_of_numbers_is_numbers(
    tmp_path: Path, values: list[str], kind: pa.DataType, numbers: list[float]
) -> None:
    column = column_of(tmp_path, values)
    assert column.type == kind
    assert column.to_pylist() == numbers


def test_missing_values_are_null_and_quoted_ones_are_what_they_say(tmp_path: Path) -> None:
    column = column_of(tmp_path, ["", "?", "NA", "None", '""', '"NA"', "x"])
    assert column.to_pylist() == [None, None, None, None, "", "NA", "x"]


def test_a_column_without_any_value_is_text(tmp_path: Path) -> None:
    assert column_of(tmp_path, ["", "NaN"]).type == pa.string()


def test_tabs_bom_crlf_and_line_breaks_in_quotes(tmp_path: Path) -> None:
    path = csv_file(tmp_path, '\ufeffname\tn\r\n"a\nb"\t1\r\n"c ""d"", e"\t2\r\n', "t.TSV")
    assert read_table(path).to_pylist() == [{"name": "a\nb", "n": 1}, {"name": 'c "d", e', "n": 2}]


def test_gzipped_and_plain_are_the_same(tmp_path: Path) -> None:
    content = b"a,b\n1,x\n2,y\n"
    plain = read_dataset(csv_file(tmp_path, content))
    zipped = read_dataset(csv_file(tmp_path, gzip.compress(content, mtime=0), "t.csv.gz"))
    assert plain.fingerprint == zipped.fingerprint
    assert zipped.name == "t.csv.gz"


def test_a_field_larger_than_any_buffer(tmp_path: Path) -> None:
    long = "x" * 3_000_000
    assert column_of(tmp_path, [long, "y"]).to_pylist() == [long, "y"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a,b\n1,2\n1,2,3\n4,5\n", 3),
        ("a,b\n1\n", 2),
        ('a,b\n"x\ny\nz",2\n1,2,3\n', 5),
        ('a,b\n1,2\n"x\ny",2,3\n', 3),
        ("a,b\r\n1,2\r\n\r\n1,2,3\r\n", 4),
        ("\ufeffa,b\n" + "1,2\n" * 9998 + "1,2,3\n", 10_000),
    ],
)
def test_a_ragged_row_is_named_by_the_line_on_which_it_begins(
    tmp_path: Path, content: str, line: int
) -> None:
    error = refused(csv_file(tmp_path, content))
    assert "fields where the header has 2" in error.what
    assert (error.where or "").endswith(f"t.csv:{line}")
    assert error.hint


def test_a_quote_that_never_closes(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, 'a,b\n1,2\n"3,4\n5,6\n'))
    assert error.what == "a row has 1 fields where the header has 2"
    assert (error.where or "").endswith("t.csv:3")


def test_a_ragged_row_beside_an_enormous_field_is_refused_without_a_line(tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"a,b\n{'x' * 200_000},2\n1,2,3\n")
    assert refused(path).where == str(path)


def test_a_ragged_row_of_a_tsv_is_counted_in_tabs(tmp_path: Path) -> None:
    error = refused(csv_file(tmp_path, "a\tb\nx,y,z\t2\n1\t2\t3\n", "t.tsv"))
    assert error.what == "a row has 3 fields where the header has 2"
    assert (error.where or "").endswith(":3")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a,b\nx,1\nM\xfcller,2\n", 3),
        (b"\xfcber,b\n1,2\n", 1),
        ("a,b\nx,y\n".encode("utf-16"), 1),
        (b"a,b\n" + b"x,y\n" * 500_000 + b"M\xfcller,2\n", 500_002),
    ],
)
def test_another_encoding_is_named_by_its_line_and_how_to_convert_it(
    tmp_path: Path, content: bytes, line: int
) -> None:
    error = refused(csv_file(tmp_path, content))
    assert error.what == "the text is not UTF-8"
    assert (error.where or "").endswith(f"t.csv:{line}")
    assert "iconv" in (error.hint or "")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file holds no header"),
        ("a,b\n", "the file holds a header and no rows"),
        ("a,b,a\n1,2,3\n", 'two columns are named "a"'),
    ],
)
def test_a_file_without_a_table_in_it(tmp_path: Path, content: str, what: str) -> None:
    assert refused(csv_file(tmp_path, content)).what == what


def test_no_error_quotes_the_data(tmp_path: Path) -> None:
    for content in ("a,b\nsecret-1,2,3\n", 'a,b\n"secret-1,2\n', "a,a\nsecret-1,2\n"):
        assert "secret-1" not in str(refused(csv_file(tmp_path, content)))


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=6))
def test_quoted_text_is_read_as_pythons_own_reader_reads_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b"], *rows])
    path = csv_file(tmp_path_factory.mktemp("csv"), sink.getvalue())
    table = read_table(path)
    for index, name in enumerate("ab"):
        column = table.column(name)
        written = [row[index] for row in rows]
        if column.type == pa.string():
            assert column.to_pylist() == written
        else:
            # What only surrounds a number, separators among it, is no part of it.
            assert column.to_pylist() == [float(v.strip()) for v in written]
