"""Real servers and sites for tests: processes on loopback, ended by their process ids."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from tests.federate.sites import people

from strongroom.data import write_table
from strongroom.federate.flare import Kit, make_kits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE = 180.0  # seconds; a CI machine may be slow, and nothing here is timed
_ECHO = Path(__file__).with_name("flare_echo.py")


def free_port() -> int:
    """Return a port on which nobody listens."""
    with contextlib.closing(socket.socket()) as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def wait_for(file: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has written something to its log."""
    until = time.monotonic() + PATIENCE
    while text not in file.read_text():
        assert process.poll() is None, f"it ended with {process.returncode}: {file.read_text()}"
        assert time.monotonic() < until, f"no {text!r} in: {file.read_text()}"
        time.sleep(0.05)


def reissue(kit: Kit, federation: Path, *, days: int, begins: int = -10) -> None:
    """Let the federation's own authority issue the certificate again, for other days."""
    state = json.loads((federation / "ca" / "cert.json").read_text())
    authority = serialization.load_pem_private_key(state["root_pri_key"].encode(), None)
    old = x509.load_pem_x509_certificate(kit.certificate.read_bytes())
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(old.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=begins))
        .not_valid_after(now + dt.timedelta(days=days))
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    made = builder.sign(authority, hashes.SHA256())  # type: ignore[arg-type]
    kit.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))


@dataclass
class Processes:
    """A federation on loopback, whose processes end with the test, however it goes."""

    folder: Path
    sites: Sequence[str] = ("a", "b")
    kits: Mapping[str, Kit] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kits = make_kits(self.folder / "federation", self.sites, "localhost", free_port())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for name in list(self.running):
            self.kill(name)

    def start(self, name: str, *arguments: str, cwd: Path | None = None) -> Path:
        """Start a process and return its log."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as out:
            self.running[name] = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=cwd or self.folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        return log

    def serve(self) -> None:
        """Start the server, as a user does, and wait until it is open."""
        (self.folder / "server.log").write_bytes(b"")
        log = self.start("server", "-m", "strongroom", "federate", "serve", "federation")
        wait_for(log, "Serving", self.running["server"])

    def echo(self, name: str) -> None:
        """Start a site that answers whatever it is asked, and wait until it has joined."""
        (self.folder / f"{name}.log").write_bytes(b"")
        log = self.start(name, str(_ECHO), str(self.kits[name].folder))
        wait_for(log, "joined", self.running[name])

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a process a signal and wait for its end."""
        process = self.running.pop(name)
        if process.poll() is None:
            process.send_signal(number)
        return process.wait(PATIENCE)

    def settle(self, name: str, rows: int, seed: int, policy: str = "") -> Path:
        """Make a site's folder: made-up patients, and a strongroom.toml beside them."""
        place = self.folder / name
        place.mkdir()
        write_table(people(rows, seed, shift=seed - 1.0).table, place / "patients.csv")
        text = f"{_SITE}{policy}".format(name=name, rows=rows)
        (place / "strongroom.toml").write_text(text)
        return place

    def join(self, *names: str) -> None:
        """Start real sites, as their people do, and wait until all have joined."""
        logs = {}
        for name in names:
            (self.folder / f"{name}.log").write_bytes(b"")
            arguments = ("-m", "strongroom", "federate", "join", str(self.kits[name].folder))
            logs[name] = self.start(name, *arguments, cwd=self.folder / name)
        for name, log in logs.items():
            wait_for(log, "connected to the server", self.running[name])

    def call(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command and wait for it."""
        return subprocess.run(
            [sys.executable, "-m", "strongroom", *arguments],
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * PATIENCE,
        )


_SITE = """\
[project]
name = "{name}"
[data]
source = "patients.csv"
target = "ill"
rows = {rows}
budget = 4.0
[data.columns.age]
role = "quasi_identifier"
range = [0, 100]
[data.columns.stay]
role = "feature"
range = [0, 30]
[data.columns.ward]
role = "quasi_identifier"
categories = ["north", "south"]
[data.columns.ill]
categories = ["no", "yes"]
[discover]
names = false
[anonymize]
k = 2
[federation]
site = "{name}"
"""
