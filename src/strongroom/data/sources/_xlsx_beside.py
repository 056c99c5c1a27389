"""What stands beside the cells of a workbook, and goes with it wherever it is sent.

Comments and who wrote them, text boxes, what charts and pivot tables keep of the rows they were
made from (also when these are gone), copies of other workbooks' cells, links, headers and footers,
lists to choose from, connections to databases, properties.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from strongroom.data._encodings import valid_text
from strongroom.data.documents._records import batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from strongroom.data.documents._xml import Event
    from strongroom.data.sources._document import Batch, Limits
    from strongroom.data.sources._xlsx import Book

_TOLD = re.compile(
    r"xl/(?:comments|threadedComments|persons|drawings|charts|chartsheets|pivotCache|externalLinks|"
    r"queryTables|connections)[^/]*(?:/[^/]*)?\.xml|docProps/(?:core|app|custom)\.xml"
)
_LINKS = re.compile(r"xl/(?!_rels/).*\.rels")
_ATTRIBUTES = frozenset({
    "displayName", "userId", "v", "descr", "title", "connection", "command", "sourceFile",
    "odcFile",
})  # fmt: skip
# What a text is made of; other elements end it.
_RUNS = frozenset({"t", "r"})
_PLACES = frozenset({"col", "colOff", "row", "rowOff"})
_CELLS_END = b"</sheetData>"
_CHUNK_BYTES, _MOST_TAIL = 1 << 20, 1 << 24
_TAIL = re.compile(
    r"""<(?:\w+:)?(?:(?:odd|even|first)(?:Header|Footer)|formula[12])\b[^>]*>([^<]+)<"""
    r"""|\b(?:display|tooltip|prompt|promptTitle|error|location)="([^"]+)\""""
)
_PAGE_CODE = re.compile(r'&(?:"[^"]*"|[A-Za-z]|\d+)')


def is_beside(part: str) -> bool:
    """Tell a part that says something from those that say how it looks."""
    return _TOLD.fullmatch(part) is not None or _LINKS.fullmatch(part) is not None


def read_beside(book: Book, sheets: Sequence[str], limits: Limits) -> Iterator[Batch]:
    """Yield a record for each text.

    Args:
        book: the workbook.
        sheets: its parts with cells, behind which more may stand.
        limits: how long a record may be.

    Raises:
        DataError: damaged.
    """

    def texts() -> Iterator[tuple[str, bool]]:
        for part in book.parts:
            if _TOLD.fullmatch(part):
                yield from _told(book.events(part))
            elif _LINKS.fullmatch(part):
                for event in book.events(part):
                    if event.attributes.get("TargetMode") == "External":
                        yield event.attributes.get("Target", ""), True
        for part in sheets:
            yield from _behind_cells(book, part)

    yield from batches(texts(), limits, [])


def _told(events: Iterator[Event]) -> Iterator[tuple[str, bool]]:
    """Yield the texts of a part, each put together from its runs, and what attributes say."""
    text: list[str] = []
    form = 0  # within what says how a run looks
    for what, name, attributes in events:
        if what == "text":
            if not form:
                text.append(name)
        elif name.endswith("Pr") and name != "workbookPr":
            form += 1 if what == "start" else -1
        elif not form and name not in _RUNS:
            said = "" if name in _PLACES else "".join(text).strip()
            if said:
                yield said, True
            text = []
        for key in _ATTRIBUTES & attributes.keys():
            yield attributes[key], True


def _behind_cells(book: Book, part: str) -> Iterator[tuple[str, bool]]:
    """Yield headers, footers, links and lists, which stand behind a sheet's cells."""
    with book.open(part) as content:
        before = b""
        while chunk := content.read(_CHUNK_BYTES):
            before += chunk
            at = before.find(_CELLS_END)
            if at >= 0:
                tail = before[at:] + content.read(_MOST_TAIL)
                break
            before = before[-len(_CELLS_END) :]
        else:
            return
    for text, attribute in _TAIL.findall(valid_text(tail)):
        said = unescape(attribute) or _PAGE_CODE.sub(" ", unescape(text))
        if said.strip():
            yield said.strip(), True
