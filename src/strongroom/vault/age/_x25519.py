"""Native recipients: the X25519 stanza (C2SP, age.md, "The X25519 recipient type")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.errors import KeyRefusedError
from strongroom.vault._secret import Secret
from strongroom.vault.age import _bech32
from strongroom.vault.age._header import FILE_KEY_LENGTH, Stanza, decode64, encode64
from strongroom.vault.age.errors import HeaderError

if TYPE_CHECKING:
    from collections.abc import Sequence

_KIND = "X25519"
_INFO = b"age-encryption.org/v1/X25519"
_POINT = 32
_BODY = FILE_KEY_LENGTH + 16
# The wrapping key is used once: the ephemeral share is fresh for every stanza.
_NONCE = bytes(12)
_PUBLIC, _SECRET = "age", "age-secret-key-"


class X25519Recipient:
    """A public key, `age1…`."""

    def __init__(self, public: bytes) -> None:
        self._key = X25519PublicKey.from_public_bytes(public)
        self._public = public

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `age1…`.

        Raises:
            KeyRefusedError: it isn't one (mistyped, cut off, of another kind).
        """
        data = _bech32.decode(_PUBLIC, text.strip())
        if data is None or len(data) != _POINT or text.strip() != text.strip().lower():
            raise KeyRefusedError(
                "not an age recipient", hint='a recipient looks like "age1…", 62 characters long'
            )
        return cls(data)

    def __str__(self) -> str:
        return _bech32.encode(_PUBLIC, self._public)

    def __repr__(self) -> str:
        return f"X25519Recipient({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, X25519Recipient) and self._public == other._public

    def __hash__(self) -> int:
        return hash(self._public)

    def wrap(self, file_key: bytes) -> list[Stanza]:
        """Wrap the file key for this recipient.

        Raises:
            KeyRefusedError: the public key is a point of low order, which no honest owner has.
        """
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        try:
            secret = ephemeral.exchange(self._key)
        except ValueError as error:
            raise KeyRefusedError("the recipient is not a usable public key") from error
        body = ChaCha20Poly1305(_wrap_key(secret, share, self._public)).encrypt(
            _NONCE, file_key, None
        )
        return [Stanza(_KIND, (encode64(share),), body)]


class X25519Identity(Secret):
    """A secret key, `AGE-SECRET-KEY-1…`."""

    def __init__(self, secret: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self._public = self._key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> Self:
        """Make a new one from the operating system's generator."""
        return cls(X25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `AGE-SECRET-KEY-1…`, in capitals.

        Raises:
            KeyRefusedError: it isn't one.
        """
        data = _bech32.decode(_SECRET, text.strip())
        if data is None or len(data) != _POINT or text.strip() != text.strip().upper():
            raise KeyRefusedError("not an age secret key")
        return cls(data)

    @property
    def recipient(self) -> X25519Recipient:
        """Its public half."""
        return X25519Recipient(self._public)

    def reveal(self) -> str:
        """Return the secret key as text, to be written to a key file and nowhere else."""
        return _bech32.encode(_SECRET, self.secret_bytes()).upper()

    def secret_bytes(self) -> bytes:
        """Return the 32 secret bytes, for key derivation."""
        return self._key.private_bytes_raw()

    def __repr__(self) -> str:
        return f"<X25519Identity of {self.recipient}>"

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Find the file key; see `Identity`."""
        for stanza in stanzas:
            if stanza.kind == _KIND and (key := self._unwrap(stanza)) is not None:
                return key
        return None

    def _unwrap(self, stanza: Stanza) -> bytes | None:
        if len(stanza.arguments) != 1:
            raise HeaderError("an X25519 stanza has the wrong number of arguments")
        share = decode64(stanza.arguments[0])
        # The body's length is checked before it is decrypted: a longer one could be made to open
        # under two keys (partitioning oracle).
        if len(share) != _POINT or len(stanza.body) != _BODY:
            raise HeaderError("an X25519 stanza has a field of the wrong length")
        try:
            secret = self._key.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError as error:  # all-zero output: a point of low order
            raise HeaderError("an X25519 stanza has a share of low order") from error
        try:
            return ChaCha20Poly1305(_wrap_key(secret, share, self._public)).decrypt(
                _NONCE, stanza.body, None
            )
        except InvalidTag:
            return None


def _wrap_key(secret: bytes, share: bytes, public: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=share + public, info=_INFO).derive(secret)
