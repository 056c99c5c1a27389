"""How well each attack on membership tells members from others, by how many reference models.

UCI Adult: an MLP with one hidden layer of 64, 30 epochs, on 5,000 rows, attacked on these and on
5,000 others. With `--data` also location30 (Shokri et al. 2017): an MLP of 128 on 1,600 rows. The
targets are models of a bank of their own, which shares neither rows' memberships nor seeds with the
references. Printed are means over targets with their standard errors, four targets to a pool of
rows, each pool with references of its own, and at the end what the combined default gains over the
best other attack, paired by target, with its 95 % interval. The best other is chosen after the
fact, per measure: the comparison favours it.

At 5,000 non-members a rate at 0.1 % rests on five of them: few targets show nothing.

    python benchmarks/audit_strength.py [--targets 16] [--references 2,64] [--data DIR] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from strongroom.attacks import judge_scores
from strongroom.attacks.membership import (
    bavaria_scores,
    calibrated_scores,
    choose_a,
    combined_scores,
    confidence_of_logits,
    lira_offline_scores,
    lira_scores,
    quantile_scores,
    rmia_scores,
)
from strongroom.attacks.references import random_memberships
from strongroom.config import TrainSpec
from strongroom.data import read_dataset
from strongroom.models import train_bank

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Score = Callable[[NDArray[Any], NDArray[Any], NDArray[np.bool_]], NDArray[np.float64]]

ADULT = Path(__file__).parents[1] / "examples" / "adult" / "adult.csv.gz"
NUMBERS = ("age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week")
CATEGORIES = (
    "workclass", "education", "marital-status", "occupation", "relationship", "race", "sex",
    "native-country",
)  # fmt: skip
A_POOL = 4  # targets
MEASURES = ("AUC", "TPR at 0.1 %", "TPR at 1 %")
DEFAULT = "combined"
ATTACKS: dict[str, Score] = {
    "calibrated loss": calibrated_scores,
    "LiRA": lambda t, r, m: lira_scores(t, r, m, "row"),
    "LiRA, one variance": lambda t, r, m: lira_scores(t, r, m, "global"),
    "LiRA, shrunk variance": lira_scores,
    "LiRA, offline": lira_offline_scores,
    "RMIA": rmia_scores,
    "RMIA, offline": lambda t, r, m: rmia_scores(t, r, m, a=choose_a(r, m)),
    "BaVarIA": bavaria_scores,
    DEFAULT: combined_scores,
}


@dataclass(frozen=True, eq=False)
class Task:
    """Rows, and how models of them are trained.

    Attributes:
        name: of the data.
        inputs: float32 [N, d].
        labels: int [N].
        learnt: rows that a target learns from; as many others are attacked with them.
        spec: how.
    """

    name: str
    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    learnt: int
    spec: TrainSpec


def adult() -> Task:
    """Read UCI Adult: numbers brought to [0, 1] by their range, one position a category."""
    table = read_dataset(ADULT).table
    parts = []
    for name in NUMBERS:
        values = np.asarray(table[name].to_numpy(), np.float64)
        parts.append(((values - values.min()) / (values.max() - values.min()))[:, None])
    for name in CATEGORIES:
        codes = pc.fill_null(table[name].cast(pa.string()), "").combine_chunks()
        index = codes.dictionary_encode().indices.to_numpy()
        parts.append(np.eye(index.max() + 1)[index])
    labels = np.asarray(pc.equal(table["income"].cast(pa.string()), ">50K")).astype(np.int64)
    spec = TrainSpec(
        model="mlp", hidden=(64,), epochs=30, batch_size=128, optimizer="adam",
        learning_rate=0.0018, average=False,
    )  # fmt: skip
    return Task("adult", np.concatenate(parts, axis=1).astype(np.float32), labels, 5_000, spec)


def location30(folder: Path) -> Task:
    """Read location30.npz: x uint8 [5010, 446], y from 1 to 30."""
    with np.load(folder / "location30.npz", allow_pickle=False) as found:
        inputs, labels = found["x"].astype(np.float32), found["y"].astype(np.int64) - 1
    spec = TrainSpec(
        model="mlp", hidden=(128,), epochs=60, batch_size=64, optimizer="adam",
        learning_rate=0.001, average=False,
    )  # fmt: skip
    return Task("location30", inputs, labels, 1_600, spec)


def measured(scores: NDArray[np.float64], member: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return the area and both rates of one attack on one target."""
    result = judge_scores(scores[member], scores[~member])
    rates = getattr(result, "tpr_at", {})
    return (
        getattr(result, "auc", float("nan")),
        *(rates[r].tpr if r in rates else float("nan") for r in (0.001, 0.01)),
    )


