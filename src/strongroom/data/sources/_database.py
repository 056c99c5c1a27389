"""Tables of databases at addresses that SQLAlchemy knows, read only and by server-side cursors."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from strongroom.data._dataset import Kind
from strongroom.data.sources._document import Document, Limits, Unreadable
from strongroom.data.sources._files import open_local
from strongroom.data.sources._rows import batches_of_rows
from strongroom.data.sources._sqlite import sqlite_tables
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from strongroom.data.sources._document import Batch

_DIALECTS = frozenset(("sqlite", "postgresql", "postgres", "mysql", "mariadb", "oracle", "mssql"))
# Schemas of the server's own.
_OWN = frozenset((
    "information_schema", "performance_schema", "mysql", "sys", "INFORMATION_SCHEMA",
))  # fmt: skip
_BUFFERED = 256  # rows, of whatever size
_LIMITS = Limits()


def is_database(address: str) -> bool:
    """Tell the address of a database from that of a file."""
    scheme = address.partition("://")[0].partition("+")[0]
    others = entry_points(group="sqlalchemy.dialects")
    return scheme in _DIALECTS or scheme in {e.name.partition(".")[0] for e in others}


def find_tables(address: str, limits: Limits = _LIMITS) -> Iterator[Document | Unreadable]:
    """Yield the tables of a database, or the one that is named after `#`."""
    import sqlalchemy as sa

    address, _, wanted = address.partition("#")
    if address.startswith("postgres://"):
        address = f"postgresql{address.removeprefix('postgres')}"
    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        where = address.partition("://")[0]
        yield Unreadable(where, DataError("this is not the address of a database", where=where))
        return
    path = url.render_as_string(hide_password=True)
    if url.drivername == "sqlite" and url.database and not url.query:
        place = url.database
        try:
            open_local(place).close()
        except DataError as error:
            yield Unreadable(path, error)
            return
        found = sqlite_tables(partial(open_local, place), place, path, "", limits)
    else:
        found = _tables(url, path)
    for one in found:
        if not wanted or one.path == f"{path}#{wanted}" or isinstance(one, Unreadable):
            yield one


def _tables(url: sa.URL, path: str) -> Iterator[Document | Unreadable]:
    import sqlalchemy as sa

    try:
        with _errors(path), _connected(url) as connection:
            inspector = sa.inspect(connection)
            usual = inspector.default_schema_name
            schemas: list[str | None] = [*inspector.get_schema_names()] or [usual]
            tables = [
                (schema, name)
                for schema in schemas
                if schema not in _OWN and not str(schema).startswith("pg_")
                for name in _holding(inspector, schema)
            ]
    except DataError as error:
        yield Unreadable(path, error)
        return
    for schema, name in sorted(tables, key=str):
        shown = name if schema in {None, usual} else f"{schema}.{name}"
        opened = partial(_rows, url, f"{path}#{shown}", schema, name)
        yield Document(f"{path}#{shown}", Kind.TABLE, "database", opened)


def _holding(inspector: sa.Inspector, schema: str | None) -> list[str]:
    """Return the names of what holds rows of its own: tables, and views that were written down."""
    names = inspector.get_table_names(schema)
    if inspector.dialect.name == "postgresql":
        names += inspector.get_materialized_view_names(schema)
    return names


def _rows(url: sa.URL, path: str, schema: str | None, name: str) -> Iterator[Batch]:
    import sqlalchemy as sa

    with _errors(path), _connected(url) as connection:
        columns = sa.inspect(connection).get_columns(name, schema)
        kept = [_selected(column, connection.dialect.name) for column in columns]
        table = sa.table(name, *(sa.column(c["name"]) for c in columns), schema=schema)
        select = sa.select(*kept).select_from(table)
        streamed = connection.execution_options(stream_results=True, max_row_buffer=_BUFFERED)
        rows = streamed.execute(select)
        yield from batches_of_rows(rows, [column["name"] for column in columns], path)


def _selected(column: Any, dialect: str) -> Any:  # noqa: ANN401 - what SQLAlchemy's inspector gives
    """Return a column as it is asked for: as text where Python may not know such values.

    PostgreSQL has times that no Python object can be, and types of which its driver knows nothing.
    """
    import sqlalchemy as sa

    plain = (sa.Integer, sa.Numeric, sa.String, sa.Boolean, sa.LargeBinary)
    # The type isn't passed on: it would convert what comes, and fail at what it doesn't expect.
    asked: sa.ColumnClause[Any] = sa.column(column["name"])
    if dialect != "postgresql" or isinstance(column["type"], plain):
        return asked
    return sa.cast(asked, sa.Text).label(column["name"])


@contextmanager
def _connected(url: sa.URL) -> Iterator[sa.Connection]:
    """Connect for reading only."""
    import sqlalchemy as sa

    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        if connection.dialect.name in {"mysql", "mariadb", "oracle"}:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        reading = {"postgresql_readonly": True} if connection.dialect.name == "postgresql" else {}
        yield connection.execution_options(**reading)


@contextmanager
def _errors(path: str) -> Iterator[None]:
    """Turn complaints of SQLAlchemy and of drivers, which may quote values, into ours."""
    import sqlalchemy as sa

    try:
        yield
    except (sa.exc.NoSuchModuleError, ImportError) as error:
        raise DataError(
            "no driver for this database is installed",
            where=path,
            hint='for PostgreSQL: pip install "strongroom[postgresql]"',
        ) from error
    except sa.exc.OperationalError as error:
        raise DataError(
            "cannot connect to the database, or the connection was lost",
            where=path,
            hint="check the address, the user and the password",
        ) from error
    except (sa.exc.SQLAlchemyError, UnicodeError, OverflowError) as error:
        raise DataError(
            f"the database refuses to be read ({type(error).__name__})", where=path
        ) from error
