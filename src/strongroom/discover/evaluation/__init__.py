"""How well personal data is found: gold in, precision and recall with intervals out.

In: texts with what a person marked in them (`read_gold`, or `read_marks` and `paired`), and
anything that finds detections in texts. Out: an `Evaluation`. Mistakes are named by text and
offsets; the words themselves are kept only where they are asked for.
"""

from strongroom.discover.evaluation._evaluate import THRESHOLDS, evaluate
from strongroom.discover.evaluation._evaluation import (
    Confusion,
    EntityMeasure,
    Evaluation,
    Mistake,
    Threshold,
)
from strongroom.discover.evaluation._gold import Gold, Span, paired, read_gold, read_marks
from strongroom.discover.evaluation._measures import Measure, Rate
from strongroom.discover.evaluation._names import our_name

__all__ = [
    "THRESHOLDS",
    "Confusion",
    "EntityMeasure",
    "Evaluation",
    "Gold",
    "Measure",
    "Mistake",
    "Rate",
    "Span",
    "Threshold",
    "evaluate",
    "our_name",
    "paired",
    "read_gold",
    "read_marks",
]
