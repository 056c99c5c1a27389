"""Passphrases: the scrypt stanza (C2SP, age.md, "The scrypt recipient type")."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from strongroom.errors import InputError
from strongroom.vault._secret import Secret
from strongroom.vault.age._header import FILE_KEY_LENGTH, Stanza, decode64, encode64
from strongroom.vault.age.errors import HeaderError

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_WORK_FACTOR = 18
MAX_WORK_FACTOR = 22
_KIND = "scrypt"
_LABEL = b"age-encryption.org/v1/scrypt"
_SALT = 16
_BODY = FILE_KEY_LENGTH + 16
_NONCE = bytes(12)  # the wrapping key is used once: the salt is fresh for every stanza
_LARGEST = 30  # beyond it scrypt would want a terabyte
_NUMBER = re.compile(r"[1-9][0-9]?")


class PassphraseRecipient(Secret):
    """Anyone who knows the passphrase; stands alone in a header.

    Args:
        passphrase: any text but the empty one.
        work_factor: log2 of scrypt's cost; 18 takes about a second and 256 MiB.

    Raises:
        InputError: an empty passphrase, or a work factor outside 1 to 30.
    """

    def __init__(self, passphrase: str, work_factor: int = DEFAULT_WORK_FACTOR) -> None:
        if not passphrase:
            raise InputError("the passphrase is empty")
        if not 1 <= work_factor <= _LARGEST:
            raise InputError(f"a work factor of {work_factor} is outside 1 to {_LARGEST}")
        self._passphrase = passphrase.encode()
        self._work_factor = work_factor

    def wrap(self, file_key: bytes) -> list[Stanza]:
        """Wrap the file key under a key stretched from the passphrase."""
        salt = os.urandom(_SALT)
        key = _stretch(self._passphrase, salt, self._work_factor)
        body = ChaCha20Poly1305(key).encrypt(_NONCE, file_key, None)
        return [Stanza(_KIND, (encode64(salt), str(self._work_factor)), body)]


class PassphraseIdentity(Secret):
    """Somebody who knows the passphrase.

    Args:
        passphrase: the text.
        max_work_factor: a header that asks for more is refused: it may only want to burn memory.
    """

    def __init__(self, passphrase: str, max_work_factor: int = MAX_WORK_FACTOR) -> None:
        self._passphrase = passphrase.encode()
        self._max_work_factor = max_work_factor

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Find the file key; see `Identity`."""
        for stanza in stanzas:
            if stanza.kind == _KIND:
                return self._unwrap(stanza)
        return None

    def _unwrap(self, stanza: Stanza) -> bytes | None:
        if len(stanza.arguments) != 2:  # noqa: PLR2004 - the salt and the work factor
            raise HeaderError("a passphrase stanza has the wrong number of arguments")
        salt = decode64(stanza.arguments[0])
        if len(salt) != _SALT or len(stanza.body) != _BODY:
            raise HeaderError("a passphrase stanza has a field of the wrong length")
        if not _NUMBER.fullmatch(stanza.arguments[1]):
            raise HeaderError("a passphrase stanza's work factor is not a number from 1 to 99")
        work_factor = int(stanza.arguments[1])
        if work_factor > self._max_work_factor:
            raise HeaderError(
                f"the passphrase needs a work factor of {work_factor}, "
                f"{self._max_work_factor} is the most allowed",
                hint="it would take very long; raise the limit only if you trust the file",
            )
        key = _stretch(self._passphrase, salt, work_factor)
        try:
            return ChaCha20Poly1305(key).decrypt(_NONCE, stanza.body, None)
        except InvalidTag:
            return None


def _stretch(passphrase: bytes, salt: bytes, work_factor: int) -> bytes:
    return Scrypt(salt=_LABEL + salt, length=32, n=1 << work_factor, r=8, p=1).derive(passphrase)
