"""A server and sites as processes of this machine, which end when the work does."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Self

from strongroom.errors import InputError, WorkspaceError

if TYPE_CHECKING:
    from pathlib import Path

    from strongroom.cli.console import Console

_START_SECONDS = 300.0
_STOP_SECONDS = 10.0
_LOOK = 0.2
_TAIL = 2000


class Processes:
    """What runs, each with a log below the folder, and its end, however the work goes.

    Attributes:
        running: by name.
    """

    def __init__(self, folder: Path, console: Console) -> None:
        self._logs = folder / "logs"
        self._logs.mkdir(mode=0o700)
        self._console = console
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
        until = time.monotonic() + _STOP_SECONDS
        for process in self.running.values():
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name: str, arguments: list[str], cwd: Path) -> None:
        """Start `strongroom federate …` with a log of its own."""
        with (self._logs / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603 - this Python, our own verbs
                [sys.executable, "-m", "strongroom", "federate", *arguments],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C at the demo is for the demo, which then ends the others.
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def wait_for(self, lines: dict[str, str]) -> None:
        """Wait until each process has said something.

        Raises:
            WorkspaceError: one ended before, or says nothing for too long.
        """
        until = time.monotonic() + _START_SECONDS
        missing = dict(lines)
        with self._console.bar("start") as bar:
            while missing:
                for name, line in list(missing.items()):
                    if line in self._log(name):
                        self._console.talk(f"{name} is running")
                        del missing[name]
                self.tell_who_died()
                if time.monotonic() > until:
                    raise InputError(f"{next(iter(missing))} doesn't start", where=str(self._logs))
                bar.step(len(lines) - len(missing), len(lines), f"waits for {', '.join(missing)}")
                time.sleep(_LOOK)

    def tell_who_died(self) -> None:
        """Raise if a process has ended; nobody told it to."""
        for name, process in self.running.items():
            if process.poll() is not None:
                said = self._log(name).strip()[-_TAIL:]
                raise WorkspaceError(
                    f"{name} ended with {process.returncode}",
                    where=str(self._logs / f"{name}.log"),
                    hint=f"it said: {said.splitlines()[-1] if said else 'nothing'}",
                )

    def _log(self, name: str) -> str:
        return (self._logs / f"{name}.log").read_text("utf-8", "replace")


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with contextlib.closing(socket.socket()) as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port
