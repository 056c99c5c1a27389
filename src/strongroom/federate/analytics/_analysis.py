"""The coordinator's side: one question, sums of the answers, and what may be declared from them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom import __version__
from strongroom.errors import RefusedError
from strongroom.federate._message import Kind, Message, MessageError
from strongroom.federate.analytics._query import Query, QueryPrivacySpec, Released
from strongroom.federate.analytics._release import error_of
from strongroom.federate.analytics._statistic import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.config import ColumnSpec
    from strongroom.federate._seams import Channel
    from strongroom.federate.analytics._statistic import Finding, Statistic


@dataclass(frozen=True)
class Analysis:
    """What sites said together.

    Attributes:
        query: what was asked.
        findings: one for each statistic, in the order of the query.
        sites: whose answers are in it.
        refused: who isn't, and why.
    """

    query: Query
    findings: tuple[Finding, ...]
    sites: tuple[str, ...]
    refused: Mapping[str, str]

    def columns(self) -> dict[str, ColumnSpec]:
        """Return declarations for `coordinator.plan_recipe`; a column's first one counts."""
        found: dict[str, ColumnSpec] = {}
        for finding in self.findings:
            if finding.spec is not None:
                found.setdefault(finding.column, finding.spec)
        return found


def analyse(
    channel: Channel,
    statistics: Sequence[Statistic] | Query,
    sites: Sequence[str] | None = None,
    *,
    privacy: QueryPrivacySpec | None = QueryPrivacySpec(),  # noqa: B008 - frozen
    project: str = "analysis",
    min_sites: int = 2,
    deadline: float = 600.0,
) -> Analysis:
    """Ask sites once, and sum up.

    Args:
        channel: to the sites.
        statistics: what of which columns; or a whole query, as it was asked before: sites give the
            same answer again, and the rest of the arguments isn't looked at.
        sites: who is asked; by default who is there now.
        privacy: of each site's answer.
        project: for the people at the sites.
        min_sites: fewer answers make no analysis.
        deadline: seconds that a site has.

    Raises:
        RefusedError: too few sites answered; says why the others don't.
        ValidationError: statistics that can't be (`pydantic`).
    """
    if isinstance(statistics, Query):
        return ask_query(channel, statistics)
    query = new_query(
        [statistic.model_dump() for statistic in statistics],
        sites or channel.present(),
        privacy=privacy,
        project=project,
        min_sites=min_sites,
        deadline=deadline,
    )
    return ask_query(channel, query)


def new_query(
    statistics: Sequence[Mapping[str, Any]], sites: Sequence[str], **fields: object
) -> Query:
    """Return a query of this version with a name of its own.

    Raises:
        ValidationError: one that can't be (`pydantic`).
    """
    job = {"job": secrets.token_hex(16), "version": __version__}
    return Query.model_validate(
        {**job, "statistics": tuple(statistics), "sites": tuple(sites), **fields}
    )


def ask_query(channel: Channel, query: Query) -> Analysis:
    """Ask a query; see `analyse`.

    Raises:
        RefusedError: too few sites answered; says why the others don't.
    """
    facts = {"query": query.model_dump(mode="json")}
    present = set(channel.present())
    requests = {
        site: Message(Kind.ANALYSE, query.job, 0, secrets.token_hex(16), facts)
        for site in query.sites
        if site in present
    }
    answers = channel.ask(requests, deadline=query.deadline) if requests else {}
    refused = {site: "it can't be reached" for site in query.sites if site not in answers}
    released: dict[str, Released] = {}
    for site, answer in sorted(answers.items()):
        if answer.kind is Kind.REFUSED:
            refused[site] = str(answer.facts.get("why", "it refuses"))[:500]
            continue
        try:
            released[site] = _read(query, answer)
        except MessageError as error:
            refused[site] = error.what
    if len(released) < query.min_sites:
        raise RefusedError(
            f"{len(released)} sites answered, where {query.min_sites} are needed",
            hint="; ".join(f"{site}: {why}" for site, why in list(refused.items())[:3]),
        )
    return Analysis(query, _sums(query, released), tuple(released), refused)


def _read(query: Query, answer: Message) -> Released:
    values = answer.require("values", "float64", (query.width,))
    told: Any = answer.facts.get("names")
    opened = {str(k): s.width for k, s in enumerate(query.statistics) if s.open}
    if not isinstance(told, dict) or set(told) != set(opened):
        raise MessageError("its names aren't those of the query")
    for place, names in told.items():
        fits = isinstance(names, list) and len(names) <= opened[place]
        if not fits or not all(isinstance(n, str) and 0 < len(n) <= LONGEST for n in names):
            raise MessageError("its names can't be read")
        if len(set(names)) != len(names):
            raise MessageError("it names a category twice")
    return Released(values.astype(np.float64), {k: tuple(v) for k, v in told.items()})


def _sums(query: Query, released: Mapping[str, Released]) -> tuple[Finding, ...]:
    findings, at = [], 0
    for place, statistic in enumerate(query.statistics):
        stop = at + statistic.width
        names: tuple[str, ...] = ()
        if statistic.open:
            sums: dict[str, float] = {}
            for one in released.values():
                found = one.names[str(place)]
                for name, value in zip(found, one.values[at:stop], strict=False):
                    sums[name] = sums.get(name, 0.0) + float(value)
            names, total = tuple(sums), np.array([*sums.values()], np.float64)
        else:
            total = np.sum([one.values[at:stop] for one in released.values()], axis=0)
        findings.append(statistic.read(names, total, error_of(query, statistic, len(released))))
        at = stop
    return tuple(findings)
