"""If this fails, pulling the plug loses a started private training, or leaves a broken workspace.

Real processes, killed by SIGKILL at random moments of random work. After each kill the workspace
must verify as it lies, open again, verify again, and hold every reservation that was handed out,
with the same coins.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import time
import traceback
from functools import partial
from typing import TYPE_CHECKING

import pytest

from strongroom.errors import BudgetExceededError, WorkspaceError
from strongroom.privacy import Spend, calibrate
from strongroom.store import Workspace, make_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.store.conftest import Place

KILLS = 25
ONE = Spend(1.0, 1e-5)
COSTLY = Spend(1.0, 1e-5, events=(calibrate(1.0, 1e-5, 0.05, 20).to_json(),))


class Child:
    """A forked process that runs `work(say)`: no interpreter to start, so many kills fit in."""

    def __init__(self, work: Callable[[Callable[[str], None]], None]) -> None:
        self._reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            code = 1
            try:
                work(lambda line: ignored(os.write(writing, f"{line}\n".encode())))
                code = 0
            except BaseException:  # noqa: BLE001 - nothing may run the parent's tests a second time
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(writing)

    def first_line(self) -> str:
        """Wait for the first line that the child says."""
        said = b""
        while not said.endswith(b"\n") and (byte := os.read(self._reading, 1)):
            said += byte
        return said.decode()

    def end(self, kill: int = 0) -> str:
        """Wait for the child, killing it first if asked; return what it said."""
        if kill:
            os.kill(self._pid, kill)
        with os.fdopen(self._reading) as stream:
            said = stream.read()
        os.waitpid(self._pid, 0)
        return said


def ignored(_result: object) -> None:
    """Take a result nobody needs."""


def work_for_ever(place: Place, tag: int, say: Callable[[str], None]) -> None:
    """Reserve, seal, state, settle and finish, saying so after each returned."""
    with place.open(create=True, verb="run") as w:
        say("open")
        for n in range(1000):
            reservation = w.ledger.reserve("people", ONE, budget=None, key=f"{tag}-{n}")
            coins = hashlib.sha256(reservation.seed).hexdigest()
            say(f"reserved {reservation.id} {tag}-{n} {coins}")
            artefact = w.put("model", "bundle", os.urandom(3000))
            w.evidence.append(make_statement("note", [("n", "0" * 64)], {"n": n}))
            if n % 3 == 0:
                w.ledger.settle(reservation)
                say(f"settled {reservation.id}")
            elif n % 3 == 1:
                w.stage_ledger.settle(reservation)
            w.finish_stage("train", f"{tag}-{n}", {"model": artefact.digest}, {"n": n})
            if n % 3 == 1:
                say(f"settled {reservation.id}")
            say(f"finished {tag}-{n}")
            if n % 4 == 3:
                w.sweep()


@pytest.mark.slow
def test_kill_9_at_any_moment(place: Place) -> None:
    coins = random.Random()  # every run tries other moments
    reserved: dict[str, tuple[str, str]] = {}
    settled: set[str] = set()
    finished = ""
    for kill in range(KILLS):
        child = Child(partial(work_for_ever, place, kill))
        if kill:
            assert child.first_line() == "open\n"
            time.sleep(coins.random() * 0.3)
        else:
            # The first falls anywhere, also while the workspace is being made.
            time.sleep(coins.random())
        said = child.end(signal.SIGKILL)
        for line in said.splitlines():
            match line.split():
                case ["reserved", name, key, digest]:
                    reserved[name] = (key, digest)
                case ["settled", name]:
                    settled.add(name)
                case ["finished", key]:
                    finished = key
        if not (place.folder / "evidence").exists() or not reserved:
            continue
        assert place.broken() == []
        with Workspace.read_only(place.folder, identity=place.identity) as reader:
            states = {e.id: e.state.value for e in reader.ledger.entries("people")}
            left = reader.stage("train")
        assert reserved.keys() <= states.keys(), "a started private training was forgotten"
        assert all(states[name] == "settled" for name in settled)
        assert left is not None or not finished
        with place.open(create=True) as workspace:
            assert workspace.evidence.verify() == ()
            record = workspace.stage("train")
            assert (record is not None and len(workspace.get(record.outputs["model"])) == 3000) or (
                not finished
            )
            for name, (key, digest) in reserved.items():
                if states[name] == "settled":
                    continue
                again = workspace.ledger.reserve("people", Spend(1.0, 1e-5), budget=None, key=key)
                assert again.resumed
                assert again.id == name
                assert hashlib.sha256(again.seed).hexdigest() == digest
        assert place.broken() == []
    assert len(reserved) >= KILLS // 2


def test_two_processes_can_not_spend_the_same_budget(place: Place) -> None:
    """Both want ε = 1 of the 1.2 that there are; the lock makes one of them come second."""
    with place.open(create=True):
        pass

    def spend(key: str, say: Callable[[str], None]) -> None:
        with place.open(wait=60) as workspace:
            try:
                workspace.ledger.reserve("people", COSTLY, budget=1.2, key=key)
                say("passed")
            except BudgetExceededError:
                say("refused")

    rivals = [Child(partial(spend, key)) for key in ("one", "two")]
    assert sorted(rival.end() for rival in rivals) == ["passed\n", "refused\n"]
    assert place.broken() == []


@pytest.fixture
def small_disk(place: Place) -> Iterator[Path]:
    """A real file system of 700 kB for the workspace, half of it filled by one file."""
    place.folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(place.folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        filler = place.folder / "filler"
        filler.write_bytes(bytes(350_000))
        yield filler
    finally:
        subprocess.run(["umount", str(place.folder)], capture_output=True, check=True)


def test_a_full_disk_is_said_and_survived(place: Place, small_disk: Path) -> None:
    def work(workspace: Workspace, tag: str) -> None:
        for n in range(400):
            workspace.ledger.reserve("people", ONE, budget=None, key=f"{tag}-{n}")
            artefact = workspace.put("model", "bundle", os.urandom(100))
            workspace.finish_stage("train", f"{tag}-{n}", {"model": artefact.digest}, {"n": n})

    def fill(room: int) -> None:
        small_disk.write_bytes(b"")
        free = os.statvfs(place.folder)
        small_disk.write_bytes(bytes(free.f_bavail * free.f_bsize - room))

    with place.open(create=True) as workspace:
        # Each time the disk fills up at another step of the work.
        for room in (4096, 12288, 28672, 45056):
            fill(room)
            with pytest.raises(WorkspaceError, match="disk is full"):
                work(workspace, f"a{room}")
            spent = len(workspace.ledger.entries("people"))
            small_disk.write_bytes(b"")
            workspace.ledger.reserve("people", ONE, budget=None, key=f"b{room}")
            assert workspace.evidence.verify() == ()
            assert len(workspace.ledger.entries("people")) == spent + 1
            workspace.sweep()
    assert place.broken() == []
    with place.open() as workspace:
        fill(8192)
        with pytest.raises(WorkspaceError, match="disk is full"):
            work(workspace, "c")
    assert place.broken() == []
    small_disk.unlink()
    with place.open() as workspace:
        workspace.finish_stage("train", "d", {}, {})
    assert place.broken() == []
