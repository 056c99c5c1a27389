"""Bulyan: Krum chooses whose updates count, and then each coordinate's middle is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.federate.rules._rule import Combined, Rule, averaged, krum_scores, squared_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.federate._recipe import RuleSpec


def combine(
    updates: NDArray[np.float64], _weights: NDArray[np.float64], spec: RuleSpec
) -> Combined:
    """Return Bulyan over Krum (El Mhamdi et al. 2018).

    Krum is asked θ = n - 2f times for one of those that are left. Of the θ, each coordinate is the
    mean of the β = θ - 2f values that lie nearest to the median: a liar that hides a large change
    in one coordinate behind a small distance in all is outvoted there.
    """
    count, liars = len(updates), spec.liars
    distances = squared_distances(updates)
    left = np.arange(count)
    taken = []
    for _ in range(count - 2 * liars):
        best = int(krum_scores(distances[np.ix_(left, left)], liars).argmin())
        taken.append(int(left[best]))
        left = np.delete(left, best)
    rows = np.array(taken)
    selected = updates[rows]
    beta = len(rows) - 2 * liars
    away = np.abs(selected - np.median(selected, axis=0))
    near = away.argsort(axis=0, kind="stable")[:beta]
    update = np.take_along_axis(selected, near, axis=0).mean(axis=0)
    share = np.zeros_like(updates)
    share[rows[near], np.arange(updates.shape[1])] = 1 / beta
    return Combined(update, averaged(share, updates), np.ones(count))


RULE = Rule("bulyan", "n ≥ 4f + 3", lambda liars: 4 * liars + 3, combine)
