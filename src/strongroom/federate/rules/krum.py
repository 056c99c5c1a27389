"""Krum: the one update that lies nearest to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.federate.rules._rule import Combined, Rule, chosen, krum_scores, squared_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.federate._recipe import RuleSpec


def combine(
    updates: NDArray[np.float64], _weights: NDArray[np.float64], spec: RuleSpec
) -> Combined:
    """Return the update with the least sum of squared distances to its n - f - 2 nearest.

    Blanchard et al. 2017. Where the sites' data differ much, the nearest is one site's own view.
    """
    best = krum_scores(squared_distances(updates), spec.liars).argmin()
    return chosen(updates, np.array([best]))


RULE = Rule("krum", "n ≥ 2f + 3", lambda liars: 2 * liars + 3, combine)
