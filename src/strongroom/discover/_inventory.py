"""Scan whatever lies at some paths, file after file, and go on where one can't be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from strongroom.config import DiscoverSpec
from strongroom.data import Kind
from strongroom.data.sources import (
    KEPT_BY_TOOLS,
    Document,
    File,
    Limits,
    PassedOver,
    Unreadable,
    documents_in,
    find_sources,
)
from strongroom.discover._sample import Sample
from strongroom.discover._scan import scan_batches
from strongroom.errors import DataError
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from strongroom.data.sources import Batch
    from strongroom.discover._cache import ScanCache
    from strongroom.discover._detection import Recognizer
    from strongroom.discover._found import Found

_DEFAULT = DiscoverSpec()
_LIMITS = Limits()


def scan_sources(
    paths: Sequence[str],
    spec: DiscoverSpec = _DEFAULT,
    *,
    target: str | None = None,
    limits: Limits = _LIMITS,
    skip: frozenset[str] = KEPT_BY_TOOLS,
    cache: ScanCache | None = None,
    recognizers: Sequence[Recognizer] | None = None,
    progress: Progress = SILENT,
) -> Iterator[Found | Unreadable | PassedOver]:
    """Yield what each table, text and picture at `paths` holds, and what could not be read.

    A document that can't be read to its end is yielded twice: what was found before, and why it
    ended.

    Args:
        paths: files, folders, patterns, addresses, databases, `-` (see `open_sources`).
        spec: what is looked for; at most `max_rows` of a document, drawn at random, if it says so.
        target: the column to predict; without it one may be suggested.
        limits: how much a source may unfold into.
        skip: names of folders that are passed over below the folders named.
        cache: what is known of files that haven't changed; None: all are read.
        recognizers: instead of the installed ones.
        progress: told the bytes of files that are done.
    """
    sources = [source for path in paths for source in find_sources(path, skip=skip)]
    sizes = [source.size or 0 if isinstance(source, File) else 0 for source in sources]
    total, done = max(1, sum(sizes)), 0
    for source, size in zip(sources, sizes, strict=True):
        if isinstance(source, Unreadable | PassedOver):
            yield source
            continue
        progress.step(done, total, source.path)
        meter = _Meter(progress, done, min(size, total), total, source.path)
        known = cache.get(source) if cache and isinstance(source, File) else None
        if known is not None:
            yield from known
        else:
            scanned = []
            documents = documents_in(source, limits) if isinstance(source, File) else [source]
            for document in documents:
                for one in _scanned(document, spec, target, recognizers, meter):
                    scanned.append(one)
                    yield one
            if cache and isinstance(source, File) and _unchanged(source):
                cache.put(source, scanned)
        done += size
    progress.step(total, total, "")


def _scanned(
    document: Document | Unreadable | PassedOver,
    spec: DiscoverSpec,
    target: str | None,
    recognizers: Sequence[Recognizer] | None,
    meter: _Meter,
) -> Iterator[Found | Unreadable | PassedOver]:
    if not isinstance(document, Document):
        yield document
        return
    reading = _Reading(document, meter)
    batches: Iterator[Batch] | Sample = reading.batches()
    if spec.max_rows:
        batches = Sample(batches, spec.max_rows)
    # What is written on a picture is text.
    kind = Kind.TEXT if document.kind is Kind.IMAGE else document.kind
    try:
        found = scan_batches(batches, document.path, kind, spec, target, recognizers)
    except DataError as error:
        yield Unreadable(document.path, reading.error or error)
        return
    if isinstance(batches, Sample):
        notes = [*batches.notes, *([said] if (said := batches.note()) else [])]
        found = replace(found, rows=batches.rows, looked_at=batches.seen, notes=tuple(notes))
    if reading.error is None:
        yield replace(found, kind=document.kind)
        return
    if found.rows:
        notes = [*found.notes, "could not be read to its end"]
        yield replace(found, kind=document.kind, notes=tuple(notes))
    yield Unreadable(document.path, reading.error)


class _Reading:
    """Reads a document as far as it goes, and remembers why it went no further."""

    def __init__(self, document: Document, meter: _Meter) -> None:
        self.error: DataError | None = None
        self._document, self._meter = document, meter

    def batches(self) -> Iterator[Batch]:
        try:
            for batch in self._document.open():
                self._meter.add(batch.table.nbytes)
                yield batch
        except DataError as error:
            self.error = error


class _Meter:
    """Turns what was read of a file into progress; formats differ, so it is about right."""

    def __init__(
        self, progress: Progress, done: float, size: float, total: float, path: str
    ) -> None:
        self._progress, self._path = progress, path
        self._done, self._size, self._total, self._read = done, size, total, 0.0

    def add(self, count: int) -> None:
        self._read += count
        done = self._done + min(self._read, self._size)
        self._progress.step(done, self._total, self._path)


def _unchanged(file: File) -> bool:
    """Tell whether a file is still what it was before it was read."""
    again = next(iter(find_sources(file.path)), None)
    return isinstance(again, File) and again.version == file.version
