"""If this fails, a scan misses a file, reads one twice, or stops at one that can't be read."""

from __future__ import annotations

import gzip
import io
import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.data_room.documents import Forward

from strongroom.data import Kind, write_table
from strongroom.data.sources import (
    Document,
    Limits,
    PassedOver,
    Unreadable,
    open_sources,
)

TABLE = pa.table({"name": ["Ann", None, "Zoë"], "n": [1, 2, None], "x": [0.5, None, 2.0]})


def file(path: Path, content: str | bytes = "name,n\nAnn,1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def seen(*paths: Path | str) -> list[tuple[str, str]]:
    """What is yielded: the last part of its path, and its form or what became of it."""
    return [
        (one.path.rsplit("/", 1)[-1], one.form if isinstance(one, Document) else type(one).__name__)
        for one in open_sources([str(p) for p in paths])
    ]


def rows(document: object) -> list[dict[str, object]]:
    assert isinstance(document, Document)
    return [row for batch in document.open() for row in batch.table.to_pylist()]


@pytest.mark.parametrize("zipped", ["", ".gz"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".arrow"])
def test_every_kind_of_table_gives_its_rows(tmp_path: Path, ending: str, zipped: str) -> None:
    path = tmp_path / f"t{ending}{zipped}"
    write_table(TABLE, path)
    (document,) = open_sources([str(path)])
    assert isinstance(document, Document)
    assert (document.path, document.kind) == (str(path), Kind.TABLE)
    assert document.version
    assert rows(document) == TABLE.to_pylist()
    assert rows(document) == TABLE.to_pylist()  # once more


def test_a_folder_is_walked_in_order_and_tools_own_folders_are_not(tmp_path: Path) -> None:
    for name in ("b.csv", "a/z.csv", "a/.git/objects/x.csv", ".hidden/c.csv", "node_modules/d.csv"):
        file(tmp_path / name)
    file(tmp_path / "lib.so", b"\x7fELF\0\0\1\2" * 100)
    file(tmp_path / "empty.csv", "")
    assert seen(tmp_path) == [
        ("c.csv", "csv"),
        (".git", "PassedOver"),
        ("z.csv", "csv"),
        ("b.csv", "csv"),
        ("lib.so", "PassedOver"),
        ("node_modules", "PassedOver"),
    ]
    assert seen(tmp_path / "node_modules") == [("d.csv", "csv")]


def test_links_are_followed_and_circles_are_walked_once(tmp_path: Path) -> None:
    file(tmp_path / "in/a.csv")
    elsewhere = file(tmp_path / "out/b.csv")
    (tmp_path / "in/up").symlink_to(tmp_path / "in")
    (tmp_path / "in/out").symlink_to(tmp_path / "out")
    (tmp_path / "in/again").symlink_to(tmp_path / "out")
    (tmp_path / "in/self").symlink_to("self")
    (tmp_path / "in/gone").symlink_to("nowhere")
    assert seen(tmp_path / "in") == [("a.csv", "csv"), ("b.csv", "csv")]
    assert seen(tmp_path / "in/again") == [("b.csv", "csv")]
    assert elsewhere.exists()


def test_folders_deeper_than_python_can_call(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(6):
        deep = deep / "d" / ("/".join("d" * 150))
        deep.mkdir(parents=True)
    file(deep / "a.csv")
    assert seen(tmp_path) == [("a.csv", "csv")]


def test_patterns_and_names_that_look_like_patterns(tmp_path: Path) -> None:
    for name in ("a.csv", "x/b.csv", "x/y/c.csv", "x/n.txt", "[1].csv"):
        file(tmp_path / name)
    assert seen(f"{tmp_path}/**/*.csv") == [
        ("[1].csv", "csv"), ("a.csv", "csv"), ("b.csv", "csv"), ("c.csv", "csv"),
    ]  # fmt: skip
    assert seen(f"{tmp_path}/[1].csv") == [("[1].csv", "csv")]
    (missing,) = open_sources([f"{tmp_path}/*.nothing"])
    assert isinstance(missing, Unreadable)
    assert missing.error.what == "no file matches this pattern"


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("t.bin", b"\x00\x01\x02\x03" * 500, "cannot tell what kind of file this is"),
        ("t.csv", b"", "the file is empty"),
        ("missing.csv", None, "no such file"),
        ("x" * 5000, None, "cannot read the file"),
        ("nul\0.csv", None, "cannot read the file"),
    ],
)
def test_a_named_file_that_cannot_be_read_is_listed(
    tmp_path: Path, name: str, content: bytes | None, what: str
) -> None:
    if content is not None:
        file(tmp_path / name, content)
    good = file(tmp_path / "good.csv")
    one, other = open_sources([f"{tmp_path}/{name}", str(good)])
    assert isinstance(one, Unreadable)
    assert one.error.what.startswith(what)
    assert rows(other) == [{"name": "Ann", "n": 1}]


