"""Readers: tables, plain text and images, each with errors that say where."""

from __future__ import annotations

import gzip
import os
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from strongroom.data._csv import read_csv
from strongroom.data._dataset import Dataset, Kind, plain
from strongroom.data._images import image_column, read_image_arrays, read_image_folder
from strongroom.data._json import read_jsonl
from strongroom.data._utf8 import encoding_error
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# ValueError: a damaged column name is no UTF-8.
_DAMAGED = (pa.ArrowException, OSError, ValueError)
_TABLE_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
    ".npz": "arrays",
    ".txt": "text",
    ".md": "text",
    ".log": "text",
}


def read_dataset(path: Path | str) -> Dataset:
    """Read one file, or one folder of images, into a Dataset without roles.

    A folder holds one subfolder of PNG or JPEG files per class. A table with a column of such
    files, and a .npz with pixels `x` and labels `y`, are images too.

    Raises:
        DataError: missing, empty, unknown kind, ragged, not UTF-8, not what its name says.
        MissingExtraError: PNG or JPEG files, and Pillow isn't installed.
    """
    path = Path(path)
    if os.path.isdir(path):  # noqa: PTH112 - pathlib's own raises for names that can't be
        return Dataset(table=read_image_folder(path), kind=Kind.IMAGE, name=path.name)
    table = read_table(path)
    if _format_of(path) == "text":
        kind = Kind.TEXT
    else:
        kind = Kind.TABLE if image_column(table) is None else Kind.IMAGE
    return Dataset(table=table, kind=kind, name=path.name)


def read_content(content: bytes, name: str) -> Dataset:
    """Read bytes that came without a file name, such as standard input's.

    What they are is told by how they begin: Parquet by its magic, JSON Lines by a brace, CSV by a
    comma in the first line; anything else is text.

    Raises:
        DataError: see `read_dataset`.
    """
    if not content:
        raise DataError("there is nothing to read", where=name)
    first_line = content.lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    if content.startswith(b"PAR1"):
        form = "parquet"
    elif first_line.lstrip().startswith(b"{"):
        form = "jsonl"
    else:
        form = "csv" if b"," in first_line else "text"
    table = _checked(plain(_parse(form, content, Path(name))), name)
    return Dataset(table=table, kind=Kind.TEXT if form == "text" else Kind.TABLE, name=name)


def readable(path: Path) -> bool:
    """Tell whether the name of a file says that `read_dataset` knows its kind."""
    suffixes = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    return bool(suffixes) and suffixes[-1] in _TABLE_SUFFIXES


def read_table(path: Path | str) -> pa.Table:
    """Read one file into an Arrow table (see `read_dataset`).

    Text files give one row a line, in a column named `text`.
    """
    path = Path(path)
    try:
        form, content = _load(path)
        table = plain(_parse(form, content, path))
    except OSError as error:
        why = error.strerror or "it is damaged"
        raise DataError(f"cannot read the file: {why}", where=str(path)) from error
    return _checked(table, str(path))


def _checked(table: pa.Table, where: str) -> pa.Table:
    if table.num_columns == 0:
        raise DataError("the file holds no columns", where=where)
    if table.num_rows == 0:
        raise DataError("the file holds a header and no rows", where=where)
    if len(set(table.column_names)) != len(table.column_names):
        twice = sorted({c for c in table.column_names if table.column_names.count(c) > 1})
        raise DataError(f'two columns are named "{twice[0]}"', where=where)
    return table


def _load(path: Path) -> tuple[str, bytes]:
    if not path.exists():
        raise DataError("no such file", where=str(path), hint="check the path and its spelling")
    if path.is_dir():
        raise DataError("this is a folder, a file was expected", where=str(path))
    form = _format_of(path)
    content = path.read_bytes()
    if content and path.suffix.lower() == ".gz":
        try:
            content = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError("not a gzip file, or a damaged one", where=str(path)) from error
    if not content:
        raise DataError("the file is empty", where=str(path))
    return form, content


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


def _parse(form: str, content: bytes, path: Path) -> pa.Table:
    return _PARSERS[form](content, path)


def _read_parquet(content: bytes, path: Path) -> pa.Table:
    try:
        table = pq.read_table(pa.BufferReader(content))
        table.validate(full=True)
    except _DAMAGED as error:
        raise DataError("not a Parquet file, or a damaged one", where=str(path)) from error
    return table


def _read_arrow(content: bytes, path: Path) -> pa.Table:
    for opener in (pa.ipc.open_file, pa.ipc.open_stream):
        try:
            table = opener(pa.py_buffer(content)).read_all()
            table.validate(full=True)
        except _DAMAGED:
            continue
        return table
    raise DataError("not an Arrow IPC file, or a damaged one", where=str(path))


def _read_text(content: bytes, path: Path) -> pa.Table:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise encoding_error(content, path) from error
    # Not str.splitlines, which also splits at form feeds and other marks that are no line ends.
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    return pa.table({"text": pa.array(lines, pa.string())})


_PARSERS: Mapping[str, Callable[[bytes, Path], pa.Table]] = {
    "csv": read_csv,
    "tsv": partial(read_csv, delimiter="\t"),
    "jsonl": read_jsonl,
    "parquet": _read_parquet,
    "arrow": _read_arrow,
    "arrays": read_image_arrays,
    "text": _read_text,
}
