"""Documents: formats that are no table, one file each.

In: a stream of bytes, the path that messages name, and limits.
Out: records (lines, paragraphs, pages, header fields) in batches, and what else lies inside
(attachments, members of archives) as streams of their own. Nothing is run, fetched or written; a
name inside a file is never used as a path; what is damaged or too large is a `DataError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.data.documents._plain import read_plain
from strongroom.data.documents._unpack import UNPACKERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.data.sources._document import Opener, Reader

READERS: Mapping[str, Reader] = {"text": read_plain}
"""Form to what reads its records: text, html, mail, mbox, pdf, docx, …, picture."""

OPENERS: Mapping[str, Opener] = {}
"""Form to what gives what lies inside: zip, tar; and mail, mbox, docx, pdf, which are also read."""

SUFFIXES: Mapping[str, str] = {}
"""Ending of a name, such as `.eml`, to form."""


def form_of(head: bytes) -> str | None:
    """Tell the form by how a file begins, where that is certain (pdf, zip, picture …).

    Forms that only their names tell (log, Markdown), and tables, give None.
    """
    del head
    return None


__all__ = ["OPENERS", "READERS", "SUFFIXES", "UNPACKERS", "form_of"]
