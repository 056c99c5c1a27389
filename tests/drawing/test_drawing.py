"""If this fails, a picture can carry foreign markup, or shows points where they aren't."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from strongroom.drawing import PLOT_HEIGHT, Series, learning_curve, nice_step, picture, plot

HOSTILE = '"><script>alert(1)</script>'


def test_every_text_is_escaped_and_the_file_is_whole() -> None:
    drawn = plot("p", HOSTILE, HOSTILE, [Series(HOSTILE, [(1, 2), (3, 4)])],
                 x_label=HOSTILE, y_label=HOSTILE)  # fmt: skip
    text = picture(drawn, heights=[PLOT_HEIGHT])
    assert "<script" not in text
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "http" not in re.sub(r'xmlns="[^"]+"', "", text), "a picture asks nothing of a network"


@pytest.mark.parametrize("log_x", [False, True])
def test_points_stand_where_their_numbers_say(log_x: bool) -> None:
    points = [(1.0, 5.0), (10.0, 7.0), (100.0, 6.0)]
    drawn = str(
        plot("p", "t", "d", [Series("s", points, dots=True)], x_label="x", y_label="y",
             log_x=log_x, here=(10.0, 7.0))
    )  # fmt: skip
    circles = [
        (float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)
    ]
    (x1, y1), (x2, y2), (x3, y3), here = circles
    assert here == (x2, y2)
    assert x1 < x2 < x3
    assert y2 < y3 < y1
    assert (x2 - x1) / (x3 - x1) == pytest.approx(0.5 if log_x else 9 / 99, abs=0.01)
    assert "you are here" in drawn


def test_one_point_and_equal_points_are_drawn() -> None:
    for curve in ([(1, 0.5)], [(1, 0.5), (2, 0.5)]):
        assert str(learning_curve(curve, "d")).count("<circle") == len(curve)


@pytest.mark.parametrize(("span", "step"), [(1.0, 0.2), (7.0, 2.0), (0.03, 0.005)])
def test_steps_are_round(span: float, step: float) -> None:
    assert nice_step(span, 6) == pytest.approx(step)
