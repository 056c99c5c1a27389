"""What anonymising cost: three measures of lost information, each smaller is better."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from strongroom.anonymize._columns import Coded

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Loss:
    """The cost of a release.

    Attributes:
        ncp: normalised certainty penalty (Xu et al. 2006): the mean share of its domain that a
            released cell leaves open, 0 nothing lost to 1 everything; a suppressed row counts 1.
        discernibility: (Bayardo and Agrawal 2005): the sum over rows of the size of their class; a
            suppressed row counts as all rows. None without quasi-identifiers.
        classification: (Iyengar 2002): the share of rows that are suppressed or whose target isn't
            their class's majority; None without a target.
    """

    ncp: float
    discernibility: int | None = None
    classification: float | None = None

    def to_json(self) -> dict[str, float | int | None]:
        """Return plain JSON values."""
        return asdict(self)


def loss(
    cells: Sequence[Floats],
    classes: Ints,
    count: int,
    suppressed: int = 0,
    target: Coded | None = None,
) -> Loss:
    """Measure a release.

    Args:
        cells: per quasi-identifier, at least one, float64[rows] in 0…1 (see `Generalised.loss`).
        classes: int64[rows], 0…count-1: the equivalence class of every released row.
        count: how many classes.
        suppressed: how many further rows were left out.
        target: the column to predict, of the released rows.
    """
    rows = len(classes)
    total = rows + suppressed
    sizes = np.bincount(classes, minlength=count)
    certainty = float(np.mean([cell.sum() for cell in cells]))
    wrong = None
    if target is not None:
        pairs, times = np.unique(classes * target.cardinality + target.codes, return_counts=True)
        majority = np.zeros(count, np.int64)
        np.maximum.at(majority, pairs // target.cardinality, times)
        wrong = (rows - int(majority.sum()) + suppressed) / total
    return Loss(
        ncp=(certainty + suppressed) / total,
        discernibility=int((sizes**2).sum()) + suppressed * total,
        classification=wrong,
    )
