"""Holding findings against limits: measuring is done once, judging whenever the policy changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from strongroom.audit._finding import Finding, Status, Threshold
from strongroom.audit.metrics import METRICS, severity_of, standards_of, title_of
from strongroom.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from strongroom.config import Limit

POLICY, DEFAULT, CLAIM = "policy", "default", "claim"


@dataclass(frozen=True)
class Verdict:
    """What all findings come to.

    Attributes:
        ok: nothing fails, and every metric of the policy was measured.
        failing: findings beyond their limit.
        warning: findings whose interval reaches over their limit.
        unanswered: metrics that the policy limits and nothing measured; they count as failing.
        findings: all findings, each held against today's limits.
        text: the verdict in a sentence or two.
    """

    ok: bool
    failing: tuple[Finding, ...]
    warning: tuple[Finding, ...]
    unanswered: tuple[str, ...]
    findings: tuple[Finding, ...]
    text: str

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it isn't ok, one line each."""
        missing = tuple(
            f"{f.metric}: {f.reason}"
            for f in self.findings
            if f.metric in self.unanswered and f.status is Status.NOT_EVALUABLE
        )
        return (*(f"{f.metric}: {f.reason}" for f in self.failing), *missing)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the findings themselves."""
        return {
            "ok": self.ok,
            "text": self.text,
            "reasons": list(self.reasons),
            "failing": [f.metric for f in self.failing],
            "warning": [f.metric for f in self.warning],
            "not_evaluable": list(self.unanswered),
            "summary": summary(self.findings),
        }


def summary(findings: Sequence[Finding]) -> dict[str, int]:
    """Count findings per status."""
    counts = Counter(f.status for f in findings)
    return {status.value: counts[status] for status in Status}


def judge(findings: Sequence[Finding], policy: Mapping[str, Limit]) -> Verdict:
    """Hold findings against a policy; what it limits and nothing measured counts as failing.

    Raises:
        ConfigError: the policy names a metric that doesn't exist.
    """
    measured = {f.metric for f in findings}
    refuse_unknown(policy, measured)
    held = [hold(f, policy) for f in findings]
    answered = {f.metric for f in held if f.status is not Status.NOT_EVALUABLE}
    unanswered = tuple(metric for metric in policy if metric not in answered)
    held += [_unmeasured(metric) for metric in unanswered if metric not in measured]
    failing = tuple(f for f in held if f.status is Status.FAIL)
    warning = tuple(f for f in held if f.status is Status.WARN)
    return Verdict(
        ok=not failing and not unanswered,
        failing=failing,
        warning=warning,
        unanswered=unanswered,
        findings=tuple(held),
        text=_text(failing, unanswered, with_policy=bool(policy)),
    )


def hold(finding: Finding, policy: Mapping[str, Limit]) -> Finding:
    """Return the finding with threshold, status, reason and hint for today's limits.

    It fails when the whole interval lies beyond the limit (or the value, where chance plays no
    part), and warns when the interval reaches over it. A refuted claim fails whatever the policy.
    """
    if finding.value is None:
        return replace(finding, status=Status.NOT_EVALUABLE)
    metric = METRICS.get(finding.metric)
    limit, source = policy.get(finding.metric), POLICY
    claimed = finding.details.get(CLAIM)
    if claimed is not None and (finding.value > claimed or limit is None):
        threshold = Threshold(max=claimed, source=CLAIM)
    else:
        if limit is None:
            limit, source = (metric.limit if metric else None), DEFAULT
        if limit is None:
            return replace(
                finding, status=Status.PASS, threshold=None, reason="no limit is set", hint=""
            )
        threshold = Threshold(limit.min, limit.max, source)
    status, reason = _against(finding, threshold)
    hint = finding.hint or (metric.hint if metric else "")
    return replace(
        finding,
        threshold=threshold,
        status=status,
        reason=reason,
        hint="" if status is Status.PASS else hint,
    )


def _against(finding: Finding, threshold: Threshold) -> tuple[Status, str]:
    value = finding.value
    assert value is not None  # noqa: S101 - hold has just looked
    low, high = (finding.interval.low, finding.interval.high) if finding.interval else (value,) * 2
    whose = {POLICY: "the policy's limit", DEFAULT: "the default limit", CLAIM: "the claimed ε"}
    name = whose.get(threshold.source, threshold.source)
    if threshold.source == CLAIM and threshold.max is not None and value > threshold.max:
        estimated = finding.metric.endswith("_estimate")
        what = "estimate" if estimated else "lower bound"
        verb = "contradicts" if estimated else "refutes"
        return Status.FAIL, f"the measured {what} {value:.3g} {verb} {name} = {threshold.max:.3g}"
    said = f"{value:.4g}" + (f" [{low:.4g}, {high:.4g}]" if finding.interval else "")
    over = threshold.max is not None and high > threshold.max
    under = threshold.min is not None and low < threshold.min
    if not over and not under:
        return Status.PASS, f"{said} is within {name}"
    bound, side = (threshold.max, "above") if over else (threshold.min, "below")
    beyond = (threshold.max is not None and low > threshold.max) or (
        threshold.min is not None and high < threshold.min
    )
    if beyond:
        return Status.FAIL, f"{said} is {side} {name} of {bound:.4g}"
    return Status.WARN, f"{said} may be {side} {name} of {bound:.4g}: the interval reaches over it"


def refuse_unknown(policy: Iterable[str], measured: Iterable[str]) -> None:
    """Check that every metric of a policy is one of ours or among those `measured`.

    Raises:
        ConfigError: it isn't; the hint names the nearest one.
    """
    known = sorted({*METRICS, *measured})
    for metric in policy:
        if metric not in known:
            raise ConfigError(
                f'unknown metric "{metric}" in [policy]',
                where="[policy]",
                hint=did_you_mean(metric, known) or f"known metrics: {', '.join(known)}",
            )


def _unmeasured(metric: str) -> Finding:
    return Finding(
        check="policy",
        metric=metric,
        title=title_of(metric),
        subject="",
        status=Status.NOT_EVALUABLE,
        severity=severity_of(metric),
        reason="the policy limits it and nothing measured it",
        standards=standards_of(metric),
        hint="let the audit measure it, or take the line out of [policy]",
    )


def _text(failing: Sequence[Finding], unanswered: Sequence[str], *, with_policy: bool) -> str:
    if not failing and not unanswered:
        return "Within policy." if with_policy else "Within the default limits."
    worst: dict[str, Finding] = {}
    for f in failing:
        known = worst.get(f.metric)
        if known is None or _worse(f, known):
            worst[f.metric] = f
    parts = [f"{f.metric} {f.reason}" for f in worst.values()]
    parts += [f"{metric} could not be judged" for metric in unanswered]
    what = "policy" if with_policy else "the default limits"
    return f"Not within {what}: {'; '.join(dict.fromkeys(parts))}."


def _worse(one: Finding, other: Finding) -> bool:
    """Tell whether one of two findings on the same metric is the worse."""
    metric = METRICS.get(one.metric)
    more = (one.value or 0.0) > (other.value or 0.0)
    return more if metric is None or metric.lower_is_better else not more
