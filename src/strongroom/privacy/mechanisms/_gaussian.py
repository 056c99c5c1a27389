"""Gaussian noise on sums: every unit in every release, or each in a batch by its own coin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from strongroom.errors import InputError
from strongroom.privacy.mechanisms._base import (
    ADD_REMOVE,
    Mechanism,
    check_count,
    check_noise,
    check_rate,
    dp_accounting,
    repeated,
)
from strongroom.privacy.mechanisms._profiles import profile_losses, replaced_profile

if TYPE_CHECKING:
    from strongroom.privacy._relation import Relation
    from strongroom.privacy.mechanisms._base import Part


@dataclass(frozen=True)
class PoissonGaussian(Mechanism):
    """`steps` releases of a Poisson-sampled sum with Gaussian noise.

    Each unit moves the sum by at most the clip norm in L2, and the noise has `noise_multiplier`
    times that norm as standard deviation.

    Attributes:
        sampling_rate: the chance of each unit to be in a batch, in (0, 1].
        noise_multiplier: σ, positive.
        steps: how many releases, at least 1.
    """

    TYPE: ClassVar[str] = "poisson_gaussian"
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE

    sampling_rate: float
    noise_multiplier: float
    steps: int

    def __post_init__(self) -> None:
        check_rate(self.sampling_rate)
        check_noise(self.noise_multiplier)
        check_count(self.steps)

    def gaussian(self, relation: Relation) -> float | None:
        """Return μ where every unit is in every batch."""
        if self.sampling_rate < 1:
            return None
        return relation.shift * math.sqrt(self.steps) / self.noise_multiplier

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`."""
        self.check_relation(relation)
        return sampled_event(self.sampling_rate, self.noise_multiplier / relation.shift, self.steps)

    def parts(self, relation: Relation) -> tuple[Part, ...]:
        """See `Mechanism.parts`."""
        del relation
        return ((self.sampling_rate, self.noise_multiplier, self.steps),)


