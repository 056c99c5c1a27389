"""The first screen as values: the verdict in words, four tiles, what changed since last time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from strongroom.audit import METRICS, Direction, Finding, Severity, Status, comparison
from strongroom.report import _format as fmt
from strongroom.report._metrics import Unit, metric
from strongroom.report._read import at, bounds, items, mapping, number, text

if TYPE_CHECKING:
    from strongroom.report._data import ReportData
    from strongroom.report._read import Document

TPR = "membership.tpr_at_fpr_0.001"
GUESSING = 0.001

_SEVEREST_FIRST = [s.value for s in reversed(Severity)]
_WORST_FIRST = (Status.FAIL, Status.WARN, Status.NOT_EVALUABLE, Status.PASS)


class State(StrEnum):
    """How the whole stands."""

    WITHIN = "within"
    NOT_WITHIN = "not_within"
    NONE = "none"


@dataclass(frozen=True)
class Verdict:
    """The answer to "may this be released?", in words.

    Attributes:
        state: how it stands.
        headline: one sentence.
        reasons: what stands in the way, a sentence each.
        summary: two or three sentences that everybody reads.
        counts: findings per status.
        unlimited: how many of those that pass do so because no limit is set for them.
    """

    state: State
    headline: str
    reasons: tuple[str, ...]
    summary: str
    counts: dict[str, int]
    unlimited: int


@dataclass(frozen=True)
class Change:
    """What a value did since the previous run: `better`, `worse`, `same` or just `changed`."""

    direction: str
    words: str


@dataclass(frozen=True)
class Tile:
    """One of the four answers of the first screen.

    Attributes:
        id: anchor of the section that goes deeper.
        question: what it is about.
        value: the figure; `caption` says what it is, `notes` give interval and comparison.
        status: against the limit; None where there is no limit.
        limit: in words.
        change: since the previous run, if there was one.
        record: index of the evidence record.
    """

    id: str
    question: str
    value: str
    caption: str
    notes: tuple[str, ...]
    status: str | None
    limit: str
    change: Change | None
    record: Document | None


def status_of(finding: Document) -> Status:
    """Return a finding's status; one that can't be read counts as not evaluable."""
    said = text(finding, "status")
    return Status(said) if said in set(Status) else Status.NOT_EVALUABLE


def is_unlimited(finding: Document) -> bool:
    """Tell whether a finding passes only because it was held against nothing."""
    return status_of(finding) is Status.PASS and not mapping(finding, "threshold")


def badness(finding: Document) -> tuple[int, int, float]:
    """Order findings worst first: by status, by severity, then by value in the bad direction."""
    value = number(finding, "value")
    known = METRICS.get(text(finding, "metric"))
    if value is None:
        value = math.inf
    elif known is None or known.lower_is_better:
        value = -value
    severity = text(finding, "severity")
    rank = _SEVEREST_FIRST.index(severity) if severity in _SEVEREST_FIRST else 0
    return (_WORST_FIRST.index(status_of(finding)), rank, value)


def worst(findings: list[Document], metric_id: str) -> Document | None:
    """Return the worst finding on a metric, when several attacks measured it."""
    return min((f for f in findings if text(f, "metric") == metric_id), key=badness, default=None)


def limits(data: ReportData, metric_id: str, finding: Document | None = None) -> str:
    """Return the limit of a metric in words, from its finding or else the policy; "" if none."""
    held = (finding or {}).get("threshold") or data.policy.get(metric_id)
    return fmt.limit_of(metric(metric_id).unit, number(held, "min"), number(held, "max"))


def interval_words(finding: Document) -> str:
    """Return a finding's confidence interval in words; "" if it has none."""
    confidence = number(finding, "interval", "confidence") or 0.95
    spread = interval_range(finding)
    return spread and f"{fmt.percent(confidence)} interval {spread}"


def interval_range(finding: Document) -> str:
    """Return the ends of a finding's confidence interval; "" if it has none."""
    pair = bounds(finding, "interval")
    return "" if pair is None else fmt.range_of(metric(text(finding, "metric")).unit, *pair)


