"""Chapters about the data: re-identification risk, what was found, what was done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.report import _charts as charts
from strongroom.report import _format as fmt
from strongroom.report._read import finite, items, mapping, number, text
from strongroom.report._section import Figure, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.report._data import ReportData
    from strongroom.report._read import Document

_ENTITIES = {
    "IBAN_CODE": "IBAN",
    "BIC_CODE": "BIC",
    "EMAIL_ADDRESS": "E-mail address",
    "NRP": "Nationality, religion or politics",
    "GPE": "Place",
    "ID": "Identifier",
    "DATE_TIME": "Date or time",
}
_LETTERS = {"ABA", "ID", "IP", "ITIN", "JWT", "MAC", "MBI", "NPI", "SSN", "URL", "US", "VIN", "ZIP"}
_RISK = (
    "Someone who knows a few facts about a person, such as age, sex and place, looks for the row "
    "that fits. The fewer rows look alike, the likelier they find the right one."
)
_DONE = (
    "Direct identifiers are taken out or replaced by keyed pseudonyms; what could single people "
    "out is made coarser until enough rows look alike."
)
_HEAT = (0.05, 0.25, 0.5, 0.9)


@dataclass(frozen=True)
class Cell:
    """One square of the heat map: its share in words and its heat, 0 (nothing) to 5."""

    words: str
    heat: int


@dataclass(frozen=True)
class HeatMap:
    """Column × entity, for columns that hold any."""

    entities: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class FileFound:
    """What was found in one file."""

    path: str
    summary: str
    counts: str
    heat: HeatMap | None
    columns: Table


def entity(name: str) -> str:
    """Return an entity's name in plain words: `PHONE_NUMBER` becomes `Phone number`."""
    first, *rest = name.split("_")
    words = [first if first in _LETTERS else first.capitalize()]
    words += [word if word in _LETTERS else word.lower() for word in rest]
    return _ENTITIES.get(name) or " ".join(words)


def role(name: str) -> str:
    """Return a role in plain words."""
    return "quasi-identifier" if name == "quasi_identifier" else name.replace("_", " ")


def _columns(document: Document) -> list[Document]:
    return [c for c in items(document, "columns") if mapping({"c": c}, "c")]


def found(data: ReportData) -> tuple[Section, tuple[FileFound, ...]] | None:
    """What `discover` saw, per file: heat map and a role per column with the reason."""
    if not data.files:
        return None
    files = tuple(file_found(f) for f in data.files)
    personal = sum(
        text(c, "role") in {"direct_identifier", "quasi_identifier", "sensitive"}
        for f in data.files
        for c in _columns(f)
    )
    total = sum(len(_columns(f)) for f in data.files)
    lead = (
        f"{personal} of {total} columns tell something about a person: who they are (direct "
        "identifier), what others may know of them and use to single them out (quasi-identifier), "
        "or what they would not want known (sensitive). This report never holds the values."
    )
    section = Section("found", "What personal data was found?", "Found in the data", (lead,),
                      data.record("discover"))  # fmt: skip
    return section, files


def file_found(document: Document) -> FileFound:
    """Return what a scan said of one file, ready to be printed."""
    columns = _columns(document)
    rows, kind = number(document, "rows"), text(document, "kind")
    parts = [
        "" if rows is None else f"{fmt.count(rows)} row{'s' * (rows != 1)}",
        f"{len(columns)} column{'s' * (len(columns) != 1)}" if columns else "",
        kind,
    ]
    head = ("Column", "Looks like", "Role", "Why", "Distinct", "Missing")
    table = Table(
        "Columns and their roles",
        head,
        tuple(
            (
                text(c, "name"),
                _looks(c),
                role(text(c, "role")),
                text(c, "reason"),
                fmt.plain(finite(c.get("distinct"))),
                fmt.plain(finite(c.get("missing"))),
            )
            for c in columns
        ),
    )
    summary = " · ".join(p for p in parts if p)
    return FileFound(
        text(document, "path"), summary, _counts(document, "entities"), _heat(columns), table
    )


def _counts(document: Document, key: str) -> str:
    """Return how often each entity occurs, most frequent first; "" when none does."""
    every = mapping(document, key)
    times = {name: n for name in every if (n := number(every, name))}
    return ", ".join(
        f"{entity(name)}{fmt.GAP}×{fmt.GAP}{fmt.count(times[name])}"
        for name in sorted(times, key=lambda name: (-times[name], name))
    )


def _looks(column: Document) -> str:
    looks = text(column, "looks_like")
    return (
        f"{looks} (free text)"
        if column.get("free_text") is True and looks != "free text"
        else looks
    )


def _heat(columns: list[Document]) -> HeatMap | None:
    shares: dict[str, dict[str, float]] = {}
    weight: dict[str, float] = {}
    for column in columns:
        for share in items(column, "entities"):
            name, value = text(share, "entity"), number(share, "share") or 0.0
            if value > 0:
                shares.setdefault(text(column, "name"), {})[name] = value
                weight[name] = weight.get(name, 0.0) + value
    if not shares:
        return None
    order = sorted(weight, key=lambda name: (-weight[name], name))
    rows = tuple((name, tuple(_cell(of.get(e)) for e in order)) for name, of in shares.items())
    return HeatMap(tuple(entity(e) for e in order), rows)


def _cell(share: float | None) -> Cell:
    if share is None:
        return Cell("", 0)
    return Cell(fmt.percent(min(share, 1.0)), 1 + sum(share >= edge for edge in _HEAT))


