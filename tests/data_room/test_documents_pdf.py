"""If these fail, people in PDFs are missed, or a hostile PDF takes the scan down with it."""

from __future__ import annotations

import io
import zlib

import pytest
from tests.data_room.documents import FILES, WITHOUT_OCR, Forward, members, notes, records

from strongroom.data.documents import READERS
from strongroom.data.documents._ocr import can_read_pictures
from strongroom.data.sources import Limits
from strongroom.errors import DataError

pytest.importorskip("pypdfium2", reason="needs the extra documents")
CONTRACT = (FILES / "contract.pdf").read_bytes()
SEEN = [
    """This contract is with Pedro Alvarez, 14 Elm Street, Springfield.
Account GB29 NWBK 6016 1331 9268 19""",
    "Second page: call 415-555-2671.",
]
HIDDEN = {
    "link: mailto:pedro@mail.example",
    "passport: X1234567",
    "note: Ask his wife Lucia",
    "Title: Contract of Pedro Alvarez",
    "Author: Petra Author",
}


def pdf(*objects: bytes) -> bytes:
    """Return a PDF without a table of its objects, which every reader rebuilds."""
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (i, o) for i, o in enumerate(objects, 1))
    return b"%PDF-1.7\n" + body + b"trailer <</Root 1 0 R>>\n%%EOF\n"


def page(content: bytes) -> bytes:
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F"
        b" 5 0 R>>>>>>",
        content,
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )


def text(content: bytes) -> bytes:
    return b"<</Length %d>>stream\n%s\nendstream" % (len(content), content)


def test_a_page_is_a_record_and_what_hides_follows() -> None:
    found = records("pdf", CONTRACT)
    # The account stands under a black bar, and stays readable for everybody.
    assert found[:2] == SEEN
    assert set(found[2:]) >= HIDDEN
    assert members("pdf", CONTRACT) == {"people.csv": b"name,email\nLucia,lucia@mail.example\n"}


def test_from_a_file_and_from_what_comes_once() -> None:
    with (FILES / "contract.pdf").open("rb") as file:
        pages = list(READERS["pdf"](file, "a file", WITHOUT_OCR))
    assert pages[0].table["text"].to_pylist()[:2] == SEEN
    once = list(READERS["pdf"](Forward(CONTRACT), "a file", WITHOUT_OCR))
    assert once[0].table == pages[0].table
    with pytest.raises(DataError, match="more than 0 MiB"):
        list(READERS["pdf"](Forward(CONTRACT), "a file", Limits(buffer_bytes=1000)))


def test_a_password_is_said() -> None:
    content = (FILES / "locked.pdf").read_bytes()
    with pytest.raises(DataError, match="password") as caught:
        records("pdf", content)
    assert caught.value.where == "a file"
    assert members("pdf", content) == {}


def test_text_outside_the_page_is_read_too() -> None:
    content = page(text(b"BT /F 12 Tf 50 700 Td (Seen) Tj 2000 0 Td (Jane Doe outside) Tj ET"))
    assert "Jane Doe outside" in records("pdf", content)[0]


def test_pages_that_are_pictures_are_said() -> None:
    content = (FILES / "scan.pdf").read_bytes()
    assert records("pdf", content)[:2] == ["", "The second page has text."]
    assert notes("pdf", content) == ["1 pages are pictures, whose text was not read"]


@pytest.mark.skipif(not can_read_pictures(), reason="needs the extra ocr")
def test_pages_that_are_pictures_are_read() -> None:
    found = records("pdf", (FILES / "scan.pdf").read_bytes(), Limits())
    assert "e-mail maria.gomez@mail.example" in found[0]
    assert found[1] == "The second page has text."


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", b"%PDF-1.7 nothing %%EOF", b"text"])
def test_what_is_no_pdf_is_said(content: bytes) -> None:
    with pytest.raises(DataError, match="not a PDF"):
        records("pdf", content)


def test_a_stream_that_unfolds_without_end_ends_the_process_apart_and_not_the_scan() -> None:
    bomb = zlib.compress(bytes(1 << 28), 9)
    for _ in range(2):
        bomb = zlib.compress(bomb, 9)
    content = b"<</Filter[/FlateDecode/FlateDecode/FlateDecode]/Length %d>>stream\n%s\nendstream"
    try:
        assert records("pdf", page(content % (len(bomb), bomb))) == [""]
    except DataError as error:
        assert "memory" in error.what or "damaged" in error.what  # noqa: PT017 - either is right


def test_pages_in_a_circle_end() -> None:
    circle = pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[2 0 R 2 0 R 3 0 R]/Count 3>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 3 0 R>>",
    )
    with io.BytesIO(circle) as stream:
        try:
            list(READERS["pdf"](stream, "a file", WITHOUT_OCR))
        except DataError as error:
            assert error.where == "a file"  # noqa: PT017 - either is right
