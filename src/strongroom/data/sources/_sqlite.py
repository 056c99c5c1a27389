"""SQLite files, table by table, read only; nothing that a file says is run but plain selects.

Schemas of unknown files aren't trusted: views, virtual tables and what needs them stay closed
(see "Defense against the dark arts" in SQLite's documentation).
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from strongroom.data._dataset import Kind
from strongroom.data._patient import whole
from strongroom.data.sources._document import Document, Limits, Unreadable
from strongroom.data.sources._rows import batches_of_rows
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from strongroom.data.sources._document import Batch

_TABLES = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' "
    "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
)


def sqlite_tables(
    opened: Callable[[], BinaryIO],
    place: str,
    path: str,
    version: str,
    limits: Limits,
) -> Iterator[Document | Unreadable]:
    """Yield the tables of a SQLite file.

    Args:
        opened: gives its bytes, where it doesn't lie on disk.
        place: where it lies on disk, or nothing.
        path: as the user named it.
        version: tells that it is unchanged.
        limits: how large a value may be, and a file that has to lie in memory.
    """
    content: list[bytes] = []  # once read: a member of an archive comes once

    def connect() -> sqlite3.Connection:
        if not place and not content:
            content.append(_content(opened, path, limits))
        return _connected(place, content[0] if content else b"", limits)

    def table(name: str) -> Iterator[Batch]:
        with _errors(path), _closing(connect()) as connection:
            quoted = '"' + name.replace('"', '""') + '"'
            cursor = connection.execute(f"SELECT * FROM {quoted}")  # noqa: S608 - quoted
            names = [column[0] for column in cursor.description]
            yield from batches_of_rows(cursor, names, f"{path}#{name}")

    try:
        with _errors(path), _closing(connect()) as connection:
            names = [name for (name,) in connection.execute(_TABLES)]
    except DataError as error:
        yield Unreadable(path, error)
        return
    for name in names:
        yield Document(
            f"{path}#{name}",
            Kind.TABLE,
            "sqlite",
            partial(table, name),
            None,
            f"{version}#{name}" if version else "",
        )


def _content(opened: Callable[[], BinaryIO], path: str, limits: Limits) -> bytes:
    with opened() as stream:
        content = whole(stream, limits.buffer_bytes + 1)
    if len(content) <= limits.buffer_bytes:
        return content
    raise DataError(
        f"larger than {limits.buffer_bytes >> 20:,} MiB, and a database can't be read forward",
        where=path,
        hint="unpack it and scan the file itself",
    )


def _connected(place: str, content: bytes, limits: Limits) -> sqlite3.Connection:
    if place:
        # Without a journal of changes beside it, nothing but the file itself is touched.
        mode = "mode=ro" if Path(f"{place}-wal").exists() else "mode=ro&immutable=1"
        connection = sqlite3.connect(f"file:{quote(place)}?{mode}", uri=True)
    else:
        connection = sqlite3.connect(":memory:")
        connection.deserialize(content)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.buffer_bytes)
    for setting in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
        connection.execute(f"PRAGMA {setting}")
    return connection


@contextmanager
def _closing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _errors(path: str) -> Iterator[None]:
    try:
        yield
    # UnicodeError: the names of a damaged schema, in what SQLite says of it.
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError) as error:
        raise DataError(
            "not a SQLite database, or a damaged or encrypted one", where=path
        ) from error
