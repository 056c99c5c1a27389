"""Multi-Krum: the mean of the updates that Krum scores best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.federate.rules._rule import Combined, Rule, chosen, krum_scores, squared_distances

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from strongroom.federate._recipe import RuleSpec


def combine(
    updates: NDArray[np.float64], _weights: NDArray[np.float64], spec: RuleSpec
) -> Combined:
    """Return the mean of the m = n - f - 2 updates of the best Krum scores (Blanchard et al. 2017).

    m is the largest for which El Mhamdi et al. 2018 (proposition 2) keep Krum's promise.
    """
    scores = krum_scores(squared_distances(updates), spec.liars)
    best = scores.argsort(kind="stable")[: len(updates) - spec.liars - 2]
    return chosen(updates, best)


RULE = Rule("multi-krum", "n ≥ 2f + 3", lambda liars: 2 * liars + 3, combine)
