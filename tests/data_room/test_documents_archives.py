"""If these fail, what lies in archives is missed, or an archive fills memory or the disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data_room.documents import FILES, Forward, drained, first, members, unpacked

from strongroom.data.documents import OPENERS, UNPACKERS, form_of
from strongroom.data.sources import Budget, Limits, Member, Unreadable
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
    "lz4": lambda content: pa.compress(content, codec="lz4", asbytes=True),
}
FILES_IN = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z", "Cn", "Cf", "Co"],
                          exclude_characters="\\/:"), min_size=1, max_size=120),
    st.binary(max_size=2000),
    max_size=6,
)  # fmt: skip


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@given(FILES_IN, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))
def test_a_zip_gives_what_was_put_in(files: dict[str, bytes], method: int) -> None:
    content = zipped(files, method)
    assert form_of(content) == "zip"
    assert members("zip", content) == files
    # Behind a program that unpacks itself.
    assert members("zip", b"MZ" * 500 + content) == files


@pytest.mark.parametrize("cut", [0, 3])
def test_fields_of_64_bits_are_read_and_may_be_damaged(cut: int) -> None:
    class Sink(io.RawIOBase):
        """What can't go back, as a pipe: sizes stand in fields of 64 bits."""

        def __init__(self) -> None:
            self.written = b""

        def writable(self) -> bool:
            return True

        def write(self, piece: Any) -> int:  # noqa: ANN401 - bytes of any kind
            self.written += bytes(piece)
            return len(piece)

    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.txt", "b.txt"):
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(name.encode() * 500)
        archive.filelist[1].extra = struct.pack("<2H2Q", 1, 16 - cut, 2500, 2500)[: 20 - cut]
        archive.filelist[1].file_size = 0xFFFFFFFF if cut else 2500
    found = members("zip", sink.written)
    assert found["a.txt"] == b"a.txt" * 500
    assert found["b.txt"] == b"b.txt" * 500


@given(FILES_IN, st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_a_tar_gives_what_was_put_in(files: dict[str, bytes], form: int) -> None:
    content = tarred({name * 3: content for name, content in files.items()}, form)
    assert members("tar", content) == {name * 3: content for name, content in files.items()}


@pytest.mark.parametrize("form", PACKERS)
@given(content=st.binary(max_size=3000))
def test_streams_that_follow_each_other_are_one(form: str, content: bytes) -> None:
    packed = PACKERS[form](content)
    assert form_of(packed) == form
    assert unpacked(form, packed) == content
    assert unpacked(form, packed + packed) == content * 2


@pytest.mark.parametrize("form", PACKERS)
def test_a_stream_that_is_cut_off_says_so(form: str) -> None:
    packed = PACKERS[form](bytes(range(256)) * 50)
    with pytest.raises(DataError, match=r"cut off|damaged"):
        unpacked(form, packed[:-6])


@pytest.mark.parametrize("form", PACKERS)
def test_what_comes_before_damage_is_read(form: str) -> None:
    said = b"a line, with number %d\n" * 2000
    packed = PACKERS[form](said + bytes(random.Random(0).randbytes(1 << 20)))
    stream = UNPACKERS[form](Forward(packed[:-1000]), "a file", Budget(Limits(), "a file"))
    assert stream.read(len(said)) == said
    with pytest.raises(DataError, match=r"cut off|damaged"):
        drained(stream)


def test_a_small_member_that_is_damaged_is_read_and_named() -> None:
    content = bytearray(zipped({"a.txt": b"first line\nlast line\n"}, zipfile.ZIP_STORED))
    content[content.find(b"last")] ^= 1
    member = first(OPENERS["zip"](io.BytesIO(content), "a", Budget(Limits(), "a"))).open()
    assert member.read(1 << 16) == b"first line\nmast line\n"
    with pytest.raises(DataError, match="checksum"):
        member.read(1 << 16)


def test_the_format_that_came_before_xz_is_read() -> None:
    packed = lzma.compress(b"text" * 50, lzma.FORMAT_ALONE)
    assert form_of(packed) == "xz"
    assert unpacked("xz", packed) == b"text" * 50


@pytest.mark.parametrize("form", ["gz", "bz2", "xz"])
def test_a_stream_that_is_damaged_says_so(form: str) -> None:
    packed = PACKERS[form](bytes(range(256)) * 50)
    with pytest.raises(DataError, match=r"cut off|damaged"):
        unpacked(form, packed[:50] + b"????" + packed[54:])


@pytest.mark.parametrize("form", PACKERS)
def test_a_bomb_is_refused_long_before_it_is_unpacked(form: str) -> None:
    bomb = PACKERS[form](bytes(96 << 20))
    budget = Budget(Limits(ratio=100), "a file")
    stream = UNPACKERS[form](Forward(bomb), "a file", budget)
    with pytest.raises(DataError, match="bomb"):
        drained(stream)
    assert budget.unpacked < 80 << 20


def test_members_that_overlap_are_a_bomb() -> None:
    """As in Fifield's: hundreds of entries of the directory that all say the same bytes."""
    kernel = zipped({"a": bytes(8 << 20)})
    end = kernel.rfind(b"PK\5\6")
    directory = kernel[kernel.find(b"PK\1\2") : end]
    body = kernel[: kernel.find(b"PK\1\2")]
    many = 400
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, many, many, len(directory) * many, len(body), 0)
    budget = Budget(Limits(ratio=200), "a file")
    found = list(OPENERS["zip"](io.BytesIO(body + directory * many + tail), "a", budget))
    refused = [one.error.what for one in found if isinstance(one, Unreadable)]
    assert len(found) == many
    assert refused
    assert all("bomb" in what for what in refused)
    assert budget.unpacked < 90 << 20


