"""The payload: STREAM over ChaCha20-Poly1305 in chunks of 64 KiB (C2SP, age.md, "Payload").

Each chunk's nonce is an 11-byte big-endian counter and a byte that is 1 for the last chunk only,
so chunks can be neither reordered nor left out, and the end is authenticated.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.vault.age.errors import HeaderError, PayloadError

if TYPE_CHECKING:
    from strongroom.vault.age._source import ByteSink, Source

CHUNK = 64 * 1024
TAG = 16
SEALED_CHUNK = CHUNK + TAG
NONCE = 16


def payload_cipher(file_key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    """Return the cipher of one payload; `nonce` is the 16 bytes that stand before it."""
    return ChaCha20Poly1305(HKDF(hashes.SHA256(), 32, salt=nonce, info=b"payload").derive(file_key))


def chunk_nonce(index: int, *, last: bool) -> bytes:
    """Return the nonce of chunk `index`, counted from 0."""
    return index.to_bytes(11, "big") + bytes([last])


def seal_payload(source: Source, sink: ByteSink, file_key: bytes) -> None:
    """Write nonce and chunks. Holds two chunks at most: the last one must be known as such."""
    nonce = os.urandom(NONCE)
    cipher = payload_cipher(file_key, nonce)
    sink.write(nonce)
    chunk, index = source.read(CHUNK), 0
    while len(chunk) == CHUNK and (following := source.read(CHUNK)):
        sink.write(cipher.encrypt(chunk_nonce(index, last=False), chunk, None))
        chunk, index = following, index + 1
    sink.write(cipher.encrypt(chunk_nonce(index, last=True), chunk, None))


def read_nonce(source: Source) -> bytes:
    """Read the payload's nonce.

    Raises:
        HeaderError: the file ends before it.
    """
    nonce = source.read(NONCE)
    if len(nonce) != NONCE:
        raise HeaderError("the encrypted file ends after its header")
    return nonce


def open_payload(source: Source, sink: ByteSink, file_key: bytes) -> None:
    """Write the plaintext, chunk by chunk, each only after it is authenticated.

    Raises:
        HeaderError: the nonce is cut short.
        PayloadError: the payload isn't what was written.
    """
    cipher = payload_cipher(file_key, read_nonce(source))
    sealed, index = source.read(SEALED_CHUNK), 0
    while len(sealed) == SEALED_CHUNK and (following := source.read(SEALED_CHUNK)):
        sink.write(open_chunk(cipher, sealed, index, last=False))
        sealed, index = following, index + 1
    chunk = open_chunk(cipher, sealed, index, last=True)
    if not chunk and index:
        raise PayloadError("the encrypted file ends with an empty chunk")
    sink.write(chunk)


def open_chunk(cipher: ChaCha20Poly1305, sealed: bytes, index: int, *, last: bool) -> bytes:
    """Authenticate and decrypt one chunk.

    Raises:
        PayloadError: it was changed, moved, cut off or lengthened.
    """
    try:
        return cipher.decrypt(chunk_nonce(index, last=last), sealed, None)
    except InvalidTag as error:
        raise PayloadError("the encrypted file was changed or cut short") from error
