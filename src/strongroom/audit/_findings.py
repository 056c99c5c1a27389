"""From results to findings: what was measured, in words, with everything needed to repeat it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks import (
    EpsilonEstimate,
    EvasionResult,
    Measured,
    NotEvaluable,
    OneRunBound,
    RocResult,
)
from strongroom.audit._finding import Finding, Interval, Severity, Status
from strongroom.audit._judge import CLAIM
from strongroom.audit.metrics import severity_of, standards_of, title_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.attacks import Result, Rows
    from strongroom.models import Model
    from strongroom.privacy import PrivacyStatement
    from strongroom.vault import Inspection

_BAND = "Clopper-Pearson at order-statistic thresholds"
_ROC_METRICS = {0.001: "tpr_at_fpr_0.001", 0.01: "tpr_at_fpr_0.01"}


BASELINE_METRIC = "baseline.membership.tpr_at_fpr_0.001"


@dataclass(frozen=True)
class Context:
    """What all findings of one audit share."""

    subject: str
    reproduce: str

    def finding(self, check: str, metric: str, **more: Any) -> Finding:  # noqa: ANN401 - Finding's
        """Make a finding; its status is open until it is judged."""
        return Finding(
            check=check,
            metric=metric,
            title=more.pop("title", title_of(metric)),
            subject=self.subject,
            status=Status.PASS if more.get("value") is not None else Status.NOT_EVALUABLE,
            severity=more.pop("severity", severity_of(metric)),
            standards=standards_of(metric),
            reproduce=self.reproduce,
            **more,
        )


def of_result(
    context: Context,
    name: str,
    result: Result,
    seconds: float,
    statement: PrivacyStatement | None,
    metrics: Sequence[str] = (),
) -> list[Finding]:
    """Return the findings of one attack.

    Args:
        context: what all findings share.
        name: of the attack; its first word is its room.
        result: what it gave.
        seconds: how long it took.
        statement: what is proved of the target.
        metrics: the ids that the attack says it measures: what isn't evaluable is named by them.
    """
    family = name.split(".", maxsplit=1)[0]
    if isinstance(result, NotEvaluable):
        return [
            context.finding(name, metric, reason=result.reason, seconds=seconds)
            for metric in metrics or (name,)
        ]
    if isinstance(result, RocResult):
        found = _of_roc(context, name, family, result)
        if result.persons is not None:
            found += _of_roc(context, name, f"{family}.person", result.persons)
    elif isinstance(result, OneRunBound):
        found = [_of_bound(context, name, family, result, statement)]
    elif isinstance(result, EpsilonEstimate):
        found = [_of_estimate(context, name, family, result, statement)]
    elif isinstance(result, EvasionResult):
        found = [_of_evasion(context, name, family, result)]
    else:
        found = _of_measured(context, name, result)
    return [replace(f, seconds=seconds, knowledge=result.knowledge) for f in found]


def _of_measured(context: Context, name: str, result: Measured) -> list[Finding]:
    return [
        context.finding(
            name,
            v.metric,
            value=v.value,
            interval=None
            if v.low is None or v.high is None
            else Interval(v.low, v.high, method=v.method),
            queries=result.queries,
            details={
                **result.details,
                **v.details,
                **({} if v.claim is None else {CLAIM: v.claim}),
            },
        )
        for v in result.values
    ]


def _of_roc(context: Context, name: str, family: str, result: RocResult) -> list[Finding]:
    facts = {
        "members": result.members,
        "nonmembers": result.nonmembers,
        "shadows": result.shadows,
        **result.details,
    }
    found = [
        context.finding(
            name,
            f"{family}.auc",
            value=result.auc,
            interval=Interval(result.auc_low, result.auc_high, method="DeLong"),
            queries=result.queries,
            details=facts,
        )
    ]
    for rate, metric in _ROC_METRICS.items():
        at = result.tpr_at.get(rate)
        if at is None:
            reason = (
                f"{result.nonmembers:,} non-members cannot show a false-positive rate of {rate:g}; "
                f"at least {math.ceil(1 / rate):,} are needed"
            )
            found.append(context.finding(name, f"{family}.{metric}", reason=reason, details=facts))
            continue
        given = {"low": at.low_given, "high": at.high_given, "method": "Clopper-Pearson"}
        found.append(
            context.finding(
                name,
                f"{family}.{metric}",
                value=at.tpr,
                interval=Interval(at.low, at.high, method=_BAND),
                queries=result.queries,
                details={
                    **facts,
                    "false_positives": at.false_positives,
                    "interval_given_threshold": given,
                    "note": (
                        f"the threshold rests on {at.false_positives} of "
                        f"{result.nonmembers:,} non-members; chance reaches {rate:g}"
                    ),
                },
            )
        )
    return found


def _of_bound(
    context: Context,
    name: str,
    family: str,
    result: OneRunBound,
    statement: PrivacyStatement | None,
) -> Finding:
    return context.finding(
        name,
        f"{family}.epsilon_lower_bound",
        value=result.epsilon_lower,
        details={
            "kind": "certified: holds whatever the mechanism",
            "delta": result.delta,
            "confidence": result.confidence,
            "canaries": result.canaries,
            "guesses": result.guesses,
            "correct": result.correct,
            **_against_claim(result, statement),
        },
    )


def _of_estimate(
    context: Context,
    name: str,
    family: str,
    result: EpsilonEstimate,
    statement: PrivacyStatement | None,
) -> Finding:
    return context.finding(
        name,
        f"{family}.epsilon_estimate",
        value=result.epsilon_low,
        details={
            "kind": f"estimate: takes for granted {result.family}",
            "likely": result.epsilon_likely,
            "delta": result.delta,
            "confidence": result.confidence,
            "canaries": result.canaries,
            "auc": result.area,
            **_against_claim(result, statement),
        },
    )


def _against_claim(
    result: OneRunBound | EpsilonEstimate, statement: PrivacyStatement | None
) -> dict[str, Any]:
    claim = statement.epsilon if statement else result.claimed
    facts: dict[str, Any] = {} if claim is None else {CLAIM: claim}
    if result.reachable is not None and claim is not None:
        facts["reachable"] = result.reachable
        facts["note"] = (
            f"a training that leaks all of the claimed ε = {claim:.3g} would show about "
            f"{result.reachable:.3g} with {result.canaries:,} canaries: more canaries show more"
        )
    return facts


def _of_evasion(context: Context, name: str, family: str, result: EvasionResult) -> Finding:
    return context.finding(
        name,
        f"{family}.success_rate",
        value=result.rate,
        interval=Interval(result.low, result.high),
        queries=result.queries,
        details={
            **result.details,
            "rows": result.rows,
            "flipped": result.flipped,
            "by_changed_columns": [list(point) for point in result.curve],
            "columns": dict(result.columns),
        },
    )


def of_baseline(context: Context, result: Result, seconds: float) -> Finding:
    """Return what the same attack finds on the model without privacy: for contrast, not judged."""
    metric = BASELINE_METRIC
    title = (
        "For comparison, the same model trained without privacy: how often an attacker could tell "
        "that a person was in the training data, at one false alarm in 1,000"
    )
    at = result.tpr_at.get(0.001) if isinstance(result, RocResult) else None
    if not isinstance(result, RocResult) or at is None:
        reason = result.reason if isinstance(result, NotEvaluable) else "too few non-members"
        return context.finding(
            "membership.lira.baseline",
            metric,
            title=title,
            severity=Severity.INFO,
            reason=reason,
            seconds=seconds,
        )
    return context.finding(
        "membership.lira.baseline",
        metric,
        title=title,
        severity=Severity.INFO,
        value=at.tpr,
        interval=Interval(at.low, at.high, method=_BAND),
        queries=result.queries,
        seconds=seconds,
        knowledge=result.knowledge,
        details={"auc": [result.auc, result.auc_low, result.auc_high], "shadows": result.shadows},
    )


def of_statement(
    context: Context, statement: PrivacyStatement | None, *, ours: bool = True
) -> Finding:
    """Return what is proved about privacy; of a model that isn't `ours`, nobody may have told."""
    metric = "privacy.epsilon"
    if statement is None:
        reason = (
            "the model was trained without differential privacy"
            if ours
            else "nothing is claimed about the privacy of its training"
        )
        return context.finding("privacy.statement", metric, reason=reason)
    details = {
        "delta": statement.delta,
        "unit": str(statement.unit),
        "relation": str(statement.relation),
        "accountant": statement.accountant,
        "not_covered": list(statement.not_covered),
        "warnings": list(statement.warnings),
    }
    if not statement.private:
        return context.finding(
            "privacy.statement",
            metric,
            reason="the training's coins are known (a seed was given): it proves nothing",
            details={**details, "epsilon_if_coins_were_secret": statement.epsilon},
        )
    return context.finding("privacy.statement", metric, value=statement.epsilon, details=details)