def sentence(data: ReportData, finding: Document) -> str:
    """Return one finding as a sentence: what, how much, which limit."""
    known = metric(text(finding, "metric"), text(finding, "title"))
    value = number(finding, "value")
    limit = limits(data, known.id, finding)
    said = known.name[:1].upper() + known.name[1:]
    if value is None:
        return f"{said}: could not be measured{_because(finding)}."
    return f"{said}: {fmt.value_of(known.unit, value)}" + (
        f", {fmt.limited(limit)}." if limit else "."
    )


def _because(finding: Document) -> str:
    reason = text(finding, "reason").rstrip(".")
    return f" ({reason})" if reason else ""


def verdict(data: ReportData) -> Verdict:
    """Judge the whole. Fails closed: a limit that nothing was measured against isn't kept."""
    findings = sorted(data.findings, key=badness)
    counts = {s.value: sum(status_of(f) is s for f in findings) for s in Status}
    unlimited = sum(map(is_unlimited, findings))
    failed = [f for f in findings if status_of(f) is Status.FAIL]
    # Several attacks may miss one limit: the worst speaks, for they stand worst first.
    failed = list({text(f, "metric"): f for f in reversed(failed)}.values())[::-1]
    measured = {text(f, "metric") for f in findings if number(f, "value") is not None}
    unanswered = [m for m in data.policy if m not in measured]
    summary = " ".join(filter(None, [_tally(counts, unlimited), _leak(data), _proved(data)]))
    troubles = [metric(text(f, "metric"), text(f, "title")).trouble for f in failed]
    troubles += [f"{metric(m).name} could not be measured" for m in unanswered]
    reasons = [sentence(data, f) for f in failed]
    reasons += [_unmeasured(m, findings) for m in unanswered]
    refused = data.verdict is not None and at(data.verdict, "ok") is not True
    if refused and not troubles:
        reasons = [str(r) for r in items(data.verdict, "reasons")]
        troubles = [r.rstrip(".") for r in reasons[:1]] or ["whoever judged it refused it"]
    judged = data.policy or (refused and data.page == "report")
    what = "policy" if judged else "Strongroom’s default limits"
    if troubles:
        several = list(dict.fromkeys(troubles))
        more = len(several) - 1
        tail = f", and {more} more reason{'s'[: more > 1]}" if more else ""
        headline = f"Not within {what}: {several[0]}{tail}."
        return Verdict(State.NOT_WITHIN, headline, tuple(reasons), summary, counts, unlimited)
    if not measured:
        headline = "No verdict yet: nothing has been measured against a limit."
        return Verdict(State.NONE, headline, (), summary, counts, unlimited)
    return Verdict(State.WITHIN, f"Within {what}.", (), summary, counts, unlimited)


def _unmeasured(metric_id: str, findings: list[Document]) -> str:
    why = next((_because(f) for f in findings if text(f, "metric") == metric_id), "")
    name = metric(metric_id).name
    return f"{name[:1].upper()}{name[1:]}: a limit is set, but it could not be measured{why}."


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _tally(counts: dict[str, int], unlimited: int) -> str:
    parts = [
        (counts["pass"] - unlimited, "passed"),
        (counts["fail"], "failed"),
        (counts["warn"], "need attention" if counts["warn"] > 1 else "needs attention"),
        (counts["not_evaluable"], "could not be measured"),
        (unlimited, "had no limit to keep"),
    ]
    said = [f"{n} {words}" for n, words in parts if n]
    total = sum(counts.values())
    return f"Of {total} check{'s'[: total != 1]}, {_and(said)}." if said else ""


def _proved(data: ReportData) -> str:
    epsilon, delta = (number(data.train, "privacy", key) for key in ("epsilon", "delta"))
    if data.page == "audit":
        return _claimed(data)
    if data.train is None:
        return "No model has been trained yet."
    if not is_private(data) or epsilon is None:
        return "The model was trained without a privacy guarantee."
    bound = worst(data.findings, "privacy.epsilon_lower_bound")
    low = number(bound, "value")
    measured = "" if low is None else f"; measured lower bound {fmt.epsilon(low)}"
    guess = number(worst(data.findings, "privacy.epsilon_estimate"), "value")
    if guess is not None:
        measured += f"; estimated at least {fmt.epsilon(guess)}"
    return f"Proved ε{fmt.GAP}={fmt.GAP}{fmt.epsilon(epsilon)}{fmt.at_delta(delta)}{measured}."


