"""If this fails, a scan of a database misses a table, changes it, or runs what a file says."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from strongroom.data.sources import Document, Unreadable, open_sources

if TYPE_CHECKING:
    from collections.abc import Iterator


def tables(*paths: Path | str) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for one in open_sources([str(p) for p in paths]):
        assert isinstance(one, Document), one
        found[one.path] = [row for b in one.open() for row in b.table.to_pylist()]
    return found


def sqlite_file(path: Path, *statements: str) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


PEOPLE = (
    'CREATE TABLE "odd ""name""; --" (name TEXT, n, "select" BLOB)',
    "INSERT INTO \"odd \"\"name\"\"; --\" VALUES ('Ann', 1, x'00ff'), (NULL, 'two', NULL)",
    "CREATE TABLE empty (a)",
    "CREATE TABLE days (born DATE, paid DECIMAL(9,2))",
    "INSERT INTO days VALUES ('no date', 'no number'), ('1980-01-31', 2.5)",
)
EXPECTED = {
    'odd "name"; --': [
        {"name": "Ann", "n": "1", "select": b"\x00\xff"},
        {"name": None, "n": "two", "select": None},
    ],
    "empty": [],
    "days": [{"born": "no date", "paid": "no number"}, {"born": "1980-01-31", "paid": "2.5"}],
}


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    (one,) = open_sources([f"sqlite:///{tmp_path}/none.db"])
    assert isinstance(one, Unreadable)
    assert one.error.what == "no such file"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["t.db", "t.sqlite", "called.csv", "wei?rd #%20 .db"])
def test_each_table_of_a_sqlite_file(tmp_path: Path, name: str) -> None:
    path = sqlite_file(tmp_path / name, *PEOPLE)
    before = path.stat()
    assert tables(path) == {f"{path}#{k}": v for k, v in EXPECTED.items()}
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_sqlite_file_in_an_archive(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "t.db", *PEOPLE)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "in/t.db")
    found = tables(tmp_path / "a.zip")
    assert found == {f"{tmp_path}/a.zip!/in/t.db#{k}": v for k, v in EXPECTED.items()}


def test_the_address_of_a_sqlite_file_and_of_one_table(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "t.db", *PEOPLE)
    assert tables(f"sqlite:///{path}") == {f"sqlite:///{path}#{k}": v for k, v in EXPECTED.items()}
    assert list(tables(f"sqlite:///{path}#days")) == [f"sqlite:///{path}#days"]
    assert not (tmp_path / "missing.db").exists()
    (missing,) = open_sources([f"sqlite:///{tmp_path}/missing.db"])
    assert isinstance(missing, Unreadable)
    assert not (tmp_path / "missing.db").exists()


def test_changes_that_lie_in_a_journal_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
        (before,) = open_sources([str(path)])
        connection.execute("INSERT INTO t VALUES (2)")
        connection.commit()
        (after,) = open_sources([str(path)])
        assert tables(path) == {f"{path}#t": [{"a": 1}, {"a": 2}]}
    assert isinstance(before, Document)
    assert isinstance(after, Document)
    assert before.version != after.version


def test_views_and_virtual_tables_of_an_unknown_file_stay_closed(tmp_path: Path) -> None:
    path = sqlite_file(
        tmp_path / "t.db",
        "CREATE TABLE t (a)",
        "INSERT INTO t VALUES (1)",
        "CREATE VIEW v AS SELECT randomblob(1000000000) FROM t",
        "CREATE VIRTUAL TABLE f USING fts5(text)",
        "INSERT INTO f VALUES ('ann@example.org')",
    )
    found = tables(path)
    assert f"{path}#v" not in found
    assert f"{path}#f" not in found
    # What it holds lies in a table of its own.
    assert "ann@example.org" in str(found[f"{path}#f_content"])


@pytest.mark.parametrize("damage", ["half", "middle", "schema", "header only"])
def test_a_damaged_sqlite_file(tmp_path: Path, damage: str) -> None:
    path = sqlite_file(
        tmp_path / "t.db",
        "CREATE TABLE t (a)",
        *["INSERT INTO t VALUES (hex(randomblob(500)))"] * 90,
    )
    content = bytearray(path.read_bytes())
    if damage == "half":
        content = content[: len(content) // 2]
    elif damage == "middle":
        content[5000:20_000] = b"\xff" * 15_000
    elif damage == "schema":
        content = content.replace(b"CREATE", b"CR\xeeATE")
    else:
        content = content[:100]
    path.write_bytes(content)
    for one in open_sources([str(path)]):
        if isinstance(one, Document):
            with pytest.raises(Exception, match="not a SQLite database, or a damaged"):
                list(one.open())
        else:
            assert isinstance(one, Unreadable)


def test_addresses_that_lead_nowhere_hide_the_password() -> None:
    for address in (
        "postgresql://ann:s3cret@localhost:1/x",
        "mssql+nosuchdriver://ann:s3cret@localhost/x",
        "postgresql://ann:s3cret@local host:port/x",
    ):
        (one,) = open_sources([address])
        assert isinstance(one, Unreadable)
        assert "s3cret" not in f"{one.path} {one.error}"


# A real PostgreSQL server


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if not initdb:
        pytest.skip("PostgreSQL isn't installed")
    somebody: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="strongroom-pg-", dir="/tmp"))
    if os.geteuid() == 0:  # the server refuses to be root
        names = {entry.pw_name for entry in pwd.getpwall()}
        about = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        somebody = {"user": about.pw_uid, "group": about.pw_gid, "extra_groups": []}
        os.chown(folder, about.pw_uid, about.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = None
    try:
        data = folder / "data"
        subprocess.run(
            [initdb, "-D", data, "-U", "ann", "--auth=trust", "-E", "UTF8", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **somebody,
        )  # fmt: skip
        process = subprocess.Popen(
            [Path(initdb).with_name("postgres"), "-D", data, "-p", str(port), "-k", folder,
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **somebody,
        )  # fmt: skip
        address = f"postgresql+psycopg://ann:s3cret@127.0.0.1:{port}/postgres"
        _wait(address)
        yield address
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # without waiting for who is connected
            process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(address: str) -> None:
    import sqlalchemy as sa

    for _ in range(300):
        try:
            with sa.create_engine(address, poolclass=sa.NullPool).connect():
                return
        except sa.exc.OperationalError:
            time.sleep(0.1)
    pytest.fail("the server didn't come up")


def execute(address: str, *statements: str) -> None:
    import sqlalchemy as sa

    with sa.create_engine(address, poolclass=sa.NullPool).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_each_table_of_a_postgresql_database(server: str) -> None:
    execute(
        server,
        'CREATE SCHEMA "Per Sonal"',
        'CREATE TABLE "Per Sonal"."People; --" (id int, "e mail" text, born date, paid numeric, '
        "ip inet, about jsonb, tags text[], seen timestamptz, id2 uuid, pic bytea, big numeric)",
        """INSERT INTO "Per Sonal"."People; --" VALUES (1, 'ann@example.org', '1980-01-31', 2.50,
        '10.0.0.1', '{"a": "x"}', '{a,b}', '2020-01-01 10:00+00',
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff', 12345678901234567890)""",
        """INSERT INTO "Per Sonal"."People; --" (born, seen) VALUES ('infinity', '-infinity')""",
        "CREATE TABLE many AS SELECT i, 'row ' || i AS t FROM generate_series(1, 60000) AS i",
    )
    found = tables(server)
    shown = server.replace("s3cret", "***")
    assert list(found) == [f"{shown}#Per Sonal.People; --", f"{shown}#many"]
    ann, other = found[f"{shown}#Per Sonal.People; --"]
    assert ann == {
        "id": 1, "e mail": "ann@example.org", "born": "1980-01-31", "paid": 2.5,
        "ip": "10.0.0.1/32", "about": '{"a": "x"}', "tags": "{a,b}", "seen": ann["seen"],
        "id2": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "pic": b"\x00\xff",
        "big": "12345678901234567890",
    }  # fmt: skip
    assert ann["seen"].startswith("2020-01-01")
    assert (other["born"], other["seen"]) == ("infinity", "-infinity")
    assert [row["i"] for row in found[f"{shown}#many"]] == list(range(1, 60_001))
    (one,) = tables(f"{server}#many")
    assert one == f"{shown}#many"


