"""The page's JSON twin."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from strongroom.report._read import strict
from strongroom.report._summary import State, change, tiles, verdict

if TYPE_CHECKING:
    from strongroom.report._data import ReportData

SCHEMA = "strongroom/report/1"


def render_json(data: ReportData) -> dict[str, Any]:
    """Return everything that the page says as strict JSON values (no NaN, no infinity)."""
    judged = verdict(data)
    document = {
        "schema": SCHEMA,
        "project": data.project,
        "generated": data.generated,
        "version": data.version,
        "verdict": {"within_policy": judged.state is State.WITHIN, **asdict(judged)},
        "summary": judged.counts,
        "tiles": [asdict(tile) for tile in tiles(data)],
        "policy": data.policy,
        "findings": [_finding(data, f) for f in data.findings],
        "curves": (data.audit or {}).get("curves", {}),
        "files": data.files,
        "anonymize": data.anonymize,
        "seal": data.seal,
        "train": data.train,
        "sweep": data.sweep,
        "budget": data.budget,
        "federation": data.federation,
        "evidence": data.evidence,
    }
    plain: dict[str, Any] = strict(document)
    return plain


def _finding(data: ReportData, finding: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON is anything
    moved = change(data, finding)
    return {**finding, "change": asdict(moved) if moved else None}
