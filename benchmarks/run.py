"""What the whole way costs on the demo: wall time, CPU time, memory; and what a second run costs.

There is no peer that walks the whole way, so each figure stands beside the goal that we set
ourselves. Seconds depend on the machine and its neighbours; the CPU time less so.

    python benchmarks/run.py [--json] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

GOALS = {
    "cold run, wall": (90.0, "s"),
    "cold run, peak memory": (1500.0, "MB"),
    "unchanged run, wall": (2.0, "s"),
    "--help, wall": (0.3, "s"),
    "verify, wall": (2.0, "s"),
}


@dataclass(frozen=True)
class Cost:
    """One process: wall and CPU seconds, peak resident memory in MB."""

    wall: float
    cpu: float
    memory: float


def measure(folder: Path, keys: Path, *arguments: str) -> Cost:
    """Run `strongroom` once and say what it cost.

    Peak memory is read from the child's own usage, so a small parent wraps each call: the figure
    that the operating system keeps for all children is the largest of them.
    """
    wrapper = (
        "import json, resource, subprocess, sys, time\n"
        "begun = time.perf_counter()\n"
        "code = subprocess.run([sys.executable, '-m', 'strongroom', *sys.argv[1:]],"
        " stdout=subprocess.DEVNULL).returncode\n"
        "wall = time.perf_counter() - begun\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([code, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", wrapper, *arguments],
        cwd=folder,
        env={**os.environ, "XDG_CONFIG_HOME": str(keys)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    code, wall, cpu, memory = json.loads(done.stdout)
    if code not in (0, 1):
        raise SystemExit(f"strongroom {' '.join(arguments)} exited with {code}")
    return Cost(wall, cpu, memory)


def main() -> None:
    """Measure, print a table, and the same as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    got: dict[str, list[float]] = {name: [] for name in GOALS}
    cpu: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        measure(root, root / "keys", "init", "--example", "adult", "warm")
        for number in range(chosen.rounds):
            folder, keys = root / f"demo{number}", root / f"keys{number}"
            measure(root, keys, "init", "--example", "adult", folder.name)
            cold = measure(folder, keys, "run", "--quiet")
            got["cold run, wall"].append(cold.wall)
            got["cold run, peak memory"].append(cold.memory)
            cpu.append(cold.cpu)
            got["unchanged run, wall"].append(measure(folder, keys, "run", "--quiet").wall)
            got["verify, wall"].append(measure(folder, keys, "verify", "--quiet").wall)
            got["--help, wall"].append(measure(folder, keys, "--help").wall)
    rows = [
        {
            "name": name,
            "ratio": round(statistics.median(values) / GOALS[name][0], 4),
            "strongroom": round(statistics.median(values), 3),
            "peer": GOALS[name][0],
            "peer_name": "goal",
            "unit": GOALS[name][1],
        }
        for name, values in got.items()
    ]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if chosen.json:
        print(json.dumps({"benchmark": "run", "machine": machine, "rows": rows}, indent=1))
        return
    print(f"{machine}; medians of {chosen.rounds} rounds")
    for row in rows:
        print(f"{row['name']:<24}{row['strongroom']:>10} {row['unit']:<3} goal {row['peer']}")
    print(f"{'cold run, CPU':<24}{statistics.median(cpu):>10.1f} s")


if __name__ == "__main__":
    main()
