"""The recipes of our own models of images and of text that are trained as one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._signal import confidence_of_logits
from strongroom.attacks.references._bank import BankModels, BankRecipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Rows, Situation
    from strongroom.attacks.references._recipe import Fitted, Origin
    from strongroom.config import TrainSpec
    from strongroom.models.bank import Entries, ImageBank
    from strongroom.progress import Progress

_SMALLEST = 16  # pixels: what the network's two halvings and its grid need
_ANSWERS = 4_000_000  # logits held at once


@dataclass(frozen=True)
class ImageRecipe:
    """Trains banks of small convolutional networks (see `models.bank.train_image_bank`).

    Attributes:
        like: the recipe's numbers: as for tables.
        together: models between two stops at which what is finished is kept.
    """

    like: BankRecipe
    together: int = 4
    slow = True

    @property
    def origin(self) -> Origin:
        """See `Recipe`."""
        return self.like.origin

    def identity(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        return {**self.like.identity(), "recipe": "images"}

    def describe(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        views = self.like.spec.image.augment
        plain = {"views": "one of each image, where the target saw several"} if views > 1 else {}
        return {**self.like.describe(), **plain}

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
        """See `Recipe`."""
        from strongroom.models.bank import train_image_bank

        spec, noise = self.like.for_rows(round(learnt))
        return _Images(
            train_image_bank(
                spec,
                rows.inputs,
                rows.labels,
                classes,
                membership,
                noise_multiplier=noise,
                seed=seed,
                first=first,
                learnt=learnt,
                progress=progress,
            )
        )


@dataclass(frozen=True, eq=False)
class _Images:
    bank: ImageBank

    def confidence(self, rows: Rows) -> NDArray[np.float32]:
        """See `Fitted`."""
        out = np.empty((len(self.bank), len(rows)), np.float32)
        for m in range(len(self.bank)):
            logits = self.bank.logits(rows.inputs, range(m, m + 1))[0]
            out[m] = confidence_of_logits(logits, rows.labels)
        return out


@dataclass(frozen=True)
class FeatureRecipe:
    """Trains linear models on what rows become: bags of tokens, or features of a fixed centre.

    Attributes:
        like: the recipe's numbers.
        buckets: rows are texts int [n, t], tokens below it; 0: they are features [n, …].
        centre: float32 [d], taken away from features.
        bias: whether a model has one.
    """

    like: BankRecipe
    buckets: int = 0
    centre: NDArray[np.float32] | None = field(default=None, compare=False)
    bias: bool = True
    slow = False

    @property
    def origin(self) -> Origin:
        """See `Recipe`."""
        return self.like.origin

    @property
    def together(self) -> int:
        """See `Recipe`."""
        return self.like.together

    def identity(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        from strongroom.attacks.references._cache import digest_of_array

        more = {"buckets": self.buckets, "bias": self.bias}
        centre = digest_of_array(self.centre).hex()
        return {**self.like.identity(), "recipe": "features", "centre": centre, **more}

    def describe(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        return self.like.describe()

    def read(self, inputs: NDArray[Any]) -> NDArray[np.float32] | Entries:
        """Return rows as linear models take them."""
        if self.buckets:
            from strongroom.models.bank import Entries

            return Entries.of_tokens(inputs, self.buckets)
        found = inputs.reshape(len(inputs), -1).astype(np.float32)
        return found if self.centre is None else found - self.centre

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
        """See `Recipe`."""
        from strongroom.models.bank import train_bank

        spec, noise = self.like.for_rows(round(learnt))
        bank = train_bank(
            spec,
            self.read(rows.inputs),
            rows.labels,
            classes,
            membership,
            noise_multiplier=noise,
            seed=seed,
            first=first,
            learnt=learnt,
            bias=self.bias,
            progress=progress,
        )
        return BankModels(bank, self.read)


def network_recipe(spec: TrainSpec, situation: Situation) -> ImageRecipe | FeatureRecipe | None:
    """Return the recipe of a model of ours that a bank can train, else None."""
    noise = situation.statement.noise_multiplier if situation.statement else None
    like = BankRecipe(spec, noise, len(situation.members))
    shape, inputs = getattr(situation.target, "shape", None), situation.members.inputs
    if spec.model == "cnn" and inputs.ndim == 4 and min(inputs.shape[2:]) >= _SMALLEST:  # noqa: PLR2004 - images
        return ImageRecipe(like)
    if spec.model == "scattering":
        network: Any = getattr(situation.target, "network", None)
        centre = None if network is None else network.centre.numpy(force=True).copy()
        return FeatureRecipe(like, centre=centre)
    if spec.model == "ngram" and shape is not None:
        return FeatureRecipe(like, buckets=int(shape.buckets), bias=False)
    return None
