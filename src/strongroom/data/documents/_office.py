"""DOCX, PPTX and OpenDocument texts: what is shown, and what people forget that it is there.

A record is a paragraph, or a row of a table with its cells between tabs; then come deleted text
that is still in the file (tracked changes), comments, headers and footers, notes, descriptions of
pictures, authors, links, and the properties of the document. Pictures and files within are
members.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote

from strongroom.data.documents._records import batches, seekable
from strongroom.data.documents._unpack import Ration
from strongroom.data.documents._xml import xml_events
from strongroom.data.documents._zip import Entry, entries, open_entry, zip_members
from strongroom.data.sources._document import Budget
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.data.documents._xml import Event
    from strongroom.data.sources._document import Batch, Limits, Member, Unreadable

_PROPERTIES = re.compile(r"(?:docProps/(?:core|app|custom)|meta)\.xml")
_LINKS = re.compile(r".*\.rels")
_BODY = re.compile(r"(?:word|ppt)/.*\.xml|(?:content|styles)\.xml")
# Sizes, fonts and colours; the words of templates.
_DULL = re.compile(r"(?:word|ppt)/(?:theme/|fontTable|webSettings|stylesWithEffects|slideLayouts/)")
_FIRST = ("word/document.xml", "ppt/slides/", "content.xml")
_ENCRYPTED = b"encryption-data"
_MOST_ONCE, _MOST_GATHERED = 1 << 12, 1 << 22

# Deleted text stands by itself: beside what replaced it, words would grow together.
_PARAGRAPHS = frozenset({"p", "h", "del"})
_TEXTS = frozenset({"t", "delText", "instrText", "delInstrText"})
_ROWS, _CELLS = frozenset({"tr", "table-row"}), frozenset({"tc", "table-cell"})
_WHITE = {"tab": "\t", "br": "\n", "cr": "\n", "line-break": "\n", "noBreakHyphen": "-", "s": " "}
_SAID = frozenset({"descr", "title", "author", "initials", "userId", "href"})
_VALUES = frozenset(
    {"lpwstr", "lpstr", "bstr", "i4", "bool", "filetime", "r8", "vector", "variant"}
)
_NOTED = frozenset({"creator", "initial-creator"})
_MATTERS = _PARAGRAPHS | _TEXTS | _ROWS | _CELLS | _NOTED | _WHITE.keys() | {"Fallback"}
_COUNT_NAMES = (
    "TotalTime Pages Words Characters Lines Paragraphs CharactersWithSpaces DocSecurity ScaleCrop "
    "HeadingPairs TitlesOfParts LinksUpToDate SharedDoc HyperlinksChanged AppVersion Application "
    "Slides Notes HiddenSlides MMClips PresentationFormat revision editing-cycles editing-duration"
)
_COUNTS = frozenset(_COUNT_NAMES.split())


def read_office(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the records of a DOCX, PPTX, ODT or ODP file.

    Raises:
        DataError: not such a file, damaged, protected by a password.
    """
    stream = seekable(stream, path, limits)
    notes: list[str] = []
    yield from batches(_pieces(stream, path, limits), limits, notes)


def office_members(stream: BinaryIO, path: str, budget: Budget) -> Iterator[Member | Unreadable]:
    """Yield the pictures and files within a document.

    Raises:
        DataError: see `read_office`.
    """
    return zip_members(stream, path, budget, wanted=_embedded)


def _embedded(name: str) -> bool:
    return not name.endswith((".xml", ".rels", "mimetype", ".rdf")) and "/printer" not in name


def _pieces(stream: BinaryIO, path: str, limits: Limits) -> Iterator[tuple[str, bool]]:
    ration = Ration(path, Budget(limits, path), stream.seek(0, 2))
    for entry in _in_order(entries(stream, path), limits):
        content = open_entry(stream, entry, path, ration)
        if entry.name == "META-INF/manifest.xml":
            if _ENCRYPTED in content.read(limits.record_bytes):
                raise DataError("protected by a password", where=path)
            continue
        events = xml_events(content, path)
        if _LINKS.fullmatch(entry.name):
            yield from _links(events)
        elif _PROPERTIES.fullmatch(entry.name):
            yield from _properties(events)
        else:
            yield from _Body(all_text=entry.name in {"content.xml", "styles.xml"}).pieces(events)


def _in_order(found: Iterator[Entry], limits: Limits) -> list[Entry]:
    """Return the parts with words in them: the text first, slides by their numbers."""
    parts = [
        entry
        for entry in islice(found, limits.members)
        if entry.name == "META-INF/manifest.xml"
        or _PROPERTIES.fullmatch(entry.name)
        or _LINKS.fullmatch(entry.name)
        or (_BODY.fullmatch(entry.name) and not _DULL.match(entry.name))
    ]

    def place(entry: Entry) -> tuple[bool, bool, list[tuple[int, str]]]:
        natural = [(int(part[:9]) if part.isdecimal() else -1, part)
                   for part in re.split(r"(\d+)", entry.name)]  # fmt: skip
        return not entry.name.startswith("META-INF/"), not entry.name.startswith(_FIRST), natural

    return sorted(parts, key=place)


