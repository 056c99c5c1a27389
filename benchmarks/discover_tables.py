"""What a look at whole tables costs, and whether columns are called what a person calls them.

No peer reads every value of a table and says what its columns are, so each figure stands beside
the goal that we set ourselves. Every value is read by every rule. Rules are compiled before the
clock starts; a process that finds them in the cache folder of the user needs a second for it.

    python benchmarks/discover_tables.py [--json] [--data FOLDER] [--rounds N] [--rows N]

`--data` holds `adult/`, `compas/`, `diabetes130/`, `german_credit/` and `presidio_research/`:
without it the figures on types and roles are left out. Gold was written down before anything was
measured: tests/data/columns/gold.json.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from strongroom.data import Dataset
from strongroom.discover import Found, scan, scan_sources

ROOT = Path(__file__).parents[1]
GOLD = json.loads((ROOT / "tests" / "data" / "columns" / "gold.json").read_text("utf-8"))
GIVEN = (ROOT / "src/strongroom/discover/names/given_names.txt").read_text("utf-8").split()
MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
NARROW = ("customer", "name", "email", "phone", "zip", "born", "iban", "diagnosis", "age", "score")
SETS = {
    "adult": ("adult/adult.data.csv.gz", ", "),
    "german_credit": ("german_credit/german.data.csv.gz", ","),
    "compas": ("compas/compas-scores-two-years.csv.gz", None),
    "diabetes130": ("diabetes130/diabetic_data.csv.gz", None),
    "fake_names": ("presidio_research/FakeNameGenerator_3000.csv.gz", None),
}


def made_up(rows: int, seed: int) -> pa.Table:
    """Return twenty columns about people who don't exist: thirteen of strings, 190 bytes a row."""
    draw = np.random.default_rng(seed)
    row = pa.array(np.arange(rows) + seed * rows)

    def among(words: list[str]) -> pa.Array:
        return pa.array(words).take(pa.array(draw.integers(0, len(words), rows)))

    def digits(least: int, most: int) -> pa.Array:
        return pa.array(draw.integers(least, most, rows)).cast(pa.string())

    def joined(*parts: pa.Array | str) -> pa.Array:
        return pc.binary_join_element_wise(*parts, "")

    letters = np.array(list("abcdefghijklmnoprstuvw"))
    families = ["".join(draw.choice(letters, 7)).title() for _ in range(20_000)]
    given, family = among([g.title() for g in GIVEN]), among(families)
    days = draw.integers(-10_000, 13_000, rows).astype("datetime64[D]")
    accounts = [f"{i:018d}" for i in draw.integers(10**17, 9 * 10**17, 10_000)]
    ibans = [f"DE{98 - int(a + '131400') % 97:02d}{a}" for a in accounts]
    return pa.table(
        {
            "customer": pc.add(row, 10_000_000),
            "name": joined(given, " ", family),
            "email": joined(given, ".", family, row.cast(pa.string()), "@mail.example.org"),
            "phone": joined("+49 30 ", digits(2_000_000, 9_999_999)),
            "address": joined(digits(1, 999), " ", family, " Street, Springfield"),
            "zip": digits(10_000, 99_999),
            "city": among(families[:3_000]),
            "country": among(["DE", "FR", "US", "GB", "IT", "ES"]),
            "born": pa.array(days).cast(pa.string()),
            "sex": among(["m", "f"]),
            "iban": among(ibans),
            "diagnosis": among(["E11.9", "I10", "J45.909", "F32.1"]),
            "occupation": among(["teacher", "nurse", "clerk", "driver", "engineer"]),
            "ip": joined("84.17.", digits(0, 255), ".", digits(0, 255)),
            "age": draw.integers(18, 90, rows),
            "salary": draw.integers(20, 200, rows) * 500,
            "score": draw.normal(size=rows),
            "visits": draw.poisson(3, rows),
            "active": draw.integers(0, 2, rows).astype(bool),
            "signed_up": pa.array(draw.integers(17_000, 19_000, rows).astype("datetime64[D]")),
        }
    )


def in_memory(rows: int, rounds: int) -> dict[str, float]:
    """Scan a table of twenty columns; median wall and CPU seconds."""
    table = made_up(rows, 1)
    scan(Dataset.of(table.slice(0, 20_000)))
    wall, cpu = [], []
    for _ in range(rounds):
        begun, used = time.perf_counter(), time.process_time()
        scan(Dataset.of(table))
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - used)
    return {"wall": statistics.median(wall), "cpu": statistics.median(cpu)}


