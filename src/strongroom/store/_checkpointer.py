"""Sealed checkpoints of a long training: one file per name, replaced whole.

Inside the seal: a MAC of 32 bytes (HMAC-SHA256 under the workspace's own key, over the name and
what follows), the step as 8 bytes, big endian, and the tensors as safetensors. Sealing alone says
nothing about the sender, because anybody may seal to a public recipient; the MAC does.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from strongroom.errors import StrongroomError, TamperedError
from strongroom.files import user_errors, write_bytes
from strongroom.store._codec import read_regular
from strongroom.vault import age

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from strongroom.vault.keys import Keyring

_MAC_BYTES = 32
_STEP_BYTES = 8


class SealedCheckpointer:
    """A `train.Checkpointer` in the workspace."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self._path = path
        self._keyring = keyring

    def save(self, state: Mapping[str, np.ndarray], step: int) -> None:
        """Keep the state after `step`, replacing what was kept before."""
        from safetensors.numpy import save

        body = step.to_bytes(_STEP_BYTES, "big") + save(dict(state))
        sealed = age.encrypt(self._mac(body) + body, [self._keyring.recipient])
        write_bytes(self._path, sealed, mode=0o600)

    def load(self) -> tuple[dict[str, np.ndarray], int] | None:
        """Return the state and step that were kept last, if any were.

        Raises:
            TamperedError: there is a checkpoint, and it isn't what this workspace wrote.
        """
        from safetensors.numpy import load

        try:
            sealed = read_regular(self._path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refusal() from error
        try:
            content = age.decrypt(sealed, [self._keyring.identity])
        except StrongroomError as error:
            raise self._refusal() from error
        mac, body = content[:_MAC_BYTES], content[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise self._refusal()
        return load(body[_STEP_BYTES:]), int.from_bytes(body[:_STEP_BYTES], "big")

    def clear(self) -> None:
        """Forget what was kept."""
        with user_errors(self._path):
            self._path.unlink(missing_ok=True)

    def _mac(self, body: bytes) -> bytes:
        key = self._keyring.subkey("checkpoint")
        return hmac.digest(key, self._path.name.encode() + b"\n" + body, "sha256")

    def _refusal(self) -> TamperedError:
        return TamperedError(
            "the checkpoint of the training isn't what was written",
            where=str(self._path),
            hint="delete it: the training starts again, with the same coins",
        )
