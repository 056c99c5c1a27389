"""A federation in one process on UCI Adult, beside one training on all rows in one place.

The sites are parted by an attribute, so that their people differ (a registry of private firms, one
of the state's, one of the self-employed; or by schooling, where even the labels' shares do).
Accuracy is on UCI's own test file, which no site sees. Parts:

    accuracy   federated and central, the same model and settings, without privacy
    privacy    the same with ε = 3: noise of each site's own, or made together inside secure sums
    secure     the secure sum beside the sum of the same quantised updates in the clear, by bits
    dropouts   100 sites, of which each drops out of a round with a chance of a tenth
    liars      sites of which 3 turn their updates around, under each rule
    trees      additive trees grown across sites and in one place, without privacy and with ε = 3

    python benchmarks/federate_simulated.py [--json] [--parts accuracy,secure] [--runs 5]

Settings were chosen on rows held out of the training file, never on the test file.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.config import Config, PrivacySpec, TrainSpec, load
from strongroom.data import Dataset, Role, read_dataset
from strongroom.federate import Kind, Settings
from strongroom.federate._loopback import Fault
from strongroom.federate._model import Blueprint
from strongroom.federate._simulate import simulate
from strongroom.federate.liars import Liar, sign_flip
from strongroom.federate.secure import Quantiser
from strongroom.federate.strategies import make_strategy
from strongroom.train import train_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from strongroom.federate import Answers, Message
    from strongroom.federate.coordinator import FederationResult
    from strongroom.models import TrainedModel

ADULT = Path(__file__).parents[1] / "examples" / "adult"
IDENTIFIERS = ("person_id", "name", "email", "ssn", "phone", "address", "note")
EPSILON, DELTA, CLIP = 3.0, 1e-5, 1.5
CENTRAL = TrainSpec(
    model="logistic", batch_size="full", epochs=100, optimizer="adam", learning_rate=0.1
)
# One full-batch step at each site a round, and Adam at the coordinator.
LOCAL = TrainSpec(model="logistic", batch_size="full", optimizer="sgd", learning_rate=1.0)
ADAM = {"name": "fedadam", "server_learning_rate": 0.1, "beta2": 0.99, "tau": 1e-4}
WAYS: Mapping[str, tuple[TrainSpec, Mapping[str, Any]]] = {
    "100 rounds of one step": (LOCAL, {"rounds": 100, "strategy": ADAM}),
    "20 rounds of 5 epochs": (
        LOCAL.model_copy(update={"optimizer": "adam", "learning_rate": 0.1}),
        {"rounds": 20, "local_epochs": 5, "strategy": {**ADAM, "server_learning_rate": 0.3}},
    ),
}
# Rule to how many sites there are, three of which lie: Bulyan needs fifteen.
LIARS = {"mean": 10, "median": 10, "trimmed-mean": 10, "krum": 10, "multi-krum": 10,
         "norm-bound": 10, "bulyan": 15}  # fmt: skip
SPLITS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "workclass": {
        "private": ("Private",),
        "state": ("Federal-gov", "Local-gov", "State-gov"),
        "own": (),
    },
    "education": {
        "school": ("Preschool", "1st-4th", "5th-6th", "7th-8th", "9th", "10th", "11th", "12th",
                   "HS-grad"),
        "college": ("Some-college", "Assoc-voc", "Assoc-acdm"),
        "degree": (),
    },
}  # fmt: skip


def adult(name: str, config: Config) -> Dataset:
    """Read one part with the roles that the example declares, without what identifies people."""
    data = read_dataset(ADULT / name)
    data = data.with_table(data.table.drop_columns(list(IDENTIFIERS)))
    roles = {c: Role(s.role) for c, s in config.data.columns.items() if s.role}
    return data.with_roles({c: r for c, r in roles.items() if c in data.columns})


def by_attribute(data: Dataset, column: str) -> dict[str, Dataset]:
    """Part the rows by an attribute; the last site has whoever is left."""
    sites, left = {}, data.table
    for site, values in SPLITS[column].items():
        chosen = (
            pc.fill_null(pc.is_in(left.column(column), pa.array(values)), fill_value=False)
            if values
            else pa.array(np.ones(left.num_rows, bool))
        )
        sites[site] = data.with_table(left.filter(chosen))
        left = left.filter(pc.invert(chosen))
    return sites


def at_random(data: Dataset, count: int, seed: int) -> dict[str, Dataset]:
    """Part the rows among so many sites by chance."""
    places = np.random.default_rng(seed).permutation(data.rows)
    parts = np.array_split(places, count)
    return {f"s{k:03d}": data.with_table(data.table.take(part)) for k, part in enumerate(parts)}


def accuracy(model: TrainedModel, test: Dataset) -> float:
    """Return the share of rows that a model names rightly."""
    inputs, labels = model.read(test)
    return float((model.predict_proba(inputs).argmax(axis=1) == labels).mean())


class Bench:
    """The data, and what every part does with it."""

    def __init__(self, runs: int) -> None:
        self.config = load(ADULT / "strongroom.toml")
        self.train = adult("adult.csv.gz", self.config)
        self.test = adult("adult_test.csv.gz", self.config)
        self.columns = self.config.data.columns
        self.runs = runs

    def federated(
        self,
        sites: Mapping[str, Dataset],
        train: TrainSpec = LOCAL,
        *,
        wrap: Callable[[Answers], Answers] = lambda site: site,
        faults: Callable[[str, Message], Fault | None] | None = None,
        **job: Any,  # noqa: ANN401 - fields of a job
    ) -> FederationResult:
        """Run one job over simulated sites."""
        plain = {"rounds": 100, "strategy": ADAM}
        settings = Settings.model_validate(
            {"project": {"name": "adult"}, "train": train, "job": plain | job}
        )
        return simulate(settings, sites, columns=self.columns, wrap=wrap, faults=faults)

    def central(self, privacy: PrivacySpec | None = None) -> float:
        """Return the test accuracy of one training on all rows in one place."""
        spec = CENTRAL.model_copy(update={"privacy": privacy})
        rows = self.config.data.rows
        found = train_model(self.train, spec, columns=self.columns, rows=rows)
        return accuracy(found.model, self.test)

    def accuracy(self) -> list[dict[str, Any]]:
        """Nothing here is left to chance: full batches, parameters that begin at zero."""
        central = self.central()
        found = []
        for split in SPLITS:
            sites = by_attribute(self.train, split)
            for way, (local, job) in WAYS.items():
                begun = time.process_time()
                result = self.federated(sites, local, **job)
                federated = accuracy(result.model, self.test)
                found.append(
                    {
                        "split": split,
                        "way": way,
                        "rows": {n: int(m["weight"]) for n, m in result.members.items()},
                        "central": central,
                        "federated": federated,
                        "gap_points": 100 * (central - federated),
                        "interval_points": 100 * half_width(self.test.rows, central),
                        "cpu_seconds": time.process_time() - begun,
                    }
                )
        return found

    def privacy(self) -> list[dict[str, Any]]:
        """The mean of several trainings, each with secret coins of its own."""
        asked = PrivacySpec(epsilon=EPSILON, delta=DELTA, clip_norm=CLIP)
        central = [self.central(asked) for _ in range(self.runs)]
        found = []
        for split in SPLITS:
            sites = by_attribute(self.train, split)
            ways: dict[str, dict[str, Any]] = {"own": {}, "shared": {"secure": {"threshold": 3}}}
            for noise, more in ways.items():
                guarantee = {"epsilon": EPSILON, "delta": DELTA, "clip_norm": CLIP, "noise": noise}
                results = [
                    self.federated(sites, privacy=guarantee, **more) for _ in range(self.runs)
                ]
                values = [accuracy(r.model, self.test) for r in results]
                proved = max(r.privacy.epsilon if r.privacy else math.inf for r in results)
                gap = statistics.mean(central) - statistics.mean(values)
                found.append(
                    {
                        "split": split,
                        "noise": noise,
                        "epsilon": proved,
                        "runs": self.runs,
                        "central": statistics.mean(central),
                        "federated": statistics.mean(values),
                        "gap_points": 100 * gap,
                        "interval_points": 100 * spread(central, values),
                    }
                )
        return found

    def trees(self) -> list[dict[str, Any]]:
        """The cuts are left to chance; with privacy each site has noise of its own."""
        spec, rows = TrainSpec(model="trees"), self.config.data.rows
        job: dict[str, Any] = {"rounds": 1 + spec.trees.rounds, "strategy": {}}
        found = []
        for private in (None, {"epsilon": EPSILON, "delta": DELTA, "clip_norm": 1.0}):
            asked = PrivacySpec.model_validate(private) if private else None
            one = spec.model_copy(update={"privacy": asked})
            central = [
                accuracy(
                    train_model(self.train, one, columns=self.columns, rows=rows).model, self.test
                )
                for _ in range(self.runs)
            ]
            for split in SPLITS:
                sites = by_attribute(self.train, split)
                values = [
                    accuracy(self.federated(sites, spec, privacy=private, **job).model, self.test)
                    for _ in range(self.runs)
                ]
                gap = statistics.mean(central) - statistics.mean(values)
                found.append(
                    {
                        "split": split,
                        "epsilon": EPSILON if private else None,
                        "runs": self.runs,
                        "central": statistics.mean(central),
                        "federated": statistics.mean(values),
                        "gap_points": 100 * gap,
                        "interval_points": 100 * spread(central, values),
                    }
                )
        return found

    def secure(self) -> list[dict[str, Any]]:
        """Repeat each round of a secure job from the quantised updates, summed in the clear."""
        sites, rounds = by_attribute(self.train, "workclass"), 10
        vectors: dict[int, dict[str, NDArray[np.int64]]] = {}
        sent: dict[int, NDArray[np.float32]] = {}

        class Watched:
            """A real site; what it holds for the sum is looked at from outside."""

            def __init__(self, site: Answers) -> None:
                self._site, self.name = site, site.name

            def answer(self, request: Message) -> Message:
                """Answer as the site does."""
                answer = self._site.answer(request)
                if request.kind is Kind.TRAIN:
                    sent[request.round] = request.arrays["parameters"]
                    kept = self._site._jobs[request.job].record  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public tells it
                    vectors.setdefault(request.round, {})[self.name] = kept.arrays["vector"]
                return answer

        local = LOCAL.model_copy(update={"average": False})
        result = self.federated(sites, local, secure={"threshold": 2}, rounds=rounds, wrap=Watched)
        recipe = result.recipe
        assert recipe.secure is not None  # noqa: S101 - asked for above
        blueprint = Blueprint.of(recipe)
        parameters = blueprint.initial(bytes.fromhex(recipe.job)).astype(np.float64)
        strategy = make_strategy(recipe.strategy, blueprint.size)
        same = 0
        for number in range(1, rounds + 1):
            same += parameters.astype(np.float32).tobytes() == sent[number].tobytes()
            total = np.sum(list(vectors[number].values()), axis=0)
            mean = Quantiser(recipe.secure, len(sites)).mean(total)
            parameters = strategy.step(parameters, {"update": mean}, 1.0)
        blueprint.load(parameters)
        return [
            {
                "rounds": rounds,
                "rounds_with_the_same_bits": same,
                "model_with_the_same_bits": blueprint.digest() == result.model.digest(),
                "accuracy": accuracy(result.model, self.test),
            }
        ]

    def dropouts(self) -> list[dict[str, Any]]:
        """Each site is gone from a round with a chance of a tenth, from a stage that is drawn."""
        draw = np.random.default_rng(7)
        sites = at_random(self.train, 100, 1)
        kinds = (Kind.TRAIN, Kind.KEYS, Kind.SHARES, Kind.SUBMIT, Kind.UNMASK)
        out: dict[int, dict[str, Kind]] = {}

        def faults(site: str, request: Message) -> Fault | None:
            if request.kind not in kinds:
                return None
            if request.round not in out:
                hit = draw.random(100) < 0.1
                chosen = draw.integers(0, len(kinds), 100)
                out[request.round] = {
                    s: kinds[c] for s, h, c in zip(sites, hit, chosen, strict=True) if h
                }
            gone = out[request.round].get(site)
            late = gone is not None and kinds.index(request.kind) >= kinds.index(gone)
            return Fault("vanish") if late else None

        begun = time.process_time()
        result = self.federated(
            sites,
            rounds=20,
            secure={"threshold": 60, "neighbours": 40},
            strategy={**ADAM, "server_learning_rate": 0.3},
            faults=faults,
        )
        seconds = time.process_time() - begun
        missed = [100 - len(r.get("answered", ())) for r in result.rounds]
        return [
            {
                "sites": 100,
                "rounds": len(result.rounds),
                "lost_rounds": len(result.tolerated["lost"]),
                "mean_missing": statistics.mean(missed),
                "most_missing": max(missed),
                "accuracy": accuracy(result.model, self.test),
                "cpu_seconds_a_round": seconds / len(result.rounds),
            }
        ]

    def liars(self) -> list[dict[str, Any]]:
        """Rows parted by chance, so that a difference between sites is the liars'."""
        found = []
        honest: dict[int, float] = {}
        local, job = WAYS["20 rounds of 5 epochs"]
        job = {**job, "strategy": {"name": "fedavg"}}
        local = local.model_copy(update={"learning_rate": 0.03})
        for rule, count in LIARS.items():
            sites = at_random(self.train, count, 2)
            bad = sorted(sites)[:3]
            if count not in honest:
                honest[count] = accuracy(self.federated(sites, local, **job).model, self.test)

            def lie(site: Answers, bad: Sequence[str] = bad) -> Answers:
                return Liar(site, sign_flip(4.0)) if site.name in bad else site

            spec = {"name": rule, "liars": 0 if rule == "mean" else 3}
            result = self.federated(sites, local, rule=spec, wrap=lie, **job)
            reached = accuracy(result.model, self.test)
            noticed = {**result.tolerated["outvoted"], **result.tolerated["cut"]}
            found.append(
                {
                    "rule": rule,
                    "sites": count,
                    "liars": len(bad),
                    "all_honest": honest[count],
                    "accuracy": reached,
                    "cost_points": 100 * (honest[count] - reached),
                    "liars_outvoted_or_cut": sum(n in noticed for n in bad),
                }
            )
        return found


def half_width(rows: int, share: float) -> float:
    """Return the half width of a 95 % interval of one accuracy on so many rows."""
    return 1.96 * math.sqrt(share * (1 - share) / rows)


def spread(one: list[float], other: list[float]) -> float:
    """Return the half width of the 95 % interval of a difference of means over trainings."""
    if len(one) < 2 or len(other) < 2:
        return math.inf
    variance = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return 1.96 * math.sqrt(variance)


PARTS = ("accuracy", "privacy", "secure", "dropouts", "liars", "trees")


def main() -> None:
    """Print the tables."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--json", action="store_true")
    reader.add_argument("--parts", default=",".join(PARTS))
    reader.add_argument("--runs", type=int, default=5)
    told = reader.parse_args()
    bench = Bench(told.runs)
    found: dict[str, Any] = {"python": platform.python_version(), "machine": platform.machine()}
    for part in told.parts.split(","):
        found[part] = getattr(bench, part)()
        if not told.json:
            print(f"\n{part}")
            for row in found[part]:
                print("  " + "  ".join(f"{k} {_short(v)}" for k, v in row.items()), flush=True)
    if told.json:
        print(json.dumps(found, indent=2))


def _short(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
