"""Audits: choose and run attacks, turn results into findings, judge them against the policy.

In: a model, rows that it learnt from and rows that it didn't, its privacy statement and canaries;
the documents of discover and anonymize. Out: findings with intervals, limits, standards and a
verdict. Never: a new attack (those live in `attacks`), a file, the workspace. What couldn't be
measured is said to be so, and fails a policy that asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.audit._compare import Change, Direction, comparison
from strongroom.audit._finding import Finding, Findings, Interval, Severity, Status, Threshold
from strongroom.audit._judge import Verdict, hold, judge, summary
from strongroom.audit.metrics import METRICS, Metric

if TYPE_CHECKING:
    from strongroom.audit._any import Subject, audit_any, chosen_spec, subject_of
    from strongroom.audit._audit import Audit, audit_model, check_request
    from strongroom.audit._data import data_findings
    from strongroom.audit._given import Given, of_dataset, with_subjects
    from strongroom.audit._presets import PRESETS
    from strongroom.audit._trained import audit_function

# These lead to the attacks; judging alone (`strongroom check`) must stay light.
_LATER = {
    "Audit": "_audit",
    "Given": "_given",
    "of_dataset": "_given",
    "with_subjects": "_given",
    "Subject": "_any",
    "audit_any": "_any",
    "audit_function": "_trained",
    "chosen_spec": "_any",
    "subject_of": "_any",
    "PRESETS": "_presets",
    "audit_model": "_audit",
    "check_request": "_audit",
    "data_findings": "_data",
}

__all__ = [
    "METRICS",
    "PRESETS",
    "Audit",
    "Change",
    "Direction",
    "Finding",
    "Findings",
    "Given",
    "Interval",
    "Metric",
    "Severity",
    "Status",
    "Subject",
    "Threshold",
    "Verdict",
    "audit_any",
    "audit_function",
    "audit_model",
    "check_request",
    "chosen_spec",
    "comparison",
    "data_findings",
    "hold",
    "judge",
    "of_dataset",
    "subject_of",
    "summary",
    "with_subjects",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
