"""What is found in trees of texts that hold next to nobody: false proofs per 10 MB.

    python benchmarks/discover_false.py [--data FOLDER] [--tree NAME=FOLDER ...] [--list] [--json]

Without `--tree`: Python's library, its installed packages, and `/usr/include`, `/usr/share/perl`,
`/usr/share/doc` and Node's packages where a machine has them; with `--data`, which holds
`wikitext2/`, `tinyshakespeare/` and `ag_news_test/`, prose too. Files are read by pieces of whole
lines. Packages whose data are numbers of people (`phonenumbers`, `stdnum`) are left out.

A proof is a hit that a checksum, a numbering plan or a grammar proved (`validated`). Addresses of
networks, pages and mail, and dates, do stand in programs: they are counted apart, as are secrets.
Everything else counts as false although some is not: programs hold numbers that their authors made
up or that reach them. `--list` shows every proof but dates and addresses of mail and
pages between its neighbours, for reading. Intervals are
those of Poisson's distribution, exact, at 95 %.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import re
import sysconfig
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from scipy.stats import chi2

from strongroom.config import DiscoverSpec
from strongroom.discover import find_hits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PIECE = 4000
BATCH = 8_000_000
# What texts and programs do hold: these are no mistakes.
TRUE_ANYWHERE = frozenset({"DATE_TIME", "DATE_OF_BIRTH", "EMAIL_ADDRESS", "URL", "DOMAIN_NAME",
                           "IP_ADDRESS", "MAC_ADDRESS", "SECRET"})  # fmt: skip
ENDINGS = re.compile(
    r"\.(?:c|cc|cfg|cmake|conf|cpp|css|cuh?|go|h|hh|hpp|html|ini|ipynb|java|js|json|md|mjs|p[lm]|pod|"
    r"pyi?|pyx|rs|rst|sh|svg|toml|ts|txt|vim|xml|ya?ml)"
)
ON_EVERY_PAGE = frozenset({"DATE_TIME", "EMAIL_ADDRESS", "URL"})
LEFT_OUT = ("phonenumbers", "stdnum")
PROSE = {"WikiText": "wikitext2", "Shakespeare": "tinyshakespeare", "AG News": "ag_news_test"}


@dataclass
class Tree:
    """What was found in one tree.

    Attributes:
        name: as printed.
        size: bytes read.
        proofs: validated hits by entity.
        shown: (where, before, the hit, after, recognizer) of each.
    """

    name: str
    size: int = 0
    proofs: Counter[str] = field(default_factory=Counter)
    shown: list[tuple[str, str, str, str, str]] = field(default_factory=list)

    @property
    def false(self) -> int:
        """How many proofs are of what stands in no program."""
        return sum(many for entity, many in self.proofs.items() if entity not in TRUE_ANYWHERE)

    @property
    def rate(self) -> tuple[float, float, float]:
        """False proofs per 10 MB, and the interval."""
        return tuple(n * 1e7 / self.size for n in (self.false, *poisson(self.false)))  # type: ignore[return-value]


def poisson(count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of the mean of which `count` was seen (Garwood 1936)."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return float(low), float(chi2.ppf(0.975, 2 * count + 2) / 2)


def look(name: str, texts: Iterable[tuple[str, str]]) -> Tree:
    """Look for numbers of people in (where, text)s; names are another matter."""
    tree, spec = Tree(name), DiscoverSpec(names=False)
    pieces: list[str] = []
    places: list[str] = []

    def flush() -> None:
        column = pa.array(pieces, pa.large_string())
        for row, hits in find_hits(column, spec).detections(column).items():
            for hit in (h for h in hits if h.validated):
                tree.proofs[hit.entity] += 1
                text = pieces[row]
                before, after = text[max(0, hit.start - 60) : hit.start], text[hit.end :][:30]
                what = f"{hit.entity} {hit.recognizer}"
                shown = (places[row], before, text[hit.start : hit.end], after, what)
                tree.shown.append(shown)
        pieces.clear()
        places.clear()

    held = 0
    for where, text in texts:
        for piece in parts(text):
            pieces.append(piece)
            places.append(where)
            held += len(piece)
        tree.size += len(text.encode())
        if held > BATCH:
            flush()
            held = 0
    flush()
    return tree


def parts(text: str) -> Iterator[str]:
    """Cut a text into pieces of whole lines."""
    lines: list[str] = []
    held = 0
    for line in text.splitlines(keepends=True):
        lines.append(line)
        held += len(line)
        if held >= PIECE:
            yield "".join(lines)
            lines, held = [], 0
    if lines:
        yield "".join(lines)


def files(folder: Path, beside: Path | None = None) -> Iterator[tuple[str, str]]:
    """Read the files of text below a folder, but what lies below `beside`."""
    for path in sorted(folder.rglob("*")):
        ending = Path(path.stem).suffix or ".txt" if path.suffix == ".gz" else path.suffix
        skipped = (beside and beside in path.parents) or any(p in LEFT_OUT for p in path.parts)
        if not ENDINGS.fullmatch(ending) or skipped or path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        if path.suffix == ".gz":
            try:
                data = gzip.decompress(data)
            except (OSError, EOFError):
                continue
        if b"\0" not in data[:1024]:
            yield str(path), data.decode("utf-8", "replace")


def prose(folder: Path) -> Iterator[tuple[str, str]]:
    """Read the texts of one public set."""
    for path in sorted(folder.glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as stream:
            yield str(path), stream.read()


def trees(data: Path | None = None) -> Iterator[Tree]:
    """Look at all trees that are there."""
    for name, below in PROSE.items():
        if data and (data / below).is_dir():
            yield look(name, prose(data / below))
    packages = Path(sysconfig.get_path("purelib"))
    library = Path(sysconfig.get_path("stdlib"))
    yield look("Python's library", files(library, library / "site-packages"))
    yield look("Python's packages", files(packages))
    for name, place in (("C headers", "/usr/include"), ("Perl", "/usr/share/perl"),
                        ("Debian's documents", "/usr/share/doc"),
                        ("Node's packages", "/usr/lib/node_modules")):  # fmt: skip
        if Path(place).is_dir():
            yield look(name, files(Path(place)))


def row(tree: Tree) -> dict[str, Any]:
    """Lay out one tree."""
    rate, low, high = (round(x, 2) for x in tree.rate)
    return {"name": f"{tree.name}: false proofs per 10 MB ({tree.size / 1e6:.1f} MB)",
            "ratio": None, "strongroom": rate, "interval": [low, high], "peer": None,
            "peer_name": None, "unit": "", "goal": 1.0,
            "proofs": dict(sorted(tree.proofs.items()))}  # fmt: skip


def main() -> None:
    """Measure, print a table, and the same as JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--tree", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    named = [one.partition("=")[::2] for one in chosen.tree]
    asked = (look(name, files(Path(folder))) for name, folder in named)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    rows = []
    if not chosen.json:
        print(machine)
    for tree in asked if named else trees(chosen.data):
        rows.append(row(tree))
        if not chosen.json:
            low, high = rows[-1]["interval"]
            held = ", ".join(f"{entity} {many:,}" for entity, many in rows[-1]["proofs"].items())
            print(f"{rows[-1]['name']:<62}{rows[-1]['strongroom']:>7} [{low}, {high}]  {held}")
        for where, before, what, after, said in tree.shown if chosen.list else ():
            if said.split()[0] not in ON_EVERY_PAGE:
                print(f"  {said}  {where}: {before!r} [{what}] {after!r}")
    if chosen.json:
        found = {"benchmark": "discover_false", "machine": machine, "rows": rows}
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
