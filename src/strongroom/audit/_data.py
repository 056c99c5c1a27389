"""Findings on data: what is left after personal data was taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.audit._findings import Context
from strongroom.audit._judge import hold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.audit._finding import Finding
    from strongroom.config import Limit


def data_findings(
    discover: Mapping[str, Any],
    anonymize: Mapping[str, Any],
    policy: Mapping[str, Limit] | None = None,
    *,
    subject: str = "",
) -> list[Finding]:
    """Turn the documents of discover and anonymize into findings.

    Args:
        discover: the document of the stage, with `roles` per column.
        anonymize: the document of the stage: `before` and `after` are risks, and
            `residual_identifiers` counts what a second look still found.
        policy: metric id to limit.
        subject: SHA-256 of the data.
    """
    context = Context(subject, "strongroom run")
    after, before = anonymize.get("after"), anonymize.get("before") or {}
    found = []
    for metric, path in (
        ("anonymize.k", ("k",)),
        ("anonymize.l", ("l",)),
        ("anonymize.risk_max", ("prosecutor", "max")),
    ):
        value = _at(after, path)
        if value is None and metric == "anonymize.l":
            continue  # no sensitive column, so there is nothing to be diverse in
        found.append(
            context.finding(
                "anonymize.risk",
                metric,
                value=value,
                reason="" if value is not None else "no risk was measured",
                details={"before": _at(before, path)},
            )
        )
    residual = anonymize.get("residual_identifiers")
    roles = list((discover.get("roles") or {}).values())
    found.append(
        context.finding(
            "discover.second_look",
            "discover.residual_identifiers",
            value=None if residual is None else float(residual),
            reason="" if residual is not None else "nobody looked a second time",
            details={"direct_identifier_columns_before": roles.count("direct_identifier")},
        )
    )
    return [hold(f, policy or {}) for f in found]


def _at(document: Mapping[str, Any] | None, path: tuple[str, ...]) -> float | None:
    value: Any = document
    for key in path:
        if value is None:
            return None
        value = value.get(key)
    return None if value is None else float(value)
