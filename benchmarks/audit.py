"""What an audit costs: shadow models beside plain PyTorch, a forest's beside SACRO-ML, the preset.

Paired and interleaved, on one thread, in process CPU time; the ratio is the median of the rounds'
ratios. The peers of the networks are plain PyTorch loops: one model after another, Adam, batches by
index. `--peer sacroml` makes an environment of its own for SACRO-ML 2.0.1 (`--peer-python` takes
one that is there) and runs its LiRA, on the same forest and rows. The last row is the `standard`
audit of the demo's private model with 256 shadow models: wall seconds on all cores, without a
cache, kernels compiled before.

    python benchmarks/audit.py [--json] [--rounds N] [--only mlp,cnn,forest,standard]
                               [--data DIR] [--peer sacroml] [--peer-python PATH]

`--data DIR` holds `train.npz` with MNIST (`x` uint8 [n, 28, 28], `y`); without it the network
trains on the 400 digits of the tests, which cost the same an image.
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
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from strongroom.config import TrainSpec, load
from strongroom.data import Role, read_dataset
from strongroom.models.bank import train_bank, train_image_bank

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
ADULT = ROOT / "examples" / "adult"
IDENTIFIERS = ("person_id", "name", "email", "ssn", "phone", "address", "note")
NUMBERS = ("age", "education-num", "capital-gain", "capital-loss", "hours-per-week")
CATEGORIES = (
    "workclass", "education", "marital-status", "occupation", "relationship", "race", "sex",
    "native-country",
)  # fmt: skip
LEARNT, EPOCHS, BATCH, RATE = 5_000, 10, 128, 1e-3
IMAGES, IMAGE_EPOCHS = 400, 5
SHADOWS, TREES = 32, 100
GOALS = {"mlp": 1 / 8, "cnn": 1 / 4, "forest": 0.6, "standard": 1.0}

SACRO = """
import json, logging, sys, tempfile, time
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sacroml.attacks.likelihood_attack import LIRAAttack
from sacroml.attacks.target import Target
logging.disable(logging.CRITICAL)
data = np.load(sys.argv[1])
x, y = data["x"], data["y"]
n = len(x) // 2
model = RandomForestClassifier(int(sys.argv[2]), random_state=0).fit(x[:n], y[:n])
target = Target(model=model, dataset_name="adult", X_train=x[:n], y_train=y[:n],
                X_test=x[n:], y_test=y[n:])
with tempfile.TemporaryDirectory() as out:
    begun = time.process_time()
    attack = LIRAAttack(output_dir=out, write_report=False, n_shadow_models=int(sys.argv[3]),
                        mode=sys.argv[4])
    attack.attack(target)
    seconds = time.process_time() - begun
print(json.dumps({"seconds": seconds, "auc": float(attack.attack_metrics[0]["AUC"])}))
"""


def adult() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return Adult as everybody encodes it: one-hot categories and scaled numbers."""
    table = read_dataset(ADULT / "adult.csv.gz").table.to_pandas()
    parts = []
    for name in NUMBERS:
        values = table[name].to_numpy(np.float64)
        values = np.log1p(values) if name.startswith("capital") else values
        parts.append((values / values.max())[:, None])
    for name in CATEGORIES:
        column = table[name].fillna("?").astype(str).str.strip()
        kinds = sorted(set(column) - {"?"})
        parts.append(np.stack([column == kind for kind in kinds], axis=1))
    inputs = np.concatenate(parts, axis=1).astype(np.float32)
    labels = (table["income"].astype(str).str.strip() == ">50K").to_numpy(np.int64)
    order = np.random.default_rng(0).permutation(len(inputs))
    return inputs[order], labels[order]


def half_of(rows: int, models: int, learnt: int) -> NDArray[np.bool_]:
    """Return which rows each model learns from."""
    coins, member = np.random.default_rng(1), np.zeros((models, rows), np.bool_)
    for one in member:
        one[coins.choice(rows, learnt, replace=False)] = True
    return member