def _claimed(data: ReportData) -> str:
    """Say what was claimed about privacy, and what was measured, of a model made elsewhere."""
    claim = number(worst(data.findings, "privacy.epsilon"), "value")
    bound = number(worst(data.findings, "privacy.epsilon_lower_bound"), "value")
    if claim is None and bound is None:
        return ""
    said = f"Claimed ε{fmt.GAP}={fmt.GAP}{fmt.epsilon(claim)}" if claim is not None else ""
    measured = f"measured lower bound {fmt.epsilon(bound)}" if bound is not None else ""
    both = "; ".join(filter(None, (said, measured)))
    return f"{both[:1].upper()}{both[1:]}."


def is_private(data: ReportData) -> bool:
    """Tell whether the model has a privacy guarantee that counts."""
    statement = mapping(data.train, "privacy")
    return bool(statement) and statement.get("private", True) is True


def _leak(data: ReportData) -> str:
    share = number(worst(data.findings, TPR), "value")
    if share is None:
        return ""
    return (
        f"The strongest attack recognised {fmt.percent(share)} of the training people while "
        f"wrongly accusing 1 in 1,000 others; guessing would reach {fmt.percent(GUESSING)}."
    )


def change(data: ReportData, finding: Document | None) -> Change | None:
    """Compare a finding with the same check's finding of the previous run."""
    if data.previous is None or finding is None or number(finding, "value") is None:
        return None
    key = (text(finding, "check"), text(finding, "metric"))
    then = [f for f in data.previous if (text(f, "check"), text(f, "metric")) == key][:1]
    before = number(then[0], "value") if then else None
    if before is None:
        return Change("new", "not measured last time")
    moved = comparison([Finding.from_json(then[0])], [Finding.from_json(finding)])[0]
    was = f"was {fmt.value_of(metric(key[1]).unit, before)} last time"
    if moved.direction is Direction.SAME:
        same = before == number(finding, "value")
        return Change("same", "unchanged since last time" if same else f"within chance: {was}")
    return Change(moved.direction.value, was)


def tiles(data: ReportData) -> list[Tile]:
    """Return the four answers of the first screen, whatever has been measured."""
    if data.page == "audit":
        return [_leaked(data), _given_away(data), _robust(data), _right(data)]
    return [_privacy(data), _leaked(data), _robust(data), _useful(data)]


# What an attacker could learn beside membership, by rooms of attacks.
_SECRETS = (
    *("attribute", "extraction", "inversion", "reconstruction", "structure", "stealing", "erasure"),
    "privacy",
)


def _given_away(data: ReportData) -> Tile:
    found = [
        f
        for f in data.findings
        if text(f, "metric").partition(".")[0] in _SECRETS
        and text(f, "metric") != "privacy.epsilon"
        and number(f, "value") is not None
    ]
    finding = min(found, key=badness, default=None)
    if finding is None:
        return Tile("findings", "What else it gives away", fmt.NOTHING,
                    "no other attack was run", (), None, "", None, None)  # fmt: skip
    known = metric(text(finding, "metric"), text(finding, "title"))
    return Tile(
        f"room-{known.id.partition('.')[0]}", "What else it gives away",
        fmt.value_of(known.unit, number(finding, "value")), f"worst of the rest: {known.name}",
        tuple(filter(None, [interval_words(finding)])), _status(finding),
        limits(data, known.id, finding), change(data, finding), data.record("audit"),
    )  # fmt: skip


