"""Releases without δ: Laplace noise, and whatever was proved to be ε-differentially private."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from strongroom.privacy.mechanisms._base import (
    ADD_REMOVE,
    Mechanism,
    check_count,
    check_noise,
    dp_accounting,
    repeated,
)

if TYPE_CHECKING:
    from strongroom.privacy._relation import Relation


@dataclass(frozen=True)
class LaplaceReleases(Mechanism):
    """Sums or counts over everybody with Laplace noise.

    Attributes:
        noise_multiplier: the noise's scale over the L1 distance that one unit moves a release.
        steps: how many such releases.
    """

    TYPE: ClassVar[str] = "laplace"
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

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`."""
        noise = dp_accounting().LaplaceDpEvent(self.noise_multiplier / relation.shift)
        return repeated(noise, self.steps)

    def losses(self, relation: Relation, grid: float) -> Any:  # noqa: ANN401 - untyped library
        """See `Mechanism.losses`."""
        one = dp_accounting().pld.privacy_loss_distribution.from_laplace_mechanism(
            self.noise_multiplier / relation.shift, value_discretization_interval=grid
        )
        return one.self_compose(self.steps) if self.steps > 1 else one


@dataclass(frozen=True)
class PureReleases(Mechanism):
    """Releases each of which is ε-differentially private, whatever they are.

    The exponential mechanism (quantiles, choices) is one. Each is counted as randomised response
    at that ε, which dominates all of them (Kairouz, Oh and Viswanath 2015).

    Attributes:
        each: ε of one release when one unit is added or removed.
        steps: how many releases.
    """

    TYPE: ClassVar[str] = "pure"
    # Under replace-one two removals lie between neighbours: twice the ε.
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE

    each: float
    steps: int = 1

    def __post_init__(self) -> None:
        check_noise(self.each)
        check_count(self.steps, "release")

    @property
    def sampling_rate(self) -> float:
        """Everybody is in every release."""
        return 1.0

    @property
    def noise_multiplier(self) -> float:
        """The scale of the Laplace noise that has this ε."""
        return 1 / self.each

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`: ε-DP is (0, ε²/2)-zCDP (Bun and Steinke 2016)."""
        return repeated(
            dp_accounting().ZCDpEvent((self.each * relation.shift) ** 2 / 2), self.steps
        )

    def losses(self, relation: Relation, grid: float) -> Any:  # noqa: ANN401 - untyped library
        """See `Mechanism.losses`."""
        dp = dp_accounting()
        parameters = dp.pld.common.DifferentialPrivacyParameters(self.each * relation.shift, 0.0)
        one = dp.pld.privacy_loss_distribution.from_privacy_parameters(
            parameters, value_discretization_interval=grid
        )
        return one.self_compose(self.steps) if self.steps > 1 else one
