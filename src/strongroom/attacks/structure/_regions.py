"""Records that the model answers alike: how few, and what the answer gives away of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks.structure._inside import leaves_reached, trees_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation

_KNOWLEDGE = "the model's answers to the rows that it learnt from"
_MOST_ROWS = 100_000
_FEW = 10  # ACRO's threshold for a cell of a table
_NOUGHT = 1e-8  # below it a probability says "never" (as numpy.isclose does)
_CONTINUOUS = 0.5  # share of different rows with an answer of their own
_NAMED = 20


def regions(answers: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the region of each row, int64 [n], and how many rows each region has.

    Args:
        answers: [n, …]; rows of equal answers are one region.
    """
    flat = np.ascontiguousarray(answers.reshape(len(answers), -1))
    whole = flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1]))).ravel()
    _, place, count = np.unique(whole, return_inverse=True, return_counts=True)
    return place.astype(np.int64), count.astype(np.int64)


class Regions:
    """Regions of equal answers: the smallest, and the members whose answer rules a class out.

    Only models that answer in steps have regions (trees, nearest neighbours); where nearly every
    row has an answer of its own, equal answers tell nothing.
    """

    name = "structure.regions"
    kinds = ("table", "text")
    metrics = (
        "structure.smallest_region",
        "structure.class_disclosure_share",
        "structure.small_group_share",
    )

    def run(self, situation: Situation) -> Measured | NotEvaluable:
        """Ask about the members, and group them by what is answered."""
        model = situation.target
        if not getattr(model, "soft", True):
            return NotEvaluable("the model says labels only: its regions are its classes")
        if len(situation.members) == 0:
            return NotEvaluable("there are no members: nobody shares a region")
        members = situation.members.sample(_MOST_ROWS, situation.seed)
        answers = np.asarray(model.predict_proba(members.inputs), np.float32)
        trees = trees_of(model)
        distinct = len(regions(answers)[1]) / max(1, len(regions(members.inputs)[1]))
        if not trees and distinct > _CONTINUOUS:
            return NotEvaluable(
                f"the model answers {distinct:.0%} of different rows differently: it has no "
                "regions",
                concerns=False,
            )
        reached = leaves_reached(model, members.inputs) if len(trees) == 1 else None
        place, count = regions(answers if reached is None else reached)
        size = count[place]
        rules_out = (answers <= _NOUGHT).any(axis=1)
        expected = answers * size[:, None]
        small = ((expected > _NOUGHT) & (expected < _FEW)).any(axis=1)
        alone = members.numbers[np.argsort(size, kind="stable")[:_NAMED]]
        facts: dict[str, Any] = {
            "regions": len(count),
            "members": len(members),
            f"members_in_regions_below_{_FEW}": int((size < _FEW).sum()),
            "others_alone_share": _alone(situation, trees_alone=reached is not None),
            "rows_in_the_smallest": sorted(int(row) for row in alone if size.min() < _FEW),
            "regions_are": "leaves of the tree" if reached is not None else "equal answers",
        }
        values = (
            Value(self.metrics[0], float(size.min()), details=facts),
            Value(self.metrics[1], float(rules_out.mean())),
            Value(self.metrics[2], float(small.mean())),
        )
        return Measured(values, queries=len(members), knowledge=_KNOWLEDGE)


def _alone(situation: Situation, *, trees_alone: bool) -> float | None:
    """Return the share of non-members with an answer of their own: how usual it is."""
    if trees_alone or not len(situation.nonmembers):
        return None
    others = situation.nonmembers.sample(_MOST_ROWS, situation.seed)
    answers = np.asarray(situation.target.predict_proba(others.inputs), np.float32)
    place, count = regions(answers)
    return float((count[place] == 1).mean())
