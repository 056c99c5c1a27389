"""Does an inverted image resemble training images more than other images of the same class?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import special_functions
from strongroom.attacks._likeness import correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

PERMUTATIONS = 999


@dataclass(frozen=True)
class Gain:
    """What the nearest training image has over the nearest other image.

    Attributes:
        gain: mean over classes of the difference in normalised correlation.
        low, high: its 95 % interval: the gain less what chance gives when membership is shuffled
            within each class.
        to_members, to_others: the similarities themselves.
        p_value: share of shuffles with as large a gain.
    """

    gain: float
    low: float
    high: float
    to_members: float
    to_others: float
    p_value: float


def similarity_gain(
    inverted: NDArray[Any],
    classes: NDArray[np.int64],
    images: NDArray[Any],
    labels: NDArray[np.int64],
    member: NDArray[np.bool_],
    seed: int,
) -> Gain:
    """Compare inverted images with members and with others of their class.

    Images are taken as they differ from the mean of all. The side with more images has the better
    nearest one by luck; so each side's nearest is the expected one among as many as the smaller
    side has. If the model has nothing to do with which images are members, every shuffle within a
    class is as likely, and the interval misses 0 in at most 5 % of cases.

    Args:
        inverted: [k, ...].
        classes: int64 [k], of the inverted images; each has members and others.
        images: [n, ...].
        labels: int64 [n].
        member: bool [n].
        seed: of the shuffles.
    """
    flat = images.reshape(len(images), -1).astype(np.float64)
    centre = flat.mean(axis=0)
    coins = np.random.default_rng(seed)
    inside = np.zeros((len(classes), PERMUTATIONS + 1))
    outside = np.zeros_like(inside)
    for k, label in enumerate(classes):
        rows = np.flatnonzero(labels == label)
        image = inverted[k].reshape(1, -1).astype(np.float64)
        likeness = correlation(image - centre, flat[rows] - centre)[0]
        count = int(member[rows].sum())
        # Row 0 is the truth, the others are shuffles.
        keys = coins.random((PERMUTATIONS + 1, len(rows)))
        keys[0] = ~member[rows]
        ranked = likeness[np.argsort(keys, axis=1, kind="stable")]
        fewest = min(count, len(rows) - count)
        inside[k] = _nearest(ranked[:, :count], fewest)
        outside[k] = _nearest(ranked[:, count:], fewest)
    gains = (inside - outside).mean(axis=0)
    gain, by_chance = float(gains[0]), gains[1:]
    least, most = np.quantile(by_chance, [0.025, 0.975])
    return Gain(
        gain=gain,
        low=gain - float(most),
        high=gain - float(least),
        to_members=float(inside[:, 0].mean()),
        to_others=float(outside[:, 0].mean()),
        p_value=float((1 + (by_chance >= gain).sum()) / (1 + PERMUTATIONS)),
    )


def _nearest(likeness: NDArray[np.float64], among: int) -> NDArray[np.float64]:
    """Return the expected largest of `among` values drawn from each row of [r, n]."""
    count = likeness.shape[1]
    if among == count:
        largest: NDArray[np.float64] = likeness.max(axis=1)
        return largest
    rank = np.arange(1, count + 1)
    # The j-th smallest is the largest of a draw in C(j - 1, m - 1) of C(n, m) draws.
    gammaln = special_functions().gammaln
    log_odds = (
        gammaln(rank)
        - gammaln(among)
        - gammaln(np.maximum(rank - among, 0) + 1)
        - (gammaln(count + 1) - gammaln(among + 1) - gammaln(count - among + 1))
    )
    weights = np.where(rank >= among, np.exp(log_odds), 0.0)
    found: NDArray[np.float64] = np.sort(likeness, axis=1) @ weights
    return found
