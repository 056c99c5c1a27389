"""A made-up audit of a model that somebody else made; none of it measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from strongroom.attacks import RocResult, judge_scores
from strongroom.audit.metrics import METRICS, severity_of, title_of
from strongroom.report import ReportData

SHARED = {"subject": "ab" * 32, "standards": ["MITRE ATLAS AML.T0024.000"]}


def finding(
    metric: str,
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    status: str = "pass",
    **rest: Any,  # noqa: ANN401 - JSON
) -> dict[str, Any]:
    """Return a finding's document; its limit is the metric's own."""
    limit = METRICS[metric].limit if metric in METRICS else None
    interval = {"low": low, "high": high, "confidence": 0.95, "method": ""}
    return {
        "check": f"{metric.partition('.')[0]}.made_up",
        "metric": metric,
        "title": title_of(metric),
        "value": value,
        "interval": None if low is None else interval,
        "threshold": {"min": limit.min, "max": limit.max, "source": "default"} if limit else None,
        "status": status,
        "severity": severity_of(metric).value,
        "reason": "",
        "knowledge": "probabilities for any record",
        "queries": 9_964,
        "seconds": 2.5,
        "reproduce": "strongroom audit model.onnx",
        "hint": "" if status == "pass" else "let it remember less",
        "details": {},
        **SHARED,
        **rest,
    }


def findings() -> list[dict[str, Any]]:
    """Return what several rooms found, good and bad."""
    combined = {"check": "membership.combined"}
    return [
        finding("membership.tpr_at_fpr_0.001", 0.0214, 0.0161, 0.027, "fail", **combined),
        finding("membership.auc", 0.6127, 0.598, 0.62, "warn", **combined),
        finding("membership.auc", 0.571, 0.56, 0.582, check="membership.loss"),
        finding("attribute.advantage", 0.031, 0.011, 0.052, "warn"),
        finding("attribute.value_advantage", 0.246, 0.13, 0.37, "fail"),
        finding("privacy.epsilon_lower_bound", 0.6, check="privacy.one_run"),
        finding("evasion.success_rate", None, status="not_evaluable", reason="there is no encoder"),
        finding("strange.share", 0.4, 0.3, 0.5, check="strange.attack", title="a stranger’s share"),
        finding("utility.accuracy", 0.828, 0.811, 0.844, check="utility.accuracy"),
    ]


def scored() -> RocResult:
    """Return a result whose histograms are real, of made-up scores."""
    coins = np.random.default_rng(0)
    result = judge_scores(coins.normal(0.5, 1.3, 5_000), coins.normal(0, 1, 5_000))
    assert isinstance(result, RocResult)
    return result


def make_audit(**changes: Any) -> ReportData:  # noqa: ANN401 - any field of the document
    """Return a stand-alone audit, with `changes` to its document."""
    result = scored()
    rows = [
        {"row": 957 * i % 5_000, "score": 5.4 - 0.2 * i, "fpr": 0.0, "fpr_high": 0.0006,
         "subject": None}
        for i in range(1, 11)
    ]  # fmt: skip
    names = ("this model", "this model, by rmia", "this model, by lira", "without shadow models")
    document = {
        "findings": findings(),
        "curves": dict.fromkeys(names, result.curve()),
        "exposed": [{"check": "membership.combined", "rows": rows, "scores": result.scores}],
        "examined": {
            "name": "model.onnx", "kind": "table", "format": "onnx", "subject": "ab" * 32,
            "classes": 2, "members": 5_000, "nonmembers": 4_964, "preset": "standard", "seed": 0,
            "references": "64 models, stand-ins for the target’s recipe",
        },
        "notes": ["36 of 5,000 non-members stand among the members too: they were left out"],
        "seconds": 31.2,
        "verdict": {"ok": False, "reasons": []},
        **changes,
    }  # fmt: skip
    before = finding(
        "membership.tpr_at_fpr_0.001", 0.003, 0.002, 0.004, check="membership.combined"
    )
    return ReportData(
        project="model.onnx",
        generated="2026-11-24T18:00:00+00:00",
        version="0.1.0",
        audit=document,
        verdict=document["verdict"],
        previous=(before,),
        page="audit",
    )