def test_names_may_be_any_bytes(tmp_path: Path) -> None:
    for name in (b"bad\xff.csv", b"two\nlines.csv", "né.csv".encode()):
        file(Path(os.fsdecode(bytes(tmp_path) + b"/" + name)))
    found = list(open_sources([str(tmp_path)]))
    assert [Path(d.path).name for d in found] == [r"bad\xff.csv", "né.csv", "two\nlines.csv"]
    assert [rows(d) for d in found] == [[{"name": "Ann", "n": 1}]] * 3
    (one,) = open_sources([os.fsdecode(bytes(tmp_path) + b"/none\xff")])
    assert isinstance(one, Unreadable)
    assert f"{one.path} {one.error}".isascii()


def test_what_lies_too_deep_to_be_named_is_listed(tmp_path: Path) -> None:
    file(tmp_path / "a.csv")
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        here = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
    assert [form for _, form in seen(tmp_path)] == ["csv", "Unreadable"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_belongs_to_somebody_else(tmp_path: Path) -> None:
    file(tmp_path / "a.csv").chmod(0)
    (tmp_path / "f").mkdir(mode=0)
    assert seen(tmp_path) == [("a.csv", "Unreadable"), ("f", "Unreadable")]


def test_bytes_win_over_names(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    assert seen(file(tmp_path / "really.csv", content)) == [("really.csv", "parquet")]
    (named,) = open_sources([str(file(tmp_path / "b.csv", bytes(range(256)) * 30))])
    assert isinstance(named, Document)
    with pytest.raises(Exception, match="this is no text"):
        list(named.open())
    for name in ("t.txt", "data", "t.dat"):
        table = "39, State, 1\n50, Private, 2\n" * 5
        assert seen(file(tmp_path / name, table))[0][1] == "csv"
        prose = "Dear Ann,\n\nyou, too, are invited.\nYours, Bob, and Eve\n"
        assert seen(file(tmp_path / name, prose))[0][1] == "text"
        settings = "[section]\nkey = value\n"
        assert seen(file(tmp_path / name, settings))[0][1] == "text"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(b"name;n\n" + b"Ann;1\n" * 3)

    monkeypatch.setattr(sys, "stdin", Input)
    assert [rows(d) for d in open_sources(["-"])] == [[{"name": "Ann", "n": 1}] * 3]
    assert not Input.buffer.closed


def test_parquet_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO()

    pq.write_table(TABLE, Input.buffer)
    Input.buffer.seek(0)
    monkeypatch.setattr(sys, "stdin", Input)
    assert [rows(d) for d in open_sources(["-"])] == [TABLE.to_pylist()]


MAIL = (
    b"From: a@b.example\nTo: c@d.example\nSubject: s\nContent-Type: multipart/mixed; boundary=b\n\n"
    b"--b\n\nHello.\n--b\nContent-Type: text/csv; name=a.csv\n\nname,n\nAnn,1\n--b--\n"
)


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        (gzip.compress(b"name,n\nAnn,1\n"), ["-"]),
        (MAIL, ["-", "-!/a.csv"]),
        (gzip.compress(MAIL), ["-", "-!/a.csv"]),
        (gzip.compress(gzip.compress(MAIL)), ["-", "-!/a.csv"]),
    ],
)
def test_what_has_to_be_read_twice_may_come_through_a_pipe(
    monkeypatch: pytest.MonkeyPatch, content: bytes, paths: list[str]
) -> None:
    class Input:
        buffer = Forward(content)

    monkeypatch.setattr(sys, "stdin", Input)
    found = {d.path: rows(d) for d in open_sources(["-"])}
    assert list(found) == paths
    assert found[paths[-1]][-1] == {"name": "Ann", "n": 1}


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"name,n\nAnn,1\n")
    os.close(writing)
    (found,) = (rows(d) for d in open_sources([f"/dev/fd/{reading}"]))
    os.close(reading)
    assert found == [{"name": "Ann", "n": 1}]
    assert tmp_path.exists()


