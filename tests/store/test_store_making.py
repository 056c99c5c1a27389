"""If this fails, a kill while a workspace is being made leaves one that nobody can open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from strongroom.store import Workspace, verify
from strongroom.store import _opening as opening

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("at", ["survey", "EvidenceLog", "Journal", "make_statement"])
def test_a_workspace_whose_making_was_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / ".strongroom"
    with monkeypatch.context() as patch:
        patch.setattr(opening, at, killed)
        with pytest.raises(KeyboardInterrupt):
            Workspace.open(folder, create=True)
    with Workspace.open(folder, create=True) as workspace:
        workspace.put("x", "bytes", b"x")
    assert verify(folder).ok
