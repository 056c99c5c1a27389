"""Readers: CSV, Parquet, JSON Lines, Arrow and plain text, each with errors that say where."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from strongroom.data._dataset import Dataset, Kind
from strongroom.errors import DataError

_MISSING = ["", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"]
_TABLE_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
    ".txt": "text",
    ".md": "text",
    ".log": "text",
}


def read_dataset(path: Path | str) -> Dataset:
    """Read one file into a Dataset without roles.

    Raises:
        DataError: missing, empty, unknown kind, ragged, not UTF-8, not what its name says.
    """
    path = Path(path)
    table = read_table(path)
    kind = Kind.TEXT if _format_of(path) == "text" else Kind.TABLE
    return Dataset(table=table, kind=kind, name=path.name)


def read_table(path: Path | str) -> pa.Table:
    """Read one file into an Arrow table (see `read_dataset`).

    Text files give one row a line, in a column named `text`.
    """
    path = Path(path)
    form = _format_of(path)
    if not path.exists():
        raise DataError("no such file", where=str(path), hint="check the path and its spelling")
    if path.is_dir():
        raise DataError("this is a folder, a file was expected", where=str(path))
    if path.stat().st_size == 0:
        raise DataError("the file is empty", where=str(path))
    try:
        table = _READERS[form](path)
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"cannot read the file: {error}", where=str(path)) from error
    if table.num_rows == 0:
        raise DataError("the file holds a header and no rows", where=str(path))
    if len(set(table.column_names)) != len(table.column_names):
        twice = sorted({c for c in table.column_names if table.column_names.count(c) > 1})
        raise DataError(f'two columns are named "{twice[0]}"', where=str(path))
    return table


def _format_of(path: Path) -> str:
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    form = _TABLE_SUFFIXES.get(suffixes[-1] if suffixes else "")
    if form is None:
        raise DataError(
            f'cannot tell what kind of file "{path.name}" is',
            where=str(path),
            hint=f"known endings: {', '.join(_TABLE_SUFFIXES)} (each may end in .gz)",
        )
    return form


def _open(path: Path) -> BinaryIO:
    if path.suffix.lower() == ".gz":
        return io.BytesIO(gzip.decompress(path.read_bytes()))
    return path.open("rb")


def _read_csv(path: Path, delimiter: str = ",") -> pa.Table:
    with _open(path) as stream:
        try:
            return pa_csv.read_csv(
                stream,
                parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=pa_csv.ConvertOptions(
                    null_values=_MISSING,
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    # A column of 555-0100 or 01234 must stay text; dates stay as written.
                    timestamp_parsers=[],
                    auto_dict_encode=False,
                ),
            )
        except pa.ArrowInvalid as error:
            raise _csv_error(path, str(error)) from error
        except UnicodeDecodeError as error:
            raise _encoding_error(path) from error


def _csv_error(path: Path, text: str) -> DataError:
    if "invalid UTF8" in text or "UTF8" in text:
        return _encoding_error(path)
    ragged = re.search(r"Expected (\d+) columns, got (\d+)", text)
    if ragged:
        row = re.search(r"Row #(\d+)", text)
        expected, got = ragged.groups()
        return DataError(
            f"a row has {got} fields where the header has {expected}",
            where=f"{path}:{_ragged_line(path, int(expected)) or (row.group(1) if row else '?')}",
            hint="quote fields that hold the delimiter, or mend the row",
        )
    return DataError(f"not a readable CSV: {text.splitlines()[0]}", where=str(path))


def _ragged_line(path: Path, expected: int) -> int | None:
    """Find the line of the first row with another number of fields, for the error message."""
    import csv  # noqa: PLC0415 - only on the way to an error

    with _open(path) as stream:
        reader = csv.reader(io.TextIOWrapper(stream, encoding="utf-8", errors="replace"))
        try:
            return next((reader.line_num for r in reader if r and len(r) != expected), None)
        except csv.Error:
            return None


def _encoding_error(path: Path) -> DataError:
    with _open(path) as stream:
        content = stream.read()
    where = str(path)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        where = f"{path}:{line}"
    return DataError(
        "the text is not UTF-8",
        where=where,
        hint=f"convert it first: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8-{path.name}",
    )


def _read_tsv(path: Path) -> pa.Table:
    return _read_csv(path, delimiter="\t")


def _read_parquet(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise DataError("not a Parquet file, or a damaged one", where=str(path)) from error


def _read_arrow(path: Path) -> pa.Table:
    with _open(path) as stream:
        content = stream.read()
    for opener in (pa.ipc.open_file, pa.ipc.open_stream):
        try:
            return opener(pa.py_buffer(content)).read_all()
        except pa.ArrowInvalid:
            continue
    raise DataError("not an Arrow IPC file", where=str(path))


def _read_jsonl(path: Path) -> pa.Table:
    with _open(path) as stream:
        try:
            return pa_json.read_json(stream)
        except pa.ArrowInvalid as error:
            row = re.search(r"row (\d+)", str(error))
            where = f"{path}:{int(row.group(1)) + 1}" if row else str(path)
            raise DataError("a line is not a JSON object", where=where) from error


def _read_text(path: Path) -> pa.Table:
    with _open(path) as stream:
        content = stream.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _encoding_error(path) from error
    return pa.table({"text": pa.array(text.splitlines(), pa.string())})


_READERS = {
    "csv": _read_csv,
    "tsv": _read_tsv,
    "parquet": _read_parquet,
    "jsonl": _read_jsonl,
    "arrow": _read_arrow,
    "text": _read_text,
}
