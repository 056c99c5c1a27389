"""Parquet and Arrow IPC, batch by batch.

What their metadata say is not trusted: a small file may unfold into more than any memory, so the
longest value that a dictionary repeats decides how many rows are read at once.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from strongroom.data._dataset import plain
from strongroom.data.documents._records import seekable
from strongroom.data.sources._dialect import unique_names
from strongroom.data.sources._document import Batch, Limits
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ROWS = 1 << 16
_UNFOLDED = 1 << 27  # bytes of one column that a batch may unfold into
_BUFFER = 1 << 20
_LISTED = 64
# ValueError: a damaged column name is no UTF-8.
_DAMAGED = (pa.ArrowException, OSError, ValueError)


def read_parquet(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the rows of a Parquet file.

    Raises:
        DataError: not a Parquet file, a damaged or an encrypted one.
    """
    stream = seekable(stream, path, limits)
    with _errors("Parquet", path):
        file = pq.ParquetFile(stream, buffer_size=_BUFFER, pre_buffer=False)
        yield from _bounded(batches_of(_row_groups(file, stream)), stream, path, limits)


def read_arrow(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the rows of an Arrow IPC file or stream.

    Raises:
        DataError: neither, or a damaged one.
    """
    stream = seekable(stream, path, limits)
    with _errors("Arrow IPC", path):
        begins = stream.tell()
        head = stream.read(6)
        stream.seek(begins)
        if head == b"ARROW1":
            reader = pa.ipc.open_file(stream)
            batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
        else:
            batches = iter(pa.ipc.open_stream(stream))
        tables = (pa.Table.from_batches([batch]) for batch in batches)
        yield from _bounded(batches_of(tables), stream, path, limits)


def batches_of(tables: Iterable[pa.Table]) -> Iterator[Batch]:
    """Yield the rows of tables as plain columns, in batches of bounded size.

    Raises:
        pa.ArrowInvalid: values that no writer could have written.
    """
    first = 0
    for table in tables:
        table.validate()
        step = min([_ROWS, *(_rows(column) for column in table.columns)])
        for start in range(0, table.num_rows, step):
            part = table.slice(start, step)
            yield Batch(_plain(part), first)
            first += part.num_rows


def _bounded(
    batches: Iterator[Batch], stream: BinaryIO, path: str, limits: Limits
) -> Iterator[Batch]:
    """Yield batches as long as they are not absurdly more than the file that they come from."""
    here = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(here)
    most, unfolded = max(limits.member_bytes, limits.ratio * size), 0
    for batch in batches:
        unfolded += batch.table.nbytes
        if unfolded > most:
            raise DataError(
                f"unfolds into more than {most >> 30:,} GiB: the rest was not read", where=path
            )
        yield batch


def _rows(column: pa.ChunkedArray) -> int:
    """Return how many rows of a column may be unfolded at once."""
    each = column.nbytes / max(1, len(column))
    for chunk in column.chunks:
        each = max(each, _longest(chunk))
    return max(1, int(_UNFOLDED // max(1, each)))


def _longest(values: pa.Array) -> int:
    """Return the bytes of the longest value that a dictionary, or one further inside, repeats."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        held = values.dictionary
        if len(held) and (pa.types.is_string(held.type) or pa.types.is_binary(held.type)):
            return int(pc.max(pc.binary_length(held)).as_py() or 1)
        return int(held.nbytes)
    if pa.types.is_struct(kind):
        return max([1, *(_longest(values.field(i)) for i in range(kind.num_fields))])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _longest(values.values)
    return 1


def _plain(table: pa.Table) -> pa.Table:
    try:
        table.validate(full=True)
    except pa.ArrowInvalid:
        table = pa.Table.from_arrays([_text(c) for c in table.columns], names=table.column_names)
        table.validate(full=True)
    table = plain(table)
    return table.rename_columns(unique_names(table.column_names))


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return strings that aren't UTF-8 with their bad bytes replaced."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    raw = pa.binary() if pa.types.is_string(column.type) else pa.large_binary()
    parts = [chunk.view(raw) for chunk in column.chunks]
    for part in parts:
        # Where they lie has to be right before they may be looked at.
        part.validate(full=True)
    values = [value for part in parts for value in part.to_pylist()]
    texts = [None if v is None else v.decode("utf-8", "replace") for v in values]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _row_groups(file: pq.ParquetFile, stream: BinaryIO) -> Iterator[pa.Table]:
    columns = [file.schema.column(i) for i in range(len(file.schema.names))]
    names = [c.path for c in columns if c.physical_type == "BYTE_ARRAY"]
    # How many values a row has in lists isn't asked: damaged metadata of a column end the process.
    many = _LISTED if any(c.max_repetition_level for c in columns) else 1
    folded = pq.ParquetFile(stream, read_dictionary=names, pre_buffer=False, buffer_size=_BUFFER)
    for group in range(file.num_row_groups):
        beginning = next(folded.iter_batches(1, row_groups=[group], columns=names), None)
        longest = max([1, *map(_longest, beginning.columns)]) if beginning and names else 1
        rows = max(1, min(_ROWS, _UNFOLDED // (longest * many)))
        for batch in file.iter_batches(rows, row_groups=[group], use_threads=False):
            yield pa.Table.from_batches([batch])


@contextmanager
def _errors(form: str, path: str) -> Iterator[None]:
    """Turn Arrow's complaints, which may quote values, into ours."""
    try:
        yield
    except MemoryError as error:
        raise DataError(f"this {form} file needs more memory than there is", where=path) from error
    except _DAMAGED as error:
        if "crypt" in str(error).lower():
            raise DataError(f"an encrypted {form} file", where=path) from error
        raise DataError(f"not {form}, or a damaged file of it", where=path) from error
