"""The recipe of a sharded model: each reference model is the mean of as many as the target has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Rows
    from strongroom.attacks.references._recipe import Fitted, Origin, Recipe
    from strongroom.progress import Progress

_NEAREST = 1e-12  # to certainty


@dataclass(frozen=True)
class ShardedRecipe:
    """Trains `shards` models by another recipe for each reference model, each on its own rows.

    Attributes:
        shard: how one shard is trained.
        shards: how many there are.
    """

    shard: Recipe
    shards: int

    @property
    def origin(self) -> Origin:
        """See `Recipe`."""
        return self.shard.origin

    @property
    def together(self) -> int:
        """See `Recipe`."""
        return max(1, self.shard.together // self.shards)

    @property
    def slow(self) -> bool:
        """See `Recipe`."""
        return self.shard.slow

    def identity(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        return {"recipe": "sharded", "shards": self.shards, "shard": dict(self.shard.identity())}

    def describe(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        return {**self.shard.describe(), "shards_each": self.shards}

    def train(
        self,
        rows: Rows,
        classes: int,
        membership: NDArray[np.bool_],
        *,
        seed: int,
        first: int,
        learnt: float,
        progress: Progress,
    ) -> ShardedModels:
        """See `Recipe`."""
        # Where a row goes is a coin of its own, the same in every model, as in the target.
        place = np.random.default_rng([seed, 41]).integers(0, self.shards, len(rows))
        apart = place[None, :] == np.arange(self.shards)[:, None]
        parts = (membership[:, None, :] & apart[None]).reshape(-1, len(rows))
        fitted = self.shard.train(
            rows,
            classes,
            parts,
            seed=seed,
            first=first * self.shards,
            learnt=learnt / self.shards,
            progress=progress,
        )
        return ShardedModels(fitted, self.shards)


@dataclass(frozen=True, eq=False)
class ShardedModels:
    """Models whose probabilities are the means of their shards'."""

    fitted: Fitted
    shards: int

    def confidence(self, rows: Rows) -> NDArray[np.float32]:
        """See `Fitted`: from the shards' log-odds to their probabilities, the mean, and back."""
        odds = self.fitted.confidence(rows).astype(np.float64)
        odds = odds.reshape(-1, self.shards, len(rows))
        chance = (1 / (1 + np.exp(-odds))).mean(axis=1)
        # 1 - p from its own mean: subtracting p from 1 would lose it near certainty.
        other = (1 / (1 + np.exp(odds))).mean(axis=1)
        log_odds = np.log(np.maximum(chance, _NEAREST)) - np.log(np.maximum(other, _NEAREST))
        found: NDArray[np.float32] = log_odds.astype(np.float32)
        return found
