"""What a report is made of: the stages' JSON documents, exactly as the stages gave them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from strongroom.report._read import items, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.report._read import Document

# Which stage's record proves a metric when the audit itself left none.
_STAGE_OF = {
    "anonymize": "anonymize",
    "discover": "discover",
    "federation": "federation",
    "privacy": "train",
    "utility": "train",
}


@dataclass(frozen=True)
class ReportData:
    """Everything that a report may say. A stage that hasn't run is None or empty.

    Attributes:
        project: the project's name.
        generated: when the report was made, ISO 8601 in UTC.
        version: of Strongroom.
        files: what `discover` found, one document per file.
        anonymize: risk before and after, loss, suppressed, actions.
        seal: sealed artefacts and recipients.
        train: metrics and privacy statement; `comparison` holds the metrics of the same model
            trained without privacy, `majority` the accuracy of always naming the largest class.
        sweep: the same model at other ε, if somebody measured that.
        audit: findings and ROC curves.
        federation: what sites did together, what crossed, and what was found in it
            (`federate.evidence`).
        budget: what was spent of the account's budget, and by which runs.
        evidence: the records of the evidence log that prove all this, oldest first.
        policy: metric id to `{"min", "max"}`.
        verdict: `{"ok", "reasons"}` of whoever judged; a refusal stands even if no finding shows
            why.
        previous: findings of the run before, for "since last time".
        page: "report" of a whole run, or "audit" of a model that was made elsewhere.
    """

    project: str
    generated: str
    version: str
    files: tuple[Document, ...] = ()
    anonymize: Document | None = None
    seal: Document | None = None
    train: Document | None = None
    sweep: Document | None = None
    audit: Document | None = None
    budget: Document | None = None
    federation: Document | None = None
    evidence: tuple[Document, ...] = ()
    policy: Mapping[str, Document] = field(default_factory=dict)
    verdict: Document | None = None
    previous: tuple[Document, ...] | None = None
    page: Literal["report", "audit"] = "report"

    @property
    def findings(self) -> list[Document]:
        """The audit's findings."""
        return items(self.audit, "findings")

    def record(self, *stages: str) -> Document | None:
        """Return the newest evidence record of the first of `stages` that has one."""
        for stage in stages:
            for record in reversed(self.evidence):
                if text(record, "stage") == stage:
                    return record
        return None

    def record_of(self, metric: str) -> Document | None:
        """Return the evidence record that a finding on `metric` rests on."""
        return self.record("audit", _STAGE_OF.get(metric.partition(".")[0], "audit"))
