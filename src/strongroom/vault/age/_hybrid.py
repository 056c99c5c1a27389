"""Post-quantum recipients: the mlkem768x25519 stanza (C2SP, age.md).

It is HPKE (RFC 9180) with the MLKEM768-X25519 KEM, also known as X-Wing, HKDF-SHA256 and
ChaCha20-Poly1305.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from strongroom.errors import KeyRefusedError
from strongroom.vault._secret import Secret
from strongroom.vault.age import _bech32
from strongroom.vault.age._header import FILE_KEY_LENGTH, Stanza, decode64, encode64
from strongroom.vault.age.errors import HeaderError

if TYPE_CHECKING:
    from collections.abc import Sequence

KIND = "mlkem768x25519"
_INFO = b"age-encryption.org/mlkem768x25519"
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
_SEED, _POINT = 32, 32
_MLKEM_SEED, _MLKEM_PUBLIC, _MLKEM_CIPHERTEXT = 64, 1184, 1088
_ENCAPSULATION = _MLKEM_CIPHERTEXT + _POINT
_BODY = FILE_KEY_LENGTH + 16
_PUBLIC_PREFIX, _SECRET_PREFIX = "age1pq", "age-secret-key-pq-"


class HybridRecipient:
    """A public key, `age1pq1…`, that neither X25519 nor ML-KEM alone has to carry."""

    def __init__(self, public: bytes) -> None:
        self._key = hpke.MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC]),
            X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:]),
        )
        self._public = public

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `age1pq1…`.

        Raises:
            KeyRefusedError: it isn't one.
        """
        data = _bech32.decode(_PUBLIC_PREFIX, text.strip())
        if data is None or text.strip() != text.strip().lower():
            raise KeyRefusedError("not a post-quantum age recipient")
        try:
            return cls(data)
        except ValueError as error:
            raise KeyRefusedError("not a usable post-quantum age recipient") from error

    def __str__(self) -> str:
        return _bech32.encode(_PUBLIC_PREFIX, self._public)

    def __repr__(self) -> str:
        return f"HybridRecipient({str(self)[:16]}…)"

    def wrap(self, file_key: bytes) -> list[Stanza]:
        """Wrap the file key for this recipient."""
        sealed = _SUITE.encrypt(file_key, self._key, info=_INFO)
        share, body = sealed[:_ENCAPSULATION], sealed[_ENCAPSULATION:]
        return [Stanza(KIND, (encode64(share),), body)]


class HybridIdentity(Secret):
    """A secret key, `AGE-SECRET-KEY-PQ-1…`: the 32-byte seed of X-Wing."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        # X-Wing, "Key derivation": SHAKE-256 of the seed gives ML-KEM's seed, then X25519's scalar.
        expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED + _POINT)
        self._mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED])
        self._x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED:])
        self._key = hpke.MLKEM768X25519PrivateKey(self._mlkem, self._x25519)

    @classmethod
    def generate(cls) -> Self:
        """Make a new one from the operating system's generator."""
        return cls(os.urandom(_SEED))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `AGE-SECRET-KEY-PQ-1…`, in capitals.

        Raises:
            KeyRefusedError: it isn't one.
        """
        data = _bech32.decode(_SECRET_PREFIX, text.strip())
        if data is None or len(data) != _SEED or text.strip() != text.strip().upper():
            raise KeyRefusedError("not a post-quantum age secret key")
        return cls(data)

    @property
    def recipient(self) -> HybridRecipient:
        """Its public half."""
        return HybridRecipient(
            self._mlkem.public_key().public_bytes_raw()
            + self._x25519.public_key().public_bytes_raw()
        )

    def reveal(self) -> str:
        """Return the secret key as text, to be written to a key file and nowhere else."""
        return _bech32.encode(_SECRET_PREFIX, self._seed).upper()

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Find the file key; see `Identity`."""
        for stanza in stanzas:
            if stanza.kind == KIND and (key := self._unwrap(stanza)) is not None:
                return key
        return None

    def _unwrap(self, stanza: Stanza) -> bytes | None:
        if len(stanza.arguments) != 1:
            raise HeaderError("a post-quantum stanza has the wrong number of arguments")
        share = decode64(stanza.arguments[0])
        if len(share) != _ENCAPSULATION or len(stanza.body) != _BODY:
            raise HeaderError("a post-quantum stanza has a field of the wrong length")
        try:
            # HPKE hides why it failed; a share of low order is a malformed header, not a mismatch.
            self._x25519.exchange(X25519PublicKey.from_public_bytes(share[_MLKEM_CIPHERTEXT:]))
        except ValueError as error:
            raise HeaderError("a post-quantum stanza has a share of low order") from error
        try:
            return _SUITE.decrypt(share + stanza.body, self._key, info=_INFO)
        except InvalidTag:
            return None
