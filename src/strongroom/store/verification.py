"""Proving a workspace offline: the log, the database, the artefacts, and that none is in clear.

Nothing here needs a secret key, writes anything, or trusts a byte before it was checked; hostile
content is named, never raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongroom.errors import StrongroomError, WorkspaceError
from strongroom.files import TEMPORARY_PREFIX
from strongroom.store._codec import digest_file
from strongroom.store._examine import examine
from strongroom.store._layout import Layout, default_identity
from strongroom.store._memory import KeyMemory, read_key
from strongroom.store._opening import no_workspace, workspace_row
from strongroom.store._replay import Expected, expected_rows
from strongroom.store._survey import Broken
from strongroom.store.artefacts import artefact_path, files_below, is_sealed
from strongroom.store.database import Database

if TYPE_CHECKING:
    from strongroom.vault.signing import VerifyKey


@dataclass(frozen=True)
class Verification:
    """What was checked, and what isn't as it was written.

    Attributes:
        records, artefacts, ledger_entries: how many there are.
        signer: the key whose signatures counted, as text.
        trust: why that key: given, remembered beside the identity, or just the workspace's word.
        broken: everything that was touched, in the order of the log.
    """

    records: int
    artefacts: int
    ledger_entries: int
    signer: str
    trust: str
    broken: tuple[Broken, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.broken

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "records": self.records,
            "ok": self.ok,
            "broken": [b.to_json() for b in self.broken],
            "artefacts": self.artefacts,
            "ledger_entries": self.ledger_entries,
            "signer": self.signer,
            "trust": self.trust,
        }


def verify(
    folder: Path | str,
    verify_key: VerifyKey | None = None,
    *,
    identity: Path | None = None,
    state_url: str | None = None,
) -> Verification:
    """Check everything in a workspace that can be checked without its secret key.

    Args:
        folder: the workspace.
        verify_key: whose signatures count; by default the key remembered beside the identity,
            else the one in the workspace.
        identity: where the key file would be; by default in the user's configuration folder.
        state_url: SQLAlchemy URL of the database, if it isn't in the folder.

    Raises:
        WorkspaceError: there is no such folder, or no workspace ever in it.
    """
    layout = Layout(Path(folder))
    broken: list[Broken] = []
    database = _open_database(layout, state_url, broken)
    try:
        if not any(layout.evidence.glob("*.json")) and not _knows_itself(database):
            raise no_workspace(layout)
        memory = _memory(database, identity, broken)
        key, trust = _choose_key(layout, verify_key, memory, broken)
        if key is None:
            return Verification(0, 0, 0, "", trust, tuple(broken))
        try:
            seen = examine(layout, database, key, memory, thorough=True)
        except WorkspaceError as error:
            broken.append(_from_error(error, layout))
            seen = examine(layout, None, key, memory, thorough=True)
    finally:
        if database:
            database.close()
    broken += seen.broken
    expected = expected_rows(seen.records)
    artefacts = _check_files(layout, expected, broken)
    return Verification(
        len(seen.records), artefacts, len(expected.ledger), key.to_text(), trust, tuple(broken)
    )


def _open_database(layout: Layout, state_url: str | None, broken: list[Broken]) -> Database | None:
    try:
        return Database.open(state_url or layout.state, writable=False)
    except StrongroomError as error:
        broken.append(_from_error(error, layout))
        return None


def _knows_itself(database: Database | None) -> bool:
    try:
        return database is not None and workspace_row(database) is not None
    except StrongroomError:
        return True


def _memory(
    database: Database | None, identity: Path | None, broken: list[Broken]
) -> KeyMemory | None:
    if identity is not None:
        return KeyMemory(identity)
    if database is None:
        return None
    try:
        about = workspace_row(database) or {}
        return KeyMemory(default_identity(about.get("id"), database.where))
    except StrongroomError as error:
        broken.append(Broken(None, error.what, error.where or database.where))
        return None


def _choose_key(
    layout: Layout, given: VerifyKey | None, memory: KeyMemory | None, broken: list[Broken]
) -> tuple[VerifyKey | None, str]:
    """Return whose signatures count, and why: what lies outside of the workspace wins."""
    remembered = _key_at(memory.key_path, broken) if memory else None
    inside = _key_at(layout.signer, broken)
    key: VerifyKey | None
    if given:
        key, trust = given, "the key you named"
    elif remembered and memory:
        key, trust = remembered, f"remembered in {memory.key_path}"
    else:
        key, trust = inside, "the workspace's own word: nothing outside of it remembers the key"
    place = str(layout.signer)
    if not any(b.where == place for b in broken):
        if inside is None:
            broken.append(Broken(None, "the public key of the log is missing", place))
        elif inside != key:
            what = "the public key in the workspace isn't the one that is trusted"
            broken.append(Broken(None, what, place))
    return key, trust


def _key_at(path: Path, broken: list[Broken]) -> VerifyKey | None:
    try:
        return read_key(path)
    except StrongroomError as error:
        broken.append(Broken(None, error.what, str(path)))
        return None


def _check_files(layout: Layout, expected: Expected, broken: list[Broken]) -> int:
    """Check every sealed file; return how many artefacts are in use."""
    used: dict[str, tuple[int, str]] = {}
    for run in {row["stage"]: run for run, row in sorted(expected.stages.items())}.values():
        stage = expected.stages[run]["stage"]
        for name, about in expected.outputs[run].items():
            used[about["digest"]] = (run, f"artefact {name} of {stage}")
    seen = set()
    for path in (*files_below(layout.artefacts), *files_below(layout.checkpoints)):
        digest = path.name.removesuffix(".age")
        record, name = used.get(digest, (None, f"file {path.name}"))
        if not is_sealed(path):
            broken.append(Broken(record, f"{name} is not sealed", str(path)))
        elif path.is_relative_to(layout.artefacts) and not _is_leftover(path):
            if not _fits(path, digest):
                broken.append(Broken(record, f"{name} isn't what was written", str(path)))
            elif path != artefact_path(layout.artefacts, digest):
                broken.append(Broken(record, f"{name} isn't where it was written", str(path)))
        seen.add(path)
    for digest, (record, name) in used.items():
        path = artefact_path(layout.artefacts, digest)
        if path not in seen:
            broken.append(Broken(record, f"{name} is missing", str(path)))
    return len(used)


def _is_leftover(path: Path) -> bool:
    return path.name.startswith(TEMPORARY_PREFIX)


def _fits(path: Path, digest: str) -> bool:
    try:
        return digest_file(path) == digest
    except FileNotFoundError:
        # A writer at work swept it; were it in use, the next check would miss it.
        return True
    except OSError:
        return False


def _from_error(error: StrongroomError, layout: Layout) -> Broken:
    return Broken(None, error.what, error.where or str(layout.folder))