def plain(
    make: Callable[[], nn.Module],
    inputs: torch.Tensor,
    labels: torch.Tensor,
    epochs: int,
    batch: int,
) -> nn.Module:
    """Train one model as everybody does."""
    network = make()
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    for _ in range(epochs):
        order = torch.randperm(len(inputs))
        for begin in range(0, len(inputs), batch):
            chosen = order[begin : begin + batch]
            optimizer.zero_grad()
            loss: Any = nn.functional.cross_entropy(network(inputs[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
    return network


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of some work."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def paired(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> tuple[list[float], list[float]]:
    """Return the CPU seconds of both sides, round by round."""
    ours(), theirs()
    mine: list[float] = []
    other: list[float] = []
    for number in range(rounds):
        for side, work in ((mine, ours), (other, theirs))[:: 1 if number % 2 else -1]:
            side.append(seconds(work))
    return mine, other


def row(
    name: str,
    key: str,
    mine: list[float],
    other: list[float],
    each: int,
    peer: str,
    **more: Any,  # noqa: ANN401 - JSON
) -> dict[str, Any]:
    """Return a row: milliseconds for one model, and the median of the rounds' ratios."""
    ratios = sorted(a / each / b for a, b in zip(mine, other, strict=True))
    return {
        "name": name,
        "ratio": round(statistics.median(ratios), 4),
        "strongroom": round(1e3 * statistics.median(mine) / each, 2),
        "peer": round(1e3 * statistics.median(other), 2),
        "peer_name": peer,
        "unit": "ms CPU a model",
        "low": round(ratios[0], 4),
        "high": round(ratios[-1], 4),
        "goal": GOALS[key],
        **more,
    }


def mlp(chosen: argparse.Namespace) -> dict[str, Any]:
    """Compare MLPs of 64-64 on 5,000 rows of Adult."""
    inputs, labels = adult()
    pool = 2 * LEARNT
    spec = TrainSpec(
        model="mlp", hidden=(64, 64), epochs=EPOCHS, batch_size=BATCH, learning_rate=RATE,
        average=False,
    )  # fmt: skip
    models = 16
    member = half_of(pool, models, LEARNT)
    x, y = torch.from_numpy(inputs[:LEARNT]), torch.from_numpy(labels[:LEARNT])

    def make() -> nn.Module:
        layers = [nn.Linear(inputs.shape[1], 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(64, 2))

    kept: dict[str, Any] = {}

    def ours() -> None:
        kept["bank"] = train_bank(spec, inputs[:pool], labels[:pool], 2, member)

    def theirs() -> None:
        kept["network"] = plain(make, x, y, EPOCHS, BATCH)

    mine, other = paired(ours, theirs, chosen.rounds)
    test, truth = inputs[pool : 2 * pool], labels[pool : 2 * pool]
    found = kept["bank"].logits(test).argmax(axis=2) == truth
    with torch.no_grad():
        theirs_right = kept["network"](torch.from_numpy(test)).argmax(1).numpy() == truth
    return row(
        f"shadow MLP {inputs.shape[1]}-64-64-2, Adult", "mlp", mine, other, models,
        "PyTorch, one after another",
        accuracy=round(float(found.mean()), 4), peer_accuracy=round(float(theirs_right.mean()), 4),
    )  # fmt: skip


def cnn(chosen: argparse.Namespace) -> dict[str, Any]:
    """Compare the network that `train` makes for MNIST."""
    from strongroom.models._image import convolutional

    file = Path(chosen.data) / "train.npz" if chosen.data else ROOT / "tests/data/mnist_digits"
    data = np.load(file if chosen.data else file / "digits.npz")
    pixels = np.concatenate([data["x"][:IMAGES], data["x"][:IMAGES]])[:, None].astype(np.uint8)
    labels = np.concatenate([data["y"][:IMAGES], data["y"][:IMAGES]]).astype(np.int64)
    spec = TrainSpec(
        model="cnn", epochs=IMAGE_EPOCHS, batch_size=64, learning_rate=RATE, average=False
    )
    models = 2
    member = half_of(len(pixels), models, IMAGES)
    x, y = torch.from_numpy(pixels[:IMAGES]), torch.from_numpy(labels[:IMAGES])
    mine, other = paired(
        lambda: train_image_bank(spec, pixels, labels, 10, member),
        lambda: plain(lambda: convolutional(1, 28, 10), x, y, IMAGE_EPOCHS, 64),
        chosen.rounds,
    )
    return row(
        "shadow CNN, MNIST", "cnn", mine, other, models, "PyTorch, one after another",
        microseconds_an_image=round(1e6 * statistics.median(mine) / models / IMAGES / IMAGE_EPOCHS),
    )  # fmt: skip


def forest(chosen: argparse.Namespace) -> dict[str, Any]:
    """Compare LiRA on a forest of 100 trees, from the fitted target to the AUC."""
    from sklearn.ensemble import RandomForestClassifier

    from strongroom.attacks import Rows, Situation
    from strongroom.attacks.membership import Lira
    from strongroom.models.foreign import SklearnModel

    inputs, labels = adult()
    x, y = inputs[: 2 * LEARNT], labels[: 2 * LEARNT]
    fitted = RandomForestClassifier(TREES, random_state=0).fit(x[:LEARNT], y[:LEARNT])
    kept: dict[str, Any] = {}

    def ours() -> None:
        target = SklearnModel(fitted, classes=("<=50K", ">50K"))
        members, others = Rows(x[:LEARNT], y[:LEARNT]), Rows(x[LEARNT:], y[LEARNT:])
        kept["result"] = Lira().run(Situation(target, members, others, shadows=SHADOWS))

    ours()  # compiles, and is not counted
    mine, other, aucs = [], [], []
    with tempfile.TemporaryDirectory() as place:
        python = chosen.peer_python
        if python is None and chosen.peer:
            python = peer(Path(place) / "peer")
        np.savez(Path(place) / "rows.npz", x=x, y=y)
        for _ in range(max(3, chosen.rounds // 3)):
            mine.append(seconds(ours))
            if python is not None:
                found = sacro(python, Path(place) / "rows.npz")
                other.append(found["seconds"])
                aucs.append(found["auc"])
    ratios = [a / b for a, b in zip(mine, other, strict=False)]
    return {
        "name": f"LiRA, forest of {TREES} trees, {SHADOWS} shadows, Adult",
        "ratio": round(statistics.median(ratios), 4) if ratios else None,
        "strongroom": round(statistics.median(mine), 2),
        "peer": round(statistics.median(other), 2) if other else None,
        "peer_name": "SACRO-ML 2.0.1",
        "unit": "s CPU",
        "goal": GOALS["forest"],
        "auc": round(kept["result"].auc, 4),
        "peer_auc": round(max(aucs), 4) if aucs else None,
    }


def peer(folder: Path) -> str:
    """Make an environment with SACRO-ML and this one's torch; return its interpreter."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    same = torch.__version__.split("+")[0]
    for package in (f"torch=={same}", "sacroml==2.0.1"):
        command = [python, "-m", "pip", "install", "--quiet", package]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return python


def sacro(python: str, rows: Path) -> dict[str, float]:
    """Run SACRO-ML's LiRA, in the mode of the two-sided test, which is its strongest here."""
    command = [python, "-c", SACRO, str(rows), str(TREES), str(SHADOWS), "online-carlini"]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def standard(chosen: argparse.Namespace) -> dict[str, Any]:
    """Time the standard audit of the demo's model in processes of their own."""
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    found = []
    for _ in range(max(1, chosen.rounds // 3)):
        done = subprocess.run(
            [sys.executable, __file__, "--inside"],
            check=True, capture_output=True, text=True, env=environment,
        )  # fmt: skip
        found.append(json.loads(done.stdout.splitlines()[-1]))
    wall = statistics.median(one["seconds"] for one in found)
    return {
        "name": "standard audit of the demo, 256 shadows",
        "ratio": round(wall / 30, 4),
        "strongroom": round(wall, 2),
        "peer": 30.0,
        "peer_name": "goal",
        "unit": "s wall",
        "goal": GOALS["standard"],
        "cores": os.cpu_count(),
        "seconds_by_attack": found[-1]["attacks"],
    }


def inside() -> None:
    """Train the demo's model, audit it twice, and print what the second time took."""
    from strongroom.audit import audit_model
    from strongroom.config import AuditSpec
    from strongroom.train import train_model

    config = load(ADULT / "strongroom.toml")
    roles = dict.fromkeys(IDENTIFIERS, Role.DIRECT_IDENTIFIER)
    roles |= {c: Role(s.role) for c, s in config.data.columns.items() if s.role}
    data, test = (read_dataset(ADULT / f"{name}.csv.gz") for name in ("adult", "adult_test"))
    data = data.with_roles({c: r for c, r in roles.items() if c in data.columns})
    test = test.with_roles({c: r for c, r in roles.items() if c in test.columns})
    made = train_model(data, config.train, columns=config.data.columns, rows=config.data.rows)

    def audit(preset: str) -> Any:  # noqa: ANN401 - an Audit
        return audit_model(
            made.model,
            subject="demo",
            members=made.model.read(data),
            nonmembers=made.model.read(test),
            train_spec=config.train,
            statement=made.privacy,
            canaries=made.canaries,
            metrics=made.metrics,
            test_table=test.table,
            member_table=data.table,
            spec=AuditSpec.model_validate({**config.audit.model_dump(), "attacks": preset}),
        )

    audit("quick")  # compiles
    begun = time.perf_counter()
    found = audit("standard")
    took = time.perf_counter() - begun
    attacks = {f.check: round(f.seconds, 2) for f in found.findings}
    print(json.dumps({"seconds": took, "attacks": attacks}))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default=",".join(GOALS))
    parser.add_argument("--data", help="folder with MNIST")
    parser.add_argument("--peer", choices=["sacroml"])
    parser.add_argument("--peer-python", help="interpreter of an environment with SACRO-ML")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        inside()
        return
    torch.set_num_threads(1)
    cases = {"mlp": mlp, "cnn": cnn, "forest": forest, "standard": standard}
    rows = [cases[name](chosen) for name in chosen.only.split(",")]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
    if chosen.json:
        print(json.dumps({"benchmark": "audit", "machine": machine, "rows": rows}, indent=1))
        return
    print(f"{machine}; medians of {chosen.rounds} rounds")
    print(f"{'':<52}{'ratio':>8}{'goal':>7}{'here':>10}{'peer':>10}")
    for one in rows:
        ratio = "–" if one["ratio"] is None else f"{one['ratio']:.3f}"
        other = "–" if one["peer"] is None else f"{one['peer']:.1f}"
        print(
            f"{one['name']:<52}{ratio:>8}{one['goal']:>7.3f}{one['strongroom']:>10.1f}{other:>10} "
            f"{one['unit']}; {one['peer_name']}"
        )
        if one.get("auc"):
            print(f"{'':<52}AUC {one['auc']}, peer {one['peer_auc'] or '–'}")


if __name__ == "__main__":
    main()
