"""What a curious server reads in updates of rows that never left their owner.

    python benchmarks/audit_gradients.py [--seeds N] [--targets ...] [--json]

Updates are made of members, on networks as they stand after training (where least is left to read)
or before it (as in a federation's first round): an MLP on UCI Adult (examples/adult), an MLP and a
convolutional network on MNIST digits and a text classifier on the sentences of presidio-research
(tests/data). Single rows; batches of 8 beside them; bare, and clipped and noised with the noise
multiplier that 10 epochs at ε take (δ = 1e-5, batches of 128 of 2,000 rows). "Recovered" means 90 %
of a row's columns, 20 dB of PSNR, or 90 % of a text's tokens.

The peer is the best guess without the update: the mean row, another row of the label, or the
commonest tokens. Ratio is the peer's share over ours where rows are bare; where they are protected,
ours over the peer's (1 where both are zero).
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

from strongroom.attacks import Measured, Rows, Situation
from strongroom.attacks.reconstruction import GradientInversion
from strongroom.data import read_dataset
from strongroom.models import ImageModel, ImageShape, TableEncoder, TextModel, TextShape
from strongroom.privacy import PrivacyStatement, Relation, Unit, calibrate

if TYPE_CHECKING:
    from collections.abc import Callable


ROOT = Path(__file__).parents[1]
IDENTIFIERS = ("person_id", "name", "email", "ssn", "phone", "address", "note", "income")
DELTA, RATE, STEPS = 1e-5, 128 / 2000, 10 * 2000 // 128
EPSILONS = (8.0, 3.0, 1.0)


class Pixels:
    """An MLP on pixels in 0..1."""

    classes = tuple("0123456789")

    def __init__(self) -> None:
        self.network = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))


class Columns:
    """An MLP on encoded rows."""

    classes = ("<=50K", ">50K")

    def __init__(self, encoder: TableEncoder) -> None:
        self.encoder = encoder
        self.network = nn.Sequential(nn.Linear(encoder.width, 64), nn.ReLU(), nn.Linear(64, 2))


def adult() -> tuple[Any, Rows, Rows]:
    """Return the target and two thousand rows on each side."""
    data = read_dataset(ROOT / "examples" / "adult" / "adult.csv.gz")
    table = data.table.slice(0, 4_000)
    names = [n for n in data.columns if n not in IDENTIFIERS]
    encoder = TableEncoder.from_specs(table.schema, names)
    labels = np.array([">" in str(v) for v in table.column("income").to_pylist()], np.int64)
    rows = encoder.encode(table)
    return Columns(encoder), Rows(rows[:2000], labels[:2000]), Rows(rows[2000:], labels[2000:])


def digits(*, convolutional: bool) -> tuple[Any, Rows, Rows]:
    """Return the target and 200 digits on each side."""
    with np.load(ROOT / "tests" / "data" / "mnist_digits" / "digits.npz") as found:
        x, y = found["x"][:, None], found["y"].astype(np.int64)
    if not convolutional:
        x = x.astype(np.float32) / 255
        return Pixels(), Rows(x[::2], y[::2]), Rows(x[1::2], y[1::2])
    model = ImageModel(ImageShape("cnn", 28, 28, 1), "image", tuple("0123456789"))
    return model, Rows(x[::2], y[::2]), Rows(x[1::2], y[1::2])


def texts() -> tuple[Any, Rows, Rows]:
    """Return the target and sentences; told apart is whether one holds a person's name."""
    lines = (ROOT / "tests" / "data" / "presidio_research" / "texts.jsonl").read_text("utf-8")
    documents = [json.loads(line) for line in lines.splitlines()][:800]
    shape = TextShape("text-classifier", buckets=2**13, length=64, width=64, layers=1)
    tokens = shape.tokens([d["text"] for d in documents])
    labels = np.array([any(s["entity"] == "PERSON" for s in d["spans"]) for d in documents])
    model = TextModel(shape, "text", ("no", "yes"), target="person")
    half = len(tokens) // 2
    whole = Rows(tokens, labels.astype(np.int64))
    return model, whole.take(np.arange(half)), whole.take(np.arange(half, len(tokens)))


def begin(network: nn.Module, seed: int) -> None:
    """Give every layer its usual first parameters."""
    torch.manual_seed(seed)
    for layer in network.modules():
        if callable(getattr(layer, "reset_parameters", None)):
            layer.reset_parameters()  # type: ignore[operator]


def learn(network: nn.Module, rows: Rows, epochs: int) -> None:
    """Train as a federation's owner would."""
    whole = np.issubdtype(rows.inputs.dtype, np.floating)
    x = torch.from_numpy(rows.inputs if whole else rows.inputs.astype(np.int64))
    x = x.float() if rows.inputs.dtype == np.uint8 else x
    y = torch.from_numpy(rows.labels)
    for parameter in network.parameters():
        parameter.requires_grad = True
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(epochs):
        for some in torch.split(torch.randperm(len(y)), 128):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x[some]), y[some]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    network.requires_grad_(requires_grad=False)


