"""The recipe of scikit-learn's random forests: grown by our own loops, on values coded once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._signal import confidence_of_probabilities
from strongroom.attacks.references._fitted import FittedRecipe, seed_of
from strongroom.models.bank import ForestSpec, forest_probabilities
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Rows
    from strongroom.attacks.references._recipe import Fitted, Origin
    from strongroom.models import Model
    from strongroom.progress import Progress

_FOREST = "RandomForestClassifier"
_TOGETHER = 16
_ANSWERS = 20_000_000  # probabilities held at once


@dataclass(frozen=True)
class ForestRecipe:
    """Grows forests like the target's (see `strongroom.models.bank.forest_probabilities`).

    Attributes:
        spec: how.
        fallback: the target's own fit, for values that can't be coded; None where there are none.
        origin: whether it is the target's own recipe.
        together: models between two stops at which what is finished is kept.
    """

    spec: ForestSpec
    fallback: FittedRecipe | None = None
    origin: Origin = "own"
    together: int = _TOGETHER
    slow = True

    @classmethod
    def of(cls, target: Model) -> ForestRecipe | None:
        """Return the recipe of a forest that is fitted on numbers as they stand, else None."""
        estimator: Any = getattr(target, "estimator", None)
        recipe = getattr(target, "recipe", {})
        if type(estimator).__name__ != _FOREST or not recipe:
            return None
        if not type(estimator).__module__.startswith("sklearn."):
            return None
        spec = ForestSpec.of(estimator.get_params(deep=False))
        return None if spec is None else cls(spec, FittedRecipe.of(target))

    def identity(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        about = {"forest": repr(self.spec)} if self.fallback is None else dict(self.fallback.about)
        return {"recipe": "forest", "about": about}

    def describe(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        how = "as the target was: the same forests" if self.origin == "own" else "forests"
        return {"shadows_trained": f"{how}, grown by our own loops"}

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
    ) -> Fitted:
        """See `Recipe`; nothing is grown before something is asked."""
        numbers = np.asarray(rows.inputs)
        plain = numbers.ndim == 2 and numbers.dtype == np.float32  # noqa: PLR2004 - a matrix
        if self.fallback is not None and not (plain and np.isfinite(numbers).all()):
            return self.fallback.train(
                rows, classes, membership, seed=seed, first=first, learnt=learnt, progress=progress
            )
        seeds = [seed_of(seed, first + m) for m in range(len(membership))]
        return _Forests(self, rows, classes, membership, seeds, progress)


@dataclass(frozen=True, eq=False)
class _Forests:
    """Forests that are grown, asked, and forgotten."""

    recipe: ForestRecipe
    rows: Rows
    classes: int
    membership: NDArray[np.bool_]
    seeds: list[int]
    progress: Progress = SILENT

    def confidence(self, rows: Rows) -> NDArray[np.float32]:
        """See `Fitted`."""
        models = len(self.membership)
        out = np.empty((models, len(rows)), np.float32)
        step = max(1, _ANSWERS // max(1, len(rows) * self.classes))
        for begin in range(0, models, step):
            found = forest_probabilities(
                self.recipe.spec,
                self.rows.inputs,
                self.rows.labels,
                self.classes,
                self.membership[begin : begin + step],
                rows.inputs,
                seeds=self.seeds[begin : begin + step],
                progress=self.progress,
            )
            for i, one in enumerate(found):
                out[begin + i] = confidence_of_probabilities(one, rows.labels)
        return out
