"""The keys of a workspace: one age identity on disk, everything else derived from it.

Derivations (HKDF-SHA256, RFC 5869; input: the identity's 32 secret bytes; salt: the ASCII text
`strongroom/v1`), by info label:

- `signing/ed25519`: the seed of the Ed25519 key that signs evidence and bundles;
- `subkey/<length>/<label>`: a room's own key, such as `subkey/32/pseudonym`.

So one backup of one small file restores all of them, and none tells anything about another.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.errors import KeyRefusedError, StrongroomError
from strongroom.files import TEMPORARY_PREFIX, fsync_folder, user_errors, write_bytes
from strongroom.vault._secret import Secret
from strongroom.vault.age import (
    DEFAULT_WORK_FACTOR,
    HybridIdentity,
    Identity,
    NoMatchError,
    PassphraseIdentity,
    PassphraseRecipient,
    X25519Identity,
    X25519Recipient,
    decrypt,
    encrypt,
)
from strongroom.vault.signing import SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SALT = b"strongroom/v1"
_LARGEST = 1 << 20
_ENCRYPTED = (b"-----BEGIN AGE ENCRYPTED FILE-----", b"age-encryption.org/v1\n")


class Keyring(Secret):
    """Everything secret that one workspace needs, rooted in one age identity.

    Attributes:
        path: the key file.
        identity, recipient: what the workspace's artefacts are sealed for and opened with.
        signing_key: what its evidence and bundles are signed with.
    """

    def __init__(self, identity: X25519Identity, path: Path) -> None:
        self.identity = identity
        self.path = path
        self.signing_key = SigningKey(self._derive("signing/ed25519", 32))

    @classmethod
    def create(
        cls, path: Path, passphrase: str | None = None, *, work_factor: int = DEFAULT_WORK_FACTOR
    ) -> Self:
        """Make a new identity and write it to `path`, readable by its owner only.

        With a passphrase the file is what `age -p` makes of an identity file. It appears whole or
        not at all, and never replaces another.

        Raises:
            KeyRefusedError: there is a file already.
            WorkspaceError: it can't be written.
        """
        identity = X25519Identity.generate()
        created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        content = (
            f"# created: {created}\n# public key: {identity.recipient}\n{identity.reveal()}\n"
        ).encode()
        if passphrase is not None:
            content = encrypt(content, [PassphraseRecipient(passphrase, work_factor)], armor=True)
        _write_new(path, content)
        return cls(identity, path)

    @classmethod
    def load(cls, path: Path, passphrase: str | None = None) -> Self:
        """Read the identity back.

        Raises:
            KeyRefusedError: others can read the file, or it isn't one secret key, or the
                passphrase is missing or wrong.
        """
        match read_identities(path, passphrase):
            case [X25519Identity() as identity]:
                return cls(identity, path)
            case _:
                raise KeyRefusedError(
                    "a workspace needs a file with exactly one X25519 secret key", where=str(path)
                )

    @property
    def recipient(self) -> X25519Recipient:
        """The public half of the identity."""
        return self.identity.recipient

    def subkey(self, label: str, length: int = 32) -> bytes:
        """Return the secret bytes for one purpose, always the same for the same label."""
        return self._derive(f"subkey/{length}/{label}", length)

    def _derive(self, label: str, length: int) -> bytes:
        derivation = HKDF(hashes.SHA256(), length, salt=_SALT, info=label.encode())
        return derivation.derive(self.identity.secret_bytes())

    def __repr__(self) -> str:
        return f"<Keyring {self.recipient} at {self.path}>"


def read_identities(path: Path, passphrase: str | None = None) -> list[Identity]:
    """Read all secret keys of an age identity file, encrypted or not.

    Args:
        path: the file; its mode must keep everybody else out.
        passphrase: needed when `passphrase_needed(path)`, ignored otherwise.

    Raises:
        KeyRefusedError: see `Keyring.load`.
    """
    content = _read_private(path)
    if content.startswith(_ENCRYPTED):
        content = _unlock(content, passphrase, path)
    try:
        lines = content.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise _not_keys(path) from error
    identities = list(_parse(lines, path))
    if not identities:
        raise _not_keys(path)
    return identities


def passphrase_needed(path: Path) -> bool:
    """Say whether the key file is itself encrypted.

    Raises:
        KeyRefusedError: others can read it, or it can't be read.
    """
    return _read_private(path).startswith(_ENCRYPTED)


def _parse(lines: Iterable[str], path: Path) -> Iterable[Identity]:
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        kind = HybridIdentity if text.startswith("AGE-SECRET-KEY-PQ-1") else X25519Identity
        try:
            yield kind.parse(text)
        except KeyRefusedError as error:
            raise KeyRefusedError(error.what, where=f"{path}:{number}") from error


def _unlock(content: bytes, passphrase: str | None, path: Path) -> bytes:
    if passphrase is None:
        raise KeyRefusedError(
            "the key file is locked with a passphrase",
            where=str(path),
            hint="set STRONGROOM_PASSPHRASE, or answer when asked",
        )
    try:
        return decrypt(content, [PassphraseIdentity(passphrase)])
    except NoMatchError as error:
        raise KeyRefusedError("the passphrase is wrong", where=str(path)) from error
    except StrongroomError as error:
        raise KeyRefusedError("the key file is damaged", where=str(path)) from error


def _read_private(path: Path) -> bytes:
    """Read the file after checking, on the open file itself, that it is ours alone."""
    try:
        # Without blocking, so that a pipe in its place can't hang us.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise KeyRefusedError(
            "there is no key file here", where=str(path), hint="strongroom keys new makes one"
        ) from error
    except OSError as error:
        raise KeyRefusedError("the key file can't be read", where=str(path)) from error
    try:
        _check_private(os.fstat(descriptor), path)
        with open(descriptor, "rb", closefd=False) as stream:
            content = stream.read(_LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > _LARGEST:
        raise _not_keys(path)
    return content


def _check_private(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyRefusedError("the key file isn't a regular file", where=str(path))
    if status.st_uid != os.geteuid():
        raise KeyRefusedError(
            "the key file belongs to another user",
            where=str(path),
            hint=f"copy it, or: chown {os.geteuid()} {path}",
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyRefusedError(
            f"others can read or write the key file (mode {mode:04o})",
            where=str(path),
            hint=f"chmod 600 {path}",
        )


def _write_new(path: Path, content: bytes) -> None:
    """Write a 0600 file that didn't exist, whole or not at all."""
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    with user_errors(path):
        if path.parent.exists() and not path.parent.is_dir():
            raise NotADirectoryError(path.parent)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes(temporary, content, mode=0o600)
        try:
            # Unlike a rename, a link fails when the name is taken.
            os.link(temporary, path)
        except FileExistsError as error:
            raise KeyRefusedError(
                "there is a key file already",
                where=str(path),
                hint="move it away first if you mean to replace it: what it sealed needs it",
            ) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        fsync_folder(path.parent)


def _not_keys(path: Path) -> KeyRefusedError:
    return KeyRefusedError(
        "not a file of age secret keys",
        where=str(path),
        hint="it holds lines like AGE-SECRET-KEY-1…; strongroom keys new makes one",
    )
