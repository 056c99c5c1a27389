"""Correlated Gaussian noise over a whole training: one Gaussian release, however many steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from strongroom.errors import InputError
from strongroom.privacy._strategies import Strategy
from strongroom.privacy.mechanisms._base import (
    ADD_REMOVE,
    Mechanism,
    check_count,
    check_noise,
    check_rate,
    dp_accounting,
)
from strongroom.privacy.mechanisms._gaussian import PoissonGaussian

if TYPE_CHECKING:
    from strongroom.privacy._relation import Relation
    from strongroom.privacy.mechanisms._base import Part


@dataclass(frozen=True)
class CorrelatedGaussian(Mechanism):
    """Every epoch has the same batches in the same order, and noise is taken back later.

    The draws have σ times the sensitivity of C times the clip norm as standard deviation, so that
    all steps together are one Gaussian release with noise multiplier σ.

    Attributes:
        noise_multiplier: σ over everything that one unit moves: *not* the noise of one step.
        steps: noisy sums in all.
        batches: in an epoch; a unit is in every `batches`-th step, and in no other.
        strategy: which noise is taken back.
    """

    TYPE: ClassVar[str] = "correlated_gaussian"
    # Removing a unit would move the others to other batches.
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE[1:]

    noise_multiplier: float
    steps: int
    batches: int
    strategy: Strategy

    def __post_init__(self) -> None:
        check_noise(self.noise_multiplier)
        check_count(self.steps)
        check_count(self.batches, "batch")

    @classmethod
    def read(cls, facts: dict[str, Any]) -> Self:
        """Make one of this kind from its facts."""
        return super().read(_with_strategy(facts))

    @property
    def sampling_rate(self) -> float:
        """One batch of each epoch."""
        return 1 / self.batches

    @property
    def draw_deviation(self) -> float:
        """Standard deviation of the independent draws over the clip norm."""
        return self.noise_multiplier * self.strategy.sensitivity(self.steps, self.batches)

    def gaussian(self, relation: Relation) -> float | None:
        """Return μ of the whole training."""
        return relation.shift / self.noise_multiplier

    def parts(self, relation: Relation) -> tuple[Part, ...]:
        """See `Mechanism.parts`."""
        del relation
        return ((1.0, self.noise_multiplier, 1),)

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`."""
        self.check_relation(relation)
        return dp_accounting().GaussianDpEvent(self.noise_multiplier / relation.shift)


@dataclass(frozen=True)
class CyclicBandedGaussian(Mechanism):
    """Banded noise with batches sampled from groups that take turns.

    Each unit belongs to one of `groups` groups by its own coin, and step t samples group t mod
    groups with a coin for each unit. With at most as many bands as groups, the columns of C that a
    unit can touch don't overlap: it is what that many Poisson-sampled Gaussians are
    (Choquette-Choo et al. 2023, "(Amplified) Banded Matrix Factorization").

    Attributes:
        noise_multiplier: σ over what one batch moves, which is the norm of a column of C.
        steps: noisy sums in all.
        groups: at least as many as bands.
        sampling_rate: the chance of a unit to be in the batch when its group's turn comes.
        strategy: banded.
    """

    TYPE: ClassVar[str] = "cyclic_banded_gaussian"
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE

    noise_multiplier: float
    steps: int
    groups: int
    sampling_rate: float
    strategy: Strategy

    def __post_init__(self) -> None:
        check_noise(self.noise_multiplier)
        check_count(self.steps)
        check_rate(self.sampling_rate)
        bands = self.strategy.bands
        if bands is None or bands > self.groups:
            raise InputError(
                f"{self.groups} groups that take turns need a noise with at most as many bands",
                hint="take fewer bands, or batches in a fixed order for a BLT noise",
            )

    @classmethod
    def read(cls, facts: dict[str, Any]) -> Self:
        """Make one of this kind from its facts."""
        return super().read(_with_strategy(facts))

    @property
    def draw_deviation(self) -> float:
        """Standard deviation of the independent draws over the clip norm."""
        return self.noise_multiplier * self.strategy.sensitivity(self.steps, self.steps)

    @property
    def _turns(self) -> PoissonGaussian:
        turns = math.ceil(self.steps / self.groups)
        return PoissonGaussian(self.sampling_rate, self.noise_multiplier, turns)

    def gaussian(self, relation: Relation) -> float | None:
        """Return μ where a unit is in every batch of its group."""
        return self._turns.gaussian(relation)

    def parts(self, relation: Relation) -> tuple[Part, ...]:
        """See `Mechanism.parts`."""
        return self._turns.parts(relation)

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`."""
        return self._turns.event_under(relation)


def _with_strategy(facts: dict[str, Any]) -> dict[str, Any]:
    found = facts.get("strategy")
    return {**facts, "strategy": Strategy.from_json(found)} if isinstance(found, dict) else facts