def test_a_file_that_grows_shrinks_or_vanishes_while_it_is_read(tmp_path: Path) -> None:
    path = file(tmp_path / "a.csv", "name,n\n" + "Ann,1\n" * 500_000)
    (document,) = open_sources([str(path)])
    assert isinstance(document, Document)
    batches = document.open()
    first = next(batches)
    with path.open("a") as more:
        more.write("Bob,2\n" * 500_000)
    total = first.table.num_rows + sum(b.table.num_rows for b in batches)
    assert total == 500_000
    batches = document.open()
    next(batches)
    os.truncate(path, 100)
    assert sum(b.table.num_rows for b in batches) < 1_000_000
    path.unlink()
    with pytest.raises(Exception, match="no such file"):
        next(document.open())


def test_passwords_in_addresses_are_not_shown() -> None:
    (one,) = open_sources(["ftp://ann:s3cret@localhost:1/x.csv"])
    assert isinstance(one, Unreadable)
    assert "s3cret" not in f"{one.path} {one.error}"


def test_files_at_an_address() -> None:
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    with system.open("/lake/a.csv", "wb") as out:
        out.write(b"name,n\nAnn,1\n")
    with system.open("/lake/deep/b.parquet", "wb") as out:
        pq.write_table(TABLE, out)
    found = list(open_sources(["memory://lake"]))
    assert [d.path for d in found] == ["memory:///lake/a.csv", "memory:///lake/deep/b.parquet"]
    assert [rows(d) for d in found] == [[{"name": "Ann", "n": 1}], TABLE.to_pylist()]
    assert seen("memory://lake/*.csv") == [("a.csv", "csv")]
    assert seen("memory://lake/c.csv") == [("c.csv", "Unreadable")]
    assert seen("nosuchthing://a/b") == [("b", "Unreadable")]


def test_a_package_of_a_stranger_opens_addresses_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(
        tmp_path / "crm_source.py",
        """
import pyarrow as pa
from strongroom.data import Kind
from strongroom.data.sources import Batch, Document

def open_crm(address):
    table = pa.table({"mail": ["ann@example.org"]})
    yield Document(address, Kind.TABLE, "crm", lambda: iter([Batch(table, 0)]))
""",
    )
    file(tmp_path / "crm-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: crm\nVersion: 1\n")
    names = "[strongroom.sources]\ncrm = crm_source:open_crm\n"
    file(tmp_path / "crm-1.dist-info/entry_points.txt", names)
    monkeypatch.syspath_prepend(tmp_path)
    (document,) = open_sources(["crm://contacts"])
    assert document.path == "crm://contacts"
    assert rows(document) == [{"mail": "ann@example.org"}]


def test_a_small_parquet_file_that_unfolds_into_terabytes(tmp_path: Path) -> None:
    values = pa.DictionaryArray.from_arrays(
        pa.array([0] * 300_000, pa.int32()), pa.array(["x" * 1_000_000])
    )
    pq.write_table(pa.table({"a": values}), tmp_path / "t.parquet")
    (document,) = open_sources([str(tmp_path / "t.parquet")], Limits())
    assert isinstance(document, Document)
    batches = document.open()
    assert all(next(batches).table.nbytes < 1 << 28 for _ in range(3))


def test_nothing_that_was_passed_over_is_a_document(tmp_path: Path) -> None:
    file(tmp_path / "a/x.exe", b"MZ\0\0" * 90)
    (one,) = open_sources([str(tmp_path)])
    assert isinstance(one, PassedOver)
    assert one.why == ".exe"
