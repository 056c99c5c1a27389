"""What a small language model gives away of planted secrets, with and without privacy.

Canaries (Carlini et al. 2019) are planted in a corpus, each in 1, 4 or 16 rows, and the secrets'
exposure is measured in models that were trained on it: without privacy; privately, a sequence being
the unit, of which a canary has up to 16; privately, a person being the unit, who owns all of a
canary's rows. Chance is 1.44 bits on average; 0 insertions are secrets that were drawn alongside
and planted nowhere. The peer of a private model is the one without privacy: ratio is the exposure
beyond chance over its.

The last row is the time to find a secret's rank among 10^5: a tree of secrets whose beginnings are
read once, against scoring every sentence whole, in batches (process CPU time, median of rounds).

    python benchmarks/audit_extraction.py [--data DIR] [--json] [--rows N] [--only none,8-person,…]

DIR holds `tinyshakespeare/input.txt.gz` (plain text, gzip; lines of more than 20 letters are read);
without it the corpus is made up. Secrets and privacy have the system's own coins, so figures differ
from run to run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import random
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from strongroom.attacks import Measured, Rows, Situation
from strongroom.attacks.extraction import Canary, Exposure, Plant, Template, plant
from strongroom.attacks.extraction._exposure import CHANCE
from strongroom.attacks.extraction._rank import standings
from strongroom.attacks.extraction._speaker import Speaker
from strongroom.config import PrivacySpec, TextSpec, TrainSpec
from strongroom.data import Dataset
from strongroom.train import train_model

if TYPE_CHECKING:
    from strongroom.models import LanguageModel

TIMES = (1, 4, 16)
DIGITS = 5
DELTA = 1e-5
# ε, and whether a person is the unit.
SETTINGS: dict[str, tuple[float | None, bool]] = {
    "none": (None, False),
    "8-sequence": (8.0, False),
    "8-person": (8.0, True),
    "2-person": (2.0, True),
}
OPEN = TrainSpec(
    model="language-model",
    epochs=8,
    batch_size=64,
    learning_rate=0.003,
    optimizer="adam",
    average=False,
    compare=False,
    text=TextSpec(column="text", length=64, width=64, layers=1, heads=4),
)
PRIVATE = OPEN.model_copy(
    update={"epochs": 10, "batch_size": 256, "learning_rate": 0.01, "average": True}
)
NOUNS = "river stone lamp winter garden letter silver morning bread window ocean paper candle"
VERBS = "carries follows remembers paints holds leaves opens finds wants hears moves keeps"
PLACES = "under the bridge,in the old house,by the sea,at noon,before the rain,near the market"


def made_up(rows: int) -> list[str]:
    """Return made-up sentences."""
    draw = random.Random(0)  # noqa: S311 - a corpus needs no secrets
    nouns, verbs, places = NOUNS.split(), VERBS.split(), PLACES.split(",")
    return [
        f"the {draw.choice(nouns)} {draw.choice(verbs)} {draw.randrange(2, 99)} "
        f"{draw.choice(nouns)}s {draw.choice(places)}"
        for _ in range(rows)
    ]


def lines(folder: Path, rows: int) -> list[str]:
    """Return the first lines of Tiny Shakespeare that are long enough."""
    with gzip.open(folder / "tinyshakespeare" / "input.txt.gz", "rt", encoding="utf-8") as stream:
        long = [line for line in stream.read().split("\n") if len(line) > 20]
    return long[:rows]


def corpus(texts: list[str], *, people: bool) -> Dataset:
    """Return the corpus; every line is a person's, or nobody's."""
    if not people:
        return Dataset(pa.table({"text": texts}), name="corpus")
    table = pa.table({"text": texts, "person": range(len(texts))})
    return Dataset(table, subject="person", name="corpus")


def trained(
    texts: list[str], epsilon: float | None, *, people: bool, each: int
) -> tuple[LanguageModel, Plant, dict[str, Any]]:
    """Plant canaries and train; return the model, the record and what training says."""
    times = tuple(t for t in TIMES for _ in range(each))
    # Fresh secrets in every setting: what luck gave one, it doesn't give all.
    data, record = plant(corpus(texts, people=people), times, length=DIGITS, column="text")
    units = len(texts) + len(times) if people else data.rows
    spec = OPEN.model_copy(update={"seed": 1})
    if epsilon is not None:
        privacy = PrivacySpec(epsilon=epsilon, delta=DELTA, clip_norm=0.3)
        spec = PRIVATE.model_copy(update={"privacy": privacy})
    begun = time.process_time()
    result = train_model(data, spec, rows=units)
    told = {
        "perplexity": result.metrics["train"]["perplexity"],
        "epsilon": result.privacy.epsilon if result.privacy else None,
        "train_seconds": time.process_time() - begun,
    }
    model: Any = result.model
    return model, record, told


def exposed(model: LanguageModel, record: Plant, texts: list[str]) -> dict[str, Any]:
    """Return the exposure by number of insertions."""
    rows = Rows(*model.read(corpus(texts[:100], people=False)))
    begun = time.process_time()
    found = Exposure().run(Situation(model, rows, rows, kind="language", plant=record))
    if not isinstance(found, Measured):
        raise TypeError(found.reason)
    details = found.values[0].details
    return {
        "groups": [{"times": 0, **details["controls"]}, *details["by_times"]],
        "most": details["most"],
        "p_value": details["p_value"],
        "audit_seconds": time.process_time() - begun,
        "tokens": found.details["tokens"],
    }


def one_by_one(model: LanguageModel, canary: Canary) -> float:
    """Return how many CPU seconds scoring every sentence takes, and check the rank's order."""
    template = canary.template
    begun = time.process_time()
    texts = [template.before + template.secret(n) for n in range(template.space)]
    tokens = np.array([list(t.encode()) for t in texts], np.int64)
    inputs = np.full(tokens.shape, model.begin, np.int32)
    inputs[:, 1:] = tokens[:, :-1]
    labels = np.where(np.arange(tokens.shape[1]) >= len(template.before), tokens, -100)
    losses = model.losses(inputs, labels)
    int((losses <= losses[template.number(canary.secret)]).sum())
    return time.process_time() - begun


