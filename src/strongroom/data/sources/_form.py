"""Which format a file has: by how it begins where that is certain, then by its name, then a guess.

Bytes win over names, so a spreadsheet called .csv is read as a spreadsheet.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePath

from strongroom.data import documents
from strongroom.data._encodings import encoding_of

HEAD_BYTES = 1 << 16

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".psv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".orc": "orc",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".geojson": "json",
    ".ipynb": "json",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xls",
    ".xlsb": "xlsb",
    ".ods": "ods",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}
# Any of these may hold a table or JSON as well as prose.
_VAGUE = frozenset(["", ".txt", ".dat", ".data", ".log", ".out", ".text", ".asc", ".bak"])
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARKS = {
    b"PAR1": "parquet",
    b"PARE": "parquet",  # encrypted
    b"ARROW1": "arrow",
    b"SQLite format 3\0": "sqlite",
}
# Whose first parts may be any.
_ZIPPED = {".xlsx": "xlsx", ".xlsm": "xlsx", ".xlsb": "xlsb", ".ods": "ods"}
_ARROW_SUFFIXES = {"", ".arrow", ".arrows", ".ipc", ".feather"}
_ARROW_STREAM = b"\xff\xff\xff\xff"
# What a table has at least.
_COLUMNS, _RECORDS, _AGREEING = 2, 2, 5


def form_of(name: str, head: bytes) -> str | None:
    """Return the format of a file, or None when it is none that can be read.

    Args:
        name: whose ending counts.
        head: up to `HEAD_BYTES` of how it begins.
    """
    suffix = PurePath(name).suffix.lower()
    certain = _by_mark(suffix, head) or documents.form_of(head)
    if certain == "xlsx" and b"xl/workbook.bin" in head:
        certain = "xlsb"
    elif certain == "zip":
        certain = _ZIPPED.get(suffix, certain)
    if certain in documents.GUESSED and documents.SUFFIXES.get(suffix) == "text":
        return "text"
    if certain is not None:
        return certain
    if suffix in _VAGUE:
        return _by_content(name, head)
    named = _SUFFIXES.get(suffix) or documents.SUFFIXES.get(suffix)
    return named or ("text" if encoding_of(head) else None)


def _by_mark(suffix: str, head: bytes) -> str | None:
    for mark, form in _MARKS.items():
        if head.startswith(mark):
            return form
    if head.startswith(_OLE):
        # Old Office files and encrypted new ones share this container.
        workbook = "Workbook".encode("utf-16-le") in head
        return "xls" if workbook or suffix.startswith(".xls") else None
    if head.startswith(_ARROW_STREAM) and suffix in _ARROW_SUFFIXES:
        return "arrow"
    if head.startswith(b"ORC") and (suffix == ".orc" or encoding_of(head) is None):
        return "orc"
    return None


def _by_content(name: str, head: bytes) -> str | None:
    encoding = encoding_of(head)
    if encoding is None:
        return None
    text = head.decode(encoding, "replace").removeprefix("\ufeff")
    whole = len(head) < HEAD_BYTES
    if text.lstrip()[:1] in ("{", "[") and _is_json(text.lstrip(), whole=whole):
        return "json"
    return "csv" if _is_table(name, text, whole=whole) else "text"


def _is_json(text: str, *, whole: bool) -> bool:
    """Tell JSON from what only begins like it: sections of settings, times in logs."""
    try:
        found, end = json.JSONDecoder().raw_decode(text)
    except RecursionError:
        return True
    except ValueError:
        # A long value may be cut, which only its end would show.
        return not whole and re.match(r"[{\[]\s*(?:[{\[\"]|-?\d+\s*,)", text) is not None
    return isinstance(found, dict | list) and text[end : end + 1] in ("", "\n", "\r", "{", "[")


def _is_table(name: str, text: str, *, whole: bool) -> bool:
    """Tell a table from prose: its records have the same number of fields, and there are some."""
    from strongroom.data.sources._dialect import dialect_of, records_of

    sample = text.encode("utf-8", "replace")
    dialect = dialect_of(sample, whole=whole, path=name)
    records = records_of(sample, dialect, whole=whole)[dialect.header or 0 :]
    width = len(dialect.columns)
    if width < _COLUMNS or not all(len(record) == width for record in records):
        return False
    if dialect.delimiter not in ",;\t|" or not any(record[-1].strip() for record in records):
        return False
    # In sentences a blank follows a comma, and their lines don't agree for long.
    prose = dialect.delimiter == "," and any(f[:1] == " " for r in records for f in r[1:])
    return len(records) >= (_AGREEING if prose or dialect.spaces else _RECORDS)
