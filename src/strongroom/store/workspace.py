"""The workspace: one folder, one key, one writer, any number of readers."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from strongroom.errors import InputError, WorkspaceError
from strongroom.files import user_errors
from strongroom.store import database as db
from strongroom.store._checkpointer import SealedCheckpointer
from strongroom.store._codec import canonical, now, sha256
from strongroom.store._layout import Layout
from strongroom.store._lock import locked
from strongroom.store._opening import open_for_reading, open_for_writing, prepare_folder
from strongroom.store.artefacts import ArtefactStore, files_below, is_sealed
from strongroom.store.evidence import make_statement
from strongroom.store.ledger import DurableLedger, StageLedger, settle_row
from strongroom.vault import age

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from strongroom.data import Dataset
    from strongroom.store._journal import Journal
    from strongroom.store._opening import Opened
    from strongroom.store.artefacts import Artefact
    from strongroom.store.evidence import EvidenceLog
    from strongroom.vault.keys import Keyring

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class StageRecord:
    """What a finished stage left.

    Attributes:
        name: the stage.
        key: names its inputs, settings and code.
        outputs: label to digest of the sealed artefact.
        doc: its document, JSON values.
        finished: when, UTC.
        evidence: number of the record that speaks of it.
    """

    name: str
    key: str
    outputs: Mapping[str, str]
    doc: Mapping[str, Any]
    finished: str
    evidence: int


class Workspace:
    """An open workspace; use `Workspace.open` or `Workspace.read_only`, and as a context manager.

    Attributes:
        folder: where it is.
        identity_path: where its key is, or should be.
        evidence: the signed log.
        ledger: what was spent.
        stage_ledger: the same for a stage: settled when the stage is finished.
    """

    def __init__(self, layout: Layout, opened: Opened, resources: contextlib.ExitStack) -> None:
        self.folder = layout.folder
        self.identity_path = opened.identity_path
        self.evidence: EvidenceLog = opened.log
        self.ledger = DurableLedger(opened.database, journal=opened.journal, keyring=opened.keyring)
        self.stage_ledger = StageLedger(self.ledger)
        self._layout = layout
        self._opened = opened
        self._resources = resources

    @classmethod
    def open(
        cls,
        folder: Path | str = Path(".strongroom"),
        identity: Path | None = None,
        passphrase: str | None = None,
        *,
        create: bool = False,
        wait: float = 0,
        verb: str = "python",
        state_url: str | None = None,
    ) -> Self:
        """Open a workspace for writing; nobody else can until it is closed.

        Args:
            folder: the workspace.
            identity: its key file; by default in the user's configuration folder.
            passphrase: of the key file, if it has one.
            create: make the workspace, and its key, where they aren't there.
            wait: seconds to wait for another writer.
            verb: what it is opened for; others who want it are told.
            state_url: SQLAlchemy URL of the database; by default `state.db` in the folder.

        Raises:
            KeyRefusedError: the key is missing, not this workspace's, or readable by others.
            TamperedError: something in it isn't what was written.
            WorkspaceError: in use, missing, read-only, full, damaged, from a newer version.
        """
        layout = Layout(Path(folder))
        prepare_folder(layout, create=create, state_url=state_url)
        with contextlib.ExitStack() as resources:
            resources.enter_context(locked(layout.lock, verb, wait))
            opened = open_for_writing(
                layout, identity, passphrase, create=create, state_url=state_url
            )
            resources.callback(opened.database.close)
            return cls(layout, opened, resources.pop_all())
        raise AssertionError  # pragma: no cover - the block above returns or raises

    @classmethod
    def read_only(
        cls,
        folder: Path | str = Path(".strongroom"),
        *,
        identity: Path | None = None,
        state_url: str | None = None,
    ) -> Self:
        """Open what a workspace says in clear (documents, ledger, log): no lock, no secret key.

        Args:
            folder: the workspace.
            identity: where its key file would be: the public key and the last head seen are
                remembered next to it.
            state_url: see `open`.

        Raises:
            TamperedError: something in it isn't what was written.
            WorkspaceError: missing, damaged, from another version.
        """
        layout = Layout(Path(folder))
        opened = open_for_reading(layout, identity, state_url)
        resources = contextlib.ExitStack()
        resources.callback(opened.database.close)
        return cls(layout, opened, resources)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database and the lock."""
        self._resources.close()

    @property
    def keyring(self) -> Keyring:
        """The workspace's keys."""
        if self._opened.keyring is None:
            raise self._refusal()
        return self._opened.keyring

    # Artefacts

    def put(
        self,
        name: str,
        kind: str,
        data: bytes,
        *,
        fingerprint: str = "",
        recipients: Sequence[str] = (),
    ) -> Artefact:
        """Seal bytes; see `ArtefactStore.put`. `recipients` are age recipients, `age1…`."""
        to = _recipients(recipients)
        return self._artefacts.put(name, kind, data, fingerprint=fingerprint, recipients=to)

    def get(self, digest: str) -> bytes:
        """Open an artefact; see `ArtefactStore.get`."""
        return self._artefacts.get(digest)

    def put_dataset(
        self, name: str, dataset: Dataset, *, recipients: Sequence[str] = ()
    ) -> Artefact:
        """Seal a data set with its roles; see `ArtefactStore.put_dataset`."""
        return self._artefacts.put_dataset(name, dataset, recipients=_recipients(recipients))

    def get_dataset(self, digest: str) -> Dataset:
        """Open a sealed data set; see `ArtefactStore.get_dataset`."""
        return self._artefacts.get_dataset(digest)

    def artefact(self, digest: str) -> Artefact:
        """Return what is known of an artefact; see `ArtefactStore.find`."""
        return self._artefacts.find(digest)

    def seal_to(self, digest: str, recipients: Sequence[str]) -> Artefact:
        """Seal an artefact to further recipients too; without any it stays as it is."""
        known = self._artefacts.find(digest)
        if not recipients:
            return known
        return self.put(
            known.name,
            known.kind,
            self.get(digest),
            fingerprint=known.fingerprint,
            recipients=recipients,
        )

    def clear_files(self) -> int:
        """Count the files among the artefacts that aren't sealed; none should ever be."""
        return sum(not is_sealed(path) for path in files_below(self._layout.artefacts))

    def sweep(self) -> int:
        """Remove the artefacts that no stage's last run left; return how many files went.

        Not to be called in the middle of a stage: what isn't finished isn't referenced.
        """
        store = self._artefacts
        artefacts, outputs = db.artefacts_table, db.stage_outputs_table
        with self._opened.database.transaction() as connection:
            last = sa.select(sa.func.max(db.stage_runs_table.c.evidence)).group_by(
                db.stage_runs_table.c.stage
            )
            kept = connection.scalars(
                sa.select(outputs.c.artefact).where(outputs.c.run.in_(last))
            ).all()
            connection.execute(
                artefacts.delete().where(artefacts.c.digest.not_in(sa.select(outputs.c.artefact)))
            )
        return store.remove_all_but(set(kept))

    # Stages

    def stage(self, name: str) -> StageRecord | None:
        """Return what the last finished run of a stage left, if it ever finished."""
        runs, outputs = db.stage_runs_table, db.stage_outputs_table
        with self._opened.database.transaction() as connection:
            row = connection.execute(
                sa.select(runs)
                .where(runs.c.stage == name)
                .order_by(runs.c.evidence.desc())
                .limit(1)
            ).one_or_none()
            if row is None:
                return None
            left = connection.execute(
                sa.select(outputs.c.name, outputs.c.artefact).where(outputs.c.run == row.evidence)
            ).all()
        return StageRecord(
            name=name,
            key=row.key,
            outputs={row.name: row.artefact for row in left},
            doc=json.loads(row.doc),
            finished=row.finished,
            evidence=row.evidence,
        )

    def runs(self, *prefixes: str) -> list[StageRecord]:
        """Return every finished run of the stages whose names begin so, oldest first.

        Of earlier runs only the documents are kept: the records have no outputs.
        """
        runs = db.stage_runs_table
        with self._opened.database.transaction() as connection:
            rows = connection.execute(sa.select(runs).order_by(runs.c.evidence)).all()
        return [
            StageRecord(row.stage, row.key, {}, json.loads(row.doc), row.finished, row.evidence)
            for row in rows
            if row.stage.startswith(prefixes)
        ]

    def stage_key(self, name: str) -> str | None:
        """Return the key of the last finished run of a stage."""
        record = self.stage(name)
        return record.key if record else None

    def finish_stage(
        self,
        name: str,
        key: str,
        outputs: Mapping[str, str],
        doc: Mapping[str, Any],
        statement: Mapping[str, Any] | None = None,
    ) -> StageRecord:
        """Note that a stage is done: its row, its outputs and its signed record, or nothing.

        What the stage settled on `stage_ledger` is settled in the same transaction.

        Args:
            name: the stage.
            key: names its inputs, settings and code.
            outputs: label to digest of artefacts that were put before.
            doc: its document: JSON values, metrics only, nothing personal.
            statement: what else the evidence shall say, such as metrics.

        Raises:
            ValueError: `doc` holds NaN or infinity, which JSON doesn't have.
            WorkspaceError: an output is unknown; the disk is full.
        """
        journal = self._journal
        text, finished = canonical(doc), now()
        left = {label: self._artefacts.find(digest) for label, digest in outputs.items()}
        with journal.change() as change:
            index = change.next_record
            row = {"evidence": index, "stage": name, "key": key, "doc": text}
            change.connection.execute(db.stage_runs_table.insert().values(**row, finished=finished))
            for label, artefact in left.items():
                change.connection.execute(
                    db.stage_outputs_table.insert().values(
                        run=index, name=label, artefact=artefact.digest
                    )
                )
            settled = [settle_row(change, i, finished) for i in self.stage_ledger.to_settle]
            predicate = {
                **(statement or {}),
                "stage": name,
                "key": key,
                "doc": sha256(text),
                "outputs": {label: artefact.to_json() for label, artefact in left.items()},
                "settles": [number for number in settled if number is not None],
                "finished": finished,
            }
            subject = [(label, artefact.digest) for label, artefact in left.items()]
            change.state(make_statement("stage", [*subject, ("document", sha256(text))], predicate))
        if self.stage_ledger.to_settle:
            self.stage_ledger.to_settle.clear()
            self._opened.database.scrub()
        return StageRecord(name, key, dict(outputs), json.loads(text), finished, index)

    def checkpointer(self, name: str) -> SealedCheckpointer:
        """Return the sealed checkpoints of one training."""
        if not _NAME.fullmatch(name):
            raise InputError(f'"{name}" can\'t name a checkpoint', hint="letters, digits, . _ -")
        return SealedCheckpointer(self._layout.checkpoints / f"{name}.age", self.keyring)

    def discard_unfinished(self) -> int:
        """Forget every unfinished training; return how many. What they reserved stays spent."""
        _ = self._journal  # refuses where the workspace was opened for reading
        states = list(self._layout.checkpoints.glob("*.age"))
        for path in states:
            with user_errors(path):
                path.unlink(missing_ok=True)
        return len(states)

    # The ledger, for people

    def budget(self, account: str, limit: float | None) -> dict[str, Any]:
        """Return what was spent on an account, composed over all its releases, as a document."""
        from strongroom.store._account import account_document

        return account_document(self.ledger, self.evidence, account, limit)

    @property
    def _artefacts(self) -> ArtefactStore:
        return ArtefactStore(self._layout.artefacts, self._opened.database, self.keyring)

    @property
    def _journal(self) -> Journal:
        if self._opened.journal is None:
            raise self._refusal()
        return self._opened.journal

    def _refusal(self) -> WorkspaceError:
        return WorkspaceError("the workspace was opened for reading", where=str(self.folder))


def _recipients(texts: Sequence[str]) -> list[age.Recipient]:
    return [age.X25519Recipient.parse(text) for text in texts]
