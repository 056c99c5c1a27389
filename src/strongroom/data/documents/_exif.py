"""EXIF: what a camera writes about itself, its owner and the place, field by field.

After CIPA DC-008 (Exif 3.0) and TIFF 6.0. Offsets in a file of a stranger lead anywhere: each
directory is read once, each value is bounded.
"""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING

from strongroom.data._encodings import valid_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = {
    0x010D: "Document name",
    0x010E: "Image description",
    0x010F: "Camera make",
    0x0110: "Camera model",
    0x0131: "Software",
    0x0132: "Date and time",
    0x013B: "Artist",
    0x013C: "Host computer",
    0x8298: "Copyright",
    0x9003: "Date and time taken",
    0x9004: "Date and time digitized",
    0x9286: "User comment",
    0x9C9B: "Title",
    0x9C9C: "Comment",
    0x9C9D: "Author",
    0x9C9E: "Keywords",
    0x9C9F: "Subject",
    0xA420: "Unique image id",
    0xA430: "Camera owner name",
    0xA431: "Camera body serial number",
    0xA433: "Lens make",
    0xA434: "Lens model",
    0xA435: "Lens serial number",
    0xA436: "Image title",
    0xA437: "Photographer",
    0xA438: "Image editor",
    0xC62F: "Camera serial number",
    0xC614: "Unique camera model",
    0xC68B: "Original file name",
}
_GPS_NAMES = {
    7: "GPS time",
    8: "GPS satellites",
    27: "GPS method",
    28: "GPS area",
    29: "GPS date",
}
_MAKER_NOTE, _USER_COMMENT, _TITLE, _SUBJECT = 0x927C, 0x9286, 0x9C9B, 0x9C9F
_EXIF_AT, _GPS_AT, _INTEROPERABILITY_AT, _MORE_AT = 0x8769, 0x8825, 0xA005, 0x014A
# TIFF's types: byte, text, short, long, rational, and their signed and real kin.
_FORMATS = {1: "B", 2: "s", 3: "H", 4: "L", 5: "LL", 6: "b", 7: "s", 8: "h", 9: "l", 10: "ll"}
_FORMATS |= {11: "f", 12: "d", 129: "s"}
_TEXTS = {2, 7, 129}
# Some programs say that these are bytes.
_HOLD_TEXT = {_MAKER_NOTE, _USER_COMMENT}
_MOST_DIRECTORIES, _MOST_ENTRIES, _MOST_BYTES = 32, 1024, 1 << 18
_RUN = re.compile(rb"[\x20-\x7e]{6,200}")

Value = bytes | tuple[float, ...]


def exif_fields(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield name and value of what a TIFF header and what follows it say; numbers of optics not.

    Latitude and longitude are one field, `GPS position`, in degrees.
    """
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None:
        return
    waiting = [(_offset(content, 4, order), _NAMES)]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        at, names = waiting.pop(0)
        if at in seen or not at:
            continue
        seen.add(at)
        found, following = _directory(content, at, order)
        for tag, known in ((_EXIF_AT, _NAMES), (_GPS_AT, _GPS_NAMES), (_MORE_AT, _NAMES)):
            pointed = found.pop(tag, ())
            if not isinstance(pointed, bytes):
                waiting += [(int(p), known) for p in pointed if 0 < p < len(content)]
        waiting.append((following, _NAMES))
        if names is _GPS_NAMES:
            yield from _position(found)
        for tag, value in found.items():
            if text := _text(tag, value):
                yield names.get(tag, f"Exif {tag:#06x}"), text


def degrees(parts: tuple[float, ...], reference: str) -> float:
    """Return degrees with their sign from degrees, minutes and seconds, as far as given."""
    value = math.fsum(part / 60**i for i, part in enumerate(parts[:3]))
    return -value if reference.upper() in {"S", "W"} else value


def _offset(content: bytes, at: int, order: str) -> int:
    return int(struct.unpack_from(f"{order}L", content, at)[0]) if at + 4 <= len(content) else 0


def _directory(content: bytes, at: int, order: str) -> tuple[dict[int, Value], int]:
    """Return the entries of one directory, and where the next one stands."""
    found: dict[int, Value] = {}
    left = _MOST_BYTES
    if at + 2 > len(content):
        return found, 0
    (count,) = struct.unpack_from(f"{order}H", content, at)
    begin = at + 2
    for place in range(begin, begin + 12 * min(count, _MOST_ENTRIES), 12):
        if place + 12 > len(content):
            break
        tag, kind, many = struct.unpack_from(f"{order}HHL", content, place)
        one = _FORMATS.get(kind)
        if one is None:
            continue
        size = many * struct.calcsize(f"={one}")
        value_at = place + 8 if size <= 4 else _offset(content, place + 8, order)  # noqa: PLR2004 - that much stands in the entry itself
        # Many entries may point to one large value.
        left -= size
        if left < 0 or value_at + size > len(content):
            continue
        raw = content[value_at : value_at + size]
        found[tag] = raw if kind in _TEXTS or tag in _HOLD_TEXT else _numbers(raw, one, order)
    return found, _offset(content, begin + 12 * count, order)


def _numbers(raw: bytes, one: str, order: str) -> tuple[float, ...]:
    values = [v for group in struct.iter_unpack(f"{order}{one}", raw) for v in group]
    if len(one) == 1:
        return tuple(values)
    pairs = zip(values[::2], values[1::2], strict=True)
    return tuple(above / below if below else math.nan for above, below in pairs)


def _text(tag: int, value: Value) -> str:
    """Return what a field says in words; nothing for numbers, which are of optics."""
    if tag == _MAKER_NOTE and isinstance(value, bytes):
        # Each maker's own format; owners and serial numbers stand in it as plain text.
        return "\n".join(run.decode().strip() for run in _RUN.findall(value))
    if _TITLE <= tag <= _SUBJECT:
        raw = bytes(int(v) for v in value if 0 <= v < 256)  # noqa: PLR2004 - bytes
        return raw.decode("utf-16-le", "replace").strip("\0 ")
    if not isinstance(value, bytes):
        return ""
    if tag == _USER_COMMENT or value[:8] in {b"ASCII\0\0\0", b"UNICODE\0", b"JIS\0\0\0\0\0"}:
        kind, value = value[:8], value[8:]
        if kind == b"UNICODE\0":
            return value.decode(
                "utf-16-le" if value[1:2] == b"\0" else "utf-16-be", "replace"
            ).strip("\0 ")
    text = valid_text(value.rstrip(b"\0")).strip("\0 \n")
    return text if text.isprintable() or "\n" in text else ""


def _position(found: dict[int, Value]) -> Iterator[tuple[str, str]]:
    places = []
    for reference, at in ((1, 2), (3, 4)):
        parts, letter = found.pop(at, ()), found.pop(reference, b"")
        if isinstance(parts, bytes) or not parts or not isinstance(letter, bytes):
            continue
        places.append(degrees(parts, letter[:1].decode("latin-1")))
    if len(places) == 2 and all(map(math.isfinite, places)):  # noqa: PLR2004 - latitude, longitude
        yield "GPS position", f"{places[0]:.6f}, {places[1]:.6f}"
