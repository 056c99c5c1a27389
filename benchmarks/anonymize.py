"""What anonymising costs, in time and in information, on the census rows of the example.

Risk metrics (k, distinct l and t of one table) are paired with pyCANON: interleaved rounds, one
thread each, process CPU time, the median of the per-round ratios; both must give the same numbers.
Mondrian stands beside ARX's local recoding on the same 30,162 complete rows and nine columns; that
figure was measured earlier and elsewhere, so it is a reference and not a pair.

    python benchmarks/anonymize.py [--json] [--rounds N] [--data CSV] [--peer-python PYTHON]

`--peer-python` is the interpreter of an environment with `pip install pycanon`.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongroom.anonymize import Anonymized, anonymize, risk
from strongroom.config import AnonymizeSpec, ColumnSpec
from strongroom.data import Dataset, Role, read_table, write_table

if TYPE_CHECKING:
    import pyarrow as pa

ROOT = Path(__file__).parents[1]
HIERARCHIES = ROOT / "tests" / "data" / "adult_arx"
NINE = (
    "sex",
    "age",
    "race",
    "marital-status",
    "education",
    "native-country",
    "workclass",
    "occupation",
    "income",
)
QUASI, SENSITIVE = NINE[:7], "occupation"
K = 5
# ARX, local recoding, k = 5, all nine columns: granularity kept, and seconds.
ARX_KEPT, ARX_SECONDS = 0.932, 2.5

PEER = """
import json, sys, time
import pandas as pd
from pycanon import anonymity
table = pd.read_csv(sys.argv[1], dtype={"age": str}, keep_default_na=False)
quasi, sensitive = sys.argv[2].split(","), [sys.argv[3]]
begun = time.process_time()
found = [
    anonymity.k_anonymity(table, quasi),
    anonymity.l_diversity(table, quasi, sensitive),
    anonymity.t_closeness(table, quasi, sensitive),
]
print(json.dumps([time.process_time() - begun, [float(value) for value in found]]))
"""


def complete_rows(path: Path) -> pa.Table:
    """Read the nine columns, and keep the rows that miss nothing."""
    return read_table(path).select(list(NINE)).drop_null()


def hierarchies() -> dict[str, ColumnSpec]:
    """Read the hierarchies that ARX ships with the same rows."""
    found = {}
    for name in NINE:
        file = "salary-class" if name == "income" else name
        path = HIERARCHIES / f"adult_hierarchy_{file}.csv"
        with path.open(encoding="utf-8", newline="") as stream:
            lines = csv.reader(stream, delimiter=";")
            found[name] = ColumnSpec(hierarchy={line[0]: tuple(line[1:]) for line in lines})
    return found


def generalise(table: pa.Table, columns: dict[str, ColumnSpec]) -> tuple[float, Anonymized]:
    """Anonymise all nine columns; CPU seconds, and what came of it."""
    dataset = Dataset(table, roles=dict.fromkeys(NINE, Role.QUASI_IDENTIFIER))
    begun = time.process_time()
    found = anonymize(dataset, AnonymizeSpec(k=K), columns=columns, text_columns=[])
    return time.process_time() - begun, found


def ours(table: pa.Table) -> tuple[float, list[float]]:
    """Measure k, l and t; CPU seconds, and the three."""
    begun = time.process_time()
    found = risk(table, QUASI, [SENSITIVE])
    spent = time.process_time() - begun
    return spent, [float(value) for value in (found.k, found.l, found.t) if value is not None]


def theirs(python: str, path: Path) -> tuple[float, list[float]]:
    """The same by pyCANON, in its own process, without its start and its reading."""
    done = subprocess.run(
        [python, "-c", PEER, str(path), ",".join(QUASI), SENSITIVE],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    spent, found = json.loads(done.stdout)
    return spent, found


def row(name: str, mine: float, peer: float | None, who: str | None, unit: str) -> dict[str, Any]:
    """Lay out one line."""
    return {
        "name": name,
        "ratio": None if peer is None else round(mine / peer, 4),
        "strongroom": round(mine, 4),
        "peer": peer,
        "peer_name": who,
        "unit": unit,
    }


def paired_risk(released: pa.Table, rounds: int, python: str | None) -> dict[str, Any]:
    """Measure the risk of a released table, beside the peer where there is one."""
    name = "k, l and t of the released table, CPU"
    if python is None:
        return row(
            name, statistics.median(ours(released)[0] for _ in range(rounds)), None, None, "s"
        )
    pairs = []
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "released.csv"
        write_table(released, path)
        for _ in range(rounds):
            mine, peer = ours(released), theirs(python, path)
            if any(abs(a - b) > 1e-9 for a, b in zip(mine[1], peer[1], strict=True)):
                raise SystemExit(f"the two disagree: {mine[1]} and {peer[1]}")
            pairs.append((mine[0], peer[0]))
    mine_median, peer_median = (statistics.median(p[side] for p in pairs) for side in (0, 1))
    line = row(name, mine_median, round(peer_median, 4), "pyCANON", "s")
    return {**line, "ratio": round(statistics.median(a / b for a, b in pairs), 4)}


def main() -> None:
    """Measure, print a table, and the same as JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=ROOT / "examples" / "adult" / "adult.csv.gz")
    here = sys.executable if importlib.util.find_spec("pycanon") else None
    parser.add_argument("--peer-python", default=here)
    chosen = parser.parse_args()
    table, declared = complete_rows(chosen.data), hierarchies()
    generalise(table, declared)
    seconds, found = [], None
    for _ in range(chosen.rounds):
        spent, found = generalise(table, declared)
        seconds.append(spent)
    if found is None:
        raise SystemExit("--rounds must be at least 1")
    lost, kept = found.loss.ncp, 1 - ARX_KEPT
    reference = "ARX local recoding (reference, not paired)"
    rows = [
        paired_risk(found.dataset.table, chosen.rounds, chosen.peer_python),
        row(
            f"anonymize by Mondrian, k = {K}, CPU",
            statistics.median(seconds),
            ARX_SECONDS,
            reference,
            "s",
        ),
        row("information lost (NCP; ARX: granularity)", lost, round(kept, 4), reference, ""),
    ]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if chosen.json:
        print(json.dumps({"benchmark": "anonymize", "machine": machine, "rows": rows}, indent=1))
        return
    print(f"{machine}; {table.num_rows:,} rows, medians of {chosen.rounds} rounds")
    for line in rows:
        peer = f"{line['peer']} {line['unit']} {line['peer_name']}" if line["peer"] else "no peer"
        print(f"{line['name']:<42}{line['strongroom']:>9} {line['unit']:<2} {peer}")


if __name__ == "__main__":
    main()
