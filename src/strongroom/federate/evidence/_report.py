"""From the evidence of a federation to what a report is made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from strongroom import __version__
from strongroom.audit import judge
from strongroom.report import ReportData

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from strongroom.config import Limit
    from strongroom.federate.evidence._evidence import FederationEvidence


def report_of(
    evidence: FederationEvidence,
    policy: Mapping[str, Limit] | None = None,
    *,
    records: tuple[Mapping[str, Any], ...] = (),
    generated: str = "",
) -> ReportData:
    """Return what `render_html`, `render_json` and `render_sarif` take.

    Args:
        evidence: of a job that ran.
        policy: metric id to limit.
        records: of the coordinator's evidence log, as JSON values, oldest first.
        generated: when, ISO 8601 in UTC; now by default.

    Raises:
        ConfigError: the policy names a metric that doesn't exist.
    """
    policy, result = policy or {}, evidence.result
    judged = judge(evidence.findings(policy), policy)
    return ReportData(
        project=result.recipe.project,
        generated=generated or datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        train={
            "metrics": result.metrics,
            "privacy": result.privacy.to_json() if result.privacy else None,
            "curve": [list(point) for point in result.curve],
            "seconds": result.seconds,
        },
        audit={"findings": [f.to_json() for f in judged.findings], "curves": {}},
        federation=evidence.to_json(),
        evidence=records,
        policy={name: limit.model_dump() for name, limit in policy.items()},
        verdict={"ok": judged.ok, "reasons": list(judged.reasons)},
    )
