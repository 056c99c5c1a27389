"""XML as events, in constant memory: no entities, nothing fetched, no tag without end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple
from xml.parsers import expat

from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 1 << 20
_MOST_WAITING = 1 << 24
_SEPARATOR = "}"
_MOST_NAMES = 1 << 12


class Event(NamedTuple):
    """Something that begins, ends, or is text.

    Attributes:
        what: `start`, `end` or `text`.
        name: of the element, without its namespace; the text itself.
        attributes: of an element that begins, names without namespaces.
    """

    what: Literal["start", "end", "text"]
    name: str
    attributes: dict[str, str] = {}  # noqa: RUF012 - never changed


def xml_events(stream: BinaryIO, path: str) -> Iterator[Event]:
    """Yield what stands in an XML file, in its order; text comes in pieces.

    Raises:
        DataError: not XML, damaged, declares entities, or has a tag of more than 16 MiB.
    """
    found: list[Event] = []
    local = _Local()
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        plain = {local[key]: value for key, value in attributes.items()} if attributes else {}
        found.append(Event("start", local[name], plain))

    def refuse(*_: Any) -> None:  # noqa: ANN401 - whatever was declared
        raise DataError(
            "this XML declares entities, which may unfold without end: not read", where=path
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: found.append(Event("end", local[name]))
    parser.CharacterDataHandler = lambda text: found.append(Event("text", text))
    parser.EntityDeclHandler = refuse
    fed = 0
    while True:
        chunk = stream.read(_CHUNK_BYTES)
        fed += len(chunk)
        try:
            parser.Parse(chunk, not chunk)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise DataError("not XML, or damaged", where=path) from error
        yield from found
        found.clear()
        if not chunk:
            return
        # Expat looks at a tag from its beginning again whenever more of it arrives.
        if fed - max(0, parser.CurrentByteIndex) > _MOST_WAITING:
            raise DataError(f"a tag of more than {_MOST_WAITING >> 20} MiB", where=path)


class _Local(dict[str, str]):
    """Names without their namespaces; there are few, and each stands in a file many times."""

    def __missing__(self, name: str) -> str:
        plain = name.rpartition(_SEPARATOR)[2]
        if len(self) < _MOST_NAMES:
            self[name] = plain
        return plain
