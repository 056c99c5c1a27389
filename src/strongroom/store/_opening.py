"""Opening a workspace: for the one writer, and for readers without a key."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from strongroom.errors import KeyRefusedError, TamperedError, WorkspaceError
from strongroom.files import fsync_folder, remove_leftovers, user_errors, write_bytes
from strongroom.store._codec import now, sha256
from strongroom.store._examine import examine
from strongroom.store._journal import Journal
from strongroom.store._layout import default_identity, origin_of
from strongroom.store._memory import KeyMemory, read_key
from strongroom.store._survey import survey
from strongroom.store.database import Database, workspace_table
from strongroom.store.evidence import EvidenceLog, make_statement, raise_first
from strongroom.vault.keys import Keyring

if TYPE_CHECKING:
    from pathlib import Path

    from strongroom.store._layout import Layout

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Opened:
    """The parts of an open workspace; a reader's has no journal and no keyring."""

    database: Database
    log: EvidenceLog
    identity_path: Path
    journal: Journal | None = None
    keyring: Keyring | None = None


def prepare_folder(layout: Layout, *, create: bool, state_url: str | None) -> None:
    """Check or make the workspace folder, before its lock is taken.

    Raises:
        WorkspaceError: it isn't there and isn't to be made, or can't be written.
    """
    folder = layout.folder
    if folder.exists() and not folder.is_dir():
        raise WorkspaceError("this is not a folder", where=str(folder))
    there = layout.state.exists() or (state_url is not None and layout.evidence.exists())
    if not there and not create:
        raise no_workspace(layout)
    with user_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(folder.stat().st_mode) & _OTHERS:
            folder.chmod(0o700)


def no_workspace(layout: Layout) -> WorkspaceError:
    """Say that there is no workspace here."""
    return WorkspaceError(
        "there is no workspace here",
        where=str(layout.folder),
        hint="strongroom run makes one; or give --workspace PATH",
    )


def open_for_writing(
    layout: Layout,
    identity: Path | None,
    passphrase: str | None,
    *,
    create: bool,
    state_url: str | None,
) -> Opened:
    """Open or make the workspace; the caller holds its lock.

    Raises:
        KeyRefusedError: no key, or another workspace's.
        TamperedError: something isn't what was written; names the first such thing.
        WorkspaceError: see `Database.open`.
    """
    with user_errors(layout.folder):
        for folder in layout.folders:
            folder.mkdir(mode=0o700, exist_ok=True)
        fsync_folder(layout.folder)
    remove_leftovers(*layout.folders)
    known = any(layout.evidence.glob("[0-9]*.json"))
    database = Database.open(state_url or layout.state, create=create and not known)
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(database.close)
        about = workspace_row(database)
        if about is None and known:
            raise TamperedError(
                "the database knows no workspace, and the evidence log does",
                where=database.where,
                hint="the database was replaced: restore it from a backup",
            )
        if about is None and not create:
            raise no_workspace(layout)
        if about is None:
            opened = _make(layout, database, identity, passphrase)
        else:
            opened = _open_known(layout, database, about, identity, passphrase)
        on_failure.pop_all()
    return opened


def open_for_reading(layout: Layout, identity: Path | None, state_url: str | None) -> Opened:
    """Open what the workspace says in clear, without its lock and without its secret key.

    Raises:
        TamperedError: something isn't what was written.
        WorkspaceError: there is no workspace, or it can't be read.
    """
    if not layout.folder.is_dir() or not layout.evidence.exists():
        raise no_workspace(layout)
    database = Database.open(state_url or layout.state, writable=False)
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(database.close)
        about = workspace_row(database)
        if about is None:
            raise no_workspace(layout)
        identity = identity or default_identity(about["id"], database.where)
        memory = KeyMemory(identity)
        key = memory.key() or read_key(layout.signer)
        if key is None:
            raise KeyRefusedError(
                "the key to check the evidence with is missing",
                where=str(layout.signer),
                hint="strongroom keys show prints it",
            )
        seen = examine(layout, database, key, memory, thorough=False)
        raise_first(seen.broken)
        found = dataclasses.replace(seen.found, records=seen.records)
        log = EvidenceLog(layout.evidence, origin_of(about["id"]), found, key)
        on_failure.pop_all()
    return Opened(database, log, identity)


def _open_known(
    layout: Layout,
    database: Database,
    about: dict[str, Any],
    identity: Path | None,
    passphrase: str | None,
) -> Opened:
    identity = identity or default_identity(about["id"], database.where)
    if not identity.exists():
        raise KeyRefusedError(
            "the key of this workspace isn't here",
            where=str(identity),
            hint="restore it from your backup: without it nothing in the workspace opens",
        )
    keyring = Keyring.load(identity, passphrase)
    if str(keyring.recipient) != about["recipient"]:
        raise KeyRefusedError(
            "this key isn't the one that the workspace was made with",
            where=str(identity),
            hint=f"the workspace's key is {about['recipient']}",
        )
    memory = _remember(layout, keyring)
    seen = examine(layout, database, keyring.signing_key.public, memory, thorough=False)
    raise_first(seen.broken)
    log = EvidenceLog(
        layout.evidence,
        origin_of(about["id"]),
        seen.found,
        keyring.signing_key.public,
        signing_key=keyring.signing_key,
        memory=memory,
    )
    journal = Journal(database, log)
    journal.settle()
    return Opened(database, log, identity, journal, keyring)


def _make(
    layout: Layout, database: Database, identity: Path | None, passphrase: str | None
) -> Opened:
    workspace_id = secrets.token_hex(16)
    identity = identity or default_identity(workspace_id, database.where)
    if identity.exists():
        keyring = Keyring.load(identity, passphrase)
    else:
        keyring = Keyring.create(identity, passphrase)
    with user_errors(layout.signer):
        # Neither database nor log speak of a workspace: this is of one whose making was killed.
        layout.signer.unlink(missing_ok=True)
    memory = _remember(layout, keyring)
    # Nobody wants sealed data, or the record of it, in a code repository by accident.
    write_bytes(layout.folder / ".gitignore", b"*\n")
    key = keyring.signing_key
    found = survey(layout.evidence, key.public)
    log = EvidenceLog(
        layout.evidence,
        origin_of(workspace_id),
        found,
        key.public,
        signing_key=key,
        memory=memory,
    )
    journal = Journal(database, log)
    recipient = str(keyring.recipient)
    states = {
        "id": workspace_id,
        "recipient": recipient,
        "signer": key.public.to_text(),
        "created": now(),
    }
    with journal.change() as change:
        change.connection.execute(workspace_table.insert().values(**states, evidence=1))
        change.state(make_statement("workspace", [("recipient", sha256(recipient))], states))
    return Opened(database, log, identity, journal, keyring)


def _remember(layout: Layout, keyring: Keyring) -> KeyMemory:
    """Check or write the public key, in the workspace and next to the identity."""
    memory, key = KeyMemory(keyring.path), keyring.signing_key.public
    for path, known in ((layout.signer, read_key(layout.signer)), (memory.key_path, memory.key())):
        if known is not None and known != key:
            raise TamperedError(
                "this isn't the public half of the workspace's key",
                where=str(path),
                hint="delete the file if nobody has touched the workspace: it is made again",
            )
    if not layout.signer.exists():
        write_bytes(layout.signer, key.to_text().encode() + b"\n")
    memory.remember_key(key)
    return memory


def workspace_row(database: Database) -> dict[str, Any] | None:
    """Return what the database says the workspace is, if it says so."""
    with database.transaction() as connection:
        row = connection.execute(sa.select(workspace_table)).mappings().first()
    return dict(row) if row else None
