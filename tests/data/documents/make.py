"""Make the documents beside this file, with other people's programs; people in them are made up.

pip install python-docx python-pptx odfpy reportlab pypdf pillow; then run this in its folder.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

HERE = Path(__file__).parent


def docx() -> None:
    """Write a letter with everything in it that people forget."""
    import docx
    from docx.oxml import parse_xml

    made = docx.Document()
    made.core_properties.author = "Jane Q. Author"
    made.core_properties.last_modified_by = "Bob Editor"
    made.add_heading("Discharge letter", 1)
    made.add_paragraph("Patient Maria Gómez, born 1975-03-02.").add_run(" Phone +1 212 555 0187.")
    table = made.add_table(rows=2, cols=2)
    for cell, text in zip(
        (c for row in table.rows for c in row.cells),
        ["Name", "SSN", "Maria Gómez", "536-22-8726"],
        strict=True,
    ):
        cell.text = text
    made.sections[0].header.paragraphs[0].text = "Ward 7, Dr. Peter Ndlovu"
    made.sections[0].footer.paragraphs[0].text = "Printed by clerk@hospital.example"
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    made.add_paragraph("Kept.")._p.append(
        parse_xml(
            f'<w:del {space} w:id="9" w:author="Carla Reviewer" w:date="2024-01-01T00:00:00Z">'
            "<w:r><w:delText>Deleted: card 4111 1111 1111 1111</w:delText></w:r></w:del>"
        )
    )
    made.add_comment(made.paragraphs[1].runs, text="Call her son.", author="Dan Comment")
    made.part.relate_to(
        "mailto:maria.gomez%40mail.example",
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink",
        is_external=True,
    )
    made.add_picture(io.BytesIO(photo()))
    made.save(str(HERE / "letter.docx"))


def pptx() -> None:
    """Write two slides with notes and a table."""
    import pptx
    from pptx.util import Inches

    made = pptx.Presentation()
    made.core_properties.author = "Sven Speaker"
    for title, note in (("Our customer Aiko Tanaka", "Ask about +81 3-1234-5678"), ("Next", "")):
        slide = made.slides.add_slide(made.slide_layouts[5])
        slide.shapes.title.text = title
        if note:
            slide.notes_slide.notes_text_frame.text = note
    table = slide.shapes.add_table(1, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    table.cell(0, 0).text, table.cell(0, 1).text = "IBAN", "DE89 3704 0044 0532 0130 00"
    made.save(str(HERE / "slides.pptx"))


def odt() -> None:
    """Write an OpenDocument text with a note and an author."""
    from odf import dc, meta, office, opendocument, text

    made = opendocument.OpenDocumentText()
    made.meta.addElement(meta.InitialCreator(text="Olga Author"))
    made.meta.addElement(meta.UserDefined(name="Client", text="Acme Ltd"))
    paragraph = text.P(text="Dear Mr")
    paragraph.addElement(text.S())
    paragraph.addElement(text.Span(text="Ivan Petrov"))
    paragraph.addElement(text.LineBreak())
    paragraph.addText("10 Downing Street")
    note = office.Annotation()
    note.addElement(dc.Creator(text="Nils Note"))
    note.addElement(text.P(text="He lives in Oslo now."))
    paragraph.addElement(note)
    made.text.addElement(paragraph)
    made.save(str(HERE / "letter.odt"))


def pdf() -> None:
    """Write a PDF with a form, a link, a comment and an attachment; locked; and scanned."""
    from pypdf import PdfWriter
    from pypdf.annotations import Text
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen import canvas

    made = io.BytesIO()
    page = canvas.Canvas(made)
    page.setAuthor("Petra Author")
    page.setTitle("Contract of Pedro Alvarez")
    page.drawString(72, 720, "This contract is with Pedro Alvarez, 14 Elm Street, Springfield.")
    page.setFillGray(0)
    page.drawString(72, 700, "Account GB29 NWBK 6016 1331 9268 19")
    page.rect(70, 695, 300, 16, fill=1)
    page.linkURL("mailto:pedro@mail.example", (72, 600, 200, 620))
    page.acroForm.textfield(name="passport", value="X1234567", x=72, y=500)
    page.showPage()
    page.drawString(72, 720, "Second page: call 415-555-2671.")
    page.save()
    writer = PdfWriter(made)
    writer.add_annotation(1, Text(rect=(50, 50, 80, 80), text="Ask his wife Lucia"))
    writer.add_attachment("people.csv", b"name,email\nLucia,lucia@mail.example\n")
    writer.write(HERE / "contract.pdf")
    writer.encrypt("secret", algorithm="AES-256")
    writer.write(HERE / "locked.pdf")

    page = canvas.Canvas(str(HERE / "scan.pdf"))
    page.drawImage(ImageReader(scan()), 0, 0, 595, 300)
    page.showPage()
    page.drawString(72, 720, "The second page has text.")
    page.save()
    scan().save(HERE / "scan.png")


def scan() -> Image:
    """Draw a page as a scanner would see it."""
    from PIL import Image, ImageDraw, ImageFont

    drawn = Image.new("L", (1190, 600), 245)
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(32)
    for i, line in enumerate(
        [
            "Invoice for Maria Gomez",
            "e-mail maria.gomez@mail.example",
            "Card 4111 1111 1111 1111",
            "Thank you for your order.",
        ]
    ):
        pen.text((60, 60 + 90 * i), line, fill=20, font=font)
    return drawn


def photo() -> bytes:
    """Return a JPEG with a camera's notes."""
    from PIL import Image

    drawn = Image.new("RGB", (32, 24), "white")
    notes = Image.Exif()
    notes[0x010F], notes[0x0110], notes[0x013B] = "Canon", "EOS R5", "Paula Photographer"
    notes[0x8298] = "(c) 2024 Paula Photographer"
    notes.get_ifd(0x8769).update(
        {0x9003: "2024:05:04 03:02:01", 0xA430: "Oscar Owner", 0xA431: "032021004567"}
    )
    notes.get_ifd(0x8825).update(
        {1: "N", 2: (52.0, 31.0, 12.03), 3: "E", 4: (13.0, 24.0, 17.83), 5: b"\0", 6: 34.5}
    )
    out = io.BytesIO()
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf'
        b'-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        b'xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" aux:SerialNumber="SN998877"><dc:creator>'
        b"<rdf:Seq><rdf:li>Xavier Creator</rdf:li></rdf:Seq></dc:creator></rdf:Description>"
        b"</rdf:RDF></x:xmpmeta>"
    )
    drawn.save(out, "JPEG", exif=notes.tobytes(), xmp=xmp, comment=b"taken by Cora")
    return out.getvalue()


if __name__ == "__main__":
    docx()
    pptx()
    odt()
    pdf()
    (HERE / "photo.jpg").write_bytes(photo())
