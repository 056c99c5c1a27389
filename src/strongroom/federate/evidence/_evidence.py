"""Everything that is known of a federation that ran, as findings and as one document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from strongroom.audit import Finding, Findings, Interval, Status, hold
from strongroom.audit.metrics import severity_of, standards_of, title_of
from strongroom.federate.evidence._traffic import SiteTraffic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.config import Limit
    from strongroom.federate.coordinator import FederationResult
    from strongroom.federate.evidence._inversion import Inversion
    from strongroom.federate.evidence._leaks import LeakReport

_MOST = 0.5  # of the rounds
_CHECK = "federation"
_COORDINATOR = (
    "white-box: the coordinator, which has the model, the parameters that it sent and what came "
    "back, and rows of the same population"
)
_ANYBODY = "white-box: whoever gets two models in a row, and rows of the same population"


@dataclass(frozen=True, eq=False)
class FederationEvidence:
    """What a job came to, and what was found when it was looked at.

    Attributes:
        result: of the job.
        counted: site to what the coordinator counted.
        leaks: site to what the search for its records found.
        inversion: attack on what the coordinator saw of single updates.
        unprotected: the same attack on updates of the same model without protection, to compare.
        sums: attack on the rounds' sums, where updates are summed securely.
        membership: site to what it found out about its own people.
    """

    result: FederationResult
    counted: Mapping[str, SiteTraffic] = field(default_factory=dict)
    leaks: Mapping[str, LeakReport] = field(default_factory=dict)
    inversion: Inversion | None = None
    unprotected: Inversion | None = None
    sums: Inversion | None = None
    membership: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)

    @property
    def stated(self) -> dict[str, SiteTraffic]:
        """Site to what it counted itself, where it signed that."""
        found = {}
        for site, statement in self.result.statements.items():
            try:
                found[site] = SiteTraffic.from_json((statement.predicate or {})["traffic"])
            except (KeyError, TypeError, ValueError):
                continue
        return found

    @property
    def differences(self) -> dict[str, tuple[str, ...]]:
        """Site to where its count and the coordinator's differ; only sites that both counted."""
        stated = self.stated
        return {
            site: counted.differences(stated[site])
            for site, counted in self.counted.items()
            if site in stated
        }

    def findings(self, policy: Mapping[str, Limit] | None = None) -> Findings:
        """Return what was measured, each held against the policy or the default limits."""
        found = [
            self._records(),
            *self._inversions(),
            *self._counts(),
            *(finding for told in self.membership.values() for finding in told),
        ]
        return Findings(hold(finding, policy or {}) for finding in found)

    def _finding(self, metric: str, value: float | None, **more: Any) -> Finding:  # noqa: ANN401
        return Finding(
            check=more.pop("check", _CHECK),
            metric=metric,
            title=title_of(metric),
            subject=self.result.model.digest(),
            status=Status.NOT_EVALUABLE if value is None else Status.PASS,
            severity=severity_of(metric),
            standards=standards_of(metric),
            value=value,
            **more,
        )

    def _records(self) -> Finding:
        metric, check = "federation.records_in_traffic", "federation.search"
        if not self.leaks:
            return self._finding(metric, None, check=check, reason="nothing was searched")
        if any(report.unread for report in self.leaks.values()):
            why = "more was packed into what left than could be unpacked"
            return self._finding(metric, None, check=check, reason=why)
        reports = self.leaks.values()
        return self._finding(
            metric,
            float(sum(r.rows_found + r.planted_found for r in reports)),
            check=check,
            seconds=sum(r.seconds for r in reports),
            details={
                "sites": len(self.leaks),
                "bytes": sum(r.size + r.unpacked for r in reports),
                "rows": sum(r.rows for r in reports),
                "rows_searchable": sum(r.searchable for r in reports),
                "planted": sum(r.planted for r in reports),
                "chance_in_random_bytes": max(r.chance for r in reports),
            },
        )

    def _inversions(self) -> list[Finding]:
        secure = self.result.recipe.secure is not None
        found = [
            self._inverted(
                "federation.update_recovered_share", self.inversion, _COORDINATOR,
                {"unprotected": self.unprotected.share} if self.unprotected else {},
            )
        ]  # fmt: skip
        if secure:
            found.append(self._inverted("federation.sum_recovered_share", self.sums, _ANYBODY, {}))
        return found

    def _inverted(
        self, metric: str, told: Inversion | None, knowledge: str, more: Mapping[str, Any]
    ) -> Finding:
        check = "federation.inversion"
        if told is None:
            return self._finding(metric, None, check=check, reason="no update was attacked")
        return self._finding(
            metric,
            told.share,
            check=check,
            interval=Interval(told.low, told.high),
            knowledge=knowledge,
            queries=told.updates,
            details={
                "chance": told.chance,
                "updates": told.updates,
                "way": told.way,
                "seen": told.seen,
                "recovered_when": told.words,
                "mean_quality": told.quality,
                **more,
            },
        )

    def _counts(self) -> list[Finding]:
        result, differ = self.result, self.differences
        missing = [s for s, statement in result.statements.items() if not statement.verified]
        done = sum("lost" not in r for r in result.rounds)
        aside = [n for n, k in result.tolerated["outvoted"].items() if k > _MOST * done]
        several = self._finding(
            "federation.sites_outvoted",
            float(len(aside)),
            details={"rule": result.recipe.rule.name, "of": result.tolerated["of"]},
        )
        metric = "federation.traffic_differences"
        compared = (
            self._finding(metric, float(sum(map(bool, differ.values()))),
                          details={"compared": len(differ)})
            if differ
            else self._finding(metric, None, reason="nothing was counted on both sides")
        )  # fmt: skip
        without = self._finding(
            "federation.sites_without_evidence",
            float(len(missing)),
            details={"sites": len(result.statements)},
        )
        return [compared, without, several]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values: what the report shows. No value of the data is among them."""
        result, stated, differ = self.result, self.stated, self.differences
        recipe = result.recipe
        sites = {}
        for site, statement in result.statements.items():
            privacy, count = statement.privacy, stated.get(site)
            leaks, counted = self.leaks.get(site), self.counted.get(site)
            sites[site] = {
                "verified": statement.verified,
                "why": statement.why,
                "rounds": sum(site in r.get("answered", ()) for r in result.rounds),
                "weight": result.members.get(site, {}).get("weight"),
                "epsilon": privacy.epsilon if privacy else None,
                "delta": privacy.delta if privacy else None,
                "unit": privacy.unit.value if privacy else None,
                "trusted": list((statement.predicate or {}).get("trusted", ())),
                "stated": count.to_json() if count else None,
                "counted": counted.to_json() if counted else None,
                "differences": list(differ.get(site, ())),
                "leaks": leaks.to_json() if leaks else None,
            }
        attacks = {"sent": self.inversion, "unprotected": self.unprotected, "sums": self.sums}
        return {
            "job": recipe.job,
            "project": recipe.project,
            "recipe": recipe.digest(),
            "rounds": {
                "asked": recipe.rounds,
                "done": sum("lost" not in r for r in result.rounds),
            },
            "strategy": recipe.strategy.name,
            "rule": recipe.rule.model_dump(mode="json"),
            "secure": recipe.secure.model_dump(mode="json") if recipe.secure else None,
            "privacy": recipe.privacy.model_dump(mode="json") if recipe.privacy else None,
            "seen": result.seen,
            "tolerated": result.tolerated,
            "warnings": list(result.warnings),
            "refusals": len(result.refusals),
            "seconds": result.seconds,
            "sites": sites,
            "inversion": {name: i.to_json() for name, i in attacks.items() if i is not None},
        }
