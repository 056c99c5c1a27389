"""How much of its ε an audit of somebody else's private training shows, from one training.

Audits DP-SGD on UCI Adult as its own user would write it, by Opacus 1.6.0 (installed where only
this run sees it) and by our `make_private`: a logistic model and an MLP, full batches and Poisson
samples, noise exact for the claimed ε. The attacker sees the parameters after every step (certified
bound, and estimate) or the final model's outputs alone (certified bound), never the benign sum.
Medians of the runs, as shares of the claimed ε; `above` counts runs in which a certified bound or
an estimate was above what is true. The peer of the ratio is the share of 0.45 that we set
ourselves as a goal.

    python benchmarks/audit_privacy.py [--runs N] [--peer opacus] [--json] [--only CASES]
        [--epsilon 4,8] [--canaries N]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from strongroom.attacks import EpsilonEstimate, OneRunBound
from strongroom.attacks.privacy import audit_training
from strongroom.config import load
from strongroom.data import Role, read_dataset
from strongroom.privacy import calibrate, make_private
from strongroom.train._preparation import lay_out

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

ADULT = Path(__file__).parents[1] / "examples" / "adult"
IDENTIFIERS = ("person_id", "name", "email", "ssn", "phone", "address", "note")
DELTA, CLIP, GOAL, ROWS = 1e-5, 1.0, 0.45, 5_000


@dataclass(frozen=True)
class Case:
    """A model and how it is trained."""

    title: str
    hidden: tuple[int, ...]
    rate: float
    steps: int
    learning_rate: float

    def network(self, columns: int, seed: int) -> nn.Sequential:
        """Return the untrained network."""
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for width in self.hidden:
            layers += [nn.Linear(columns, width), nn.ReLU()]
            columns = width
        return nn.Sequential(*layers, nn.Linear(columns, 2))


CASES = {
    "logistic": Case("logistic, full batches", (), 1.0, 25, 2.0),
    "mlp": Case("MLP 16, full batches", (16,), 1.0, 25, 2.0),
    "poisson": Case("logistic, Poisson 5 %", (), 0.05, 200, 0.5),
    "mlp-poisson": Case("MLP 16, Poisson 5 %", (16,), 0.05, 200, 0.5),
}


def adult() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the first rows of the training split, encoded."""
    config = load(ADULT / "strongroom.toml")
    data = read_dataset(ADULT / "adult.csv.gz")
    roles = dict.fromkeys(IDENTIFIERS, Role.DIRECT_IDENTIFIER)
    roles |= {c: Role(s.role) for c, s in config.data.columns.items() if s.role}
    data = data.with_roles({c: r for c, r in roles.items() if c in data.columns})
    inputs, labels = lay_out(data, config.data.columns).read(data.table)
    return inputs[:ROWS], labels[:ROWS]


