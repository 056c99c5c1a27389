"""How many rows, mean and variance of a number, between public ends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from pydantic import model_validator

from strongroom.federate.analytics._statistic import Finding, Finite, Statistic, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray


class Moments(Statistic):
    """Rows, sum and sum of squares, of z = (x - middle) / half the range, cut to [-1, 1].

    Attributes:
        low, high: public ends; what lies outside counts as its end.
    """

    kind: Literal["moments"] = "moments"
    low: Finite
    high: Finite

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self

    @property
    def width(self) -> int:
        """Rows, Σ z, Σ z²."""
        return 3

    @property
    def sensitivity(self) -> float:
        """One row moves each by at most one."""
        return math.sqrt(3)

    def measure(self, values: pa.Array) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """See `Statistic.measure`."""
        found = np.clip(numbers(values), self.low, self.high)
        # Halves first: the ends may be as far apart as floats can be.
        z = np.clip((found / 2 - self._middle / 2) / (self._half / 2), -1.0, 1.0)
        return (), np.array([len(z), z.sum(), (z**2).sum()], np.float64)

    def suppress(self, values: NDArray[np.float64], least: int) -> NDArray[np.float64]:
        """Say nothing of fewer rows."""
        return values if values[0] >= least else np.zeros_like(values)

    @property
    def _middle(self) -> float:
        return self.low / 2 + self.high / 2

    @property
    def _half(self) -> float:
        return self.high / 2 - self.low / 2

    def read(self, names: Sequence[str], values: NDArray[np.float64], error: float) -> Finding:
        """Return rows, mean and variance, with errors to first order in the noise."""
        del names
        rows = max(float(values[0]), 1.0)
        first = min(max(float(values[1]) / rows, -1.0), 1.0)
        second = min(max(float(values[2]) / rows, first**2), 1.0)
        spread = (second - 2 * first**2, 2 * first, 1.0)
        found = [rows, self._middle + self._half * first, self._half**2 * (second - first**2)]
        errors = [
            error,
            self._half * error * math.hypot(1.0, first) / rows,
            self._half**2 * error * math.hypot(*spread) / rows,
        ]
        told = ("rows", "mean", "variance")
        return Finding(self.column, self.kind, told, np.array(found), np.array(errors))
