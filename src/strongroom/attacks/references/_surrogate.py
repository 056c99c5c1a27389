"""A stand-in for a recipe that nobody knows: of several, the one whose models behave most alike.

Each candidate trains two models on random halves of the rows under attack. The nearest is the one
whose confidence on rows that its models never saw is nearest to the target's on rows that *it*
never saw, and whose gap between seen and unseen rows is nearest to the target's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks._signal import confidence
from strongroom.attacks._situation import Rows
from strongroom.attacks.references._bank import BankRecipe
from strongroom.attacks.references._cache import digest_of_array
from strongroom.attacks.references._forest import ForestRecipe
from strongroom.attacks.references._networks import FeatureRecipe, ImageRecipe
from strongroom.config import TrainSpec
from strongroom.models.bank import ForestSpec
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Situation
    from strongroom.attacks.references._recipe import Fitted, Origin, Recipe

_TRIAL_ROWS = 4_000  # of the pool, on which candidates are compared
_TRIAL_MODELS = 2
_FEWEST_ROWS = 50
_FARTHEST = 10.0  # standard deviations from the mean, beyond which a number is as good as there
_MATRIX, _IMAGES = 2, 4  # axes
_MOST_TOKENS = 2**20


def surrogate_of(situation: Situation) -> Recipe | NotEvaluable:
    """Return a stand-in for the target's recipe; a reason where its inputs allow none."""
    target, inputs = situation.target, situation.members.inputs
    if getattr(target, "fixed", False):
        return NotEvaluable(
            "only predictions were given, without the rows they are about: there is nothing to "
            "train shadow models on"
        )
    if situation.kind == "language" or situation.members.labels.ndim > 1:
        return NotEvaluable(
            "the recipe that the model was trained by is not known, and there is no stand-in for "
            "a model of sequences"
        )
    candidates = _candidates(inputs)
    if not candidates:
        return NotEvaluable(
            "the recipe that the model was trained by is not known, and there is no stand-in for "
            f"inputs of type {inputs.dtype} and shape {list(inputs.shape[1:])} a row"
        )
    return Surrogate(situation, candidates)


