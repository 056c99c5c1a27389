"""The model card: a short Markdown page that travels with the released model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from strongroom.report import _format as fmt
from strongroom.report._metrics import metric
from strongroom.report._model_sections import statement, utility
from strongroom.report._proof_sections import silences
from strongroom.report._read import items, number, text
from strongroom.report._summary import badness, interval_words, limits, status_of, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from strongroom.report._data import ReportData


def render_card(data: ReportData) -> str:
    """Return the model card as Markdown."""
    return "\n".join(_lines(data)).rstrip() + "\n"


def _lines(data: ReportData) -> Iterator[str]:
    judged = verdict(data)
    yield f"# Model card: {_plain(data.project)}"
    yield ""
    yield f"**{_plain(judged.headline)}** {_plain(judged.summary)}"
    yield ""
    yield f"Made by Strongroom {_plain(data.version)} on {_plain(fmt.moment(data.generated))}."
    for section in (utility(data), statement(data)):
        if section:
            yield f"\n## {section.title}\n"
            yield from (f"{_plain(p)}\n" for p in section.lead)
            yield from (f"- {_plain(name)}: {_plain(value)}" for name, value in section.facts)
            yield from (f"- Note: {_plain(note)}" for note in section.notes)
    for title, key in (("Covered by the proof", "covered"), ("Not covered", "not_covered")):
        said = items(data.train, "privacy", key)
        if said:
            yield f"\n## {title}\n"
            yield from (f"- {_plain(str(line))}" for line in said)
    if data.findings:
        yield "\n## Findings\n"
        yield from _table(("What", "Value", "Interval", "Limit", "Status"), _findings(data))
    yield "\n## What this card doesn’t say\n"
    yield from (f"- {line}" for line in silences(data))
    if data.evidence:
        yield "\n## Evidence\n"
        yield "`strongroom verify` checks these records offline.\n"
        records = ([text(r, k) for k in ("index", "stage", "digest")] for r in data.evidence)
        yield from _table(("Record", "Stage", "SHA-256"), records)


def _findings(data: ReportData) -> Iterator[list[str]]:
    for finding in sorted(data.findings, key=badness):
        known = metric(text(finding, "metric"), text(finding, "title"))
        yield [
            f"{known.name} ({known.id})" if known.name != known.id else known.id,
            fmt.value_of(known.unit, number(finding, "value")),
            interval_words(finding) or fmt.NOTHING,
            limits(data, known.id, finding) or fmt.NOTHING,
            status_of(finding).value.replace("_", " "),
        ]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield _row(names)
    yield _row(["---"] * len(names), escape=False)
    yield from map(_row, rows)


def _row(cells: Iterable[str], *, escape: bool = True) -> str:
    return f"| {' | '.join(_plain(c) if escape else c for c in cells)} |"


def _plain(said: str) -> str:
    """Escape what Markdown or HTML would take for more than text."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(said.split()))
