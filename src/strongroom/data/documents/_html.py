"""HTML: what people see, block by block, and what hides in attributes, comments and scripts.

A record is a block (paragraph, heading, row of a table), all attributes of one tag, a comment, or
a line of a script. Markup that browsers would mend is read somehow and never lost: what can't be
told apart comes out as text. Linear in the file, one buffer in memory.
"""

from __future__ import annotations

import re
from collections import deque
from html import unescape
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote

from strongroom.data._encodings import utf8
from strongroom.data.documents._records import batches, peeked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from strongroom.data.sources._document import Batch, Limits

TOKEN = 1 << 24
_MOST_ASIDE = 1 << 10
_DECLARED = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,400}?(?:charset|encoding)\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE
)
_DOCTYPE = re.compile("<!doctype", re.IGNORECASE)
_TAG_START = re.compile("</?[a-zA-Z]")
# Possessive, so that a tag that never ends costs no more than looking at it once.
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^"'>]++|"[^"]*+"|'[^']*+')*+)>""")
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]++)\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s"'>]++)""")
_SPACE = re.compile(r"[ \t\n\r\f]+")
_EDGES = re.compile(r" *([\n\t]) *")
_COMMENT_END, CODE_END, _TAG_END = re.compile("-->"), re.compile(r"\?>"), re.compile(">")
_RAW = {name: re.compile(f"</{name}[^>]{{0,20}}>", re.IGNORECASE) for name in ("script", "style")}
_LONGEST_END = len("</script>") + 20
_BREAKS = {"br": "\v", "td": "\x1f", "th": "\x1f"}
_KEPT = frozenset({"pre", "textarea"})
_LITERAL = str.maketrans("\n\t", "\v\x1f")
_SEEN = str.maketrans("\v\x1f", "\n\t")
_BLOCK_NAMES = (
    "address article aside blockquote body button caption center dd details dialog div dl dt "
    "fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html "
    "iframe label legend li main menu nav noscript object ol optgroup option p pre script section "
    "select style summary table tbody template textarea tfoot thead title tr ul"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
# What says how something looks or behaves, never whose it is.
_DULL_NAMES = (
    "align border charset class cellpadding cellspacing color cols colspan dir face height "
    "http-equiv lang media method rel role rows rowspan size sizes style target type valign "
    "viewbox width xmlns"
)
_DULL = frozenset(_DULL_NAMES.split())


def read_html(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the records of an HTML page.

    Raises:
        DataError: it is no text.
    """
    notes: list[str] = []
    yield from batches(html_pieces(texts_of(stream, path, notes)), limits, notes)


def texts_of(stream: BinaryIO, path: str, notes: list[str]) -> Iterator[str]:
    """Yield the text of a page in pieces, in the encoding that it says it is in (see `utf8`)."""
    head, stream = peeked(stream)
    declared = _DECLARED.search(head)
    encoding = declared.group(1).decode() if declared else None
    for chunk in utf8(stream, path, notes, encoding=encoding):
        yield chunk.decode()


def html_pieces(chunks: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield the records of a page that comes in pieces; see `batches`."""
    return Page(iter(chunks)).pieces()


class Page:
    """A buffer that moves over the page, and the block that is being gathered."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._buffer, self._at = "", 0
        self._block: list[str] = []
        self._size, self._kept = 0, 0
        self._aside: list[str] = []

    def pieces(self) -> Iterator[tuple[str, bool]]:
        """Walk the page once."""
        while self._at < len(self._buffer) or self._more():
            begin = self._buffer.find("<", self._at)
            if begin != self._at:
                end = len(self._buffer) if begin < 0 else begin
                self._gather(self._buffer[self._at : end])
                self._at = end
            else:
                yield from self._markup()
            if self._size > TOKEN or len(self._aside) > _MOST_ASIDE:
                yield from self._end_block()
        yield from self._end_block()

    def _more(self) -> bool:
        fresh = next(self._chunks, "")
        if fresh:
            self._buffer, self._at = self._buffer[self._at :] + fresh, 0
        return bool(fresh)

    def _gather(self, text: str) -> None:
        # White space counts in <pre> and <textarea>; elsewhere all of it is one space.
        self._block.append(text.translate(_LITERAL) if self._kept else text)
        self._size += len(text)

    def _end_block(self) -> Iterator[tuple[str, bool]]:
        text = _SPACE.sub(" ", unescape("".join(self._block)).replace("\xa0", " "))
        if text := _EDGES.sub(r"\1", text.translate(_SEEN)).strip():
            yield text, True
        for hidden in self._aside:
            yield hidden, True
        self._block, self._aside, self._size = [], [], 0

    def _markup(self) -> Iterator[tuple[str, bool]]:
        """Read what begins with `<`: a comment, a declaration, a tag, or nothing of the kind."""
        while len(self._buffer) - self._at < len("<!doctype") and self._more():
            pass
        if self._buffer.startswith("<!--", self._at):
            self._at += len("<!--")
            yield from self._end_block()
            yield from self._until(_COMMENT_END)
        elif self._buffer.startswith("<?", self._at):
            # What runs on the server, in pages that never went through it.
            self._at += len("<?")
            yield from self._end_block()
            yield from self._until(CODE_END, lines=True)
        elif self._buffer.startswith("<!", self._at):
            said = self._until(_TAG_END)
            if _DOCTYPE.match(self._buffer, self._at):
                deque(said, maxlen=0)
            yield from said
        elif _TAG_START.match(self._buffer, self._at):
            yield from self._tag()
        else:
            self._gather("<")
            self._at += 1

    def _tag(self) -> Iterator[tuple[str, bool]]:
        while not (tag := _TAG.match(self._buffer, self._at)):
            if len(self._buffer) - self._at > TOKEN or not self._more():
                break
        if not tag:
            # Nothing is lost: what looks like the rest of a tag is read as text.
            self._gather(self._buffer[self._at :])
            self._at = len(self._buffer)
            return
        self._at = tag.end()
        yield from self._element(tag.group(2), tag.group(3), closes=bool(tag.group(1)))

    def _element(self, name: str, attributes: str, *, closes: bool) -> Iterator[tuple[str, bool]]:
        """Do what a tag asks for."""
        name = name.lower()
        if name in _BLOCKS and (self._block or self._aside):
            yield from self._end_block()
        if attributes:
            said = [f"{name}: {value}" for name, value in attributes_of(attributes, _DULL)]
            self._aside += ["\n".join(said)] if said else []
        if name in _RAW and not closes:
            yield from self._end_block()
            yield from self._until(_RAW[name], lines=True)
        elif name in _KEPT:
            self._kept = max(0, self._kept + (-1 if closes else 1))
        elif name in _BREAKS and not closes:
            self._gather(_BREAKS[name])

    def _until(self, end: re.Pattern[str], *, lines: bool = False) -> Iterator[tuple[str, bool]]:
        """Yield what comes before `end` as one record, or one a line, and pass over `end`."""
        begun = False
        while not (found := end.search(self._buffer, self._at)):
            # The end may lie across the border of two pieces.
            upto = max(self._at, len(self._buffer) - _LONGEST_END)
            fresh, self._at = self._buffer[self._at : upto], upto
            if fresh:
                begun = True
                yield from _parts(fresh, lines=lines)
            if not self._more():
                rest, self._at = self._buffer[self._at :], len(self._buffer)
                break
        else:
            rest, self._at = self._buffer[self._at : found.start()], found.end()
        if lines:
            rest = rest.rstrip("\n")
        if begun or rest.strip():
            yield from _parts(rest, lines=lines)
            yield "", True


def _parts(text: str, *, lines: bool) -> Iterator[tuple[str, bool]]:
    if not lines:
        yield text, False
        return
    *whole, last = text.split("\n")
    for line in whole:
        yield line, True
    yield last, False


def attributes_of(text: str, dull: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield names and values of a tag's attributes, but those whose names are dull."""
    for name, value in _ATTRIBUTE.findall(text):
        space, _, _ = name.lower().partition(":")
        if space in dull:
            continue
        plain = unescape(value.strip("\"'"))
        if plain.startswith(("mailto:", "tel:", "sms:")):
            plain = unquote(plain)
        elif plain.startswith("data:"):
            # A picture or a font within the page.
            plain = plain.partition(",")[0]
        yield name, plain
