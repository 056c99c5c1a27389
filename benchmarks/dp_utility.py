"""What privacy costs in accuracy, on UCI Adult's own split, for the three table models.

Each figure is the mean of several trainings with secret coins. The peer is scikit-learn's logistic
regression *without* privacy on one-hot categories and standardised numbers: ratio is our test error
over its, so below 1 means that the private model errs less than that common one without privacy.

    python benchmarks/dp_utility.py [--json] [--runs N] [--epsilon 0.5,1,4,8] [--models mlp]
                                    [--peer interpret]

With `--peer interpret`, DP-EBM (Nori et al. 2021, interpret.privacy) is trained beside them on the
same columns, in an environment of its own that is made in the cache folder (that needs a network).
The categories and bounds that we declare are given to it too.

The settings were chosen by cross-validation within the training file, never on the test file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.config import Config, PrivacySpec, TrainSpec, load
from strongroom.data import Dataset, Role, read_dataset
from strongroom.train import train_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

ADULT = Path(__file__).parents[1] / "examples" / "adult"
IDENTIFIERS = ("person_id", "name", "email", "ssn", "phone", "address", "note")
DELTA = 1e-5
SPECS = {
    "logistic": TrainSpec(
        model="logistic", batch_size="full", epochs=100, optimizer="adam", learning_rate=0.1
    ),
    "trees": TrainSpec(model="trees"),
    "mlp": TrainSpec(
        model="mlp", hidden=(64,), batch_size=2048, epochs=20, optimizer="adam", learning_rate=0.01
    ),
}
CLIP_NORMS = {"logistic": 1.5, "mlp": 1.0, "trees": 1.4}


def adult(name: str, config: Config) -> Dataset:
    """Read one part with the roles that the example declares."""
    data = read_dataset(ADULT / name)
    roles = dict.fromkeys(IDENTIFIERS, Role.DIRECT_IDENTIFIER)
    roles |= {c: Role(s.role) for c, s in config.data.columns.items() if s.role}
    return data.with_roles({c: r for c, r in roles.items() if c in data.columns})


def peer_error(train: Dataset, test: Dataset, target: str) -> float:
    """Return the test error of scikit-learn's logistic regression, not private."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frames = [d.table.drop_columns(list(IDENTIFIERS)).to_pandas() for d in (train, test)]
    labels: list[NDArray[np.bool_]] = [
        np.array(d.table.column(target).to_pylist()) == ">50K" for d in (train, test)
    ]
    features = [f.drop(columns=[target]) for f in frames]
    numbers = features[0].select_dtypes("number").columns.tolist()
    texts = [c for c in features[0].columns if c not in numbers]
    model = make_pipeline(
        make_column_transformer(
            (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), texts)
        ),
        LogisticRegression(max_iter=500),
    )
    model.fit(features[0], labels[0])
    return float(1 - model.score(features[1], labels[1]))


PEER = """
import json, sys
import pandas as pd
from interpret.privacy import DPExplainableBoostingClassifier
from sklearn.metrics import roc_auc_score
told = json.load(open(sys.argv[1]))
train, test = (pd.read_csv(told[k], keep_default_na=False) for k in ("train", "test"))
target, features = told["target"], told["features"]
for frame in (train, test):
    for name, kind in zip(features, told["kinds"]):
        frame[name] = frame[name].astype(float if kind == "continuous" else str)
labels = test[target] == ">50K"
for run in range(told["runs"]):
    model = DPExplainableBoostingClassifier(
        feature_names=features,
        feature_types=told["kinds"],
        epsilon=told["epsilon"],
        delta=told["delta"],
        privacy_bounds={int(k): tuple(v) for k, v in told["bounds"].items()},
        random_state=None,
    )
    model.fit(train[features], train[target])
    chances = model.predict_proba(test[features])[:, list(model.classes_).index(">50K")]
    accuracy = float(((chances > 0.5) == labels).mean())
    print(json.dumps({"auc": float(roc_auc_score(labels, chances)), "accuracy": accuracy}))
"""


