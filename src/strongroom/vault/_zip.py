"""A strict reader of ZIP files: what every reader agrees on, and nothing else.

Attacks on scanners live in the difference between two readers: names that differ between the
central directory and the local header, flags that one refuses and the other ignores, prefixes,
gaps, duplicate members. So the archive must start at byte 0, be covered by its members without a
gap or an overlap, and end with its directory (APPNOTE.TXT 6.3.10, sections 4.3 and 4.4).
"""

from __future__ import annotations

import stat
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strongroom.vault._safetensors import Bytes

MAGIC = b"PK\x03\x04"
_EOCD, _EOCD64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_EOCD_FORM = struct.Struct("<4s4H2LH")
_EOCD64_FORM = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64_FORM = struct.Struct("<4sLQL")
_CENTRAL_FORM = struct.Struct("<4s6H3L5H2L")
_LOCAL_FORM = struct.Struct("<4s5H3L2H")
_CENTRAL = b"PK\x01\x02"
_ZIP64_EXTRA = 1
_UNIX = 3
_STORED, _DEFLATED = 0, 8
_DESCRIPTOR, _UTF8 = 0x0008, 0x0800
# 0x0006 are deflate's level hints. Encryption (0x1, 0x40, 0x2000) and patches (0x20) are refused.
_HARMLESS_FLAGS = _DESCRIPTOR | _UTF8 | 0x0006
_MOST_MEMBERS = 1_000_000
_PIECE = 1 << 20
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_DESCRIPTOR_MARK = b"PK\x07\x08"


class MalformedError(ValueError):
    """The archive isn't strict; the text says why. `hostile` when no honest writer does that."""

    def __init__(self, why: str, *, hostile: bool = False) -> None:
        super().__init__(why)
        self.hostile = hostile


@dataclass(frozen=True)
class Member:
    """One file of the archive; its packed bytes are `archive[start:end]`."""

    name: str
    size: int
    start: int
    end: int
    crc: int
    deflated: bool