def of_inspection(context: Context, inspection: Inspection | None) -> Finding:
    """Return whether the model file is safe to open."""
    if inspection is None:
        return context.finding(
            "file.inspection", "file.safe", reason="there was no file to inspect"
        )
    return context.finding(
        "file.inspection",
        "file.safe",
        value=1.0 if str(inspection.verdict) == "safe" else 0.0,
        details={
            "format": inspection.format,
            "verdict": str(inspection.verdict),
            "reasons": list(inspection.reasons),
        },
    )


def of_utility(
    context: Context,
    target: Model,
    baseline: Model | None,
    nonmembers: Rows,
    metrics: Mapping[str, Any],
) -> list[Finding]:
    """Return accuracy on unseen rows, and what privacy cost of it."""
    from strongroom.models import metrics as measure

    if len(nonmembers) == 0:
        return [context.finding("utility", "utility.accuracy", reason="there are no unseen rows")]
    if nonmembers.labels.ndim > 1:
        return _of_sequences(context, target, baseline, nonmembers, metrics)
    probabilities = target.predict_proba(nonmembers.inputs)
    test = metrics.get("test") or measure(probabilities, nonmembers.labels)
    low, high = test["accuracy_interval"]
    train = metrics.get("train")
    found = [
        context.finding(
            "utility.accuracy",
            "utility.accuracy",
            value=test["accuracy"],
            interval=Interval(low, high, method="Wilson"),
            details={"train_accuracy": train["accuracy"]} if train else {},
        )
    ]
    if baseline is not None:
        right = probabilities.argmax(axis=1) == nonmembers.labels
        right_open = baseline.predict_proba(nonmembers.inputs).argmax(axis=1) == nonmembers.labels
        value, interval = _paired_gap(
            int((right_open & ~right).sum()), int((right & ~right_open).sum()), len(right)
        )
        found.append(
            context.finding(
                "utility.accuracy_gap",
                "utility.accuracy_gap",
                value=value,
                interval=interval,
                details={"accuracy_without_privacy": float(np.mean(right_open))},
            )
        )
    return found


