"""Where things are in a workspace, and where its key is by default."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.errors import TamperedError

if TYPE_CHECKING:
    from pathlib import Path

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Layout:
    """The files of one workspace folder."""

    folder: Path

    @property
    def lock(self) -> Path:
        """Held by the one writer; says who it is."""
        return self.folder / "lock"

    @property
    def state(self) -> Path:
        """The default database."""
        return self.folder / "state.db"

    @property
    def artefacts(self) -> Path:
        """Sealed files."""
        return self.folder / "artefacts"

    @property
    def evidence(self) -> Path:
        """The evidence log."""
        return self.folder / "evidence"

    @property
    def signer(self) -> Path:
        """The public half of the key that signs the log."""
        return self.evidence / "signer.pub"

    @property
    def checkpoints(self) -> Path:
        """Sealed states of unfinished trainings."""
        return self.folder / "checkpoints"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder inside."""
        return self.artefacts, self.evidence, self.checkpoints


def origin_of(workspace_id: str) -> str:
    """Return the name of a workspace's evidence log."""
    return f"strongroom/workspace/{workspace_id}"


def default_identity(workspace_id: object, where: str) -> Path:
    """Return the default place of a workspace's key, in the user's configuration folder.

    Raises:
        TamperedError: the id, which comes from the database, isn't one.
    """
    from platformdirs import user_config_path

    if not isinstance(workspace_id, str) or not _ID.fullmatch(workspace_id):
        raise TamperedError("the workspace's id isn't what was written", where=where)
    return user_config_path("strongroom") / "keys" / f"{workspace_id}.key"
