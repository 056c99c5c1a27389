"""When is a row recovered? Decided by what a row is: columns, a picture, tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from strongroom.attacks._likeness import psnr, ssim
from strongroom.models import ColumnKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENOUGH_COLUMNS = 0.9
ENOUGH_PSNR = 20.0
ENOUGH_TOKENS = 0.9
_FILLING = 0  # what fills short rows of tokens; so do negative numbers
_CODE = 0.1  # of a position in the encoding; neighbouring knots are 1 apart
_RANGE = 0.02  # of a plain number's range


class Criterion(Protocol):
    """Holds guesses against true rows."""

    name: str
    words: str

    def quality(self, guesses: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
        """Return how good each guess [n, ...] is for its true row [n, ...], float64 [n]."""

    def enough(self, quality: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of these are recovered, bool [n]."""


@dataclass(frozen=True, eq=False)
class Columns:
    """A row of a table: the share of its columns that are right.

    A column of an encoder's is right where every position of it is within 0.1, a category also
    where the largest position is the true one; a plain number within 2 % of its range.

    Attributes:
        slices: (first, past the last, is it a category) of each column.
        reach: float64 [d]: how far each position may be off.
    """

    slices: tuple[tuple[int, int, bool], ...]
    reach: NDArray[np.float64]
    name = "columns_right"
    words = "at least 90 % of its columns are right"

    @classmethod
    def of(cls, encoder: Any, rows: NDArray[Any]) -> Columns:  # noqa: ANN401 - a TableEncoder or None
        """Return the criterion for rows [n, ...] of the same population, of an encoder or plain."""
        rows = rows.reshape(len(rows), -1)
        width = rows.shape[1]
        columns = getattr(encoder, "columns", None)
        if columns and getattr(columns[-1], "stop", None) == width:
            slices = tuple((c.start, c.stop, c.kind is ColumnKind.CATEGORY) for c in columns)
            return cls(slices, np.full(width, _CODE))
        span = np.ptp(rows.astype(np.float64), axis=0)
        slices = tuple((i, i + 1, False) for i in range(width))
        return cls(slices, np.maximum(_RANGE * span, 1e-9))

    def quality(self, guesses: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
        """See `Criterion`."""
        guesses, truth = guesses.reshape(len(guesses), -1), truth.reshape(len(truth), -1)
        near = np.abs(guesses.astype(np.float64) - truth) <= self.reach
        right = np.zeros((len(truth), len(self.slices)), np.bool_)
        for k, (start, stop, category) in enumerate(self.slices):
            right[:, k] = near[:, start:stop].all(axis=1)
            if category:
                true, guessed = truth[:, start:stop], guesses[:, start:stop]
                # A category that is written as zeros (a reference) has no largest position.
                same = (true.argmax(axis=1) == guessed.argmax(axis=1)) & (true.max(axis=1) > 0)
                right[:, k] |= same
        found: NDArray[np.float64] = right.mean(axis=1)
        return found

    def enough(self, quality: NDArray[np.float64]) -> NDArray[np.bool_]:
        """See `Criterion`."""
        found: NDArray[np.bool_] = quality >= ENOUGH_COLUMNS
        return found


@dataclass(frozen=True)
class Pictures:
    """An image: its peak signal-to-noise ratio.

    Attributes:
        span: of the values of images.
    """

    span: float
    name = "psnr"
    words = "its PSNR is at least 20 dB"

    def quality(self, guesses: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
        """See `Criterion`."""
        return psnr(guesses, truth, self.span)

    def enough(self, quality: NDArray[np.float64]) -> NDArray[np.bool_]:
        """See `Criterion`."""
        found: NDArray[np.bool_] = quality >= ENOUGH_PSNR
        return found

    def structure(self, guesses: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
        """Return the structural similarity of each pair, float64 [n]."""
        return ssim(guesses, truth, self.span)


def token_recall(
    ranked: NDArray[np.integer[Any]], truth: NDArray[np.integer[Any]], guesses: int | None = None
) -> float:
    """Return the share of a batch's distinct tokens among as many first guesses.

    Args:
        ranked: the vocabulary, the surest first.
        truth: tokens, of any shape; what fills short rows doesn't count.
        guesses: how many the attacker makes; as many as there are by default.
    """
    present = np.unique(truth)
    present = present[present > _FILLING]
    if not len(present):
        return 1.0
    made = ranked[ranked > _FILLING][: guesses or len(present)]
    return float(np.isin(present, made).mean())