def run(task: Task, targets: int, counts: list[int]) -> dict[str, Any]:
    """Attack every target with every attack and every number of references."""
    found: dict[tuple[int, str], list[tuple[float, ...]]] = {}
    accuracy, seconds = [], 0.0
    for pool in range(-(-targets // A_POOL)):
        coins = np.random.default_rng([pool, 1])
        order = coins.permutation(len(task.labels))
        rows, rest = order[: 2 * task.learnt], order[2 * task.learnt :]
        x, y = task.inputs[rows], task.labels[rows]
        classes = int(task.labels.max()) + 1
        some = min(A_POOL, targets - pool * A_POOL)
        member = coins.random((some, len(rows))).argsort(axis=1) < task.learnt
        victims = train_bank(task.spec, x, y, classes, member, seed=900_000 + pool)
        logits = victims.logits(x)
        accuracy += [
            (float((z.argmax(axis=1) == y)[m].mean()), float((z.argmax(axis=1) == y)[~m].mean()),
             float((u.argmax(axis=1) == task.labels[rest]).mean()))
            for z, u, m in zip(logits, victims.logits(task.inputs[rest]), member, strict=True)
        ]  # fmt: skip
        signals = confidence_of_logits(logits, y)
        for signal, inside in zip(signals, member, strict=True):
            found.setdefault((0, "loss"), []).append(measured(signal, inside))
            found.setdefault((0, "quantile regression"), []).append(
                quantile(x, y, signal, inside, seed=pool)
            )
        for count in counts:
            membership = random_memberships(count, len(rows), 10_000 * pool + count)
            start = time.process_time()
            bank = train_bank(task.spec, x, y, classes, membership, seed=1_000 * pool + count)
            seconds += time.process_time() - start
            seen = np.stack([confidence_of_logits(z, y) for z in bank.logits(x)])
            for name, score in ATTACKS.items():
                found.setdefault((count, name), []).extend(
                    measured(score(signal, seen, membership), inside)
                    for signal, inside in zip(signals, member, strict=True)
                )
    train, other, test = (statistics.fmean(a) for a in zip(*accuracy, strict=True))
    return {
        "data": task.name,
        "targets": targets,
        "members": task.learnt,
        "accuracy": {"train": train, "nonmembers": other, "test": test},
        "cpu_ms_per_reference": 1e3 * seconds / max(1, sum(counts) * -(-targets // A_POOL)),
        "rows": [
            {
                "references": count,
                "attack": name,
                **{m: summary([v[i] for v in values]) for i, m in enumerate(MEASURES)},
            }
            for (count, name), values in found.items()
        ],
        "default_less_best": [gain(found, count) for count in counts],
    }


def quantile(
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    signal: NDArray[np.float64],
    member: NDArray[np.bool_],
    seed: int,
) -> tuple[float, ...]:
    """Learn from half of the non-members; judge the members and the other half."""
    features = np.concatenate([x, np.eye(y.max() + 1, dtype=np.float32)[y]], axis=1)
    outside = np.random.default_rng(seed).permutation(np.flatnonzero(~member))
    known, others = outside[: len(outside) // 2], outside[len(outside) // 2 :]
    judged = np.concatenate([np.flatnonzero(member), others])
    scores = quantile_scores(
        features[judged], signal[judged], features[known], signal[known], seed=seed
    )
    return measured(scores, member[judged])


def summary(values: list[float]) -> dict[str, float]:
    """Return the mean and its standard error; NaN where so few rows can't show a rate."""
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return {"mean": float(np.mean(values)), "standard_error": error}


def gain(
    found: Mapping[tuple[int, str], list[tuple[float, ...]]], references: int
) -> dict[str, Any]:
    """Return what the default has over the best other attack, paired by target."""
    told: dict[str, Any] = {"references": references}
    ours = found[references, DEFAULT]
    for i, measure in enumerate(MEASURES):
        others = {
            n: v
            for (c, n), v in found.items()
            if c in (0, references) and n != DEFAULT and np.isfinite([w[i] for w in v]).all()
        }
        best = max(others, key=lambda n: statistics.fmean(v[i] for v in others[n]))
        gaps = [a[i] - b[i] for a, b in zip(ours, others[best], strict=True)]
        mean, error = summary(gaps).values()
        reach = float(stats.t.ppf(0.975, max(1, len(gaps) - 1))) * error
        told[measure] = {"best": best, "gain": mean, "low": mean - reach, "high": mean + reach}
    return told


def show(result: Mapping[str, Any]) -> None:
    """Print one data set's tables."""
    seen = result["accuracy"]
    print(
        f"{result['data']}: {result['targets']} targets of {result['members']:,} rows, accuracy "
        f"{seen['train']:.3f} on members, {seen['nonmembers']:.3f} on non-members, "
        f"{seen['test']:.3f} on other rows; {result['cpu_ms_per_reference']:.0f} ms CPU a reference"
    )
    print(f"\n| references | attack | {' | '.join(MEASURES)} |\n|---|---|---|---|---|")
    for row in result["rows"]:
        area, *rates = (row[m] for m in MEASURES)
        cells = [f"{area['mean']:.4f} ± {area['standard_error']:.4f}"]
        cells += [
            f"{r['mean']:.2%} ± {r['standard_error']:.2%}" if np.isfinite(r["mean"]) else "too few"
            for r in rates
        ]
        print(f"| {row['references']} | {row['attack']} | {' | '.join(cells)} |")
    print(
        f"\n| references | {' | '.join(f'{m}: gain over' for m in MEASURES)} |\n|---|---|---|---|"
    )
    for told in result["default_less_best"]:
        cells = []
        for measure in MEASURES:
            t = told[measure]
            one = (t["gain"], t["low"], t["high"])
            digits = (
                "{:+.4f} ({:+.4f} to {:+.4f})"
                if measure == "AUC"
                else "{:+.2%} ({:+.2%} to {:+.2%})"
            )
            cells.append(f"{t['best']}: {digits.format(*one)}")
        print(f"| {told['references']} | {' | '.join(cells)} |")
    print()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", type=int, default=16)
    parser.add_argument("--references", default="2,8,64")
    parser.add_argument("--data", type=Path, help="a folder with location30.npz")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    counts = [int(c) for c in chosen.references.split(",")]
    tasks = [adult()] + ([location30(chosen.data)] if chosen.data else [])
    results = [run(task, chosen.targets, counts) for task in tasks]
    if chosen.json:
        print(json.dumps(results, indent=1))
        return
    for result in results:
        show(result)


if __name__ == "__main__":
    main()
