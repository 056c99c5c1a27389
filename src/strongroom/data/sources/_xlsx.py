"""Excel's .xlsx, sheet by sheet and row by row, in the memory that its shared texts need.

After ECMA-376 part 1, SpreadsheetML. Dates are numbers that only their format tells from others;
a post code keeps its zeros where the format writes them.
"""

from __future__ import annotations

import io
import re
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from strongroom.data._dataset import Kind
from strongroom.data.documents._records import seekable
from strongroom.data.documents._unpack import Ration
from strongroom.data.documents._xml import xml_events
from strongroom.data.documents._zip import Entry, entries, open_entry
from strongroom.data.sources._document import Batch, Budget, Document, Limits, Unreadable
from strongroom.data.sources._sheets import batches_of_sheet
from strongroom.data.sources._xlsx_beside import is_beside, read_beside
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from strongroom.data.documents._xml import Event

_MOST_COLUMNS = 16_384
_DATES = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
_DATE_CODE = re.compile(r"[dmyhs]", re.IGNORECASE)
_NOT_CODE = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_ZEROS = re.compile(r"0{2,}")
_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - Excel has no zones
_LAST_DAY = 2_958_466
_REFERENCE = re.compile(r"([A-Z]{1,3})\d+")


class Book(NamedTuple):
    """What all sheets of a workbook share."""

    path: str
    content: BinaryIO
    parts: dict[str, Entry]
    ration: Ration

    def events(self, name: str) -> Iterator[Event]:
        """Yield what stands in a part; nothing where there is none."""
        if name in self.parts:
            with self.open(name) as part:
                yield from xml_events(part, self.path)

    def open(self, name: str) -> BinaryIO:
        """Return the bytes of a part."""
        return open_entry(self.content, self.parts[name], self.path, self.ration)


def xlsx_tables(
    opened: Callable[[], BinaryIO], place: str, path: str, version: str, limits: Limits
) -> Iterator[Document | Unreadable]:
    """Yield the sheets of a workbook, and what stands beside them (see `read_beside`).

    Args:
        opened: gives its bytes.
        place: where it lies on disk; elsewhere it comes once, and is held in memory.
        path: as the user named it.
        version: tells that it is unchanged.
        limits: how much it may unfold into.
    """
    held: list[bytes] = []

    def book() -> Book:
        stream = opened() if place or not held else io.BytesIO(held[0])
        content = seekable(stream, path, limits)
        if not place and not held:
            held.append(content.read())
            content = io.BytesIO(held[0])
        size = content.seek(0, io.SEEK_END)
        parts = {e.name.lstrip("/"): e for e in entries(content, path) if e.is_file}
        return Book(path, content, parts, Ration(path, Budget(limits, path), size))

    try:
        opened_book = book()
        with opened_book.content:
            sheets = list(_sheets(opened_book))
            beside = any(map(is_beside, opened_book.parts))
    except DataError as error:
        yield Unreadable(path, error)
        return
    for name, part in sheets:
        where = path if len(sheets) == 1 else f"{path}#{name}"
        told = f"{version}#{name}" if version else ""
        read = partial(_read_sheet, book, part, limits)
        yield Document(where, Kind.TABLE, "xlsx", read, None, told)
    if beside:
        told = f"{version}#" if version else ""
        read = partial(_read_beside, book, [part for _, part in sheets], limits)
        yield Document(f"{path}#(comments and properties)", Kind.TEXT, "xlsx", read, None, told)


def _read_beside(
    book: Callable[[], Book], sheets: Sequence[str], limits: Limits
) -> Iterator[Batch]:
    opened = book()
    with opened.content:
        yield from read_beside(opened, sheets, limits)


def _sheets(book: Book) -> Iterator[tuple[str, str]]:
    """Yield the names of sheets and where they lie."""
    targets = {
        e.attributes.get("Id", ""): e.attributes.get("Target", "")
        for e in book.events("xl/_rels/workbook.xml.rels")
        if e.name == "Relationship" and e.what == "start"
    }
    found = False
    for event in book.events("xl/workbook.xml"):
        if event.what == "start" and event.name == "sheet":
            target = targets.get(event.attributes.get("id", ""), "")
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            if part in book.parts:
                found = True
                yield event.attributes.get("name", "sheet"), part
    if not found:
        raise DataError("a workbook without a sheet that can be read", where=book.path)


