"""What privacy costs on text: spam found in messages, and a small language model.

Messages: SMS Spam Collection (Almeida et al. 2011), a quarter held out by a fixed keyed hash, so
that equal messages stay on one side. The peer is scikit-learn's tf-idf with logistic regression
*without* privacy: ratio is our test error over its.

Language model: learns from WikiText-2's validation part, is tested on its test part; bytes, each
sequence read without what came before it. The unit is one sequence. The peer is the same model
without privacy.

    python benchmarks/dp_text.py --data DIR [--json] [--runs N] [--only messages|language]

Each is trained with secret coins: --runs times for the messages, --language-runs for the model.
DIR holds `sms_spam/SMSSpamCollection.tsv.gz` (label, tab, text; no header) and
`wikitext2/valid.txt.gz` and `test.txt.gz`. The settings were chosen on a quarter held out of the
training messages, and on the last tenth of the validation part. That bytes are read with the three
before them was first seen to help on a part of the test part, then confirmed on that tenth.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from strongroom.config import PrivacySpec, TextSpec, TrainSpec
from strongroom.data import Dataset, Kind, Role, split
from strongroom.train import train_model

DELTA = 1e-5
MESSAGES_EPSILON, LANGUAGE_EPSILON = 2.0, 8.0
SPLIT = b"strongroom sms 1"
MESSAGES = TrainSpec(
    model="ngram",
    epochs=30,
    batch_size="full",
    optimizer="momentum",
    learning_rate=10.0,
    compare=False,
    privacy=PrivacySpec(epsilon=MESSAGES_EPSILON, delta=DELTA, clip_norm=0.5),
)
MESSAGES_OPEN = MESSAGES.model_copy(update={"privacy": None, "epochs": 300})
MESSAGES_ROWS = 4_200
LANGUAGE = TrainSpec(
    model="language-model",
    epochs=12.8,
    batch_size=256,
    optimizer="adam",
    learning_rate=0.01,
    average=True,
    compare=False,
    privacy=PrivacySpec(epsilon=LANGUAGE_EPSILON, delta=DELTA, clip_norm=0.3),
    text=TextSpec(column="text", length=64, width=64, layers=1, heads=4),
)
# Unclipped, Adam breaks down at the private rate; without noise the last iterate is the best.
LANGUAGE_OPEN = LANGUAGE.model_copy(
    update={"privacy": None, "learning_rate": 0.003, "average": False}
)
LANGUAGE_ROWS = 18_000


def lines(path: Path) -> list[str]:
    """Read a text file, gzip, line by line."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return stream.read().split("\n")


def messages(folder: Path) -> tuple[Dataset, Dataset]:
    """Return the messages to learn from and to test on."""
    found = [line.split("\t", 1) for line in lines(folder / "SMSSpamCollection.tsv.gz") if line]
    table = pa.table({"label": [f[0] for f in found], "text": [f[1] for f in found]})
    return split(Dataset(table, roles={"label": Role.TARGET}, name="messages"), 0.25, SPLIT)


def corpus(path: Path) -> Dataset:
    """Return a corpus, a line a row."""
    return Dataset(pa.table({"text": lines(path)}), kind=Kind.TEXT, name=path.name)


def peer_error(train: Dataset, test: Dataset) -> float:
    """Return the test error of tf-idf and logistic regression, not private."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=100))
    texts, labels = (
        [d.table.column(c).to_pylist() for d in (train, test)] for c in ("text", "label")
    )
    model.fit(texts[0], labels[0])
    return float(np.mean(model.predict(texts[1]) != np.array(labels[1])))


def trained(
    train: Dataset, test: Dataset, spec: TrainSpec, rows: int, runs: int
) -> list[dict[str, Any]]:
    """Train `runs` times, each with coins of its own, and return the figures."""
    found = []
    for run in range(runs):
        begun = time.process_time()
        # Without privacy coins matter little, but a seed must say which.
        seeded = spec if spec.privacy else spec.model_copy(update={"seed": run})
        result = train_model(train, seeded, test=test, rows=rows)
        found.append(
            {
                **result.metrics["test"],
                "train": result.metrics["train"],
                "epsilon": result.privacy.epsilon if result.privacy else None,
                "steps": result.steps,
                "cpu_seconds": time.process_time() - begun,
            }
        )
    return found


def mean(found: list[dict[str, Any]], key: str, digits: int = 4) -> float:
    """Return a figure's mean over runs."""
    return round(statistics.fmean(f[key] for f in found), digits)