def from_parquet(rows: int) -> dict[str, float]:
    """Scan a Parquet file of ten columns in a process of its own; seconds and peak MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.parquet"
        with pq.ParquetWriter(path, made_up(1, 0).select(NARROW).schema) as writer:
            for part in range(-(-rows // 1_000_000)):
                count = min(1_000_000, rows - part * 1_000_000)
                writer.write_table(made_up(count, part).select(NARROW), row_group_size=250_000)
        done = subprocess.run(
            [sys.executable, __file__, "--child", str(path)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found: dict[str, float] = json.loads(done.stdout)
        return found


def child(path: str) -> None:
    """Scan one file, and say what it cost; the rules are warmed up on its first rows."""
    warm = next(pq.ParquetFile(path).iter_batches(10_000))
    scan(Dataset.of(pa.Table.from_batches([warm])))
    begun, used = time.perf_counter(), time.process_time()
    found = next(iter(scan_sources([path])))
    if not isinstance(found, Found):
        raise SystemExit(f"{path} could not be read")
    cost = {
        "wall": time.perf_counter() - begun,
        "cpu": time.process_time() - used,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "rows": found.rows,
    }
    sys.stdout.write(json.dumps(cost))


def judged(folder: Path) -> dict[str, float]:
    """Compare types and roles with a person's; with and without the names of columns."""
    figures = {}
    for name, gold in GOLD["roles"].items():
        path, separator = SETS[name]
        content = gzip.decompress((folder / path).read_bytes())
        if separator and len(separator) > 1:
            content = content.replace(separator.encode(), b",")
        table = pa_csv.read_csv(
            io.BytesIO(content),
            read_options=pa_csv.ReadOptions(column_names=list(gold) if separator else None),
            convert_options=pa_csv.ConvertOptions(null_values=MISSING, strings_can_be_null=True),
        )
        for kind, names in (("", list(gold)), (", unnamed", [f"V{i}" for i in range(len(gold))])):
            found = scan(Dataset.of(table.rename_columns(names))).columns
            said = dict(zip(gold, found, strict=True))
            right = sum(said[c].role.value in gold[c] for c in gold)
            figures[f"roles of {name}{kind}"] = right / len(gold)
            types = GOLD["types"].get(name)
            if types:
                figures[f"types of {name}{kind}"] = _macro_f1(
                    types, {c: f.sort for c, f in said.items()}
                )
    return figures


def _macro_f1(gold: dict[str, str], said: dict[str, str]) -> float:
    scores = []
    for kind in set(gold.values()):
        right = sum(gold[c] == kind == said[c] for c in gold)
        wrong = sum((gold[c] == kind) != (said[c] == kind) for c in gold)
        scores.append(2 * right / (2 * right + wrong))
    return statistics.mean(scores)


def main() -> None:
    """Measure, print a table, and the same as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000, help="ten times as many in Parquet")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child)
        return
    share = chosen.rows / 1_000_000
    table, parquet = in_memory(chosen.rows, chosen.rounds), from_parquet(10 * chosen.rows)
    costs = [
        ("1 million rows x 20, wall", table["wall"] / share, 3.0, "s"),
        ("1 million rows x 20, CPU", table["cpu"] / share, 3.0, "s"),
        ("10 million rows x 10 of Parquet, wall", parquet["wall"] / share, 30.0, "s"),
        ("10 million rows x 10 of Parquet, CPU", parquet["cpu"] / share, 30.0, "s"),
        ("10 million rows x 10 of Parquet, peak memory", parquet["memory"], 1_000.0, "MB"),
    ]
    rows = [
        {"name": n, "ratio": v / goal, "strongroom": v, "peer": goal, "peer_name": "goal",
         "unit": unit}
        for n, v, goal, unit in costs
    ]  # fmt: skip
    for name, value in (judged(chosen.data) if chosen.data else {}).items():
        goal = None if "unnamed" in name else 0.97 if name.startswith("types") else 1.0
        unit = "macro-F1" if name.startswith("types") else "agreement"
        rows.append({"name": name, "ratio": goal and goal / max(value, 1e-9), "strongroom": value,
                     "peer": goal, "peer_name": "goal", "unit": unit})  # fmt: skip
    if chosen.json:
        machine = f"{platform.machine()}, {platform.python_version()}"
        document = {"benchmark": "discover_tables", "machine": machine, "rows": rows}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    print(f"{'':46}{'measured':>10}{'goal':>10}")
    for one in rows:
        wanted = "" if one["peer"] is None else f"{one['peer']:.2f}"
        print(f"{one['name']:46}{one['strongroom']:10.2f}{wanted:>10}  {one['unit']}")


if __name__ == "__main__":
    main()
