"""Recipes of our own models that only `train` can make: trees and transformers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks.references import FittedRecipe, recipe_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.attacks import NotEvaluable, Situation
    from strongroom.attacks.references import Recipe
    from strongroom.config import TrainSpec
    from strongroom.models import LanguageModel, Model, TextModel

_TRANSFORMERS = ("text-classifier", "language-model")


def recipe_for(situation: Situation) -> Recipe | NotEvaluable:
    """Return how models like the target are trained; see `attacks.references.recipe_of`."""
    spec, target = situation.train_spec, situation.target
    fit: Any = None
    if spec is not None and spec.model == "trees" and hasattr(target, "shapes"):
        fit = TreesFit(target, spec)
    if spec is not None and spec.model in _TRANSFORMERS and hasattr(target, "shape"):
        fit = TextFit(target, spec)
    if fit is None or spec is None:
        return recipe_of(situation)
    privacy = spec.privacy is not None
    about: dict[str, Any] = {"spec": spec.model_dump(mode="json"), "model": _shape(target)}
    return TrainRecipe(fit, about, where="here", together=8, private=privacy)


@dataclass(frozen=True)
class TrainRecipe(FittedRecipe):
    """Trains by our own training loop, one model after another.

    Attributes:
        private: whether they are trained privately, like the target.
    """

    private: bool = False

    def describe(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        said = "privately, like the target" if self.private else "without privacy"
        return {"shadows_trained": said}


@dataclass(frozen=True)
class TreesFit:
    """Grows additive trees on the target's own bins.

    Attributes:
        target: whose bins and classes they have.
        spec: how.
    """

    target: Any
    spec: TrainSpec

    def __call__(self, inputs: NDArray[Any], labels: NDArray[np.integer], seed: int) -> Model:
        """Return the model that these rows make."""
        from strongroom.models import AdditiveModel
        from strongroom.privacy import SecretStream
        from strongroom.train._boosting import Boosting
        from strongroom.train._trees import plan_noises

        like, settings = self.target, self.spec.trees
        made = AdditiveModel(like.encoder, like.classes, target=like.target)
        noises = None
        if self.spec.privacy is not None:
            noises = plan_noises(self.spec.privacy, settings)
        codes = np.ascontiguousarray(inputs, np.int32)
        truth = np.asarray(labels, np.int64)
        stream = SecretStream(hashlib.sha256(f"trees {seed}".encode()).digest())
        boosting = Boosting(made, codes, truth, settings, noises, stream)
        for number in range(1, settings.rounds + 1):
            boosting.step(number)
        boosting.write()
        return made


@dataclass(frozen=True)
class TextFit:
    """Trains a transformer of the target's shape, from coins, as `train` does.

    Attributes:
        target: whose shape and classes it has.
        spec: how.
    """

    target: Any
    spec: TrainSpec

    def __call__(self, inputs: NDArray[Any], labels: NDArray[np.integer], seed: int) -> Model:
        """Return the model that these rows make."""
        from strongroom.models import LanguageModel, TextModel
        from strongroom.privacy import cross_entropy
        from strongroom.train._gradient import Prepared, train_network
        from strongroom.train._guard import Surroundings
        from strongroom.train._text import initialise_text, micro_batch, sequence_loss

        like, sequences = self.target, self.spec.model == "language-model"
        made: TextModel | LanguageModel
        if sequences:
            made = LanguageModel(like.shape, like.column)
        else:
            made = TextModel(like.shape, like.column, like.classes, target=like.target)
        prepared = Prepared(
            model=made,
            inputs=inputs,
            labels=np.asarray(labels, np.int64),
            loss=sequence_loss if sequences else cross_entropy,
            initialise=initialise_text,
            measure=lambda *_: {"log_loss": 0.0},
            micro_batch=micro_batch(inputs),
        )
        changes: dict[str, Any] = {"seed": seed, "patience": 0}
        if self.spec.privacy is not None:
            nobody = {"canaries": 0, "rehearsal": False, "preprocessing": 0.0}
            changes["privacy"] = self.spec.privacy.model_copy(update=nobody)
        train_network(prepared, self.spec.model_copy(update=changes), Surroundings())
        made.network.requires_grad_(requires_grad=False).eval()
        return made


def _shape(target: Model) -> Any:  # noqa: ANN401 - JSON
    meta = getattr(target, "meta", None)
    return meta() if callable(meta) else type(target).__qualname__
