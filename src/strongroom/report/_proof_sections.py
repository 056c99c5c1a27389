"""Chapters that let others check: findings, sealed artefacts, evidence, and the report's limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from strongroom.audit import Status
from strongroom.report import _charts as charts
from strongroom.report import _format as fmt
from strongroom.report._metrics import metric
from strongroom.report._read import finite, items, mapping, number, text
from strongroom.report._section import Section, Table
from strongroom.report._summary import (
    Change,
    badness,
    change,
    interval_words,
    is_private,
    is_unlimited,
    limits,
    status_of,
)

if TYPE_CHECKING:
    from markupsafe import Markup

    from strongroom.report._data import ReportData
    from strongroom.report._read import Document

_ALWAYS = (
    (
        "The limits were chosen by whoever wrote the policy. Whether they are right for your "
        "purpose, and lawful, is a judgement this report doesn’t make."
    ),
    (
        "It was computed on the machine that trained the model: it cannot vouch for that machine’s "
        "operating system."
    ),
)
_NOT_CHECKED = (
    "Which rows the model was trained on was taken from whoever asked for the audit. If the "
    "members weren’t, or the non-members were, every number on this page is wrong."
)
_SOURCES = {
    "policy": "set by the policy",
    "default": "Strongroom’s default",
    "claim": "the claimed ε",
}
_SHORT_DIGEST = 16


@dataclass(frozen=True)
class FindingCard:
    """One finding, ready to show. `raw` is the exact number."""

    id: str
    title: str
    status: str
    value: str
    limit: str
    explanation: str
    facts: tuple[tuple[str, str], ...]
    standards: tuple[str, ...]
    reproduce: str
    hint: str
    open: bool
    change: Change | None
    record: Document | None


@dataclass(frozen=True)
class Entry:
    """One run that drew on the privacy budget."""

    id: str
    created: str
    state: str
    epsilon: str
    delta: str
    share: str
    bar: Markup


def cards(data: ReportData) -> list[FindingCard]:
    """Return the findings, worst first."""
    ordered = sorted(data.findings, key=badness)
    return [_card(data, f, i) for i, f in enumerate(ordered, start=1)]


def _card(data: ReportData, finding: Document, place: int) -> FindingCard:
    known = metric(text(finding, "metric"), text(finding, "title"))
    value, status = number(finding, "value"), status_of(finding)
    said = text(finding, "threshold", "source")
    source = _SOURCES.get(said, said)
    limit = limits(data, known.id, finding)
    interval = interval_words(finding)
    method = text(finding, "interval", "method")
    queries, seconds = number(finding, "queries"), number(finding, "seconds")
    facts = (
        ("Metric", known.id),
        ("Check", text(finding, "check")),
        ("Exact value", "" if value is None else repr(finding["value"])),
        ("Interval", interval + (f" ({method})" if interval and method else "")),
        ("Limit", limit + (f" ({source})" if limit and source else "")),
        ("Severity if missed", text(finding, "severity")),
        ("Why", text(finding, "reason")),
        ("What the attacker knows", text(finding, "knowledge")),
        ("Questions asked of the model", fmt.count(queries) if queries else ""),
        ("Time", fmt.duration(seconds) if seconds else ""),
        ("Examined (SHA-256)", text(finding, "subject")),
        *_details(finding),
    )
    title = text(finding, "title") or known.name
    return FindingCard(
        f"finding-{place}",
        title[:1].upper() + title[1:],
        "unlimited" if is_unlimited(finding) else status.value,
        fmt.value_of(known.unit, value),
        limit,
        known.help if known.help != title else "",
        tuple((name, said) for name, said in facts if said),
        tuple(str(s) for s in items(finding, "standards")),
        text(finding, "reproduce"),
        text(finding, "hint"),
        status in {Status.FAIL, Status.WARN},
        change(data, finding),
        data.record_of(known.id),
    )


def _details(finding: Document) -> list[tuple[str, str]]:
    """Return further scalars; curves and tables have their own place."""
    return [
        (str(name).replace("_", " ").capitalize(), fmt.plain(value))
        for name, value in mapping(finding, "details").items()
        if isinstance(value, str | bool) or finite(value) is not None
    ]


def entries(data: ReportData) -> list[Entry]:
    """Return the runs that spent privacy, oldest first."""
    every = sorted(items(data.budget, "entries"), key=lambda e: text(e, "created"))
    most = max((number(e, "epsilon") or 0.0 for e in every), default=0.0)
    total = number(data.budget, "budget") or most or 1.0
    return [_entry(e, total) for e in every]


def _entry(document: Document, total: float) -> Entry:
    spent = number(document, "epsilon") or 0.0
    return Entry(
        text(document, "id"),
        text(document, "created"),
        text(document, "state"),
        fmt.epsilon(spent),
        fmt.delta(number(document, "delta") or 0.0),
        fmt.percent(spent / total),
        charts.spark(spent / total),
    )


def sealed(data: ReportData) -> Section | None:
    """What lies encrypted in the workspace, and who can open it."""
    if data.seal is None:
        return None
    artefacts, recipients = items(data.seal, "artefacts"), items(data.seal, "recipients")
    kept = f"{_several(artefacts, 'artefact')} kept encrypted (age v1)."
    who = f"{_several(recipients, 'key')} able to open {'it' if len(artefacts) == 1 else 'them'}."
    clear = number(data.seal, "clear_files")
    if clear is not None:
        who += (
            " No file lies unencrypted."
            if clear == 0
            else f" Warning: {fmt.count(clear)} of the workspace’s files lie unencrypted."
        )
    keys = tuple((f"Key {i}", str(r)) for i, r in enumerate(recipients, start=1))
    rows = tuple(
        (
            text(a, "name"),
            text(a, "kind"),
            fmt.size(number(a, "size") or 0.0),
            text(a, "digest"),
        )
        for a in artefacts
    )
    table = Table("Sealed artefacts", ("Name", "Kind", "Size", "SHA-256 of the sealed file"), rows)
    return Section("sealed", "What is kept, and who can open it?", "Sealed", (f"{kept} {who}",),
                   data.record("seal"), table=table if rows else None, facts=keys)  # fmt: skip


def _several(things: list[Any], name: str) -> str:
    return f"1 {name} is" if len(things) == 1 else f"{len(things)} {name}s are"


def silences(data: ReportData) -> list[str]:
    """Return what the report does not say, given what was and wasn't done."""
    said = []
    if data.page == "audit":
        said.append(
            "Nothing is said about how the model was made, except what its maker told and these "
            "attacks could check: attacks that failed show only that they failed."
        )
    elif data.train is None:
        said.append("No model has been trained, so nothing is said about one.")
    elif is_private(data):
        said.append(
            "The proved ε covers one training, from the data named in the privacy statement to the "
            "released model. Whatever stands under “not covered” there is not part of it."
        )
    else:
        said.append(
            "Nothing is proved about privacy: attacks that failed show only that they failed."
        )
    if data.findings:
        said.append(
            "Attacks measure what these attackers managed, with the knowledge and the number of "
            "questions stated. A better attacker may do more: a measured leak is a lower "
            "bound, never a proof of safety."
        )
    if any(status_of(f) is Status.NOT_EVALUABLE for f in data.findings):
        said.append("Some checks could not be measured. Not measured does not mean safe.")
    if data.anonymize is not None:
        said.append(
            "The re-identification risk assumes that others know only the columns named "
            "quasi-identifiers. Someone who knows more can do more, and groups of look-alikes "
            "(k-anonymity) are no differential privacy."
        )
    if data.files:
        said.append(
            "Personal data is found by patterns, checksums and column names. Unusual spellings and "
            "personal facts told in free text can be missed."
        )
    if data.page == "audit":
        return [*said, _ALWAYS[0], _NOT_CHECKED]
    return [*said, *_ALWAYS]


def short(digest: str) -> str:
    """Return the first characters of a digest."""
    return digest[:_SHORT_DIGEST]
