"""If these fail, people in office files are missed, above all where nobody looks for them."""

from __future__ import annotations

import io
import zipfile

import pytest
from tests.data_room.documents import FILES, batches, members, records

from strongroom.data.documents import form_of
from strongroom.data.sources import Limits
from strongroom.errors import DataError

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def docx(body: str, **parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f"<w:document {W}>{body}</w:document>")
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/") + ".xml", content)
    return out.getvalue()


def test_word_gives_what_is_shown_and_what_is_forgotten() -> None:
    content = (FILES / "letter.docx").read_bytes()
    assert records("docx", content)[:4] == [
        "Discharge letter",
        "Patient Maria Gómez, born 1975-03-02. Phone +1 212 555 0187.",
        "Name\tSSN",
        "Maria Gómez\t536-22-8726",
    ]
    assert {
        "Deleted: card 4111 1111 1111 1111",
        "author: Carla Reviewer",
        "Call her son.",
        "author: Dan Comment",
        "Ward 7, Dr. Peter Ndlovu",
        "Printed by clerk@hospital.example",
        "creator: Jane Q. Author",
        "lastModifiedBy: Bob Editor",
        "link: mailto:maria.gomez@mail.example",
    } <= set(records("docx", content))
    assert members("docx", content)["word/media/image1.jpg"] == (FILES / "photo.jpg").read_bytes()


def test_slides_give_titles_tables_and_notes() -> None:
    found = records("pptx", (FILES / "slides.pptx").read_bytes())
    assert found[:3] == [
        "Our customer Aiko Tanaka",
        "Next",
        "IBAN\tDE89 3704 0044 0532 0130 00",
    ]
    assert {"Ask about +81 3-1234-5678", "creator: Sven Speaker"} <= set(found)


def test_opendocument_gives_text_notes_and_authors() -> None:
    found = records("odf", (FILES / "letter.odt").read_bytes())
    assert {
        "Dear Mr Ivan Petrov\n10 Downing Street",
        "He lives in Oslo now.",
        "creator: Nils Note",
        "initial-creator: Olga Author",
        "Client: Acme Ltd",
    } <= set(found)


def test_text_boxes_fields_and_other_writers_prefixes() -> None:
    body = (
        "<w:body><w:p><w:r><w:t>Outer </w:t></w:r><w:txbxContent><w:p><w:r><w:t>In a box</w:t>"
        '</w:r></w:p></w:txbxContent><w:r><w:instrText>HYPERLINK "mailto:a@b.example"</w:instrText>'
        "<w:tab/><w:t>end</w:t></w:r></w:p><Fallback><w:p><w:t>drawn twice</w:t></w:p></Fallback>"
        '</w:body><q:p xmlns:q="http://purl.oclc.org/ooxml/wordprocessingml/main"><q:t>Strict</q:t>'
        "</q:p>"
    )
    assert records("docx", docx(body)) == [
        "In a box",
        'Outer HYPERLINK "mailto:a@b.example"\tend',
        "Strict",
    ]


def test_slides_come_by_number() -> None:
    found = records(
        "docx",
        docx("", **{f"ppt__slides__slide{n}": f"<p><t>Slide {n}</t></p>" for n in (10, 9, 1)}),
    )
    assert found == ["Slide 1", "Slide 9", "Slide 10"]


def test_entities_are_not_unfolded() -> None:
    bomb = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><d>&b;</d>'
    with pytest.raises(DataError, match="entities"):
        records("docx", docx("<w:p/>", word__header1=bomb))
    stranger = '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><d>&a;</d>'
    with pytest.raises(DataError, match="entities"):
        records("docx", docx("<w:p/>", word__header1=stranger))
    with pytest.raises(DataError, match="not XML"):
        records("docx", docx("<w:p>"))


def test_a_tag_without_end_is_refused() -> None:
    body = '<w:p title="' + "x" * (20 << 20) + '"/>'
    with pytest.raises(DataError, match="tag of more than"):
        records("docx", docx(body), Limits(ratio=1 << 20))


def test_nesting_and_length_are_bounded() -> None:
    deep = "<w:p>" * 50_000 + "<w:t>Jane</w:t>" + "</w:p>" * 50_000
    assert records("docx", docx(deep)) == ["Jane"]
    long = "<w:p>" + "<w:t>words </w:t>" * 300_000 + "</w:p>"
    limits = Limits(ratio=1 << 20, record_bytes=1 << 20)
    found = records("docx", docx(long), limits)
    assert "".join(found).count("words") == 300_000
    assert len(list(batches("docx", docx(long), limits))) > 1  # it was cut


def test_a_password_is_said() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", b"\x8f\x01scrambled")
        archive.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")
    with pytest.raises(DataError, match="password"):
        records("odf", out.getvalue())


def test_old_office_files_say_what_they_are() -> None:
    begins = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    assert form_of(begins) == "ole"
    with pytest.raises(DataError, match="old Office"):
        records("ole", begins + bytes(2000))
    locked = begins + bytes((1 << 20) - 20) + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(DataError, match="password"):
        records("ole", locked)
    with pytest.raises(DataError, match="7z"):
        records("7z", b"")


def test_rtf() -> None:
    content = rb"""{\rtf1\ansi\ansicpg1250\deff0{\fonttbl{\f0\fnil Calibri;}}{\*\generator R;}
{\info{\author J\'e1n Nov\'e1k}{\operator Bob}}
\pard Dear Ms. {\b \u321?ukasz\u0}\u-10179?\u-8704?,\par {\field{\*\fldinst{HYPERLINK
"mailto:a@b.example"}}{\fldrslt{here}}}\line 14 Elm Street\par
{\pict\pngblip 89504e47}\trowd Name\cell SSN\cell\row Ann\cell 536-22-8726\cell\row
{\*\unknown hidden}last{\bin5 {{{{{}}"""
    assert records("rtf", content) == [
        "author: Ján Novák",
        "operator: Bob",
        "Dear Ms. Łukasz\0😀,",
        'HYPERLINK"mailto:a@b.example"here\n14 Elm Street',
        "Name\tSSN",
        "Ann\t536-22-8726",
        "last",
    ]
    with pytest.raises(DataError, match="too deep"):
        records("rtf", b"{\\rtf1" + b"{" * 100_000)
