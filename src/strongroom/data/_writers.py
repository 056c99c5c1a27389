"""Writers: the format follows the name, the file appears whole or not at all."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from strongroom.errors import InputError
from strongroom.files import write_bytes

_CHOOSE = "choose another ending, such as .parquet"


def write_table(table: pa.Table, path: Path | str, *, mode: int = 0o600) -> None:
    """Write a table to CSV, TSV, Parquet, JSON Lines or Arrow, by the ending of `path`.

    Only its owner may read the file unless `mode` says otherwise: it usually holds people.

    Raises:
        InputError: the ending is not known.
        WorkspaceError: it can't be written; nothing is left behind.
    """
    path = Path(path)
    suffixes = [s.lower() for s in path.suffixes]
    zipped = bool(suffixes) and suffixes[-1] == ".gz"
    ending = (suffixes[:-1] if zipped else suffixes)[-1:] or [""]
    content = _encode(table, ending[0], path)
    write_bytes(path, gzip.compress(content, mtime=0) if zipped else content, mode=mode)


def _encode(table: pa.Table, ending: str, path: Path) -> bytes:
    sink = io.BytesIO()
    match ending:
        case ".csv" | ".tsv":
            options = pa_csv.WriteOptions(delimiter="\t" if ending == ".tsv" else ",")
            try:
                pa_csv.write_csv(table, sink, options)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise InputError(
                    "a CSV cannot hold lists or records", where=str(path), hint=_CHOOSE
                ) from error
        case ".parquet":
            pq.write_table(table, sink)
        case ".arrow":
            with pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
        case ".jsonl" | ".ndjson":
            for row in table.to_pylist():
                sink.write(_json_line(row, path))
        case ".txt" | ".md" | ".log":
            if table.num_columns != 1:
                raise InputError(
                    f"a text file holds one column, this table has {table.num_columns}",
                    where=str(path),
                    hint=_CHOOSE,
                )
            for line in table.column(0).to_pylist():
                sink.write(("" if line is None else str(line)).encode() + b"\n")
        case _:
            raise InputError(
                f'cannot tell what kind of file "{path.name}" shall be',
                where=str(path),
                hint="end its name in .csv, .tsv, .parquet, .jsonl or .arrow",
            )
    return sink.getvalue()


def _json_line(row: dict[str, Any], path: Path) -> bytes:
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError as error:
        raise InputError(
            "JSON knows neither NaN nor infinity", where=str(path), hint=_CHOOSE
        ) from error
    return text.encode() + b"\n"
