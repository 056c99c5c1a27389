"""What the very updates of a federation give away, and how fast captured traffic is searched.

    python benchmarks/federate_evidence.py [--rounds N] [--megabytes N] [--json]

Real jobs on UCI Adult (examples/adult): an MLP, sites of 100 people, one step of gradient descent a
round. What the coordinator saw is read as it would read it, and guesses are held against the site's
own rows and against as many rows that it doesn't have (the peer). A row is recovered where 90 % of
its columns are right. Then random bytes, in which nothing is, are searched for 10,000 rows; the
peer is Python's own search (`in`) for their names alone, in a part of the bytes, scaled up.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from strongroom.attacks.reconstruction import Protection
from strongroom.config import Config, FederationSpec, ProjectSpec, TrainSpec, load
from strongroom.data import Dataset, Role, read_dataset
from strongroom.federate import Kind, SecureSpec, Settings, SitePrivacySpec
from strongroom.federate._loopback import LoopbackChannel
from strongroom.federate._model import Blueprint
from strongroom.federate._settings import JobSpec
from strongroom.federate.coordinator import Coordinator, plan_recipe
from strongroom.federate.evidence import (
    Inversion,
    Watched,
    attack_updates,
    search_leaks,
    sent_updates,
    summed_updates,
)
from strongroom.federate.site import Site
from strongroom.models import TableEncoder
from strongroom.privacy import MemoryLedger
from strongroom.vault import SigningKey

ADULT = Path(__file__).parents[1] / "examples" / "adult"
IDENTIFIERS = ("person_id", "name", "email", "ssn", "phone", "address", "note")
SITES, PEOPLE = 3, 100
STRANGERS = slice(20_000, 21_000)
SEARCHED = 10_000


class Bench:
    """Adult, and what is measured on it."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.whole = read_dataset(ADULT / "adult.csv.gz")
        kept = [c for c in self.whole.columns if c not in IDENTIFIERS]
        self.data = Dataset(self.whole.table.select(kept), roles={"income": Role.TARGET})
        declared = load(ADULT / "strongroom.toml", Config).data.columns
        self.columns = {c: s for c, s in declared.items() if c in kept}

    def part(self, start: int, count: int) -> Dataset:
        """Return some rows."""
        return self.data.with_table(self.data.table.slice(start, count))

    def job(self, name: str, batch: int | Literal["full"], **job: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """Run a job and attack what its coordinator saw."""
        rows = {f"s{k}": self.part(k * PEOPLE, PEOPLE) for k in range(SITES)}
        made = [
            Site(
                site,
                own,
                None,
                FederationSpec(site=site),
                key=SigningKey(secrets.token_bytes(32)),
                ledger=MemoryLedger(),
                account=site,
                columns=self.columns,
            )
            for site, own in rows.items()
        ]
        train = TrainSpec(
            model="mlp", hidden=(32,), optimizer="sgd", learning_rate=0.1, average=False,
            batch_size=batch,
        )  # fmt: skip
        epochs = 1.0 if batch == "full" else batch / PEOPLE
        spec = JobSpec(rounds=self.rounds, local_epochs=epochs, deadline=60, **job)
        settings = Settings(project=ProjectSpec(name="bench"), train=train, job=spec)
        with LoopbackChannel(made) as channel:
            watched = Watched(channel, keep=(Kind.TRAIN, Kind.SUBMIT))
            recipe = plan_recipe(watched, settings, columns=self.columns)
            result = Coordinator(recipe, watched, patience=0.0).run()
        blueprint = Blueprint.of(recipe)
        read = {site: blueprint.model.read(own)[0] for site, own in rows.items()}
        others = blueprint.model.read(self.part(STRANGERS.start, 1000))[0]
        sent = [u for u in sent_updates(watched.exchanges, recipe) if np.any(u.update)]
        protection = Protection.of(result.privacy)
        most = 3 if batch == 1 and recipe.privacy is None and recipe.secure is None else 1
        found = Inversion.together(
            [
                attack_updates(
                    blueprint, [u for u in sent if u.site == site], own, others,
                    batch=most, known=others[:500], protection=protection,
                )
                for site, own in read.items()
            ]
        )  # fmt: skip
        lines = [told(name, found)]
        if recipe.secure is not None:
            every = np.concatenate(list(read.values()))
            sums = summed_updates(watched.exchanges)
            both = attack_updates(blueprint, sums, every, others, batch=8, known=others[:500])
            lines.append(told(f"{name}: the sums of {SITES} sites", both))
        return lines

    def search(self, megabytes: int) -> dict[str, Any]:
        """Search random float32 updates for 10,000 rows."""
        rows = self.whole.with_table(self.whole.table.slice(0, SEARCHED))
        features = [c for c in rows.columns if c not in (*IDENTIFIERS, "income")]
        encoder = TableEncoder.from_specs(rows.table.schema, features, self.columns)
        inputs = encoder.encode(rows.table)
        draw = np.random.default_rng(0)
        pieces = [
            draw.standard_normal(250_000, dtype=np.float32).tobytes() for _ in range(megabytes)
        ]
        search_leaks(pieces[:1], rows.with_table(rows.table.slice(0, 50)), inputs=inputs[:50])
        begun = time.process_time()
        report = search_leaks(pieces, rows, inputs=inputs)
        ours = time.process_time() - begun
        names = [name.encode() for name in rows.table["name"].to_pylist()[:500]]
        begun = time.process_time()
        hits = sum(name in pieces[0] for name in names)
        peer = (time.process_time() - begun) * megabytes * SEARCHED / len(names)
        return {
            "name": f"search of {megabytes} MB for {SEARCHED:,} rows",
            "ratio": ours / peer,
            "strongroom": ours,
            "peer": peer,
            "peer_name": "Python's own search, for the names alone",
            "unit": "CPU seconds",
            "needles": sum(report.needles.values()),
            "clean": report.clean and not hits,
            "chance": report.chance,
        }


def told(name: str, found: Inversion) -> dict[str, Any]:
    """Return a figure."""
    return {
        "name": name,
        "ratio": found.chance / found.share if found.share else 1.0,
        "strongroom": found.share,
        "peer": found.chance,
        "peer_name": "rows that the site doesn't have",
        "unit": "share of updates that gave a row away",
        "interval": [found.low, found.high],
        "updates": found.updates,
        "mean_quality": found.quality,
        "above_chance": found.above_chance,
    }


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    bench = Bench(options.rounds)
    secure = {"secure": SecureSpec(threshold=2)}
    rows = [
        *bench.job("single rows, bare", 1),
        *bench.job("single rows, secure", 1, **secure),
        *bench.job("all of a site's rows, secure", "full", **secure),
        *bench.job("single rows, ε = 8", 1, privacy=SitePrivacySpec(epsilon=8.0)),
        *bench.job("single rows, ε = 1", 1, privacy=SitePrivacySpec(epsilon=1.0)),
    ]
    rows.append(bench.search(options.megabytes))
    if options.json:
        machine = (
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        )
        document = {"benchmark": "federate_evidence", "machine": machine, "rows": rows}
        print(json.dumps(document, ensure_ascii=False, indent=1))
        return
    for row in rows:
        print(f"{row['name']:<52}{row['strongroom']:10.3g}{row['peer']:10.3g}  {row['unit']}")


if __name__ == "__main__":
    main()
