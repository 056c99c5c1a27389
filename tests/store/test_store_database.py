"""If this fails, an upgrade loses a workspace, or a damaged one shows a traceback."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from strongroom.errors import WorkspaceError
from strongroom.store.database import REVISIONS, Database, metadata


def test_the_migrations_make_what_the_code_works_with(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    import strongroom.store.database as module

    config = Config()
    config.set_main_option("script_location", str(Path(module.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert [s.revision for s in scripts.walk_revisions()] == list(reversed(REVISIONS))
    database = Database.open(tmp_path / "s.db", create=True)
    with database.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_a_down_and_up_again_migration(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    import strongroom.store.database as module

    database = Database.open(tmp_path / "s.db", create=True)
    config = Config()
    config.set_main_option("script_location", str(Path(module.__file__).parent / "migrations"))
    with database.transaction() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    database.close()
    Database.open(tmp_path / "s.db", create=True).close()


def test_opening_again_does_not_import_alembic(tmp_path: Path) -> None:
    Database.open(tmp_path / "s.db", create=True).close()
    script = (
        "import sys; from pathlib import Path; from strongroom.store.database import Database;"
        "Database.open(Path(sys.argv[1])).close(); print('alembic' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "s.db")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "False\n"


def test_it_survives_a_power_cut_and_keeps_others_out(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "s.db", create=True)
    with database.transaction() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o077 == 0
    database.close()


def test_any_sqlalchemy_url_will_do(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/with space.db"
    Database.open(url, create=True).close()
    assert (tmp_path / "with space.db").exists()
    Database.open(url, writable=False).close()
    for bad in ("no url", "nosuchdatabase://x", "postgresql+nosuchdriver://x/y"):
        with pytest.raises(WorkspaceError, match="cannot use this database URL"):
            Database.open(bad)


def test_another_database_runs_the_same_migrations() -> None:
    # SQLite by way of SQLAlchemy's own driver, as a foreign database would be opened.
    database = Database.open("sqlite://", create=True)
    with database.transaction() as connection:
        assert "ledger_entries" in sa.inspect(connection).get_table_names()
    database.close()


def _refusal(path: Path, **options: bool) -> WorkspaceError:
    with pytest.raises(WorkspaceError) as refused:
        Database.open(path, **options)
    assert refused.value.where == str(path)
    assert refused.value.__cause__ is None or refused.value.hint
    return refused.value


def test_missing_foreign_newer_older_and_hostile(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    assert "missing" in _refusal(path).what
    assert "missing" in _refusal(path, writable=False, create=True).what
    path.touch()
    assert "empty or from an older" in _refusal(path).what
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    assert "not a Strongroom's" in _refusal(path).what
    path.unlink()
    Database.open(path, create=True).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer Strongroom" in _refusal(path).what
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.execute("DROP TABLE outbox")
        connection.execute("CREATE VIEW outbox AS SELECT 1 AS id")
    assert "not a Strongroom's" in _refusal(path).what
    connection.close()


def test_not_a_database_and_a_damaged_one(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(b"hello" * 1000)
    assert _refusal(path).what == "this file is not a database"
    path.unlink()
    Database.open(path, create=True).close()
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)
    assert "damaged" in _refusal(path).what
    path.unlink()
    path.mkdir()
    assert "cannot open the database" in _refusal(path).what


def test_a_lost_table_is_explained(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "s.db", create=True)
    with (
        pytest.raises(WorkspaceError, match="isn't what Strongroom wrote"),
        database.transaction() as connection,
    ):
        connection.execute(sa.text("SELECT * FROM nothing"))
    database.close()


def test_busy_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    database = Database.open(path, create=True)
    with database.transaction() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(WorkspaceError, match="in use by another"), database.transaction():
        pass
    other.close()
    database.close()


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    Database.open(path, create=True).close()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    database = Database.open(path)
    row = {"name": "n", "kind": "k", "size": 1, "created": "c"}
    table = metadata.tables["artefacts"]
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with (
            pytest.raises(WorkspaceError, match="the disk is full"),
            database.transaction() as connection,
        ):
            connection.execute(table.insert().values(**row, digest="d", fingerprint="x" * 400_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with database.transaction() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0
        connection.execute(table.insert().values(**row, digest="d", fingerprint="x"))
    database.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    Database.open(path, create=True).close()
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        assert "cannot" in _refusal(path).what
        Database.open(path, writable=False).close()
    finally:
        tmp_path.chmod(0o700)
