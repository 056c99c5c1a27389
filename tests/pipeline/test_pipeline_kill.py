"""If this fails, a power cut costs a workspace, or a private training goes unpaid.

`strongroom run` is killed with SIGKILL at 50 random moments. After each, `verify` accepts the
workspace and no reservation that was ever seen is gone; at the end `run` recovers.
"""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from strongroom.errors import WorkspaceError
from strongroom.files import TEMPORARY_PREFIX
from strongroom.store import Workspace, verify

if TYPE_CHECKING:
    from tests.conftest import Project

KILLS, PARTS = 50, 2


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_fifty_kills(project: Project, part: int) -> None:
    draw = random.Random(part)
    project.edit("budget = 9.0", "budget = 900.0")
    project.edit("shadows = 8", "shadows = 4")
    begun = time.monotonic()
    assert project.start("run").wait() == 0
    whole = time.monotonic() - begun
    seen = _reservations(project)
    killed = round_number = 0
    while killed < KILLS // PARTS:
        # One row more: everything is to be done again, from reading to report.
        round_number += 1
        source = project.folder / "patients.csv"
        source.write_text(source.read_text() + source.read_text().splitlines()[round_number] + "\n")
        begun = time.monotonic()
        victim = project.start("run")
        try:
            victim.communicate(timeout=draw.uniform(0.1, 0.95) * whole)
            # It was quicker than we thought: aim shorter from now on.
            whole = min(whole, time.monotonic() - begun)
        except subprocess.TimeoutExpired:
            victim.send_signal(signal.SIGKILL)
            victim.communicate()
            killed += 1
        found = verify(project.workspace)
        assert found.ok, found.broken
        now = _reservations(project)
        assert seen <= now, "the ledger forgot a started private training"
        seen = now
    assert project("run").code == 0
    assert project("verify").code == 0
    assert seen <= _reservations(project)
    leftovers = [p for p in project.folder.rglob("*") if p.name.startswith(TEMPORARY_PREFIX)]
    assert not leftovers
    assert len(project("run", "--json").json["skipped"]) == 6


@pytest.mark.slow
def test_killed_before_there_is_a_workspace(project: Project) -> None:
    draw = random.Random(3)
    for _ in range(6):
        victim = project.start("run", "--until", "discover")
        time.sleep(draw.uniform(0.05, 1.2))
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        with contextlib.suppress(WorkspaceError):
            # There may be no workspace to speak of yet.
            assert verify(project.workspace).ok
    assert project("run", "--until", "discover").code == 0
    assert verify(project.workspace).ok


def _reservations(project: Project) -> set[str]:
    with Workspace.read_only(project.workspace) as workspace:
        return {entry.id for entry in workspace.ledger.entries("clinic")}


def test_what_a_kill_left_of_an_audit_is_gone_after_the_next(project: Project) -> None:
    """The journal of an audit that isn't resumed is nobody's to finish."""
    assert project("run", "--until", "train").code == 0
    left = project.workspace / "cache" / "unfinished" / "0" / f"{TEMPORARY_PREFIX}0"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"")
    assert project("run").code == 0
    assert not left.exists()
