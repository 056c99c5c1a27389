"""Quantiles of a number between public ends: counts of halves, quarters and so on, read downwards.

The same counts as `train` takes for its own private knots; sums of them over sites are counts of
all sites' rows, so the quantiles are those of everybody's rows together.
"""

from __future__ import annotations

import math
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
from strongroom.train import KNOTS, LEVELS, dyadic_counts, dyadic_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

_EDGE = 1e-9  # the share 1 itself would be read off the end of the scale


class Quantiles(Statistic):
    """Quantiles; the outermost are a range, the others knots.

    Attributes:
        low, high: public ends of the scale; what lies outside counts as its end. The finest
            interval is a 2,048th of it.
        shares: of the rows below each quantile, rising.
    """

    kind: Literal["quantiles"] = "quantiles"
    low: Finite
    high: Finite
    shares: Annotated[
        tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1, max_length=256)
    ] = KNOTS

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        if any(a >= b for a, b in pairwise(self.shares)):
            raise ValueError("shares must rise")
        return self

    @property
    def width(self) -> int:
        """Every interval of every level."""
        return int(2 ** (LEVELS + 1) - 2)

    @property
    def sensitivity(self) -> float:
        """One interval of each level, by one."""
        return math.sqrt(LEVELS)

    def measure(self, values: pa.Array) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """See `Statistic.measure`."""
        return (), dyadic_counts(numbers(values), self.low, self.high)

    def suppress(self, values: NDArray[np.float64], least: int) -> NDArray[np.float64]:
        """Leave out both halves where one is too small: its sibling and parent would tell it."""
        kept, fine = values.copy(), np.array([True])
        for level in range(1, LEVELS + 1):
            part = kept[2**level - 2 : 2 ** (level + 1) - 2].reshape(-1, 2)
            fine = fine & ((part == 0) | (part >= least)).all(axis=1)
            part[~fine] = 0.0
            fine = np.repeat(fine, 2)
        return kept

    def read(self, names: Sequence[str], values: NDArray[np.float64], error: float) -> Finding:
        """Read the quantiles, and their errors where the noise moves the share that is read.

        Intervals that may hold nothing but noise count as empty: else the outermost quantiles would
        wander off into them. What lies in tails too thin for the noise is lost by that. A rank is a
        sum of one interval a level at most, so its standard error is at most √levels times an
        interval's.
        """
        del names
        tree = np.where(values > CONFIDENT * error, values, 0.0)
        rows = max(float(tree[:2].sum()), 1.0)
        moved = CONFIDENT * math.sqrt(LEVELS) * error / rows

        def at(shift: float) -> NDArray[np.float64]:
            places = np.clip(np.asarray(self.shares) + shift, _EDGE, 1.0 - _EDGE)
            return np.array([dyadic_quantile(tree, s, self.low, self.high) for s in places])

        found = np.maximum.accumulate(at(0.0))
        errors = (at(moved) - at(-moved)) / (2 * CONFIDENT) if error else np.zeros(len(found))
        told = tuple(f"{share:g}" for share in self.shares)
        knots = sorted(set(found.tolist()))
        spec = None
        if len(knots) > 1:
            spec = ColumnSpec(range=(knots[0], knots[-1]), knots=tuple(knots[1:-1]))
        return Finding(self.column, self.kind, told, found, np.abs(errors), spec)
