"""From paths to documents: the format of each file, what lies inside, what reads its records."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO

from strongroom.data import documents
from strongroom.data._dataset import Kind
from strongroom.data.documents._records import member_of
from strongroom.data.sources._columnar import read_arrow, read_parquet
from strongroom.data.sources._database import find_tables, is_database
from strongroom.data.sources._delimited import read_delimited
from strongroom.data.sources._document import (
    Batch,
    Budget,
    Document,
    Limits,
    Member,
    PassedOver,
    Reader,
    Tables,
    Unreadable,
)
from strongroom.data.sources._files import KEPT_BY_TOOLS, File, Once, cannot_read, find_files
from strongroom.data.sources._form import HEAD_BYTES, form_of
from strongroom.data.sources._json import read_json
from strongroom.data.sources._old_sheets import old_tables
from strongroom.data.sources._orc import read_orc
from strongroom.data.sources._sqlite import sqlite_tables
from strongroom.data.sources._xlsx import xlsx_tables
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

TABLES: Mapping[str, Reader] = {
    "csv": read_delimited,
    "parquet": read_parquet,
    "arrow": read_arrow,
    "orc": read_orc,
    "json": read_json,
    "jsonl": read_json,
}
PARTED: Mapping[str, Tables] = {
    "sqlite": sqlite_tables,
    "xlsx": xlsx_tables,
    **dict.fromkeys(("xls", "xlsb", "ods"), old_tables),
}

GROUP = "strongroom.sources"
_DEFAULT = Limits()
Found = Document | Unreadable | PassedOver


def open_sources(
    paths: Sequence[str], limits: Limits = _DEFAULT, *, skip: frozenset[str] = KEPT_BY_TOOLS
) -> Iterator[Found]:
    """Yield every table, text and picture at `paths`, and what can't be read there.

    Read a document before asking for the next one: members of archives come in their order.

    Args:
        paths: files, folders, patterns (`data/**/*.csv`), addresses that fsspec knows (`s3://…`),
            databases (`postgresql://…`), `-` for standard input.
        limits: how much a source may unfold into.
        skip: names of folders that are passed over below the folders named.
    """
    for path in paths:
        for source in find_sources(path, skip=skip):
            if isinstance(source, File):
                yield from documents_in(source, limits)
            else:
                yield source


def find_sources(path: str, *, skip: frozenset[str] = KEPT_BY_TOOLS) -> Iterator[File | Found]:
    """Yield the files at a path, unopened, and the tables of a database (see `open_sources`).

    Addresses of another kind are opened by packages that name it, as in `crm://…`, among their
    entry points `strongroom.sources`: a function of the address that yields documents.
    """
    kind, mark, _ = path.partition("://")
    strangers = {e.name: e for e in entry_points(group=GROUP)} if mark else {}
    if kind in strangers:
        yield from strangers[kind].load()(path)
    elif mark and is_database(path):
        yield from find_tables(path)
    else:
        yield from find_files(path, skip=skip)


def documents_in(file: File, limits: Limits) -> Iterator[Found]:
    """Yield the documents that lie in one file."""
    budget = Budget(limits, file.path)
    name = PurePath(file.path).name
    what = _Bytes(file.path, name, file.open, file.size, file.version, place=file.place)
    try:
        with what.open() as stream:
            head = stream.read(HEAD_BYTES)
            if not stream.seekable():
                # It comes once, and is held where it has to be read twice.
                once = member_of(io.BufferedReader(Once(head, stream), HEAD_BYTES), name, limits)
                what = replace(what, open=once.open)
                yield from _documents(what, head, budget, named=file.named)
                return
        yield from _documents(what, head, budget, named=file.named)
    except DataError as error:
        yield Unreadable(file.path, error)
    except OSError as error:
        yield Unreadable(file.path, cannot_read(error, file.path))


@dataclass(frozen=True)
class _Bytes:
    """Bytes with a name: a file, a member, or what either unpacks into."""

    path: str
    name: str
    open: Callable[[], BinaryIO]
    size: int | None
    version: str
    depth: int = 0
    place: str = ""


def _documents(what: _Bytes, head: bytes, budget: Budget, *, named: bool) -> Iterator[Found]:
    form = form_of(what.name, head)
    if form is None or not head:
        if named:
            yield Unreadable(what.path, _unknown(what.path) if head else _empty(what.path))
        elif head:
            yield PassedOver(what.path, PurePath(what.name).suffix or "no text and no known format")
    elif form in documents.UNPACKERS and what.depth < budget.limits.depth:
        yield from _unpacked(what, form, budget, named=named)
    elif form in PARTED:
        yield from PARTED[form](what.open, what.place, what.path, what.version, budget.limits)
    elif form in TABLES:
        yield _document(what, Kind.TABLE, form, TABLES[form], budget.limits)
    elif form in documents.READERS or form in documents.OPENERS:
        if form in documents.READERS:
            kind = Kind.IMAGE if form == "picture" else Kind.TEXT
            yield _document(what, kind, form, documents.READERS[form], budget.limits)
        if form in documents.OPENERS:
            yield from _inside(what, form, budget)
    else:
        why = DataError(f"{form} is not read here, or not as deep inside archives", where=what.path)
        yield Unreadable(what.path, why)


def _document(what: _Bytes, kind: Kind, form: str, reader: Reader, limits: Limits) -> Document:
    opened = partial(_records, what, reader, limits)
    return Document(what.path, kind, form, opened, what.size, what.version, what.name)


def _records(what: _Bytes, reader: Reader, limits: Limits) -> Iterator[Batch]:
    """Read a document's records.

    Raises:
        DataError: it can't be read, or not to its end.
    """
    try:
        with what.open() as stream:
            yield from reader(stream, what.path, limits)
    except OSError as error:
        raise cannot_read(error, what.path) from error
    except MemoryError as error:
        raise DataError("this needs more memory than there is", where=what.path) from error


def _unpacked(what: _Bytes, form: str, budget: Budget, *, named: bool) -> Iterator[Found]:
    unpack = documents.UNPACKERS[form]

    def opened() -> io.BufferedReader:
        # Read more than once, it unfolds into no more than before.
        return unpack(what.open(), what.path, replace(budget))

    name = PurePath(what.name)
    inner = name.stem if name.suffix else what.name
    if name.suffix.lower() in {".tgz", ".tbz", ".txz", ".tzst"}:
        inner += ".tar"
    stream = opened()
    head = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    # What was looked at is read on; only whoever reads it again opens it again.
    first = [stream]
    below = replace(
        what,
        name=inner,
        open=lambda: first.pop() if first else opened(),
        size=None,
        depth=what.depth + 1,
        place="",
    )
    yield from _documents(below, head, budget, named=named)


def _inside(what: _Bytes, form: str, budget: Budget) -> Iterator[Found]:
    if what.depth >= budget.limits.depth:
        why = DataError("archives lie within archives deeper than is read", where=what.path)
        yield Unreadable(what.path, why)
        return
    with what.open() as stream:
        for member in documents.OPENERS[form](stream, what.path, budget):
            if isinstance(member, Unreadable):
                yield member
            else:
                yield from _member(what, member, budget)


def _member(what: _Bytes, member: Member, budget: Budget) -> Iterator[Found]:
    path = f"{what.path}!/{member.name}"
    version = f"{what.version}!{member.name}!{member.version}" if what.version else member.version
    name = PurePath(member.name).name
    inner = _Bytes(path, name, member.open, member.size, version, what.depth + 1)
    try:
        yield from _documents(inner, member.head, budget, named=False)
    except DataError as error:
        yield Unreadable(path, error)


def _empty(path: str) -> DataError:
    return DataError("the file is empty", where=path)


def _unknown(path: str) -> DataError:
    return DataError(
        "cannot tell what kind of file this is: it is neither text nor a known format",
        where=path,
        hint="see `strongroom scan --help` for what can be read",
    )
