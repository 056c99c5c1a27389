"""Other records that a record might have been: what hard labels and ranges are probed with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from strongroom.attacks._results import NotEvaluable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation

FIXED = "only the model's answers to these very rows are known: it can be asked about no other"

_PIXELS = 3  # an image is [height, width] or has its colours first or last
_STRENGTHS = 4
_SHIFTS = ((0, 1), (1, 0), (0, 2), (2, 2))
_NOISE = 0.5  # of the inputs' own deviation, at full strength


class Variations(Protocol):
    """A way to change records a little, or much."""

    def changed(
        self, inputs: NDArray[Any], strength: float, coins: np.random.Generator
    ) -> NDArray[Any]:
        """Return each row changed at random; `strength` from 0, nothing, to 1, nearly all."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Takes columns of a table row from other rows: every value is one that somebody has.

    Attributes:
        donors: [n, d], rows of the population.
        owner: int [d]: the column of the table that a position of the code belongs to.
    """

    donors: NDArray[Any]
    owner: NDArray[np.int64]

    def changed(
        self, inputs: NDArray[Any], strength: float, coins: np.random.Generator
    ) -> NDArray[Any]:
        """See `Variations`; at least one column changes hands, and each comes from one donor."""
        columns = int(self.owner.max()) + 1
        fewest = max(1, round(strength * columns))
        picked = coins.random((len(inputs), columns)).argsort(axis=1) < fewest
        given = coins.integers(0, len(self.donors), (len(inputs), columns))
        taken = picked[:, self.owner]
        source = np.take_along_axis(given, np.broadcast_to(self.owner, taken.shape), axis=1)
        return np.where(taken, self.donors[source, np.arange(len(self.owner))], inputs)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Shifts images by up to two pixels and adds noise.

    Attributes:
        deviation: of all pixels.
        low, high: what a pixel may be.
    """

    deviation: float
    low: float
    high: float

    def changed(
        self, inputs: NDArray[Any], strength: float, coins: np.random.Generator
    ) -> NDArray[Any]:
        """See `Variations`."""
        first = 2 if inputs.ndim > _PIXELS and inputs.shape[1] <= _STRENGTHS else 1
        down, right = _SHIFTS[min(int(strength * len(_SHIFTS)), len(_SHIFTS) - 1)]
        signs = coins.choice((-1, 1), (len(inputs), 2))
        moved = np.stack(
            [
                np.roll(image, (s * down, t * right), (first - 1, first))
                for image, (s, t) in zip(inputs, signs, strict=True)
            ]
        )
        noise = coins.normal(0, strength * _NOISE * self.deviation, inputs.shape)
        bounded = np.clip(moved + noise, self.low, self.high)
        if np.issubdtype(inputs.dtype, np.integer):
            bounded = np.rint(bounded)
        changed: NDArray[Any] = bounded.astype(inputs.dtype)
        return changed


def variations_of(situation: Situation, inputs: NDArray[Any]) -> Variations | NotEvaluable:
    """Return what can be changed in the inputs of this situation's model."""
    if getattr(situation.target, "fixed", False):
        return NotEvaluable(FIXED)
    if situation.kind == "image":
        pixels = inputs[:2_000]
        return Pictures(float(pixels.std()), float(pixels.min()), float(pixels.max()))
    if situation.kind != "table" or inputs.ndim != 2:  # noqa: PLR2004 - rows and columns
        return NotEvaluable("only records of tables and images can be changed in small steps")
    return Columns(inputs, _owners(situation, inputs.shape[1]))


def _owners(situation: Situation, width: int) -> NDArray[np.int64]:
    """Return which column each position belongs to; every position its own, if nobody says."""
    owner = np.full(width, -1, np.int64)
    for i, column in enumerate(getattr(situation.encoder, "columns", ())):
        where = getattr(column, "slice", None)
        if isinstance(where, slice):
            owner[where] = i
    if (owner < 0).any():
        return np.arange(width)
    return np.unique(owner, return_inverse=True)[1].astype(np.int64)
