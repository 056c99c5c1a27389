"""If this fails, a scan by several processes says something else than one, or one file ends it."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from strongroom.config import DiscoverSpec
from strongroom.data.sources import File, Limits, Unreadable, find_sources
from strongroom.discover import _inventory as inventory
from strongroom.discover import _processes
from strongroom.discover._cache import ScanCache
from strongroom.discover._found import Found
from strongroom.discover._inventory import scan_sources
from strongroom.discover._located import Located, _from_json, source_spans
from strongroom.discover._processes import Processes
from strongroom.discover._source import find_in_source

if TYPE_CHECKING:
    from collections.abc import Generator
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


def at_once(monkeypatch: pytest.MonkeyPatch) -> list[Processes]:
    """Let processes start after the second file, and remember them."""
    monkeypatch.setattr(inventory, "_PACE_SECONDS", 0.0)
    monkeypatch.setattr(inventory, "_WORTH_SECONDS", 0.0)
    started: list[Processes] = []
    enter = Processes.__enter__

    def entered(self: Processes) -> Processes:
        started.append(self)
        return enter(self)

    monkeypatch.setattr(Processes, "__enter__", entered)
    return started


def many_finds(folder: Path) -> None:
    """Write files of which some hold more finds than are told together, and some can't be read."""
    some_files(folder)
    line = 'password = "hunter2-Xk9!q"  # ann@example.org\n'
    for i in (3, 4, 7):
        (folder / f"{i:02}.txt").write_text(line * 900)


def test_spans_and_secrets_are_the_same_in_the_same_order_whoever_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_finds(tmp_path)
    spans = list(map(str, source_spans([str(tmp_path)], SPEC)))
    secrets = list(map(str, find_in_source([str(tmp_path)], SPEC, key=b"k" * 32)))
    started = at_once(monkeypatch)
    # So little may wait that those who are ahead do wait.
    monkeypatch.setattr(_processes, "_MOST_AHEAD", 1)
    several = source_spans([str(tmp_path)], SPEC, jobs=2)
    assert list(map(str, several)) == spans
    several_secrets = find_in_source([str(tmp_path)], SPEC, key=b"k" * 32, jobs=2)
    assert list(map(str, several_secrets)) == secrets
    assert len(started) == 2
    assert len(spans) > 2 * 3 * 900
    assert sum("Place" in one for one in secrets) == 3 * 900
    assert sum("Unreadable" in one for one in spans) == 1


def test_who_stops_reading_leaves_no_process_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_finds(tmp_path)
    started = at_once(monkeypatch)
    monkeypatch.setattr(_processes, "_MOST_AHEAD", 1)
    several = cast("Generator[object, None, None]", source_spans([str(tmp_path)], SPEC, jobs=2))
    while not started:
        assert isinstance(next(several), Located)
    next(several)
    several.close()
    (processes,) = started
    assert processes._all
    assert all(one._process.poll() is not None for one in processes._all)


def test_what_was_told_before_a_process_died_counts(tmp_path: Path) -> None:
    many_finds(tmp_path)
    (file,) = (one for one in find_sources(str(tmp_path / "03.txt")) if isinstance(one, File))
    with Processes(SPEC, None, Limits(), 1, "_located") as processes:
        process = processes._all[0]
        first = next(process.ask(file, lambda _: None))
        os.kill(process._process.pid, signal.SIGKILL)
        process._process.wait()
        (said,) = processes.stream([file], _from_json)
        assert "ended before it was done" in str(list(said)[-1])
        (again,) = processes.stream([file], _from_json)
        assert [one for one in again if isinstance(one, Located)][:500] == [
            _from_json(one) for one in first
        ]


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
