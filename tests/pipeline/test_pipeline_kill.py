"""If this fails, a power cut costs a workspace, or a private training goes unpaid.

`strongroom run` is killed with SIGKILL at 50 random moments. After each, `verify` accepts the
workspace, no reservation that was ever seen is gone, and at the end `run` recovers.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from strongroom.files import TEMPORARY_PREFIX

if TYPE_CHECKING:
    from tests.conftest import Project

KILLS = 50


@pytest.mark.slow
def test_fifty_kills(project: Project) -> None:
    draw = random.Random(20_26)
    project.edit("budget = 9.0", "budget = 900.0")
    whole = _seconds_of_a_run(project)
    seen: set[str] = set()
    epochs = 8
    killed = 0
    while killed < KILLS:
        # Other settings make a finished run start again at its training; now and then from raw.
        epochs += 1
        project.edit(f"epochs = {epochs - 1}\n", f"epochs = {epochs}\n")
        if killed % 5 == 0:
            source = project.folder / "patients.csv"
            source.write_text(source.read_text() + source.read_text().splitlines()[1] + "\n")
        victim = project.start("run")
        try:
            victim.communicate(timeout=draw.uniform(0, whole))
        except subprocess.TimeoutExpired:
            victim.send_signal(signal.SIGKILL)
            victim.communicate()
            killed += 1
        verified = project("verify", "--json")
        if verified.code == 2:
            # Killed before there was a workspace to speak of.
            assert not seen, verified.err
            continue
        assert verified.code == 0, verified.out
        entries = {e["id"] for e in project("budget", "--json").json["entries"]}
        assert seen <= entries, "the ledger forgot a started private training"
        seen = entries
    assert project("run").code == 0
    assert project("verify").code == 0
    assert {e["id"] for e in project("budget", "--json").json["entries"]} >= seen
    leftovers = [p for p in project.folder.rglob("*") if p.name.startswith(TEMPORARY_PREFIX)]
    assert not leftovers
    assert project("run", "--json").json["skipped"] != []


def _seconds_of_a_run(project: Project) -> float:
    begun = time.monotonic()
    assert project("run").code == 0
    return time.monotonic() - begun