def test_limits_count_over_everything_that_lies_inside() -> None:
    inner = zipped({"a": b"x" * 600, "b": b"y" * 600})
    budget = Budget(Limits(total_bytes=1500 + len(inner)), "a file")
    outer = first(OPENERS["zip"](io.BytesIO(zipped({"inner.zip": inner})), "a file", budget))
    whole = [first(OPENERS["zip"](outer.open(), "b", budget)).open().read() for _ in range(2)]
    assert whole == [b"x" * 600] * 2
    refused = next(OPENERS["zip"](outer.open(), "b", budget))
    assert isinstance(refused, Unreadable)
    assert "more than" in refused.error.what
    with pytest.raises(DataError, match="more than 5 members"):
        members("zip", zipped({str(i): b"" for i in range(9)}), Limits(members=5))
    with pytest.raises(DataError, match="more than 0 MiB"):
        unpacked("gz", gzip.compress(bytes(5000)), Limits(member_bytes=4000))


def test_what_cannot_be_read_is_named_and_the_rest_is_read() -> None:
    content = bytearray(zipped({"a.txt": b"first", "b.txt": b"second" * 100, "c.txt": b"third"}))
    content[content.find(b"b.txt") + 8] ^= 0xFF
    found = members("zip", bytes(content))
    assert (found["a.txt"], found["c.txt"]) == (b"first", b"third")
    assert "damaged" in str(found["b.txt"])
    odd = zipped({"a.lzma": b"x" * 100}, zipfile.ZIP_LZMA)
    assert "method 14" in str(members("zip", odd)["a file!/a.lzma"])


def test_a_member_with_a_password_is_named() -> None:
    content = bytearray(zipped({"secret.csv": b"a,b\n1,2\n"}))
    for header, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.find(header) + at] |= 1
    assert members("zip", bytes(content)) == {"a file!/secret.csv": "protected by a password"}


def test_names_are_for_people_and_links_lead_nowhere(tmp_path: Path) -> None:
    target = tmp_path / "secret"
    target.write_text("not to be read")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            entry = tarfile.TarInfo(f"link{kind!r}")
            entry.type, entry.linkname = kind, str(target)
            archive.addfile(entry)
        for name in ("/etc/passwd", "../../up.txt", "bell\a\x1b[2J.txt"):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            archive.addfile(entry, io.BytesIO(b"x"))
    assert list(members("tar", out.getvalue())) == [
        "/etc/passwd",
        "../../up.txt",
        "bell\ufffd\ufffd[2J.txt",
    ]


def test_what_lies_in_a_stream_that_comes_once_is_read_too() -> None:
    mail = b"From: a@b.example\nTo: c@d.example\nSubject: s\n\nHello.\n"
    packed = gzip.compress(tarred({"m.eml": mail, "big.csv": b"a,b\n" * 9000, "z.gz": b"\x1f\x8b"}))
    budget = Budget(Limits(), "a file")
    stream = UNPACKERS["gz"](Forward(packed), "a file", budget)
    for member in OPENERS["tar"](stream, "a file", budget):
        assert isinstance(member, Member)
        if member.name == "m.eml":
            assert member.open().read() == member.open().read() == mail
        elif member.name == "big.csv":
            assert member.open().read() == b"a,b\n" * 9000
            with pytest.raises(DataError, match="second time"):
                member.open()


def test_no_archive_is_a_clear_error() -> None:
    with pytest.raises(DataError, match="not a ZIP"):
        members("zip", b"PK\3\4 and nothing more")
    with pytest.raises(DataError, match="not a TAR"):
        members("tar", b"x" * 2000)
    with pytest.raises(DataError, match="cut off"):
        members("tar", tarred({"a": b"x" * 5000})[:3000])


def test_documents_are_told_from_archives() -> None:
    forms = {path.suffix: form_of(path.read_bytes()[:4096]) for path in FILES.iterdir()}
    assert forms[".docx"] == "docx"
    assert forms[".pptx"] == "pptx"
    assert forms[".odt"] == "odf"
    assert forms[".pdf"] == "pdf"
    assert forms[".jpg"] == forms[".png"] == "picture"
    assert forms[".py"] is None
