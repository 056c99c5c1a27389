"""Secrets in source trees: where they stand by line and column, and which of them are known.

A secret that is meant to be there is allowed by a comment on its line, or alone on the line
before: `strongroom: allow`, or `strongroom: allow secrets.web_token` for one kind.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from strongroom.config import DiscoverSpec
from strongroom.data.documents import READERS
from strongroom.data.sources import (
    KEPT_BY_TOOLS,
    File,
    Limits,
    PassedOver,
    Unreadable,
    find_sources,
)
from strongroom.discover._across import stretches, windows
from strongroom.discover._detection import Detection
from strongroom.discover._hits import Hits
from strongroom.discover._inventory import file_by_file
from strongroom.discover._marks import parted
from strongroom.discover._processes import Processes, told
from strongroom.discover._scanned import from_json, to_json
from strongroom.discover.engine import Engine
from strongroom.discover.recognizers.secrets import RULES
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import pyarrow as pa

    from strongroom.data.sources import Batch, Document

_DEFAULT = DiscoverSpec()
_LIMITS = Limits()
_MARK_BYTES = 2
_ALLOW = re.compile(r"(?i)strongroom:\s*allow\b(?:\s+(secrets?\.\w+(?:\s*,\s*secrets?\.\w+)*))?")
_COMMENT_ALONE = re.compile(r"\s*(?:#|//|/\*|<!--|--|;|%|\*|\"|').*")

IN_SOURCE, KNOWN = "inSource", "external"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret stands.

    Attributes:
        path: as the user named it, or that with what lies below.
        line, column: where it begins, from 1; columns count code points.
        end_line, end_column: where it ends; the column is the one after its last.
        entity: what it is.
        recognizer: of which kind, such as `secrets.github_token`.
        score: 0 to 1.
        validated: a checksum or structure was checked.
        mark: four hexadecimal digits of a keyed digest of it, empty without a key.
        allowed: `IN_SOURCE` by a comment, `KNOWN` by a baseline, or empty.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    entity: str
    recognizer: str
    score: float
    validated: bool
    mark: str = ""
    allowed: str = ""


Said = Place | Unreadable | PassedOver


def find_in_source(
    paths: Sequence[str],
    spec: DiscoverSpec = _DEFAULT,
    *,
    key: bytes = b"",
    limits: Limits = _LIMITS,
    skip: frozenset[str] = KEPT_BY_TOOLS,
    jobs: int = 1,
) -> Iterator[Said]:
    """Yield the secrets in files of text, whatever their endings, by file, line and column.

    Tables are read as the text they are written in, so that lines can be told; what is no text is
    passed over.

    Args:
        paths: files, folders, patterns (see `open_sources`).
        spec: lowest score.
        key: of marks; see `Baseline`.
        limits: how long a line may be before it is cut.
        skip: names of folders that are passed over below the folders named.
        jobs: how many processes may look at files, once it is seen that it takes long enough; the
            order stays that of the paths and names.
    """
    sources = [source for path in paths for source in find_sources(path, skip=skip)]

    def here(_place: int, source: File | Document | Unreadable | PassedOver) -> Iterator[Said]:
        if isinstance(source, File):
            yield from _in_file(source, spec, key, limits)
        elif isinstance(source, Unreadable | PassedOver):
            yield source
        else:
            yield PassedOver(source.path, "no text")

    def beside(files: list[File]) -> Generator[Iterator[Said], None, None]:
        room, count = __name__.rpartition(".")[2], min(jobs, len(files))
        with Processes(spec, None, limits, count, room, key=key.hex()) as processes:
            yield from processes.stream(files, _from_json)

    yield from file_by_file(sources, here, beside, jobs=jobs)


def answer(
    file: File, settings: dict[str, Any], read: Callable[[float], None]
) -> Iterator[dict[str, Any]]:
    """Say which secrets stand in a file, as one of several processes."""
    spec, limits = told(settings)
    for one in _in_file(file, spec, bytes.fromhex(settings["key"]), limits, read):
        yield asdict(one) if isinstance(one, Place) else to_json(one)


def _from_json(entry: dict[str, Any]) -> Said:
    return Place(**entry) if "line" in entry else cast("Said", from_json(entry))


def _in_file(
    file: File,
    spec: DiscoverSpec,
    key: bytes,
    limits: Limits,
    read: Callable[[float], None] = lambda _: None,
) -> Iterator[Said]:
    try:
        with file.open() as stream:
            for batch in windows(READERS["text"](stream, file.path, limits)):
                read(batch.table.nbytes)
                yield from _in_batch(file.path, batch, spec, key)
    except DataError as error:
        yield Unreadable(file.path, error) if file.named else PassedOver(file.path, "no text")


def _in_batch(path: str, batch: Batch, spec: DiscoverSpec, key: bytes) -> Iterator[Place]:
    texts = batch.table["text"].combine_chunks()
    found_alone = Hits.merged([_engine(spec).find(plain) for plain in parted(texts)])
    alone = found_alone.detections(texts)
    longer = list(stretches(texts))
    covered = {row for one in longer for row in range(one.row, one.end_row + 1)}
    found = [
        (row, one.start, row, one.end, one, texts[row].as_py()[one.start : one.end])
        for row, detections in alone.items()
        if row not in covered
        for one in detections
    ]
    for one in longer:
        what = Detection("SECRET", 0, 0, one.rule.score, one.rule.name, validated=True)
        found.append((one.row, one.start, one.end_row, one.end, what, one.secret))
    for row, start, end_row, end, what, secret in sorted(found, key=lambda f: f[:2]):
        yield Place(
            path,
            batch.first_row + row + 1,
            start + 1 + (0 if row else batch.offset),
            batch.first_row + end_row + 1,
            end + 1 + (0 if end_row else batch.offset),
            what.entity,
            what.recognizer,
            what.score,
            what.validated,
            _mark(key, what.recognizer, secret) if key else "",
            IN_SOURCE if _allowed(texts, row, what.recognizer) else "",
        )


def _allowed(texts: pa.Array, row: int, recognizer: str) -> bool:
    """Say whether a comment allows it: on its line, or alone on the line before."""
    before = texts[row - 1].as_py() or "" if row else ""
    for line in (texts[row].as_py(), before if _COMMENT_ALONE.fullmatch(before) else ""):
        for comment in _ALLOW.finditer(line):
            kinds = re.findall(r"[\w.]+", comment[1] or recognizer)
            if recognizer in kinds:
                return True
    return False


def _mark(key: bytes, recognizer: str, secret: str) -> str:
    content = f"{recognizer}\0{secret}".encode()
    return hashlib.blake2b(content, digest_size=_MARK_BYTES, key=key).hexdigest()


@lru_cache(maxsize=8)
def _engine(spec: DiscoverSpec) -> Engine:
    return Engine(RULES, spec)
