"""If this fails, an audit of a real model says the wrong thing, or leaves a measurement out."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from strongroom.attacks import NotEvaluable
from strongroom.audit import Finding, Severity, Status, audit_model
from strongroom.audit._findings import _paired_gap
from strongroom.config import AuditSpec, ColumnSpec, Limit, PrivacySpec, TrainSpec
from strongroom.data import Dataset, Role
from strongroom.errors import ConfigError
from strongroom.models import TableModel
from strongroom.privacy import CanaryObservation, PrivacyStatement, Relation, Unit
from strongroom.train import train_model
from strongroom.vault import pack_bundle
from strongroom.vault.inspection import Inspection, inspect_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.audit import Audit
    from strongroom.train import TrainResult

ROWS = 1_000
SMALL = AuditSpec(attacks="quick", shadows=8)
SPEC = TrainSpec(epochs=20, batch_size="full", optimizer="sgd", learning_rate=2.0, seed=1)
COLUMNS = {
    "age": ColumnSpec(range=(0, 100)),
    "colour": ColumnSpec(categories=("red", "green", "blue")),
    "sick": ColumnSpec(categories=("no", "yes")),
}
NAMES = [f"noise{i}" for i in range(30)]


def people(seed: int, count: int = ROWS, spread: float = 20.0) -> Dataset:
    """Return rows; with a large `spread` labels can only be remembered."""
    coins = np.random.default_rng(seed)
    age, colour = coins.integers(0, 100, count), coins.choice(["red", "green", "blue"], count)
    sick = (age + 30 * (colour == "red") + coins.normal(0, spread, count)) > 60
    table = pa.table(
        {
            "age": age,
            "colour": colour,
            **{name: coins.integers(0, 2, count).astype(str) for name in NAMES},
            "sick": np.where(sick, "yes", "no"),
        }
    )
    return Dataset(table, roles={"sick": Role.TARGET})


@dataclass(frozen=True)
class Trained:
    """A model with the rows that it saw and didn't see."""

    spec: TrainSpec
    result: TrainResult
    members: Dataset
    nonmembers: Dataset

    @property
    def model(self) -> TableModel:
        model = self.result.model
        assert isinstance(model, TableModel)
        return model

    def rows(self, data: Dataset) -> tuple[NDArray[np.float32], NDArray[np.integer[Any]]]:
        labels = (np.asarray(data.table.column("sick")) == "yes").astype(np.int64)
        return self.model.encoder.encode(data.table), labels

    def audit(self, **more: Any) -> Audit:  # noqa: ANN401 - audit_model's own
        given = {
            "subject": "a" * 64,
            "members": self.rows(self.members),
            "nonmembers": self.rows(self.nonmembers),
            "train_spec": self.spec,
            "metrics": self.result.metrics,
            "test_table": self.nonmembers.table,
            "spec": SMALL,
            **more,
        }
        return audit_model(self.model, **given)


def trained(spec: TrainSpec, count: int = ROWS, spread: float = 20.0) -> Trained:
    members, nonmembers = people(1, count, spread), people(2, 2 * count, spread)
    columns = {**COLUMNS, **{n: ColumnSpec(categories=("0", "1")) for n in NAMES}}
    result = train_model(members, spec, test=nonmembers, columns=columns, rows=count)
    return Trained(spec, result, members, nonmembers)


@pytest.fixture(scope="module")
def plain() -> Trained:
    return trained(SPEC)


@pytest.fixture(scope="module")
def private() -> Trained:
    guarantee = PrivacySpec(epsilon=2.0, delta=1e-5, canaries=200)
    return trained(SPEC.model_copy(update={"privacy": guarantee, "seed": None}))


def by(audit: Audit, metric: str, check: str | None = None) -> Finding:
    (found,) = (
        f for f in audit.findings if f.metric == metric and (check is None or f.check == check)
    )
    return found


