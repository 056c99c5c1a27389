"""The state database: tables, opening, migrations on demand, and its errors in plain words.

SQLite in WAL mode with `synchronous=FULL` by default, so that a committed transaction survives a
power cut; any SQLAlchemy URL works. The tables hold digests, counts, metrics and *sealed* seeds;
nothing personal in clear. The evidence log, not this database, has the last word on what
happened: every row that matters is compared with it (see `_replay`).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool, QueuePool

from strongroom.errors import WorkspaceError
from strongroom.files import user_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

REVISIONS = ("0001",)
"""Every schema version this release knows, oldest first; the last is the one it works with."""

metadata = sa.MetaData()

workspace_table = sa.Table(
    "workspace",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("signer", sa.Text, nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    sa.Column("evidence", sa.Integer, nullable=False),
)
artefacts_table = sa.Table(
    "artefacts",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
)
stage_runs_table = sa.Table(
    "stage_runs",
    metadata,
    sa.Column("evidence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("stage", sa.Text, nullable=False, index=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("doc", sa.Text, nullable=False),
    sa.Column("finished", sa.String(40), nullable=False),
)
stage_outputs_table = sa.Table(
    "stage_outputs",
    metadata,
    sa.Column("run", sa.ForeignKey("stage_runs.evidence"), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("artefact", sa.ForeignKey("artefacts.digest"), nullable=False, index=True),
)
ledger_table = sa.Table(
    "ledger_entries",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String(32), nullable=False, unique=True),
    sa.Column("account", sa.Text, nullable=False, index=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("spend", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("seed", sa.LargeBinary, nullable=True),
    sa.Column("created", sa.String(40), nullable=False),
    sa.Column("settled", sa.String(40), nullable=True),
    sa.Column("evidence", sa.Integer, nullable=False),
    sa.Column("settled_evidence", sa.Integer, nullable=True),
)
outbox_table = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
)


class Database:
    """An open state database. One process writes (the workspace's lock sees to it); many read."""

    def __init__(self, engine: sa.Engine, where: str) -> None:
        self.engine = engine
        self.where = where

    @classmethod
    def open(cls, state: Path | str, *, writable: bool = True, create: bool = False) -> Database:
        """Open the database, making or migrating its tables where needed and allowed.

        Args:
            state: path of an SQLite file, or an SQLAlchemy URL.
            writable: False never changes anything, not even by a migration.
            create: make it if it isn't there.

        Raises:
            WorkspaceError: missing, damaged, not a database, read-only, full, from a newer version.
        """
        engine, where = _engine(state, writable=writable, create=create)
        database = cls(engine, where)
        try:
            database._migrate(writable=writable, create=create)
        except BaseException:
            database.close()
            raise
        return database

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Run a block in one transaction; on a writable database it holds the write lock at once.

        Raises:
            WorkspaceError: the database refused; nothing was changed.
        """
        with _plain_words(self.where), self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the database's files."""
        self.engine.dispose()

    def scrub(self) -> None:
        """Move SQLite's write-ahead log into the database, so that deleted secrets are gone."""
        if self.engine.dialect.name != "sqlite":
            return
        with _plain_words(self.where), contextlib.closing(self.engine.raw_connection()) as raw:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _migrate(self, *, writable: bool, create: bool) -> None:
        with self.transaction() as connection:
            inspector = sa.inspect(connection)
            tables = set(inspector.get_table_names())
            if inspector.get_view_names():
                # We make none; a hostile one in a table's place could compute for ever.
                raise WorkspaceError("this database is not a Strongroom's", where=self.where)
            if "alembic_version" in tables:
                version = connection.execute(
                    sa.text("SELECT version_num FROM alembic_version")
                ).scalar()
            elif tables:
                raise WorkspaceError("this database is not a Strongroom's", where=self.where)
            else:
                version = None
            if version == REVISIONS[-1]:
                return
            if version is not None and version not in REVISIONS:
                raise WorkspaceError(
                    "the workspace was made by a newer Strongroom",
                    where=self.where,
                    hint="install that version: pip install --upgrade strongroom",
                )
            if not writable or (version is None and not create):
                raise WorkspaceError(
                    "the workspace's database is empty or from an older Strongroom",
                    where=self.where,
                    hint="strongroom run makes or upgrades it",
                )
            _upgrade(connection)


def _upgrade(connection: sa.Connection) -> None:
    """Bring the schema to the newest version, inside the caller's transaction."""
    # Alembic costs a fifth of a second to import, and is needed once in a database's life.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _engine(state: Path | str, *, writable: bool, create: bool) -> tuple[sa.Engine, str]:
    if isinstance(state, Path):
        return _sqlite_engine(state, writable=writable, create=create), str(state)
    try:
        url = sa.make_url(state)
        if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
            path = Path(str(url.database))
            return _sqlite_engine(path, writable=writable, create=create), str(path)
        # Other databases check concurrent writers themselves.
        engine = sa.create_engine(url, isolation_level="SERIALIZABLE")
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise WorkspaceError(
            "cannot use this database URL",
            hint="for example sqlite:///state.db or postgresql+psycopg://HOST/NAME",
        ) from error
    return engine, url.render_as_string(hide_password=True)


def _sqlite_engine(path: Path, *, writable: bool, create: bool) -> sa.Engine:
    if not path.exists():
        if not (writable and create):
            raise WorkspaceError(
                "the workspace's database is missing",
                where=str(path),
                hint="restore the workspace from a backup",
            )
        with user_errors(path):
            # SQLite would make it readable by everyone; its -wal and -shm files take our mode.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    options = "mode=rw" if writable else "mode=ro"
    wal = path.with_name(path.name + "-wal")
    if not writable and not wal.exists() and not os.access(path.parent, os.W_OK):
        # A reader of a WAL database needs to make its -shm file, unless told that nobody writes.
        options = "immutable=1"
    location = f"file:{quote(str(path.resolve()))}?{options}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            location, uri=True, timeout=10, isolation_level=None, check_same_thread=False
        )

    engine = sa.create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool if writable else NullPool
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI's own
        # SQLite answers with an error code on the first statement that reads the file.
        with _plain_words(str(path)):
            cursor = connection.cursor()
            for pragma in ("trusted_schema=OFF", "foreign_keys=ON", "secure_delete=ON"):
                cursor.execute(f"PRAGMA {pragma}")
            if writable:
                cursor.execute("PRAGMA journal_mode=WAL")
                cursor.execute("PRAGMA synchronous=FULL")
            cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # Taking the write lock first means that what is read can't be stale when we write.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writable else "BEGIN")

    return engine


