"""Pictures for files of their own: what `strongroom train --sweep` and `budget plan` draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.drawing import PLOT_HEIGHT, Series, picture, plot
from strongroom.report import _charts as charts
from strongroom.report import _format as fmt
from strongroom.report._model_sections import sweep_marks
from strongroom.report._read import bounds, items, number, text

if TYPE_CHECKING:
    from strongroom.report._read import Document

_UTILITY_HEIGHT = 300.0


def render_sweep(doc: Document) -> str:
    """Return the SVG file of a sweep: the measure against ε, without privacy at the right."""
    points = items(doc, "points")
    measure = text(doc, "measure")
    said = "; ".join(_words(p) for p in points)
    marks = sweep_marks(doc)
    without = next((p for p in points if number(p, "epsilon") is None), None)
    if marks and without is not None:
        value = number(without, "value") or 0.0
        low, high = bounds(without, "interval") or (value, value)
        twin = charts.Mark("Without privacy", "twin", None, value, low, high)
        return picture(
            charts.privacy_utility([twin], None, said, trail=marks, here=False),
            heights=[_UTILITY_HEIGHT],
        )
    line = [
        (e, v)
        for p in points
        if (e := number(p, "epsilon")) and (v := number(p, "value")) is not None
    ]
    series = [Series(f"{measure} with privacy", line, dots=True)]
    flat = number(without, "value")
    if flat is not None:
        series.append(Series("without privacy", [(x, flat) for x, _ in line], "c2"))
    return picture(
        plot("plot-sweep", f"{measure} against privacy loss", said, series, x_label="ε",
             y_label=measure, x_ticks=[x for x, _ in line], log_x=True),
        heights=[PLOT_HEIGHT],
    )  # fmt: skip


def render_plan(doc: Document) -> str:
    """Return the SVG file of a budget plan: ε against epochs, batch size and noise."""
    here = number(doc, "plan", "epsilon")
    drawn = []
    for panel in items(doc, "panels"):
        over = text(panel, "over")
        line = [
            (x, e)
            for row in items(panel, "rows")
            if (x := number(row, over)) and (e := number(row, "epsilon")) is not None
        ]
        at = number(doc, "plan", over)
        if not line:
            continue
        label = over.replace("_", " ")
        said = "; ".join(f"{fmt.significant(x)}: ε {fmt.epsilon(e)}" for x, e in line)
        drawn.append(
            plot(f"plot-{over}", f"ε against {label}", said, [Series("ε", line, dots=True)],
                 x_label=label, y_label="privacy loss ε", x_ticks=[x for x, _ in line], log_x=True,
                 here=(at, here) if at and here is not None else None)
        )  # fmt: skip
    return picture(*drawn, heights=[PLOT_HEIGHT] * len(drawn))


def _words(point: Document) -> str:
    epsilon, value = number(point, "epsilon"), number(point, "value") or 0.0
    accuracy = text(point, "measure") == "accuracy"
    said = fmt.percent(value) if accuracy else fmt.significant(value)
    return f"{'without privacy' if epsilon is None else f'ε {fmt.epsilon(epsilon)}'}: {said}"
