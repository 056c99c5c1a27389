"""The best of several private trainings: what trying costs (Papernot and Steinke 2022)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from strongroom.errors import InputError
from strongroom.privacy.mechanisms._base import Mechanism, dp_accounting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.privacy._noise import SecretStream
    from strongroom.privacy._relation import Relation

_LABEL = "trials"
_MOST_MEAN = 1e6


@dataclass(frozen=True)
class RepeatedSelection(Mechanism):
    """A mechanism is run a random number of times, and only the best run is released.

    That the number of runs is drawn, by secret coins, and never told, is what makes a search cost
    little more than one run; a *fixed* number costs much more. Each run takes its settings at
    random from a list that doesn't depend on the data, and its score is part of the run: a score
    measured on private rows is paid for in `each`. Settings that nobody tried cost nothing.

    Attributes:
        each: what one run and its score release.
        mean: the expected number of runs, at least 1.
        shape: η of the truncated negative binomial that the number is drawn from: 1 is geometric,
            0 logarithmic; smaller is cheaper and spreads wider. None: Poisson, which may draw *no*
            run: then something that doesn't depend on the data is released.
    """

    TYPE: ClassVar[str] = "repeated_selection"

    each: tuple[Mechanism, ...]
    mean: float
    shape: float | None = 1.0

    def __post_init__(self) -> None:
        if not self.each:
            raise InputError("a search needs something that is run")
        if not 1 <= self.mean <= _MOST_MEAN:
            raise InputError(f"an expected {self.mean:g} runs is not between 1 and {_MOST_MEAN:g}")
        if self.shape is not None and not 0 <= self.shape < math.inf:
            raise InputError(f"a shape of {self.shape:g} is not a number from 0 on")
        # A part's relation must be common to all.
        _ = self.relations

    @classmethod
    def read(cls, facts: dict[str, Any]) -> Self:
        """Make one of this kind from its facts."""
        each = tuple(Mechanism.from_json(m) for m in facts.get("each", ()))
        return super().read({**facts, "each": each})

    @property
    def relations(self) -> tuple[Relation, ...]:
        """Those of its runs."""
        from strongroom.privacy._accounting import relation_of

        own = relation_of(self.each)
        rest = (r for r in self.each[0].relations if all(r in m.relations for m in self.each))
        return (own, *(r for r in rest if r is not own))

    @property
    def sampling_rate(self) -> float:
        """That of a run's last mechanism."""
        return self.each[-1].sampling_rate

    @property
    def noise_multiplier(self) -> float:
        """That of a run's last mechanism."""
        return self.each[-1].noise_multiplier

    @property
    def steps(self) -> int:
        """Those of a run's last mechanism."""
        return self.each[-1].steps

    @property
    def halting(self) -> float:
        """γ of the truncated negative binomial with this mean and shape."""
        return 1.0 if self.shape is None else _halting(self.mean, self.shape)

    def trials(self, stream: SecretStream) -> int:
        """Draw the number of runs; it must not be told."""
        coin = float(stream.uniform(_LABEL, 0, 1)[0])
        count, chance, below = 0, 0.0, 0.0
        if self.shape is None:
            chance = below = math.exp(-self.mean)
            while below < coin and chance > 0:
                count += 1
                chance *= self.mean / count
                below += chance
            return count
        gamma = self.halting
        while below < coin:
            count += 1
            chance = _first(gamma, self.shape) if count == 1 else chance
            below += chance
            chance *= (1 - gamma) * (count + self.shape) / (count + 1)
            if chance < 1e-18:  # noqa: PLR2004 - what is left can't be reached by a 53-bit coin
                break
        return count

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`: theorems 2 and 6 of the paper, by dp-accounting."""
        self.check_relation(relation)
        dp = dp_accounting()
        run = dp.ComposedDpEvent([m.event_under(relation) for m in self.each])
        shape = math.inf if self.shape is None else self.shape
        return dp.dp_event.RepeatAndSelectDpEvent(run, self.mean, shape)


def search_epsilon(
    mechanisms: Sequence[Mechanism], delta: float, *, mean: float, shape: float | None = 1.0
) -> float:
    """Return the ε of releasing the best of a random number of runs; see `RepeatedSelection`."""
    return RepeatedSelection(tuple(mechanisms), mean, shape).epsilon(delta)


def _mean(gamma: float, shape: float) -> float:
    """Return the mean of the truncated negative binomial (definition 1 of the paper)."""
    if gamma == 1:
        return 1.0
    if shape == 0:
        return (1 / gamma - 1) / math.log(1 / gamma)
    return shape * (1 - gamma) / gamma / -math.expm1(shape * math.log(gamma))


def _first(gamma: float, shape: float) -> float:
    """Return the probability of one run."""
    if gamma == 1:
        return 1.0
    if shape == 0:
        return (1 - gamma) / math.log(1 / gamma)
    return shape * (1 - gamma) / math.expm1(-shape * math.log(gamma))


def _halting(mean: float, shape: float) -> float:
    if shape == 1:
        return 1 / mean
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        # The mean falls as γ rises; the smaller γ is the careful one.
        low, high = (middle, high) if _mean(middle, shape) > mean else (low, middle)
        if high - low <= 1e-15 * high:  # as exact as a float
            break
    return low or high
