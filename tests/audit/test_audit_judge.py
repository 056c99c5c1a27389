"""If this fails, `check` lets a leaking model pass, or a policy line that nothing measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit import (
    METRICS,
    Change,
    Direction,
    Finding,
    Interval,
    Severity,
    Status,
    comparison,
    hold,
    judge,
    summary,
)
from strongroom.config import Limit
from strongroom.errors import ConfigError

TPR = "membership.tpr_at_fpr_0.001"


def finding(
    metric: str = TPR,
    value: float | None = 0.004,
    interval: tuple[float, float] | None = (0.002, 0.006),
    check: str = "membership.lira",
) -> Finding:
    return Finding(
        check=check,
        metric=metric,
        title="title",
        subject="0" * 64,
        status=Status.PASS if value is not None else Status.NOT_EVALUABLE,
        value=value,
        interval=Interval(*interval) if interval else None,
        reason="" if value is not None else "too few rows",
    )


@pytest.mark.parametrize(
    ("interval", "limit", "status"),
    [
        ((0.002, 0.006), Limit(max=0.007), Status.PASS),
        ((0.002, 0.006), Limit(max=0.006), Status.PASS),
        ((0.002, 0.006), Limit(max=0.005), Status.WARN),
        ((0.002, 0.006), Limit(max=0.003), Status.WARN),
        ((0.002, 0.006), Limit(max=0.001), Status.FAIL),
        ((0.002, 0.006), Limit(min=0.001), Status.PASS),
        ((0.002, 0.006), Limit(min=0.005), Status.WARN),
        ((0.002, 0.006), Limit(min=0.007), Status.FAIL),
        ((0.002, 0.006), Limit(min=0.001, max=0.005), Status.WARN),
        (None, Limit(max=0.004), Status.PASS),
        (None, Limit(max=0.0039), Status.FAIL),
        (None, Limit(min=0.0041), Status.FAIL),
    ],
)
def test_status(interval: tuple[float, float] | None, limit: Limit, status: Status) -> None:
    held = hold(finding(interval=interval), {TPR: limit})
    assert held.status is status
    assert held.threshold is not None
    assert held.threshold.source == "policy"
    assert bool(held.hint) == (status is not Status.PASS)
    assert held.reason


@given(st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 1), st.floats(0, 1))
def test_a_stricter_limit_never_helps(
    value: float, below: float, above: float, limit: float, other: float
) -> None:
    order = [Status.PASS, Status.WARN, Status.FAIL]
    found = finding(value=value, interval=(value - below, value + above))
    strict, lax = sorted((limit, other))
    tight = hold(found, {TPR: Limit(max=strict)}).status
    loose = hold(found, {TPR: Limit(max=lax)}).status
    assert order.index(tight) >= order.index(loose)


def test_judging_again_with_another_policy_forgets_the_first() -> None:
    failed = hold(finding(), {TPR: Limit(max=0.001)})
    assert failed.status is Status.FAIL
    assert hold(failed, {TPR: Limit(max=0.1)}) == hold(finding(), {TPR: Limit(max=0.1)})


def test_without_a_policy_the_defaults_hold() -> None:
    leak = finding(value=0.3, interval=(0.25, 0.35))
    verdict = judge([leak], {})
    assert not verdict.ok
    assert verdict.failing[0].threshold is not None
    assert verdict.failing[0].threshold.source == "default"
    assert verdict.text.startswith("Not within the default limits: membership.tpr")
    assert judge([finding()], {}).text == "Within the default limits."
    free = judge([finding("evasion.success_rate", 1.0, (0.99, 1.0))], {})
    assert free.ok
    assert free.findings[0].reason == "no limit is set"


def test_a_metric_that_nothing_measured_fails_the_policy() -> None:
    verdict = judge([finding()], {"privacy.epsilon": Limit(max=4), TPR: Limit(max=0.01)})
    assert not verdict.ok
    assert verdict.unanswered == ("privacy.epsilon",)
    assert verdict.findings[-1].status is Status.NOT_EVALUABLE
    assert "privacy.epsilon could not be judged" in verdict.text
    assert verdict.reasons == ("privacy.epsilon: the policy limits it and nothing measured it",)


def test_a_metric_that_could_not_be_measured_fails_the_policy_too() -> None:
    verdict = judge([finding(value=None, interval=None)], {TPR: Limit(max=0.01)})
    assert not verdict.ok
    assert len(verdict.findings) == 1
    assert verdict.reasons == (f"{TPR}: too few rows",)
    assert judge([finding(value=None, interval=None)], {}).ok


def test_the_stronger_of_two_attacks_counts() -> None:
    weak, strong = finding(check="membership.loss"), finding(value=0.2, interval=(0.1, 0.3))
    verdict = judge([weak, strong], {TPR: Limit(max=0.01)})
    assert [f.check for f in verdict.failing] == ["membership.lira"]
    assert not verdict.ok


def test_a_metric_is_named_once_by_its_worst() -> None:
    several = [finding(check=f"membership.{i}", value=v, interval=None)
               for i, v in enumerate((0.2, 0.5, 0.3))]  # fmt: skip
    text = judge(several, {TPR: Limit(max=0.1)}).text
    assert text.count(TPR) == 1
    assert "0.5 is above" in text


def test_a_warning_does_not_fail() -> None:
    verdict = judge([finding()], {TPR: Limit(max=0.005)})
    assert verdict.ok
    assert verdict.text == "Within policy."
    assert [f.metric for f in verdict.warning] == [TPR]
    assert verdict.to_json()["warning"] == [TPR]
    assert verdict.to_json()["summary"] == {"pass": 0, "warn": 1, "fail": 0, "not_evaluable": 0}


def bound(value: float, claim: float) -> Finding:
    found = finding("privacy.epsilon_lower_bound", value, None)
    return replace(found, details={"claim": claim}, severity=Severity.CRITICAL)


@pytest.mark.parametrize("policy", [{}, {"privacy.epsilon_lower_bound": Limit(max=10)}])
def test_a_refuted_claim_fails_whatever_the_policy(policy: dict[str, Limit]) -> None:
    verdict = judge([bound(3.5, 3.0)], policy)
    assert not verdict.ok
    assert verdict.failing[0].severity is Severity.CRITICAL
    assert "refutes the claimed ε = 3" in verdict.failing[0].reason


def test_a_bound_below_its_claim_is_held_against_the_policy() -> None:
    assert judge([bound(1.7, 3.0)], {}).ok
    assert not judge([bound(1.7, 3.0)], {"privacy.epsilon_lower_bound": Limit(max=1.0)}).ok


def test_an_unknown_metric_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as error:
        judge([], {"membership.tpr_at_fpr_0.01x": Limit(max=1)})
    assert error.value.hint == 'did you mean "membership.tpr_at_fpr_0.01"?'
    with pytest.raises(ConfigError, match="unknown metric"):
        judge([], {"zzz": Limit(max=1)})


def test_a_strangers_metric_may_be_limited() -> None:
    verdict = judge([finding("property.size", 3.0, None)], {"property.size": Limit(max=2)})
    assert verdict.failing[0].status is Status.FAIL


def test_findings_survive_json() -> None:
    for held in judge([finding(), bound(1, 3)], {"utility.accuracy": Limit(min=0.5)}).findings:
        assert Finding.from_json(held.to_json()) == held
    assert summary([finding()])["pass"] == 1


def test_every_metric_explains_itself() -> None:
    for metric in METRICS.values():
        assert metric.title[0].isupper()
        assert metric.standards
        assert metric.hint


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        ((0.1, (0.08, 0.12)), (0.11, (0.09, 0.13)), Direction.SAME),
        ((0.1, (0.08, 0.12)), (0.2, (0.18, 0.22)), Direction.WORSE),
        ((0.2, (0.18, 0.22)), (0.1, (0.08, 0.12)), Direction.BETTER),
        ((0.2, None), (0.2, None), Direction.SAME),
        ((0.2, None), (0.3, None), Direction.WORSE),
        (None, (0.3, None), Direction.NEW),
        ((0.3, None), None, Direction.GONE),
    ],
)
def test_since_last_time(
    before: tuple[float, tuple[float, float] | None] | None,
    after: tuple[float, tuple[float, float] | None] | None,
    direction: Direction,
) -> None:
    then = [finding(value=before[0], interval=before[1])] if before else []
    now = [finding(value=after[0], interval=after[1])] if after else []
    (change,) = comparison(then, now)
    assert change == Change(
        "membership.lira",
        TPR,
        before[0] if before else None,
        after[0] if after else None,
        direction,
    )


def test_up_is_better_where_more_is_good_and_nothing_where_nobody_knows() -> None:
    def way(metric: str) -> Direction:
        (change,) = comparison([finding(metric, 1.0, None)], [finding(metric, 2.0, None)])
        return change.direction

    assert way("anonymize.k") is Direction.BETTER
    assert way("anonymize.risk_max") is Direction.WORSE
    assert way("property.size") is Direction.CHANGED
