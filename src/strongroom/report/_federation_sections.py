"""The chapter on a federation: who took part, what could be seen, what crossed, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.report import _audit_charts as charts
from strongroom.report import _format as fmt
from strongroom.report._read import at, items, mapping, number, text
from strongroom.report._section import Figure, Section, Table

if TYPE_CHECKING:
    from strongroom.report._data import ReportData
    from strongroom.report._read import Document

_MOST_SITES = 12  # that are drawn; the table has all
_ATTACKS = (
    ("sent", "Single updates, as they were sent"),
    ("unprotected", "Single updates without protection, to compare"),
    ("sums", "Sums of all sites’ updates"),
)


def federation(data: ReportData) -> Section | None:
    """Return the chapter; None where nothing was federated."""
    told = data.federation
    if told is None:
        return None
    sites = mapping(told, "sites")
    done, asked = number(told, "rounds", "done"), number(told, "rounds", "asked")
    who = f"{fmt.count(len(sites))} sites trained one model together, each on rows that it kept."
    lead = [
        f"{who} {_search(sites)}",
        f"The coordinator could see {text(told, 'seen').rstrip('.')}.",
        _attacked(told),
    ]
    return Section(
        "federation",
        "What left the sites?",
        "Federation",
        tuple(filter(None, lead)),
        data.record("federation"),
        _traffic(sites),
        _table(sites),
        notes=_notes(told, sites),
        facts=(
            ("Rounds", f"{fmt.count(done or 0.0)} of {fmt.count(asked or 0.0)}"),
            ("How updates are joined", _joined(told)),
            ("Secure aggregation", _secure(told)),
            ("Differential privacy", _privacy(told)),
            ("Liars", _liars(told)),
            ("Left out", _left_out(told)),
        ),
    )


def _search(sites: Document) -> str:
    reports = [one for site in sites.values() if (one := mapping(site, "leaks"))]
    if not reports:
        return "What left them was not searched for records."
    size = sum((number(r, "size") or 0.0) + (number(r, "unpacked") or 0.0) for r in reports)
    rows, planted = (
        sum(number(r, key) or 0.0 for r in reports) for key in ("searchable", "planted")
    )
    hits = sum(
        (number(r, "rows_found") or 0.0) + (number(r, "planted_found") or 0.0) for r in reports
    )
    what = f"{fmt.count(rows)} records" + (
        f" and {fmt.count(planted)} planted identifiers" if planted else ""
    )
    searched = f"{fmt.size(size)} of traffic were searched"
    if hits:
        return f"{fmt.count(hits)} of {what} of these sites were found: {searched}."
    if any(at(r, "unread") for r in reports):
        return "Not all of the captured traffic could be unpacked, so it shows nothing."
    return f"None of {what} of these sites was found: {searched}."


def _attacked(told: Document) -> str:
    attacks = mapping(told, "inversion")
    said = [
        f"{words}: {fmt.count(number(one, 'recovered') or 0.0)} of "
        f"{fmt.count(number(one, 'updates') or 0.0)} gave a row away (by chance "
        f"{fmt.percent(number(one, 'chance') or 0.0)})"
        for name, words in _ATTACKS
        if (one := mapping(attacks, name))
    ]
    if not said:
        return ""
    return f"Read as a curious coordinator would (gradient inversion): {'; '.join(said)}."


def _traffic(sites: Document) -> Figure | None:
    """Draw the bytes out of each site, and those into it as a mark."""
    counts = {name: _counts(one) for name, one in sites.items()}
    drawn = sorted(((n, c) for n, c in counts.items() if c), key=lambda pair: -pair[1][1])
    if not drawn:
        return None
    rows = [
        charts.Bar(name, out, out, out, fmt.size(out), reference=into)
        for name, (_, out, _, into) in drawn[:_MOST_SITES]
    ]
    described = "; ".join(f"{r.label}: {r.said} out" for r in rows)
    twin = Table(
        "Traffic by site",
        ("Site", "Messages out", "Bytes out", "Messages in", "Bytes in"),
        tuple((name, *(fmt.count(v) for v in values)) for name, values in sorted(drawn)),
    )
    more = f", the {_MOST_SITES} largest of {len(drawn)}" if len(drawn) > _MOST_SITES else ""
    return Figure(
        charts.bars("plot-traffic", "Bytes that left each site", rows, described, say=fmt.size),
        f"Bytes of messages that left each site{more}.",
        (("chance", "bytes into the site"),),
        twin,
    )


def _counts(site: Document) -> tuple[float, float, float, float] | None:
    """Return messages and bytes out, messages and bytes in; the site's own count first."""
    told = mapping(site, "stated") or mapping(site, "counted")
    if not told:
        return None
    found = [
        sum(number(flow, what) or 0.0 for flow in mapping(told, way).values())
        for way in ("sent", "received")
        for what in ("messages", "bytes")
    ]
    return found[0], found[1], found[2], found[3]