def interpret_python() -> Path:
    """Return the interpreter of an environment that has interpret, making it where it isn't."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = home / "strongroom" / "benchmarks" / "interpret"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    if subprocess.run([python, "-c", "import interpret"], check=False).returncode:
        subprocess.run([python, "-m", "pip", "install", "-q", "interpret"], check=True)
    return python


def peer_ebm(
    train: Dataset, test: Dataset, config: Config, epsilon: float, runs: int
) -> dict[str, float]:
    """Return the mean test figures of DP-EBM at (ε, 1e-5) on the same columns."""
    columns, target = config.data.columns, str(config.data.target)
    features = [n for n, c in columns.items() if c.role not in ("ignore", "target")]
    kinds = ["continuous" if columns[n].range else "nominal" for n in features]
    with tempfile.TemporaryDirectory() as folder:
        told = {
            "target": target,
            "features": features,
            "kinds": kinds,
            "bounds": {i: columns[n].range for i, n in enumerate(features) if columns[n].range},
            "epsilon": epsilon,
            "delta": DELTA,
            "runs": runs,
        }
        for name, data in (("train", train), ("test", test)):
            path = Path(folder) / f"{name}.csv"
            data.table.select([*features, target]).to_pandas().to_csv(path, index=False)
            told[name] = str(path)
        settings, script = Path(folder) / "told.json", Path(folder) / "peer.py"
        settings.write_text(json.dumps(told), "utf-8")
        script.write_text(PEER, "utf-8")
        made = subprocess.run(
            [interpret_python(), script, settings], check=True, capture_output=True, text=True
        )
    found = [json.loads(line) for line in made.stdout.splitlines() if line.startswith("{")]
    return {k: round(statistics.fmean(f[k] for f in found), 4) for k in ("auc", "accuracy")}


def measure(
    spec: TrainSpec, train: Dataset, test: Dataset, config: Config, runs: int
) -> dict[str, Any]:
    """Train `runs` times and return the mean test figures."""
    results = [
        train_model(train, spec, test=test, columns=config.data.columns, rows=config.data.rows)
        for _ in range(runs if spec.privacy else 1)
    ]
    tests = [r.metrics["test"] for r in results]
    said = results[0].privacy
    return {
        "accuracy": round(statistics.fmean(t["accuracy"] for t in tests), 4),
        "accuracy_lowest": round(min(t["accuracy"] for t in tests), 4),
        "auc": round(statistics.fmean(t["auc"] for t in tests), 4),
        "train_accuracy": round(
            statistics.fmean(r.metrics["train"]["accuracy"] for r in results), 4
        ),
        "seconds": round(statistics.median(r.seconds for r in results), 2),
        "epsilon": round(said.epsilon, 4) if said else None,
        "noise_multiplier": round(said.noise_multiplier, 3) if said else None,
        "steps": results[0].steps,
        "runs": len(results),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epsilon", default="0.5,1,4,8")
    parser.add_argument("--models", default="logistic,mlp,trees")
    parser.add_argument("--peer", choices=["interpret"])
    chosen = parser.parse_args()
    config = load(ADULT / "strongroom.toml")
    train, test = adult("adult.csv.gz", config), adult("adult_test.csv.gz", config)
    error = peer_error(train, test, str(config.data.target))
    rows: list[dict[str, Any]] = []
    ebm: dict[float, dict[str, float]] = {}
    for model in chosen.models.split(","):
        for target in [None, *map(float, chosen.epsilon.split(","))]:
            privacy = (
                PrivacySpec(epsilon=target, delta=DELTA, clip_norm=CLIP_NORMS[model])
                if target
                else None
            )
            spec = SPECS[model].model_copy(update={"privacy": privacy})
            found = measure(spec, train, test, config, chosen.runs)
            ours = round(1 - found["accuracy"], 4)
            if chosen.peer and target is not None:
                if target not in ebm:
                    ebm[target] = peer_ebm(train, test, config, target, chosen.runs)
                found["dp_ebm_auc"] = ebm[target]["auc"]
                found["dp_ebm_accuracy"] = ebm[target]["accuracy"]
            rows.append(
                {
                    "name": f"Adult, {model}, "
                    + (f"ε = {target:g}" if target else "without privacy"),
                    "ratio": round(ours / error, 3),
                    "strongroom": ours,
                    "peer": round(error, 4),
                    "peer_name": "scikit-learn logistic regression without privacy",
                    "unit": "test error",
                    **found,
                }
            )
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if chosen.json:
        print(json.dumps({"benchmark": "dp_utility", "machine": machine, "rows": rows}, indent=1))
        return
    print(f"{machine}; δ = {DELTA:g}, means of {chosen.runs} runs; peer error {error:.4f}")
    print(f"{'':<34}{'accuracy':>9}{'lowest':>9}{'AUC':>8}{'train':>8}{'error/peer':>12}{'s':>7}")
    for row in rows:
        print(
            f"{row['name']:<34}{row['accuracy']:>9.4f}{row['accuracy_lowest']:>9.4f}"
            f"{row['auc']:>8.4f}{row['train_accuracy']:>8.4f}{row['ratio']:>12.3f}"
            f"{row['seconds']:>7.1f}"
            + (f"   DP-EBM: AUC {row['dp_ebm_auc']:.4f}" if "dp_ebm_auc" in row else "")
        )


if __name__ == "__main__":
    main()