def test_a_private_model_with_everything(private: Trained, plain: Trained) -> None:
    told: list[tuple[float, float]] = []

    class Listener:
        def step(self, done: float, total: float, note: str = "") -> None:
            assert note
            told.append((done, total))

    made = private.result
    content = pack_bundle(private.model.tensors(), private.model.meta(), card="")
    audit = private.audit(
        statement=made.privacy,
        canaries=made.canaries,
        inspection=inspect_bytes(content, "model"),
        baseline=plain.model,
        policy={"privacy.epsilon": Limit(max=2.5), "anonymize.k": Limit(min=5)},
        progress=Listener(),
    )
    assert audit.verdict.ok, audit.verdict.text
    epsilon = by(audit, "privacy.epsilon")
    assert epsilon.status is Status.PASS
    assert epsilon.value is not None
    assert 1.5 < epsilon.value <= 2.0
    bound = by(audit, "privacy.epsilon_lower_bound")
    assert bound.status is Status.PASS
    assert bound.value is not None
    assert bound.value <= epsilon.value
    assert bound.details["claim"] == epsilon.value
    for check in ("membership.lira", "membership.loss"):
        area = by(audit, "membership.auc", check)
        assert area.interval is not None
        assert area.value is not None
        assert area.interval.low < area.value < min(0.57, area.interval.high)
        assert area.queries == 3 * ROWS
        assert area.knowledge
    assert by(audit, "file.safe").value == 1.0
    assert by(audit, "utility.accuracy").value == made.metrics["test"]["accuracy"]
    gap = by(audit, "utility.accuracy_gap")
    wanted = plain.result.metrics["test"]["accuracy"] - made.metrics["test"]["accuracy"]
    assert gap.value == pytest.approx(wanted)
    contrast = by(audit, "baseline.membership.tpr_at_fpr_0.001")
    assert contrast.status is Status.PASS
    assert contrast.severity is Severity.INFO
    flips = by(audit, "evasion.success_rate")
    assert flips.details["rows"] == 100
    assert flips.value is not None
    assert list(audit.curves)[:2] == ["this model", "the same model without privacy"]
    assert all(len(c["fpr"]) == len(c["high"]) <= 300 for c in audit.curves.values())
    assert told[-1][0] == told[-1][1]
    assert all(a[0] <= b[0] for a, b in pairwise(told))
    document = json.loads(json.dumps(audit.to_json(), allow_nan=False))
    assert [Finding.from_json(f) for f in document["findings"]] == [
        Finding.from_json(json.loads(json.dumps(f.to_json()))) for f in audit.findings
    ]
    assert document["verdict"]["ok"]
    assert sum(document["summary"].values()) == len(audit.findings)
    assert "privacy.epsilon" in str(audit)


def test_a_model_that_remembers_fails() -> None:
    spec = TrainSpec(
        model="mlp", hidden=(64,), epochs=150, batch_size="full", optimizer="adam",
        learning_rate=0.03, average=False, seed=1,
    )  # fmt: skip
    made = trained(spec, count=200, spread=1e6)
    limits = {"privacy.epsilon": Limit(max=4), "membership.tpr_at_fpr_0.01": Limit(max=0.02)}
    audit = made.audit(policy=limits)
    assert not audit.verdict.ok
    for check in ("membership.lira", "membership.loss"):
        leak = by(audit, "membership.auc", check)
        assert leak.status is Status.FAIL
        assert leak.value is not None
        assert leak.value > 0.7
        assert leak.hint
        # Four non-members decide the rate: enough to doubt, not to convict.
        assert by(audit, "membership.tpr_at_fpr_0.01", check).status is Status.WARN
    epsilon = by(audit, "privacy.epsilon")
    assert epsilon.status is Status.NOT_EVALUABLE
    assert epsilon.reason == "the model was trained without differential privacy"
    assert "privacy.epsilon could not be judged" in audit.verdict.text


def test_too_few_strangers_leave_the_low_rate_open(plain: Trained) -> None:
    inputs, labels = plain.rows(plain.nonmembers)
    audit = plain.audit(
        nonmembers=(inputs[:900], labels[:900]), spec=AuditSpec(attacks=("membership.loss",))
    )
    low = by(audit, "membership.tpr_at_fpr_0.001")
    assert low.status is Status.NOT_EVALUABLE
    assert "at least 1,000 are needed" in low.reason
    assert by(audit, "membership.tpr_at_fpr_0.01").status is not Status.NOT_EVALUABLE


def test_nothing_to_measure_on_says_so(plain: Trained) -> None:
    inputs, labels = plain.rows(plain.nonmembers)
    audit = plain.audit(
        nonmembers=(inputs[:0], labels[:0]), metrics={}, baseline=plain.model, test_table=None
    )
    # What is read from the model and its own rows needs no strangers.
    needy = ("membership", "privacy", "stealing", "attribute", "evasion", "utility", "file")
    open_ = {f.metric for f in audit.findings if f.status is Status.NOT_EVALUABLE}
    assert {f.metric for f in audit.findings if f.metric.startswith(needy)} <= open_
    reasons = {f.metric: f.reason for f in audit.findings}
    assert "canaries" in audit.examined["left_out"]["privacy.one_run"]
    assert reasons["file.safe"] == "there was no file to inspect"
    assert "test table" in reasons["evasion.success_rate"]
    assert not audit.curves


