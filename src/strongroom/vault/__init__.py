"""Vault: age files, keys, signatures, model bundles, inspection of foreign model files.

In: bytes, streams and paths. Out: bytes, keys, verdicts. This room composes public formats from
pyca/cryptography's primitives and invents none; it never writes a pickle, never reads one other
than to look at it, and shows no secret in any text of its own.
"""

from strongroom.vault._json import canonical_json, strict_json
from strongroom.vault.age import (
    AgeReader,
    Identity,
    PassphraseIdentity,
    PassphraseRecipient,
    Recipient,
    X25519Identity,
    X25519Recipient,
    decrypt,
    decrypt_stream,
    encrypt,
    encrypt_stream,
)
from strongroom.vault.bundle import Bundle, pack_bundle, read_bundle, unpack_bundle, write_bundle
from strongroom.vault.inspection import Inspection, Verdict, inspect_bytes, inspect_file
from strongroom.vault.keys import Keyring, passphrase_needed, read_identities
from strongroom.vault.signing import SigningKey, VerifyKey, dsse_payload, dsse_sign, dsse_verify

__all__ = [
    "AgeReader",
    "Bundle",
    "Identity",
    "Inspection",
    "Keyring",
    "PassphraseIdentity",
    "PassphraseRecipient",
    "Recipient",
    "SigningKey",
    "Verdict",
    "VerifyKey",
    "X25519Identity",
    "X25519Recipient",
    "canonical_json",
    "decrypt",
    "decrypt_stream",
    "dsse_payload",
    "dsse_sign",
    "dsse_verify",
    "encrypt",
    "encrypt_stream",
    "inspect_bytes",
    "inspect_file",
    "pack_bundle",
    "passphrase_needed",
    "read_bundle",
    "read_identities",
    "strict_json",
    "unpack_bundle",
    "write_bundle",
]
