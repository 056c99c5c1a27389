"""How well and how fast secrets are found, beside detect-secrets.

    python benchmarks/discover_secrets.py [--data FOLDER] [--tree FOLDER] [--json] [--no-peer]

Three parts. gitleaks' own cases, if `--data` holds `secrets_gitleaks/`: the share found of those
with a secret, and how many of those without are taken for one. One made-up secret of each kind, in
a line of code, and a line of the same shape without one (`recognizers/secrets/examples.py`). A tree
of source code, by default the packages of this Python: megabytes a second of CPU time, and how many
lines of ten megabytes are shown. detect-secrets runs with its default plugins and filters, on
files, in an environment of its own: `--peer-python`, or one made in the cache folder of the user by
pip; of the tree it gets the first megabyte. A ratio below 1 means that we are quicker or make fewer
mistakes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import subprocess
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from _peers import environment
from strongroom.config import DiscoverSpec
from strongroom.discover.engine import Engine
from strongroom.discover.recognizers.secrets import RULES, examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PEER = "detect-secrets==1.5.0"
SCRIPT = """
import json, pathlib, sys, tempfile, time
from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings
texts = json.load(sys.stdin)
with default_settings(), tempfile.TemporaryDirectory() as folder:
    paths = [pathlib.Path(folder, f"{i}.py") for i in range(len(texts))]
    for path, text in zip(paths, texts):
        path.write_text(text, "utf-8", newline="")
    found, start = SecretsCollection(), time.process_time()
    for path in paths:
        found.scan_file(str(path))
    seconds = time.process_time() - start
    lines = [len({s.line_number for s in found[str(path)]}) for path in paths]
    print(json.dumps([lines, seconds]))
"""
TREE_BYTES, PEER_BYTES = 20_000_000, 1_000_000


def ours() -> Callable[[list[str]], tuple[list[int], float]]:
    """Return what counts the lines with a secret in each text, and the seconds that took."""
    engine = Engine(RULES, DiscoverSpec())
    engine.find(pa.array(["warm up"], pa.large_string()))

    def look(texts: list[str]) -> tuple[list[int], float]:
        column = pa.array(texts, pa.large_string())
        start = time.process_time()
        hits = engine.find(column)
        seconds = time.process_time() - start
        lines: list[set[int]] = [set() for _ in texts]
        for row, detections in hits.detections(column).items():
            lines[row] = {texts[row].count("\n", 0, one.start) for one in detections}
        return [len(one) for one in lines], seconds

    return look


def theirs(python: str) -> Callable[[list[str]], tuple[list[int], float]]:
    """Return the same of detect-secrets, run by another Python."""

    def look(texts: list[str]) -> tuple[list[int], float]:
        done = subprocess.run(
            [python, "-c", SCRIPT], input=json.dumps(texts), capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        found, seconds = json.loads(done.stdout)
        return found, seconds

    return look


def gitleaks(folder: Path) -> tuple[list[str], list[str]]:
    """Return the cases with and without a secret."""
    packed = (folder / "secrets_gitleaks" / "cases.jsonl.gz").read_bytes()
    cases = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    true = [case["text"] for case in cases if case["expected"]]
    return true, [case["text"] for case in cases if not case["expected"]]


def made_up() -> tuple[list[str], list[str]]:
    """Return one secret of each kind in a line of code, and what only looks like it."""
    true = []
    for rule in RULES:
        lead, secret = examples.true_one(rule)
        true.append(f"{lead}{secret}\n" if lead else f'x = "{secret}"\n')
    return true, [text for rule in RULES for text in examples.lookalikes(rule)]


def tree(folder: Path, most: int) -> Iterator[str]:
    """Yield the texts of a source tree, file by file in order of their names, up to `most`."""
    size = 0
    for path in sorted(folder.rglob("*.py")):
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        yield text
        size += len(text)
        if size > most:
            return


def shares(name: str, true: list[str], false: list[str], looks: list[Any]) -> list[dict[str, Any]]:
    """Measure one set: the share found, and the share of the others that is taken for a secret."""
    found = [sum(map(bool, look(true)[0])) / len(true) for look in looks]
    wrong = [sum(map(bool, look(false)[0])) / len(false) for look in looks]
    return [
        row(f"{name}: missed of {len(true)}", [1 - share for share in found], ""),
        row(f"{name}: false of {len(false)}", wrong, ""),
    ]


def row(name: str, values: list[float], unit: str, *, more: bool = False) -> dict[str, Any]:
    """Lay out one figure of ours and, if there is one, of the peer."""
    mine, peer = values[0], values[1] if len(values) > 1 else None
    ratio = None
    if peer is not None and peer > 0 and mine > 0:
        ratio = peer / mine if more else mine / peer
    elif peer:
        ratio = 0.0
    return {
        "name": name,
        "ratio": None if ratio is None else round(ratio, 5),
        "strongroom": round(mine, 4),
        "peer": None if peer is None else round(peer, 4),
        "peer_name": None if peer is None else PEER,
        "unit": unit,
    }


def speed(folder: Path, looks: list[Any]) -> list[dict[str, Any]]:
    """Measure the pass over a source tree."""
    rates, shown = [], []
    for look, most in zip(looks, (TREE_BYTES, PEER_BYTES), strict=False):
        texts = list(tree(folder, most))
        size = sum(len(text.encode()) for text in texts) / 1e6
        runs = [look(texts) for _ in range(3 if look is looks[0] else 1)]
        rates.append(size / min(seconds for _, seconds in runs))
        shown.append(10 * sum(runs[0][0]) / size)
    return [
        row("source code", rates, "MB/s", more=True),
        row("source code: lines shown in 10 MB", shown, ""),
    ]


def main() -> None:
    """Measure, print a table, and the same as JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--tree", type=Path, default=Path(sysconfig.get_paths()["purelib"]))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--peer-python")
    chosen = parser.parse_args()
    looks = [ours()]
    peer = None if chosen.no_peer else chosen.peer_python or environment(PEER)
    if peer:
        looks.append(theirs(peer))
    rows = shares(f"{len(RULES)} kinds, made up", *made_up(), looks)
    if chosen.data:
        rows += shares("gitleaks' cases", *gitleaks(chosen.data), looks)
    rows += speed(chosen.tree, looks)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if chosen.json:
        print(
            json.dumps(
                {"benchmark": "discover_secrets", "machine": machine, "rows": rows}, indent=1
            )
        )
        return
    print(machine)
    for one in rows:
        print(f"{one['name']:<44}{one['strongroom']:>10} {one['unit']:<5} {PEER} {one['peer']}")


if __name__ == "__main__":
    main()
