"""What a picture's file says beside its pixels: EXIF, XMP, IPTC, comments, text chunks.

No pixel is decoded. JPEG, PNG, WebP, GIF and TIFF are walked; in others (HEIC, AVIF) the blocks
are looked for. After ITU T.81, the PNG and WebP specifications, IPTC IIM 4.2 and XMP part 1.
"""

from __future__ import annotations

import re
import struct
import zlib
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING

from strongroom.data._encodings import valid_text
from strongroom.data.documents._exif import degrees, exif_fields
from strongroom.data.documents._xml import xml_events
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

_MOST_TEXT, _MOST_UNPACKED, _MOST_BLOCKS = 1 << 20, 1 << 24, 64
_ADOBE, _XMP, _MORE_XMP = (
    b"Photoshop 3.0\0",
    b"http://ns.adobe.com/xap/1.0/\0",
    b"http://ns.adobe.com/xmp/extension/\0",
)
_XMP_KEY = b"XML:com.adobe.xmp"
_BEGINS, _ENDS = b"<x:xmpmeta", b"</x:xmpmeta>"
_FRAMES = frozenset({"RDF", "Description", "Seq", "Bag", "Alt", "li", "xmpmeta"})
_DULL = frozenset({"about", "parseType", "lang", "xmptk", "resource", "datatype", "nodeID"})
_PROFILE = b"Raw profile type "
_PROFILES = {b"exif": "exif", b"APP1": "exif", b"xmp": "xmp", b"iptc": "iptc"}
_PLACE = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])")
_IPTC = {
    5: "Title",
    25: "Keywords",
    40: "Instructions",
    55: "Date created",
    80: "Author",
    85: "Author's title",
    90: "City",
    92: "Location",
    95: "State",
    101: "Country",
    103: "Job id",
    105: "Headline",
    110: "Credit",
    115: "Source",
    116: "Copyright",
    118: "Contact",
    120: "Caption",
    122: "Caption writer",
}


