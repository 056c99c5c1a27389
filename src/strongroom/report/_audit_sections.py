"""Chapters of an audit: the most exposed records, and what each room of attacks found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.audit import Status
from strongroom.report import _audit_charts as charts
from strongroom.report import _format as fmt
from strongroom.report._metrics import Unit, metric
from strongroom.report._read import items, mapping, number, numbers, text
from strongroom.report._rooms import ROOMS, Room
from strongroom.report._section import Figure, Section, Table
from strongroom.report._summary import badness, interval_range, limits, status_of

if TYPE_CHECKING:
    from strongroom.report._data import ReportData
    from strongroom.report._read import Document

_MOST_MARKED = 5
_KNOWN = {room.id for room in ROOMS} | {
    *("membership", "evasion", "utility", "file", "baseline", "anonymize", "discover", "data"),
    "federation",
}


def exposed(data: ReportData) -> Section | None:
    """The records that the surest attack is surest of, by their number, with where they stand."""
    told = (items(data.audit, "exposed") or [None])[0]
    rows = items(told, "rows")
    if not rows:
        return None
    first = rows[0]
    check = text(told, "check")
    sure = number(first, "fpr_high")
    how = "" if sure is None else f": at most {fmt.percent(sure)} of strangers score as high"
    easiest = f"Row {_row(first)} of the members’ file is the easiest to recognise{how}."
    about = (
        "An average says nothing about the few people who stand out. These are the "
        f"{len(rows)} records that the attack is surest of. They are named by their place in the "
        "file, counted from 0; what they hold is never shown."
    )
    people = any(number(r, "subject") is not None for r in rows)
    table = Table(
        "The most exposed records",
        ("Row", "Score", "Strangers who score as high", "at most", *(["Person"] if people else [])),
        tuple(
            (
                _row(r),
                fmt.significant(number(r, "score") or 0.0),
                _share(number(r, "fpr")),
                _share(number(r, "fpr_high")),
                *([_person(r)] if people else []),
            )
            for r in rows
        ),
    )
    return Section(
        "exposed", "Who stands out most?", "Most exposed", (easiest, about), data.record("audit"),
        _strip(told, rows, check), table,
        notes=(f"By {check}." if check else "",),
    )  # fmt: skip


def _row(row: Document) -> str:
    return fmt.count(number(row, "row") or 0.0)


def _person(row: Document) -> str:
    code = number(row, "subject")
    return fmt.NOTHING if code is None else fmt.count(code)


def _share(value: float | None) -> str:
    return fmt.NOTHING if value is None else fmt.percent(value)


def _strip(told: Document, rows: list[Document], check: str) -> Figure | None:
    edges, inside, outside = (
        numbers(told, "scores", key) for key in ("edges", "members", "nonmembers")
    )
    if len(edges) < 2 or not len(edges) - 1 == len(inside) == len(outside):  # noqa: PLR2004 - a bin
        return None
    marked = [(f"row {_row(r)}", number(r, "score") or 0.0) for r in rows[:_MOST_MARKED]]
    halves = [sum(s[len(s) // 2 :]) for s in (inside, outside)]
    description = (
        f"Two histograms of the attack’s scores. {fmt.percent(halves[0])} of the members and "
        f"{fmt.percent(halves[1])} of the strangers lie in the upper half of the scale. "
        f"Marked: {', '.join(said for said, _ in marked)}."
    )
    bins = tuple(
        (f"{fmt.significant(a)} to {fmt.significant(b)}", fmt.percent(m), fmt.percent(n))
        for a, b, m, n in zip(edges[:-1], edges[1:], inside, outside, strict=True)
        if m or n
    )
    return Figure(
        charts.score_strip(charts.Scores(edges, inside, outside, marked), description),
        "Where both look alike nobody can be told apart; marked records stand out."
        + (f" Scores of {check}." if check else ""),
        (("c1", "members"), ("c2", "strangers")),
        Table("Scores, by bins", ("Score", "Members", "Strangers"), bins),
    )


def rooms(data: ReportData) -> list[Section]:
    """Return a chapter per room of attacks that measured something, known rooms first."""
    made = [_room(data, room) for room in ROOMS]
    strange = {text(f, "metric").partition(".")[0] for f in data.findings} - _KNOWN
    made += [
        _room(data, Room(name, f"What {name} found", name[:1].upper() + name[1:], ""))
        for name in sorted(strange)
    ]
    return [section for section in made if section is not None]


def _room(data: ReportData, room: Room) -> Section | None:
    of_room = sorted(
        (f for f in data.findings if text(f, "metric").partition(".")[0] == room.id), key=badness
    )
    measured = [f for f in of_room if number(f, "value") is not None]
    attacked = [f for f in measured if text(f, "metric") != "privacy.epsilon"]
    if not attacked:
        return None
    rows = tuple(
        (
            _name(f),
            fmt.value_of(_unit(f), number(f, "value")),
            interval_range(f) or fmt.NOTHING,
            limits(data, text(f, "metric"), f) or fmt.NOTHING,
            text(f, "check"),
        )
        for f in measured
    )
    head = ("Measure", "Value", f"95{fmt.GAP}% interval", "Limit", "Check")
    known = dict.fromkeys(
        f"What the attacker of {text(f, 'check')} knows: {text(f, 'knowledge').rstrip('.')}."
        for f in attacked
        if text(f, "knowledge")
    )
    silent = [f for f in of_room if number(f, "value") is None]
    notes = tuple(
        dict.fromkeys(
            f"Not measured: {_name(f)} ({text(f, 'reason').rstrip('.')})." for f in silent
        )
    )
    return Section(
        f"room-{room.id}", room.title, room.short,
        tuple(filter(None, (_worst(data, attacked[0]), room.about))), data.record("audit"),
        _bars(data, room, attacked), Table(f"Measured: {room.short.lower()}", head, rows),
        notes=(*known, *notes),
    )  # fmt: skip


def examined(data: ReportData) -> Section | None:
    """What an audit was given, how thorough it was, and what to keep in mind."""
    told = mapping(data.audit, "examined")
    if not told:
        return None
    names = (
        ("Model", "name"),
        ("Kind", "kind"),
        ("Format", "format"),
        ("SHA-256", "subject"),
        ("Members", "members"),
        ("Non-members", "nonmembers"),
        ("Classes", "classes"),
        ("Preset", "preset"),
        ("Reference models", "references"),
        ("Seed", "seed"),
    )
    facts = [(name, fmt.plain(told.get(key))) for name, key in names if told.get(key) is not None]
    seconds = number(data.audit, "seconds")
    if seconds:
        facts.append(("Time", fmt.duration(seconds)))
    left_out = mapping(told, "left_out")
    notes = [str(n) for n in items(data.audit, "notes")]
    if left_out:
        said = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        notes.append(f"Left out, because the question doesn’t arise for this model: {said}.")
    return Section(
        "examined", "What was examined, and how?", "Examined",
        ("The numbers above hold for this model, these rows and these attackers.",),
        notes=tuple(notes), facts=tuple(facts),
    )  # fmt: skip


def _worst(data: ReportData, finding: Document) -> str:
    """Say the worst finding of a room first."""
    name, value = _name(finding), fmt.value_of(_unit(finding), number(finding, "value"))
    limit = limits(data, text(finding, "metric"), finding)
    verdict = {
        Status.FAIL: "beyond the limit",
        Status.WARN: "perhaps beyond the limit",
        Status.PASS: "within the limit",
    }.get(status_of(finding), "")
    held = f", {verdict} ({limit})" if limit and verdict else ""
    return f"{name[:1].upper()}{name[1:]}: {value}{held}."


def _name(finding: Document) -> str:
    return metric(text(finding, "metric"), text(finding, "title")).name


def _unit(finding: Document) -> Unit:
    return metric(text(finding, "metric")).unit


def _bars(data: ReportData, room: Room, findings: list[Document]) -> Figure | None:
    """Draw the values that share the commonest unit: one axis can't carry two."""
    units = [_unit(f) for f in findings]
    unit = max(dict.fromkeys(units), key=units.count)
    if unit is Unit.YES:
        return None
    shown = [f for f in findings if _unit(f) is unit]
    drawn = []
    for f in shown:
        value = number(f, "value") or 0.0
        low, high = number(f, "interval", "low"), number(f, "interval", "high")
        held = f.get("threshold") or {}
        most, least = number(held, "max"), number(held, "min")
        drawn.append(
            charts.Bar(
                _name(f),
                value,
                value if low is None else low,
                value if high is None else high,
                fmt.value_of(unit, value),
                least if most is None else most,
                status_of(f).value,
                number(f, "details", "chance"),
            )
        )
    description = "; ".join(
        f"{row.label}: {row.said}"
        + (f", interval {interval_range(f)}" if interval_range(f) else "")
        + (f", {limits(data, text(f, 'metric'), f)}" if row.limit is not None else "")
        for row, f in zip(drawn, shown, strict=True)
    )
    legend = []
    if any(row.limit is not None for row in drawn):
        legend.append(("limit", "limit"))
    if any(row.reference is not None for row in drawn):
        legend.append(("chance", "guessing"))
    banded = any(row.high > row.low for row in drawn)
    twin = Table(
        "The bars",
        ("Measure", "Value", "Limit"),
        tuple((r.label, r.said, limits(data, text(f, "metric"), f) or fmt.NOTHING)
              for r, f in zip(drawn, shown, strict=True)),
    )  # fmt: skip
    return Figure(
        charts.bars(f"plot-{room.id}", room.title, drawn, description,
                    say=lambda v: fmt.value_of(unit, v)),
        f"Lines over the bars are 95{fmt.GAP}% intervals." if banded else "What was measured.",
        tuple(legend), twin,
    )  # fmt: skip
