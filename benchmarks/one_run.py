"""How near the one-run audit of a private training comes to its proved ε, and what it costs.

Trains the logistic model on UCI Adult, full batch and Poisson, with canaries in line, and audits
each training: the *certified* lower bound (whatever the mechanism) and the *estimate* (which takes
Gaussian noise for granted). The peer is the certified bound of Steinke, Nasr and Jagielski (2023)
on the same scores; ratio is what our estimate falls short of the proved ε by, over what the peer
does. The rows in seconds compare the same training loop with and without canaries: process CPU
time, one thread, interleaved rounds, the median of the rounds' ratios.

    python benchmarks/one_run.py [--json] [--runs N] [--canaries N] [--epsilon 1,4,8]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from strongroom.attacks import EpsilonEstimate, OneRunBound, Situation
from strongroom.attacks.privacy import Estimate, OneRun, p_value
from strongroom.config import Config, PrivacySpec, TrainSpec, load
from strongroom.data import Dataset, Role, read_dataset
from strongroom.privacy import (
    CanaryObservation,
    Flat,
    PoissonSampler,
    Schedule,
    SecretStream,
    cross_entropy,
)
from strongroom.progress import SILENT
from strongroom.train import train_model
from strongroom.train._loop import Examples, Guard, Plan, fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

ADULT = Path(__file__).parents[1] / "examples" / "adult"
IDENTIFIERS = ("person_id", "name", "email", "ssn", "phone", "address", "note")
DELTA, CONFIDENCE = 1e-5, 0.95
KINDS: dict[str, dict[str, Any]] = {
    "full batch": {"batch_size": "full", "epochs": 100},
    "Poisson, batch 2,048": {"batch_size": 2048, "epochs": 20},
}
SHARES = (0.03, 0.1, 0.3, 1.0)


def adult(config: Config) -> Dataset:
    """Read the training part with the roles that the example declares."""
    data = read_dataset(ADULT / "adult.csv.gz")
    roles = dict.fromkeys(IDENTIFIERS, Role.DIRECT_IDENTIFIER)
    roles |= {c: Role(s.role) for c, s in config.data.columns.items() if s.role}
    return data.with_roles({c: r for c, r in roles.items() if c in data.columns})


def steinke(scores: NDArray[np.float64], included: NDArray[np.bool_]) -> float:
    """Return the bound of theorem 5.2 of 2023 alone, the number of guesses paid for."""
    order, best = np.argsort(scores), 0.0
    for share in SHARES:
        side = max(1, round(share * (len(scores) // 2)))
        right = int(included[order[-side:]].sum() + side - included[order[:side]].sum())
        low, high = 0.0, 50.0
        while high - low > 1e-3:
            middle = (low + high) / 2
            chance = p_value(len(scores), 2 * side, right, middle, DELTA)
            low, high = (middle, high) if chance < (1 - CONFIDENCE) / len(SHARES) else (low, middle)
        best = max(best, low)
    return best


def audited(seen: CanaryObservation) -> tuple[float, float, float]:
    """Return the certified bound, the estimate's lower end, and the peer's bound."""
    nothing: object = None
    about = Situation(nothing, nothing, nothing, nothing, canaries=seen)  # type: ignore[arg-type]  # the attacks read canaries alone
    bound, found = OneRun().run(about), Estimate().run(about)
    assert isinstance(bound, OneRunBound)  # noqa: S101 - the canaries are enough
    assert isinstance(found, EpsilonEstimate)  # noqa: S101
    return bound.epsilon_lower, found.epsilon_low, steinke(seen.scores, seen.included)


def seconds(
    inputs: NDArray[Any], labels: NDArray[np.int64], kind: dict[str, Any], canaries: int
) -> float:
    """Return the CPU seconds of one training loop."""
    rows = len(labels)
    rate = 1.0 if kind["batch_size"] == "full" else kind["batch_size"] / rows
    sampler, steps = PoissonSampler(rate), round(kind["epochs"] / rate)
    plan = Plan(
        steps=steps,
        sampler=sampler,
        normaliser=rate * rows,
        optimizer="adam",
        learning_rate=0.1,
        weight_decay=0.0,
        average=True,
        guard=Guard(Schedule.calibrated(4.0, DELTA, sampler, steps), Flat(1.0)),
        canaries=canaries,
        digest=b"",
    )
    begun = time.process_time()
    fit(
        nn.Linear(inputs.shape[1], 2),
        Examples(inputs, labels),
        plan,
        SecretStream(),
        loss=cross_entropy,
        evaluate=None,
        checkpointer=None,
        progress=SILENT,
    )
    return time.process_time() - begun


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--canaries", type=int, default=20_000)
    parser.add_argument("--epsilon", default="1,4,8")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    config = load(ADULT / "strongroom.toml")
    data = adult(config)
    rows: list[dict[str, Any]] = []
    for name, kind in KINDS.items():
        model: Any = None
        for target in map(float, chosen.epsilon.split(",")):
            privacy = PrivacySpec(epsilon=target, delta=DELTA, canaries=chosen.canaries)
            spec = TrainSpec(model="logistic", privacy=privacy, **kind)
            shown = []
            for _ in range(chosen.runs):
                made = train_model(data, spec, columns=config.data.columns, rows=config.data.rows)
                assert made.canaries is not None  # noqa: S101 - they were asked for
                shown.append(audited(made.canaries))
                model = made.model
            certified, low, peer = (statistics.fmean(column) for column in zip(*shown, strict=True))
            rows.append(
                {
                    "name": f"{name}, ε = {target:g}",
                    "ratio": round((target - low) / (target - peer), 3),
                    "strongroom": round(low, 3),
                    "peer": round(peer, 3),
                    "peer_name": "Steinke et al. 2023 (certified)",
                    "unit": "ε shown",
                    "share": round(low / target, 3),
                    "certified": round(certified, 3),
                    "highest_estimate": round(max(s[1] for s in shown), 3),
                    "above_proved": sum(max(s[:2]) > target for s in shown),
                    "canaries": chosen.canaries,
                    "runs": chosen.runs,
                }
            )
        inputs, labels = model.read(data)
        rounds = [
            tuple(seconds(inputs, labels, kind, count) for count in (0, chosen.canaries))
            for _ in range(max(3, chosen.runs))
        ]
        ratio = statistics.median(with_ / without for without, with_ in rounds)
        rows.append(
            {
                "name": f"{name}, training loop",
                "ratio": round(ratio, 3),
                "strongroom": round(statistics.median(r[1] for r in rounds), 3),
                "peer": round(statistics.median(r[0] for r in rounds), 3),
                "peer_name": "without canaries",
                "unit": "s CPU",
                "share": round(1 - 1 / ratio, 3),
                "canaries": chosen.canaries,
            }
        )
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    if chosen.json:
        print(json.dumps({"benchmark": "one_run", "machine": machine, "rows": rows}))
        return
    print(f"{machine}; {chosen.canaries:,} canaries, δ = {DELTA:g}")
    print(f"{'':<34}{'certified':>10}{'estimate':>10}{'of ε':>8}{'peer':>8}{'above ε':>9}")
    for row in rows:
        if row["unit"] == "s CPU":
            print(f"{row['name']:<34}{row['share']:>9.1%} of its CPU time goes to the canaries")
            continue
        print(
            f"{row['name']:<34}{row['certified']:>10.2f}{row['strongroom']:>10.2f}"
            f"{row['share']:>8.0%}{row['peer']:>8.2f}"
            f"{row['above_proved']:>5} of {row['runs']}"
        )


if __name__ == "__main__":
    main()