def _links(events: Iterator[Event]) -> Iterator[tuple[str, bool]]:
    for event in events:
        if event.attributes.get("TargetMode") == "External":
            target = event.attributes.get("Target", "")
            yield f"link: {unquote(target) if target.startswith('mailto:') else target}", True


def _properties(events: Iterator[Event]) -> Iterator[tuple[str, bool]]:
    """Yield what a document says of itself, such as who made it, each with its name."""
    name, text = "", ""
    for event in events:
        if event.what == "start":
            # A property of the user's own has its name in an attribute, its value further in.
            inner = name if event.name in _VALUES else event.name
            name, text = event.attributes.get("name", inner), ""
        elif event.what == "text":
            text += event.name if len(text) < _MOST_GATHERED else ""
        else:
            if text.strip() and name not in _COUNTS:
                yield f"{name}: {text.strip()}", True
            text = ""


class _Body:
    """The paragraphs of one part, which may lie in cells and within each other (text boxes).

    Args:
        all_text: all text of a paragraph is shown (OpenDocument), not only marked text (Office).
    """

    def __init__(self, *, all_text: bool) -> None:
        self._all_text = all_text
        self._open: list[list[str]] = []
        self._row: list[str] = []
        self._rows, self._texts, self._passed = 0, 0, 0
        self._noted: str | None = None
        self._size = 0
        self._known: set[str] = set()

    def pieces(self, events: Iterator[Event]) -> Iterator[tuple[str, bool]]:
        """Yield the records of the part."""
        for event in events:
            what, name, attributes = event
            if what == "text":
                self._text(name)
                if self._size > _MOST_GATHERED:
                    yield from self._flush()
            elif what == "start":
                if name in _MATTERS:
                    self._start(name)
                if attributes and not _SAID.isdisjoint(attributes):
                    yield from self._said(attributes)
            elif name in _MATTERS:
                yield from self._end(name)
        yield from self._flush()

    def _flush(self) -> Iterator[tuple[str, bool]]:
        """Part what is too long to be held, or was never closed."""
        for text in ("".join(self._row), *map("".join, self._open)):
            if text.strip():
                yield text, True
        self._row, self._open, self._size = [], [[] for _ in self._open], 0

    def _text(self, text: str) -> None:
        if self._noted is not None:
            self._noted += text if len(self._noted) < _MOST_GATHERED else ""
        elif self._open and not self._passed and (self._all_text or self._texts):
            self._open[-1].append(text)
            self._size += len(text)

    def _start(self, name: str) -> None:
        # What is drawn a second time for old programs.
        self._passed += name == "Fallback"
        if name in _PARAGRAPHS:
            self._open.append([])
        elif name in _TEXTS:
            self._texts += 1
        elif name in _WHITE and self._open:
            self._open[-1].append(_WHITE[name])
        elif name in _ROWS:
            self._rows += 1
        elif name in _CELLS and self._row:
            self._row.append("\t")
        elif name in _NOTED:
            self._noted = ""

    def _said(self, attributes: dict[str, str]) -> Iterator[tuple[str, bool]]:
        """Yield what attributes say of people, and where links lead."""
        for key in sorted(_SAID & attributes.keys()):
            value = attributes[key]
            if value.startswith("mailto:"):
                value = unquote(value)
            if value:
                yield from self._once(f"{'link' if key == 'href' else key}: {value}")

    def _end(self, name: str) -> Iterator[tuple[str, bool]]:
        self._passed -= name == "Fallback"
        if name in _PARAGRAPHS and self._open:
            text = "".join(self._open.pop()).strip()
            if text and self._rows:
                parted = self._row and not self._row[-1].endswith("\t")
                self._row.append(f"\n{text}" if parted else text)
            elif text:
                yield text, True
            self._size = self._size if self._rows else 0
        elif name in _TEXTS:
            self._texts -= 1
        elif name in _ROWS:
            self._rows -= 1
            if not self._rows:
                text, self._row = "".join(self._row).strip(), []
                if text:
                    yield text, True
        elif name in _NOTED and self._noted is not None:
            text, self._noted = self._noted, None
            yield from self._once(f"{name}: {text}")

    def _once(self, said: str) -> Iterator[tuple[str, bool]]:
        """Yield what many paragraphs say, such as who changed them, once."""
        if said not in self._known:
            if len(self._known) < _MOST_ONCE:
                self._known.add(said)
            yield said, True