@dataclass(frozen=True)
class Standardised:
    """A recipe on numbers brought to mean 0 and deviation 1, missing ones to 0.

    Attributes:
        recipe: what is trained on them.
        mean, scale: float32 [d], of the rows under attack.
    """

    recipe: Recipe
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def of(cls, recipe: Recipe, inputs: NDArray[Any]) -> Standardised:
        """Measure the rows [n, …]."""
        flat = inputs.reshape(len(inputs), -1).astype(np.float64)
        with np.errstate(all="ignore"):
            finite = np.where(np.isfinite(flat), flat, np.nan)
            count = np.maximum(np.isfinite(finite).sum(axis=0), 1)
            mean = np.nan_to_num(np.nansum(finite, axis=0) / count)
            spread = np.sqrt(np.nansum((finite - mean) ** 2, axis=0) / count)
        scale = np.where(spread > 0, spread, 1.0)
        return cls(recipe, mean.astype(np.float32), scale.astype(np.float32))

    @property
    def origin(self) -> Origin:
        """See `Recipe`."""
        return self.recipe.origin

    @property
    def together(self) -> int:
        """See `Recipe`."""
        return self.recipe.together

    @property
    def slow(self) -> bool:
        """See `Recipe`."""
        return self.recipe.slow

    def identity(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        measured = [digest_of_array(a).hex() for a in (self.mean, self.scale)]
        return {"standardised": dict(self.recipe.identity()), "by": measured}

    def describe(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        return self.recipe.describe()

    def train(self, rows: Rows, classes: int, membership: NDArray[np.bool_], **rest: Any) -> Fitted:  # noqa: ANN401 - see `Recipe`
        """See `Recipe`."""
        return _Standardised(self, self.recipe.train(self.rows(rows), classes, membership, **rest))

    def rows(self, rows: Rows) -> Rows:
        """Return the rows as the recipe takes them."""
        flat = rows.inputs.reshape(len(rows), -1).astype(np.float32)
        numbers = np.nan_to_num(
            (flat - self.mean) / self.scale, posinf=_FARTHEST, neginf=-_FARTHEST
        )
        return Rows(np.clip(numbers, -_FARTHEST, _FARTHEST), rows.labels)


@dataclass(frozen=True, eq=False)
class _Standardised:
    like: Standardised
    fitted: Fitted

    def confidence(self, rows: Rows) -> NDArray[np.float32]:
        """See `Fitted`."""
        return self.fitted.confidence(self.like.rows(rows))


@dataclass(frozen=True, eq=False)
class Surrogate:
    """The nearest of several recipes, found when it is first needed.

    Attributes:
        situation: the target and its rows.
        candidates: recipes by what people call them.
    """

    situation: Situation
    candidates: Mapping[str, Recipe]
    origin: Origin = "surrogate"

    @property
    def together(self) -> int:
        """See `Recipe`."""
        return self._chosen[1].together

    @property
    def slow(self) -> bool:
        """See `Recipe`; said before it is chosen, which costs queries."""
        return self.situation.kind != "table"

    def identity(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        return self._chosen[1].identity()

    def describe(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        name, _, far = self._chosen
        ranked = sorted(far.items(), key=lambda item: item[1])
        return {
            "shadows_trained": f"by a stand-in for the target's recipe: {name}",
            "stand_in": name,
            "distance_from_the_target": {n: round(d, 3) for n, d in ranked},
        }

    def train(self, rows: Rows, classes: int, membership: NDArray[np.bool_], **rest: Any) -> Fitted:  # noqa: ANN401 - see `Recipe`
        """See `Recipe`."""
        return self._chosen[1].train(rows, classes, membership, **rest)

    @cached_property
    def _chosen(self) -> tuple[str, Recipe, dict[str, float]]:
        """Return the nearest candidate's name and recipe, and how far all are."""
        situation = self.situation
        most = min(_TRIAL_ROWS, (situation.query_budget or _TRIAL_ROWS * 8) // 8)
        half = max(_FEWEST_ROWS, most // 2)
        inside = situation.members.sample(half, situation.seed)
        rows = inside.join(situation.nonmembers.sample(half, situation.seed + 1))
        member = np.arange(len(rows)) < len(inside)
        target = confidence(situation.target, rows)
        classes = len(situation.target.classes)
        far = {}
        for name, recipe in self.candidates.items():
            far[name] = _distance(recipe, rows, member, target, classes, situation.seed)
        best = min(far, key=lambda name: far[name])
        return best, self.candidates[best], far


def _distance(
    recipe: Recipe,
    rows: Rows,
    member: NDArray[np.bool_],
    target: NDArray[np.float64],
    classes: int,
    seed: int,
) -> float:
    """Return how far a recipe's models are from the target, in its deviations on new rows."""
    from strongroom.attacks.references._models import random_memberships

    membership = random_memberships(_TRIAL_MODELS, len(rows), seed)
    fitted = recipe.train(
        rows, classes, membership, seed=seed, first=0, learnt=len(rows) / 2, progress=SILENT
    )
    signal = fitted.confidence(rows).astype(np.float64)
    if not np.isfinite(signal).all():
        return float("inf")
    target = np.clip(target, -1e4, 1e4)
    # Each row is new to one of the two.
    unseen = (signal * ~membership).sum(axis=0) / (~membership).sum(axis=0)
    seen = (signal * membership).sum(axis=0) / membership.sum(axis=0)
    spread = float(target[~member].std()) + 1e-6
    apart = float(np.abs(unseen - target)[~member].mean()) / spread
    gap = float(target[member].mean() - target[~member].mean())
    return apart + abs(float((seen - unseen).mean()) - gap) / spread


def _candidates(inputs: NDArray[Any]) -> dict[str, Recipe]:
    number = np.issubdtype(inputs.dtype, np.number) or inputs.dtype == np.bool_
    if not number:
        return {}
    whole = np.issubdtype(inputs.dtype, np.integer)
    if inputs.ndim == _IMAGES and inputs.dtype == np.uint8 and inputs.shape[1] in {1, 3}:
        return _for_images(inputs)
    if inputs.ndim == _MATRIX and whole and inputs.dtype != np.uint8 and inputs.min() >= 0:
        most = int(inputs.max()) + 1
        return _for_tokens(most) if most <= _MOST_TOKENS else {}
    return _for_tables(inputs)


def _spec(**settings: Any) -> BankRecipe:  # noqa: ANN401 - of `[train]`
    chosen = {"optimizer": "adam", "batch_size": 128, "average": False, **settings}
    return BankRecipe(TrainSpec.model_validate(chosen), origin="surrogate")


def _for_tables(inputs: NDArray[Any]) -> dict[str, Recipe]:
    mlp = {"model": "mlp", "learning_rate": 1e-3}
    banks = {
        "logistic regression": _spec(model="logistic", epochs=20, learning_rate=0.01),
        "MLP 32, 10 epochs": _spec(**mlp, hidden=(32,), epochs=10),
        "MLP 64, 30 epochs": _spec(**mlp, hidden=(64,), epochs=30),
        "MLP 64-64, 60 epochs": _spec(**mlp, hidden=(64, 64), epochs=60),
    }
    found: dict[str, Recipe] = {
        name: Standardised.of(recipe, inputs) for name, recipe in banks.items()
    }
    if inputs.ndim == _MATRIX:
        for name, deepest in (("forest, 8 levels", 8), ("forest grown to purity", None)):
            spec = ForestSpec(50, deepest=deepest)
            # Standardised it has no missing values, so that nothing is left to another's fit.
            forest = ForestRecipe(spec, origin="surrogate")
            found[name] = Standardised.of(forest, inputs)
    return found


def _for_images(inputs: NDArray[Any]) -> dict[str, Recipe]:
    mlp = _spec(model="mlp", hidden=(64,), epochs=20, learning_rate=1e-3)
    logistic = _spec(model="logistic", epochs=20, learning_rate=0.01)
    found: dict[str, Recipe] = {
        "logistic regression on pixels": Standardised.of(logistic, inputs),
        "MLP 64 on pixels, 20 epochs": Standardised.of(mlp, inputs),
    }
    if min(inputs.shape[2:]) >= 16:  # noqa: PLR2004 - see `ImageRecipe`
        network = _spec(model="cnn", epochs=5, learning_rate=1e-3)
        found["small convolutional network, 5 epochs"] = ImageRecipe(network)
    return found


def _for_tokens(most: int) -> dict[str, Recipe]:
    return {
        f"linear model of tokens, {epochs} epochs": FeatureRecipe(
            _spec(model="logistic", epochs=epochs, learning_rate=0.05), buckets=most
        )
        for epochs in (3, 10, 40)
    }
