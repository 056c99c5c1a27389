"""Scan whatever lies at some paths, file after file, and go on where one can't be read."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

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
from strongroom.discover._languages import document_language
from strongroom.discover._processes import Processes, told
from strongroom.discover._sample import Sample
from strongroom.discover._scan import scan_batches
from strongroom.discover._scanned import to_json
from strongroom.errors import DataError
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Sequence

    from strongroom.data.sources import Batch
    from strongroom.discover._cache import ScanCache
    from strongroom.discover._detection import Recognizer
    from strongroom.discover._scanned import Scanned

One = TypeVar("One")

_DEFAULT = DiscoverSpec()
_LIMITS = Limits()
# How long files are scanned here before it is judged how long the rest will take; how long that
# must be for processes, which need seconds to begin; and what a file costs, whatever is in it.
_PACE_SECONDS, _WORTH_SECONDS, _FILE_BYTES = 1.0, 8.0, 20_000
# From this size on a thread reads ahead: of a scan of CSV a third goes into reading. Nothing was
# gained with other formats, and with compressed files, when it was measured.
_LARGE_BYTES = 1 << 24


def _nobody(count: float) -> None:
    """Be told what nobody wants to know."""


def scan_sources(
    paths: Sequence[str],
    spec: DiscoverSpec = _DEFAULT,
    *,
    target: str | None = None,
    limits: Limits = _LIMITS,
    skip: frozenset[str] = KEPT_BY_TOOLS,
    cache: ScanCache | None = None,
    recognizers: Sequence[Recognizer] | None = None,
    jobs: int = 1,
    progress: Progress = SILENT,
) -> Iterator[Scanned]:
    """Yield what each table, text and picture at `paths` holds, and what could not be read.

    A document that can't be read to its end is yielded twice: what was found before, and why it
    ended. The order is that of the paths and names, however many processes there are.

    Args:
        paths: files, folders, patterns, addresses, databases, `-` (see `open_sources`).
        spec: what is looked for; at most `max_rows` of a document, drawn at random, if it says so.
        target: the column to predict; without it one may be suggested.
        limits: how much a source may unfold into.
        skip: names of folders that are passed over below the folders named.
        cache: what is known of files that haven't changed; None: all are read.
        recognizers: instead of the installed ones; these stay in this process.
        jobs: how many processes may scan files, once it is seen that it takes long enough.
        progress: told the bytes of files that are done.
    """
    sources = [source for path in paths for source in find_sources(path, skip=skip)]
    known = _known(sources, cache)
    meter = _Meter(progress, [s.size or 0 for s in sources if isinstance(s, File)])

    def finished(file: File, scanned: Sequence[Scanned]) -> None:
        meter.done(file)
        if cache and _unchanged(file):
            cache.put(file, scanned)

    def here(place: int, source: File | Document | Unreadable | PassedOver) -> Iterator[Scanned]:
        if not isinstance(source, File):
            yield from _scanned(source, spec, target, recognizers, _nobody)
        elif place in known:
            yield from known.pop(place)
            meter.done(source)
        else:
            read, scanned = partial(meter.add, source), []
            for one in scan_file(source, spec, target, limits, recognizers, read):
                scanned.append(one)
                yield one
            finished(source, scanned)

    def beside(files: list[File]) -> Generator[Iterator[Scanned], None, None]:
        with Processes(spec, target, limits, min(jobs, len(files))) as processes:
            futures = deque(processes.scan(files, meter.add, finished))
            while futures:
                yield iter(futures.popleft().result())

    yield from file_by_file(
        sources, here, beside, jobs=1 if recognizers else jobs, known=frozenset(known)
    )
    meter.end()


def file_by_file(
    sources: Sequence[File | Document | Unreadable | PassedOver],
    here: Callable[[int, Any], Iterator[One]],
    beside: Callable[[list[File]], Generator[Iterator[One], None, None]],
    *,
    jobs: int,
    known: frozenset[int] = frozenset(),
) -> Iterator[One]:
    """Yield what is said of each source, in their order: by processes, if it takes long enough.

    Args:
        sources: what to look at.
        here: looks at one in this process; it gets its place and itself.
        beside: looks at some in processes, and yields what is said of each, in their order.
        jobs: how many processes there may be.
        known: places of what needs no looking at.
    """
    pace = _Pace(jobs)
    begun: frozenset[int] = frozenset()
    answers: Generator[Iterator[One], None, None] | None = None
    try:
        for place, source in enumerate(sources):
            if pace.due():
                rest = {
                    i: one
                    for i, one in enumerate(sources[place:], place)
                    if isinstance(one, File) and one.place and i not in known
                }
                if pace.slow(rest.values()):
                    begun, answers = frozenset(rest), beside(list(rest.values()))
            if answers is not None and place in begun:
                yield from next(answers)
            else:
                yield from here(place, source)
                if isinstance(source, File) and place not in known:
                    pace.add(source)
    finally:
        if answers is not None:
            answers.close()


def answer(
    file: File, settings: dict[str, Any], read: Callable[[float], None]
) -> Iterator[dict[str, Any]]:
    """Say what is in a file, as one of several processes."""
    spec, limits = told(settings)
    return map(to_json, scan_file(file, spec, settings["target"], limits, read=read))


def scan_file(
    file: File,
    spec: DiscoverSpec,
    target: str | None,
    limits: Limits,
    recognizers: Sequence[Recognizer] | None = None,
    read: Callable[[float], None] = _nobody,
) -> Iterator[Scanned]:
    """Yield what is in one file; `read` is told the bytes of it as they are read."""
    for document in documents_in(file, limits):
        yield from _scanned(document, spec, target, recognizers, read)


def _scanned(
    document: Document | Unreadable | PassedOver,
    spec: DiscoverSpec,
    target: str | None,
    recognizers: Sequence[Recognizer] | None,
    read: Callable[[float], None],
) -> Iterator[Scanned]:
    if not isinstance(document, Document):
        yield document
        return
    reading = _Reading(document, read)
    large = document.form == "csv" and (document.size or 0) > _LARGE_BYTES
    batches: Iterator[Batch] | Sample = _ahead(reading.batches()) if large else reading.batches()
    if spec.max_rows:
        batches = Sample(batches, spec.max_rows)
    # What is written on a picture is text.
    kind = Kind.TEXT if document.kind is Kind.IMAGE else document.kind
    # Lines drawn at random are no source code.
    language = None if spec.max_rows else document_language(document)
    try:
        found = scan_batches(
            batches, document.path, kind, spec, target, recognizers, language=language
        )
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

    def __init__(self, document: Document, read: Callable[[float], None]) -> None:
        self.error: DataError | None = None
        self._document, self._told = document, read

    def batches(self) -> Iterator[Batch]:
        try:
            for batch in self._document.open():
                self._told(batch.table.nbytes)
                yield batch
        except DataError as error:
            self.error = error


def _ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Read the next batch while one is looked at, and no further."""
    with ThreadPoolExecutor(1, thread_name_prefix="read") as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


