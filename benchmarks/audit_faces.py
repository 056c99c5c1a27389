"""Whose face does a model show? Inverted classes of AT&T faces, named by an independent recogniser.

    python benchmarks/audit_faces.py --data FILE [--seeds N] [--targets ...] [--json]

FILE is an .npz of the AT&T Database of Faces (x uint8 [400, 112, 92], y: 40 people, 10 pictures
each; www.cl.cam.ac.uk/research/dtg/attarchive/facedatabase.html, which asks for acknowledgement and
grants no licence, so it doesn't come with this repository).

The target is a softmax regression on pixels, trained on 7 pictures of each person, without privacy
or by `make_private` at δ = 1e-5 (full batch, 100 steps, Adam, clip norm 1). The unit is one picture
or, where it says "person", all 7 of a person. The recognisers know the 3 pictures left of each
person and nothing else: templates (the strongest that we know in noise) and Fisherfaces.

The peer is what Fredrikson et al. 2015 report for their softmax model: people picked the right one
of 5 faces in 87 % of inversions. Ratio is the share *not* recognised, over theirs; for private
models it is the share recognised over the limit of 15 % that we set ourselves.
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

from strongroom.attacks import Measured, Rows, Situation, share_interval
from strongroom.attacks.inversion import ClassRepresentative
from strongroom.privacy import make_private

if TYPE_CHECKING:
    from numpy.typing import NDArray

DELTA, STEPS, INSIDE = 1e-5, 100, 7
PUBLISHED, LIMIT = 0.87, 0.15
PEER = "people, of Fredrikson et al. 2015"
# Name: (ε, is a person the unit, does the attacker hold the model).
TARGETS: dict[str, tuple[float | None, bool, bool]] = {
    "without privacy": (None, False, True),
    "without privacy, black-box": (None, False, False),
    "ε = 8 a picture": (8.0, False, True),
    "ε = 4 a picture": (4.0, False, True),
    "ε = 2 a picture": (2.0, False, True),
    "ε = 1 a picture": (1.0, False, True),
    "ε = 8 a person": (8.0, True, True),
    "random weights": (0.0, False, True),
}


class Softmax:
    """A `Model` of pixels in 0..1."""

    def __init__(self, layer: nn.Linear) -> None:
        self.network = nn.Sequential(nn.Flatten(), layer).requires_grad_(requires_grad=False)
        self.classes = tuple(str(c) for c in range(layer.out_features))

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """See `Model`."""
        found: NDArray[np.float32] = self.network(torch.from_numpy(batch)).softmax(dim=1).numpy()
        return found


class BlackBox:
    """Its probabilities alone."""

    def __init__(self, model: Softmax) -> None:
        self.predict_proba, self.classes = model.predict_proba, model.classes


def train(
    x: NDArray[np.float32], y: NDArray[np.int64], epsilon: float | None, *, person: bool, seed: int
) -> tuple[Softmax, float | None]:
    """Return a model of pictures [people, 7, pixels], and the ε that was proved."""
    torch.manual_seed(seed)
    layer = nn.Linear(x.shape[-1], len(x))
    if epsilon == 0.0:
        return Softmax(layer), None
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    data = torch.from_numpy(x), torch.from_numpy(y)
    if not person:
        data = data[0].flatten(0, 1), data[1].flatten(0, 1)
    if epsilon is None:
        plain = torch.optim.Adam(layer.parameters(), lr=0.01)
        for _ in range(2 * STEPS):
            plain.zero_grad()
            nn.functional.cross_entropy(layer(data[0]), data[1]).backward()  # type: ignore[no-untyped-call]
            plain.step()
        return Softmax(layer), None
    private, optimizer, batches = make_private(
        layer,
        torch.optim.Adam(layer.parameters(), lr=0.003),
        data,
        epsilon=epsilon,
        delta=DELTA,
        epochs=STEPS,
        batch_size=len(data[0]),
    )
    for _ in range(STEPS):
        for some, truth in batches:
            optimizer.zero_grad()
            outputs = private(some).reshape(-1, len(x))
            nn.functional.cross_entropy(outputs, truth.reshape(-1)).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    proved: float = optimizer.private.statement.epsilon  # type: ignore[attr-defined]
    made = nn.Linear(x.shape[-1], len(x))
    made.load_state_dict(layer.state_dict())
    return Softmax(made), proved


def measure(
    faces: NDArray[np.uint8], labels: NDArray[np.int64], name: str, seed: int
) -> dict[str, Any]:
    """Train one target, attack it, and return what came of it."""
    epsilon, person, white = TARGETS[name]
    coins = np.random.default_rng(seed)
    people = np.unique(labels)
    order = np.stack([coins.permutation(np.flatnonzero(labels == p)) for p in people])
    x = faces[:, None].astype(np.float32) / 255
    inside, outside = order[:, :INSIDE], order[:, INSIDE:].ravel()
    flat = x.reshape(len(x), -1)
    target, proved = train(flat[inside], labels[inside], epsilon, person=person, seed=seed)
    accuracy = target.predict_proba(x[outside]).argmax(axis=1) == labels[outside]
    begun = time.process_time()
    result = ClassRepresentative().run(
        Situation(
            target=target if white else BlackBox(target),
            members=Rows(x[inside.ravel()], labels[inside.ravel()]),
            nonmembers=Rows(x[outside], labels[outside]),
            kind="image",
            seed=seed,
        )
    )
    assert isinstance(result, Measured)  # noqa: S101 - 40 classes are enough
    share, gain = result.values
    return {
        "recognised": share.value,
        "by_fisherfaces": share.details["by_fisherfaces"],
        "gain": gain.value,
        "gain_low": gain.low,
        "gain_high": gain.high,
        "recogniser": share.details["recogniser_accuracy"],
        "fisherfaces": share.details["fisherfaces_accuracy"],
        "accuracy": float(accuracy.mean()),
        "epsilon": proved,
        "queries": result.queries,
        "cpu_seconds": time.process_time() - begun,
    }


def summary(name: str, found: list[dict[str, Any]], people: int) -> dict[str, Any]:
    """Return one row of the table over all seeds."""

    def mean(key: str) -> float:
        return float(statistics.mean(f[key] for f in found))

    shares = [f["recognised"] for f in found]
    low, high = share_interval(round(sum(shares) * people), people * len(found))
    bare = TARGETS[name][0] is None
    ratio = (1 - mean("recognised")) / (1 - PUBLISHED) if bare else mean("recognised") / LIMIT
    return {
        "name": name,
        "ratio": ratio,
        "strongroom": mean("recognised"),
        "peer": PUBLISHED if bare else LIMIT,
        "peer_name": PEER if bare else "the limit",
        "unit": "share of 40 people recognised",
        "interval": [low, high],
        "seeds": shares,
        "by_fisherfaces": mean("by_fisherfaces"),
        "fisherfaces_seeds": [f["by_fisherfaces"] for f in found],
        "similarity_gain": mean("gain"),
        "similarity_gain_intervals": [[f["gain_low"], f["gain_high"]] for f in found],
        "model_accuracy": mean("accuracy"),
        "recogniser_accuracy": [mean("recogniser"), mean("fisherfaces")],
        "epsilon": found[0]["epsilon"],
        "delta": DELTA if found[0]["epsilon"] else None,
        "queries": mean("queries"),
        "cpu_seconds": statistics.median(f["cpu_seconds"] for f in found),
    }


def main() -> None:
    """Train, attack, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="the .npz of the faces")
    parser.add_argument("--seeds", type=int, default=8, help="splits and trainings per figure")
    parser.add_argument("--targets", nargs="*", default=list(TARGETS), help="only these")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(options.data) as data:
        faces, labels = data["x"], data["y"].astype(np.int64)
    rows = []
    for name in options.targets:
        found = [measure(faces, labels, name, seed) for seed in range(options.seeds)]
        rows.append(summary(name, found, len(np.unique(labels))))
        if not options.json:
            row = rows[-1]
            print(
                f"{name:<28}recognised {row['strongroom']:6.1%} "
                f"[{row['interval'][0]:.1%}, {row['interval'][1]:.1%}] "
                f"(seeds {min(row['seeds']):.0%} to {max(row['seeds']):.0%}); "
                f"Fisherfaces {row['by_fisherfaces']:6.1%}; gain {row['similarity_gain']:+.3f}; "
                f"model right {row['model_accuracy']:.0%}; {row['cpu_seconds']:.1f} s CPU",
                flush=True,
            )
    if options.json:
        machine = (
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        )
        document = {"benchmark": "audit_faces", "machine": machine, "rows": rows}
        print(json.dumps(document, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
