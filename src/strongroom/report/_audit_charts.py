"""The plots of an audit: measured values against their limits, scores of members and strangers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.drawing import Axis, figure, line, nice_step, path, tag, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markupsafe import Markup

WIDTH = 400.0
_ROW = 44.0
_SAID = 48  # letters of a row's name that fit above its bar


@dataclass(frozen=True)
class Bar:
    """One measured value.

    Attributes:
        label: what was measured.
        value, low, high: the number and its interval (all alike: none).
        said: the number in words.
        limit: what it must not pass, if anything.
        status: of its finding.
        reference: what chance or a baseline reaches, if that is known.
    """

    label: str
    value: float
    low: float
    high: float
    said: str
    limit: float | None = None
    status: str = "pass"
    reference: float | None = None


def bars(
    name: str,
    title: str,
    rows: Sequence[Bar],
    description: str,
    *,
    say: Callable[[float], str],
    top: float | None = None,
) -> Markup:
    """Draw a bar per value with its interval and its limit.

    Args:
        name: id of the figure.
        title: what a screen reader says first.
        rows: what to draw, from above.
        description: what the picture shows, for those who can't see it.
        say: writes a number below the axis.
        top: the end of the axis; the largest number shown by default.
    """
    left, right, head = 4.0, 392.0, 8.0
    seen = [v for r in rows for v in (r.value, r.high, r.limit or 0.0, r.reference or 0.0)]
    bottom = min(0.0, *(r.low for r in rows), *(r.value for r in rows))
    most = max(*seen, 0.0) if top is None else top
    most = most if most > bottom else bottom + 1.0
    step = nice_step(most - bottom, 5)
    x = Axis(math.floor(bottom / step) * step, math.ceil(most / step - 1e-9) * step, left, right)
    end = head + _ROW * len(rows)
    parts: list[Markup] = []
    for i in range(round(x.low / step), round(x.high / step) + 1):
        at = x(i * step)
        anchor = "start" if i * step == x.low else "end" if at > right - 4 else "middle"
        parts += [
            line(at, head + 14, at, end, "grid"),
            text(at, end + 17, say(i * step), "small", anchor),
        ]
    for i, row in enumerate(rows):
        parts += _bar(row, x, head + _ROW * i)
    parts.append(line(x(0.0), head + 14, x(0.0), end, "axis"))
    return figure(name, WIDTH, end + 26, title, description, *parts)


def _bar(row: Bar, x: Axis, above: float) -> list[Markup]:
    middle, zero = above + 28, x(0.0)
    start, stop = min(zero, x(row.value)), max(zero, x(row.value))
    name = row.label if len(row.label) <= _SAID else f"{row.label[: _SAID - 1].rstrip()}…"
    parts = [
        text(x.start, above + 15, name, "", "start"),
        text(x.end, above + 15, row.said, "strong", "end"),
        tag("rect", x=start, y=middle - 6, width=max(stop - start, 1.5), height=12,
            class_=f"bar value {row.status}"),
    ]  # fmt: skip
    if row.high > row.low:
        parts += [line(x(row.low), middle, x(row.high), middle, "whisker")]
        parts += [line(x(v), middle - 4, x(v), middle + 4, "whisker") for v in (row.low, row.high)]
    if row.reference is not None:
        parts.append(line(x(row.reference), middle - 9, x(row.reference), middle + 9, "chance"))
    if row.limit is not None:
        parts.append(line(x(row.limit), middle - 10, x(row.limit), middle + 10, "limit"))
    return parts


@dataclass(frozen=True)
class Scores:
    """How an attack scored members and strangers.

    Attributes:
        edges: n + 1 ends of the bins, rising.
        members, nonmembers: the share of each in every bin, n numbers.
        marked: scores of the records that are named below, the most exposed first.
    """

    edges: Sequence[float]
    members: Sequence[float]
    nonmembers: Sequence[float]
    marked: Sequence[tuple[str, float]]


def score_strip(scores: Scores, description: str) -> Markup:
    """Draw members above a line and strangers below it; the most exposed records are marked.

    Args:
        scores: two histograms over the same bins, and what to mark.
        description: what the picture shows, for those who can't see it.
    """
    left, right, middle, tall = 12.0, 388.0, 126.0, 84.0
    x = Axis(scores.edges[0], scores.edges[-1], left, right)
    peak = max(*scores.members, *scores.nonmembers) or 1.0
    parts: list[Markup] = []
    for heights, way, kind in ((scores.members, -1.0, "c1"), (scores.nonmembers, 1.0, "c2")):
        points = [(x(scores.edges[0]), middle)]
        for height, low, high in zip(heights, scores.edges[:-1], scores.edges[1:], strict=True):
            at = middle + way * tall * height / peak
            points += [(x(low), at), (x(high), at)]
        points.append((x(scores.edges[-1]), middle))
        parts += [path(points, f"band {kind}", closed=True), path(points, f"curve thin {kind}")]
    parts.append(line(left, middle, right, middle, "axis"))
    previous = math.inf
    # From the right: a label is written only where it doesn't cover its neighbour's.
    for said, score in sorted(scores.marked, key=lambda m: -m[1]):
        at = x(score)
        parts.append(line(at, middle - 12, at, middle, "exposed"))
        parts.append(tag("circle", cx=at, cy=middle - 14, r=3, class_="exposed"))
        width = 6.2 * len(said)
        if at + width / 2 < previous:
            anchor = "end" if at > right - width / 2 else "middle"
            parts.append(text(min(at, right), middle - 24, said, "small strong halo", anchor))
            previous = at - (width if anchor == "end" else width / 2) - 4
    parts += [
        text(left, 16, "members", "strong", "start"),
        text(left, middle + tall + 16, "strangers", "strong", "start"),
        text((left + right) / 2, middle + tall + 36, "the attack’s score →  surer: a member"),
    ]
    return figure("plot-exposed", WIDTH, middle + tall + 46, "Scores of members and strangers",
                  description, *parts)  # fmt: skip
