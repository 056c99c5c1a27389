"""A line plot: 400 units wide, so that its 12-unit letters can be read on a phone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.drawing._svg import Axis, figure, line, path, tag, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markupsafe import Markup

WIDTH, HEIGHT = 400.0, 280.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 386.0, 30.0, 226.0
_Y_STEPS = 6


@dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        label: what it is.
        points: (x, y), at least one.
        kind: "c1" is drawn solid, "c2" dashed.
        dots: mark every point.
    """

    label: str
    points: Sequence[tuple[float, float]]
    kind: str = "c1"
    dots: bool = False


def nice_step(span: float, most: int) -> float:
    """Return 1, 2 or 5 times a power of ten, so that `span` holds at most `most` steps."""
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))


def plot(
    name: str,
    title: str,
    description: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    x_ticks: Sequence[float] | None = None,
    log_x: bool = False,
    say_y: Callable[[float], str] = "{:.3g}".format,
    here: tuple[float, float] | None = None,
) -> Markup:
    """Draw lines over one x-axis.

    Args:
        name: id of the figure.
        title: what a screen reader says first.
        description: and then.
        series: the lines.
        x_label: below the axis.
        y_label: above it.
        x_ticks: where to write numbers below; a nice step by default.
        log_x: a logarithmic x-axis.
        say_y: writes a number at the left.
        here: a point to be marked "you are here".
    """
    xs = [x for s in series for x, _ in s.points]
    ys = [y for s in series for _, y in s.points] + ([here[1]] if here else [])
    place: Callable[[float], float] = math.log10 if log_x else float
    x = _axis([place(v) for v in xs], _LEFT + 8, _RIGHT - 8, pad=0.0)
    y = _axis(ys, _BOTTOM, _TOP, pad=0.08)
    step = nice_step(y.high - y.low, _Y_STEPS)
    parts: list[Markup] = []
    for i in range(math.ceil(y.low / step - 1e-9), math.floor(y.high / step + 1e-9) + 1):
        parts += [
            line(_LEFT, y(i * step), _RIGHT, y(i * step), "grid"),
            text(_LEFT - 8, y(i * step) + 4, say_y(i * step), anchor="end"),
        ]
    for tick in x_ticks if x_ticks is not None else _ticks(min(xs), max(xs)):
        at = x(place(tick))
        parts += [
            line(at, _BOTTOM, at, _BOTTOM + 5, "axis"),
            text(at, _BOTTOM + 19, f"{tick:,.0f}" if tick == round(tick) else f"{tick:.3g}"),
        ]
    parts += [
        line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "axis"),
        text((_LEFT + _RIGHT) / 2, _BOTTOM + 42, x_label),
        text(4, 13, y_label, anchor="start"),
    ]
    for one in series:
        drawn = [(x(place(a)), y(b)) for a, b in one.points]
        if len(drawn) > 1:
            parts.append(path(drawn, f"curve {one.kind}"))
        if one.dots or len(drawn) == 1:
            parts += [tag("circle", cx=a, cy=b, r=4, class_="mark here") for a, b in drawn]
    if here is not None:
        at, high = x(place(here[0])), y(here[1])
        side, anchor = (-12, "end") if at > (_LEFT + _RIGHT) / 2 else (12, "start")
        parts += [
            tag("circle", cx=at, cy=high, r=6.5, class_="mark here"),
            text(at + side, high - 8, "you are here", "strong", anchor),
        ]
    return figure(name, WIDTH, HEIGHT, title, description, *parts)


def learning_curve(curve: Sequence[tuple[float, float]], description: str) -> Markup:
    """Draw pairs (step, log loss)."""
    return plot(
        "plot-curve",
        "Learning curve",
        description,
        [Series("log loss", curve, dots=True)],
        x_label="training steps",
        y_label="log loss on unseen rows",
    )


def _axis(values: Sequence[float], start: float, end: float, pad: float) -> Axis:
    low, high = min(values), max(values)
    if high == low:
        # One value has no span of its own.
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    extra = (high - low) * pad
    return Axis(low - extra, high + extra, start, end)


def _ticks(low: float, high: float) -> list[float]:
    if high <= low:
        return [low]
    step = nice_step(high - low, 6)
    return [i * step for i in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]
