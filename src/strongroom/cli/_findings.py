"""An audit in a terminal: rooms, the worst first, a line per metric; then what changed.

A metric that several attacks measured is shown once, by the attack that found most; `every` shows
all. What wasn't measured stands below, once per reason.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from strongroom.cli.console import STATUS_STYLE, limit_words, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.cli.console import Console

    Document = Mapping[str, Any]

_ORDER = ("fail", "warn", "pass", "not_evaluable")
_SEVERITIES = ("critical", "high", "medium", "low", "info")
_TITLES = {
    "membership": "who was in the training data",
    "privacy": "what is proved and what planted records show",
    "attribute": "what people kept to themselves",
    "extraction": "training text that comes out again",
    "inversion": "people drawn from the model",
    "reconstruction": "training records computed back",
    "stealing": "copies of the model",
    "structure": "what the model holds in itself",
    "erasure": "records that were to be forgotten",
    "evasion": "predictions that small changes flip",
    "utility": "how often it is right",
    "file": "its file",
    "baseline": "for comparison, without privacy",
    "anonymize": "how people hide among each other in the data",
    "discover": "what was left in the data",
}
_MOST_CHECKS = 4


def print_findings(console: Console, findings: Sequence[Document], *, every: bool = False) -> None:
    """Print findings by room, the room with the worst news first."""
    measured = [f for f in findings if f["value"] is not None]
    rooms: dict[str, list[Document]] = defaultdict(list)
    for finding in sorted(measured, key=_badness):
        rooms[finding["metric"].partition(".")[0]].append(finding)
    width = max((len(f["metric"]) for f in measured), default=0)
    for room, inside in rooms.items():
        title = _TITLES.get(room, "")
        console.say(f"{room}  {title}".rstrip(), style="bold")
        _print_room(console, inside, width, every=every)
        console.say()
    _print_unmeasured(console, [f for f in findings if f["value"] is None])


def _print_room(console: Console, inside: list[Document], width: int, *, every: bool) -> None:
    by_metric: dict[str, list[Document]] = defaultdict(list)
    for finding in inside:
        by_metric[finding["metric"]].append(finding)
    hints: dict[str, None] = {}
    for metric, found in by_metric.items():
        for finding in found if every else found[:1]:
            status = str(finding["status"])
            mark = "    " if _unlimited(finding) else status.upper()
            told = "" if every or len(found) == 1 else f", worst of {len(found)}"
            check = finding["check"].rpartition(".")[2]
            by = f"  {check}{told}" if finding["check"] != metric else ""
            style = "" if _unlimited(finding) else STATUS_STYLE[status]
            console.marked(f"  {mark:<5}", f"{metric:<{width}}  {_value(finding)}", by, style)
            partial = finding["details"].get("partial")
            if partial:
                console.say(f"         only a part: {partial}", style="dim")
            if status in ("warn", "fail") and finding["hint"]:
                hints[finding["hint"]] = None
    for hint in hints:
        console.say(f"         hint: {hint}", style="dim")


def _value(finding: Document) -> str:
    said = number(finding["value"])
    if finding["interval"]:
        said += f" [{number(finding['interval']['low'])}, {number(finding['interval']['high'])}]"
    limit = limit_words(finding)
    claimed = (finding["threshold"] or {}).get("source") == "claim"
    return said + (f", {'claimed' if claimed else 'limit'} {limit}" if limit else "")


def _unlimited(finding: Document) -> bool:
    return finding["status"] == "pass" and not finding["threshold"]


def _badness(finding: Document) -> tuple[int, int, int, int, float]:
    """Worst first: status, what has no limit last, severity, the room, and the larger value."""
    rooms = list(_TITLES)
    room = finding["metric"].partition(".")[0]
    return (
        _ORDER.index(finding["status"]),
        int(_unlimited(finding)),
        _SEVERITIES.index(finding["severity"]),
        rooms.index(room) if room in rooms else len(rooms),
        -float(finding["value"] or 0.0),
    )


def _print_unmeasured(console: Console, findings: Sequence[Document]) -> None:
    """Say once per reason what couldn't be measured, and by what."""
    reasons: dict[str, dict[str, None]] = defaultdict(dict)
    for finding in findings:
        unasked = finding["check"] == "policy"  # no attack of this audit asks
        reasons[finding["reason"]][finding["metric" if unasked else "check"]] = None
    if not reasons:
        return
    console.say("not measured, which does not mean safe", style="bold")
    for reason, checks in reasons.items():
        names = list(checks)
        more = len(names) - _MOST_CHECKS
        said = ", ".join(names[:_MOST_CHECKS]) + (f" and {more} more" if more > 0 else "")
        console.say(f"  {said}: {reason}", style=STATUS_STYLE["not_evaluable"])
    console.say()


def print_exposed(console: Console, exposed: Sequence[Document], most: int) -> None:
    """Print the records that the strongest attack is surest of: where they stand, not who."""
    if not exposed:
        console.say("No attack of this audit tells records apart well enough to name one.")
        console.say()
        return
    told = exposed[0]
    people = any(r.get("subject") is not None for r in told["rows"])
    header = ["row", "score", "strangers who score as high", "at most"]
    rows = [
        [
            f"{r['row']:,}",
            number(r["score"]),
            f"{100 * r['fpr']:.3g} %",
            f"{100 * r['fpr_high']:.3g} %",
            *([str(r["subject"])] if people else []),
        ]
        for r in told["rows"][:most]
    ]
    console.say(f"most exposed  members by row number, from 0 ({told['check']})", style="bold")
    console.table(header + (["person"] if people else []), rows, numeric=range(5))
    console.say()


def print_changes(console: Console, changes: Sequence[Document], when: str) -> None:
    """Print what became better or worse since an earlier audit, and count the rest."""
    counts: dict[str, int] = defaultdict(int)
    for change in changes:
        counts[change["direction"]] += 1
    if not counts:
        return
    order = ("worse", "better", "changed", "new", "gone", "same within noise")
    said = ", ".join(f"{counts[d]} {d}" for d in order if counts[d])
    console.say(f"since {when}  {said}", style="bold")
    for change in changes:
        way = change["direction"]
        if way in ("worse", "better", "changed"):
            style = {"worse": "red", "better": "green"}.get(way, "")
            was, now = number(change["before"]), number(change["after"])
            check = change["check"].rpartition(".")[2]
            console.marked(f"  {way:<7}", f"{change['metric']}  {was} → {now}", f"  {check}", style)
    console.say()