def test_a_postgresql_database_is_read_by_a_cursor_and_never_written(server: str) -> None:
    import sqlalchemy as sa

    values = "SELECT repeat('x', 100000) AS t FROM generate_series(1, 900)"
    execute(server, f"CREATE TABLE wide AS {values}")
    (document,) = open_sources([f"{server}#wide"])
    assert isinstance(document, Document)
    sizes = [batch.table.nbytes for batch in document.open()]
    assert sum(sizes) > 90_000_000
    assert max(sizes) < 30_000_000
    from strongroom.data.sources._database import _connected

    with (
        _connected(sa.make_url(server)) as connection,
        pytest.raises(sa.exc.InternalError, match="read-only"),
    ):
        connection.exec_driver_sql("CREATE TABLE no (a int)")


def test_a_view_that_keeps_rows_is_read_and_others_are_not(server: str) -> None:
    execute(
        server,
        "CREATE SCHEMA kept",
        "CREATE MATERIALIZED VIEW kept.copy AS SELECT 'ann@example.org' AS mail",
        "CREATE VIEW kept.window AS SELECT mail FROM kept.copy",
    )
    shown = f"{server.replace('s3cret', '***')}#kept"
    found = {path: rows for path, rows in tables(server).items() if path.startswith(shown)}
    assert found == {f"{shown}.copy": [{"mail": "ann@example.org"}]}


def test_a_table_that_may_not_be_read_is_listed(server: str) -> None:
    execute(server, "CREATE TABLE closed (a int)", "CREATE ROLE bob LOGIN")
    (document,) = open_sources([f"{server.replace('ann:', 'bob:')}#closed"])
    assert isinstance(document, Document)
    with pytest.raises(Exception, match="the database refuses to be read"):
        list(document.open())
