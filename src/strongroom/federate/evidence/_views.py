"""What bytes may hide behind: text in other clothes, hex, base64, compression."""

from __future__ import annotations

import binascii
import bz2
import lzma
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

SEPARATOR = 31
_DEPTH = 3
_MOST = 1 << 28  # bytes that may come out of what was put in
_MOST_OF_ONE = 1 << 25
_RUN = 16  # letters: 8 bytes of hex, 12 of base64
_USEFUL = 8
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_ESCAPE = re.compile(rb"\\u([0-9a-fA-F]{4})|%([0-9a-fA-F]{2})")
_TEXT = "text"
_BREAK = b"\0\xff\0\xff"
_GAP = bytes([SEPARATOR])
_BETWEEN = re.compile(rb"[^0-9A-Za-z\x80-\xff]+")
_MAGIC: dict[str, tuple[bytes, Callable[[], Any]]] = {
    "gzip": (b"\x1f\x8b\x08", lambda: zlib.decompressobj(31)),
    "bzip2": (b"BZh", bz2.BZ2Decompressor),
    "xz": (b"\xfd7zXZ\x00", lzma.LZMADecompressor),
}
_ZIP = b"PK\x03\x04"
_ZIP_HEAD = 30


@dataclass(frozen=True, eq=False)
class View:
    """Bytes to be searched.

    Attributes:
        way: how they were made of what was captured, from the outside in; empty: as captured.
        content: uint8 [n].
        marks: int64 [2, k]: offsets of these bytes, rising, and where in the capture they stand.
        exact: between marks one byte here is one byte there.
    """

    way: tuple[str, ...]
    content: NDArray[np.uint8]
    marks: NDArray[np.int64]
    exact: bool = False

    @property
    def squeezed(self) -> bool:
        """Whether they are squeezed text."""
        return self.way[-1:] == (_TEXT,)

    def place(self, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return about where in the capture offsets of these bytes stand."""
        mark = np.searchsorted(self.marks[0], offsets, side="right") - 1
        found: NDArray[np.int64] = self.marks[1][mark]
        if self.exact:
            found = found + offsets - self.marks[0][mark]
        return found


@dataclass
class Budget:
    """How much may still come out of what was captured; `spent` says that it wasn't enough."""

    left: int = _MOST
    spent: bool = False

    def take(self, size: int) -> bool:
        """Count bytes; False where it is too much."""
        self.left -= size
        self.spent |= self.left < 0
        return self.left >= 0


def squeeze(text: bytes) -> bytes:
    """Return a short text as it is compared: lower case, one separator between words."""
    return _BETWEEN.sub(_GAP, text).strip(_GAP).lower()


def squeezed(view: View) -> View:
    """Return a view's text without its clothes: quotes, commas, tabs, brackets, capitals.

    So a row is the same in CSV, TSV, JSON and Python's own notation.
    """
    from strongroom.federate.evidence import _kernels as kernels

    content = view.content
    out = np.empty(len(content), np.uint8)
    origins = np.zeros(len(content) // 64 + 1, np.int64)
    written = kernels.squeeze(content, _FOLDED, out, origins)
    origins = origins[: max(1, -(-written // 64))]
    marks = np.stack([64 * np.arange(len(origins)), view.place(origins)])
    return View((*view.way, _TEXT), out[:written], marks)


def views(captured: NDArray[np.uint8], budget: Budget) -> Iterator[View]:
    """Yield everything that may be read in captured bytes, each also as squeezed text."""
    todo = [View((), captured, np.zeros((2, 1), np.int64), exact=True)]
    while todo:
        view = todo.pop()
        yield view
        yield squeezed(view)
        if len(view.way) < _DEPTH:
            todo += list(_within(view, budget))


def _within(view: View, budget: Budget) -> Iterator[View]:
    content = view.content.tobytes()
    for name, inside, decode in (
        ("escapes", _PRINTABLE, _from_escapes),
        ("hex", _HEX, _from_hex),
        ("base64", _SIXTY_FOUR, _from_base64),
    ):
        found = [
            (begin, part)
            for begin, end in _runs(view.content, inside).tolist()
            for part in decode(content[begin:end])
        ]
        if found and budget.take(sum(len(part) for _, part in found)):
            yield _joined(view, name, found)
    yield from _compressed(view, content, budget)


def _joined(view: View, name: str, found: list[tuple[int, bytes]]) -> View:
    """Put short ones together, with something between: a thousand of them cost one search."""
    sizes = [len(part) + len(_BREAK) for _, part in found]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    places = view.place(np.array([begin for begin, _ in found], np.int64))
    content = _array(_BREAK.join(part for _, part in found))
    return View((*view.way, name), content, np.stack([starts, places]))


def _from_escapes(text: bytes) -> list[bytes]:
    def plain(match: re.Match[bytes]) -> bytes:
        code = int(match[1] or match[2], 16)
        return bytes([code]) if match[2] else chr(code).encode("utf-8", "surrogatepass")

    if b"\\u" not in text and b"%" not in text:
        return []
    found = _ESCAPE.sub(plain, text)
    return [found] if len(found) < len(text) else []


def _runs(content: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    from strongroom.federate.evidence import _kernels as kernels

    out = np.zeros((1024, 2), np.int64)
    count = kernels.runs(content, inside, _RUN, out)
    if count > len(out):
        out = np.zeros((count, 2), np.int64)
        kernels.runs(content, inside, _RUN, out)
    return out[:count]


def _from_hex(text: bytes) -> list[bytes]:
    whole = len(text) & ~1
    found = [binascii.unhexlify(text[:whole])]
    if len(text) > _RUN:
        rest = text[1:]
        found.append(binascii.unhexlify(rest[: len(rest) & ~1]))
    return found


def _from_base64(text: bytes) -> list[bytes]:
    plain = text.translate(_STANDARD)
    found = []
    for shift in range(4):  # whatever stood before it
        part = plain[shift:]
        spare = len(part) % 4
        # What fills up the end is no letter of it; one letter alone is no byte.
        part = part + b"=" * (4 - spare) if spare > 1 else part[: len(part) - spare]
        found.append(binascii.a2b_base64(part))
    return found


def _compressed(view: View, content: bytes, budget: Budget) -> Iterator[View]:
    done = -1
    for name, at, start, reader in _heads(view.content, content):
        if name == "zlib" and at <= done:
            continue  # within a stream that was read
        found, end = _inflate(content, start, reader)
        budget.spent |= len(found) >= _MOST_OF_ONE
        if found and budget.take(len(found)):
            done = max(done, end if name == "zlib" else -1)
            place = view.place(np.array([at]))
            yield View((*view.way, name), _array(found), np.stack([np.zeros(1, np.int64), place]))


def _heads(content: NDArray[np.uint8], whole: bytes) -> Iterator[tuple[str, int, int, Any]]:
    """Yield (name, where, where its content begins, reader) of what may be compressed."""
    from strongroom.federate.evidence import _kernels as kernels

    heads = np.zeros(len(whole) // 256 + 1024, np.int64)
    count = kernels.zlib_heads(content, heads)
    if count > len(heads):
        heads = np.zeros(count, np.int64)
        kernels.zlib_heads(content, heads)
    for at in map(int, heads[:count]):
        # Without its head and checksum, so that a broken one hides nothing.
        yield "zlib", at, at + 2, zlib.decompressobj(-15)
    for name, (magic, maker) in _MAGIC.items():
        for at in _places(whole, magic):
            yield name, at, at, maker()
    for at in _places(whole, _ZIP):
        head = whole[at : at + _ZIP_HEAD]
        skip = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        yield "zip", at, at + _ZIP_HEAD + skip, zlib.decompressobj(-15)


def _inflate(content: bytes, at: int, reader: Any) -> tuple[bytes, int]:  # noqa: ANN401 - see _MAGIC
    """Return what can be read from there, and where it ends if it ends."""
    out: list[bytes] = []
    size, step = 0, 1 << 6
    try:
        while at < len(content) and not reader.eof and size < _MOST_OF_ONE:
            out.append(reader.decompress(content[at : at + step]))
            size += len(out[-1])
            at += step
            step = min(step * 2, 1 << 20)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
        at = 0
    found = b"".join(out)
    end = at - len(reader.unused_data) if reader.eof else 0
    return (found if len(found) >= _USEFUL else b""), end


def _places(content: bytes, magic: bytes) -> Iterator[int]:
    at = content.find(magic)
    while at >= 0:
        yield at
        at = content.find(magic, at + 1)


def _array(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)


def _folded() -> NDArray[np.uint8]:
    table = np.full(256, SEPARATOR, np.uint8)
    for byte in range(256):
        if chr(byte).isalnum() and byte < 128:  # noqa: PLR2004 - ASCII
            table[byte] = ord(chr(byte).lower())
        elif byte >= 128:  # noqa: PLR2004
            table[byte] = byte
    return table


def _inside(letters: bytes) -> NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(letters)] = True
    return table


_FOLDED = _folded()
_HEX = _inside(b"0123456789abcdefABCDEF")
_SIXTY_FOUR = _inside(_BASE64)
_PRINTABLE = _inside(bytes(range(32, 127)) + b"\t\n\r")
_STANDARD = bytes.maketrans(b"-_", b"+/")
