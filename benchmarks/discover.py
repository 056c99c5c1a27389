"""How fast the pattern tier goes over dense mixed text, beside Presidio's patterns.

The text is made here: sentences of WikiText with one value of personal data every 71 bytes, ten
kinds in turn, 280,000 of them in 20 MB, as one column of lines. Ours looks for everything that it
knows, checks every checksum and resolves no overlap; Presidio runs its predefined pattern
recognizers without a language model, on the share of the text that `--peer-megabytes` says. Both in
process CPU time, one thread, in interleaved rounds; compiling the kernels isn't counted.

    python benchmarks/discover.py --data FOLDER [--json] [--rounds N] [--peer-python PYTHON]

FOLDER holds `wikitext2/test.txt.gz`; `--peer-python` is the interpreter of an environment with
`pip install presidio-analyzer`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from stdnum import iban, luhn

from strongroom.config import DiscoverSpec
from strongroom.discover.engine import Engine
from strongroom.discover.recognizers import load_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.discover._rule import Rule

BYTES, VALUES, A_LINE = 20_000_000, 280_000, 4
PEER = """
import json, sys, time
from presidio_analyzer import RecognizerRegistry
registry = RecognizerRegistry(); registry.load_predefined_recognizers(languages=["en"])
known = [r for r in registry.recognizers if hasattr(r, "patterns")]
lines = open(sys.argv[1], encoding="utf-8").read().split("\\n")
begun, found = time.process_time(), 0
for line in lines:
    for one in known:
        found += len(one.analyze(line, one.supported_entities, None) or [])
print(json.dumps([time.process_time() - begun, found]))
"""
PEOPLE = ("anna", "bob", "carla", "dimitri", "elena", "frank", "gina", "hugo", "ines", "jan", "kim",
          "lara", "mona", "nils", "olga")  # fmt: skip


def kinds(draw: random.Random) -> list[Callable[[], str]]:
    """Return one maker for each kind of value."""

    def digits(many: int) -> str:
        return "".join(draw.choices("0123456789", k=many))

    def card() -> str:
        number = "4" + digits(14)
        number += luhn.calc_check_digit(number)
        return draw.choice(["", " ", "-"]).join(number[i : i + 4] for i in range(0, 16, 4))

    def account() -> str:
        rest = digits(18)
        return "DE" + str(iban.calc_check_digits("DE00" + rest)) + rest

    def phone() -> str:
        area, block = draw.choice([212, 415, 617, 312]), draw.randint(200, 989)
        return draw.choice(
            [f"({area}) {block}-{digits(4)}", f"+49 30 2{digits(7)}", f"{area}-{block}-{digits(4)}"]
        )

    def day() -> str:
        year, month, number = draw.randint(1950, 2020), draw.randint(1, 12), draw.randint(1, 28)
        return draw.choice(
            [
                f"{year}-{month:02}-{number:02}",
                f"{number}/{month}/{year}",
                f"March {number}, {year}",
            ]
        )

    def ssn() -> str:
        return f"{draw.randint(100, 599)}-{draw.randint(10, 99)}-{draw.randint(1000, 9999)}"

    return [
        card, account, phone, day, ssn,
        lambda: f"{draw.choice(PEOPLE)}.{digits(3)}@{draw.choice(PEOPLE)}-mail.org",
        lambda: ".".join(str(draw.randint(20, 250)) for _ in range(4)),
        lambda: ":".join(f"{draw.randint(1, 65535):x}" for _ in range(8)),
        lambda: ":".join(f"{draw.randint(0, 255):02x}" for _ in range(6)),
        lambda: f"https://www.{draw.choice(PEOPLE)}.org/{draw.choice(PEOPLE)}?id={digits(3)}",
    ]  # fmt: skip


def mixed(words: list[str], size: int, values: int) -> list[str]:
    """Make lines of text with a value every `size / values` bytes."""
    draw = random.Random(7)  # noqa: S311 - made-up values
    makers, lines, line, used, at = kinds(draw), list[str](), list[str](), 0, 0
    while used < size:
        value, filled = draw.choice(makers)(), 0
        room = size / values - len(value) - 2
        while filled < room:
            line.append(words[at % len(words)])
            filled += len(line[-1]) + 1
            at += 1
        line.append(value)
        used += filled + len(value) + 1
        if len(lines) * A_LINE < used * values / size - A_LINE:
            lines.append(" ".join(line))
            line = []
    return lines


def ours(engine: Engine, column: pa.Array) -> tuple[float, int]:
    """Search a column; CPU seconds and hits."""
    begun = time.process_time()
    found = engine.find(column)
    return time.process_time() - begun, len(found)


def theirs(python: str, lines: list[str]) -> tuple[float, int]:
    """The same by Presidio's patterns."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        file.write("\n".join(lines))
        file.flush()
        done = subprocess.run(
            [python, "-c", PEER, file.name],
            env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
    spent, found = json.loads(done.stdout)
    return spent, found


def main() -> None:
    """Measure, print a table, and the same as JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--megabytes", type=float, default=BYTES / 1e6)
    parser.add_argument("--peer-python")
    parser.add_argument("--peer-megabytes", type=float, default=0.2)
    asked = parser.parse_args()
    words = gzip.decompress((asked.data / "wikitext2/test.txt.gz").read_bytes()).decode().split()
    size = int(asked.megabytes * 1e6)
    lines = mixed(words, size, size * VALUES // BYTES)
    column = pa.array(lines, pa.large_string())
    spec = DiscoverSpec()
    rules = load_rules(spec)
    personal: list[Rule] = [rule for rule in rules if rule.entity != "SECRET"]
    few = lines[: max(1, int(len(lines) * asked.peer_megabytes / asked.megabytes))]
    rows: list[dict[str, Any]] = []
    for name, chosen in (("personal data", personal), ("personal data and secrets", list(rules))):
        engine = Engine(chosen, spec)
        engine.find(column.slice(0, 10))
        mine, peers = [], []
        for _ in range(asked.rounds):
            mine.append(ours(engine, column)[0] / (column.nbytes / 1e6))
            if asked.peer_python:
                spent, _found = theirs(asked.peer_python, few)
                peers.append(spent / (sum(len(x.encode()) + 1 for x in few) / 1e6))
        speed = 1 / statistics.median(mine)
        peer = 1 / statistics.median(peers) if peers else None
        ratios = [a / b for a, b in zip(mine, peers, strict=False)]
        rows.append({
            "name": f"{name}, {len(chosen)} rules",
            "ratio": round(statistics.median(ratios), 5) if ratios else None,
            "strongroom": round(speed, 1),
            "peer": peer and round(peer, 3),
            "peer_name": "Presidio, patterns only" if peer else None,
            "unit": "MB/s",
        })  # fmt: skip
    if asked.json:
        print(json.dumps({"benchmark": "discover", "machine": platform.platform(), "rows": rows}))
        return
    for row in rows:
        beside = f"  {row['peer_name']} {row['peer']}" if row["peer"] else ""
        print(f"{row['name']:48} {row['strongroom']:8} {row['unit']}{beside}")


if __name__ == "__main__":
    main()
