"""What privacy costs in accuracy, on UCI Adult's own split, for both table models.

Each figure is the mean of several trainings with secret coins. The peer is scikit-learn's logistic
regression *without* privacy on one-hot categories and standardised numbers: ratio is our test error
over its, so below 1 means that the private model errs less than that common one without privacy.

    python benchmarks/dp_utility.py [--json] [--runs N] [--epsilon 0.5,1,3,8] [--models mlp]

The settings were chosen on 8,000 rows held out of the training file, never on the test file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
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
    "mlp": TrainSpec(
        model="mlp", hidden=(64,), batch_size=2048, epochs=20, optimizer="adam", learning_rate=0.01
    ),
}


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
    parser.add_argument("--epsilon", default="0.5,1,3,8")
    parser.add_argument("--models", default="logistic,mlp")
    chosen = parser.parse_args()
    config = load(ADULT / "strongroom.toml")
    train, test = adult("adult.csv.gz", config), adult("adult_test.csv.gz", config)
    error = peer_error(train, test, str(config.data.target))
    rows: list[dict[str, Any]] = []
    for model in chosen.models.split(","):
        for target in [None, *map(float, chosen.epsilon.split(","))]:
            privacy = PrivacySpec(epsilon=target, delta=DELTA) if target else None
            spec = SPECS[model].model_copy(update={"privacy": privacy})
            found = measure(spec, train, test, config, chosen.runs)
            ours = round(1 - found["accuracy"], 4)
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
        )


if __name__ == "__main__":
    main()