def by_tree(model: LanguageModel, canary: Canary) -> float:
    """Return how many CPU seconds the tree takes."""
    begun = time.process_time()
    own, _ = standings(Speaker(model), canary, 10**6, np.random.default_rng(0))
    if own.how != "enumerated":
        raise RuntimeError(own.how)
    return time.process_time() - begun


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=4_000)
    parser.add_argument("--each", type=int, default=12, help="canaries a number of insertions")
    parser.add_argument("--only", default=",".join(SETTINGS))
    chosen = parser.parse_args()
    texts = made_up(chosen.rows) if chosen.data is None else lines(chosen.data, chosen.rows)
    found: dict[str, Any] = {}
    models = {}
    for name in chosen.only.split(","):
        epsilon, people = SETTINGS[name]
        model, record, told = trained(texts, epsilon, people=people, each=chosen.each)
        models[name] = model
        found[name] = {**told, **exposed(model, record, texts)}
    model = next(iter(models.values()))
    canary = Canary(Template("The code of Bidu is ", length=DIGITS), "12345", 1)
    rounds = [(by_tree(model, canary), one_by_one(model, canary)) for _ in range(3)]
    rows = []
    for name, result in found.items():
        if name == "none" or "none" not in found:
            continue
        pairs = zip(result["groups"], found["none"]["groups"], strict=True)
        rows += [
            {
                "name": f"exposure after {own['times']} insertions, ε = {name.replace('-', ' a ')}",
                "ratio": max(0.0, own["exposure"] - CHANCE) / max(0.1, peer["exposure"] - CHANCE),
                "strongroom": own["exposure"],
                "peer": peer["exposure"],
                "peer_name": "without privacy",
                "unit": "bits",
            }
            for own, peer in pairs
            if own["times"]
        ]
    tree, whole = (statistics.median(r[i] for r in rounds) for i in (0, 1))
    rows.append(
        {
            "name": f"a rank among 10^{DIGITS}",
            "ratio": statistics.median(a / b for a, b in rounds),
            "strongroom": tree,
            "peer": whole,
            "peer_name": "every sentence by itself",
            "unit": "CPU seconds",
        }
    )
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    if chosen.json:
        report = {"benchmark": "audit_extraction", "machine": machine, "rows": rows}
        print(json.dumps({**report, "details": found}))
        return
    print(f"{machine}; {len(texts):,} rows, {chosen.each} canaries of {DIGITS} digits each")
    print(f"{'training':<14}{'inserted':>9}{'exposure':>10}{'95 %':>16}{'p':>10}{'perplexity':>12}")
    for name, result in found.items():
        for group in result["groups"]:
            ends = f"{group['low']:.2f} to {group['high']:.2f}"
            print(
                f"{name:<14}{group['times']:>9}{group['exposure']:>10.2f}{ends:>16}"
                f"{group['p_value']:>10.2g}{result['perplexity']:>12.2f}"
            )
        print(
            f"{'':<14}trained in {result['train_seconds']:.0f} s, audited in "
            f"{result['audit_seconds']:.0f} s; most {result['most']:.1f} bits"
        )
    for row in rows:
        print(
            f"{row['name']:<46}{row['strongroom']:>8.2f}{row['peer']:>8.2f} {row['unit']}"
            f"{row['ratio']:>8.3f}"
        )


if __name__ == "__main__":
    main()
