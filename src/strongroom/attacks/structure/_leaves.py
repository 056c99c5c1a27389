"""How few people stand behind one leaf of a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks.structure._inside import NOT_OPEN, is_open, leaves_reached, trees_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation

_KNOWLEDGE = "the model itself: trees count the rows in their leaves, or rows are sent through them"
_FEW = 10  # ACRO's threshold for a cell of a table, which SACRO-ML holds leaves against


class Leaves:
    """The fewest training rows in any leaf of any tree."""

    name = "structure.leaves"
    kinds = ("table", "text")
    metrics = ("structure.smallest_leaf",)

    def run(self, situation: Situation) -> Measured | NotEvaluable:
        """Take the trees' own counts, else send the members through."""
        model = situation.target
        if not is_open(model):
            return NotEvaluable(NOT_OPEN)
        trees = trees_of(model)
        if not trees:
            return NotEvaluable("there is no decision tree in the model", concerns=False)
        own = [tree.rows for tree in trees if tree.rows is not None]
        if len(own) == len(trees):
            rows, how = np.concatenate(own), "by the trees themselves"
        else:
            reached = leaves_reached(model, situation.members.inputs)
            if reached is None:
                return NotEvaluable(
                    "the trees don't say how many rows are in their leaves, and rows can't be sent "
                    "through them alone"
                )
            rows, how = _counts(reached), f"by sending {len(reached):,} members through"
        rows = rows[rows > 0]  # a leaf that nobody reaches tells of nobody
        value = Value(
            self.metrics[0],
            float(rows.min()),
            details={
                "trees": len(trees),
                "leaves": len(rows),
                "leaves_of_one": int((rows == 1).sum()),
                f"leaves_below_{_FEW}": int((rows < _FEW).sum()),
                "counted": how,
            },
        )
        return Measured((value,), knowledge=_KNOWLEDGE)


def _counts(reached: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows in each leaf that any row reached, of all trees [n, trees]."""
    return np.concatenate([np.unique(column, return_counts=True)[1] for column in reached.T])
