"""A workspace in a temporary folder, with its key beside it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from strongroom.store import Verification, Workspace, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Where a workspace and its key are."""

    folder: Path
    identity: Path

    @property
    def evidence(self) -> Path:
        return self.folder / "evidence"

    def record(self, index: int) -> Path:
        return self.evidence / f"{index:08d}.json"

    def open(self, **options: Any) -> Workspace:  # noqa: ANN401 - Workspace.open's own
        return Workspace.open(self.folder, self.identity, **options)

    def verify(self) -> Verification:
        return verify(self.folder, identity=self.identity)

    def broken(self) -> list[str]:
        return [b.what for b in self.verify().broken]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "room", tmp_path / "keys" / "room.key")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two finished stages and two ledger entries, one settled: six records."""
    from strongroom.privacy import Spend

    base = tmp_path_factory.mktemp("template")
    with Workspace.open(base / "room", base / "keys" / "room.key", create=True) as workspace:
        first = workspace.put("minimized", "table", b"rows of people")
        workspace.finish_stage("discover", "key-1", {}, {"rows": 3})
        workspace.finish_stage("anonymize", "key-2", {"minimized": first.digest}, {"k": 5})
        settled = workspace.ledger.reserve("people", Spend(1.0, 1e-5), budget=None, key="a")
        workspace.ledger.settle(settled)
        workspace.ledger.reserve("people", Spend(2.0, 1e-5), budget=None, key="b")
    return base


@pytest.fixture
def make(place: Place, template: Path) -> Callable[[], Place]:
    """Copy the template, key and all: much faster than making it."""

    def _make() -> Place:
        shutil.copytree(template, place.folder.parent, dirs_exist_ok=True)
        return place

    return _make
