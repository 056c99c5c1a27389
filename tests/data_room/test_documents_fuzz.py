"""If this fails, a hostile file ends a scan in a traceback, or fills memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data_room.documents import FILES, Forward
from tests.data_room.test_documents_html import PAGE
from tests.data_room.test_documents_mail import RAW
from tests.data_room.test_documents_xml import FILE as XML

from strongroom.data.documents import OPENERS, READERS, UNPACKERS, form_of
from strongroom.data.sources import Budget, Limits, Unreadable
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

TIGHT = Limits(
    member_bytes=1 << 24, total_bytes=1 << 25, members=200, record_bytes=1 << 12, ocr=False
)
MOST_RECORDS_BYTES = 1 << 26


def archive(pack: Callable[[io.BytesIO], None]) -> bytes:
    out = io.BytesIO()
    pack(out)
    return out.getvalue()


def zipped(out: io.BytesIO) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("mail.eml", RAW)
        made.writestr("page.html", PAGE)
        made.write(FILES / "photo.jpg", "photo.jpg")


def tarred(out: io.BytesIO) -> None:
    with tarfile.open(fileobj=out, mode="w") as made:
        made.add(FILES / "photo.jpg", "photo.jpg")
        made.add(FILES / "letter.odt", "long/" * 40 + "letter.odt")


SEEDS = {
    "text": "Grüße aus Köln\n".encode() * 40,
    "html": PAGE.encode(),
    "xml": XML.encode("latin-1"),
    "mail": RAW,
    "mbox": (b"From x@y.example Thu Jan  1 00:00:00 2020\n" + RAW + b"\n") * 2,
    "docx": (FILES / "letter.docx").read_bytes(),
    "pptx": (FILES / "slides.pptx").read_bytes(),
    "odf": (FILES / "letter.odt").read_bytes(),
    "rtf": rb"{\rtf1\ansi{\info{\author J\'e9}}\pard Dear {\b \u321?ukasz}\par\bin3 {{{}" * 3,
    "picture": (FILES / "photo.jpg").read_bytes(),
    "zip": archive(zipped),
    "tar": archive(tarred),
    "gz": gzip.compress(RAW * 20),
    "bz2": bz2.compress(RAW * 20),
    "xz": lzma.compress(RAW * 20),
    "zst": pa.compress(RAW * 20, codec="zstd", asbytes=True),
    "lz4": pa.compress(RAW * 20, codec="lz4", asbytes=True),
}
CHANGE = st.tuples(
    st.floats(0, 1),  # where
    st.integers(0, 40),  # how many bytes go
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from(
            [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80", b"\n" * 9]
        ),
        st.sampled_from([b'"', b"<", b"<!--", b"&#x110000;", b"=?utf-8?b?", b"\\bin99999 ", b"{"]),
    ),
)


def changed(content: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, gone, come in changes:
        at = int(where * len(content))
        content = content[:at] + come + content[at + gone :]
    return content


def walk(form: str, content: bytes, stream: type[io.BytesIO] = io.BytesIO) -> None:
    """Read everything that a scan would read of a file; only a DataError may come out."""
    budget = Budget(TIGHT, "a file")
    try:
        if form in UNPACKERS:
            inner = UNPACKERS[form](stream(content), "a file", budget)
            while inner.read(1 << 16):
                pass
        if form in READERS:
            size = 0
            for batch in READERS[form](stream(content), "a file", TIGHT):
                batch.table.validate(full=True)
                size += batch.table.nbytes
            assert size < MOST_RECORDS_BYTES
        for member in OPENERS[form](stream(content), "a file", budget) if form in OPENERS else ():
            if not isinstance(member, Unreadable):
                form_of(member.head)
                member.open().read()
    except DataError as error:
        assert error.where  # noqa: PT017 - that it is one is what counts


@pytest.mark.parametrize("form", SEEDS)
def test_what_was_not_changed_is_read(form: str) -> None:
    content = SEEDS[form]
    if form in READERS:
        assert list(READERS[form](io.BytesIO(content), "a file", TIGHT))
    walk(form, content)
    assert form == "text" or form_of(content) == form


@pytest.mark.parametrize("form", SEEDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CHANGE, min_size=1, max_size=6), st.sampled_from([io.BytesIO, Forward]))
def test_damaged_files_are_read_or_refused(
    form: str, changes: list[tuple[float, int, bytes]], stream: type[io.BytesIO]
) -> None:
    walk(form, changed(SEEDS[form], changes), stream)


@pytest.mark.parametrize("form", SEEDS)
@settings(max_examples=30, deadline=None)
@given(content=st.binary(max_size=600), keep=st.integers(0, 64))
def test_any_bytes_are_read_or_refused(form: str, content: bytes, keep: int) -> None:
    walk(form, SEEDS[form][:keep] + content)


@settings(max_examples=10, deadline=None)
@given(st.lists(CHANGE, min_size=1, max_size=6))
def test_damaged_pdfs_are_read_or_refused(changes: list[tuple[float, int, bytes]]) -> None:
    pytest.importorskip("pypdfium2", reason="needs the extra documents")
    walk("pdf", changed((FILES / "contract.pdf").read_bytes(), changes))


@pytest.mark.parametrize("form", [*SEEDS, "pdf"])
def test_every_length_of_a_file_that_is_cut_off(form: str) -> None:
    content = SEEDS.get(form) or (FILES / "contract.pdf").read_bytes()
    for cut in range(0, len(content), max(1, len(content) // (8 if form == "pdf" else 60))):
        walk(form, content[:cut])
