"""Text of any encoding as valid UTF-8, in constant memory; what is no text is told from it."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, BinaryIO

from strongroom.data._legacy import legacy_encoding
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 22
_MARKS = (
    # UTF-32's little-endian mark begins with UTF-16's.
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Two of the others part fields (Hive) and records.
_CONTROLS = bytes({*range(32)} - {*b"\t\n\f\r\b\x1b\x01\x1f"})
_MOST_CONTROLS = 0.02
# Zeros fill up fields of fixed width, and holes that a crash left in a log.
_PRINTED = bytes([0, *b"\n\r\f", *range(0x20, 0x7F)])
_ZEROS = re.compile(rb"\0+")
_MOST_HOLES = 0.2
_HIDDEN = {
    "iso8859-1": "cp1252", "ascii": "utf-8", "gb2312": "gb18030", "gbk": "gb18030",
    # Those with a mark were told by it.
    "utf-16": "utf-16-le", "utf-32": "utf-32-le",
}  # fmt: skip
_UNWANTED = {"idna", "punycode", "utf-7", "unicode_escape", "raw_unicode_escape", "undefined"}
_LEGACY_BYTES = 1 << 13
_WINDOWS = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_ESCAPED = re.compile("[\udc80-\udcff]")


def encoding_of(head: bytes) -> str | None:
    """Tell the encoding of a text by how it begins; None if that is no text.

    A byte order mark decides; then zero bytes at every second or fourth place (UTF-16, UTF-32),
    then whether it is UTF-8 but for some broken bytes, then the statistics of legacy encodings.

    Args:
        head: up to some tens of kilobytes; may end within a character.
    """
    found = _by_bytes(head)
    if found != "":
        return found
    lines = (line for line in head.split(b"\n") if not line.isascii())
    return legacy_encoding(b"\n".join(lines)[:_LEGACY_BYTES])


def _by_bytes(head: bytes) -> str | None:
    """Tell what bytes alone tell; an empty name for a text that isn't in Unicode."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    wide = _wide(head)
    if wide:
        return wide
    printed = head.translate(None, _CONTROLS)
    zeros = len(head) - len(printed) == head.count(0)
    if zeros and printed.isascii() and len(_ZEROS.findall(head)) <= _MOST_HOLES * len(printed):
        return "utf-8"
    controls = len(head) - len(printed)
    if controls > max(1, _MOST_CONTROLS * len(head)):
        return None
    if head.isascii():
        return "utf-8"
    text = head.decode("utf-8", "surrogateescape")
    broken = len(_ESCAPED.findall(text))
    beyond_ascii = len(_BEYOND_ASCII.findall(text)) - broken
    # A longer text is taken for what it nearly is.
    return "utf-8" if broken <= max(3 if len(head) == HEAD_BYTES else 0, beyond_ascii / 2) else ""


def utf8(
    stream: BinaryIO, path: str, notes: list[str], *, encoding: str | None = None
) -> Iterator[bytes]:
    """Yield what a text holds as chunks of valid UTF-8, each of whole characters, without a mark.

    Bytes that aren't UTF-8 in a text that is are read as Windows-1252, what they nearly always
    are; what has no meaning there either, and what is broken in another encoding, becomes U+FFFD.
    Both are counted, and said at the end in `notes`.

    Args:
        stream: read forward to its end.
        path: for messages.
        notes: gets a line when something had to be replaced.
        encoding: what the file says of itself; believed unless its bytes say that it is Unicode.

    Raises:
        DataError: it is no text.
    """
    head = stream.read(HEAD_BYTES)
    found = _by_bytes(head)
    if found == "" or (encoding is not None and found == "utf-8" and head.isascii()):
        found = (encoding and _known(encoding)) or encoding_of(head)
    if found is None:
        raise DataError(
            "this is no text: it holds bytes that no text has",
            where=path,
            hint="give the file the ending of what it is",
        )
    for mark, marked in _MARKS:
        if marked == found:
            head = head.removeprefix(mark)
    chunks = _chunks(head, stream)
    replaced = 0
    for text in _unicode(chunks) if found == "utf-8" else _decoded(chunks, found):
        if isinstance(text, bytes):
            yield text
            continue
        broken, clean = text
        replaced += broken
        if clean:
            yield clean.encode("utf-8", "replace")
    if replaced:
        notes.append(
            f"{replaced:,} bytes are not UTF-8: read as Windows-1252"
            if found == "utf-8"
            else f"{replaced:,} characters are broken in {found}: replaced"
        )


