"""The header of an age file: version line, stanzas, MAC.

Grammar: C2SP, age.md, "Header". The parser accepts exactly what an honest writer makes.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.vault.age.errors import HeaderError, HeaderMacError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.vault.age._source import Source

FILE_KEY_LENGTH = 16
MAGIC = b"age-encryption.org/v1"
_COLUMNS = 64
_MAC_LENGTH = 32
# Bounds the memory that a hostile header can take; a thousand post-quantum recipients fit.
_LONGEST_HEADER = 1 << 21
_LONGEST_LINE = 1 << 16
_ARGUMENTS = re.compile(rb"->((?: [!-~]+)+)")


@dataclass(frozen=True)
class Stanza:
    """One wrapped copy of the file key: its kind, its arguments, its body."""

    kind: str
    arguments: tuple[str, ...]
    body: bytes

    def __bytes__(self) -> bytes:
        lines = [" ".join(["->", self.kind, *self.arguments]).encode("ascii")]
        text = encode64(self.body).encode("ascii")
        # A body ends with a short line, an empty one if need be.
        lines += [text[i : i + _COLUMNS] for i in range(0, len(text) + 1, _COLUMNS)]
        return b"".join(line + b"\n" for line in lines)


class Recipient(Protocol):
    """Whoever a file key can be wrapped for."""

    def wrap(self, file_key: bytes) -> list[Stanza]:
        """Return the stanzas that let its identity find `file_key` (16 bytes) again."""
        ...


class Identity(Protocol):
    """Whoever can find the file key in a header."""

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Return the file key, or None when no stanza is for this identity.

        Raises:
            HeaderError: a stanza of its kind is malformed.
        """
        ...


def encode64(data: bytes) -> str:
    """Write standard base64 without padding."""
    return base64.b64encode(data).decode("ascii").rstrip("=")


def decode64(text: str | bytes) -> bytes:
    """Read canonical standard base64 without padding.

    Raises:
        HeaderError: padding, foreign characters, or spare bits that aren't zero.
    """
    raw = text.encode("ascii") if isinstance(text, str) else text
    try:
        data = base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("a field is not base64") from error
    if encode64(data).encode("ascii") != raw:
        raise _malformed("a field is not canonical base64")
    return data


def write_header(stanzas: Sequence[Stanza], file_key: bytes) -> bytes:
    """Return the header, MAC included."""
    body = MAGIC + b"\n" + b"".join(map(bytes, stanzas)) + b"---"
    return body + b" " + encode64(_mac(body, file_key)).encode("ascii") + b"\n"


@dataclass(frozen=True)
class Header:
    """A parsed header whose MAC hasn't been checked yet: that takes the file key."""

    stanzas: tuple[Stanza, ...]
    signed: bytes
    mac: bytes

    @property
    def length(self) -> int:
        """Bytes from the start of the file to the payload's nonce."""
        return len(self.signed) + len(" ") + len(encode64(self.mac)) + len("\n")

    def check(self, file_key: bytes) -> None:
        """Check the MAC, in constant time.

        Raises:
            HeaderMacError: the header isn't what was written with this file key.
        """
        if not hmac.compare_digest(_mac(self.signed, file_key), self.mac):
            raise HeaderMacError("the header of the encrypted file was changed")


def read_header(source: Source) -> Header:
    """Read a header and leave `source` at the first byte after it.

    Raises:
        HeaderError: it isn't exactly of the form that the format gives.
    """
    lines = _Lines(source)
    if lines.next() != MAGIC:
        raise HeaderError(
            "not an age v1 file", hint="this reads files made by strongroom seal or by age"
        )
    stanzas = []
    while (line := lines.next()).startswith(b"->"):
        stanzas.append(_read_stanza(line, lines))
    marker, space, mac = line.partition(b" ")
    if marker != b"---" or not space:
        raise _malformed("neither a stanza nor the final line")
    if not stanzas:
        raise _malformed("it names no recipient")
    if any(s.kind == "scrypt" for s in stanzas) and len(stanzas) != 1:
        # With a second recipient the passphrase would no longer authenticate the sender.
        raise _malformed("a passphrase stanza has company")
    code = decode64(mac)
    if len(code) != _MAC_LENGTH:
        raise _malformed("its MAC has the wrong length")
    return Header(tuple(stanzas), bytes(lines.seen[: -len(line) - 1]) + b"---", code)


def _read_stanza(first: bytes, lines: _Lines) -> Stanza:
    match = _ARGUMENTS.fullmatch(first)
    if match is None:
        raise _malformed("a stanza's first line is malformed")
    kind, *arguments = match[1][1:].decode("ascii").split(" ")
    body = bytearray()
    while True:
        line = lines.next()
        if len(line) > _COLUMNS:
            raise _malformed("a stanza's line is too long")
        body += decode64(line)
        if len(line) < _COLUMNS:
            return Stanza(kind, tuple(arguments), bytes(body))


class _Lines:
    """The header's lines, and every byte of them for the MAC."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.seen = bytearray()

    def next(self) -> bytes:
        line = self._source.readline(_LONGEST_LINE)
        self.seen += line
        if not line.endswith(b"\n"):
            raise _malformed("it ends in the middle of a line")
        if len(self.seen) > _LONGEST_HEADER:
            raise _malformed("it is too long")
        return line[:-1]


def _mac(signed: bytes, file_key: bytes) -> bytes:
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"header").derive(file_key)
    return hmac.digest(key, signed, "sha256")


def _malformed(why: str) -> HeaderError:
    return HeaderError(f"the header of the encrypted file is malformed: {why}")
