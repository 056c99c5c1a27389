"""age v1 files (C2SP): any age client opens what this writes, and this opens theirs.

In: bytes or streams, recipients or identities. Out: bytes or streams. This package composes
pyca/cryptography's primitives and never makes one of its own; it never releases a byte that wasn't
authenticated first, and never holds more than two chunks of a payload.
"""

from strongroom.vault.age._file import (
    AgeReader,
    decrypt,
    decrypt_stream,
    encrypt,
    encrypt_stream,
)
from strongroom.vault.age._header import Identity, Recipient, Stanza
from strongroom.vault.age._hybrid import HybridIdentity, HybridRecipient
from strongroom.vault.age._scrypt import (
    DEFAULT_WORK_FACTOR,
    MAX_WORK_FACTOR,
    PassphraseIdentity,
    PassphraseRecipient,
)
from strongroom.vault.age._x25519 import X25519Identity, X25519Recipient
from strongroom.vault.age.errors import (
    ArmorError,
    HeaderError,
    HeaderMacError,
    NoMatchError,
    PayloadError,
)

__all__ = [
    "DEFAULT_WORK_FACTOR",
    "MAX_WORK_FACTOR",
    "AgeReader",
    "ArmorError",
    "HeaderError",
    "HeaderMacError",
    "HybridIdentity",
    "HybridRecipient",
    "Identity",
    "NoMatchError",
    "PassphraseIdentity",
    "PassphraseRecipient",
    "PayloadError",
    "Recipient",
    "Stanza",
    "X25519Identity",
    "X25519Recipient",
    "decrypt",
    "decrypt_stream",
    "encrypt",
    "encrypt_stream",
]