@dataclass(frozen=True)
class AdaptiveClippingGaussian(Mechanism):
    """A Poisson-sampled sum, and beside it how many units were within the clip norm, both noisy.

    Andrew et al. 2021 ("Differentially Private Learning with Adaptive Clipping", theorem 1): the
    sum of the bits b - 1/2 moves by at most 1/2, so that scaling it by the deviation of its noise
    and the sum of gradients by that of its own gives one vector that moves by at most
    √(1/σ² + 1/(2 σ_b)²): one Gaussian with that effective noise.

    Attributes:
        sampling_rate: the chance of each unit to be in a batch, in (0, 1].
        noise_multiplier: σ of the gradients' noise over the clip norm.
        count_deviation: σ_b, standard deviation of the noise on the sum of the bits b - 1/2.
        steps: how many releases, at least 1.
    """

    TYPE: ClassVar[str] = "adaptive_clipping_gaussian"
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE

    sampling_rate: float
    noise_multiplier: float
    count_deviation: float
    steps: int

    def __post_init__(self) -> None:
        check_rate(self.sampling_rate)
        check_noise(self.noise_multiplier)
        check_noise(self.count_deviation)
        check_count(self.steps)

    @classmethod
    def split(
        cls, *, sampling_rate: float, effective: float, count_deviation: float, steps: int
    ) -> AdaptiveClippingGaussian:
        """Return the mechanism that costs as much as plain Gaussian noise of `effective`.

        Raises:
            InputError: the noisy counts alone would cost more than that.
        """
        left = effective**-2 - (2 * count_deviation) ** -2
        if left <= 0:
            raise InputError(
                f"counting with deviation {count_deviation:g} leaves nothing of a noise "
                f"multiplier of {effective:g}",
                hint="more noise on the counts, or a larger batch",
            )
        return cls(sampling_rate, left**-0.5, count_deviation, steps)

    @property
    def effective(self) -> float:
        """The noise multiplier of the one Gaussian that both releases are together."""
        return 1 / math.hypot(1 / self.noise_multiplier, 1 / (2 * self.count_deviation))

    @property
    def _whole(self) -> PoissonGaussian:
        return PoissonGaussian(self.sampling_rate, self.effective, self.steps)

    def gaussian(self, relation: Relation) -> float | None:
        """Return μ where every unit is in every batch."""
        return self._whole.gaussian(relation)

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`."""
        self.check_relation(relation)
        return self._whole.event_under(relation)

    def parts(self, relation: Relation) -> tuple[Part, ...]:
        """See `Mechanism.parts`."""
        return self._whole.parts(relation)


@dataclass(frozen=True)
class GaussianReleases(Mechanism):
    """Noisy sums, counts or histograms over everybody: no sampling.

    Attributes:
        noise_multiplier: standard deviation over the L2 distance that one unit moves a release.
        steps: how many such releases.
    """

    TYPE: ClassVar[str] = "gaussian"
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE

    noise_multiplier: float
    steps: int = 1

    def __post_init__(self) -> None:
        check_noise(self.noise_multiplier)
        check_count(self.steps, "release")

    @property
    def sampling_rate(self) -> float:
        """Everybody is in every release."""
        return 1.0

    def gaussian(self, relation: Relation) -> float | None:
        """Return μ of all releases together."""
        return relation.shift * math.sqrt(self.steps) / self.noise_multiplier

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`."""
        return sampled_event(1.0, self.noise_multiplier / relation.shift, self.steps)

    def parts(self, relation: Relation) -> tuple[Part, ...]:
        """See `Mechanism.parts`."""
        del relation
        return ((1.0, self.noise_multiplier / math.sqrt(self.steps), 1),)


@dataclass(frozen=True)
class ShuffledGaussian(Mechanism):
    """Epochs of disjoint batches in secret order: each unit is in one noisy sum of each epoch.

    The order is counted as known: an epoch then is a Gaussian of the same σ, by parallel
    composition, and `epochs` of them compose exactly. That is an upper bound (hiding the order
    can only help) and not far from what shuffling is worth: it is *not* worth what Poisson
    sampling at the same rate is, which is why this is a kind of its own (Chua et al. 2024, "How
    Private are DP-SGD Implementations?", where this bound is that of deterministic batches).

    Attributes:
        noise_multiplier: σ over the clip norm.
        steps: noisy sums in all.
        batches: disjoint batches in each epoch.
    """

    TYPE: ClassVar[str] = "shuffled_gaussian"
    # Removing a unit would move the others to other batches.
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE[1:]

    noise_multiplier: float
    steps: int
    batches: int

    def __post_init__(self) -> None:
        check_noise(self.noise_multiplier)
        check_count(self.steps)
        check_count(self.batches, "batch")

    @property
    def sampling_rate(self) -> float:
        """One batch of each epoch."""
        return 1 / self.batches

    @property
    def epochs(self) -> int:
        """In how many noisy sums a unit can be: begun passes over the data."""
        return -(-self.steps // self.batches)

    def gaussian(self, relation: Relation) -> float | None:
        """Return μ of all epochs together."""
        return relation.shift * math.sqrt(self.epochs) / self.noise_multiplier

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`."""
        self.check_relation(relation)
        return sampled_event(1.0, self.noise_multiplier / relation.shift, self.epochs)

    def parts(self, relation: Relation) -> tuple[Part, ...]:
        """See `Mechanism.parts`."""
        del relation
        return ((1.0, self.noise_multiplier / math.sqrt(self.epochs), 1),)


@dataclass(frozen=True)
class FixedSizeGaussian(Mechanism):
    """Each step's batch is a uniform subset of exactly `batch` of `units` units.

    The neighbours are data sets in which one unit is *another*, so that the sum moves by up to
    twice the clip norm. See `replaced_profile`; by Rényi divergences, Wang, Balle and
    Kasiviswanathan 2019, theorem 27, which is much looser.

    Attributes:
        units: how many there are: public under this relation.
        batch: how many of them are in a batch, at most `units`.
        noise_multiplier: σ over the clip norm (not over the doubled sensitivity).
        steps: how many releases, at least 1.
    """

    TYPE: ClassVar[str] = "fixed_size_gaussian"
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE[2:]

    units: int
    batch: int
    noise_multiplier: float
    steps: int

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= self.units:
            raise InputError(f"{self.batch:,} of {self.units:,} units can't be drawn")
        check_noise(self.noise_multiplier)
        check_count(self.steps)

    @property
    def sampling_rate(self) -> float:
        """The chance of each unit to be in a batch."""
        return self.batch / self.units

    def gaussian(self, relation: Relation) -> float | None:
        """Return μ where every unit is in every batch."""
        if self.batch < self.units:
            return None
        return relation.shift * math.sqrt(self.steps) / self.noise_multiplier

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`."""
        self.check_relation(relation)
        dp = dp_accounting()
        noise = dp.GaussianDpEvent(self.noise_multiplier / relation.shift)
        one = dp.SampledWithoutReplacementDpEvent(self.units, self.batch, noise)
        return repeated(one, self.steps)

    def losses(self, relation: Relation, grid: float) -> Any:  # noqa: ANN401 - untyped library
        """See `Mechanism.losses`."""
        self.check_relation(relation)
        mu = relation.shift / self.noise_multiplier
        one = profile_losses(grid, replaced_profile(self.sampling_rate, mu))
        return one.self_compose(self.steps) if self.steps > 1 else one


def sampled_event(rate: float, noise: float, steps: int) -> Any:  # noqa: ANN401 - DpEvent
    """Return the event of `steps` Poisson-sampled Gaussians."""
    dp = dp_accounting()
    one: Any = dp.GaussianDpEvent(noise)
    if rate < 1:
        one = dp.PoissonSampledDpEvent(rate, one)
    return repeated(one, steps)
