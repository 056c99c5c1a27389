"""The categories of a column, where nobody knows them: those that many rows have.

Heavy hitters in one go: noise on each category's count, and only what stays at or above a threshold
is named (Korolova et al. 2009; Wilson et al. 2020, with Gaussian noise). How high the threshold is
follows from the query's δ: see `_release`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from strongroom.config import ColumnSpec
from strongroom.federate.analytics._statistic import LONGEST, Finding, Statistic, tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray


class Categories(Statistic):
    """Unknown categories and their counts: one row has one.

    Attributes:
        most: categories that a site names; those with the largest noisy counts.
    """

    numeric = False
    open = True

    kind: Literal["categories"] = "categories"
    most: Annotated[int, Field(ge=1, le=4096)] = 256

    @property
    def width(self) -> int:
        """Padded with zeros: how many there are isn't seen in the shape."""
        return self.most

    @property
    def sensitivity(self) -> float:
        """One cell, by one."""
        return 1.0

    def measure(self, values: pa.Array) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """See `Statistic.measure`; empty and very long texts are no categories."""
        found = {name: n for name, n in tally(values).items() if 0 < len(name) <= LONGEST}
        return tuple(found), np.array([*found.values()], np.float64)

    def read(self, names: Sequence[str], values: NDArray[np.float64], error: float) -> Finding:
        """Declare what any site named, the most frequent first."""
        order = sorted(range(len(names)), key=lambda k: (-values[k], names[k]))
        ordered = tuple(names[k] for k in order)
        spec = ColumnSpec(categories=ordered) if ordered else None
        errors = np.full(len(order), error)
        return Finding(self.column, self.kind, ordered, values[order], errors, spec)
