"""Accounting: mechanisms that carry their own facts, ε from those facts, σ from a wanted ε.

A `Mechanism` is the only thing that can be accounted, and it holds the sampling rate, the noise and
the number of steps that the training loop then reads from it: noise and accountant cannot drift
apart. Subsampled Gaussians are accounted by privacy-loss distributions with connect-the-dots
(Doroshenko et al. 2022), an upper bound at any discretisation; the composition of full-batch
Gaussians is itself Gaussian and has a closed form (Balle & Wang 2018, theorem 8).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from strongroom.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EVENT_TYPE = "poisson_gaussian"
ACCOUNTANT_PLD = "privacy-loss distribution, connect-the-dots upper bound (dp-accounting)"
ACCOUNTANT_EXACT = "exact: composed Gaussians are Gaussian (Balle & Wang 2018)"

_COARSE = 2e-3
_FINE = 5e-4
_CLOSE = 1e-3
_MAX_STEPS = 60


@dataclass(frozen=True)
class Mechanism:
    """`steps` releases of a Poisson-sampled sum with Gaussian noise: the fact and its parameters.

    Neighbours differ by adding or removing one unit; each unit moves the sum by at most the clip
    norm in L2, and the noise has `noise_multiplier` times that norm as standard deviation.

    Attributes:
        sampling_rate: the chance of each unit to be in a batch, in (0, 1].
        noise_multiplier: σ, positive.
        steps: how many releases, at least 1.
    """

    sampling_rate: float
    noise_multiplier: float
    steps: int

    def __post_init__(self) -> None:
        if not 0 < self.sampling_rate <= 1:
            raise InputError(f"a sampling rate of {self.sampling_rate:g} is not in (0, 1]")
        if not (self.noise_multiplier > 0 and math.isfinite(self.noise_multiplier)):
            raise InputError(f"a noise multiplier of {self.noise_multiplier:g} gives no privacy")
        if self.steps < 1:
            raise InputError("a mechanism makes at least one step")

    @classmethod
    def poisson_gaussian(
        cls, *, sampling_rate: float, noise_multiplier: float, steps: int
    ) -> Mechanism:
        """Name a mechanism whose noise is fixed beforehand."""
        return cls(sampling_rate, noise_multiplier, steps)

    @property
    def event(self) -> Any:  # noqa: ANN401 - dp_accounting.DpEvent is untyped and imported lazily
        """The same fact as a `dp_accounting.DpEvent`, for any accountant of that library."""
        dp = _dp_accounting()
        one: Any = dp.GaussianDpEvent(self.noise_multiplier)
        if self.sampling_rate < 1:
            one = dp.PoissonSampledDpEvent(self.sampling_rate, one)
        return dp.SelfComposedDpEvent(one, self.steps)

    @property
    def accountant(self) -> str:
        """How `epsilon` is computed for this mechanism."""
        return ACCOUNTANT_EXACT if self.sampling_rate == 1 else ACCOUNTANT_PLD

    def epsilon(self, delta: float) -> float:
        """Return an upper bound on ε at `delta`; exact where the sampling rate is 1."""
        return compose_epsilon([self], delta)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values: the event as a ledger or a statement keeps it."""
        return {
            "type": EVENT_TYPE,
            "sampling_rate": self.sampling_rate,
            "noise_multiplier": self.noise_multiplier,
            "steps": self.steps,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Mechanism:
        """Read back what `to_json` gave.

        Raises:
            InputError: an event of a kind that this version can't account.
        """
        if document.get("type") != EVENT_TYPE:
            raise InputError(
                f'cannot account for an event of type "{document.get("type")}"',
                hint="it was written by a newer version of strongroom",
            )
        return cls(
            sampling_rate=float(document["sampling_rate"]),
            noise_multiplier=float(document["noise_multiplier"]),
            steps=int(document["steps"]),
        )


def compose_epsilon(mechanisms: Sequence[Mechanism], delta: float) -> float:
    """Return an upper bound on the ε at `delta` of releasing all `mechanisms`, adaptively.

    Raises:
        InputError: `delta` is not in (0, 1).
    """
    _check_delta(delta)
    if not mechanisms:
        return 0.0
    if all(m.sampling_rate == 1 for m in mechanisms):
        mu = math.sqrt(math.fsum(m.steps / m.noise_multiplier**2 for m in mechanisms))
        return gaussian_epsilon(mu, delta)
    return _pld_epsilon(tuple(mechanisms), delta, _FINE)


def calibrate(epsilon: float, delta: float, sampling_rate: float, steps: int) -> Mechanism:
    """Return the mechanism with (nearly) the least noise whose ε at `delta` is at most `epsilon`.

    A secant search in log σ at a coarse discretisation, started from the Gaussian limit, then
    re-checked and corrected at the discretisation that `Mechanism.epsilon` uses.

    Raises:
        InputError: ε isn't positive, δ isn't in (0, 1), or no noise reaches the target.
    """
    _check_delta(delta)
    if not (epsilon > 0 and math.isfinite(epsilon)):
        raise InputError(f"ε = {epsilon:g} is not a positive number")
    limit = Mechanism(sampling_rate, 1.0, steps)  # checks the rate and the steps
    mu = gaussian_mu(epsilon, delta)
    if limit.sampling_rate == 1:
        # The last bits of a bisected μ must not push ε above the target.
        return Mechanism(1.0, math.sqrt(steps) / mu * (1 + 1e-12), steps)
    # Central limit (Bu et al. 2020): μ ≈ q √(T (e^{1/σ²} − 1)). Not a bound: only the start.
    sigma = 1 / math.sqrt(math.log1p((mu / sampling_rate) ** 2 / steps))

    def at(grid: float) -> Callable[[float], float]:
        def excess(log_sigma: float) -> float:
            trial = Mechanism(sampling_rate, math.exp(log_sigma), steps)
            return math.log(max(_pld_epsilon((trial,), delta, grid), 1e-12) / epsilon)

        return excess

    start, slope = _secant(at(_COARSE), math.log(sigma), -1.5)
    exact, _ = _secant(at(_FINE), start, slope)
    return Mechanism(sampling_rate, math.exp(exact), steps)


def _secant(excess: Callable[[float], float], x: float, slope: float) -> tuple[float, float]:
    """Find x with excess(x) in [-_CLOSE, 0]; aims at the middle; steps bounded by a factor 2."""
    y = excess(x)
    for _ in range(_MAX_STEPS):
        if -_CLOSE <= y <= 0:
            return x, slope
        step = -(y + _CLOSE / 2) / slope
        new = x + max(-math.log(2), min(math.log(2), step))
        new_y = excess(new)
        if new != x and (new_y - y) / (new - x) < -1e-3:  # noqa: PLR2004 - excess falls with σ
            slope = (new_y - y) / (new - x)
        x, y = new, new_y
    raise InputError(
        "no amount of noise was found for this ε and δ",
        hint="take a larger ε, fewer epochs or a smaller batch",
    )


def gaussian_delta(mu: float, epsilon: float) -> float:
    """Return the exact δ at `epsilon` of a Gaussian mechanism with sensitivity / deviation `mu`."""
    first = _log_normal_cdf(mu / 2 - epsilon / mu)
    second = epsilon + _log_normal_cdf(-mu / 2 - epsilon / mu)
    return math.exp(first) * -math.expm1(min(second - first, 0.0))


def gaussian_epsilon(mu: float, delta: float) -> float:
    """Return the exact ε at `delta` of a Gaussian mechanism with sensitivity / deviation `mu`."""
    if gaussian_delta(mu, 0.0) <= delta:
        return 0.0
    high = 1.0
    while gaussian_delta(mu, high) > delta:
        high *= 2
    return _bisect(lambda e: gaussian_delta(mu, e) > delta, 0.0, high)


def gaussian_mu(epsilon: float, delta: float) -> float:
    """Return the largest sensitivity / deviation whose exact δ at `epsilon` is at most `delta`."""
    high = 1.0
    while gaussian_delta(high, epsilon) <= delta:
        high *= 2
    # Bisection ends above the root; the caller wants the safe side.
    return _bisect(lambda m: gaussian_delta(m, epsilon) <= delta, 0.0, high) * (1 - 1e-12)


def _bisect(below: Callable[[float], bool], low: float, high: float) -> float:
    """Return the upper end of the last interval of a monotone predicate that turns false."""
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if below(middle):
            low = middle
        else:
            high = middle
    return high


def _log_normal_cdf(x: float) -> float:
    """Return log Φ(x) without underflow."""
    if x > -30:  # noqa: PLR2004 - erfc underflows below -37
        return math.log(math.erfc(-x / math.sqrt(2)) / 2)
    inverse = 1 / (x * x)
    series = 1 - inverse * (1 - 3 * inverse * (1 - 5 * inverse))
    return -x * x / 2 - math.log(-x * math.sqrt(2 * math.pi)) + math.log(series)


@lru_cache(maxsize=64)
def _pld_epsilon(mechanisms: tuple[Mechanism, ...], delta: float, grid: float) -> float:
    dp = _dp_accounting()
    total = None
    for m in mechanisms:
        one = dp.pld.privacy_loss_distribution.from_gaussian_mechanism(
            m.noise_multiplier,
            value_discretization_interval=grid,
            sampling_prob=m.sampling_rate,
            use_connect_dots=True,
            neighboring_relation=dp.NeighboringRelation.ADD_OR_REMOVE_ONE,
        )
        part = one.self_compose(m.steps) if m.steps > 1 else one
        total = part if total is None else total.compose(part)
    return float(total.get_epsilon_for_delta(delta)) if total is not None else 0.0


def _check_delta(delta: float) -> None:
    if not 0 < delta < 1:
        raise InputError(f"δ = {delta:g} is not in (0, 1)")


def _dp_accounting() -> Any:  # noqa: ANN401 - the library ships no types
    try:
        import dp_accounting
    except ImportError as error:
        raise MissingExtraError("dp-accounting", "train") from error
    return dp_accounting
