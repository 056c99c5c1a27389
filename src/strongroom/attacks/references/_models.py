"""Reference models of one audit: trained once, when an attack first asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks.references._training import Training
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Pool, Rows, Situation
    from strongroom.attacks.references._cache import SignalCache
    from strongroom.attacks.references._recipe import Origin, Recipe

FEWEST = 2
_SMALLEST_SHARE = 0.25  # of the models that learn from a row: both sides need some


def random_memberships(models: int, rows: int, seed: int, share: float = 0.5) -> NDArray[np.bool_]:
    """Return bool [models, rows]: each row is in a random `share` of the models, exactly.

    In one of them at least, and not in all.
    """
    coins = np.random.default_rng(seed)
    ranks = coins.random((models, rows)).argsort(axis=0)
    chosen: NDArray[np.bool_] = ranks < min(max(1, round(models * share)), models - 1)
    return chosen


@dataclass(frozen=True, eq=False)
class Shadows:
    """M models that learnt from random parts of the rows under attack.

    Attributes:
        membership: bool [M, n]: which rows of the pool each learnt from.
        origin: "own", the target's recipe, or "surrogate".
        details: what findings say of them, JSON values.
    """

    membership: NDArray[np.bool_]
    origin: Origin
    details: Mapping[str, Any]
    _training: Training
    _kept: NDArray[np.bool_]
    _signal: NDArray[np.float32]

    def __len__(self) -> int:
        """Return how many models there are."""
        return len(self.membership)

    def confidence(
        self, rows: Rows | None = None, progress: Progress = SILENT
    ) -> NDArray[np.float32]:
        """Return float32 [M, n]: each model's signal for each row; of the pool without `rows`.

        What can't be taken for a number (NaN) is what the other models say of that row on average.
        """
        if rows is None:
            return self._signal
        found = self._training.signals(rows, progress)[self._kept]
        if np.isnan(found).any():
            others = np.nan_to_num(np.nanmean(np.where(np.isnan(found), np.nan, found), axis=0))
            found = np.where(np.isnan(found), others, found).astype(np.float32)
        return found


@dataclass(eq=False)
class ReferenceModels:
    """What an audit may train: a recipe, how many models, and those that it has trained.

    Attributes:
        recipe: how they are trained.
        count: how many.
        trained_on: how many rows the target learnt from.
        seed: of memberships, initial weights and batches.
        cache: where signals are kept for the next audit; None: nowhere.
    """

    recipe: Recipe
    count: int
    trained_on: int
    seed: int = 0
    cache: SignalCache | None = None
    _made: dict[tuple[int, bytes], Shadows | NotEvaluable] = field(default_factory=dict)

    @classmethod
    def of(
        cls, situation: Situation, cache: SignalCache | None = None
    ) -> ReferenceModels | NotEvaluable:
        """Return those of the target's own recipe where there is one, else of a stand-in."""
        from strongroom.attacks.references._choice import recipe_of

        recipe = recipe_of(situation)
        if isinstance(recipe, NotEvaluable):
            return recipe
        return cls(recipe, situation.shadows, len(situation.members), situation.seed, cache)

    def on(self, pool: Pool, classes: int, progress: Progress = SILENT) -> Shadows | NotEvaluable:
        """Return the models of these rows, trained; the same rows give the same models.

        Each learns from a random half of the rows, or from fewer if the target did. Models that
        went wrong, whose signals are no numbers, are left out and counted.
        """
        if self.count < FEWEST:
            return NotEvaluable(f"at least {FEWEST} shadow models are needed, not {self.count}")
        rows = pool.rows
        if not 0 < pool.members < len(rows):
            return NotEvaluable("there are no members or no non-members to tell apart")
        key = (pool.members, rows.numbers.tobytes())
        if key not in self._made:
            self._made[key] = self._train(pool, classes, progress)
        return self._made[key]

    def _train(self, pool: Pool, classes: int, progress: Progress) -> Shadows | NotEvaluable:
        rows = pool.rows
        share = min(0.5, max(_SMALLEST_SHARE, self.trained_on / len(rows)))
        membership = random_memberships(self.count, len(rows), self.seed, share)
        training = Training(self.recipe, rows, classes, membership, self.seed, self.cache)
        signal = training.signals(rows, progress)
        kept = np.array([np.isfinite(one).all() for one in signal], np.bool_)
        membership, signal = membership[kept], signal[kept]
        lost = int((~kept).sum())
        learnt_by = membership.sum(axis=0)
        if len(membership) < FEWEST or (learnt_by < 1).any() or (learnt_by == len(signal)).any():
            return NotEvaluable(
                f"{lost} of {self.count} shadow models went wrong: what they say is no number; "
                f"{len(signal)} are too few"
            )
        learnt = round(len(rows) * share)
        differs = (
            f": {learnt:,} rows, where the target learnt from {self.trained_on:,}"
            if learnt != self.trained_on
            else ""
        )
        details = {
            "references": self.recipe.origin,
            "rows_per_shadow": learnt,
            "rows_of_the_target": self.trained_on,
            "shadow_population": (
                f"each shadow learns from a random {share:.0%} of the {pool.members:,} members "
                f"and {len(rows) - pool.members:,} non-members under attack{differs}"
            ),
            **({"shadows_that_went_wrong": lost} if lost else {}),
            **({"shadows_from_cache": training.found} if training.found else {}),
            **({"cache": training.trouble} if training.trouble else {}),
            **self.recipe.describe(),
        }
        return Shadows(membership, self.recipe.origin, details, training, kept, signal)
