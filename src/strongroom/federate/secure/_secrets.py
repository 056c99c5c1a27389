"""A site's secrets in one secure sum, and what pairs of sites make of them.

X25519 (RFC 7748) → HKDF-SHA256 (RFC 5869), with the setting and both names in its info → a key for
ChaCha20-Poly1305 (RFC 8439), or the seed of a stream of masks (`privacy.SecretStream`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.federate.secure._setting import KEY_BYTES, SecureError
from strongroom.privacy import SecretStream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Word = np.dtype[Any]

_NO_NONCE = bytes(12)
SEALED = 16  # what sealing adds, in bytes
WORDS: dict[int, np.dtype[Any]] = {32: np.dtype("<u4"), 64: np.dtype("<u8")}
"""The type of the field's elements, by bits."""


class Secrets:
    """Two key pairs, the seed of the site's own mask, and coins for its polynomials.

    The first pair seals shares for others, the second makes the masks: that one is shared out, and
    its secret half given back when the site drops out.
    """

    def __init__(self, coins: SecretStream) -> None:
        self._coins = coins
        self._cipher = X25519PrivateKey.from_private_bytes(coins.raw("cipher key", 0, KEY_BYTES))
        self.mask_key = coins.raw("mask key", 0, KEY_BYTES)
        self._mask = X25519PrivateKey.from_private_bytes(self.mask_key)
        self.seed = coins.raw("own mask", 0, KEY_BYTES)

    @property
    def public(self) -> bytes:
        """Both public keys, 64 bytes."""
        return b"".join(k.public_key().public_bytes_raw() for k in (self._cipher, self._mask))

    def polynomial(self, number: int, size: int) -> bytes:
        """Return coins for the polynomial of a secret."""
        return self._coins.raw("polynomial", number, size)

    def seal(self, plain: bytes, public: bytes, info: bytes) -> bytes:
        """Encrypt for another's first public key; `info` must never be used for two texts."""
        return ChaCha20Poly1305(_agree(self._cipher, public, info)).encrypt(_NO_NONCE, plain, info)

    def open(self, sealed: bytes, public: bytes, info: bytes) -> bytes:
        """Decrypt what another sealed for this site.

        Raises:
            SecureError: it wasn't made with that key for this use, or was changed.
        """
        cipher = ChaCha20Poly1305(_agree(self._cipher, public, info))
        try:
            return cipher.decrypt(_NO_NONCE, sealed, info)
        except InvalidTag:
            raise SecureError("shares that can't be opened") from None

    def pair_seed(self, public: bytes, info: bytes) -> bytes:
        """Return the seed of the mask that this site and the owner of `public` have in common."""
        return _agree(self._mask, public, info)


def pair_seed(mask_key: bytes, public: bytes, info: bytes) -> bytes:
    """Return the same from a secret key that was given back."""
    return _agree(X25519PrivateKey.from_private_bytes(mask_key), public, info)


def public_of(mask_key: bytes) -> bytes:
    """Return the public half of a secret key that was given back."""
    return X25519PrivateKey.from_private_bytes(mask_key).public_key().public_bytes_raw()


def pair_info(purpose: str, setting: bytes, first: str, second: str) -> bytes:
    """Return the info of a key: what it is for, where, and between whom. Names have no NUL."""
    return b"\0".join([f"strongroom secure {purpose}".encode(), setting, first.encode(),
                       second.encode()])  # fmt: skip


class Masks:
    """Adds streams of masks to a vector over the integers modulo 2^32 or 2^64."""

    def __init__(self, total: NDArray[Any], bits: int) -> None:
        self.total = total
        self._word = WORDS[bits]
        self._stream = SecretStream(bytes(KEY_BYTES))

    def add(self, seed: bytes, *, minus: bool = False) -> None:
        """Add the mask of a seed, or take it away."""
        self._stream.reseed(seed)
        words = self._stream.words("mask", 0, -(-self.total.nbytes // 8))
        mask = words.view(self._word)[: self.total.size]
        (np.subtract if minus else np.add)(self.total, mask, out=self.total)


def _agree(own: X25519PrivateKey, public: bytes, info: bytes) -> bytes:
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:  # a point of low order: everybody knows what comes of it
        raise SecureError("a public key that gives no secret") from error
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=info).derive(shared)
