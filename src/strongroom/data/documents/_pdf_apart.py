"""PDFium, in a process of its own: what it is given is a stranger's, and it is not Python.

Run as a script by `_pdf.py`; nothing of Strongroom is imported here. The file comes as an open
descriptor; frames go to standard output: a line of JSON, and as many bytes as it says. A file that
takes too much memory or time ends this process, not the scan.
"""

from __future__ import annotations

import ctypes
import json
import re
import resource
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import pypdfium2 as pdfium
from pypdfium2 import raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_MEMORY, _MOST_SECONDS = 1 << 31, 3600
_MOST_NOTED, _MOST_TEXT = 1 << 16, 1 << 24
_DOTS_PER_POINT, _MOST_SIDE = 200 / 72, 2400
_HYPHEN = re.compile("[\x02\ufffe]\r?\n?")
_SHOWN = {"Title", "Author", "Subject", "Keywords", "Creator"}
_LINK, _WIDGET = raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_WIDGET


def main(descriptor: int, wish: str) -> None:
    """Send what `wish` names: `text`, `text+pictures` (pages without text drawn), or `files`."""
    for what, most in (
        (resource.RLIMIT_AS, _MOST_MEMORY),
        (resource.RLIMIT_CPU, _MOST_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    try:
        document = pdfium.PdfDocument(open(descriptor, "rb"), autoclose=False)  # noqa: SIM115 - as long as the process
    except pdfium.PdfiumError as error:
        protected = getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD
        _send({"kind": "error", "what": "password" if protected else "damaged"})
        return
    if wish == "files":
        _files(document)
    else:
        _pages(document, draw=wish == "text+pictures")
    _send({"kind": "done"})


def _send(told: dict[str, Any], content: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps({**told, "size": len(content)}).encode() + b"\n" + content)
    sys.stdout.buffer.flush()


def _pages(document: pdfium.PdfDocument, *, draw: bool) -> None:
    """Send the text of every page, then what hides in forms, notes, links and properties."""
    noted: dict[str, None] = {}
    document.init_forms()
    for number in range(len(document)):
        try:
            page = document[number]
            _page(page, number, draw=draw)
            noted |= dict.fromkeys(islice(_notes(document, page), _MOST_NOTED - len(noted)))
            page.close()
        except pdfium.PdfiumError:
            _send({"kind": "unread", "number": number})
    for name, value in document.get_metadata_dict(skip_empty=True).items():
        if name in _SHOWN:
            noted[f"{name}: {value}"] = None
    for mark in islice(document.get_toc(max_depth=15), _MOST_NOTED):
        noted[f"bookmark: {mark.get_title()}"] = None
    for said in noted:
        _send({"kind": "field"}, said.encode("utf-8", "replace"))


def _page(page: pdfium.PdfPage, number: int, *, draw: bool) -> None:
    text = _text(page)
    pictured = not text.strip() and any(page.get_objects([raw.FPDF_PAGEOBJ_IMAGE], 3))
    if pictured and draw:
        _picture(page, number)
    else:
        told = {"kind": "page", "number": number, "pictured": pictured}
        _send(told, text.encode("utf-8", "replace"))


def _text(page: pdfium.PdfPage) -> str:
    """Return all text of a page, also what lies outside its borders or beneath something."""
    found = page.get_textpage()
    text: str = found.get_text_range(0, min(found.count_chars(), _MOST_TEXT))
    found.close()
    return _HYPHEN.sub("", text).replace("\r\n", "\n")


def _picture(page: pdfium.PdfPage, number: int) -> None:
    width, height = page.get_size()
    scale = min(_DOTS_PER_POINT, _MOST_SIDE / max(width, height, 1))
    drawn = page.render(scale=scale, grayscale=True)
    shape = {"width": drawn.width, "height": drawn.height, "stride": drawn.stride}
    _send({"kind": "picture", "number": number, **shape}, bytes(drawn.buffer))


def _notes(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> Iterator[str]:
    """Yield the values of form fields, comments and who wrote them, and where links lead."""
    form = document.formenv
    for place in range(min(raw.FPDFPage_GetAnnotCount(page), _MOST_NOTED)):
        note = raw.FPDFPage_GetAnnot(page, place)
        if not note:
            continue
        kind = raw.FPDFAnnot_GetSubtype(note)
        if kind == _WIDGET and form:
            name = _wide(raw.FPDFAnnot_GetFormFieldName, form, note)
            value = _wide(raw.FPDFAnnot_GetFormFieldValue, form, note)
            if value:
                yield f"{name}: {value}"
        elif kind == _LINK:
            action = raw.FPDFLink_GetAction(raw.FPDFAnnot_GetLink(note))
            size = raw.FPDFAction_GetURIPath(document, action, None, 0)
            address = ctypes.create_string_buffer(size)
            raw.FPDFAction_GetURIPath(document, action, address, size)
            if address.value:
                yield f"link: {address.value.decode('utf-8', 'replace')}"
        else:
            for key, shown in ((b"Contents", "note"), (b"T", "author")):
                text = _wide(raw.FPDFAnnot_GetStringValue, note, key)
                if text:
                    yield f"{shown}: {text}"
        raw.FPDFPage_CloseAnnot(note)


def _wide(ask: Callable[..., int], *arguments: object) -> str:
    """Ask PDFium for a text: first its length, then the UTF-16 of it."""
    size = ask(*arguments, None, 0)
    if size <= 2:  # noqa: PLR2004 - only its end
        return ""
    buffer = ctypes.create_string_buffer(size)
    ask(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")


def _files(document: pdfium.PdfDocument) -> None:
    for place in range(document.count_attachments()):
        attached = document.get_attachment(place)
        _send({"kind": "file", "name": attached.get_name()}, bytes(attached.get_data()))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
