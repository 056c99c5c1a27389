"""Files looked at side by side, each by one of several processes.

A process gets its settings, then one file at a time, as lines of JSON on its standard input, and
answers on its standard output: how far it is, what it found, and that it is done. One that ends too
early costs its file and nothing else. Processes end with their input, so none outlives what started
it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from queue import SimpleQueue
from threading import Condition
from typing import TYPE_CHECKING, Any, TypeVar

from strongroom.config import DiscoverSpec
from strongroom.data.sources import File, Limits, Unreadable
from strongroom.data.sources._files import open_local
from strongroom.discover._scanned import Scanned, from_json
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import IO, Self

_CODE = "from strongroom.discover._processes import serve; serve()"
_SAY_EVERY_SECONDS = 0.2
# So many finds are told together, and so many of these wait for their turn in each process.
_TOLD_TOGETHER, _MOST_AHEAD = 500, 64

One = TypeVar("One")


class Processes:
    """Looks at files in processes of their own; use it as a context manager, which ends them.

    Args:
        spec: what is looked for.
        target: the column to predict, if it was named.
        limits: how much a file may unfold into.
        jobs: how many processes; each takes some hundred megabytes of memory.
        room: the module whose `answer(file, settings, read)` yields what is said of a file, as
            plain JSON.
        more: settings for that.
    """

    def __init__(
        self,
        spec: DiscoverSpec,
        target: str | None,
        limits: Limits,
        jobs: int,
        room: str = "_inventory",
        **more: str,
    ) -> None:
        self._settings = {
            "room": room, "spec": spec.model_dump(mode="json"), "target": target,
            "limits": asdict(limits), **more
        }  # fmt: skip
        self._jobs = jobs
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="scan")
        self._free: SimpleQueue[_Process] = SimpleQueue()
        self._all: list[_Process] = []
        self._turn, self._over = Condition(), False

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
        with self._turn:
            self._over = True
            self._turn.notify_all()
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

    def stream(
        self, files: Sequence[File], from_json: Callable[[dict[str, Any]], One]
    ) -> list[Iterator[One | Unreadable]]:
        """Look at files in their order, and hold little: what is far ahead waits for its turn.

        Args:
            files: on this machine's disk.
            from_json: makes one find of what was said of it.

        Returns:
            What is found in each, in the order of the files; to be read in that order.
        """
        answers = [_Answer(file) for file in files]
        for answer in answers:
            self._threads.submit(self._fill, answer)
        return [self._read(answer, from_json) for answer in answers]

    def _one(
        self, file: File, read: Callable[[float], None], done: Callable[[File, list[Scanned]], None]
    ) -> list[Scanned]:
        scanned: list[Scanned] = []
        try:
            for some in self._asked(file, read):
                scanned += map(from_json, some)
        except _EndedError:
            return [_ended(file)]
        done(file, scanned)
        return scanned

    def _asked(self, file: File, read: Callable[[float], None]) -> Iterator[list[dict[str, Any]]]:
        """Yield what a process says of a file, some at a time.

        Raises:
            _EndedError: it is no more; there is another in its place.
        """
        process = self._free.get()
        try:
            yield from process.ask(file, read)
        except _EndedError:
            process.end()
            if not self._over:
                process = self._start()
            raise
        finally:
            self._free.put(process)

    def _fill(self, answer: _Answer) -> None:
        try:
            for some in self._asked(answer.file, lambda _: None):
                with self._turn:
                    self._turn.wait_for(lambda: self._over or len(answer.waiting) < _MOST_AHEAD)
                    if self._over:
                        return
                    answer.waiting.append(some)
                    self._turn.notify_all()
        except _EndedError:
            answer.ended = True
        finally:
            with self._turn:
                answer.done = True
                self._turn.notify_all()

    def _read(
        self, answer: _Answer, from_json: Callable[[dict[str, Any]], One]
    ) -> Iterator[One | Unreadable]:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: answer.done or answer.waiting)
                if not answer.waiting:
                    break
                some = answer.waiting.popleft()
                self._turn.notify_all()
            yield from map(from_json, some)
        if answer.ended:
            yield _ended(answer.file)

    def _start(self) -> _Process:
        process = _Process(self._settings)
        self._all.append(process)
        return process


class _EndedError(Exception):
    """A process ended before it was done."""


def _ended(file: File) -> Unreadable:
    why = DataError("the process that read it ended before it was done", where=file.path)
    return Unreadable(file.path, why)


@dataclass
class _Answer:
    """What is said of a file and waits to be read; whether all is, and whether a process died."""

    file: File
    waiting: deque[list[dict[str, Any]]] = field(default_factory=deque)
    done: bool = False
    ended: bool = False


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

    def ask(self, file: File, read: Callable[[float], None]) -> Iterator[list[dict[str, Any]]]:
        """Yield what is said of a file, some at a time.

        Raises:
            _EndedError: the process is no more.
        """
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
                if "done" in answer:
                    return
                if "some" in answer:
                    yield answer["some"]
                else:
                    read(answer["read"])
        except (OSError, ValueError) as error:
            raise _EndedError from error  # or its last line is half a line
        raise _EndedError

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def _say(stream: IO[str], what: dict[str, Any]) -> None:
    stream.write(json.dumps(what) + "\n")
    stream.flush()


def serve() -> None:
    """Be one of the processes: answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What any library prints is no answer.
    os.dup2(2, 1)
    settings = json.loads(sys.stdin.readline() or '{"room": "_inventory"}')
    room = importlib.import_module(f"strongroom.discover.{settings['room']}")
    for line in sys.stdin:
        asked = json.loads(line)
        file = File(**asked, open=partial(open_local, asked["place"]))
        said = _Said(answers)
        found = room.answer(file, settings, said.add)
        while some := list(islice(found, _TOLD_TOGETHER)):
            _say(answers, {"some": some})
        _say(answers, {"done": True})


def told(settings: dict[str, Any]) -> tuple[DiscoverSpec, Limits]:
    """Return the settings that all rooms share."""
    return DiscoverSpec.model_validate(settings["spec"]), Limits(**settings["limits"])


class _Said:
    """Says how much was read, not too often."""

    def __init__(self, answers: IO[str]) -> None:
        self._answers, self._bytes, self._last = answers, 0.0, time.monotonic()

    def add(self, count: float) -> None:
        self._bytes += count
        if time.monotonic() - self._last > _SAY_EVERY_SECONDS:
            _say(self._answers, {"read": self._bytes})
            self._bytes, self._last = 0.0, time.monotonic()
