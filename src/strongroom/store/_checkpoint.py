"""Signed tree heads: the C2SP tlog-checkpoint, a signed note over size and root of the log.

strongroom/workspace/<id>
12
<base64 of the root hash>

— strongroom/workspace/<id> <base64 of key id and Ed25519 signature>
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strongroom.vault.signing import SigningKey, VerifyKey

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4


@dataclass(frozen=True)
class Checkpoint:
    """The head of the log at one size.

    Attributes:
        origin: names the log; also the name of its key.
        size: how many records it covers.
        root: the Merkle root over them, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, key: SigningKey) -> str:
        """Return the signed note."""
        signature = _key_id(self.origin, key.public) + key.sign(self.body.encode())
        return f"{self.body}\n— {self.origin} {base64.b64encode(signature).decode()}\n"


def read_note(text: str, key: VerifyKey) -> Checkpoint:
    """Read a signed note.

    Raises:
        ValueError: it isn't a checkpoint, or no signature of `key` fits; the text says which.
    """
    body, blank, signatures = text.partition("\n\n")
    lines = body.split("\n")
    if not blank or len(lines) != 3:  # noqa: PLR2004 - origin, size, root
        raise ValueError("it isn't a checkpoint")
    origin, size, root = lines
    try:
        checkpoint = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except (ValueError, binascii.Error) as error:
        raise ValueError("it isn't a checkpoint") from error
    if checkpoint.body != f"{body}\n" or len(checkpoint.root) != hashlib.sha256().digest_size:
        raise ValueError("it isn't a checkpoint")
    expected = _key_id(origin, key)
    for line in signatures.splitlines():
        name, _, encoded = line.removeprefix("— ").rpartition(" ")
        try:
            blob = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            continue
        if name != origin or blob[:_KEY_ID_BYTES] != expected:
            continue
        if key.verify(checkpoint.body.encode(), blob[_KEY_ID_BYTES:]):
            return checkpoint
    raise ValueError("its signature doesn't fit")


def _key_id(name: str, key: VerifyKey) -> bytes:
    """Return the key id of a signed note (C2SP signed-note, Ed25519)."""
    public = base64.b64decode(key.to_text().removeprefix("ed25519:"))
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_KEY_ID_BYTES]
