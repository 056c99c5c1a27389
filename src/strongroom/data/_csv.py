"""CSV and TSV: every value arrives as it was written, and a damaged file says on which line.

A column becomes numbers only when nothing is lost by it. Arrow's own inference would make 1234 of
the post code 01234, 31 of 0x1F, dates of what only looks like one, and raw bytes of a name in
another encoding.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from strongroom.data._utf8 import encoding_error, is_utf8
from strongroom.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
# No leading zero, no plus sign, no hexadecimal. Infinity is let through as a number, so that what
# needs finite ones can refuse it, rather than take the column for words.
_NUMBER = (
    r"^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$|^-?(?i:inf(?:inity)?)$"
)
# Above 15 digits a 64-bit float no longer tells neighbours apart.
_LONG_INTEGER = r"^-?[0-9]{16,}$"
_SAMPLE = 256
_LARGEST_BLOCK = 2**31 - 1


def read_csv(content: bytes, path: Path, delimiter: str = ",") -> pa.Table:
    """Read the bytes of a CSV with a header; `path` is for messages.

    Returns:
        A table of strings, 64-bit integers and 64-bit floats.

    Raises:
        DataError: ragged, not UTF-8, or not CSV.
    """
    try:
        try:
            table = _read_strings(content, delimiter, block_size=1 << 20)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise
            # One record is larger than a block.
            table = _read_strings(content, delimiter, min(len(content) + 1, _LARGEST_BLOCK))
    except UnicodeDecodeError as error:
        raise encoding_error(content, path) from error
    except pa.ArrowInvalid as error:
        raise _explain(error, content, path, delimiter) from error
    columns = [_typed(column) for column in table.columns]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _read_strings(content: bytes, delimiter: str, block_size: int) -> pa.Table:
    options = {
        "read_options": pa_csv.ReadOptions(block_size=block_size),
        "parse_options": pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    }
    with pa_csv.open_csv(io.BytesIO(content), **options) as header:
        names = header.schema.names
    return pa_csv.read_csv(
        io.BytesIO(content),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=list(MISSING),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
        **options,
    )


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Turn a column of strings into numbers when every value is one and none loses a digit."""
    sample = column.drop_null().slice(0, _SAMPLE)
    if len(sample) == 0 or not _all_match(pc.utf8_trim_whitespace(sample), _NUMBER):
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    if not _all_match(trimmed, _NUMBER):
        return column
    try:
        return pc.cast(trimmed, pa.int64())
    except pa.ArrowInvalid:
        long = pc.any(pc.match_substring_regex(trimmed, _LONG_INTEGER)).as_py()
        return column if long else pc.cast(trimmed, pa.float64())


def _all_match(column: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(column, pattern)).as_py())


def _explain(error: pa.ArrowInvalid, content: bytes, path: Path, delimiter: str) -> DataError:
    if not is_utf8(content):
        return encoding_error(content, path)
    # Arrow's own text quotes the row: it must not be shown.
    text = str(error)
    ragged = re.search(r"Expected (\d+) columns, got (\d+)", text)
    if ragged:
        expected, got = (int(n) for n in ragged.groups())
        line = _ragged_line(content, expected, delimiter)
        return DataError(
            f"a row has {got} fields where the header has {expected}",
            where=f"{path}:{line}" if line else str(path),
            hint="quote fields that hold the delimiter, or mend the row",
        )
    if "Empty CSV" in text:
        return DataError("the file holds no header", where=str(path))
    return DataError(
        "not a readable CSV", where=str(path), hint="is every quoted field closed by a quote?"
    )


def _ragged_line(content: bytes, expected: int, delimiter: str) -> int | None:
    """Find the line on which the first record with another number of fields begins."""
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", errors="replace", newline="")
    reader = csv.reader(text, delimiter=delimiter)
    begins = 1
    try:
        for record in reader:
            if record and len(record) != expected:
                return begins
            begins = reader.line_num + 1
    except csv.Error:
        pass
    return None
