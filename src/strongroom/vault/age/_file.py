"""Whole files: header and payload together."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO, Self

from strongroom.errors import InputError
from strongroom.vault.age._armor import ArmorReader, ArmorWriter, looks_armored
from strongroom.vault.age._header import FILE_KEY_LENGTH, Header, read_header, write_header
from strongroom.vault.age._hybrid import KIND as HYBRID
from strongroom.vault.age._source import Source
from strongroom.vault.age._stream import (
    CHUNK,
    SEALED_CHUNK,
    TAG,
    open_chunk,
    open_payload,
    payload_cipher,
    read_nonce,
    seal_payload,
)
from strongroom.vault.age.errors import NoMatchError, PayloadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.vault.age._header import Identity, Recipient
    from strongroom.vault.age._source import ByteSink


def encrypt_stream(
    source: BinaryIO, sink: BinaryIO, recipients: Sequence[Recipient], *, armor: bool = False
) -> None:
    """Seal `source` into `sink` for every recipient, in constant memory.

    Args:
        source: what to seal; read to its end.
        sink: where the age file goes. Write it atomically: a file cut short doesn't open.
        recipients: each of them will be able to open it.
        armor: wrap the file in text that survives mail.

    Raises:
        InputError: nobody to seal for, or recipients that can't share a header.
    """
    file_key = os.urandom(FILE_KEY_LENGTH)
    header = _header_for(recipients, file_key)
    out: ByteSink = ArmorWriter(sink) if armor else sink
    out.write(header)
    seal_payload(Source(source), out, file_key)
    if isinstance(out, ArmorWriter):
        out.finish()


def decrypt_stream(
    source: BinaryIO,
    sink: BinaryIO,
    identities: Sequence[Identity],
    *,
    armor: bool | None = None,
) -> None:
    """Open `source` into `sink`, in constant memory; armor is recognised unless `armor` says.

    What reaches `sink` is authenticated, but only a return without an exception says that it is
    all there: write it atomically.

    Raises:
        ArmorError, HeaderError: it isn't a well-formed age file.
        NoMatchError: none of the identities fits.
        HeaderMacError, PayloadError: it was changed.
    """
    stream = Source(source)
    if armor or (armor is None and looks_armored(stream)):
        stream = Source(ArmorReader(stream))
    _, file_key = _unlock(stream, identities)
    open_payload(stream, sink, file_key)


def encrypt(data: bytes, recipients: Sequence[Recipient], *, armor: bool = False) -> bytes:
    """Seal bytes; see `encrypt_stream`."""
    sink = io.BytesIO()
    encrypt_stream(io.BytesIO(data), sink, recipients, armor=armor)
    return sink.getvalue()


def decrypt(data: bytes, identities: Sequence[Identity]) -> bytes:
    """Open bytes; see `decrypt_stream`. All or nothing."""
    sink = io.BytesIO()
    decrypt_stream(io.BytesIO(data), sink, identities)
    return sink.getvalue()


class AgeReader:
    """Reads at any offset of an age file (not armored) without opening what lies before.

    The last chunk is authenticated on opening, so `size` can be trusted and a file cut short is
    refused at once; every other chunk is authenticated when it is read.

    Raises:
        HeaderError, NoMatchError, HeaderMacError, PayloadError: as `decrypt_stream`.
    """

    def __init__(self, stream: BinaryIO, identities: Sequence[Identity]) -> None:
        self._stream = stream
        stream.seek(0)
        source = Source(stream)
        header, file_key = _unlock(source, identities)
        nonce = read_nonce(source)
        self._cipher = payload_cipher(file_key, nonce)
        self._start = header.length + len(nonce)
        sealed = stream.seek(0, os.SEEK_END) - self._start
        self._chunks = max(1, -(-sealed // SEALED_CHUNK))
        self.size = sealed - self._chunks * TAG
        last = self._chunk(self._chunks - 1)
        if not last and self._chunks > 1:
            raise PayloadError("the encrypted file ends with an empty chunk")

    @classmethod
    def of(cls, data: bytes, identities: Sequence[Identity]) -> Self:
        """Open a file that is in memory."""
        return cls(io.BytesIO(data), identities)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`; fewer only at the end.

        Raises:
            PayloadError: a chunk on the way was changed.
        """
        end = min(offset + size, self.size)
        if offset >= end:
            return b""
        first, last = offset // CHUNK, (end - 1) // CHUNK
        plain = b"".join(self._chunk(i) for i in range(first, last + 1))
        return plain[offset - first * CHUNK : end - first * CHUNK]

    def _chunk(self, index: int) -> bytes:
        self._stream.seek(self._start + index * SEALED_CHUNK)
        sealed = Source(self._stream).read(SEALED_CHUNK)
        return open_chunk(self._cipher, sealed, index, last=index == self._chunks - 1)


def _header_for(recipients: Sequence[Recipient], file_key: bytes) -> bytes:
    if not recipients:
        raise InputError("no recipient to seal for", hint='add one: -r "age1…"')
    stanzas = [stanza for recipient in recipients for stanza in recipient.wrap(file_key)]
    kinds = {stanza.kind for stanza in stanzas}
    if "scrypt" in kinds and len(stanzas) > 1:
        raise InputError("a passphrase can't be combined with other recipients")
    if HYBRID in kinds and len(kinds) > 1:
        raise InputError(
            "a post-quantum recipient can't be combined with ordinary ones",
            hint="whoever breaks the ordinary one reads the file: seal it twice if you must",
        )
    return write_header(stanzas, file_key)


def _unlock(source: Source, identities: Sequence[Identity]) -> tuple[Header, bytes]:
    header = read_header(source)
    for identity in identities:
        file_key = identity.unwrap(header.stanzas)
        if file_key is not None:
            header.check(file_key)
            return header, file_key
    raise NoMatchError(
        "no key or passphrase given here opens this file",
        hint="it was sealed for somebody else, or the passphrase is mistyped",
    )
