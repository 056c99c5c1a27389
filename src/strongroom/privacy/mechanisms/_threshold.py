"""Names that only the rows know: told where a noisy count is above a threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from strongroom.errors import InputError
from strongroom.privacy.mechanisms._base import ADD_REMOVE, Mechanism, check_count, dp_accounting

if TYPE_CHECKING:
    from strongroom.privacy._relation import Relation


@dataclass(frozen=True)
class ThresholdReleases(Mechanism):
    """What the *names* in a thresholded histogram cost, beside the noise on its counts.

    A histogram over names that nobody declared gives out only what has a row, and of that only what
    has a noisy count of at least a threshold (Korolova et al. 2009; Wilson et al. 2020). A unit
    alone with its name adds one that couldn't be there without it: with probability `delta`. Else
    the two outputs differ as noisy counts do, which is a mechanism of its own.

    Attributes:
        delta: the chance that a name that only one unit has is given out, in (0, 1).
        steps: in how many such histograms a unit has one name each.
    """

    TYPE: ClassVar[str] = "threshold"
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE

    delta: float
    steps: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.delta < 1:
            raise InputError(f"a chance of {self.delta:g} is not in (0, 1)")
        check_count(self.steps, "release")

    @property
    def sampling_rate(self) -> float:
        """Everybody is in every release."""
        return 1.0

    @property
    def noise_multiplier(self) -> float:
        """None hides a name that is given out."""
        return math.inf

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`: no Rényi divergence of it is finite."""
        self.check_relation(relation)
        return dp_accounting().NonPrivateDpEvent()

    def losses(self, relation: Relation, grid: float) -> Any:  # noqa: ANN401 - untyped library
        """See `Mechanism.losses`: an infinite loss with that chance, else none."""
        dp = dp_accounting()
        # Who is replaced takes a name away and brings another.
        chance = min(1.0, self.delta * relation.shift)
        parameters = dp.pld.common.DifferentialPrivacyParameters(0.0, chance)
        one = dp.pld.privacy_loss_distribution.from_privacy_parameters(
            parameters, value_discretization_interval=grid
        )
        return one.self_compose(self.steps) if self.steps > 1 else one