def risk(data: ReportData) -> Section | None:
    """Re-identification risk before and after anonymisation."""
    if data.anonymize is None:
        return None
    before, after = mapping(data.anonymize, "before"), mapping(data.anonymize, "after")
    highest = [number(side, "prosecutor", "max") for side in (before, after)]
    lead = [_RISK]
    if highest[0] is not None and highest[1] is not None:
        lead.insert(
            0,
            f"The person who is easiest to find could be picked with a chance of "
            f"{fmt.one_in(highest[0])} before, and of at most {fmt.one_in(highest[1])} after.",
        )
    lead += [_loss(data.anonymize, before), *_remarks(after)]
    measures = tuple(_compare(before, after))
    table = Table("Risk before and after", ("Measure", "Before", "After"), measures)
    return Section(
        "risk", "Could a person be singled out?", "Re-identification",
        tuple(p for p in lead if p), data.record("anonymize"), _histogram(before, after),
        table if measures else None,
    )  # fmt: skip


def _loss(document: Document, before: Document) -> str:
    suppressed, rows = number(document, "suppressed"), number(before, "rows")
    detail = number(document, "loss", "ncp")
    said = []
    if suppressed is not None:
        share = f" ({fmt.percent(suppressed / rows)})" if rows else ""
        said.append(
            f"{fmt.count(suppressed)} rows were left out{share}"
            if suppressed
            else "no row was left out"
        )
    if detail is not None:
        said.append(f"{fmt.percent(detail)} of the detail was lost (normalised certainty penalty)")
    return f"The price: {' and '.join(said)}." if said else ""


def _remarks(after: Document) -> Iterator[str]:
    if text(after, "reason"):
        yield f"The risk could not be measured: {text(after, 'reason')}."
    if text(after, "unit") == "subjects":
        yield "Rows are counted by the person they belong to."


def _compare(before: Document, after: Document) -> Iterator[tuple[str, str, str]]:
    shown = (
        ("Fewest rows that look alike (k)", ("k",), fmt.count),
        ("Fewest sensitive values in a group (l)", ("l",), fmt.count),
        ("Largest distance of a group’s values from all (t)", ("t",), fmt.significant),
        ("Highest risk, knowing the person is in the data (prosecutor)", ("prosecutor", "max"),
         fmt.one_in),
        ("Rows above the risk threshold", ("prosecutor", "share_above"), fmt.percent),
        ("Highest risk, not knowing it (journalist)", ("journalist", "max"), fmt.one_in),
        ("Average risk, when everybody is looked for (marketer)", ("marketer",), fmt.percent),
        ("Rows that are one of a kind", ("uniques",), fmt.count),
        ("Groups", ("classes",), fmt.count),
        ("Rows", ("rows",), fmt.count),
    )  # fmt: skip
    for name, path, form in shown:
        pair = [number(side, *path) for side in (before, after)]
        if any(v is not None for v in pair):
            first, second = (fmt.NOTHING if v is None else form(v) for v in pair)
            yield name, first, second


def _histogram(before: Document, after: Document) -> Figure | None:
    sides = [
        [
            (float(size), float(rows))
            for size, rows in (p for p in items(side, "histogram") if len(p) == 2)  # noqa: PLR2004
            if finite(size) is not None and finite(rows) is not None
        ]
        for side in (before, after)
    ]
    if not any(sides):
        return None
    least = number(after, "k")
    k = int(least) if least and least > 1 else None
    bins = charts.risk_bins(sides[0], sides[1], k)
    small = [
        sum(b.before for b in bins if k and b.low < k),
        sum(b.after for b in bins if k and b.low < k),
    ]
    description = (
        f"Before, {fmt.percent(small[0])} of rows stood in groups smaller than {k}; "
        f"after, {fmt.percent(small[1])}."
        if k
        else "Share of rows by the size of their group of look-alikes, before and after."
    )
    return Figure(
        charts.risk_histogram(bins, k, description),
        f"{description} Further right is safer.",
        (("was", "before"), ("is", "after")),
        Table(
            "Rows by the size of their group of look-alikes",
            ("Rows that look alike", "Before", "After"),
            tuple((b.label, fmt.percent(b.before), fmt.percent(b.after)) for b in bins),
        ),
    )


def done(data: ReportData) -> Section | None:
    """What happened to each column."""
    if data.anonymize is None:
        return None
    actions, levels = mapping(data.anonymize, "actions"), mapping(data.anonymize, "generalization")
    columns = [text(c, "name") for f in data.files for c in _columns(f)]
    rows = tuple(
        (
            name,
            fmt.plain(actions.get(name, "kept as it is")).replace("_", " "),
            _level(levels.get(name)),
        )
        for name in dict.fromkeys([*columns, *actions, *levels])
    )
    redacted = _counts(data.anonymize, "redacted")
    lead = [_DONE]
    if redacted:
        lead.append(f"Replaced inside free text: {redacted}.")
    table = Table("What was done to each column", ("Column", "Action", "Detail given up"), rows)
    return Section("done", "What was done about it?", "Done to the data", tuple(lead),
                   data.record("anonymize"), table=table if rows else None)  # fmt: skip


def _level(value: object) -> str:
    """Return how much of its domain a released value leaves open; "–" where nothing changed."""
    share = finite(value)
    return fmt.plain(value) if share is None or not 0 <= share <= 1 else fmt.percent(share)
