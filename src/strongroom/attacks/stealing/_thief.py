"""What a thief has: rows of the same kind, new rows made of them, and answers that are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._positions import columns_of
from strongroom.attacks._results import NotEvaluable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Rows, Situation

_FEWEST = 200  # rows that the copy is judged by
_MOST_JUDGED = 5_000
_WIDEST = 2_000  # positions beyond which categories aren't looked for


@dataclass(eq=False)
class Asking:
    """The model as an endpoint that counts its queries."""

    model: Any
    queries: int = 0

    def __call__(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities float64 [n, classes]."""
        self.queries += len(inputs)
        found: NDArray[np.float64] = np.asarray(self.model.predict_proba(inputs), np.float64)
        return found


@dataclass(frozen=True, eq=False)
class Split:
    """The non-members in two halves: rows that the thief has, and rows that judge the copy."""

    own: Rows
    judged: Rows


def split(situation: Situation) -> Split | NotEvaluable:
    """Divide the non-members; the reason where there are too few, or nothing can be asked."""
    if getattr(situation.target, "fixed", False):
        return NotEvaluable("the model can only be asked about the rows it came with")
    rows = situation.nonmembers
    if len(rows) < 2 * _FEWEST:
        return NotEvaluable(
            f"too few rows: a copy is judged by {_FEWEST} non-members and learns from as many "
            f"others; there are {len(rows)} non-members"
        )
    order = np.random.default_rng([situation.seed, 21]).permutation(len(rows))
    judged = min(len(rows) // 2, _MOST_JUDGED)
    return Split(rows.take(order[judged:]), rows.take(order[:judged]))


@dataclass(frozen=True, eq=False)
class Maker:
    """Makes up new rows out of the thief's own.

    A new row is one of them with about half of its columns taken from another: each value is one
    that occurs, and most combinations nearly do. Images are mixed as a whole.
    """

    rows: NDArray[Any]
    parts: list[NDArray[np.intp]] | None

    @classmethod
    def of(cls, rows: NDArray[Any], kind: str) -> Maker:
        """Make it for rows [n, …] of a kind of model."""
        if kind == "image":
            return cls(rows, None)
        width = rows.shape[1]
        one_each = [np.array([i]) for i in range(width)]
        return cls(rows, columns_of(rows) if kind == "table" and width <= _WIDEST else one_each)

    def make(self, count: int, coins: np.random.Generator) -> NDArray[Any]:
        """Return `count` new rows."""
        first = self.rows[coins.integers(0, len(self.rows), count)]
        second = self.rows[coins.integers(0, len(self.rows), count)]
        if self.parts is None:
            share = coins.random((count, *(1,) * (first.ndim - 1)))
            mixed = first + share * (second.astype(np.float64) - first)
            images: NDArray[Any] = mixed.astype(self.rows.dtype)
            return images
        chosen = coins.random((count, len(self.parts))) < coins.random((count, 1))
        made = first.copy()
        for place, part in enumerate(self.parts):
            swapped = chosen[:, place]
            made[np.ix_(swapped, part)] = second[np.ix_(swapped, part)]
        return made

    def near(self, rows: NDArray[Any], most: int, coins: np.random.Generator) -> NDArray[Any]:
        """Return rows [n, d] each with up to `most` columns taken from a row of the maker's own."""
        made, parts = rows.copy(), self.parts or []
        second = self.rows[coins.integers(0, len(self.rows), len(rows))]
        ranks = coins.random((len(rows), len(parts))).argsort(axis=1).argsort(axis=1)
        for place, part in enumerate(parts):
            swapped = ranks[:, place] < most
            made[np.ix_(swapped, part)] = second[np.ix_(swapped, part)]
        return made
