"""A made-up run for the report's tests: plausible stage documents, none of them measured."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import pytest

from strongroom.report import ReportData

if TYPE_CHECKING:
    from collections.abc import Callable


def _digest(word: str) -> str:
    return hashlib.sha256(f"test sample {word}".encode()).hexdigest()


_COLUMNS = (
    # name, role, looks like, reason, entities, distinct, missing, action, coarser
    ("person_id", "direct_identifier", "identifier", "unique in every row", (), 32561, 0,
     "pseudonymised", None),
    ("full_name", "direct_identifier", "person name", "98 % look like names", (("PERSON", 0.98),),
     31902, 0, "dropped", None),
    ("email", "direct_identifier", "e-mail address", "validated, unique in 99.8 % of rows",
     (("EMAIL_ADDRESS", 1.0), ("DOMAIN_NAME", 0.31)), 32496, 12, "dropped", None),
    ("ssn", "direct_identifier", "US SSN", "valid areas and groups", (("US_SSN", 0.99),), 32561, 0,
     "dropped", None),
    ("phone", "direct_identifier", "phone number", "possible and valid numbers",
     (("PHONE_NUMBER", 0.87),), 28320, 4110, "dropped", None),
    ("notes", "sensitive", "free text", "holds personal data in 41 % of values",
     (("PERSON", 0.41), ("PHONE_NUMBER", 0.12), ("EMAIL_ADDRESS", 0.034), ("IP_ADDRESS", 0.004)),
     19233, 8730, "redacted", None),
    ("age", "quasi_identifier", "number", "singles out 6 % of rows", (), 73, 0,
     "generalised", 0.083),
    ("sex", "quasi_identifier", "category", "easily known", (), 2, 0, "generalised", 0.0),
    ("native_country", "quasi_identifier", "category", "public and easily known",
     (("LOCATION", 0.97),), 41, 583, "generalised", 0.214),
    ("education", "quasi_identifier", "category", "known to colleagues and neighbours", (), 16, 0,
     "generalised", 0.118),
    ("occupation", "sensitive", "category", "named in the configuration", (), 14, 43, "kept", None),
    ("hours_per_week", "feature", "number", "", (), 94, 0, "kept", None),
    ("income", "target", "2 classes", "named in the configuration", (), 2, 0, "kept", None),
)  # fmt: skip


def _files() -> list[dict[str, Any]]:
    columns = [
        {
            "name": name,
            "role": role,
            "looks_like": looks,
            "reason": reason,
            "free_text": looks == "free text",
            "distinct": distinct,
            "missing": missing,
            "entities": [{"entity": e, "share": s, "confidence": 0.9} for e, s in entities],
        }
        for name, role, looks, reason, entities, distinct, missing, _, _ in _COLUMNS
    ]
    entities = {"EMAIL_ADDRESS": 33614, "US_SSN": 32235, "PERSON": 41673, "PHONE_NUMBER": 31210}
    return [
        {"path": "data/sample.csv", "kind": "table", "rows": 32561, "columns": columns,
         "entities": entities}
    ]  # fmt: skip


def _risk(rows: int, k: int, histogram: list[list[int]], most: float, mean: float, above: float,
          uniques: int) -> dict[str, Any]:  # fmt: skip
    return {
        "rows": rows,
        "classes": sum(n // size for size, n in histogram),
        "k": k,
        "l": 1 if k == 1 else 2,
        "t": 0.61 if k == 1 else 0.33,
        "prosecutor": {"max": most, "mean": mean, "share_above": above},
        "journalist": {"max": most, "mean": mean, "share_above": above},
        "marketer": mean,
        "uniques": uniques,
        "suppressed": 0,
        "threshold": 0.2,
        "histogram": histogram,
        "unit": "rows",
        "population": "the data set itself",
        "reason": "",
    }


def _anonymize() -> dict[str, Any]:
    before = [[1, 7200], [2, 4300], [3, 2700], [4, 2200], [7, 4501], [14, 4320], [31, 3740],
              [64, 2100], [140, 1500]]  # fmt: skip
    after = [[5, 3110], [8, 6402], [15, 9870], [32, 8129], [70, 3520], [160, 1400]]
    return {
        "before": _risk(32561, 1, before, 1.0, 0.3127, 0.4531, 7200),
        "after": _risk(32431, 5, after, 0.2, 0.0714, 0.0, 0),
        "suppressed": 130,
        "generalization": {c[0]: c[8] for c in _COLUMNS if c[8] is not None},
        "loss": {"ncp": 0.1042, "discernibility": 812345, "classification": 0.1913},
        "redacted": {"PERSON": 9770, "PHONE_NUMBER": 2859, "EMAIL_ADDRESS": 810, "IP_ADDRESS": 95},
        "actions": {c[0]: c[7] for c in _COLUMNS},
        "seconds": 1.13,
    }


def _scores(accuracy: float, low: float, high: float, auc: float) -> dict[str, Any]:
    return {
        "accuracy": accuracy,
        "accuracy_interval": [low, high],
        "auc": auc,
        "auc_interval": [auc - 0.0046, auc + 0.0046],
        "log_loss": 0.3341,
        "rows": 16281,
    }


def _train() -> dict[str, Any]:
    return {
        "model": {"digest": _digest("model"), "hidden": [], "inputs": 176},
        "metrics": {"train": _scores(0.8531, 0.8492, 0.8569, 0.9071),
                    "test": _scores(0.8517, 0.8461, 0.8571, 0.9043)},
        "privacy": {
            "unit": "example",
            "relation": "add_or_remove_one",
            "epsilon": 2.9941,
            "delta": 1e-05,
            "accountant": "privacy-loss distributions (PLD)",
            "sampling": "Poisson",
            "sampling_rate": 0.03145,
            "noise_multiplier": 1.2137,
            "clip_norm": 1.0,
            "steps": 636,
            "noise_source": "operating system’s cryptographic generator",
            "events": [{"type": "poisson_sampled_gaussian", "steps": 636}],
            "covered": ["Removal of direct identifiers, row by row",
                        "Encoding by declared ranges, knots and categories",
                        "All 636 training steps and the averaged model"],
            "not_covered": ["The choice of hyper-parameters, made by looking at this data",
                            "The test accuracy printed in this report"],
            "warnings": [],
            "private": True,
        },
        "steps": 636,
        "seconds": 11.42,
        "comparison": {"metrics": {"test": _scores(0.8598, 0.8544, 0.8651, 0.9137)}},
        "majority": 0.7638,
    }  # fmt: skip


def _finding(metric: str, value: float | None, status: str = "pass", **rest: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {
        "check": rest.pop("check", metric),
        "metric": metric,
        "title": rest.pop("title"),
        "subject": _digest("model"),
        "value": value,
        "interval": None,
        "threshold": None,
        "status": status,
        "severity": "info",
        "reason": "",
        "standards": (),
        "knowledge": "",
        "queries": 0,
        "seconds": 0.0,
        "reproduce": "",
        "hint": "",
        "details": {},
        **rest,
    }


def _between(low: float, high: float, method: str = "Clopper-Pearson") -> dict[str, Any]:
    return {"low": low, "high": high, "confidence": 0.95, "method": method}


def _limit(low: float | None, high: float | None, source: str = "policy") -> dict[str, Any]:
    return {"min": low, "max": high, "source": source}


def _findings() -> list[dict[str, Any]]:
    told = "could tell whether a person was in the training data"
    knows = "The model’s answers, the training recipe, and other data like it (black box)."
    member = ["OWASP AISVS 11.3.1", "MITRE ATLAS AML.T0024.000", "NIST AI 100-2",
              "EDPB Opinion 28/2024", "GDPR Art. 32"]  # fmt: skip
    again = "strongroom audit model --preset standard --seed 0"
    shared: dict[str, Any] = {
        "check": "membership.lira", "knowledge": knows, "queries": 1302440, "seconds": 21.7,
        "standards": member, "reproduce": again, "severity": "high",
    }  # fmt: skip
    return [
        _finding("membership.tpr_at_fpr_0.001", 0.0034, "warn", title=told,
                 interval=_between(0.0019, 0.0055), threshold=_limit(None, 0.005),
                 reason="the interval reaches over the limit",
                 hint="lower [train.privacy] epsilon, or test on more rows to narrow the interval",
                 details={"shadows": 32, "members": 8140, "nonmembers": 8140}, **shared),
        _finding("membership.tpr_at_fpr_0.01", 0.0162, title=told,
                 interval=_between(0.0136, 0.0192), threshold=_limit(None, 0.03, "default"),
                 **shared),
        _finding("membership.auc", 0.5127, title="attacker’s skill over all thresholds",
                 interval=_between(0.5042, 0.5211, "DeLong"),
                 threshold=_limit(None, 0.55, "default"), **shared),
        _finding("privacy.epsilon", 2.9941, title="privacy loss proved",
                 threshold=_limit(None, 4.0), standards=["NIST SP 800-226"], severity="high"),
        _finding("privacy.epsilon_lower_bound", 1.71, check="privacy.one_run",
                 title="privacy loss measured by planted records",
                 interval=_between(1.71, 2.9941, "Steinke et al. 2023"),
                 threshold=_limit(None, 2.9941, "default"), severity="critical",
                 knowledge="Every step’s noisy gradient (white box).",
                 details={"canaries": 1000, "guesses": 220, "correct": 187}),
        _finding("evasion.success_rate", 0.1243, check="evasion.coordinate_search",
                 title="small changes to a record flip its prediction",
                 interval=_between(0.1103, 0.1394), threshold=_limit(None, 0.2, "default"),
                 knowledge="The model’s probabilities; may change two features.",
                 queries=412000, seconds=3.9, standards=["MITRE ATLAS AML.T0043"],
                 severity="medium"),
        _finding("file.safe", 1.0, check="file.inspection", title="the model file is safe to open",
                 threshold=_limit(1.0, None, "default"), severity="critical"),
        _finding("utility.accuracy", 0.8517, title="accuracy on unseen records",
                 interval=_between(0.8461, 0.8571, "Wilson"), threshold=_limit(0.8, None)),
        _finding("utility.accuracy_gap", 0.0081, title="accuracy given up for privacy"),
        _finding("anonymize.k", 5.0, check="anonymize.risk", title="rows that look alike",
                 threshold=_limit(5, None, "default"), severity="high"),
        _finding("anonymize.risk_max", 0.2, check="anonymize.risk",
                 title="highest re-identification risk", threshold=_limit(None, 0.2, "default"),
                 severity="high"),
        _finding("discover.residual_identifiers", None, "not_evaluable",
                 title="identifiers left in the anonymised data",
                 reason="the anonymised data holds no text column", severity="high"),
    ]  # fmt: skip


def _curve(skill: float) -> dict[str, list[float]]:
    fpr = [0.0, *(10 ** (-4 + 4 * i / 400) for i in range(401))]
    tpr = [min(1.0, f + skill * math.sqrt(f) * (1 - f)) for f in fpr]
    spread = [0.25 * t**0.5 * (1 - t) * 0.12 + 0.0006 for t in tpr]
    return {
        "fpr": fpr,
        "tpr": tpr,
        "low": [max(0.0, t - s) for t, s in zip(tpr, spread, strict=True)],
        "high": [min(1.0, t + s) for t, s in zip(tpr, spread, strict=True)],
    }


def _evidence() -> list[dict[str, Any]]:
    stages = ("discover", "anonymize", "seal", "train", "audit", "ledger")
    return [
        {"index": i, "stage": stage, "digest": _digest(stage),
         "created": f"2026-11-23T10:0{i}:11+00:00"}
        for i, stage in enumerate(stages)
    ]  # fmt: skip


def make_sample(**changes: Any) -> ReportData:  # noqa: ANN401 - any field
    """Return the made-up run, with `changes` to ReportData's fields."""
    previous = []
    for finding in _findings():
        value = finding["value"]
        if finding["metric"] != "membership.tpr_at_fpr_0.01" and value is not None:
            worse = {"membership.tpr_at_fpr_0.001": 0.0081, "privacy.epsilon": 3.98,
                     "utility.accuracy": 0.8832, "evasion.success_rate": 0.1102}  # fmt: skip
            moved = worse.get(finding["metric"], value)
            spread = finding["interval"] and _between(moved * 0.98, moved * 1.02)
            previous.append({**finding, "value": moved, "interval": spread})
    fields: dict[str, Any] = {
        "project": "test sample: income",
        "generated": "2026-11-23T10:05:42+00:00",
        "version": "0.1.0",
        "files": tuple(_files()),
        "anonymize": _anonymize(),
        "seal": {
            "artefacts": [
                {"name": n, "kind": k, "size": s, "digest": _digest(n)}
                for n, k, s in (("data", "dataset", 1834211), ("minimized", "dataset", 1420006),
                                ("anonymized", "dataset", 912733))
            ],
            "clear_files": 0,
            "recipients": ["age1testsamplerecipient0000000000000000000000000000000000000000"],
        },
        "train": _train(),
        "audit": {"findings": _findings(), "curves": {"Released model": _curve(0.045),
                                                      "Same model, no privacy": _curve(0.21)}},
        "budget": {
            "account": "income", "budget": 8.0, "spent": 4.31, "delta": 1e-05,
            "entries": [
                {"id": _digest("run 1")[:24], "created": "2026-11-20T08:11:02+00:00",
                 "state": "settled", "epsilon": 1.4988, "delta": 1e-05},
                {"id": _digest("run 2")[:24], "created": "2026-11-23T10:03:11+00:00",
                 "state": "settled", "epsilon": 2.9941, "delta": 1e-05},
            ],
        },
        "evidence": tuple(_evidence()),
        "policy": {"membership.tpr_at_fpr_0.001": {"min": None, "max": 0.005},
                   "privacy.epsilon": {"min": None, "max": 4.0},
                   "utility.accuracy": {"min": 0.8, "max": None}},
        "verdict": {"ok": True, "reasons": []},
        "previous": tuple(previous),
        **changes,
    }  # fmt: skip
    return ReportData(**fields)


@pytest.fixture(scope="session", name="make")
def _make() -> Callable[..., ReportData]:
    return make_sample


@pytest.fixture(scope="session", name="sample")
def _sample() -> ReportData:
    return make_sample()
