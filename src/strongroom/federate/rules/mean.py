"""The weighted mean: exact, and any one liar moves it anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.federate.rules._rule import Combined, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.federate._recipe import RuleSpec


def combine(
    updates: NDArray[np.float64], weights: NDArray[np.float64], _spec: RuleSpec
) -> Combined:
    """Return Σ wᵢuᵢ / Σ wᵢ (McMahan et al. 2017)."""
    shares = weights / weights.sum()
    return Combined(shares @ updates, shares, np.ones(len(updates)))


RULE = Rule("mean", "f = 0", lambda liars: 1 if liars == 0 else None, combine)
