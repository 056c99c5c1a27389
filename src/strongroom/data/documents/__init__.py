"""Documents: formats that are no table, one file each.

In: a stream of bytes, the path that messages name, and limits.
Out: records (lines, paragraphs, pages, header fields) in batches, and what else lies inside
(attachments, members of archives) as streams of their own. Nothing is run, fetched or written; a
name inside a file is never used as a path; what is damaged or too large is a `DataError`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

# First, since it opens what is here, and its nouns are ours.
import strongroom.data.sources  # noqa: F401
from strongroom.data.documents._forms import GUESSED, SUFFIXES, form_of
from strongroom.data.documents._html import read_html
from strongroom.data.documents._mail import mail_members, read_mail
from strongroom.data.documents._ocr import Line, can_read_pictures, frames, read_lines
from strongroom.data.documents._office import office_members, read_office
from strongroom.data.documents._pdf import pdf_members, read_pdf
from strongroom.data.documents._picture import read_picture
from strongroom.data.documents._plain import read_plain
from strongroom.data.documents._refused import REFUSED
from strongroom.data.documents._rtf import read_rtf
from strongroom.data.documents._tar import tar_members
from strongroom.data.documents._unpack import UNPACKERS
from strongroom.data.documents._xml_text import read_xml
from strongroom.data.documents._zip import zip_members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.data.sources._document import Opener, Reader

READERS: Mapping[str, Reader] = {
    "text": read_plain,
    "html": read_html,
    "xml": read_xml,
    "mail": read_mail,
    "mbox": partial(read_mail, mbox=True),
    "docx": read_office,
    "pptx": read_office,
    "odf": read_office,
    "rtf": read_rtf,
    "pdf": read_pdf,
    "picture": read_picture,
    **REFUSED,
}
"""Form to what reads its records."""

OPENERS: Mapping[str, Opener] = {
    "zip": zip_members,
    "tar": tar_members,
    "mail": mail_members,
    "mbox": partial(mail_members, mbox=True),
    "docx": office_members,
    "pptx": office_members,
    "odf": office_members,
    "pdf": pdf_members,
}
"""Form to what gives what lies inside; some forms are also read."""

__all__ = [
    "GUESSED",
    "OPENERS",
    "READERS",
    "SUFFIXES",
    "UNPACKERS",
    "Line",
    "can_read_pictures",
    "form_of",
    "frames",
    "read_lines",
]