def statement(epsilon: float) -> PrivacyStatement:
    """Return what a private training of these settings would state."""
    noise = calibrate(epsilon, DELTA, RATE, STEPS).noise_multiplier
    return PrivacyStatement(
        unit=Unit.EXAMPLE,
        relation=Relation.ADD_OR_REMOVE_ONE,
        epsilon=epsilon,
        delta=DELTA,
        accountant="pld",
        sampling="Poisson",
        sampling_rate=RATE,
        noise_multiplier=noise,
        clip_norm=1.0,
        steps=STEPS,
        noise_source="a seed",
        events=(),
        private=False,
    )


def attack(
    target: Any,  # noqa: ANN401 - any of the models above
    members: Rows,
    others: Rows,
    kind: Any,  # noqa: ANN401 - a kind of model
    epsilon: float | None,
    seed: int,
) -> dict[str, Any]:
    """Read updates, and return the shares."""
    begun = time.process_time()
    result = GradientInversion().run(
        Situation(
            target=target,
            members=members,
            nonmembers=others,
            kind=kind,
            encoder=getattr(target, "encoder", None),
            statement=None if epsilon is None else statement(epsilon),
            seed=seed,
        )
    )
    assert isinstance(result, Measured)  # noqa: S101 - there are rows enough
    (value,) = result.values
    seconds = time.process_time() - begun
    return {"share": value.value, "seconds": seconds, **value.details}


TARGETS: dict[str, tuple[Callable[[], tuple[Any, Rows, Rows]], str]] = {
    "Adult, MLP": (adult, "table"),
    "digits, MLP": (lambda: digits(convolutional=False), "image"),
    "digits, CNN": (lambda: digits(convolutional=True), "image"),
    "sentences, transformer": (texts, "text"),
}


def measure(name: str, seeds: int) -> list[dict[str, Any]]:
    """Return the rows of the table for one target."""
    make, kind = TARGETS[name]
    settings: list[tuple[str, float | None]] = [("untrained", None), ("trained", None)]
    settings += [("trained", epsilon) for epsilon in EPSILONS]
    found: dict[tuple[str, float | None], list[dict[str, Any]]] = {s: [] for s in settings}
    for seed in range(seeds):
        target, members, others = make()
        begin(target.network, seed)
        for state, epsilon in settings:
            if state == "trained" and epsilon is None:
                learn(target.network, members, 10)
            found[state, epsilon].append(attack(target, members, others, kind, epsilon, seed))
    return [row(name, state, epsilon, some) for (state, epsilon), some in found.items()]


def row(
    name: str, state: str, epsilon: float | None, found: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return one row over all seeds."""

    def mean(key: str) -> float | None:
        values = [f[key] for f in found if key in f]
        return statistics.mean(values) if values else None

    ours, peer = mean("share") or 0.0, mean("baseline") or 0.0
    over, under = (peer, ours) if epsilon is None else (ours, peer)
    # A share of zero is at most about one in as many rows as were tried.
    ratio = over / max(under, 1 / found[0]["updates"]) if over or under else 1.0
    quality = next(k for k in ("columns_right", "psnr", "token_recall") if k in found[0])
    return {
        "name": f"{name}, {state}" + ("" if epsilon is None else f", ε = {epsilon:g}"),
        "ratio": ratio,
        "strongroom": ours,
        "peer": peer,
        "peer_name": "the best guess without the update",
        "unit": "share of rows recovered",
        "seeds": [f["share"] for f in found],
        "updates": found[0]["updates"],
        "way": found[0]["way"],
        "batch_of_8": mean("batch_of_8"),
        quality: mean(quality),
        f"baseline_{quality}": mean(f"baseline_{quality}"),
        "ssim": mean("ssim"),
        "noise_multiplier": found[0].get("noise_multiplier"),
        "cpu_seconds": mean("seconds"),
    }


def main() -> None:
    """Attack, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=3, help="networks per figure")
    parser.add_argument("--targets", nargs="*", default=list(TARGETS), help="only these")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for name in options.targets:
        for made in measure(name, options.seeds):
            rows.append(made)
            if not options.json:
                quality = next(k for k in ("columns_right", "psnr", "token_recall") if k in made)
                batch = "" if made["batch_of_8"] is None else f"; of 8: {made['batch_of_8']:.0%}"
                print(
                    f"{made['name']:<44}{made['strongroom']:6.1%} (guess {made['peer']:.1%})"
                    f"{batch}; {quality} {made[quality]:.3g} "
                    f"(guess {made[f'baseline_{quality}']:.3g}); {made['cpu_seconds']:.1f} s CPU",
                    flush=True,
                )
    if options.json:
        machine = (
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        )
        document = {"benchmark": "audit_gradients", "machine": machine, "rows": rows}
        print(json.dumps(document, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
