"""Private knots for numbers that nobody declared a range for: quantiles, paid from the same ε.

Counts of dyadic intervals on a fixed scale are released once, with Gaussian noise, for all columns
together; quantiles are read off by walking down from the whole scale. Everything after the noise
is post-processing: how many quantiles, where they are cut, what they are used for. The outermost
ones are the private clipping bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.models import ColumnKind
from strongroom.privacy import GaussianReleases, gaussian_mu, noisy_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn

    from strongroom.config import PrivacySpec
    from strongroom.models import EncodedColumn, TableEncoder, TableModel
    from strongroom.privacy import SecretStream

LEVELS = 11  # of halving; the finest intervals are a 2,048th of the scale: 1.6 % of a number
KNOTS = (0.002, *(k / 16 for k in range(1, 16)), 0.998)
EDGES = tuple(k / 64 for k in range(1, 64))
_SAME = 1e-9
COVERED = (
    "knots and bounds of numbers without a declared range: private quantiles, one noisy release of "
    "counts, paid from the same ε"
)


def undeclared(encoder: TableEncoder) -> tuple[EncodedColumn, ...]:
    """Return the numbers whose knots are a fixed rule's."""
    return tuple(c for c in encoder.columns if c.kind is ColumnKind.NUMBER and c.range is None)


def scale_of(columns: Sequence[EncodedColumn]) -> tuple[float, float]:
    """Return the ends of the fixed scale that undeclared numbers lie on."""
    return columns[0].knots[0], columns[0].knots[-1]


def release_for(privacy: PrivacySpec, encoder: TableEncoder) -> GaussianReleases | None:
    """Return the release that the declared share of the budget pays for; None: nothing to do."""
    if not privacy.preprocessing or not undeclared(encoder):
        return None
    mu = gaussian_mu(privacy.epsilon, privacy.delta)
    return GaussianReleases(1 / (mu * math.sqrt(privacy.preprocessing)))


def private_knots(
    numbers: Sequence[NDArray[np.floating[Any]]],
    low: float,
    high: float,
    mechanism: GaussianReleases,
    stream: SecretStream,
    shares: Sequence[float] = KNOTS,
) -> list[tuple[float, ...]]:
    """Return rising knots for each column, at least two.

    Args:
        numbers: for each column the values that aren't missing, on the scale; one per unit.
        low: of the scale; what lies outside counts as its end.
        high: of the scale.
        mechanism: the one release that this is.
        stream: its coins.
        shares: of the rows below each knot; equal quantiles become one knot.
    """
    parts = [dyadic_counts(values, low, high) for values in numbers]
    noisy = noisy_sum(
        np.concatenate(parts),
        # One unit is in one interval of each level of each column.
        sensitivity=math.sqrt(LEVELS * len(parts)),
        noise_multiplier=mechanism.noise_multiplier,
        stream=stream,
        label="quantiles",
        step=0,
    )
    trees = noisy.reshape(len(parts), 2 ** (LEVELS + 1) - 2)
    return [_knots(tree, low, high, shares) for tree in trees]


def dyadic_counts(
    values: NDArray[np.floating[Any]], low: float, high: float
) -> NDArray[np.float64]:
    """Return how many values are in each interval: 2 halves, 4 quarters, and so on.

    Args:
        values: [rows]; what lies outside the scale counts as its end.
        low: of the scale.
        high: of the scale.

    Returns:
        float64 [2^(LEVELS + 1) - 2]; one value is counted once on each of the `LEVELS` levels.
    """
    finest = 2**LEVELS
    places = np.floor((np.clip(values, low, high) - low) / (high - low) * finest)
    found = np.bincount(np.minimum(places, finest - 1).astype(np.int64), minlength=finest)
    levels = [found.reshape(2**level, -1).sum(axis=1) for level in range(1, LEVELS + 1)]
    return np.concatenate(levels).astype(np.float64)


def _knots(
    tree: NDArray[np.float64], low: float, high: float, shares: Sequence[float]
) -> tuple[float, ...]:
    tree = np.maximum(tree, 0.0)
    found = sorted({dyadic_quantile(tree, share, low, high) for share in shares})
    kept = [found[0], *(b for a, b in pairwise(found) if b - a > _SAME)]
    step = (high - low) / 2**LEVELS
    return tuple(kept) if len(kept) > 1 else (kept[0] - step, kept[0] + step)


def dyadic_quantile(tree: NDArray[np.float64], share: float, low: float, high: float) -> float:
    """Walk down to the interval that `share` of the rows lie below, and interpolate in it.

    Args:
        tree: as `dyadic_counts` gives it, noisy or not; no entry below 0.
        share: in [0, 1].
        low: of the scale.
        high: of the scale.
    """
    node, rest = 0, share
    for level in range(1, LEVELS + 1):
        start = 2**level - 2
        left, right = (float(n) for n in tree[start + 2 * node : start + 2 * node + 2])
        both = left + right
        # Where noise left nothing, halves are taken for equal.
        part = left / both if both > 0 else 0.5
        if rest < part:
            node, rest = 2 * node, rest / part
        else:
            node = 2 * node + 1
            rest = (rest - part) / (1 - part) if part < 1 else 0.0
    return low + (high - low) * (node + rest) / float(2**LEVELS)


@dataclass(frozen=True)
class PrivateKnots:
    """A `Prelude`: measures the undeclared numbers of encoded rows, and encodes them anew in place.

    Hats are an exact encoding, so the numbers are read back from them. The new knots are fewer;
    the places that are left over stay 0.

    Attributes:
        mechanism: the release.
        model: whose encoder gets the knots.
        others: further encoded rows that are to be encoded anew, such as those to measure on.
    """

    mechanism: GaussianReleases
    model: TableModel
    others: tuple[NDArray[np.float32], ...] = ()

    def __call__(
        self, network: nn.Module, inputs: NDArray[Any], stream: SecretStream | None, rows: int
    ) -> None:
        """See `Prelude`; the network is left as it is."""
        del network, rows
        if stream is None:
            return
        columns = undeclared(self.model.encoder)
        low, high = scale_of(columns)
        numbers = [_decoded(c, inputs)[inputs[:, c.stop - 1] == 0] for c in columns]
        found = private_knots(numbers, low, high, self.mechanism, stream)
        after = {c.name: replace(c, knots=k) for c, k in zip(columns, found, strict=True)}
        for part in (inputs, *self.others):
            for column in columns:
                _encode_anew(column, after[column.name], part)
        new = tuple(after.get(c.name, c) for c in self.model.encoder.columns)
        self.model.encoder = replace(self.model.encoder, columns=new)


def _decoded(column: EncodedColumn, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    hats = inputs[:, column.start : column.start + len(column.knots)]
    numbers: NDArray[np.float64] = hats.astype(np.float64) @ np.asarray(column.knots)
    return numbers


def _encode_anew(old: EncodedColumn, new: EncodedColumn, inputs: NDArray[np.float32]) -> None:
    numbers, rows = _decoded(old, inputs), np.flatnonzero(inputs[:, old.stop - 1] == 0)
    inputs[:, old.start : old.stop - 1] = 0.0
    knots = np.asarray(new.knots)
    present = np.clip(numbers[rows], knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, present, side="right") - 1, 0, len(knots) - 2)
    share = (present - knots[left]) / (knots[left + 1] - knots[left])
    inputs[rows, new.start + left] = 1.0 - share
    inputs[rows, new.start + left + 1] = share
