"""Planning a private training before there is one: ε, noise, epochs or batch from the others."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from strongroom.errors import InputError
from strongroom.privacy._accounting import GRID, calibrate, check_delta
from strongroom.privacy._quick import quick_epsilon
from strongroom.privacy.mechanisms import PoissonGaussian

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_STEPS = 2**40
_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
_NOISE_FACTORS = (0.5, 0.7, 1.0, 1.4, 2.0)


@dataclass(frozen=True)
class BudgetPlan:
    """A private training by Poisson-sampled Gaussian steps.

    Attributes:
        rows: the declared number of units.
        delta: of the guarantee.
        epochs: passes over the rows, in expectation.
        batch_size: expected batch; as many as `rows` is every row in every step.
        noise_multiplier: σ.
        epsilon: of the guarantee.
    """

    rows: int
    delta: float
    epochs: float
    batch_size: int
    noise_multiplier: float
    epsilon: float

    @property
    def mechanism(self) -> PoissonGaussian:
        """The fact that a training by this plan would have accounted."""
        rate = self.batch_size / self.rows
        # As training counts its steps.
        return PoissonGaussian(rate, self.noise_multiplier, max(1, round(self.epochs / rate)))

    def around(self) -> dict[str, list[BudgetPlan]]:
        """Return plans with other epochs, batch size or noise, each with the rest held fast.

        Their ε are for a picture: counted the quick way where batches are sampled.
        """
        scaled = {round(self.batch_size * f) for f in (1 / 16, *_FACTORS)}
        sizes = sorted({min(max(1, size), self.rows) for size in scaled})
        return {
            "epochs": [self._about(epochs=self.epochs * f) for f in _FACTORS],
            "batch_size": [self._about(batch_size=size) for size in sizes],
            "noise_multiplier": [
                self._about(noise_multiplier=self.noise_multiplier * f) for f in _NOISE_FACTORS
            ],
        }

    def _about(self, **changes: Any) -> BudgetPlan:  # noqa: ANN401 - fields of this class
        other = replace(self, **changes)
        if other.mechanism == self.mechanism:
            return self
        return replace(other, epsilon=_quickly(other))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        fact = self.mechanism
        return {**asdict(self), "steps": fact.steps, "sampling_rate": fact.sampling_rate}


def plan_budget(
    rows: int,
    delta: float,
    *,
    epochs: float | None = None,
    batch_size: int | None = None,
    noise_multiplier: float | None = None,
    epsilon: float | None = None,
) -> BudgetPlan:
    """Return the plan that the given numbers fix; exactly one of the last four must be missing.

    Args:
        rows: the declared number of units.
        delta: in (0, 1).
        epochs: passes over the rows; missing, the most that ε allows.
        batch_size: expected batch; missing, the largest that ε allows.
        noise_multiplier: σ; missing, the least that ε needs.
        epsilon: the guarantee; missing, what the others prove.

    Raises:
        InputError: none or several are missing, a number makes no sense, or nothing fits.
    """
    check_delta(delta)
    if rows < 1:
        raise InputError("a plan needs the number of rows", hint="--rows, or [data] rows")
    given = (epochs, batch_size, noise_multiplier, epsilon)
    if sum(value is None for value in given) != 1:
        raise InputError(
            "a plan needs three of ε, noise, epochs and batch size, and finds the fourth"
        )
    for name, value in zip(("epochs", "batch size", "noise", "ε"), given, strict=True):
        if value is not None and not value > 0:
            raise InputError(f"{name} = {value:g} is not above 0")
    if batch_size is not None and batch_size > rows:
        raise InputError(f"a batch of {batch_size:,} is more than the {rows:,} rows")
    known = BudgetPlan(
        rows, delta, epochs or 1.0, batch_size or rows, noise_multiplier or 1.0, epsilon or 0.0
    )
    if noise_multiplier is None:
        fact = known.mechanism
        noise = calibrate(known.epsilon, delta, fact.sampling_rate, fact.steps).noise_multiplier
        known = replace(known, noise_multiplier=noise)
    elif epochs is None:
        rate = known.batch_size / rows
        steps = _largest(lambda n: _fits(replace(known, epochs=n * rate)), _MOST_STEPS)
        known = replace(known, epochs=steps * rate)
    elif batch_size is None:
        known = replace(
            known, batch_size=_largest(lambda n: _fits(replace(known, batch_size=n)), rows)
        )
    return _counted(known)


def _quickly(plan: BudgetPlan) -> float:
    fact = plan.mechanism
    if fact.sampling_rate == 1:
        return fact.epsilon(plan.delta)
    part = (fact.sampling_rate, fact.noise_multiplier, fact.steps)
    return quick_epsilon([part], plan.delta, GRID)


def _fits(plan: BudgetPlan) -> bool:
    # What is found is counted in full at the end, and must not be a last bit too much.
    return _quickly(plan) <= plan.epsilon * (1 - 1e-6)


def _counted(plan: BudgetPlan) -> BudgetPlan:
    return replace(plan, epsilon=plan.mechanism.epsilon(plan.delta))


def _largest(fits: Callable[[int], bool], most: int) -> int:
    """Return (to a thousandth) the largest number up to `most` that fits, smaller ones fitting too.

    Raises:
        InputError: not even 1 fits.
    """
    if not fits(1):
        raise InputError("even the smallest would spend more", hint="take more noise or a larger ε")
    low, high = 1, 2
    while high <= most and fits(high):
        low, high = high, high * 2
    high = min(high, most + 1)
    while high - low > max(1, low // 1000):
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low