def valid_text(content: bytes) -> str:
    """Return what bytes say that are mostly UTF-8; the others as Windows-1252."""
    return content.decode("utf-8", "surrogateescape").translate(_WINDOWS)


def text_in(content: bytes, encoding: str) -> str:
    """Return what bytes say in the encoding that they are said to be in, as far as that goes."""
    known = _known(encoding)
    if known in {None, "utf-8"}:
        return valid_text(content)
    return content.decode(str(known), "replace")


def _chunks(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    while head:
        yield head
        head = stream.read(_CHUNK_BYTES)


def _unicode(chunks: Iterator[bytes]) -> Iterator[bytes | tuple[int, str]]:
    """Yield chunks that are valid as they are, and what was mended with how much was broken."""
    carried = b""
    for fresh in chunks:
        chunk = carried + fresh if carried else fresh
        cut = _within(chunk)
        carried, chunk = (chunk[-cut:], chunk[:-cut]) if cut else (b"", chunk)
        yield _valid(chunk)
    if carried:
        yield _valid(carried)


def _valid(chunk: bytes) -> bytes | tuple[int, str]:
    if chunk.isascii():
        return chunk
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError:
        return len(_ESCAPED.findall(chunk.decode("utf-8", "surrogateescape"))), valid_text(chunk)
    return chunk


def _within(chunk: bytes) -> int:
    """Return how many bytes at the end begin a character of UTF-8 and don't complete it."""
    for back in range(1, min(3, len(chunk)) + 1):
        byte = chunk[-back]
        if byte >= 0xC0:  # noqa: PLR2004 - a leading byte; 0xE0 and 0xF0 lead longer ones
            return back if back < 2 + (byte >= 0xE0) + (byte >= 0xF0) else 0  # noqa: PLR2004
        if byte < 0x80:  # noqa: PLR2004 - ASCII
            return 0
    return 0


def _decoded(chunks: Iterator[bytes], encoding: str) -> Iterator[tuple[int, str]]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in chunks:
        try:
            text = decoder.decode(chunk)
        except UnicodeError:
            # Too much of it waits for the end of an escape sequence (ISO 2022).
            decoder.reset()
            text = chunk.decode(encoding, "replace")
        yield text.count("\ufffd"), text
    text = decoder.decode(b"", final=True)
    yield text.count("\ufffd"), text


def _wide(head: bytes) -> str | None:
    """Recognise UTF-16 and UTF-32 without a mark: the upper bytes of most characters are 0."""
    zeros = head.count(0)
    if zeros < len(head) / 50:
        return None
    at = [head[i::4].count(0) / max(1, len(head[i::4])) for i in range(4)]
    low, high = 0.02, 0.6
    if min(at[1:]) > high and at[0] < low:
        return "utf-32-le"
    if min(at[:3]) > high and at[3] < low:
        return "utf-32-be"
    even, odd = (at[0] + at[2]) / 2, (at[1] + at[3]) / 2
    # Without a zero in every second place, half of its bytes are no letters of ASCII.
    odd_ones = len(head.translate(None, _PRINTED))
    least = high if odd_ones < len(head) / 10 else 0
    for encoding, upper, lower in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if upper > max(least, 4 * lower) and lower < low:
            text = head.decode(encoding, "replace")
            # The last character may be cut.
            strange = sum(c < " " and c not in "\t\n\r\f" for c in text) + text[:-1].count("\ufffd")
            return encoding if strange <= low * len(text) else None
    return None


def _known(encoding: str) -> str | None:
    """Return Python's name of a declared encoding; none for what is no encoding of text.

    Python has others, some of which unpack (zip, bz2) or are slow without bound.
    """
    try:
        name = codecs.lookup(encoding).name
        codecs.getincrementaldecoder(name)
        isinstance(b"a".decode(name, "replace"), str)
    except (LookupError, UnicodeError, ValueError):
        return None
    # Browsers take these for what they mostly hide, as the WHATWG's standard has it.
    return None if name in _UNWANTED else _HIDDEN.get(name, name)
