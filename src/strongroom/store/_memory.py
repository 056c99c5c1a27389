"""What is remembered outside of the workspace, next to its identity file.

Whoever can rewrite the workspace could put back an older, well signed log, or sign a new one with
a key of their own. `<identity>.pub` says whose signatures count and `<identity>.head` up to which
record this user has seen the log. Keeping them is best effort: the place may be read-only, as a
mounted secret is.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from strongroom.errors import KeyRefusedError, StrongroomError, TamperedError
from strongroom.files import write_bytes
from strongroom.store._checkpoint import Checkpoint, read_note
from strongroom.store._codec import read_regular
from strongroom.vault.signing import VerifyKey

if TYPE_CHECKING:
    from pathlib import Path

_LIMIT = 1024 * 1024


class KeyMemory:
    """The remembered verify key and tree heads of one identity file."""

    def __init__(self, identity: Path) -> None:
        self.key_path = identity.with_name(identity.name + ".pub")
        self.head_path = identity.with_name(identity.name + ".head")

    def key(self) -> VerifyKey | None:
        """Return the remembered verify key, if there is one.

        Raises:
            KeyRefusedError: there is one and it can't be read.
        """
        return read_key(self.key_path)

    def remember_key(self, key: VerifyKey) -> None:
        """Keep the verify key, if the place lets us."""
        with contextlib.suppress(StrongroomError, OSError):
            if not self.key_path.exists():
                write_bytes(self.key_path, key.to_text().encode() + b"\n")

    def head(self, origin: str, key: VerifyKey) -> Checkpoint | None:
        """Return the last head seen of the log `origin`, if one was.

        Raises:
            TamperedError: one was, and it can't be read.
        """
        note = self._notes().get(origin)
        if note is None:
            return None
        try:
            return read_note(note, key)
        except ValueError as error:
            raise self._refusal() from error

    def remember_head(self, origin: str, note: str) -> None:
        """Keep the newest head of the log `origin`, if the place lets us."""
        with contextlib.suppress(StrongroomError, OSError):
            notes = {**self._notes(), origin: note}
            write_bytes(self.head_path, json.dumps(notes, indent=1, ensure_ascii=False).encode())

    def _notes(self) -> dict[str, str]:
        try:
            notes = json.loads(read_regular(self.head_path, limit=_LIMIT))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise self._refusal() from error
        if not isinstance(notes, dict) or not all(isinstance(n, str) for n in notes.values()):
            raise self._refusal()
        return notes

    def _refusal(self) -> TamperedError:
        return TamperedError(
            "the remembered head of the evidence log can't be read",
            where=str(self.head_path),
            hint="if you trust the workspace, delete this file: it is made again",
        )


def read_key(path: Path) -> VerifyKey | None:
    """Read a verify key from its text file, if it is there.

    Raises:
        KeyRefusedError: it is there and isn't a verify key.
    """
    try:
        text = read_regular(path, limit=_LIMIT).decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyRefusedError("this verify key can't be read", where=str(path)) from error
    try:
        return VerifyKey.parse(text.strip())
    except (StrongroomError, ValueError) as error:
        raise KeyRefusedError("this isn't a verify key", where=str(path)) from error
