"""Signatures: Ed25519 (RFC 8032) and the DSSE envelope (secure-systems-lab/dsse, v1.0.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from strongroom.errors import KeyRefusedError, TamperedError
from strongroom.vault._secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

IN_TOTO = "application/vnd.in-toto+json"
"""The payload type of in-toto statements."""

_PREFIX = "ed25519:"
_URL_SAFE = str.maketrans("-_", "+/")


class VerifyKey:
    """The public half: says whether a signature is its owner's."""

    def __init__(self, public: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(public)
        self._public = public

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `to_text` wrote.

        Raises:
            KeyRefusedError: it isn't that.
        """
        encoded = text.strip().removeprefix(_PREFIX)
        try:
            key = cls(base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError) as error:
            raise _not_a_key() from error
        if key.to_text() != text.strip():
            raise _not_a_key()
        return key

    @property
    def key_id(self) -> str:
        """SHA-256, hex, of the 32 bytes of the public key."""
        return hashlib.sha256(self._public).hexdigest()

    def to_text(self) -> str:
        """Return `ed25519:` and the key in base64."""
        return _PREFIX + base64.b64encode(self._public).decode("ascii")

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Say whether `signature` over `data` was made with the secret half."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and self._public == other._public

    def __hash__(self) -> int:
        return hash(self._public)

    def __repr__(self) -> str:
        return f"VerifyKey({self.to_text()!r})"


class SigningKey(Secret):
    """The secret half, from a 32-byte seed."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public(self) -> VerifyKey:
        """What others check with."""
        return VerifyKey(self._key.public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature; the same data gives the same one."""
        return self._key.sign(data)


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return what DSSE signs: type and payload, each with its length, so neither can shift."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def dsse_sign(payload: bytes, payload_type: str, key: SigningKey) -> dict[str, Any]:
    """Return the envelope of `payload`, as JSON values."""
    signature = key.sign(pre_authentication_encoding(payload_type, payload))
    return {
        "payload": base64.b64encode(payload).decode("ascii"),
        "payloadType": payload_type,
        "signatures": [
            {"keyid": key.public.key_id, "sig": base64.b64encode(signature).decode("ascii")}
        ],
    }


def dsse_verify(
    envelope: Mapping[str, Any], key: VerifyKey, *, payload_type: str = IN_TOTO
) -> bytes:
    """Return the payload of an envelope that `key` signed as `payload_type`.

    The key id in the envelope isn't looked at: it is a hint, and not signed.

    Raises:
        TamperedError: no signature of it is that key's, it is of another type, or it is malformed.
    """
    payload = dsse_payload(envelope, payload_type=payload_type)
    signed = pre_authentication_encoding(payload_type, payload)
    for signature in envelope["signatures"]:
        match signature:
            case {"sig": str(encoded)} if key.verify(signed, _decode(encoded)):
                return payload
    raise TamperedError(
        "the signature doesn't fit", hint="it was changed, or signed with another key"
    )


def dsse_payload(envelope: Mapping[str, Any], *, payload_type: str = IN_TOTO) -> bytes:
    """Return the payload *without* checking who signed it.

    Raises:
        TamperedError: not an envelope of that type.
    """
    match envelope:
        case {"payload": str(text), "payloadType": str(kind), "signatures": [*_]}:
            if kind != payload_type:
                raise TamperedError("the signed envelope holds another type of payload")
            return _decode(text)
        case _:
            raise TamperedError("not a DSSE envelope")


def _decode(text: str) -> bytes:
    """Read standard or URL-safe base64: DSSE lets a signer choose."""
    try:
        return base64.b64decode(text.translate(_URL_SAFE), validate=True)
    except (binascii.Error, ValueError) as error:
        raise TamperedError("a field of the signed envelope is not base64") from error


def _not_a_key() -> KeyRefusedError:
    return KeyRefusedError("not a verification key", hint='one looks like "ed25519:…="')
