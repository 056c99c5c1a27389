"""Files scanned side by side, each by one of several processes.

A process gets its settings, then one file at a time, as lines of JSON on its standard input, and
answers on its standard output: how far it is, then what it found. One that ends too early costs
its file and nothing else. Processes end with their input, so none outlives what started it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from strongroom.config import DiscoverSpec
from strongroom.data.sources import File, Limits, Unreadable
from strongroom.data.sources._files import open_local
from strongroom.discover._scanned import Scanned, from_json, to_json
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import IO, Self

_CODE = "from strongroom.discover._processes import serve; serve()"
_SAY_EVERY_SECONDS = 0.2


class Processes:
    """Scans files in processes of their own; use it as a context manager, which ends them.

    Args:
        spec: what is looked for.
        target: the column to predict, if it was named.
        limits: how much a file may unfold into.
        jobs: how many processes; each takes some hundred megabytes of memory.
    """

    def __init__(self, spec: DiscoverSpec, target: str | None, limits: Limits, jobs: int) -> None:
        self._settings = {
            "spec": spec.model_dump(mode="json"), "target": target, "limits": asdict(limits)
        }  # fmt: skip
        self._jobs = jobs
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="scan")
        self._free: SimpleQueue[_Process] = SimpleQueue()
        self._all: list[_Process] = []

    def __enter__(self) -> Self:
        """Start a process for each job."""
        for _ in range(self._jobs):
            self._free.put(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all of them, whatever they are at."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for one in self._all:
            one.end()
        self._threads.shutdown()

    def scan(
        self, files: Sequence[File], read: Callable[[File, float], None],
        done: Callable[[File, list[Scanned]], None],
    ) -> list[Future[list[Scanned]]]:  # fmt: skip
        """Scan files, the largest first.

        Args:
            files: on this machine's disk.
            read: is told the bytes read of each since it was told last; by any thread.
            done: is told what was found in each; by any thread.

        Returns:
            What is found in each, in the order of the files.
        """
        largest_first = sorted(range(len(files)), key=lambda i: -(files[i].size or 0))
        begun = {
            i: self._threads.submit(self._one, files[i], partial(read, files[i]), done)
            for i in largest_first
        }
        return [begun[i] for i in range(len(files))]

    def _one(
        self, file: File, read: Callable[[float], None], done: Callable[[File, list[Scanned]], None]
    ) -> list[Scanned]:
        process = self._free.get()
        scanned = process.scan(file, read)
        if scanned is None:
            process.end()
            process = self._start()
            why = DataError("the process that read it ended before it was done", where=file.path)
            scanned = [Unreadable(file.path, why)]
        else:
            done(file, scanned)
        self._free.put(process)
        return scanned

    def _start(self) -> _Process:
        process = _Process(self._settings)
        self._all.append(process)
        return process


class _Process:
    """One process; a thread at a time may ask it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        # In a session of its own, an interrupt at the terminal reaches the parent alone.
        self._process = subprocess.Popen(  # noqa: S603 - our own code, in our own Python
            [sys.executable, "-c", _CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._settings: dict[str, Any] | None = settings

    def scan(self, file: File, read: Callable[[float], None]) -> list[Scanned] | None:
        """Return what is in a file; None if the process is no more."""
        asked = {"path": file.path, "named": file.named, "place": file.place, "size": file.size,
                 "version": file.version}  # fmt: skip
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        assert self._process.stdout is not None  # noqa: S101 - see above
        try:
            if self._settings is not None:
                _say(self._process.stdin, self._settings)
                self._settings = None
            _say(self._process.stdin, asked)
            for line in self._process.stdout:
                answer = json.loads(line)
                if "scanned" in answer:
                    return [from_json(one) for one in answer["scanned"]]
                read(answer["read"])
        except (OSError, ValueError):
            pass  # it ended, or its last line is half a line
        return None

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def _say(stream: IO[str], what: dict[str, Any]) -> None:
    stream.write(json.dumps(what) + "\n")
    stream.flush()


def serve() -> None:
    """Be one of the processes: answer until the input ends."""
    from strongroom.discover._inventory import scan_file

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What any library prints is no answer.
    os.dup2(2, 1)
    settings = json.loads(sys.stdin.readline() or "{}")
    for line in sys.stdin:
        asked = json.loads(line)
        file = File(**asked, open=partial(open_local, asked["place"]))
        said = _Said(answers)
        scanned = scan_file(
            file,
            DiscoverSpec.model_validate(settings["spec"]),
            settings["target"],
            Limits(**settings["limits"]),
            read=said.add,
        )
        _say(answers, {"scanned": [to_json(one) for one in scanned]})


class _Said:
    """Says how much was read, not too often."""

    def __init__(self, answers: IO[str]) -> None:
        self._answers, self._bytes, self._last = answers, 0.0, time.monotonic()

    def add(self, count: float) -> None:
        self._bytes += count
        if time.monotonic() - self._last > _SAY_EVERY_SECONDS:
            _say(self._answers, {"read": self._bytes})
            self._bytes, self._last = 0.0, time.monotonic()
