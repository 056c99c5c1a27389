"""JSON Lines: one object a line; strings stay strings, also those that look like dates."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.json as pa_json

from strongroom.data._utf8 import encoding_error, is_utf8
from strongroom.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST_BLOCK = 2**31 - 1
# Arrow calls itself once a level, and ten thousand of them end the process.
DEEPEST = 64


def read_jsonl(content: bytes, path: Path) -> pa.Table:
    """Read the bytes of a JSON Lines file; `path` is for messages.

    Raises:
        DataError: a line is no object, not UTF-8, or a key changes its type.
    """
    if not is_utf8(content):
        raise encoding_error(content, path)
    content = content.removeprefix(b"\xef\xbb\xbf")
    if _too_deep(content):
        raise DataError(
            f"a record is nested deeper than {DEEPEST} levels",
            where=str(path),
            hint="flatten it; `strongroom scan` reads such a record as text",
        )
    try:
        try:
            return _read(content, block_size=1 << 20)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise
            # One line is larger than a block.
            return _read(content, min(len(content) + 1, _LARGEST_BLOCK))
    except pa.ArrowInvalid as error:
        raise _explain(error, content, path) from error


def _too_deep(content: bytes) -> bool:
    if content.count(b"[") + content.count(b"{") <= DEEPEST:
        return False
    import numpy as np

    from strongroom.data.sources._kernels_json import TEXT, values

    data, at = np.frombuffer(content, np.uint8), 0
    while at < len(data):
        places = np.zeros((1 << 12, 5), np.int64)
        count, after, _ = values(data, at, len(data), True, TEXT, places)  # noqa: FBT003 - a kernel
        if (places[:, 2] > DEEPEST).any():
            return True
        at = after
        if count < len(places):
            # The end, or a value without one: on the next line another may begin.
            at = content.find(b"\n", after) + 1 or len(data)
    return False


def _read(content: bytes, block_size: int) -> pa.Table:
    options = pa_json.ReadOptions(block_size=block_size)
    table = pa_json.read_json(io.BytesIO(content), read_options=options)
    written = {f.name: as_written(f.type) for f in table.schema}
    changed = [pa.field(f.name, written[f.name]) for f in table.schema if f.type != written[f.name]]
    if not changed:
        return table
    # Arrow took strings for points in time; ask again for what stands in the file.
    return pa_json.read_json(
        io.BytesIO(content),
        read_options=options,
        parse_options=pa_json.ParseOptions(explicit_schema=pa.schema(changed)),
    ).select(table.column_names)


def as_written(kind: pa.DataType) -> pa.DataType:
    """Return the type of what stands in a file: strings, where Arrow read points in time."""
    if pa.types.is_timestamp(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(as_written(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, as_written(f.type)) for f in kind])
    return kind


def _explain(error: pa.ArrowInvalid, content: bytes, path: Path) -> DataError:
    changed = re.search(r"Column\(/(.*)\) changed from (\w+) to (\w+)", str(error))
    if changed:
        key, before, after = changed.groups()
        return DataError(
            f'"{key}" is {before} on one line and {after} on another',
            where=str(path),
            hint="give a key the same type on every line, for example by quoting",
        )
    line = _bad_line(content)
    return DataError("a line is not a JSON object", where=f"{path}:{line}" if line else str(path))


def _bad_line(content: bytes) -> int | None:
    """Find the first line that isn't an object: Arrow counts from the start of a block."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            if line.strip() and not isinstance(json.loads(line), dict):
                return number
        except (ValueError, RecursionError):
            return number
    return None
