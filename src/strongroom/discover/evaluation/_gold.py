"""Gold: texts and what a person marked in them, from the files that people have."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from strongroom.discover.evaluation._names import our_name
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

Place = tuple[str, int, str]
"""Where a text stands: path, row, field; as in the lines of `scan --spans`."""

_LONGEST_LINE = 1 << 26
_TEXT = ("text", "full_text", "source_text", "content")
_SPANS = (
    "spans", "annotations", "entities", "labels", "label", "privacy_mask", "span_labels",
)  # fmt: skip
_ENTITY = ("entity", "entity_type", "label", "type", "entity_group")
_START, _END = ("start", "start_position"), ("end", "end_position")
_VALUE = ("entity_value", "text", "value")


@dataclass(frozen=True, slots=True)
class Span:
    """A marked stretch of a text: entity, and a half-open range of code points."""

    entity: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Gold:
    """A text and all that should be found in it.

    Attributes:
        text: what is searched.
        spans: what should be found; may overlap. An empty entity marks what isn't judged.
        where: names the text in a list of mistakes, such as `gold.jsonl:12`.
    """

    text: str
    spans: tuple[Span, ...]
    where: str = ""


def read_gold(path: Path, names: Mapping[str, str] | None = None) -> Iterator[Gold]:
    """Read gold from JSON lines, or from one JSON array; either may be gzipped.

    Every record has a text and a list of spans. The fields may be called as ours are (`text`,
    `spans` with `entity`, `start`, `end`), as presidio-research, pii-anon, spaCy, Prodigy, doccano
    or ai4privacy call them; spans may also be `[start, end, entity]`.

    Args:
        path: the file.
        names: label of the file to entity of ours; an empty entity is not judged. Labels that
            aren't named here go through the built-in synonyms.

    Raises:
        DataError: the file can't be read, or a record isn't gold; says at which line.
    """
    for number, record in _records(path):
        where = f"{path}:{number}"
        if not isinstance(record, dict):
            raise DataError(
                "a record of gold is an object with a text and spans",
                where=where,
                hint='for example {"text": "…", "spans": [{"entity": "PERSON", "start": 0, '
                '"end": 9}]}',
            )
        yield _gold(record, where, names)


def read_marks(path: Path, names: Mapping[str, str] | None = None) -> dict[Place, tuple[Span, ...]]:
    """Read gold that has no texts: lines of `scan --spans`, corrected by a person.

    Returns:
        Spans by path, row and field; see `paired`.

    Raises:
        DataError: the file can't be read, or a line isn't such a line; says which.
    """
    marks: dict[Place, list[Span]] = {}
    for number, record in _records(path):
        where = f"{path}:{number}"
        try:
            place = (str(record["path"]), int(record["row"]), str(record["field"]))
        except (KeyError, TypeError, ValueError):
            raise DataError(
                "this line says no path, row and field",
                where=where,
                hint="begin from what `strongroom scan --spans` writes",
            ) from None
        marks.setdefault(place, []).append(_span(record, None, where, names))
    return {place: tuple(spans) for place, spans in marks.items()}


def paired(
    texts: Iterable[tuple[Place, str]], marks: Mapping[Place, tuple[Span, ...]]
) -> Iterator[Gold]:
    """Put marks and the texts that they are about together; texts without marks count too.

    Raises:
        DataError: a mark ends after its text, or there is no text for it.
    """
    left = set(marks)
    for place, text in texts:
        left.discard(place)
        path, row, field = place
        where = f"{path} row {row}, {field}"
        spans = marks.get(place, ())
        for span in spans:
            _inside(span, len(text), where)
        yield Gold(text, spans, where)
    if left:
        path, row, field = min(left)
        raise DataError(
            f"{len(left):,} marked texts were not scanned, such as row {row}, {field}",
            where=path,
            hint="scan the same files, under the same names, as when the marks were made",
        )


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield (number from 1, record): of the line, or of the element of an array."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            lines = gzip.GzipFile(fileobj=raw) if packed else raw
            first = lines.readline(_LONGEST_LINE)
            while first and not first.strip(b"\xef\xbb\xbf \t\r\n"):
                first = lines.readline(_LONGEST_LINE)
            if first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
                whole = _parsed(first + lines.read(), str(path))
                yield from enumerate(whole, 1)
                return
            rest = iter(lambda: lines.readline(_LONGEST_LINE), b"")
            for number, line in enumerate(chain([first], rest), 1):
                if line.strip():
                    yield number, _parsed(line, f"{path}:{number}")
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "it is cut short or damaged"
        raise DataError(f"gold can't be read: {reason}", where=str(path)) from error


def _parsed(line: bytes, where: str) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        return json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise DataError("this is not UTF-8", where=where) from None
    except (ValueError, RecursionError):
        raise DataError(
            "this is not JSON", where=where, hint="gold is JSON lines: one object a line"
        ) from None


def _gold(record: dict[str, Any], where: str, names: Mapping[str, str] | None) -> Gold:
    text = _first(record, _TEXT)
    if not isinstance(text, str):
        raise DataError("this record has no text", where=where, hint=f"looked for {_said(_TEXT)}")
    marked = _first(record, _SPANS)
    if not isinstance(marked, list):
        raise DataError(
            "this record has no list of spans",
            where=where,
            hint=f"looked for {_said(_SPANS)}; a text in which nothing is personal has []",
        )
    spans = tuple(_span(one, text, where, names) for one in marked)
    return Gold(text, spans, where.rpartition("/")[2])


def _span(one: object, text: str | None, where: str, names: Mapping[str, str] | None) -> Span:
    value = None
    if isinstance(one, dict):
        start, end, entity = _first(one, _START), _first(one, _END), _first(one, _ENTITY)
        value = _first(one, _VALUE) if text is not None else None
    elif isinstance(one, list) and len(one) == 3:  # noqa: PLR2004 - start, end, entity
        start, end, entity = one
    else:
        start = end = entity = None
    if type(start) is not int or type(end) is not int or not isinstance(entity, str):
        raise DataError(
            "a span needs a start, an end and an entity",
            where=where,
            hint="offsets are whole numbers: code points from 0, the end excluded",
        )
    span = Span(our_name(entity, names), start, end)
    _inside(span, end if text is None else len(text), where)
    if isinstance(value, str) and text is not None and text[start:end] != value:
        raise DataError(
            f"the span at {start} to {end} does not hold the value that stands beside it",
            where=where,
            hint="offsets count code points of the text, not bytes or UTF-16 units",
        )
    return span


def _inside(span: Span, length: int, where: str) -> None:
    if not 0 <= span.start < span.end <= length:
        raise DataError(
            f"the span at {span.start} to {span.end} lies outside of the text or is empty",
            where=where,
            hint="offsets count code points from 0, the end excluded",
        )


def _first(record: Mapping[str, Any], keys: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    return next((record[key] for key in keys if record.get(key) is not None), None)


def _said(keys: tuple[str, ...]) -> str:
    return ", ".join(keys)
