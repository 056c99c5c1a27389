r"""RTF: the text, and what its `\info` says of authors; pictures and objects are passed over.

After Microsoft's RTF specification 1.9.1. A record is a paragraph or a row of a table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from strongroom.data._encodings import text_in
from strongroom.data.documents._records import batches
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.data.sources._document import Batch, Limits

_CHUNK_BYTES = 1 << 20
_LONGEST_TOKEN = 1 << 8
_MOST_DEPTH = 1 << 12
_MOST_GATHERED = 1 << 22
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|([^\\{}\r\n]+)|[\r\n]+",
    re.DOTALL,
)
_PASSED = frozenset(
    {b"fonttbl", b"colortbl", b"stylesheet", b"pict", b"objdata", b"themedata", b"datastore"}
    | {b"listtable", b"listoverridetable", b"rsidtbl", b"generator", b"latentstyles", b"bin"}
)
_ABOUT = frozenset(
    {b"author", b"operator", b"manager", b"company", b"title", b"subject", b"doccomm", b"keywords"}
    | {b"category", b"atnauthor", b"atnid", b"hlinkbase"}
)
_KEPT = _ABOUT | {b"fldinst", b"annotation", b"footnote", b"header", b"footer", b"revtbl"}
_ENDS = {b"par", b"sect", b"page", b"row"}
_WHITE = {b"tab": "\t", b"cell": "\t", b"nestcell": "\t", b"line": "\n"}
_SIGNS = {
    b"emdash": "—",
    b"endash": "–",
    b"bullet": "•",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
    b"emspace": " ",
    b"enspace": " ",
}
_ESCAPED = {b"~": " ", b"_": "-", b"{": "{", b"}": "}", b"\\": "\\", b"\n": "\n", b"\r": "\n"}


@dataclass(frozen=True)
class _Group:
    """What holds between two braces.

    Attributes:
        passed: nothing in it is text.
        marked: it began with what says that only those who know its name should read it.
        about: name of what it says of the document.
        unicode_length: how many bytes stand for old programs after each Unicode character.
    """

    passed: bool = False
    marked: bool = False
    about: bytes = b""
    unicode_length: int = 1


def read_rtf(stream: BinaryIO, path: str, limits: Limits) -> Iterator[Batch]:
    """Yield the records of an RTF file.

    Raises:
        DataError: not RTF, or groups nested too deep.
    """
    yield from batches(_Text(path).pieces(stream), limits, [])


class _Text:
    def __init__(self, path: str) -> None:
        self._path = path
        self._group = _Group()
        self._outer: list[_Group] = []
        self._gathered: list[str] = []
        self._bytes = bytearray()
        self._encoding = "cp1252"
        self._size, self._skip, self._binary = 0, 0, 0

    def pieces(self, stream: BinaryIO) -> Iterator[tuple[str, bool]]:
        """Yield the records of the text."""
        for token in self._tokens(stream):
            word, number, byte, sign, brace, text = token.groups()
            if byte is not None:
                self._raw(bytes([int(byte, 16)]))
            elif text is not None:
                self._raw(text)
            elif word is not None:
                yield from self._word(word, number)
            elif brace is not None:
                yield from self._brace(brace)
            elif sign == b"*":
                self._group = replace(self._group, marked=True)
            elif sign in _ESCAPED:
                self._say(_ESCAPED[sign])
            if self._size > _MOST_GATHERED:
                yield from self._end()
        yield from self._end()

    def _tokens(self, stream: BinaryIO) -> Iterator[re.Match[bytes]]:
        waiting, ended = b"", False
        while waiting or not ended:
            fresh = stream.read(_CHUNK_BYTES)
            ended = not fresh
            waiting += fresh
            at = 0
            # A token may go on in the next chunk.
            last = len(waiting) if ended else len(waiting) - _LONGEST_TOKEN
            while at < last:
                if self._binary:
                    # `\binN` is followed by N bytes that mean nothing here.
                    passed = min(self._binary, len(waiting) - at)
                    at, self._binary = at + passed, self._binary - passed
                    continue
                token = _TOKEN.match(waiting, at)
                if token is None:
                    at += 1
                    continue
                yield token
                at = token.end()
            waiting = waiting[at:]

    def _brace(self, brace: bytes) -> Iterator[tuple[str, bool]]:
        if brace == b"{":
            if len(self._outer) > _MOST_DEPTH:
                raise DataError("groups nested too deep", where=self._path)
            self._outer.append(self._group)
            self._group = replace(self._group, marked=False)
            return
        inner, self._group = self._group, self._outer.pop() if self._outer else _Group()
        if inner.about and inner.about != self._group.about:
            yield from self._end(inner.about.decode())

    def _word(self, word: bytes, number: bytes | None) -> Iterator[tuple[str, bool]]:
        if word in _PASSED or (self._group.marked and word not in _KEPT):
            self._group = replace(self._group, passed=True, marked=False)
        if word in _ABOUT:
            yield from self._end()
            self._group = replace(self._group, about=word, marked=False)
        elif word in _ENDS:
            yield from self._end()
        elif word in _WHITE or word in _SIGNS:
            self._say(_WHITE.get(word) or _SIGNS[word])
        elif word == b"u" and number:
            self._flush()
            self._say(chr(int(number) % 0x10000))
            self._skip = self._group.unicode_length
        elif word == b"uc" and number:
            self._group = replace(self._group, unicode_length=min(abs(int(number)), 8))
        elif word == b"ansicpg" and number:
            self._encoding = f"cp{int(number)}"
        elif word == b"bin" and number:
            self._binary = max(0, int(number))
        self._group = replace(self._group, marked=False) if self._group.marked else self._group

    def _raw(self, text: bytes) -> None:
        if self._skip:
            text, self._skip = text[self._skip :], max(0, self._skip - len(text))
        if not self._group.passed:
            self._bytes += text
            self._size += len(text)

    def _say(self, text: str) -> None:
        if not self._group.passed:
            self._flush()
            self._gathered.append(text)
            self._size += len(text)

    def _flush(self) -> None:
        if self._bytes:
            self._gathered.append(text_in(bytes(self._bytes), self._encoding))
            self._bytes.clear()

    def _end(self, about: str = "") -> Iterator[tuple[str, bool]]:
        self._flush()
        joined = "".join(self._gathered)
        # Halves of a pair, which RTF writes one by one.
        text = joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
        self._gathered.clear()
        self._size = 0
        if text:
            yield f"{about}: {text}" if about else text, True
