"""A small plot for a terminal: dots over a few columns, a line for what they are held against."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ROWS = 9
_SLOT = 9


def chart(
    points: Sequence[tuple[str, float]],
    *,
    say: Callable[[float], str],
    floor: tuple[str, float] | None = None,
    here: int | None = None,
) -> list[str]:
    """Return the lines of a plot, a column per point.

    Args:
        points: (label below, value).
        say: writes a value at the left.
        floor: (name, value) of a dashed line across.
        here: the point that is marked as "here".
    """
    values = [v for _, v in points] + ([floor[1]] if floor else [])
    low, high = min(values), max(values)
    span = (high - low) or abs(high) * 0.1 or 1.0
    if high == low:
        low, high = low - span / 2, high + span / 2

    def row(value: float) -> int:
        return round((high - value) / (high - low) * (_ROWS - 1))

    width = _SLOT * len(points)
    grid = [[" "] * width for _ in range(_ROWS)]
    if floor:
        grid[row(floor[1])] = ["╌"] * width
    for i, (_, value) in enumerate(points):
        at = i * _SLOT + _SLOT // 2
        grid[row(value)][at] = "◆" if i == here else "●"
        if i:
            _join(grid, (at - _SLOT, row(points[i - 1][1])), (at, row(value)))
    gutter = max(len(say(v)) for v in (low, high))
    marks = {0: say(high), _ROWS - 1: say(low)}
    lines = [
        f"{marks.get(i, ''):>{gutter}} {'┤' if i in marks else '│'}{''.join(cells)}".rstrip()
        for i, cells in enumerate(grid)
    ]
    if floor:
        lines[row(floor[1])] += f" {floor[0]}"
    lines.append(f"{'':>{gutter}} └{'─' * width}")
    lines.append(f"{'':>{gutter}}  " + "".join(f"{label:^{_SLOT}}" for label, _ in points).rstrip())
    return lines


def _join(grid: list[list[str]], start: tuple[int, int], end: tuple[int, int]) -> None:
    """Draw a dotted line between two points, without touching what stands there."""
    for at in range(start[0] + 1, end[0]):
        share = (at - start[0]) / (end[0] - start[0])
        line = math.floor(start[1] + share * (end[1] - start[1]) + 0.5)
        if grid[line][at] in " ╌":
            grid[line][at] = "·"
