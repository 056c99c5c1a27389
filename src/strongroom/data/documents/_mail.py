"""Mail (.eml) and mailboxes (mbox): headers, text and HTML; attachments are members.

A record is a header of a message, the name of an attachment, or a paragraph of a body.
"""

from __future__ import annotations

import sys
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from strongroom.data._encodings import utf8
from strongroom.data.documents._html import html_pieces
from strongroom.data.documents._mime import Part, mail_parts
from strongroom.data.documents._records import (
    batches,
    member_of,
    paragraphs,
    shown_name,
    streamed,
)
from strongroom.data.documents._unpack import Ration, unpacked
from strongroom.data.sources._document import Unreadable
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.data.sources._document import Batch, Budget, Limits, Member


def read_mail(
    stream: BinaryIO, path: str, limits: Limits, *, mbox: bool = False
) -> Iterator[Batch]:
    """Yield the records of a mail, or of all mails in an mbox; attachments not included."""
    notes: list[str] = []
    parts = mail_parts(stream, mbox=mbox)
    pieces = chain.from_iterable(_pieces(part, path, notes) for part in parts)
    yield from batches(pieces, limits, notes)


def mail_members(
    stream: BinaryIO, path: str, budget: Budget, *, mbox: bool = False
) -> Iterator[Member | Unreadable]:
    """Yield what is attached to a mail, or to the mails in an mbox (`17/report.pdf`).

    Each is to be read before the next is asked for.

    Raises:
        DataError: there is too much of it.
    """
    for number, part in enumerate(mail_parts(stream, mbox=mbox)):
        if not _attached(part):
            continue
        budget.member()
        name = shown_name(part.name or f"part {number}")
        name = f"{part.message}/{name}" if mbox else name
        # Unpacked, it is smaller than the mail.
        ration = Ration(f"{path}!/{name}", budget, packed=sys.maxsize)
        try:
            yield member_of(unpacked("stored", streamed(part.body), ration), name, budget.limits)
        except DataError as error:
            yield Unreadable(f"{path}!/{name}", error)


def _attached(part: Part) -> bool:
    """Tell what was a file from what is the mail's own text."""
    kind, _, _ = part.kind.partition("/")
    return kind not in {"multipart", "message"} and (kind != "text" or bool(part.name))


def _pieces(part: Part, path: str, notes: list[str]) -> Iterator[tuple[str, bool]]:
    if part.whole:
        for name, value in part.headers:
            yield f"{name}: {value}", True
    if part.name:
        yield f"attachment: {part.name}", True
    if _attached(part):
        return
    try:
        found = utf8(streamed(part.body), path, notes, encoding=part.charset)
        texts = (chunk.decode() for chunk in found)
        yield from html_pieces(texts) if part.kind == "text/html" else paragraphs(texts)
    except DataError:
        notes.append("a part of the mail says that it is text, and isn't: passed over")