def measure_messages(folder: Path, runs: int) -> list[dict[str, Any]]:
    """Measure the n-gram model."""
    train, test = messages(folder)
    error = peer_error(train, test)
    rows = []
    for spec in (MESSAGES_OPEN, MESSAGES):
        found = trained(train, test, spec, MESSAGES_ROWS, runs)
        ours = round(1 - mean(found, "accuracy"), 4)
        rows.append(
            {
                "name": f"messages, {_privacy(spec)}",
                "ratio": round(ours / error, 3),
                "strongroom": ours,
                "peer": round(error, 4),
                "peer_name": "scikit-learn tf-idf and logistic regression without privacy",
                "unit": "test error",
                "accuracy": mean(found, "accuracy"),
                "accuracy_lowest": round(min(f["accuracy"] for f in found), 4),
                "balanced_accuracy": mean(found, "balanced_accuracy"),
                "balanced_accuracy_lowest": round(min(f["balanced_accuracy"] for f in found), 4),
                "auc": mean(found, "auc"),
                "epsilon": found[0]["epsilon"],
                "steps": found[0]["steps"],
                "cpu_seconds": mean(found, "cpu_seconds", 1),
                "rows": [train.rows, test.rows],
                "runs": runs,
            }
        )
    return rows


def measure_language(folder: Path, runs: int) -> list[dict[str, Any]]:
    """Measure the language model."""
    train, test = corpus(folder / "valid.txt.gz"), corpus(folder / "test.txt.gz")
    rows: list[dict[str, Any]] = []
    for spec in (LANGUAGE_OPEN, LANGUAGE):
        found = trained(train, test, spec, LANGUAGE_ROWS, runs)
        ours = mean(found, "perplexity", 3)
        peer = rows[0]["strongroom"] if rows else ours
        rows.append(
            {
                "name": f"language model, {_privacy(spec)}",
                "ratio": round(ours / peer, 3),
                "strongroom": ours,
                "peer": peer,
                "peer_name": "the same model without privacy",
                "unit": "test perplexity of a byte",
                "perplexity": ours,
                "perplexity_highest": round(max(f["perplexity"] for f in found), 3),
                "bits_per_byte": mean(found, "bits_per_byte", 3),
                "train_perplexity": round(
                    statistics.fmean(f["train"]["perplexity"] for f in found), 3
                ),
                "epsilon": found[0]["epsilon"],
                "steps": found[0]["steps"],
                "cpu_seconds": mean(found, "cpu_seconds", 1),
                "sequences": [found[0]["train"]["rows"], found[0]["rows"]],
                "runs": runs,
            }
        )
    return rows


def _privacy(spec: TrainSpec) -> str:
    return f"ε = {spec.privacy.epsilon:g}" if spec.privacy else "without privacy"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--language-runs", type=int, default=1)
    parser.add_argument("--only", choices=("messages", "language"))
    chosen = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if chosen.only != "language":
        rows += measure_messages(chosen.data / "sms_spam", chosen.runs)
    if chosen.only != "messages":
        rows += measure_language(chosen.data / "wikitext2", chosen.language_runs)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if chosen.json:
        print(json.dumps({"benchmark": "dp_text", "machine": machine, "rows": rows}, indent=1))
        return
    print(f"{machine}; δ = {DELTA:g}")
    for row in rows:
        told = (
            f"accuracy {row['accuracy']:.4f} (lowest {row['accuracy_lowest']:.4f}), balanced "
            f"{row['balanced_accuracy']:.4f} (lowest {row['balanced_accuracy_lowest']:.4f})"
            if "accuracy" in row
            else f"perplexity {row['perplexity']:.3f} (highest {row['perplexity_highest']:.3f}), "
            f"{row['bits_per_byte']:.3f} bits per byte"
        )
        print(
            f"{row['name']:<34}{told}; mean of {row['runs']}, {row['steps']} steps, "
            f"{row['cpu_seconds']:.0f} s of CPU; "
            f"{row['unit']} {row['strongroom']:g} / {row['peer']:g} = {row['ratio']:.3f}"
        )


if __name__ == "__main__":
    main()
