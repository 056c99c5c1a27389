"""A number on bins that the query proposes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from strongroom.config import ColumnSpec
from strongroom.federate.analytics._statistic import (
    CONFIDENT,
    Finding,
    Finite,
    Statistic,
    numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray


class Histogram(Statistic):
    """Rows by bin, each closed below and open above; what lies outside counts in the outer bins.

    Attributes:
        edges: of the bins, rising, public.
    """

    kind: Literal["histogram"] = "histogram"
    edges: Annotated[tuple[Finite, ...], Field(min_length=2, max_length=4097)]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if any(a >= b for a, b in pairwise(self.edges)):
            raise ValueError("edges must rise")
        return self

    @property
    def width(self) -> int:
        """One each bin."""
        return len(self.edges) - 1

    @property
    def sensitivity(self) -> float:
        """One bin, by one."""
        return 1.0

    def measure(self, values: pa.Array) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """See `Statistic.measure`."""
        places = np.searchsorted(self.edges, numbers(values), side="right") - 1
        found = np.bincount(np.clip(places, 0, self.width - 1), minlength=self.width)
        return (), found.astype(np.float64)

    def read(self, names: Sequence[str], values: NDArray[np.float64], error: float) -> Finding:
        """Declare the range of the bins that hold rows beyond doubt."""
        del names
        told = tuple(f"[{a:g}, {b:g})" for a, b in pairwise(self.edges))
        held = np.flatnonzero(values > CONFIDENT * error)
        spec = None
        if len(held):
            ends = self.edges[held[0] : held[-1] + 2]
            spec = ColumnSpec(range=(ends[0], ends[-1]), knots=ends[1:-1])
        return Finding(self.column, self.kind, told, values, np.full(self.width, error), spec)
