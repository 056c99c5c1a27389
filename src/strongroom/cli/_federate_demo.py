"""`strongroom federate demo`: server and three sites as processes of this machine, and one job."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from strongroom.cli._options import Common, common
from strongroom.errors import InputError, StrongroomError, WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.cli.console import Console

_ROUNDS = 10
_START_SECONDS = 300.0
_STOP_SECONDS = 10.0
_LOOK = 0.2
_TAIL = 2000


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path), required=False, metavar="[DIR]")
@click.option("--rounds", type=click.IntRange(min=1), default=_ROUNDS, show_default=True)
@common
def demo(flags: Common, folder: Path | None, rounds: int) -> int:
    """Train with three sites on this machine: UCI Adult, parted by who people work for.

    Server and sites are processes of their own and talk TLS, as they would between houses. Their
    files stay in DIR (by default a new folder), the processes end with the job.
    """
    from strongroom.federate import flare
    from strongroom.starter import lay_out_federation, write_example_settings

    flare.need_flare()
    console = flags.console
    folder = (folder or Path(tempfile.mkdtemp(prefix="strongroom-demo-"))).resolve()
    places = lay_out_federation(folder)
    federation = folder / "federation"
    flare.make_kits(federation, list(places), "localhost", _free_port())
    write_example_settings(federation / "federation.toml", rounds)
    console.talk(f"laid out in {folder}: {', '.join(places)}, and the kits of a federation")
    with _Processes(folder, console) as processes:
        processes.start("server", ["serve", str(federation)], folder)
        processes.wait_for({"server": "Serving"})
        for site, place in places.items():
            processes.start(site, ["join", str(federation / "sites" / site)], place)
        processes.wait_for(dict.fromkeys(places, "connected to the server"))
        code = _run(flags, processes, federation)
    _verify(console, {"coordinator": federation, **places})
    console.talk(f"server and sites are stopped; their files are in {folder}")
    return code


def _run(flags: Common, processes: _Processes, federation: Path) -> int:
    from strongroom.cli._federate_run import run

    try:
        code: int = run.callback(  # type: ignore[misc] # click wraps the function
            as_json=flags.console.as_json, quiet=flags.console.quiet,
            config_path=flags.config_path, workspace=None,
            folder=federation, rounds=None, patience=60.0, again=False,
        )  # fmt: skip
    except StrongroomError:
        processes.tell_who_died()
        raise
    return code


def _verify(console: Console, folders: Mapping[str, Path]) -> None:
    """Prove everybody's evidence, as each of them would."""
    from strongroom.store import verify

    records = 0
    for name, folder in folders.items():
        found = verify(folder / ".strongroom", None, identity=None)
        if not found.ok:
            raise WorkspaceError(f"the evidence of {name} is broken", where=str(folder))
        records += found.records
    console.say(f"strongroom verify accepts the evidence of {', '.join(folders)}: {records} "
                "records.")  # fmt: skip


class _Processes:
    """What runs, and its end, however the job goes."""

    def __init__(self, folder: Path, console: Console) -> None:
        self._logs = folder / "logs"
        self._logs.mkdir(mode=0o700)
        self._console = console
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
        until = time.monotonic() + _STOP_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name: str, arguments: list[str], cwd: Path) -> None:
        """Start `strongroom federate …` with a log of its own."""
        with (self._logs / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 - this Python, our own verbs
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
        for name, process in self._running.items():
            if process.poll() is not None:
                said = self._log(name).strip()[-_TAIL:]
                raise WorkspaceError(
                    f"{name} ended with {process.returncode}",
                    where=str(self._logs / f"{name}.log"),
                    hint=f"it said: {said.splitlines()[-1] if said else 'nothing'}",
                )

    def _log(self, name: str) -> str:
        return (self._logs / f"{name}.log").read_text("utf-8", "replace")


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port
