"""The median of each coordinate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.federate.rules._rule import Combined, Rule, kept

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from strongroom.federate._recipe import RuleSpec


def combine(
    updates: NDArray[np.float64], _weights: NDArray[np.float64], _spec: RuleSpec
) -> Combined:
    """Return the median of each coordinate (Yin et al. 2018, option I).

    With an even number of updates it is the mean of the middle two. Updates count equally: a weight
    is only what a site says of itself.
    """
    count = len(updates)
    ranks = updates.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return kept(updates, (ranks >= (count - 1) // 2) & (ranks <= count // 2))


RULE = Rule("median", "n ≥ 2f + 1", lambda liars: 2 * liars + 1, combine)
