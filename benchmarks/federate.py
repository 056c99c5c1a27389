"""What a round of a federation costs: three sites over NVIDIA FLARE, real processes, TLS, loopback.

    python benchmarks/federate.py [--json] [--rounds N] [--rows N]

Server, three sites and coordinator are started as people start them (`strongroom federate serve`,
`join`, `run`) and train one small MLP of about 10,000 numbers, on few rows, so that what is timed
is the protocol: in the clear, and with secure aggregation. Seconds are wall time, medians over the
rounds, evaluations included. Memory is the sum of the proportional set sizes (PSS) of all
processes, the largest that was seen while the sites train an MLP on many rows. Limits are those
that the project has set itself.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from strongroom import load_model
from strongroom.cli._federate_processes import Processes, free_port
from strongroom.cli.console import Console
from strongroom.data import write_table
from strongroom.federate.flare import make_kits

if TYPE_CHECKING:
    from collections.abc import Iterable

SITES = ("a", "b", "c")
COLUMNS = 20
LIMITS = {"clear": 0.5, "secure": 1.5, "memory": 1.5e9}
_SITE = """\
[project]
name = "{name}"
[data]
source = "rows.csv"
target = "label"
rows = {rows}
[data.columns.label]
role = "target"
categories = ["no", "yes"]
[discover]
names = false
[anonymize]
k = 1
[federation]
site = "{name}"
"""
_COLUMN = """\
[data.columns.x{i}]
role = "feature"
range = [-4, 4]
knots = [-1, 0, 1]
"""
_JOB = """\
[project]
name = "benchmark"
[train]
model = "mlp"
hidden = [65, 32]
optimizer = "sgd"
batch_size = {batch}
learning_rate = 0.1
[job]
rounds = {rounds}
{more}
"""


def lay_out(folder: Path, rows: int) -> None:
    """Make three sites' folders with made-up rows."""
    for seed, name in enumerate(SITES):
        place = folder / name
        place.mkdir()
        draw = np.random.default_rng(seed)
        inputs = draw.normal(size=(rows, COLUMNS)).clip(-4, 4).round(3)
        labels = np.where(inputs[:, 0] + inputs[:, 1] > 0, "yes", "no")
        table = {f"x{i}": inputs[:, i] for i in range(COLUMNS)} | {"label": labels}
        write_table(pa.table(table), place / "rows.csv")
        columns = "".join(_COLUMN.format(i=i) for i in range(COLUMNS))
        (place / "strongroom.toml").write_text(_SITE.format(name=name, rows=rows) + columns)


def pss(pids: Iterable[int]) -> int:
    """Return the bytes of memory that processes take together, shared pages counted once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += 1024 * int(line.split()[1])
    return total


class Largest:
    """The largest memory of processes while a block runs."""

    def __init__(self, pids: list[int]) -> None:
        self._pids, self.found = pids, 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(0.2):
            self.found = max(self.found, pss(self._pids))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()


def run(folder: Path, pids: list[int], rounds: int, batch: str, more: str) -> dict[str, Any]:
    """Run one job; return its document, with the largest memory and the seconds of the command."""
    text = _JOB.format(rounds=rounds, batch=batch, more=more)
    (folder / "federation" / "federation.toml").write_text(text)
    started = time.monotonic()
    command = [sys.executable, "-m", "strongroom", "federate", "run", "federation", "--json"]
    with (
        subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
        Largest([*pids, process.pid]) as memory,
    ):
        out, said = process.communicate()
    if process.returncode:
        sys.exit(said.decode())
    document: dict[str, Any] = json.loads(out)
    return {**document, "memory": memory.found, "command": time.monotonic() - started}


def measure(rounds: int, rows: int) -> list[dict[str, Any]]:
    """Start everything, run the jobs, and return a row for each figure."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        kits = make_kits(folder / "federation", SITES, "localhost", free_port())
        for kind, count in (("few", 100), ("many", rows)):
            place = folder / kind
            place.mkdir()
            (place / "federation").symlink_to(folder / "federation")
            lay_out(place, count)
            found += _jobs(place, kind, rounds, [str(kits[s].folder) for s in SITES])
    return found


def _jobs(folder: Path, kind: str, rounds: int, kits: list[str]) -> list[dict[str, Any]]:
    secure = "[job.secure]\nthreshold = 2\n"
    started = time.monotonic()
    with Processes(folder, Console(quiet=True)) as processes:
        processes.start("server", ["serve", "federation"], folder)
        processes.wait_for({"server": "Serving"})
        begun = time.monotonic() - started
        for name, kit in zip(SITES, kits, strict=True):
            processes.start(name, ["join", kit], folder / name)
        processes.wait_for(dict.fromkeys(SITES, "connected to the server"))
        joined = time.monotonic() - started
        pids = [process.pid for process in processes.running.values()]
        if kind == "many":
            done = run(folder, pids, max(3, rounds // 10), "128", "")
            idle = pss(pids)
            return [
                row("memory, 3 sites train an MLP", done["memory"], LIMITS["memory"], "bytes"),
                row("memory, server and 3 sites after it", idle, None, "bytes"),
            ]
        clear = run(folder, pids, rounds, '"full"', "")
        hidden = run(folder, pids, rounds, '"full"', secure)
    network = load_model(folder / "federation" / "model").model.network
    size = f"{sum(p.numel() for p in network.parameters()):,}"
    return [
        row(f"a round, {size} numbers, in the clear", seconds(clear), LIMITS["clear"], "s"),
        row(f"a round, {size} numbers, secure sum", seconds(hidden), LIMITS["secure"], "s"),
        row("server is open after", begun, None, "s"),
        row("three sites have joined after", joined, None, "s"),
        row(f"federate run, {rounds} rounds, whole command", clear["command"], None, "s"),
    ]


def seconds(document: dict[str, Any]) -> float:
    """Return the median of the rounds."""
    return float(statistics.median(r["seconds"] for r in document["rounds"]))


def row(name: str, value: float, limit: float | None, unit: str) -> dict[str, Any]:
    """Return one figure beside its limit."""
    return {
        "name": name,
        "ratio": value / limit if limit else None,
        "strongroom": value,
        "peer": limit,
        "peer_name": "limit" if limit else None,
        "unit": unit,
    }


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--rows", type=int, default=20_000)
    chosen = parser.parse_args()
    rows = measure(chosen.rounds, chosen.rows)
    load = f"{os.getloadavg()[0]:.1f}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {load}"
    if chosen.json:
        print(json.dumps({"benchmark": "federate", "machine": machine, "rows": rows}, indent=1))
        return
    print(f"{machine}; wall time, medians of {chosen.rounds} rounds")
    for one in rows:
        scale, unit = (1e-6, "MB") if one["unit"] == "bytes" else (1.0, one["unit"])
        limit = f"limit {scale * one['peer']:.4g} {unit}" if one["peer"] else ""
        print(f"{one['name']:<48} {scale * one['strongroom']:>10.3f} {unit:<3} {limit}")


if __name__ == "__main__":
    main()
