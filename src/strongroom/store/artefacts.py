"""Sealed artefacts: age files, named by the SHA-256 of their sealed bytes.

Nothing is ever written here in clear, not even for a moment: what goes into the temporary file is
already sealed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from strongroom.errors import InputError, TamperedError, WorkspaceError
from strongroom.files import TEMPORARY_PREFIX, fsync_folder, user_errors, write_bytes
from strongroom.store._codec import now, read_head, read_regular, sha256
from strongroom.store.database import artefacts_table
from strongroom.vault import age

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from strongroom.data import Dataset
    from strongroom.store.database import Database
    from strongroom.vault.keys import Keyring

AGE_MAGIC = b"age-encryption.org/v1\n"
_METADATA_KEY = b"strongroom.dataset"
_SUFFIX = ".age"


@dataclass(frozen=True)
class Artefact:
    """One sealed file.

    Attributes:
        digest: SHA-256 of the sealed bytes, hex; its name.
        name, kind: what it is, for people and for stages.
        size: of the sealed file, bytes.
        fingerprint: SHA-256 of what is inside (of a data set: its canonical form).
    """

    digest: str
    name: str
    kind: str
    size: int
    fingerprint: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


class ArtefactStore:
    """The artefacts of one workspace, readable with its key."""

    def __init__(self, folder: Path, database: Database, keyring: Keyring) -> None:
        self.folder = folder
        self._database = database
        self._keyring = keyring

    def put(
        self,
        name: str,
        kind: str,
        data: bytes,
        *,
        fingerprint: str = "",
        recipients: Sequence[age.Recipient] = (),
    ) -> Artefact:
        """Seal bytes to the workspace's key and further recipients.

        Args:
            name: what it is for people; nothing personal, it is kept in clear.
            kind: what it is for stages; in clear too.
            data: the clear bytes.
            fingerprint: SHA-256 of what is inside; by default of `data`.
            recipients: who else shall be able to open it.
        """
        sealed = age.encrypt(data, [self._keyring.recipient, *recipients])
        artefact = Artefact(sha256(sealed), name, kind, len(sealed), fingerprint or sha256(data))
        path = artefact_path(self.folder, artefact.digest)
        with user_errors(path):
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700, parents=True)
                fsync_folder(self.folder)
        write_bytes(path, sealed, mode=0o600)
        with self._database.transaction() as connection:
            row = {**artefact.to_json(), "created": now()}
            connection.execute(artefacts_table.insert().values(row))
        return artefact

    def find(self, digest: str) -> Artefact:
        """Return what is known of an artefact.

        Raises:
            WorkspaceError: the workspace doesn't know it.
        """
        with self._database.transaction() as connection:
            table = artefacts_table
            row = connection.execute(sa.select(table).where(table.c.digest == digest)).one_or_none()
        if row is None:
            raise WorkspaceError(
                f"there is no artefact {digest[:12]}… in this workspace",
                where=str(self.folder),
                hint="strongroom run makes what is missing",
            )
        return Artefact(row.digest, row.name, row.kind, row.size, row.fingerprint)

    def get(self, digest: str) -> bytes:
        """Open an artefact.

        Raises:
            WorkspaceError: unknown, or its file is gone.
            TamperedError: its file isn't what was written.
        """
        artefact = self.find(digest)
        label = f"artefact {artefact.name} ({digest[:12]}…)"
        path = artefact_path(self.folder, digest)
        try:
            sealed = read_regular(path)
        except FileNotFoundError as error:
            raise WorkspaceError(
                f"the file of {label} is gone",
                where=str(path),
                hint="restore it from a backup, or strongroom run --again-from its stage",
            ) from error
        except OSError as error:
            raise WorkspaceError(f"the file of {label} can't be read", where=str(path)) from error
        if sha256(sealed) != digest:
            raise TamperedError(
                f"{label} isn't what was written",
                where=str(path),
                hint="strongroom verify lists everything that was touched",
            )
        return age.decrypt(sealed, [self._keyring.identity])

    def put_dataset(
        self, name: str, dataset: Dataset, *, recipients: Sequence[age.Recipient] = ()
    ) -> Artefact:
        """Seal a data set, with roles, subject, kind and name inside the seal."""
        # Here and below: `verify` and `check` open no data set, and needn't wait for Arrow.
        import pyarrow as pa

        about = {
            "kind": dataset.kind.value,
            "name": dataset.name,
            "roles": {column: role.value for column, role in dataset.roles.items()},
            "subject": dataset.subject,
        }
        metadata = {**(dataset.table.schema.metadata or {}), _METADATA_KEY: json.dumps(about)}
        table = dataset.table.replace_schema_metadata(metadata)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return self.put(
            name,
            dataset.kind.value,
            sink.getvalue().to_pybytes(),
            fingerprint=dataset.fingerprint,
            recipients=recipients,
        )

    def get_dataset(self, digest: str) -> Dataset:
        """Open a sealed data set.

        Raises:
            InputError: the artefact is something else.
        """
        import pyarrow as pa

        from strongroom.data import Dataset, Kind, Role

        try:
            table = pa.ipc.open_stream(pa.py_buffer(self.get(digest))).read_all()
            metadata = dict(table.schema.metadata)
            about = json.loads(metadata.pop(_METADATA_KEY))
        except (pa.ArrowInvalid, TypeError, KeyError) as error:
            raise InputError(f"artefact {digest[:12]}… is not a data set") from error
        return Dataset(
            table=table.replace_schema_metadata(metadata or None),
            kind=Kind(about["kind"]),
            roles={column: Role(role) for column, role in about["roles"].items()},
            subject=about["subject"],
            name=about["name"],
        )

    def remove_all_but(self, kept: set[str]) -> int:
        """Remove every artefact file whose digest isn't in `kept`; return how many."""
        removed = 0
        for path in list(files_below(self.folder)):
            if path.name.removesuffix(_SUFFIX) not in kept:
                with user_errors(path):
                    path.unlink(missing_ok=True)
                removed += 1
        return removed


def artefact_path(folder: Path, digest: str) -> Path:
    """Return where the artefact of this digest lies."""
    return folder / digest[:2] / f"{digest}{_SUFFIX}"


def files_below(folder: Path) -> Iterator[Path]:
    """Return everything below a folder that isn't itself a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield path


def is_sealed(path: Path) -> bool:
    """Tell whether a file is an age file, or the still empty beginning of one."""
    try:
        head = read_head(path, len(AGE_MAGIC))
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return head == AGE_MAGIC or (
        path.name.startswith(TEMPORARY_PREFIX) and AGE_MAGIC.startswith(head)
    )