@dataclass(frozen=True)
class _Entry:
    """A member as the central directory has it."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    attributes: int
    system: int


def hidden_archive(data: Bytes) -> bool:
    """Say whether lenient readers would find an archive at the end of this file."""
    tail = data[max(0, len(data) - _FULL16 - _EOCD_FORM.size) :]
    found = tail.rfind(_EOCD)
    return found >= 0 and len(tail) - found >= _EOCD_FORM.size


def read_members(data: Bytes) -> tuple[Member, ...]:
    """Return the members, in order, after checking the structure of the whole archive.

    Raises:
        MalformedError: two readers could disagree about it.
    """
    count, size, start = _directory(data)
    entries = _entries(data, count, start, start + size)
    _check_names(entries)
    members, position = [], 0
    for entry in sorted(entries, key=lambda e: e.offset):
        if entry.offset != position:
            raise MalformedError("there are bytes between or before the members", hostile=True)
        member, position = _local(data, entry)
        members.append(member)
    if position != start:
        raise MalformedError("there are bytes between the members and their directory")
    return tuple(members)


def unpack(data: Bytes, member: Member, limit: int) -> bytes:
    """Return a member's bytes.

    Raises:
        MalformedError: more than `limit`, another size or checksum than promised.
    """
    if member.size > limit:
        raise MalformedError("a member is larger than allowed")
    content = data[member.start : member.end]
    if member.deflated:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            content = inflater.decompress(content, member.size + 1)
        except zlib.error as error:
            raise MalformedError("a member is not valid deflate", hostile=True) from error
        if not inflater.eof or inflater.unused_data:
            raise MalformedError("a member unpacks to more or less than it says", hostile=True)
    if len(content) != member.size:
        raise MalformedError("a member unpacks to more or less than it says", hostile=True)
    if zlib.crc32(content) != member.crc:
        raise MalformedError("a member's checksum is wrong", hostile=True)
    return content


def check(data: Bytes, member: Member) -> None:
    """Check a stored member's checksum without holding more than a piece of it.

    Raises:
        MalformedError: it is packed, or the checksum is wrong.
    """
    if member.deflated:
        raise MalformedError("a member is packed that shouldn't be")
    crc = 0
    for start in range(member.start, member.end, _PIECE):
        crc = zlib.crc32(data[start : min(start + _PIECE, member.end)], crc)
    if crc != member.crc:
        raise MalformedError("a member's checksum is wrong", hostile=True)


def _directory(data: Bytes) -> tuple[int, int, int]:
    """Return (members, bytes, offset) of the central directory, which must end the file."""
    end = len(data) - _EOCD_FORM.size
    if end < 0 or data[end : end + 4] != _EOCD:
        raise MalformedError("the archive doesn't end with its directory")
    _, disk, first, here, count, size, start, comment = _EOCD_FORM.unpack(data[end:])
    if comment:
        raise MalformedError("the archive doesn't end with its directory")
    locator = end - _LOCATOR64_FORM.size
    if locator >= 0 and data[locator : locator + 4] == _LOCATOR64:
        large = _directory64(data, locator)
        small = (disk, first, here, count, size, start)
        limits = (_FULL16, _FULL16, _FULL16, _FULL16, _FULL32, _FULL32)
        if any(s not in {x, full} for s, x, full in zip(small, large, limits, strict=True)):
            raise MalformedError("two directories contradict each other", hostile=True)
        disk, first, here, count, size, start = large
        end = locator - _EOCD64_FORM.size
    if disk or first or here != count:
        raise MalformedError("the archive is in several parts")
    if start + size != end or count > _MOST_MEMBERS:
        raise MalformedError("the directory isn't where the archive says")
    return count, size, start


def _directory64(data: Bytes, locator: int) -> tuple[int, ...]:
    record = locator - _EOCD64_FORM.size
    _, disk, place, disks = _LOCATOR64_FORM.unpack(data[locator : locator + _LOCATOR64_FORM.size])
    if record < 0 or place != record or disk or disks > 1 or data[record : record + 4] != _EOCD64:
        raise MalformedError("the large directory isn't where the archive says", hostile=True)
    fields = _EOCD64_FORM.unpack(data[record:locator])
    if fields[1] != _EOCD64_FORM.size - 12:
        raise MalformedError("the large directory has an extension", hostile=True)
    return fields[4:]


def _entries(data: Bytes, count: int, start: int, end: int) -> list[_Entry]:
    entries = []
    for _ in range(count):
        if start + _CENTRAL_FORM.size > end:
            raise MalformedError("the directory is cut short")
        fields = _CENTRAL_FORM.unpack(data[start : start + _CENTRAL_FORM.size])
        mark, made_by, _, flags, method, _, _, crc, packed, size = fields[:10]
        name_length, extra_length, comment_length, disk, _, attributes, offset = fields[10:]
        name_start = start + _CENTRAL_FORM.size
        extra_start = name_start + name_length
        start = extra_start + extra_length + comment_length
        if mark != _CENTRAL or disk or start > end:
            raise MalformedError("the directory is malformed")
        extra = data[extra_start : extra_start + extra_length]
        size, packed, offset = _zip64(extra, size, packed, offset)
        raw = data[name_start:extra_start]
        entries.append(
            _Entry(raw, flags, method, crc, packed, size, offset, attributes, made_by >> 8)
        )
    if start != end:
        raise MalformedError("the directory holds more than its members", hostile=True)
    return entries


def _zip64(extra: bytes, *fields: int) -> list[int]:
    """Replace each field that is all ones by its 64-bit value from the extra field."""
    values = list(fields)
    wanted = [i for i, value in enumerate(values) if value == _FULL32]
    found = [body for kind, body in _extras(extra) if kind == _ZIP64_EXTRA]
    if len(found) > 1 or (wanted and not found):
        raise MalformedError("a member's large sizes are missing or doubled", hostile=True)
    if wanted and len(found[0]) < 8 * len(wanted):
        raise MalformedError("a member's large sizes are cut short", hostile=True)
    for place, index in enumerate(wanted):
        values[index] = int.from_bytes(found[0][8 * place : 8 * place + 8], "little")
    return values


def _extras(extra: bytes) -> list[tuple[int, bytes]]:
    fields, position = [], 0
    while position < len(extra):
        if position + 4 > len(extra):
            raise MalformedError("a member's extra field is malformed")
        kind, length = struct.unpack_from("<HH", extra, position)
        fields.append((kind, extra[position + 4 : position + 4 + length]))
        position += 4 + length
    if position != len(extra):
        raise MalformedError("a member's extra field is malformed")
    return fields


def _check_names(entries: list[_Entry]) -> None:
    seen = set()
    for entry in entries:
        try:
            # Without the flag a name is of some old code page: only its ASCII part is certain.
            name = entry.raw_name.decode("utf-8" if entry.flags & _UTF8 else "ascii")
        except UnicodeDecodeError as error:
            raise MalformedError("a member's name is not readable") from error
        if not name or name.endswith("/"):
            raise MalformedError("a member is a folder or has no name")
        parts = name.split("/")
        if "\\" in name or ":" in name or "\0" in name or not {"", ".", ".."}.isdisjoint(parts):
            raise MalformedError("a member's name leads outside the archive", hostile=True)
        if entry.system == _UNIX and stat.S_ISLNK(entry.attributes >> 16):
            raise MalformedError("a member is a symbolic link", hostile=True)
        if name.casefold() in seen:
            raise MalformedError("two members have the same name", hostile=True)
        seen.add(name.casefold())
        if entry.flags & ~_HARMLESS_FLAGS:
            raise MalformedError("a member's flags make some readers refuse it", hostile=True)
        if entry.method not in {_STORED, _DEFLATED}:
            raise MalformedError("a member is packed by an uncommon method")


def _local(data: Bytes, entry: _Entry) -> tuple[Member, int]:
    """Check the local header against the directory; return the member and where it ends."""
    header = data[entry.offset : entry.offset + _LOCAL_FORM.size]
    if len(header) < _LOCAL_FORM.size or header[:4] != MAGIC:
        raise MalformedError("a member isn't where the directory says", hostile=True)
    _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL_FORM.unpack(
        header
    )
    start = entry.offset + _LOCAL_FORM.size + name_length + extra_length
    name_start = entry.offset + _LOCAL_FORM.size
    name = data[name_start : name_start + name_length]
    extra = data[start - extra_length : start]
    if name != entry.raw_name or flags != entry.flags or method != entry.method:
        raise MalformedError("a member's own header contradicts the directory", hostile=True)
    size, packed = _zip64(extra, size, packed)
    claimed, true = (crc, packed, size), (entry.crc, entry.packed, entry.size)
    later = flags & _DESCRIPTOR and claimed == (0, 0, 0)
    if claimed != true and not later:
        raise MalformedError("a member's own header contradicts the directory", hostile=True)
    end = start + entry.packed
    if method == _STORED and entry.packed != entry.size:
        raise MalformedError("a stored member has two sizes", hostile=True)
    member = Member(entry.raw_name.decode(), entry.size, start, end, entry.crc, method == _DEFLATED)
    return member, end + (_descriptor(data, end, true) if flags & _DESCRIPTOR else 0)


def _descriptor(data: Bytes, start: int, true: tuple[int, int, int]) -> int:
    """Return the length of the data descriptor at `start`, which repeats checksum and sizes."""
    for sizes in ("LL", "QQ"):
        if "L" in sizes and max(true) > _FULL32:
            continue
        expected = _DESCRIPTOR_MARK + struct.pack(f"<L{sizes}", *true)
        if data[start : start + len(expected)] == expected:
            return len(expected)
    raise MalformedError("a member's trailing record contradicts the directory", hostile=True)
