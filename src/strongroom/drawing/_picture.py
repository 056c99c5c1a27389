"""A figure outside a page: it brings its colours, for light and dark surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from strongroom.drawing._svg import tag

if TYPE_CHECKING:
    from collections.abc import Sequence

# The colours of the report's page (report.css), which hold for the colour-blind and in print.
_STYLE = """
svg.alone { --ink: #1b1e23; --soft: #51565e; --line: #dedad0; --page: #ffffff; --c1: #0067a8;
  --c2: #b84a00; --idle: #5b6069; --fail: #a92a12; background: var(--page);
  font-family: system-ui, sans-serif; max-width: 40rem; }
@media (prefers-color-scheme: dark) { svg.alone { --ink: #eceae5; --soft: #b1b6bf;
  --line: #343a42; --page: #131619; --c1: #66b5f0; --c2: #f29b55; --idle: #a9afb8;
  --fail: #ff9478; } }
svg.alone text { fill: var(--soft); font-size: 12px; }
svg.alone text.small { font-size: 11px; }
svg.alone text.strong { fill: var(--ink); font-weight: 650; }
svg.alone .grid { stroke: var(--line); }
svg.alone .axis { stroke: var(--soft); }
svg.alone .rule { stroke: var(--line); stroke-width: 1.5; stroke-dasharray: 2 4; }
svg.alone .floor { stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 7 4; }
svg.alone .whisker { stroke: var(--c1); stroke-width: 1.75; }
svg.alone .twin .whisker { stroke: var(--c2); }
svg.alone .swept .whisker { opacity: 0.5; }
svg.alone .previous .whisker { stroke: var(--idle); }
svg.alone .mark { fill: var(--c1); stroke: var(--page); stroke-width: 2; }
svg.alone .mark.twin { fill: var(--c2); }
svg.alone .mark.previous { fill: var(--page); stroke: var(--idle); }
svg.alone .curve { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke: var(--c1); }
svg.alone .curve.c2 { stroke: var(--c2); stroke-dasharray: 9 4; }
"""


class Picture(str):
    """The text of an .svg file; a notebook shows it."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


def picture(*figures: Markup, width: float = 400.0, heights: Sequence[float]) -> Picture:
    """Return the text of an .svg file with these figures, one below the other.

    Args:
        figures: what `figure` made, each `width` units wide.
        width: of each.
        heights: of each.
    """
    parts, top = [tag("style", Markup(_STYLE))], 0.0  # noqa: S704 - a text of this file
    for drawn, height in zip(figures, heights, strict=True):
        parts.append(tag("svg", drawn, x=0, y=top, width=width, height=height))
        top += height + _GAP
    return Picture(
        tag(
            "svg",
            *parts,
            xmlns="http://www.w3.org/2000/svg",
            class_="alone",
            viewBox=f"{-_GAP:g} {-_GAP:g} {width + 2 * _GAP:g} {top + _GAP:g}",
            width=width + 2 * _GAP,
        )
    )


_GAP = 16.0