def _read_sheet(book: Callable[[], Book], part: str, limits: Limits) -> Iterator[Batch]:
    opened = book()
    with opened.content:
        shared = _shared(opened, limits)
        formats, epoch = _formats(opened)
        rows = _rows(opened.events(part), shared, formats, epoch)
        yield from batches_of_sheet(rows, opened.path)


def _shared(book: Book, limits: Limits) -> list[str]:
    texts: list[str] = []
    parts: list[str] = []
    size, inside, spoken = 0, False, False
    for what, name, _ in book.events("xl/sharedStrings.xml"):
        if what == "text":
            if inside and not spoken:
                parts.append(name)
                size += len(name)
        elif name == "t":
            inside = what == "start"
        elif name == "rPh":
            spoken = what == "start"  # how it is pronounced
        elif name == "si" and what == "end":
            texts.append("".join(parts))
            size += 64  # of Python's own
            parts = []
        if size > limits.buffer_bytes:
            raise DataError(
                f"the texts of this workbook take more than {limits.buffer_bytes >> 20:,} MiB",
                where=book.path,
                hint="save it as CSV",
            )
    return texts


def _formats(book: Book) -> tuple[list[str | int], datetime]:
    """Return of each style "date", how many digits it writes, or nothing; and what day 0 is."""
    codes: dict[int, str] = {}
    found: list[str | int] = []
    inside = False
    for event in book.events("xl/styles.xml"):
        if event.name == "numFmt" and event.what == "start":
            number = _integer(event.attributes.get("numFmtId"))
            codes[number] = event.attributes.get("formatCode", "")
        elif event.name == "cellXfs":
            inside = event.what == "start"
        elif inside and event.name == "xf" and event.what == "start":
            number = _integer(event.attributes.get("numFmtId"))
            code = _NOT_CODE.sub("", codes.get(number, ""))
            if number in _DATES or (code != "General" and _DATE_CODE.search(code)):
                found.append("date")
            else:
                found.append(len(code) if _ZEROS.fullmatch(code) else "")
    early = any(
        e.name == "workbookPr" and e.attributes.get("date1904") in {"1", "true"}
        for e in book.events("xl/workbook.xml")
    )
    return found, _EPOCH_1904 if early else _EPOCH


def _rows(
    events: Iterator[Event], shared: list[str], formats: list[str | int], epoch: datetime
) -> Iterator[list[Any]]:
    row: list[Any] = []
    kind, form, place = "", "", 0
    text: list[str] = []
    inside = False
    for what, name, attributes in events:
        if what == "text":
            if inside:
                text.append(name)
        elif name in {"v", "t"}:
            inside = what == "start"
        elif name == "c":
            if what == "start":
                place = _column(attributes.get("r", ""), len(row))
                kind = attributes.get("t", "n")
                style = _integer(attributes.get("s"))
                form = formats[style] if style < len(formats) else ""  # type: ignore[assignment]
                text = []
            elif text and place < _MOST_COLUMNS:
                row += [None] * (place + 1 - len(row))
                row[place] = _value(kind, "".join(text), form, shared, epoch)
        elif name == "row" and what == "end":
            yield row
            row = []


def _value(kind: str, text: str, form: str | int, shared: list[str], epoch: datetime) -> Any:  # noqa: ANN401, PLR0911 - what cells hold, a case each
    if kind == "s":
        place = _integer(text, -1)
        return shared[place] if 0 <= place < len(shared) else None
    if kind == "b":
        return text.strip() == "1"
    if kind == "e":
        return None
    if kind != "n":
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    if form == "date" and 0 <= number < _LAST_DAY:
        # To the millisecond: a day's fraction is no exact one.
        return epoch + timedelta(milliseconds=round(number * 86_400_000))
    if not number.is_integer() or abs(number) >= 1e15:  # noqa: PLR2004 - what Excel keeps exactly
        return number
    return str(int(number)).zfill(form) if isinstance(form, int) else int(number)


def _column(reference: str, following: int) -> int:
    """Return the place of a cell in its row; without a reference it is the next one."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return following
    place = 0
    for letter in match[1]:
        place = 26 * place + ord(letter) - ord("A") + 1
    return place - 1


def _integer(text: str | None, otherwise: int = 0) -> int:
    try:
        return int(text or "")
    except ValueError:
        return otherwise
