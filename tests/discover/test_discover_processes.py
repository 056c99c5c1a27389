"""If this fails, a scan by several processes says something else than one, or one file ends it."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from strongroom.config import DiscoverSpec
from strongroom.data.sources import File, Limits, Unreadable, find_sources
from strongroom.discover import _inventory as inventory
from strongroom.discover._cache import ScanCache
from strongroom.discover._found import Found
from strongroom.discover._inventory import scan_sources
from strongroom.discover._processes import Processes

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from strongroom.discover._scanned import Scanned

SPEC = DiscoverSpec(names=False)


def untimed(scanned: list[Scanned]) -> list[str]:
    return [str(replace(s, seconds=0.0) if isinstance(s, Found) else s.path) for s in scanned]


def some_files(folder: Path) -> None:
    for i in range(12):
        (folder / f"{i:02}.txt").write_text(f"Write to ann{i}@example.org\n" * (i + 1))
    (folder / "05.parquet").write_bytes(b"no parquet")


class Watch:
    """Remembers what progress said last."""

    last = (0.0, 0.0)

    def step(self, done: float, total: float, note: str = "") -> None:  # noqa: ARG002
        assert self.last[0] <= done or total != self.last[1]
        self.last = (done, total)


def test_several_processes_say_the_same_in_the_same_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    some_files(folder)
    alone = untimed(list(scan_sources([str(folder)], SPEC)))
    monkeypatch.setattr(inventory, "_PACE_SECONDS", 0.0)
    monkeypatch.setattr(inventory, "_WORTH_SECONDS", 0.0)
    started: list[int] = []
    enter = Processes.__enter__

    def entered(self: Processes) -> Processes:
        started.append(1)
        return enter(self)

    monkeypatch.setattr(Processes, "__enter__", entered)
    cache, watch = ScanCache(SPEC, None, Limits(), tmp_path / "cache"), Watch()
    several = list(scan_sources([str(folder)], SPEC, jobs=2, cache=cache, progress=watch))
    assert started == [1]
    assert untimed(several) == alone
    assert watch.last[0] == watch.last[1]
    monkeypatch.setattr(inventory, "documents_in", None)
    known = list(scan_sources([str(folder)], SPEC, jobs=2, cache=cache))
    assert untimed(known) == alone


def test_a_process_that_dies_costs_its_file_alone(tmp_path: Path) -> None:
    some_files(tmp_path)
    files = [one for one in find_sources(str(tmp_path)) if isinstance(one, File)]
    with Processes(SPEC, None, Limits(), 1) as processes:
        victim = processes._all[0]._process
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        done: list[str] = []
        futures = processes.scan(files, lambda *_: None, lambda file, _: done.append(file.path))
        found = [future.result() for future in futures]
        running = [one._process for one in processes._all]
    lost = [f.path for f, s in zip(files, found, strict=True) if f.path not in done]
    assert lost == [max(files, key=lambda f: f.size or 0).path]
    (unread,) = found[[f.path for f in files].index(lost[0])]
    assert isinstance(unread, Unreadable)
    assert "ended before it was done" in unread.error.what
    assert all(process.poll() is not None for process in running)
