"""What all findings of a run come to, held against today's policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.audit import Finding, data_findings, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.audit import Verdict
    from strongroom.config import Limit

Docs = dict[str, dict[str, Any]]


def judged(docs: Docs, policy: Mapping[str, Limit]) -> tuple[Sequence[Finding], Verdict]:
    """Gather the findings on data and model and hold them against the policy."""
    findings = data_findings(docs["discover"], docs["anonymize"], policy)
    findings = [*findings, *(Finding.from_json(f) for f in docs["audit"]["findings"])]
    verdict = judge(findings, policy)
    return verdict.findings, verdict
