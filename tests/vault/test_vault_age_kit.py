"""If this fails, files sealed here don't open elsewhere, or a forged file opens here.

Runs the whole public test kit for age v1 (C2SP/CCTV), 143 files, each with the outcome that every
implementation must give.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.vault.age import (
    AgeReader,
    ArmorError,
    HeaderError,
    HeaderMacError,
    HybridIdentity,
    NoMatchError,
    PassphraseIdentity,
    PayloadError,
    X25519Identity,
    decrypt_stream,
)

if TYPE_CHECKING:
    from strongroom.vault.age import Identity

KIT = Path(__file__).parents[1] / "data" / "cctv_age"
FILES = sorted(p.name for p in KIT.iterdir() if p.suffix != ".txt")
ERRORS = {
    "no match": NoMatchError,
    "HMAC failure": HeaderMacError,
    "header failure": HeaderError,
    "armor failure": ArmorError,
    "payload failure": PayloadError,
}


@dataclass(frozen=True)
class Vector:
    """One file of the kit: what is expected of it, and with which keys."""

    expect: str
    payload: str | None
    armored: bool
    identities: list[Identity]
    file: bytes
    file_key: bytes


def vector(name: str) -> Vector:
    head, _, body = (KIT / name).read_bytes().partition(b"\n\n")
    pairs = [line.split(": ", 1) for line in head.decode().splitlines()]
    fields = dict(pairs)
    identities: list[Identity] = []
    for key, value in pairs:
        if key == "passphrase":
            identities.append(PassphraseIdentity(value))
        elif key == "identity" and "-PQ-" in value:
            identities.append(HybridIdentity.parse(value))
        elif key == "identity":
            identities.append(X25519Identity.parse(value))
    return Vector(
        fields["expect"],
        fields.get("payload"),
        fields.get("armored") == "yes",
        identities,
        zlib.decompress(body) if fields.get("compressed") == "zlib" else body,
        bytes.fromhex(fields["file key"]),
    )


def test_the_kit_is_whole() -> None:
    assert len(FILES) == 143


@pytest.mark.parametrize("name", FILES)
def test_vector(name: str) -> None:
    v = vector(name)
    sink = io.BytesIO()
    if v.expect == "success":
        decrypt_stream(io.BytesIO(v.file), sink, v.identities, armor=v.armored)
    else:
        with pytest.raises(ERRORS[v.expect]) as caught:
            decrypt_stream(io.BytesIO(v.file), sink, v.identities, armor=v.armored)
        assert type(caught.value) is ERRORS[v.expect]
    released = sink.getvalue()
    allowed = may_be_released(v) if v.expect == "payload failure" else released
    # The kit's hash is of everything that may come out; what did come out is its beginning.
    assert allowed.startswith(released)
    if v.payload:
        assert hashlib.sha256(allowed).hexdigest() == v.payload
    else:
        assert not released


def may_be_released(v: Vector) -> bytes:
    """Decrypt chunk by chunk, apart from our reader: all that authenticates, in order."""
    raw = v.file
    if v.armored:
        raw = base64.b64decode(b"".join(line for line in raw.split(b"\n") if b"--" not in line))
    payload = raw[raw.index(b"\n", raw.index(b"\n--- ") + 1) + 1 :]
    key = HKDF(SHA256(), 32, salt=payload[:16], info=b"payload").derive(v.file_key)
    cipher, plain = ChaCha20Poly1305(key), b""
    for index, start in enumerate(range(16, len(payload), 65_552)):
        sealed = payload[start : start + 65_552]
        flags = (b"\x00", b"\x01") if len(sealed) == 65_552 else (b"\x01",)
        for last in flags:
            with contextlib.suppress(InvalidTag):
                chunk = cipher.decrypt(index.to_bytes(11, "big") + last, sealed, None)
                plain += chunk
                break
        else:
            return plain
        if last == b"\x01":
            return plain
    return plain


@pytest.mark.parametrize("name", [n for n in FILES if vector(n).expect == "success"])
def test_good_files_are_recognised_and_read_at_random(name: str) -> None:
    v = vector(name)
    sink = io.BytesIO()
    decrypt_stream(io.BytesIO(v.file), sink, v.identities)
    whole = sink.getvalue()
    if not v.armored:
        reader = AgeReader.of(v.file, v.identities)
        assert reader.size == len(whole)
        assert reader.read_at(0, len(whole) + 1) == whole
        middle = len(whole) // 2
        assert reader.read_at(middle, 70_000) == whole[middle : middle + 70_000]
        assert not reader.read_at(len(whole), 1)


BROKEN = [n for n in FILES if (v := vector(n)).expect == "payload failure" and not v.armored]


@pytest.mark.parametrize("name", BROKEN)
def test_random_reads_of_broken_payloads_fail(name: str) -> None:
    v = vector(name)

    def read_all() -> bytes:
        reader = AgeReader.of(v.file, v.identities)
        return reader.read_at(0, reader.size)

    with pytest.raises(PayloadError):
        read_all()
