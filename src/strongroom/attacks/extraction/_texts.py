"""The texts behind a language model's rows: runs of tokens, and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Rows


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of tokens, each the whole or a part of one text.

    Attributes:
        tokens: int64 [n, t], the text's own first, then the end token.
        lengths: int64 [n], how many are the text's own.
        rows: int64 [n], the number of the row that each is from.
    """

    tokens: NDArray[np.int64]
    lengths: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.lengths)

    def take(self, which: NDArray[np.integer | np.bool_]) -> Runs:
        """Return some of them."""
        return Runs(self.tokens[which], self.lengths[which], self.rows[which])

    def of_at_least(self, length: int) -> Runs:
        """Return those of so many tokens."""
        return self.take(self.lengths >= length)

    def sample(self, most: int, seed: int) -> Runs:
        """Return at most `most`, drawn at random."""
        if len(self) <= most:
            return self
        drawn = np.random.default_rng(seed).choice(len(self), most, replace=False)
        return self.take(np.sort(drawn))


def runs_of(rows: Rows, end: int) -> Runs:
    """Return what a language model's rows are to predict: their labels, [n, t].

    A label below 0 is none. The end of a text isn't part of it.
    """
    labels = np.asarray(rows.labels, np.int64)
    own = (labels >= 0) & (labels != end)
    # What stands behind the first place that isn't the text's own isn't either.
    own = np.logical_and.accumulate(own, axis=1)
    return Runs(np.where(own, labels, end), own.sum(axis=1), np.asarray(rows.numbers))
