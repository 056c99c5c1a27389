"""The mean of each coordinate without its f smallest and f largest values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.federate.rules._rule import Combined, Rule, kept

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from strongroom.federate._recipe import RuleSpec


def combine(
    updates: NDArray[np.float64], _weights: NDArray[np.float64], spec: RuleSpec
) -> Combined:
    """Return the trimmed mean of each coordinate (Yin et al. 2018, option II, β = f/n)."""
    ranks = updates.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return kept(updates, (ranks >= spec.liars) & (ranks < len(updates) - spec.liars))


RULE = Rule("trimmed-mean", "n ≥ 2f + 1", lambda liars: 2 * liars + 1, combine)