def picture_fields(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield name and value of every field, in the order of the file; damage ends a block."""
    if content.startswith(b"\xff\xd8"):
        yield from _jpeg(content)
    elif content.startswith(b"\x89PNG"):
        yield from _png(content)
    elif content.startswith(b"RIFF"):
        for name, block in _chunks(content, 12, "<", 0):
            yield from _block({b"EXIF": "exif", b"XMP ": "xmp"}.get(name, ""), block)
    elif content.startswith((b"II*\0", b"MM\0*")):
        yield from exif_fields(content)
        yield from _found(content)
    elif content.startswith(b"GIF8"):
        yield from _gif(content)
    else:
        yield from _found(content)


def _block(kind: str, block: bytes) -> Iterator[tuple[str, str]]:
    if kind == "exif":
        yield from exif_fields(block.removeprefix(b"Exif\0\0"))
    elif kind == "xmp":
        yield from _xmp(block)
    elif kind == "iptc":
        yield from _photoshop(block)


def _jpeg(content: bytes) -> Iterator[tuple[str, str]]:
    """Walk the segments up to the pixels; a part of XMP that didn't fit follows the first."""
    at, more = 2, bytearray()
    while at + 4 <= len(content) and content[at] == 0xFF:  # noqa: PLR2004 - begins each marker
        marker = content[at + 1]
        if marker in {0xFF, 0x01} or 0xD0 <= marker <= 0xD8:  # noqa: PLR2004 - fill, or no length
            at += 1 if marker == 0xFF else 2  # noqa: PLR2004 - as above
            continue
        if marker in {0xDA, 0xD9}:
            break
        (length,) = struct.unpack_from(">H", content, at + 2)
        block = content[at + 4 : at + 2 + length]
        at += 2 + max(2, length)
        if marker == 0xFE:  # noqa: PLR2004 - COM
            yield "Comment", valid_text(block).strip("\0 \n")
        elif marker == 0xE1 and block.startswith(b"Exif\0\0"):  # noqa: PLR2004 - APP1
            yield from exif_fields(block[6:])
        elif block.startswith(_XMP):
            yield from _xmp(block[len(_XMP) :])
        elif block.startswith(_MORE_XMP):
            # Its digest, the whole length and the place of this part stand in between.
            more += block[len(_MORE_XMP) + 40 :] if len(more) < _MOST_UNPACKED else b""
        elif block.startswith(_ADOBE):
            yield from _photoshop(block[len(_ADOBE) :])
    if more:
        yield from _xmp(bytes(more))


def _chunks(content: bytes, at: int, order: str, after: int) -> Iterator[tuple[bytes, bytes]]:
    """Walk chunks of name, length and content: WebP's (`<`, padded), PNG's (`>`, checksums)."""
    while at + 8 <= len(content):
        if order == "<":
            name, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        else:
            name, length = content[at + 4 : at + 8], int.from_bytes(content[at : at + 4], "big")
        yield name, content[at + 8 : at + 8 + length]
        at += 8 + length + after + (length % 2 if order == "<" else 0)


def _png(content: bytes) -> Iterator[tuple[str, str]]:
    left = _MOST_UNPACKED
    for name, block in _chunks(content, 8, ">", 4):
        if name == b"eXIf":
            yield from exif_fields(block)
        elif name in {b"tEXt", b"zTXt", b"iTXt"} and left > 0:
            key, text = _png_text(name, block)
            left -= len(text)
            if key == _XMP_KEY:
                yield from _xmp(text)
            elif key.startswith(_PROFILE):
                yield from _block(_PROFILES.get(key[len(_PROFILE) :], ""), _hexadecimal(text))
            else:
                yield valid_text(key), valid_text(text)


def _png_text(name: bytes, block: bytes) -> tuple[bytes, bytes]:
    """Return key and text of a chunk, unpacked."""
    key, _, text = block.partition(b"\0")
    packed = name == b"zTXt"
    if packed:
        text = text[1:]
    elif name == b"iTXt":
        packed, text = text[:1] == b"\1", text[2:].split(b"\0", 2)[-1]
    if packed:
        try:
            text = zlib.decompressobj().decompress(text, _MOST_TEXT)
        except zlib.error:
            text = b""
    return key, text


def _hexadecimal(text: bytes) -> bytes:
    """Return a block as ImageMagick writes it: its name, its length, and its digits."""
    try:
        return bytes.fromhex(b"".join(text.split()[2:]).decode("ascii", "replace"))
    except ValueError:
        return b""


def _gif(content: bytes) -> Iterator[tuple[str, str]]:
    for found in islice(re.finditer(rb"!\xfe", content), _MOST_BLOCKS):
        at, text = found.end(), b""
        while len(text) < _MOST_TEXT and (length := int.from_bytes(content[at : at + 1], "big")):
            text += content[at + 1 : at + 1 + length]
            at += 1 + length
        if text.isascii():
            # These two bytes stand among pixels too.
            yield "Comment", valid_text(text)
    yield from _found(content)


def _found(content: bytes) -> Iterator[tuple[str, str]]:
    """Look for blocks in a format that isn't walked."""
    blocks = re.finditer(rb"Exif\0\0(?=II\*\0|MM\0\*)", content)
    for place in islice(blocks, _MOST_BLOCKS):
        yield from exif_fields(content[place.end() : place.end() + _MOST_TEXT])
    yield from xmp_fields(content, _MOST_BLOCKS)


def xmp_fields(content: bytes | mmap, most: int) -> Iterator[tuple[str, str]]:
    """Yield what the first `most` packets of XMP say that stand plainly in a file."""
    begin = content.find(_BEGINS)
    while begin >= 0 and most:
        end = content.find(_ENDS, begin)
        if end < 0:
            break
        if end - begin < _MOST_UNPACKED:
            yield from _xmp(content[begin : end + len(_ENDS)])
        begin, most = content.find(_BEGINS, end), most - 1


def _photoshop(content: bytes) -> Iterator[tuple[str, str]]:
    """Walk Photoshop's resources to the one that holds IPTC's records."""
    at = 0
    while content.startswith(b"8BIM", at):
        name = content[at + 6] if at + 6 < len(content) else 0
        begin = at + 7 + name + (name + 1) % 2
        length = int.from_bytes(content[begin : begin + 4], "big")
        if content[at + 4 : at + 6] == b"\x04\x04":
            yield from _iptc(content[begin + 4 : begin + 4 + length])
        at = begin + 4 + length + length % 2


def _iptc(content: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    while at + 5 <= len(content) and content[at] == 0x1C:  # noqa: PLR2004 - begins each data set
        record, kind, length = struct.unpack_from(">BBH", content, at + 1)
        if length > 0x7FFF:  # noqa: PLR2004 - lengths of longer ones take more bytes: none of text
            return
        if record == 2:  # noqa: PLR2004 - what the application says
            value = valid_text(content[at + 5 : at + 5 + length]).strip("\0 ")
            if value.isprintable() and kind:
                yield _IPTC.get(kind, f"IPTC {kind}"), value
        at += 5 + length


def _xmp(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield properties as their own names say them; a list's members each by themselves."""
    names: list[str] = []
    text = ""
    places: dict[str, float] = {}
    try:
        for event in xml_events(BytesIO(content.strip(b"\0 \n\r\t")), "XMP"):
            if event.what == "start":
                names.append(names[-1] if event.name in _FRAMES and names else event.name)
                text = ""
                for key, value in event.attributes.items():
                    if key not in _DULL and value.strip():
                        yield from _property(key, value, places)
            elif event.what == "text":
                text += event.name if len(text) < _MOST_TEXT else ""
            else:
                if text.strip():
                    yield from _property(names[-1], text.strip(), places)
                text = ""
                names.pop()
    except DataError:
        return
    if len(places) == 2:  # noqa: PLR2004 - latitude and longitude
        yield "GPS position", f"{places['GPSLatitude']:.6f}, {places['GPSLongitude']:.6f}"


def _property(name: str, value: str, places: dict[str, float]) -> Iterator[tuple[str, str]]:
    place = _PLACE.fullmatch(value)
    if place and name in {"GPSLatitude", "GPSLongitude"}:
        parts = tuple(float(part) for part in place.groups()[:3] if part)
        places[name] = degrees(parts, place.group(4))
    else:
        yield re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name), value
