"""Reference models of one audit: trained once, when an attack first asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks.references._bank import KINDS, BankRecipe
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Pool, Rows, Situation
    from strongroom.attacks.references._recipe import Fitted, Origin, Recipe

FEWEST = 4
_SMALLEST_SHARE = 0.25  # of the models that learn from a row: both sides need some


def random_memberships(models: int, rows: int, seed: int, share: float = 0.5) -> NDArray[np.bool_]:
    """Return bool [models, rows]: each row is in a random `share` of the models, exactly."""
    coins = np.random.default_rng(seed)
    ranks = coins.random((models, rows)).argsort(axis=0)
    chosen: NDArray[np.bool_] = ranks < round(models * share)
    return chosen


@dataclass(eq=False)
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
    _recipe: Recipe
    _rows: Rows
    _classes: int
    _seed: int
    _progress: Progress = SILENT
    _fitted: Fitted | None = None
    _pool_signal: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Return how many models there are."""
        return len(self.membership)

    def confidence(self, rows: Rows | None = None) -> NDArray[np.float32]:
        """Return float32 [M, n]: each model's signal for each row; of the pool without `rows`.

        The first question trains the models.
        """
        if rows is None:
            if self._pool_signal is None:
                self._pool_signal = self._trained().confidence(self._rows)
            return self._pool_signal
        return self._trained().confidence(rows)

    def _trained(self) -> Fitted:
        if self._fitted is None:
            self._fitted = self._recipe.train(
                self._rows,
                self._classes,
                self.membership,
                seed=self._seed,
                progress=self._progress,
            )
        return self._fitted


@dataclass(eq=False)
class ReferenceModels:
    """What an audit may train: a recipe, how many models, and those that it has trained.

    Attributes:
        recipe: how they are trained.
        count: how many.
        trained_on: how many rows the target learnt from.
        seed: of memberships, initial weights and batches.
    """

    recipe: Recipe
    count: int
    trained_on: int
    seed: int = 0
    _made: dict[tuple[int, bytes], Shadows] = field(default_factory=dict)

    @classmethod
    def of(cls, situation: Situation) -> ReferenceModels | NotEvaluable:
        """Return those of the target's own recipe, where we can train many models by it."""
        spec = situation.train_spec
        if spec is None:
            return NotEvaluable("the recipe that the model was trained by is not known")
        if spec.model not in KINDS:
            return NotEvaluable(
                f"shadow models can be trained for {' and '.join(KINDS)} models, not for "
                f"{spec.model}"
            )
        trained_on = len(situation.members)
        noise = situation.statement.noise_multiplier if situation.statement else None
        recipe = BankRecipe(spec, noise, trained_on)
        return cls(recipe, situation.shadows, trained_on, situation.seed)

    def on(self, pool: Pool, classes: int, progress: Progress = SILENT) -> Shadows | NotEvaluable:
        """Return the models of these rows; the same rows give the same models.

        Each learns from a random half of the rows, or from fewer if the target did.
        """
        if self.count < FEWEST:
            return NotEvaluable(f"at least {FEWEST} shadow models are needed, not {self.count}")
        rows = pool.rows
        if not 0 < pool.members < len(rows):
            return NotEvaluable("there are no members or no non-members to tell apart")
        key = (pool.members, rows.numbers.tobytes())
        if key not in self._made:
            share = min(0.5, max(_SMALLEST_SHARE, self.trained_on / len(rows)))
            membership = random_memberships(self.count, len(rows), self.seed, share)
            learnt = round(len(rows) * share)
            differs = (
                f": {learnt:,} rows, where the target learnt from {self.trained_on:,}"
                if learnt != self.trained_on
                else ""
            )
            self._made[key] = Shadows(
                membership,
                self.recipe.origin,
                {
                    "rows_per_shadow": learnt,
                    "rows_of_the_target": self.trained_on,
                    "shadow_population": (
                        f"each shadow learns from a random {share:.0%} of the "
                        f"{pool.members:,} members and {len(rows) - pool.members:,} non-members "
                        f"under attack{differs}"
                    ),
                    **self.recipe.describe(),
                },
                self.recipe,
                rows,
                classes,
                self.seed,
            )
        made = self._made[key]
        made._progress = progress  # noqa: SLF001 - its own; the attack that asks first is told
        return made
