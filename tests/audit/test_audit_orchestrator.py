"""If this fails, one attack's trouble ends an audit, or an interrupted audit begins anew."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from strongroom.attacks import Measured, NotEvaluable, Rows, judge_scores
from strongroom.attacks._results import Exposed, RocResult, Value
from strongroom.audit import Findings, Severity, Status, audit_model
from strongroom.audit._finding import Finding, badness
from strongroom.audit._presets import PRESETS, chosen
from strongroom.config import AuditSpec, Limit
from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from strongroom.attacks import Situation
    from strongroom.attacks._results import Result
    from strongroom.audit import Audit

ROWS = 300


class Coin:
    """A model that says the same of every row."""

    classes = ("no", "yes")

    def predict_proba(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.full((len(batch), 2), 0.5, np.float32)


@dataclass
class Scripted:
    """An attack that does as it is told, and counts how often it was asked."""

    name: str
    do: Callable[[Situation], Result]
    calls: int = 0
    metrics: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("table", "image", "text", "language")
    presets: tuple[str, ...] = ("quick", "standard", "full")

    def run(self, situation: Situation) -> Result:
        self.calls += 1
        return self.do(situation)


def rows(seed: int) -> Rows:
    coins = np.random.default_rng(seed)
    return Rows(coins.normal(size=(ROWS, 3)).astype(np.float32), coins.integers(0, 2, ROWS))


@dataclass
class Bench:
    """Audits of a coin by scripted attacks."""

    attacks: dict[str, Scripted] = field(default_factory=dict)

    def audit(self, **more: Any) -> Audit:  # noqa: ANN401 - audit_model's own
        spec = AuditSpec(attacks=tuple(self.attacks))
        given: dict[str, Any] = {"members": rows(1), "nonmembers": rows(2), "spec": spec, **more}
        return audit_model(Coin(), subject="c" * 64, **given)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    def make(*attacks: Scripted) -> Bench:
        named = {a.name: a for a in attacks}
        monkeypatch.setattr("strongroom.audit._presets.attack_names", lambda: tuple(named))
        monkeypatch.setattr("strongroom.audit._presets.load_attack", named.__getitem__)
        monkeypatch.setattr("strongroom.audit._attacking.load_attack", named.__getitem__)
        return Bench(named)

    return make


def found(metric: str, value: float, **more: Any) -> Callable[[Situation], Result]:  # noqa: ANN401
    return lambda _: Measured((Value(metric, value, **more),), queries=5, knowledge="nothing")


def raising(error: BaseException) -> Callable[[Situation], Result]:
    def do(_: Situation) -> Result:
        raise error

    return do


def scored(_: Situation) -> RocResult:
    coins = np.random.default_rng(0)
    result = judge_scores(coins.normal(1, 1, ROWS), coins.normal(0, 1, ROWS))
    assert isinstance(result, RocResult)
    return replace(result, exposed=(Exposed(17, 4.2, 0.0, 0.01),))


def by(audit: Audit, metric: str) -> Finding:
    (one,) = (f for f in audit.findings if f.metric == metric)
    return one


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DataError("the endpoint gave up", where="http://x", hint="ask slower"),
         "the endpoint gave up (http://x); ask slower"),
        (MemoryError(), "memory was not enough"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
         "memory was not enough"),
    ],
)  # fmt: skip
def test_one_attacks_trouble_is_a_reason_and_the_audit_goes_on(
    bench: Callable[..., Bench], error: Exception, words: str
) -> None:
    audit = bench(
        Scripted("stealing.a", raising(error), metrics=("stealing.fidelity",)),
        Scripted("stealing.b", found("stealing.copy_accuracy", 0.5)),
    ).audit()
    lost = by(audit, "stealing.fidelity")
    assert lost.status is Status.NOT_EVALUABLE
    assert words in lost.reason
    assert by(audit, "stealing.copy_accuracy").value == 0.5


@pytest.mark.parametrize("error", [ZeroDivisionError(), RuntimeError("shapes differ")])
def test_our_own_mistake_is_not_hidden(bench: Callable[..., Bench], error: Exception) -> None:
    with pytest.raises(type(error)):
        bench(Scripted("stealing.a", raising(error))).audit()


def test_an_interrupted_audit_goes_on_where_it_was(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    first = Scripted("membership.loss", scored)
    second = Scripted("stealing.b", raising(KeyboardInterrupt()))
    both = bench(first, second)
    with pytest.raises(KeyboardInterrupt):
        both.audit(cache=tmp_path)
    assert (first.calls, second.calls) == (1, 1)
    second.do = found("stealing.fidelity", 0.9)
    resumed = both.audit(cache=tmp_path)
    assert (first.calls, second.calls) == (1, 2)
    whole = bench(replace(first), replace(second)).audit()
    assert [replace(f, seconds=0.0) for f in resumed.findings] == [
        replace(f, seconds=0.0) for f in whole.findings
    ]
    assert resumed.curves == whole.curves
    assert resumed.exposed == whole.exposed
    assert resumed.exposed[0]["rows"][0]["row"] == 17
    # It is done: nothing is kept, and the next audit attacks anew.
    assert not list(tmp_path.rglob("*.json"))
    bench(first, second).audit(cache=tmp_path)
    assert first.calls == 2


@pytest.mark.parametrize("change", ["rows", "seed", "subject", "damage"])
def test_what_belongs_to_another_audit_is_not_taken(
    bench: Callable[..., Bench], tmp_path: Path, change: str
) -> None:
    first = Scripted("membership.loss", scored)
    second = Scripted("stealing.b", raising(KeyboardInterrupt()))
    both = bench(first, second)
    with pytest.raises(KeyboardInterrupt):
        both.audit(cache=tmp_path)
    second.do = found("stealing.fidelity", 0.9)
    if change == "damage":
        (kept,) = tmp_path.rglob("membership.loss.json")
        kept.write_bytes(kept.read_bytes()[:-20])
    names = tuple(both.attacks)
    others: dict[str, dict[str, Any]] = {
        "rows": {"members": rows(3)},
        "seed": {"spec": AuditSpec(attacks=names, seed=5)},
    }
    if change == "subject":
        audit_model(
            Coin(), subject="d" * 64, members=rows(1), nonmembers=rows(2), cache=tmp_path,
            spec=AuditSpec(attacks=names),
        )  # fmt: skip
    else:
        both.audit(cache=tmp_path, **others.get(change, {}))
    assert first.calls == 2


def test_a_claim_that_is_refuted_fails_whatever_the_policy(bench: Callable[..., Bench]) -> None:
    audit = bench(
        Scripted("privacy.runs", found("privacy.epsilon_lower_bound", 2.5, claim=1.0))
    ).audit(policy={"privacy.epsilon_lower_bound": Limit(max=9.0)})
    bound = by(audit, "privacy.epsilon_lower_bound")
    assert bound.status is Status.FAIL
    assert bound.severity is Severity.CRITICAL
    assert not audit.verdict.ok


def test_presets_leave_out_what_does_not_concern_the_model(bench: Callable[..., Bench]) -> None:
    bench(
        Scripted("membership.a", scored),
        Scripted("extraction.b", scored, kinds=("language",)),
        Scripted("stealing.c", scored, presets=("full",)),
        Scripted("erasure.d", scored),
    )
    run = {
        p: chosen(AuditSpec.model_validate({"attacks": p}), "table", forgotten=False)
        for p in PRESETS
    }
    assert run["quick"] == run["standard"] == ("membership.a", "file.inspection")
    assert run["full"] == ("membership.a", "stealing.c", "file.inspection")
    assert "extraction.b" in chosen(AuditSpec(attacks="quick"), "language")
    assert "erasure.d" in chosen(AuditSpec(attacks="quick"), "table")
    # A list is taken as it is.
    assert chosen(AuditSpec(attacks=("extraction.b",)), "table") == ("extraction.b",)


def test_what_does_not_concern_a_model_is_left_out_unless_somebody_asked(
    bench: Callable[..., Bench],
) -> None:
    leaf = Scripted(
        "structure.leaves",
        lambda _: NotEvaluable("there is no tree", concerns=False),
        metrics=("structure.smallest_leaf",),
    )
    both = bench(Scripted("membership.loss", scored), leaf)
    by_preset = both.audit(spec=AuditSpec(attacks="quick"))
    assert not any(f.metric.startswith("structure") for f in by_preset.findings)
    assert by_preset.examined["left_out"] == {"structure.leaves": "there is no tree"}
    # Named, or limited by the policy, it says why it can't say anything.
    for audit in (
        both.audit(),
        both.audit(
            spec=AuditSpec(attacks="quick"), policy={"structure.smallest_leaf": Limit(min=5)}
        ),
    ):
        assert by(audit, "structure.smallest_leaf").reason == "there is no tree"


def test_a_room_that_takes_long_is_left_out_and_said(bench: Callable[..., Bench]) -> None:
    copy = Scripted(
        "stealing.copy", found("stealing.fidelity", 0.9), metrics=("stealing.fidelity",)
    )
    both = bench(Scripted("membership.loss", scored), copy)
    quick = AuditSpec(attacks="quick")
    fast = both.audit(spec=quick, without=("stealing",))
    assert copy.calls == 0
    assert "for its time" in fast.examined["left_out"]["stealing.copy"]
    both.audit(spec=quick, without=("stealing",), policy={"stealing.fidelity": Limit(max=0.5)})
    both.audit(without=("stealing",))
    assert copy.calls == 2


def test_the_most_thorough_preset_is_the_dearest() -> None:
    quick, standard, full = (PRESETS[name] for name in ("quick", "standard", "full"))
    for one, more in ((quick, standard), (standard, full)):
        assert one.shadows < more.shadows
        assert one.rows <= more.rows
        assert one.evasion_rows < more.evasion_rows


def test_findings_are_found_by_metric_and_by_room(bench: Callable[..., Bench]) -> None:
    audit = bench(
        Scripted("membership.loss", scored),
        Scripted("stealing.b", lambda _: NotEvaluable("nobody asked"), metrics=("stealing.exact",)),
    ).audit()
    assert isinstance(audit.findings, Findings)
    # The severest of those that fail.
    assert audit.findings["membership"].metric == "membership.tpr_at_fpr_0.01"
    assert audit.findings["membership.auc"].interval is not None
    assert audit.findings["stealing"].reason == "nobody asked"
    assert audit.findings[0] is next(iter(audit.findings))
    with pytest.raises(KeyError):
        audit.findings["attribute"]
    assert badness(audit.findings["membership"]) == min(
        badness(f) for f in audit.findings if f.metric.startswith("membership")
    )


def test_two_audits_are_compared(bench: Callable[..., Bench]) -> None:
    def with_fidelity(value: float) -> Audit:
        do = found("stealing.fidelity", value, low=value - 0.01, high=value + 0.01)
        return bench(Scripted("stealing.b", do)).audit()

    now = with_fidelity(0.9)
    for before, way in ((0.8, "worse"), (0.97, "better"), (0.895, "same within noise")):
        (change,) = (c for c in now.since(with_fidelity(before)) if c.metric == "stealing.fidelity")
        assert change.direction == way


def test_rows_in_both_files_and_repeated_rows_are_said() -> None:
    from strongroom.audit._given import Given, oddities

    inside, outside = rows(1), rows(2)
    assert oddities(Given(inside), Given(outside)) == []
    mixed = Given(outside.join(inside.take(np.arange(10))))
    (note,) = oddities(Given(inside), mixed)
    assert note.startswith("10 of 310 non-members equal a member")
    twice = Given(inside.join(inside.take(np.arange(4))))
    assert oddities(twice, Given(outside)) == ["4 of 304 members repeat another in every column"]
    # The same inputs with another label are another record.
    assert oddities(Given(inside), Given(Rows(inside.inputs, 1 - inside.labels))) == []
    # So are rows that a model reads alike, and people don't.
    named = [pa.table({"name": [f"{side}{i}" for i in range(ROWS)]}) for side in "ab"]
    assert oddities(Given(inside, named[0]), Given(inside, named[1])) == []
    with pytest.raises(DataError, match="stand among the members"):
        oddities(Given(inside), Given(inside))
    people = [Given(r, people=pa.array(["ann", "bob"])) for r in (inside, outside)]
    assert "2 people have rows" in oddities(*people)[0]
