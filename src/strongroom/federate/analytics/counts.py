"""Rows by category, of a list that the query proposes; all others are one more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from strongroom.config import ColumnSpec
from strongroom.federate.analytics._statistic import (
    CONFIDENT,
    LONGEST,
    UNKNOWN,
    Finding,
    Statistic,
    tally,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray


class Counts(Statistic):
    """A histogram over proposed categories: one row is in one cell.

    Attributes:
        categories: the proposed list, public.
    """

    numeric = False

    kind: Literal["counts"] = "counts"
    categories: Annotated[
        tuple[Annotated[str, Field(max_length=LONGEST)], ...], Field(min_length=1, max_length=4096)
    ]

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("categories must not repeat")
        return self

    @property
    def width(self) -> int:
        """One each category, and all others."""
        return len(self.categories) + 1

    @property
    def sensitivity(self) -> float:
        """One cell, by one."""
        return 1.0

    def measure(self, values: pa.Array) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """See `Statistic.measure`."""
        found = tally(values)
        known = [found.pop(name, 0) for name in self.categories]
        return (), np.array([*known, sum(found.values())], np.float64)

    def read(self, names: Sequence[str], values: NDArray[np.float64], error: float) -> Finding:
        """Declare the categories that are there beyond doubt."""
        del names
        seen = [
            name
            for name, count in zip(self.categories, values[:-1], strict=True)
            if count > CONFIDENT * error
        ]
        spec = ColumnSpec(categories=tuple(seen)) if seen else None
        errors = np.full(self.width, error)
        return Finding(self.column, self.kind, (*self.categories, UNKNOWN), values, errors, spec)
