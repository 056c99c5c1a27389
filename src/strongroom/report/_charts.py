"""The plots, as inline SVG. Colours come from the page's classes, so they follow its theme.

Every plot is 400 units wide: on a phone its 12-unit letters are still above 10 pixels. Shapes and
labels carry what colours carry, for the colour-blind and for print.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.drawing import Axis, figure, line, nice_step, path, tag, text
from strongroom.report import _format as fmt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

WIDTH = 400.0
_MOST_POINTS = 160
_MOST_BANDS = 2  # more hide each other; the table has all intervals


@dataclass(frozen=True)
class Mark:
    """One model in the plot of privacy against utility; `epsilon` None is "no privacy"."""

    label: str
    shape: str
    epsilon: float | None
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """One ROC curve; `low` and `high` bound the true-positive rate, and may be empty."""

    label: str
    fpr: Sequence[float]
    tpr: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def _shape(kind: str, x: float, y: float) -> Markup:
    """Return a marker: a disc is this model, a diamond its twin, a ring the previous run.

    A small disc is a point of a sweep.
    """
    if kind == "swept":
        return tag("circle", cx=x, cy=y, r=4, class_="mark here")
    if kind == "twin":
        return path([(x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)], "mark twin", closed=True)
    return tag("circle", cx=x, cy=y, r=6.5, class_=f"mark {kind}")


def privacy_utility(
    marks: Sequence[Mark],
    majority: float | None,
    description: str,
    *,
    trail: Sequence[Mark] = (),
    here: bool = True,
) -> Markup:
    """Accuracy against ε on a log axis, with a place at the right for "no privacy".

    Args:
        marks: what to show; the first one is "you are here".
        majority: accuracy of always naming the largest class: the floor of usefulness.
        description: what the picture shows, for those who can't see it.
        trail: the points of a sweep, by rising ε, joined by a line.
        here: whether the first mark is called "you are here".
    """
    height, left, right, top, bottom = 300.0, 50.0, 388.0, 18.0, 246.0
    seen = [v for m in (*marks, *trail) for v in (m.low, m.high)]
    seen += [] if majority is None else [majority]
    pad = max((max(seen) - min(seen)) * 0.14, 0.01)
    low, high = max(min(seen) - pad, 0.0), min(max(seen) + pad, 1.0)
    step = nice_step(high - low, 7)
    y = Axis(low, high, bottom, top)
    spent = [math.log10(m.epsilon) for m in (*marks, *trail) if m.epsilon]
    first = min(-1.0, *(math.floor(s) for s in spent)) if spent else -1.0
    last = max(1.0, *(math.ceil(s) for s in spent)) if spent else 1.0
    none_at = right - 42
    x = Axis(first, last, left + 12, none_at - 52)
    parts: list[Markup] = []
    for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        at = i * step
        digits = 0 if step >= 0.01 else 1  # noqa: PLR2004 - whole percents
        parts += [
            line(left, y(at), right, y(at), "grid"),
            text(left - 8, y(at) + 4, f"{at * 100:.{digits}f}{fmt.GAP}%", anchor="end"),
        ]
    for decade in range(round(first), round(last) + 1):
        at = x(decade)
        parts += [
            line(at, bottom, at, bottom + 5, "axis"),
            text(at, bottom + 19, fmt.significant(10.0**decade)),
        ]
    parts += [
        line(left, bottom, right, bottom, "axis"),
        line(none_at - 38, top, none_at - 38, bottom, "rule"),
        text(none_at, bottom + 19, "without"),
        text((left + none_at - 36) / 2, bottom + 42, "← more private · privacy loss ε"),
        text(none_at, bottom + 33, "privacy"),
    ]
    if majority is not None:
        at = y(majority)
        parts += [
            line(left, at, right, at, "floor"),
            text(
                left + 6,
                at - 6,
                f"always the commonest answer {fmt.percent(majority)}",
                "",
                "start",
            ),
        ]
    if trail:
        joined = [(x(math.log10(m.epsilon)), y(m.accuracy)) for m in trail if m.epsilon]
        parts.append(path(joined, "curve c1"))
    for mark in (*trail, *reversed(marks)):
        at = none_at if mark.epsilon is None else x(math.log10(mark.epsilon))
        parts += [
            tag("g",
                line(at, y(mark.low), at, y(mark.high), "whisker"),
                line(at - 5, y(mark.low), at + 5, y(mark.low), "whisker"),
                line(at - 5, y(mark.high), at + 5, y(mark.high), "whisker"),
                _shape(mark.shape, at, y(mark.accuracy)),
                class_=f"point {mark.shape}"),
        ]  # fmt: skip
    if here:
        this = marks[0]
        at = none_at if this.epsilon is None else x(math.log10(this.epsilon))
        if trail:
            # Lines and whiskers stand at both sides: there is room above.
            highest = max(m.high for m in (*marks, *trail))
            parts.append(text(at, y(highest) - 6, "you are here", "strong"))
        else:
            # Beside the point, on the side with more room, so that the whisker stays visible.
            side, anchor = (-13, "end") if at > (left + none_at) / 2 else (13, "start")
            parts.append(text(at + side, y(this.accuracy) + 4, "you are here", "strong", anchor))
    return figure(
        "plot-utility", WIDTH, height, "Accuracy against privacy loss", description, *parts
    )


def _thin(curve: Curve, floor: float) -> list[int]:
    """Choose the points that a log axis can show: at most one per 1/160 of its length."""
    chosen: list[int] = []
    last = -1
    span = -math.log10(floor)
    for i, value in enumerate(curve.fpr):
        place = math.floor(
            _MOST_POINTS * (math.log10(max(value, floor)) - math.log10(floor)) / span
        )
        if place != last or i == len(curve.fpr) - 1:
            chosen.append(i)
            last = place
        elif chosen:
            # Of the points in one place the last is the highest: the attacker's best.
            chosen[-1] = i
    return chosen


def roc_floor(curves: Sequence[Curve]) -> float:
    """Return the smallest rate on both axes: a decade that the curves reach, 0.01 % to 1 %."""
    smallest = min((v for c in curves for v in c.fpr if v > 0), default=1e-3)
    return 10.0 ** min(max(math.floor(math.log10(smallest)), -4), -2)


def roc(curves: Sequence[Curve], limit: tuple[float, float] | None, description: str) -> Markup:
    """ROC on log-log axes: where people are recognised with few false alarms is what matters.

    Args:
        curves: at most four are told apart by colour and dash; two have their bands drawn.
        limit: (false-positive rate, highest true-positive rate that the policy allows).
        description: what the picture shows, for those who can't see it.
    """
    height, left, right, top, bottom = 378.0, 54.0, 388.0, 30.0, 330.0
    floor = roc_floor(curves)
    x, y = (Axis(math.log10(floor), 0.0, *ends) for ends in ((left, right), (bottom, top)))

    def at(axis: Axis, value: float) -> float:
        return axis(math.log10(max(value, floor)))

    parts: list[Markup] = []
    for decade in range(round(math.log10(floor)), 1):
        rate = 10.0**decade
        parts += [
            line(at(x, rate), top, at(x, rate), bottom, "grid"),
            line(left, at(y, rate), right, at(y, rate), "grid"),
            text(at(x, rate) - (8 if rate == 1 else 0), bottom + 18, fmt.percent(rate)),
            text(left - 8, at(y, rate) + 4, fmt.percent(rate), anchor="end"),
        ]
    for number, curve in enumerate(curves, start=1):
        chosen = _thin(curve, floor)
        if number <= _MOST_BANDS and len(curve.low) == len(curve.high) == len(curve.fpr):
            up = [(at(x, curve.fpr[i]), at(y, curve.high[i])) for i in chosen]
            down = [(at(x, curve.fpr[i]), at(y, curve.low[i])) for i in reversed(chosen)]
            parts.append(path(up + down, f"band c{number}", closed=True))
    for number, curve in enumerate(curves, start=1):
        drawn = [(at(x, curve.fpr[i]), at(y, curve.tpr[i])) for i in _thin(curve, floor)]
        parts.append(path(drawn, f"curve c{number}"))
    parts += [
        path([(left, bottom), (right, top)], "chance"),
        line(left, bottom, right, bottom, "axis"),
        line(left, top, left, bottom, "axis"),
        text((left + right) / 2, bottom + 42, "wrongly accused (false-positive rate)"),
        text(4, 13, "recognised (true-positive rate)", anchor="start"),
    ]
    if limit:
        place, most = at(x, limit[0]), at(y, limit[1])
        parts += [
            line(place, most, place, top, "limit"),
            line(place - 9, most, place + 9, most, "limit cap"),
            text(
                place + 8, top + 14, f"over the limit ({fmt.percent(limit[1])})", "alarm", "start"
            ),
        ]
    return figure("plot-roc", WIDTH, height, "Recognising people in the training data", description,
                  *parts)  # fmt: skip


@dataclass(frozen=True)
class Bin:
    """Rows whose group of look-alikes has between `low` and `high` members (None: no end)."""

    low: int
    high: int | None
    before: float
    after: float

    @property
    def label(self) -> str:
        """The bin as people read it: `1`, `2–4`, `100+`."""
        if self.high is None:
            return f"{self.low}+"
        return str(self.low) if self.high == self.low else f"{self.low}–{self.high}"


def risk_bins(
    before: Sequence[tuple[float, float]], after: Sequence[tuple[float, float]], k: int | None
) -> list[Bin]:
    """Gather (class size, rows) histograms into a few bins, as shares of all rows of each."""
    edges = sorted({1, 2, 3, 5, 10, 20, 50, 100} | ({k} if k and k <= 100 else set()))  # noqa: PLR2004
    bins = []
    for low, following in zip(edges, [*edges[1:], None], strict=True):
        shares = [
            sum(rows for size, rows in side if low <= size < (following or math.inf))
            / (sum(rows for _, rows in side) or 1)
            for side in (before, after)
        ]
        bins.append(Bin(low, following and following - 1, *shares))
    return bins


def risk_histogram(bins: Sequence[Bin], k: int | None, description: str) -> Markup:
    """Paired bars: share of rows by how many look alike, before (hatched) and after (solid)."""
    height, left, right, top, bottom = 300.0, 50.0, 392.0, 46.0, 242.0
    peak = max((v for b in bins for v in (b.before, b.after)), default=0.0) or 1.0
    step = nice_step(peak, 5)
    y = Axis(0.0, math.ceil(peak / step - 1e-9) * step, bottom, top)
    slot = (right - left) / len(bins)
    bar = slot * 0.36
    parts = [
        tag("defs", tag("pattern", tag("path", d="M0 6L6 0", class_="hatch-line"), id="hatch",
            width=6, height=6, patternUnits="userSpaceOnUse")),
    ]  # fmt: skip
    for i in range(round(y.high / step) + 1):
        at = i * step
        parts += [
            line(left, y(at), right, y(at), "grid"),
            text(left - 8, y(at) + 4, f"{at * 100:.3g}{fmt.GAP}%", anchor="end"),
        ]
    for i, each in enumerate(bins):
        middle = left + (i + 0.5) * slot
        for share, start, kind in ((each.before, middle - bar, "was"), (each.after, middle, "is")):
            if share > 0:
                tall = max(bottom - y(share), 1.5)
                parts.append(tag("rect", x=start + 0.5, y=bottom - tall, width=bar - 1,
                                 height=tall, class_=f"bar {kind}"))  # fmt: skip
        parts.append(text(middle, bottom + 17, each.label, "small"))
        if k and each.low == k and i:
            at = left + i * slot
            parts += [
                line(at, top - 14, at, bottom + 4, "limit"),
                text(at + 6, top - 6, f"k = {k}: no group below", "strong", "start"),
            ]
    parts += [
        line(left, bottom, right, bottom, "axis"),
        text((left + right) / 2, bottom + 40, "rows that look alike (size of the group)"),
        text(4, 12, "share of rows", anchor="start"),
    ]
    return figure("plot-risk", WIDTH, height, "Rows by the size of their group of look-alikes",
                  description, *parts)  # fmt: skip


def gauge(spent: float, reserved: float, budget: float, description: str) -> Markup:
    """A fuel gauge: what is spent of the budget, settled and still reserved, and what is left."""
    left, right, top, tall = 2.0, 398.0, 8.0, 30.0
    over = spent > budget
    x = Axis(0.0, max(budget, spent), left, right)
    parts = [
        tag("rect", x=left, y=top, width=right - left, height=tall, rx=6, class_="tank"),
        tag("rect", x=left, y=top, width=max(x(spent) - left, 3), height=tall, rx=6,
            class_="fuel over" if over else "fuel"),
    ]  # fmt: skip
    if reserved > 0:
        parts.append(tag("rect", x=x(spent - reserved), y=top, width=x(spent) - x(spent - reserved),
                         height=tall, class_="fuel reserved"))  # fmt: skip
    parts += [
        line(x(budget), top - 6, x(budget), top + tall + 6, "limit"),
        text(left, top + tall + 22, f"spent ε {fmt.epsilon(spent)}", "strong", "start"),
        text(right, top + tall + 22, f"budget ε {fmt.epsilon(budget)}", "", "end"),
    ]
    return figure("plot-budget", WIDTH, 68, "Privacy budget", description, *parts)


def spark(share: float) -> Markup:
    """A tiny bar inside a table, for the eye only: the number stands beside it."""
    return tag("svg", tag("rect", width=100, height=8, rx=4, class_="tank"),
               tag("rect", width=max(min(share, 1.0) * 100, 2), height=8, rx=4, class_="fuel"),
               class_="spark", viewBox="0 0 100 8", aria_hidden="true")  # fmt: skip