def _of_sequences(
    context: Context,
    target: Any,  # noqa: ANN401 - a model that measures itself
    baseline: Any,  # noqa: ANN401 - the same
    nonmembers: Rows,
    metrics: Mapping[str, Any],
) -> list[Finding]:
    """Return the same of a model of sequences, whose accuracy is of the next token."""
    test = metrics.get("test") or target.measure(nonmembers.inputs, nonmembers.labels)
    low, high = test["accuracy_interval"]
    told = {key: test[key] for key in ("perplexity", "bits_per_byte")}
    found = [
        context.finding(
            "utility.accuracy",
            "utility.accuracy",
            value=test["accuracy"],
            interval=Interval(low, high, method="over sequences"),
            details={"of": "the next token", **told},
        )
    ]
    if baseline is not None:
        free = baseline.measure(nonmembers.inputs, nonmembers.labels)
        found.append(
            context.finding(
                "utility.accuracy_gap",
                "utility.accuracy_gap",
                value=free["accuracy"] - test["accuracy"],
                details={
                    "accuracy_without_privacy": free["accuracy"],
                    "perplexity_without_privacy": free["perplexity"],
                },
            )
        )
    return found


def _paired_gap(lost: int, won: int, rows: int) -> tuple[float, Interval]:
    """Return the paired difference of two shares and its interval (Agresti and Min 2005)."""
    a, b, n = lost + 0.5, won + 0.5, rows + 2
    centre = (a - b) / n
    reach = 1.959963984540054 * math.sqrt(a + b - (a - b) ** 2 / n) / n
    return (lost - won) / rows, Interval(
        max(-1.0, centre - reach), min(1.0, centre + reach), method="Agresti-Min"
    )
