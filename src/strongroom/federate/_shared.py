"""Noise that several sites make together: what each puts into a secure sum, and what it gives.

Both sides read the same recipe, so they agree on the grid, and on what one unit can move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from strongroom.errors import InputError
from strongroom.federate.secure import Quantiser
from strongroom.privacy import (
    DistributedGaussian,
    calibrate_noise,
    decode_private,
    encode_private,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.federate._recipe import Recipe, SecureSpec
    from strongroom.privacy import SecretStream


@dataclass(frozen=True)
class SharedNoise:
    """The noise of a job's secure sums, shared out between the sites.

    A vector has one more number: the site's weight, which is public and gets no noise.

    Attributes:
        mechanism: all rounds of the job; `contributors` are the sites of a sum that nobody can do
            without (the threshold), less those that may work with the server.
        reach: how far one unit moves what a site gives (`train.LocalTraining.share`), in L2.
        recipe: of the job.
    """

    mechanism: DistributedGaussian
    reach: float
    recipe: Recipe

    @classmethod
    def of(cls, recipe: Recipe, size: int) -> Self | None:
        """Return the noise that a recipe asks for, or None where it asks for none of this kind.

        Args:
            recipe: of the job.
            size: d, parameters of the model.

        Raises:
            InputError: no noise reaches ε, or noisy sums don't fit the field.
        """
        privacy, secure = recipe.privacy, recipe.secure
        if privacy is None or secure is None or privacy.noise != "shared":
            return None

        def make(noise: float) -> DistributedGaussian:
            return DistributedGaussian.on_fine_grid(
                noise,
                recipe.rounds,
                contributors=secure.threshold - secure.colluders,
                dimension=size,
            )

        rate = 1.0 if privacy.unit == "site" else recipe.train.learning_rate
        mechanism = calibrate_noise(privacy.epsilon, privacy.delta, make)
        mechanism.check_field(secure.bits, len(recipe.sites))
        return cls(mechanism, rate * privacy.clip_norm, recipe)

    def encode(
        self,
        given: NDArray[np.float64],
        weight: float,
        scale: float,
        stream: SecretStream,
        number: int,
    ) -> NDArray[np.int64]:
        """Return what a site puts into a sum, with its part of the noise: int64 [d + 1].

        Args:
            given: weight times update, float64 [d], which one unit moves by at most `reach`.
            weight: the site's, public.
            scale: what weights are told relative to.
            stream: the coins of this round.
            number: of the round.

        Raises:
            InputError: numbers too large for the field.
        """
        secure = self._secure
        # A coordinate of a sum over units, in clip norms; more than fits is told, not cut.
        most = float(np.abs(given).max(initial=0.0)) / self.reach
        self.mechanism.check_field(secure.bits, len(self.recipe.sites), max(most, 1.0))
        noisy = encode_private(given, self.reach, self.mechanism, stream, "shared", number)
        told = Quantiser(secure, len(self.recipe.sites)).encode(np.zeros(0), weight / scale)
        return np.concatenate([noisy, told])

    def decode(self, total: NDArray[np.int64], scale: float) -> tuple[NDArray[np.float64], float]:
        """Return the noisy Σ w v, float64 [d], and Σ w, of the sum of what sites encoded.

        Args:
            total: int64 [d + 1].
            scale: as the sites were told.

        Raises:
            InputError: a weight that no sum of sites has.
        """
        weight = float(total[-1]) * 2.0**-self._secure.precision * scale
        if not weight > 0:
            raise InputError("a sum of weights that no sites have")
        return decode_private(total[:-1], self.reach, self.mechanism), weight

    @property
    def _secure(self) -> SecureSpec:
        assert self.recipe.secure is not None  # noqa: S101 - the recipe was refused without
        return self.recipe.secure