def _right(data: ReportData) -> Tile:
    """Accuracy as the audit measured it, where no training tells it."""
    finding = worst(data.findings, "utility.accuracy")
    value = number(finding, "value")
    caption = "accuracy on the non-members" if value is not None else "accuracy was not measured"
    return Tile(
        "findings", "Utility", fmt.value_of(Unit.SHARE, value), caption,
        tuple(filter(None, [interval_words(finding or {})])), _status(finding),
        limits(data, "utility.accuracy", finding), change(data, finding), data.record("audit"),
    )  # fmt: skip


def _status(finding: Document | None) -> str | None:
    if finding is None or is_unlimited(finding):
        return None
    return status_of(finding).value


def _privacy(data: ReportData) -> Tile:
    finding = worst(data.findings, "privacy.epsilon")
    bound = worst(data.findings, "privacy.epsilon_lower_bound")
    epsilon, delta = (number(data.train, "privacy", key) for key in ("epsilon", "delta"))
    low = number(bound, "value")
    guess = number(worst(data.findings, "privacy.epsilon_estimate"), "value")
    notes: tuple[str, ...] = ()
    if low is not None:
        notes += (f"attack on planted records measured at least {fmt.epsilon(low)}",)
    if guess is not None:
        notes += (f"estimate, if the noise is as accounted: at least {fmt.epsilon(guess)}",)
    if data.train is None:
        value, caption = fmt.NOTHING, "no model trained yet"
    elif epsilon is None or not is_private(data):
        value, caption = "none", "trained without a privacy guarantee"
    else:
        value = f"ε {fmt.epsilon(epsilon)}"
        caption = f"proved upper bound{fmt.at_delta(delta)} (differential privacy)"
    return Tile(
        "statement", "Privacy proved", value, caption, notes, _status(finding),
        limits(data, "privacy.epsilon", finding), change(data, finding), data.record("train"),
    )  # fmt: skip


def _leaked(data: ReportData) -> Tile:
    finding = worst(data.findings, TPR)
    value = number(finding, "value")
    caption = f"of training people recognised at 0.1{fmt.GAP}% false alarms (membership inference)"
    notes = tuple(
        filter(None, [interval_words(finding or {}), f"guessing reaches {fmt.percent(GUESSING)}"])
    )
    if value is None:
        caption, notes = "no attack on membership was run", ()
    return Tile(
        "leak", "Leak measured", fmt.value_of(Unit.SHARE, value), caption, notes,
        _status(finding), limits(data, TPR, finding), change(data, finding), data.record("audit"),
    )  # fmt: skip


def _robust(data: ReportData) -> Tile:
    finding = worst(data.findings, "evasion.success_rate")
    value = number(finding, "value")
    caption = "of correct predictions flipped by small changes (evasion)"
    if value is None:
        caption = "no attack with altered records was run"
    return Tile(
        "findings", "Robustness", fmt.value_of(Unit.SHARE, value), caption,
        tuple(filter(None, [interval_words(finding or {})])), _status(finding),
        limits(data, "evasion.success_rate", finding), change(data, finding), data.record("audit"),
    )  # fmt: skip


def _useful(data: ReportData) -> Tile:
    finding = worst(data.findings, "utility.accuracy")
    value = accuracy(data.train)
    notes = []
    pair = bounds(data.train, "metrics", "test", "accuracy_interval")
    if value is not None and pair:
        notes.append(f"95{fmt.GAP}% interval {fmt.range_of(Unit.SHARE, *pair)}")
    plain = accuracy((data.train or {}).get("comparison"))
    if value is not None and plain is not None:
        verb = "given up" if plain >= value else "gained"
        notes.append(f"without privacy {fmt.percent(plain)}: {fmt.points(plain - value)} {verb}")
    caption = "accuracy on unseen records" if value is not None else "no model tested yet"
    return Tile(
        "utility", "Utility", fmt.value_of(Unit.SHARE, value), caption, tuple(notes),
        _status(finding), limits(data, "utility.accuracy", finding), change(data, finding),
        data.record("train"),
    )  # fmt: skip


def accuracy(train: Document | None) -> float | None:
    """Return the test accuracy that a training document gives."""
    return number(train, "metrics", "test", "accuracy")