class _Meter:
    """Turns what was read of files into progress; formats differ, so it is about right."""

    def __init__(self, progress: Progress, sizes: Sequence[int]) -> None:
        self._progress, self._total = progress, max(1, sum(sizes))
        self._read: dict[str, float] = {}
        self._lock = Lock()
        self._done = 0

    def add(self, file: File, count: float) -> None:
        """Add bytes that were read of a file; what it unfolds into may be more than itself."""
        with self._lock:
            self._read[file.path] = min(self._read.get(file.path, 0) + count, file.size or 0)
            self._step(file.path)

    def done(self, file: File) -> None:
        """Say that a file is done."""
        with self._lock:
            self._read.pop(file.path, None)
            self._done += file.size or 0
            self._step(file.path)

    def end(self) -> None:
        """Say that all is done."""
        self._progress.step(self._total, self._total, "")

    def _step(self, path: str) -> None:
        self._progress.step(self._done + sum(self._read.values()), self._total, path)


class _Pace:
    """Tells from the files scanned so far whether the rest is worth several processes."""

    def __init__(self, jobs: int) -> None:
        self._several = jobs > 1
        self._begun = self._wait = 0.0
        self._done = 0

    def add(self, file: File) -> None:
        """Say that a file was scanned."""
        if not self._begun:
            # The first one paid for everything that is loaded once.
            self._begun, self._wait = time.monotonic(), _PACE_SECONDS
        else:
            self._done += _work(file)

    def due(self) -> bool:
        """Say whether it is time to judge: after a second, after two, after four."""
        return self._several and self._done > 0 and self._spent > self._wait

    def slow(self, rest: Collection[File]) -> bool:
        """Say, if so only once, whether the rest takes so long that processes are worth it."""
        self._wait = 2 * self._spent
        expected = self._spent * sum(map(_work, rest)) / self._done
        slow = len(rest) > 1 and expected > _WORTH_SECONDS
        self._several = not slow
        return slow

    @property
    def _spent(self) -> float:
        return time.monotonic() - self._begun


def _work(file: File) -> int:
    return (file.size or 0) + _FILE_BYTES


def _known(sources: Sequence[object], cache: ScanCache | None) -> dict[int, list[Scanned]]:
    """Return what is known already of files, by their places."""
    known: dict[int, list[Scanned]] = {}
    for place, source in enumerate(sources if cache else ()):
        found = cache.get(source) if cache and isinstance(source, File) else None
        if found is not None:
            known[place] = found
    return known


def _unchanged(file: File) -> bool:
    """Tell whether a file is still what it was before it was read."""
    again = next(iter(find_sources(file.place or file.path)), None)
    return isinstance(again, File) and again.version == file.version
