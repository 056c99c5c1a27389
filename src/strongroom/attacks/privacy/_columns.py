"""Canaries in columns of their own: rows that any training function takes.

The data gets one extra column per canary, zero in every row but that canary's own, where it is
`scale`. The gradient of a canary then lies, nearly all of it, in the first layer's weights of its
own column, which no other row ever moves: its updates are the canary's clipped gradient and noise.
There is no benign sum to know or to remove. What is audited is the training of the wider table.

Beside them stand *blank* columns, zero in every row. Their updates are noise alone, whatever the
optimizer makes of it, and calibrate the scores without a look at any canary: how large the noise
is, and what of it can be foretold from the steps before (momentum; noise that is drawn once and
used again).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LENGTHS = 4.0  # of the median row
_BLANKS = 100
_FAIR = 0.5
_COINS = 0x5EED_CA9A  # apart from whatever the training draws from the same seed


@dataclass(frozen=True, eq=False)
class Columns:
    """Where the canaries of one training are, and which of them are in.

    Attributes:
        width: columns of the user's own rows.
        labels: int64 [m], of the canaries.
        included: bool [m], fair coins.
        blanks: how many columns belong to nobody; they come last.
        scale: a canary's value in its own column.
    """

    width: int
    labels: NDArray[np.int64]
    included: NDArray[np.bool_]
    blanks: int
    scale: float

    @classmethod
    def drawn(
        cls,
        inputs: NDArray[np.floating],
        labels: NDArray[np.integer],
        canaries: int,
        *,
        seed: int,
        run: int = 0,
        scale: float | None = None,
    ) -> Columns:
        """Draw the coins of one run; by default a canary is as long as four usual rows."""
        coins = np.random.default_rng(np.random.SeedSequence([_COINS, seed, run]))
        if scale is None:
            lengths = np.linalg.norm(inputs, axis=1)
            scale = _LENGTHS * float(np.median(lengths)) or _LENGTHS
        return cls(
            width=inputs.shape[1],
            labels=np.arange(canaries) % (int(labels.max()) + 1),
            included=coins.random(canaries) < _FAIR,
            blanks=max(_BLANKS, canaries // 10),
            scale=scale,
        )

    @property
    def canaries(self) -> int:
        """How many there are."""
        return len(self.labels)

    @property
    def total(self) -> int:
        """How many columns the training gets."""
        return self.width + self.canaries + self.blanks

    def rows(self, numbers: NDArray[np.integer], scale: float | None = None) -> NDArray[np.float32]:
        """Return the rows [len(numbers), total] of these canaries."""
        found = np.zeros((len(numbers), self.total), np.float32)
        found[np.arange(len(numbers)), self.width + numbers] = scale or self.scale
        return found

    def widen(self, inputs: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the user's rows [n, total], zero in all extra columns."""
        found = np.zeros((len(inputs), self.total), np.float32)
        found[:, : self.width] = inputs
        return found

    def mixed(
        self, inputs: NDArray[np.floating], labels: NDArray[np.integer], *, seed: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return what the training is given: the user's rows and the canaries that are in."""
        members = np.flatnonzero(self.included)
        rows = np.concatenate([self.widen(inputs), self.rows(members)])
        targets = np.concatenate([labels, self.labels[members]]).astype(np.int64)
        order = np.random.default_rng([_COINS, seed, 1]).permutation(len(targets))
        return rows[order], targets[order]


def log_ratio(
    signals: NDArray[np.floating], parts: NDArray[np.floating], noise_multiplier: float, rate: float
) -> NDArray[np.float64]:
    """Return the scores [m]: log-likelihood ratios of all steps, summed.

    Args:
        signals: [steps, m], along each canary's own gradient, in deviations of the noise.
        parts: [steps, m], the length of that gradient after clipping, as a part of the clip norm.
        noise_multiplier: that was claimed: a gradient as long as the clip norm is one over it.
        rate: the chance of a row to be in a step.
    """
    own = parts.astype(np.float64) / noise_multiplier
    exponent = own * (signals - own / 2)
    if rate < 1:
        exponent = np.logaddexp(math.log1p(-rate), math.log(rate) + exponent)
    total: NDArray[np.float64] = exponent.sum(axis=0)
    return total
