"""The evidence log: signed statements as files, in a Merkle tree, under a signed head.

`evidence/00000001.json` and so on are DSSE envelopes around in-toto Statements v1;
`evidence/checkpoint` is the signed head (C2SP tlog-checkpoint). A record is written first, whole
or not at all, and the checkpoint after it: killed in between, the log holds one well signed record
more than its checkpoint counts, which readers accept and the next open catches up with. The
leaves of the tree are the bytes of the record files (RFC 6962).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from strongroom import __version__
from strongroom.errors import InputError, TamperedError, WorkspaceError
from strongroom.files import write_bytes
from strongroom.store import merkle
from strongroom.store._checkpoint import Checkpoint
from strongroom.store._codec import canonical, now, sha256
from strongroom.store._survey import (
    BEFORE_THE_FIRST,
    CHECKPOINT_NAME,
    PAYLOAD_TYPE,
    STATEMENT_TYPE,
    Broken,
    Record,
    Survey,
    against_head,
    parse_record,
    predicate_type,
    record_name,
    survey,
)
from strongroom.vault.signing import dsse_sign

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from strongroom.store._memory import KeyMemory
    from strongroom.vault.signing import SigningKey, VerifyKey

SIGNER_NAME = "signer.pub"


@dataclass(frozen=True)
class Prepared:
    """A record that is signed and not yet in the log."""

    record: Record
    content: bytes


class EvidenceLog:
    """The log of one workspace.

    Args:
        folder: where it lies.
        origin: its name, `strongroom/workspace/<id>`.
        found: what `survey` found in the folder; nothing in it may be broken.
        verify_key: whose signatures count.
        signing_key: without it the log is read-only.
        memory: where the head is remembered outside of the workspace.
    """

    def __init__(
        self,
        folder: Path,
        origin: str,
        found: Survey,
        verify_key: VerifyKey,
        *,
        signing_key: SigningKey | None = None,
        memory: KeyMemory | None = None,
    ) -> None:
        self.folder = folder
        self.origin = origin
        self._verify_key = verify_key
        self._signing_key = signing_key
        self._memory = memory
        self._records = list(found.records)
        # Set by the journal: writes the record that a change has committed and not yet added.
        self.before_append: Callable[[], None] | None = None
        counted = found.checkpoint.size if found.checkpoint else 0
        if signing_key and counted < len(self._records):
            self._sign_head()

    @property
    def size(self) -> int:
        """How many records there are."""
        return len(self._records)

    @property
    def root(self) -> bytes:
        """The Merkle root over all records."""
        return merkle.root(self._leaves)

    def records(self) -> tuple[Record, ...]:
        """Every record, oldest first."""
        return tuple(self._records)

    def append(self, statement: Mapping[str, Any]) -> Record:
        """Sign a statement and add it, durably.

        Args:
            statement: `predicateType`, `subject` and `predicate` of an in-toto Statement v1; see
                `make_statement`. The log adds `predicate.log`: place, time, tool.

        Raises:
            WorkspaceError: read-only, full, or someone else wrote to this log.
        """
        if self.before_append:
            self.before_append()
        return self.write(self.prepare(statement))

    def prepare(self, statement: Mapping[str, Any]) -> Prepared:
        """Sign the next record without writing it, so that a database can hold it meanwhile."""
        if self._signing_key is None:
            raise WorkspaceError("the workspace was opened for reading", where=str(self.folder))
        last = self._records[-1].digest if self._records else BEFORE_THE_FIRST
        log = {
            "origin": self.origin,
            "index": self.size + 1,
            "previous": last,
            "time": now(),
            "tool": f"strongroom {__version__}",
        }
        full = {
            **statement,
            "_type": STATEMENT_TYPE,
            "predicate": {**statement["predicate"], "log": log},
        }
        envelope = dsse_sign(canonical(full).encode(), PAYLOAD_TYPE, self._signing_key)
        content = canonical(envelope).encode() + b"\n"
        record = Record(self.size + 1, full, sha256(content), merkle.leaf_hash(content))
        return Prepared(record, content)

    def restore(self, index: int, content: bytes) -> Prepared:
        """Return what `prepare` gave, from its bytes.

        Raises:
            TamperedError: they aren't a record of ours.
        """
        try:
            statement = parse_record(content, index, self._verify_key)
        except ValueError as error:
            raise TamperedError(f"outbox record {index}: {error}") from error
        record = Record(index, statement, sha256(content), merkle.leaf_hash(content))
        return Prepared(record, content)

    def write(self, prepared: Prepared) -> Record:
        """Add a prepared record, durably."""
        path = self.folder / record_name(prepared.record.index)
        taken = path.exists() and path.read_bytes() != prepared.content
        if prepared.record.index != self.size + 1 or taken:
            raise WorkspaceError(
                "somebody else wrote to the evidence log",
                where=str(path),
                hint="run the same command again",
            )
        write_bytes(path, prepared.content)
        self._records.append(prepared.record)
        self._sign_head()
        return prepared.record

    def verify(self) -> tuple[Broken, ...]:
        """Read the whole log again from its files and say what is wrong with it."""
        found = survey(self.folder, self._verify_key)
        head = Checkpoint(self.origin, self.size, self.root) if self.size else None
        rolled_back = against_head(found, head, str(self.folder)) if not found.broken else None
        return (*found.broken, *([rolled_back] if rolled_back else []))

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Return the proof that record `index` (from 1) is under the present root."""
        self._require(index)
        return merkle.inclusion_proof(self._leaves, index - 1)

    def consistency_proof(self, size: int) -> list[bytes]:
        """Return the proof that the log of `size` records is a beginning of this one."""
        self._require(size)
        return merkle.consistency_proof(self._leaves, size)

    def _require(self, index: int) -> None:
        if not 1 <= index <= self.size:
            raise InputError(f"there is no evidence record {index}; there are {self.size}")

    @property
    def _leaves(self) -> list[bytes]:
        return [r.leaf for r in self._records]

    def _sign_head(self) -> None:
        if self._signing_key is None:
            return
        note = Checkpoint(self.origin, self.size, self.root).sign(self._signing_key)
        write_bytes(self.folder / CHECKPOINT_NAME, note.encode())
        if self._memory:
            self._memory.remember_head(self.origin, note)


def make_statement(
    kind: str, subject: Sequence[tuple[str, str]], predicate: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parts of an in-toto Statement v1 that a caller decides.

    Args:
        kind: `stage` becomes `urn:strongroom:evidence:stage:1`.
        subject: names and SHA-256 digests (hex) of what it is about.
        predicate: what is stated; JSON values.
    """
    return {
        "predicateType": predicate_type(kind),
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subject],
        "predicate": dict(predicate),
    }


def raise_first(broken: Sequence[Broken]) -> None:
    """Refuse to go on with what was tampered with.

    Raises:
        TamperedError: `broken` holds something; names the first of it.
    """
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise TamperedError(
            f"{broken[0].what}{more}",
            where=broken[0].where,
            hint="strongroom verify lists everything that isn't what was written",
        )