def _table(sites: Document) -> Table:
    rows = []
    for name, one in sites.items():
        epsilon, leaks = number(one, "epsilon"), mapping(one, "leaks")
        counts = _counts(one)
        found = (number(leaks, "rows_found") or 0.0) + (number(leaks, "planted_found") or 0.0)
        rows.append(
            (
                name,
                fmt.count(number(one, "rounds") or 0.0),
                fmt.epsilon(epsilon) if epsilon is not None else "none",
                fmt.size(counts[1]) if counts else fmt.NOTHING,
                fmt.count(found) if leaks else "not searched",
                _same(one),
                "signed" if at(one, "verified") else text(one, "why") or "missing",
            )
        )
    return Table(
        "Sites",
        ("Site", "Rounds", "Proved ε", "Sent", "Records found", "Counts agree", "Evidence"),
        tuple(rows),
    )


def _same(site: Document) -> str:
    if not (mapping(site, "stated") and mapping(site, "counted")):
        return fmt.NOTHING
    return "no" if items(site, "differences") else "yes"


def _notes(told: Document, sites: Document) -> tuple[str, ...]:
    found = []
    if any(mapping(one, "leaks") for one in sites.values()):
        found.append(
            "Records were searched for as text, numbers, encoded rows and hashes, also behind hex, "
            "base64 and compression. A search doesn’t see what was encrypted, rounded, added up or "
            "changed; for that, read what the attacks on the updates found."
        )
    for name, one in sites.items():
        found += [f"{name} counts otherwise than the coordinator: {d}." for d in
                  items(one, "differences")]  # fmt: skip
    trusted = dict.fromkeys(str(t) for one in sites.values() for t in items(one, "trusted"))
    found += [f"Who must be trusted: {t}." for t in trusted]
    return (*found, *(f"{str(w).rstrip('.')}." for w in items(told, "warnings")))


def _joined(told: Document) -> str:
    return f"{text(told, 'strategy')}, {text(told, 'rule', 'name')}"


def _secure(told: Document) -> str:
    least = number(told, "secure", "threshold")
    return "none" if least is None else f"sums of at least {fmt.count(least)} sites"


def _privacy(told: Document) -> str:
    epsilon = number(told, "privacy", "epsilon")
    if epsilon is None:
        return "none"
    unit, noise = text(told, "privacy", "unit"), text(told, "privacy", "noise")
    return f"ε = {fmt.epsilon(epsilon)} for each {unit}, noise {noise}"


def _liars(told: Document) -> str:
    borne = number(told, "tolerated", "liars") or 0.0
    rule = text(told, "tolerated", "rule")
    aside = {word: mapping(told, "tolerated", word) for word in ("outvoted", "cut")}
    said = [
        f"{word} {name} in {fmt.count(number(who, name) or 0.0)} rounds"
        for word, who in aside.items()
        for name in list(who)[:_MOST_SITES]
    ]
    if rule == "mean":
        return "the mean tolerates none"
    return f"{rule} tolerates {fmt.count(borne)}" + (f"; {', '.join(said)}" if said else "")


def _left_out(told: Document) -> str:
    dropped = mapping(told, "tolerated", "dropped")
    lost = len(mapping(told, "tolerated", "lost"))
    said = [
        f"{name} in {fmt.count(number(dropped, name) or 0.0)} rounds"
        for name in list(dropped)[:_MOST_SITES]
    ]
    said += [f"{fmt.count(lost)} rounds gave no update"] if lost else []
    return ", ".join(said) or "nobody"
