"""XML of any vocabulary: what its elements, attributes and comments say.

A record is the text of one element, led by its name (`phone: …`), or all attributes of a tag. What
is called by an attribute is led by that too (`property password: …`). A tag in the midst of a
sentence doesn't part it. Read like HTML, as tags and text: what isn't well-formed
is read too, entities that the file declares aren't unfolded, and nothing is fetched.
"""

from __future__ import annotations

import re
from collections import deque
from html import unescape
from typing import TYPE_CHECKING, BinaryIO

from strongroom.data.documents._html import CODE_END, TOKEN, Page, attributes_of, texts_of
from strongroom.data.documents._records import batches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.data.sources._document import Batch, Limits

_LITERAL = "<![CDATA["
_LITERAL_END = "]]>"
_DECLARATION = re.compile(r"[\[>]")
_DULL = frozenset({"xmlns", "xsi"})
_CALLED, _KEY = frozenset({"name", "key"}), re.compile(r"[\w.:-]{1,100}")
# An element that holds nothing but text, as most do.
_LEAF = re.compile(r"<([a-zA-Z][^\s/<>]*+)>([^<]*+)</\1>\s*+")
_MOST_DEPTH = 10_000


def read_xml(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the records of an XML file.

    Raises:
        DataError: it is no text.
    """
    notes: list[str] = []
    pieces = _Elements(texts_of(stream, path, notes)).pieces()
    yield from batches(pieces, limits, notes)


class _Elements(Page):
    """A page of which every tag parts, but those within a sentence."""

    def __init__(self, chunks: Iterator[str]) -> None:
        super().__init__(chunks)
        self._names: list[str] = []
        self._within = 0  # tags in the midst of the text that is being gathered
        self._declares = False

    def _end_block(self) -> Iterator[tuple[str, bool]]:
        if text := _lines(unescape("".join(self._block))):
            yield f"{self._names[-1]}: {text}" if self._names else text, True
        for hidden in self._aside:
            yield hidden, True
        self._block, self._aside, self._size = [], [], 0

    def _markup(self) -> Iterator[tuple[str, bool]]:
        if not self._block and (leaf := _LEAF.match(self._buffer, self._at)):
            yield from self._end_block()
            while leaf is not None:
                self._at = leaf.end()
                if text := _lines(unescape(leaf[2])):
                    yield f"{_local(leaf[1])}: {text}", True
                leaf = _LEAF.match(self._buffer, self._at)
            return
        while len(self._buffer) - self._at < len(_LITERAL) and self._more():
            pass
        if self._buffer.startswith(_LITERAL, self._at):
            self._at += len(_LITERAL)
            yield from self._literally()
        elif self._buffer.startswith("<?xml", self._at):
            deque(self._until(CODE_END), maxlen=0)
        elif self._buffer.startswith("<!DOCTYPE", self._at):
            deque(self._until(_DECLARATION), maxlen=0)
            self._declares = self._buffer[self._at - 1 : self._at] == "["
        else:
            yield from super()._markup()

    def _gather(self, text: str) -> None:
        if self._declares:
            # What comes between declarations, and `]>` after them.
            _, end, text = text.partition(">")
            self._declares = not end
        if self._block or text.strip():
            super()._gather(text)

    def _literally(self) -> Iterator[tuple[str, bool]]:
        """Gather what is no markup, whatever it looks like."""
        while (end := self._buffer.find(_LITERAL_END, self._at)) < 0:
            # The end may lie across the border of two pieces.
            upto = max(self._at, len(self._buffer) - len(_LITERAL_END))
            self._gather(self._buffer[self._at : upto].replace("&", "&amp;"))
            self._at = upto
            if self._size > TOKEN:
                yield from self._end_block()
            if not self._more():
                end = len(self._buffer)
                break
        self._gather(self._buffer[self._at : end].replace("&", "&amp;"))
        self._at = min(end + len(_LITERAL_END), len(self._buffer))

    def _element(self, name: str, attributes: str, *, closes: bool) -> Iterator[tuple[str, bool]]:
        if closes and self._within:
            self._within -= 1
        elif closes:
            yield from self._end_block()
            if self._names:
                self._names.pop()
        else:
            empty = attributes.endswith("/")
            label, said = _said(_local(name), attributes)
            if self._block:
                self._within += not empty
            else:
                yield from self._end_block()
                if not empty and len(self._names) < _MOST_DEPTH:
                    self._names.append(label)
            self._aside += [said] if said else []


def _said(label: str, attributes: str) -> tuple[str, str]:
    """Return what leads the text of an element, and its attributes as lines."""
    if "=" not in attributes:
        return label, ""
    lines = []
    pairs = [(_local(name), value) for name, value in attributes_of(attributes, _DULL)]
    called = next((v for n, v in pairs if n.lower() in _CALLED and _KEY.fullmatch(v)), "")
    led = f"{label} {called}" if called else label
    for name, value in pairs:
        lines.append(
            f"{led}: {value}" if called and name == "value" else f"{label} {name}: {value}"
        )
    return led, "\n".join(lines)


def _lines(text: str) -> str:
    """Return a text without empty lines and without what only indents."""
    if "\n" not in text:
        return text.strip()
    return "\n".join(filter(None, map(str.strip, text.split("\n"))))


def _local(name: str) -> str:
    return name.rpartition(":")[2]
