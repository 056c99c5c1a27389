"""What every statistic says of itself: the one thing that a new one has to fill in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.config import ColumnSpec

Finite = Annotated[float, Field(allow_inf_nan=False)]
LONGEST = 200  # of a category, in characters; longer ones are nobody's
CONFIDENT = 1.96  # standard errors: 95 % of a Gaussian
UNKNOWN = "(other)"


@dataclass(frozen=True)
class Finding:
    """What a statistic says of all sites together.

    Attributes:
        column: of which.
        kind: of the statistic.
        names: what each value is of: a category, a bin, a share.
        values: float64, one for each name.
        errors: standard errors that the sites' noise makes, alike; 0 where counts are exact. What
            another sample of people would have said is not in them.
        spec: the declaration that follows from it, or None.
    """

    column: str
    kind: str
    names: tuple[str, ...]
    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    spec: ColumnSpec | None = None

    @property
    def intervals(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper ends of the 95 % intervals."""
        return self.values - CONFIDENT * self.errors, self.values + CONFIDENT * self.errors


class Statistic(BaseModel, ABC):
    """One statistic of one column.

    Attributes:
        kind: names it in JSON.
        column: of which.
        numeric: it reads numbers, else categories as text.
        open: the rows say which names there are; one name each. Such a statistic measures counts of
            any length beside names, and of those that leave there are at most `width`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    numeric: ClassVar[bool] = True
    open: ClassVar[bool] = False

    kind: str
    column: Annotated[str, Field(min_length=1, max_length=500)]

    @property
    @abstractmethod
    def width(self) -> int:
        """How many numbers leave a site."""

    @property
    @abstractmethod
    def sensitivity(self) -> float:
        """The most, in L2, that adding or removing one row moves what is measured."""

    @abstractmethod
    def measure(self, values: pa.Array) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Measure a site's rows: one each unit, nulls left out. No value may make it fail.

        Returns:
            The names that the rows say, for an open one, and float64 [width] (or one each name).
        """

    @abstractmethod
    def read(self, names: Sequence[str], values: NDArray[np.float64], error: float) -> Finding:
        """Read the sum over sites.

        Args:
            names: of an open one.
            values: float64 [width], or one each name.
            error: standard error of each entry; 0: exact.
        """

    def suppress(self, values: NDArray[np.float64], least: int) -> NDArray[np.float64]:
        """Return exact counts without cells of fewer than `least`."""
        return np.where(values < least, 0.0, values)


def numbers(values: pa.Array) -> NDArray[np.float64]:
    """Return those that aren't missing, float64."""
    found: NDArray[np.float64] = values.cast(pa.float64(), safe=False).drop_null().to_numpy()
    return found[~np.isnan(found)]


def tally(values: pa.Array) -> dict[str, int]:
    """Return rows by category, as text, in the order of the text."""
    counted = pc.value_counts(values.cast(pa.string()).drop_null())
    pairs: list[Any] = counted.to_pylist()
    return dict(sorted((pair["values"], pair["counts"]) for pair in pairs))