def test_chosen_attacks_alone_are_run(plain: Trained) -> None:
    audit = plain.audit(spec=AuditSpec(attacks=("membership.loss",)), metrics=None)
    assert {f.check for f in audit.findings} == {
        "privacy.statement",
        "membership.loss",
        "utility.accuracy",
    }
    accuracy = by(audit, "utility.accuracy")
    assert accuracy.value == plain.result.metrics["test"]["accuracy"]
    assert 'attacks = ["membership.loss"], seed = 0' in accuracy.reproduce


def test_the_same_coins_find_the_same(plain: Trained) -> None:
    spec = AuditSpec(attacks=("membership.lira",), shadows=6, seed=9)
    first, second = plain.audit(spec=spec), plain.audit(spec=spec)
    assert [replace(f, seconds=0) for f in first.findings] == [
        replace(f, seconds=0) for f in second.findings
    ]


def test_unknown_attacks_and_metrics_are_refused(plain: Trained) -> None:
    with pytest.raises(ConfigError) as error:
        plain.audit(spec=AuditSpec(attacks=("membership.lora",)))
    assert error.value.hint == 'did you mean "membership.lira"?'
    spec = AuditSpec(attacks=("membership.loss",))
    with pytest.raises(ConfigError, match="unknown metric"):
        plain.audit(spec=spec, policy={"membership.auk": Limit(max=1)})


def statement(*, private: bool = True) -> PrivacyStatement:
    return PrivacyStatement(
        unit=Unit.EXAMPLE, relation=next(iter(Relation)), epsilon=1.0, delta=1e-5, accountant="",
        sampling="", sampling_rate=1.0, noise_multiplier=1.0, clip_norm=1.0, steps=20,
        noise_source="", events=(), private=private,
    )  # fmt: skip


def only(metric: str, plain: Trained, **more: Any) -> Finding:  # noqa: ANN401 - audit_model's own
    names: Mapping[str, str] = {"privacy.epsilon_lower_bound": "privacy.one_run"}
    attacks = (names.get(metric, "file.inspection"),)
    return by(plain.audit(spec=AuditSpec(attacks=attacks), **more), metric)


def test_canaries_that_refute_the_claim_are_critical(plain: Trained) -> None:
    included = np.random.default_rng(0).random(500) < 0.5
    seen = CanaryObservation(included + np.arange(500) * 1e-9, included, 1.0, 1e-5)
    for stated in (statement(), None):
        bound = only(
            "privacy.epsilon_lower_bound", plain, canaries=seen, statement=stated,
            policy={"privacy.epsilon_lower_bound": Limit(max=100)},
        )  # fmt: skip
        assert bound.status is Status.FAIL
        assert bound.severity is Severity.CRITICAL
        assert bound.value is not None
        assert bound.value > 3
        assert "refutes the claimed ε = 1" in bound.reason


def test_known_coins_prove_nothing(plain: Trained) -> None:
    found = only("privacy.epsilon", plain, statement=statement(private=False))
    assert found.status is Status.NOT_EVALUABLE
    assert "coins are known" in found.reason


@pytest.mark.parametrize("verdict", ["unsafe", "unknown"])
def test_a_file_that_is_not_proved_safe_fails(plain: Trained, verdict: str) -> None:
    seen: Any = Inspection("model.pkl", "pickle", verdict, ("calls os.system",))  # type: ignore[arg-type]  # its text is enough
    found = only("file.safe", plain, inspection=seen)
    assert found.status is Status.FAIL
    assert found.severity is Severity.CRITICAL
    assert found.details["reasons"] == ["calls os.system"]


def test_a_strangers_attack_gets_its_finding(
    plain: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stranger:
        name = "property.size"

        def run(self, situation: object) -> NotEvaluable:
            del situation
            return NotEvaluable("nobody asked")

    monkeypatch.setattr("strongroom.audit._presets.attack_names", lambda: ("property.size",))
    monkeypatch.setattr("strongroom.audit._attacking.load_attack", lambda _: Stranger())
    audit = plain.audit(spec=AuditSpec(attacks=("property.size",)))
    assert by(audit, "property.size").reason == "nobody asked"


def test_the_price_of_privacy_has_a_paired_interval() -> None:
    value, interval = _paired_gap(30, 10, 1_000)
    assert value == 0.02
    # By hand: centre 20 / 1002, deviation sqrt(41 - 400 / 1002) / 1002.
    assert interval.low == pytest.approx(20 / 1_002 - 1.959964 * 6.371909 / 1_002, abs=1e-6)
    assert interval.high == pytest.approx(20 / 1_002 + 1.959964 * 6.371909 / 1_002, abs=1e-6)
