"""Pictures: an SVG writer that is safe, a line plot, and how a picture stands alone in a file.

In: numbers and labels. Out: `Markup`, every part of it escaped. Colours come from CSS classes, so
that a page's theme rules them; `picture` brings its own. No file is written here.
"""

from strongroom.drawing._picture import Picture, picture
from strongroom.drawing._plot import HEIGHT as PLOT_HEIGHT
from strongroom.drawing._plot import Series, learning_curve, nice_step, plot
from strongroom.drawing._svg import Axis, figure, line, path, tag, text

__all__ = [
    "PLOT_HEIGHT",
    "Axis",
    "Picture",
    "Series",
    "figure",
    "learning_curve",
    "line",
    "nice_step",
    "path",
    "picture",
    "plot",
    "tag",
    "text",
]
