"""TLS 1.3 read back with the secrets that a test had logged (RFC 8446; SSLKEYLOGFILE).

For tests that must see what went over a wire. It reads whole records in order and checks every
tag: bytes that come out were sent.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HANDSHAKE, _DATA = 22, 23
_HELLO, _SERVER_HELLO, _FINISHED, _KEY_UPDATE = 1, 2, 20, 24
# Cipher suite to hash, key length and cipher.
_SUITES: dict[int, tuple[str, int, type[AESGCM | ChaCha20Poly1305]]] = {
    0x1301: ("sha256", 16, AESGCM),
    0x1302: ("sha384", 32, AESGCM),
    0x1303: ("sha256", 32, ChaCha20Poly1305),
}


@dataclass
class Conversation:
    """One connection: what each side sent, encrypted or read back."""

    client: bytes
    server: bytes


class NotTls13Error(Exception):
    """A connection that can't be read back; says why."""


def read_keys(path: Path) -> dict[tuple[str, bytes], bytes]:
    """Return the secrets of a key log: (label, the client's random) to secret."""
    found = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            label, random, secret = line.split()
            found[label, bytes.fromhex(random)] = bytes.fromhex(secret)
    return found


def decrypt(wire: Conversation, keys: dict[tuple[str, bytes], bytes]) -> Conversation:
    """Return the application data of both sides.

    A connection on which nothing, or not even both hellos, was sent has none.

    Raises:
        NotTls13Error: another protocol, or secrets that weren't logged.
    """
    hello, answer = _first(wire.client), _first(wire.server)
    if hello is None or answer is None:
        return Conversation(b"", b"")
    if hello[0] != _HELLO or answer[0] != _SERVER_HELLO:
        raise NotTls13Error("no hello")
    random = hello[6:38]
    at = 38 + 1 + answer[38]
    (suite,) = struct.unpack_from(">H", answer, at)
    if suite not in _SUITES:
        raise NotTls13Error(f"cipher suite {suite:04x}")
    return Conversation(
        *(
            b"".join(
                _read(
                    data,
                    suite,
                    keys[f"{side}_HANDSHAKE_TRAFFIC_SECRET", random],
                    keys[f"{side}_TRAFFIC_SECRET_0", random],
                )
            )
            for side, data in (("CLIENT", wire.client), ("SERVER", wire.server))
        )
    )


def _records(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield (type, head, content) of whole records."""
    at = 0
    while at + 5 <= len(data):
        kind, _, length = struct.unpack_from(">BHH", data, at)
        if at + 5 + length > len(data):
            return
        yield kind, data[at : at + 5], data[at + 5 : at + 5 + length]
        at += 5 + length


def _first(data: bytes) -> bytes | None:
    for kind, _, content in _records(data):
        if kind != _HANDSHAKE:
            raise NotTls13Error(f"a record of type {kind} before the hello")
        return content
    return None


def _read(data: bytes, suite: int, handshake: bytes, application: bytes) -> Iterator[bytes]:
    name, size, cipher = _SUITES[suite]
    secret, sequence, through = handshake, 0, False
    for kind, head, content in _records(data):
        if kind != _DATA:
            continue  # hellos, and the change of ciphers that TLS 1.3 plays for old boxes
        key, iv = _expand(secret, "key", size, name), _expand(secret, "iv", 12, name)
        nonce = bytes(a ^ b for a, b in zip(iv, sequence.to_bytes(12, "big"), strict=True))
        plain = cipher(key).decrypt(nonce, content, head).rstrip(b"\0")
        sequence += 1
        inner, plain = plain[-1], plain[:-1]
        if inner == _DATA:
            yield plain
        elif inner == _HANDSHAKE:
            for message in _messages(plain):
                if message == _FINISHED and not through:
                    secret, sequence, through = application, 0, True
                elif message == _KEY_UPDATE:
                    secret = _expand(secret, "traffic upd", len(secret), name)
                    sequence = 0


def _messages(data: bytes) -> Iterator[int]:
    at = 0
    while at + 4 <= len(data):
        yield data[at]
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")


def _expand(secret: bytes, label: str, length: int, name: str) -> bytes:
    """HKDF-Expand-Label without context; RFC 8446, 7.1."""
    full = b"tls13 " + label.encode()
    info = struct.pack(">HB", length, len(full)) + full + b"\0"
    out, block, count = b"", b"", 1
    while len(out) < length:
        block = hmac.new(secret, block + info + bytes([count]), getattr(hashlib, name)).digest()
        out, count = out + block, count + 1
    return out[:length]