def by_opacus(
    inputs: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    seed: int,
    on_step: Callable[[Any], None] | None = None,
    case: Case,
    epsilon: float,
) -> nn.Module:
    """Train by Opacus, as its own examples do."""
    from opacus import PrivacyEngine

    warnings.filterwarnings("ignore")
    network: Any = case.network(inputs.shape[1], seed)
    data = TensorDataset(torch.from_numpy(inputs), torch.from_numpy(labels))
    loader: Any = DataLoader(data, batch_size=round(case.rate * len(labels)))
    optimizer: Any = torch.optim.SGD(network.parameters(), lr=case.learning_rate)
    criterion: Any = nn.CrossEntropyLoss()
    noise = calibrate(epsilon, DELTA, 1 / len(loader), case.steps).noise_multiplier
    # Ghost clipping: per-example gradients of so many columns don't fit in memory.
    network, optimizer, criterion, loader = PrivacyEngine().make_private(
        module=network,
        optimizer=optimizer,
        data_loader=loader,
        noise_multiplier=noise,
        max_grad_norm=CLIP,
        criterion=criterion,
        grad_sample_mode="ghost",
    )
    see = on_step or (lambda _: None)
    see(network)
    for _ in range(case.steps // len(loader)):
        for rows, targets in loader:
            optimizer.zero_grad()
            criterion(network(rows), targets).backward()
            optimizer.step()
            see(network)
    made: nn.Module = network
    return made


def by_ours(
    inputs: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    seed: int,
    on_step: Callable[[Any], None] | None = None,
    case: Case,
    epsilon: float,
) -> nn.Module:
    """Train by `make_private`."""
    network: Any = case.network(inputs.shape[1], seed)
    rows, targets = torch.from_numpy(inputs), torch.from_numpy(labels)
    model, optimizer, loader = make_private(
        network,
        torch.optim.SGD(network.parameters(), lr=case.learning_rate),
        (rows, targets),
        epsilon=epsilon,
        delta=DELTA,
        epochs=case.steps * case.rate,
        clipping=CLIP,
        batch_size=round(case.rate * len(labels)),
    )
    see = on_step or (lambda _: None)
    see(model)
    for _ in range(round(case.steps * case.rate)):
        for batch, wanted in loader:
            optimizer.zero_grad()
            loss: Any = nn.functional.cross_entropy(model(batch), wanted)
            loss.backward()
            optimizer.step()
            see(model)
    made: nn.Module = model
    return made


def peer_folder() -> str:
    """Install Opacus where only this run sees it, and return the folder."""
    folder = tempfile.mkdtemp(prefix="strongroom-peer-")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
    subprocess.run([*install, "opacus==1.6.0", "opt-einsum"], check=True, stdout=sys.stderr)
    return folder


def shown(result: Any) -> float:  # noqa: ANN401 - any of the results
    """Return the ε that a result shows."""
    if isinstance(result, OneRunBound):
        return result.epsilon_lower
    return result.epsilon_low if isinstance(result, EpsilonEstimate) else 0.0


def measured(
    who: str,
    train: Any,  # noqa: ANN401 - either of the two
    case: Case,
    epsilon: float,
    chosen: argparse.Namespace,
) -> dict[str, Any]:
    """Audit one training function so many times."""
    inputs, labels = adult()
    begun = time.process_time()
    found = [
        audit_training(
            partial(train, case=case, epsilon=epsilon),
            inputs,
            labels,
            claimed_epsilon=epsilon,
            delta=DELTA,
            canaries=chosen.canaries,
            sampling_rate=case.rate,
            clip_norm=CLIP,
            scale=chosen.scale,
            seed=1_000 * run,
        )
        for run in range(chosen.runs)
    ]
    sides = {
        name: [shown(audit.results[check]) for audit in found]
        for name, check in (
            ("updates", "privacy.one_run"),
            ("outside", "privacy.black_box"),
            ("estimate", "privacy.estimate"),
        )
    }
    middle = {name: statistics.median(values) for name, values in sides.items()}
    return {
        "name": f"{who}: {case.title}, ε = {epsilon:g}",
        "ratio": round(middle["updates"] / epsilon / GOAL, 3),
        "strongroom": round(middle["updates"], 3),
        "peer": GOAL * epsilon,
        "peer_name": "the goal",
        "unit": "ε certified",
        "share": round(middle["updates"] / epsilon, 3),
        "lowest": round(min(sides["updates"]), 3),
        "highest": round(max(sides["updates"]), 3),
        "outside": round(middle["outside"], 3),
        "outside_highest": round(max(sides["outside"]), 3),
        "estimate": round(middle["estimate"], 3),
        "estimate_highest": round(max(sides["estimate"]), 3),
        "above": sum(max(values) > epsilon for values in zip(*sides.values(), strict=True)),
        "reachable": round(getattr(found[0].updates, "reachable", 0.0) or 0.0, 3),
        "canaries": chosen.canaries,
        "runs": chosen.runs,
        "cpu_seconds_per_audit": round((time.process_time() - begun) / chosen.runs, 1),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--canaries", type=int, default=6_000)
    parser.add_argument("--epsilon", default="4,8")
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--peer", choices=["opacus"])
    parser.add_argument("--scale", type=float, help="of the canaries; by default from the rows")
    parser.add_argument("--no-ours", action="store_true", help="audit the peer alone")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    sides: dict[str, Any] = {} if chosen.no_ours else {"make_private": by_ours}
    if chosen.peer:
        sys.path.append(peer_folder())
        sides = {"Opacus": by_opacus, **sides}
    rows = [
        measured(who, train, CASES[name], epsilon, chosen)
        for who, train in sides.items()
        for name in chosen.only.split(",")
        for epsilon in map(float, chosen.epsilon.split(","))
    ]
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    if chosen.json:
        print(
            json.dumps({"benchmark": "audit_privacy", "machine": machine, "rows": rows}, indent=1)
        )
        return
    print(
        f"{machine}; {chosen.canaries:,} canaries, {chosen.runs} runs, δ = {DELTA:g}; certified "
        "from updates [lowest, highest], of ε; certified from outside; estimate"
    )
    for row in rows:
        print(
            f"{row['name']:<48}{row['strongroom']:>6.2f} [{row['lowest']:.2f}, "
            f"{row['highest']:.2f}]{row['share']:>6.0%}{row['outside']:>7.2f}"
            f"{row['estimate']:>7.2f}  above ε: {row['above']} of {row['runs']}"
        )


if __name__ == "__main__":
    main()
