"""The mean of updates none of which is longer than a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.federate.rules._rule import Combined, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.federate._recipe import RuleSpec


def combine(
    updates: NDArray[np.float64], _weights: NDArray[np.float64], spec: RuleSpec
) -> Combined:
    """Scale longer updates down to `spec.bound`, or the round's median norm, and take the mean.

    Sun et al. 2019. It bounds what f liars can do, to f/n of the bound, against a scaled update
    above all; it doesn't undo what they do within it.
    """
    norms = np.linalg.norm(updates, axis=1)
    bound = spec.bound if spec.bound is not None else float(np.median(norms))
    scale = np.minimum(1.0, np.divide(bound, norms, out=np.ones_like(norms), where=norms > 0))
    count = len(updates)
    return Combined((scale @ updates) / count, np.full(count, 1 / count), scale)


RULE = Rule("norm-bound", "n ≥ 2f + 1", lambda liars: 2 * liars + 1, combine)