@contextlib.contextmanager
def _plain_words(where: str) -> Iterator[None]:
    """Turn what a database says into a `WorkspaceError`."""
    try:
        yield
    except DBAPIError as error:
        raise _explained(error.orig, where) from error
    except sqlite3.Error as error:
        raise _explained(error, where) from error


def _explained(error: BaseException | None, where: str) -> WorkspaceError:
    name = getattr(error, "sqlite_errorname", None) or ""
    for start, what, hint in _SQLITE_WORDS:
        if name.startswith(start):
            return WorkspaceError(what, where=where, hint=hint)
    return WorkspaceError(
        "the database can't be used: it isn't what Strongroom wrote, or can't be reached",
        where=where,
        hint="strongroom verify says what is left; restore the workspace from a backup",
    )


_SQLITE_WORDS = (
    (
        "SQLITE_FULL",
        "the disk is full; nothing was changed",
        "free some space and run the same command again: it continues",
    ),
    (
        "SQLITE_IOERR",
        "the database can't be written: the disk is full or failing",
        "free some space and run the same command again: it continues",
    ),
    ("SQLITE_READONLY", "cannot write here", "check the owner and mode of the folder"),
    ("SQLITE_PERM", "cannot write here", "check the owner and mode of the folder"),
    ("SQLITE_CANTOPEN", "cannot open the database", "check the owner and mode of the folder"),
    ("SQLITE_BUSY", "the database is in use by another process", "try again when it has finished"),
    (
        "SQLITE_NOTADB",
        "this file is not a database",
        "restore the workspace from a backup",
    ),
    (
        "SQLITE_CORRUPT",
        "the database is damaged",
        "strongroom verify says what is left; restore the workspace from a backup",
    ),
)
