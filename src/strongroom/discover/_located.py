"""Finds in their documents: by path, record, field and offsets, batch by batch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from strongroom.config import DiscoverSpec
from strongroom.data import Kind
from strongroom.data.sources import (
    Document,
    File,
    Limits,
    Unreadable,
    documents_in,
    find_sources,
    open_sources,
)
from strongroom.discover._inventory import file_by_file
from strongroom.discover._languages import document_language
from strongroom.discover._processes import Processes, told
from strongroom.discover._scanned import from_json, to_json
from strongroom.discover._spans import find_column_spans
from strongroom.discover._spoken import Spoken
from strongroom.discover.columns._leaves import leaves
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from strongroom.data.sources import Batch, PassedOver
    from strongroom.discover.columns._leaves import Leaf

_DEFAULT = DiscoverSpec()
_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Located:
    """One find in one record of one document.

    Attributes:
        path: of the document.
        row: number of the record, from 0.
        field: dotted path of the column.
        start, end: code points of that field of that record.
        entity, score, recognizer: see `Detection`.
        value: what stands there; to be shown to nobody who didn't ask for it.
    """

    path: str
    row: int
    field: str
    start: int
    end: int
    entity: str
    score: float
    recognizer: str
    value: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the value itself."""
        return {
            "path": self.path,
            "row": self.row,
            "field": self.field,
            "start": self.start,
            "end": self.end,
            "entity": self.entity,
            "score": round(self.score, 3),
            "recognizer": self.recognizer,
        }


Said = Located | Unreadable


def source_spans(
    paths: Sequence[str],
    spec: DiscoverSpec = _DEFAULT,
    *,
    limits: Limits = _LIMITS,
    jobs: int = 1,
) -> Iterator[Located | Unreadable]:
    """Yield every find in what lies at `paths`, and what could not be read.

    Args:
        paths: files, folders, patterns, addresses, databases, `-` (see `open_sources`).
        spec: what is looked for.
        limits: how much a source may unfold into.
        jobs: how many processes may look at files, once it is seen that it takes long enough; the
            order stays that of the paths and names.
    """
    sources = [source for path in paths for source in find_sources(path)]

    def here(_place: int, source: File | Document | Unreadable | PassedOver) -> Iterator[Said]:
        documents = documents_in(source, limits) if isinstance(source, File) else (source,)
        return _finds(documents, spec)

    def beside(files: list[File]) -> Generator[Iterator[Said], None, None]:
        room = __name__.rpartition(".")[2]
        with Processes(spec, None, limits, min(jobs, len(files)), room) as processes:
            yield from processes.stream(files, _from_json)

    yield from file_by_file(sources, here, beside, jobs=jobs)


def answer(
    file: File, settings: dict[str, Any], read: Callable[[float], None]
) -> Iterator[dict[str, Any]]:
    """Say what is found in a file, as one of several processes."""
    spec, limits = told(settings)
    for one in _finds(documents_in(file, limits), spec, read):
        yield asdict(one) if isinstance(one, Located) else to_json(one)


def _from_json(entry: dict[str, Any]) -> Said:
    if "entity" in entry:
        return Located(**entry)
    return cast("Unreadable", from_json(entry))


def _finds(
    documents: Iterable[Document | Unreadable | PassedOver],
    spec: DiscoverSpec,
    read: Callable[[float], None] = lambda _: None,
) -> Iterator[Said]:
    last, said = None, None
    for one in _batches(documents):
        if isinstance(one, Unreadable):
            yield one
            continue
        document, batch = one
        if document is not last:
            last, language = document, document_language(document)
            said = Spoken(language) if language else None
        read(batch.table.nbytes)
        for leaf in _strings(batch):
            header = leaf.header if document.kind is Kind.TABLE else ""
            for place, hit in find_column_spans(leaf.values, spec, header=header, said=said):
                row = leaf.row_of(place)
                shift = batch.offset if row == 0 else 0
                yield Located(
                    document.path,
                    batch.first_row + row,
                    leaf.name,
                    hit.start + shift,
                    hit.end + shift,
                    hit.entity,
                    hit.score,
                    hit.recognizer,
                    leaf.values[place].as_py()[hit.start : hit.end],
                )


def source_texts(
    paths: Sequence[str], *, limits: Limits = _LIMITS
) -> Iterator[tuple[tuple[str, int, str], str]]:
    """Yield ((path, row, field), text) of every string at `paths`.

    Raises:
        DataError: something can't be read: an evaluation with gaps would be none.
    """
    for one in _batches(open_sources(paths, limits)):
        if isinstance(one, Unreadable):
            raise one.error
        document, batch = one
        for leaf in _strings(batch):
            for place, text in enumerate(leaf.values.to_pylist()):
                if text:
                    yield (document.path, batch.first_row + leaf.row_of(place), leaf.name), text


def _batches(
    documents: Iterable[Document | Unreadable | PassedOver],
) -> Iterator[tuple[Document, Batch] | Unreadable]:
    for document in documents:
        if isinstance(document, Unreadable):
            yield document
        elif isinstance(document, Document):
            try:
                for batch in document.open():
                    yield document, batch
            except DataError as error:
                yield Unreadable(document.path, error)


def _strings(batch: Batch) -> Iterator[Leaf]:
    for leaf in leaves(batch.table):
        if pa.types.is_large_string(leaf.values.type):
            yield leaf
