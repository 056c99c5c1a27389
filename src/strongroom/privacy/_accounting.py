"""Accounting: ε from the facts that mechanisms carry, and the noise from a wanted ε.

Three ways, each an upper bound, the first that fits is taken:

- *exact*: mechanisms that are Gaussians compose to one Gaussian with a closed form (Balle and
  Wang 2018, theorem 8);
- *PLD*: privacy-loss distributions with connect-the-dots (Doroshenko et al. 2022), an upper bound
  at any discretisation;
- *RDP*: Rényi divergences, where the distribution isn't known. Beside mechanisms that have one,
  the smaller of two bounds counts: all by RDP, or each group its own way at half of δ.
"""

from __future__ import annotations

import math
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from strongroom.errors import InputError
from strongroom.privacy._gaussian import gaussian_delta, gaussian_epsilon, gaussian_mu
from strongroom.privacy._quick import quick_epsilon
from strongroom.privacy._relation import Relation, common_relation
from strongroom.privacy.mechanisms import (
    DistributedGaussian,
    GaussianReleases,
    Mechanism,
    PoissonGaussian,
)
from strongroom.privacy.mechanisms._base import dp_accounting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Accountant",
    "Mechanism",
    "accountant_of",
    "calibrate",
    "calibrate_noise",
    "compose_epsilon",
    "gaussian_delta",
    "gaussian_epsilon",
    "gaussian_mu",
    "relation_of",
]

M = TypeVar("M", bound=Mechanism)

GRID = 5e-4
_COARSE = 4e-3
_CLOSE = 1e-3
_MAX_STEPS = 60
_VAST = 10_000.0
_WIDE = 400.0  # where a profile is laid out point by point


class Accountant(StrEnum):
    """How ε is computed from the facts."""

    EXACT = "exact: composed Gaussians are Gaussian (Balle & Wang 2018)"
    PLD = "privacy-loss distribution, connect-the-dots upper bound (dp-accounting)"
    RDP = "Rényi differential privacy (dp-accounting)"


def relation_of(mechanisms: Sequence[Mechanism]) -> Relation:
    """Return the relation in which these can be added up; see `common_relation`.

    Raises:
        InputError: there is none.
    """
    return common_relation((m.relation for m in mechanisms), (m.relations for m in mechanisms))


def accountant_of(mechanisms: Sequence[Mechanism]) -> Accountant:
    """Return how `compose_epsilon` counts these."""
    relation = relation_of(mechanisms)
    rest = [m for m in mechanisms if m.gaussian(relation) is None]
    if not rest:
        return Accountant.EXACT
    return Accountant.PLD if all(map(_has_losses, rest)) else Accountant.RDP


def compose_epsilon(
    mechanisms: Sequence[Mechanism],
    delta: float,
    *,
    accountant: Accountant | None = None,
    relation: Relation | None = None,
    grid: float = GRID,
) -> float:
    """Return an upper bound on the ε at `delta` of releasing all `mechanisms`, adaptively.

    Args:
        mechanisms: the facts.
        delta: in (0, 1).
        accountant: how; the tightest that fits by default.
        relation: the neighbouring relation; the mechanisms' common one by default.
        grid: discretisation of the loss for PLD.

    Raises:
        InputError: `delta` is not in (0, 1); guarantees about different neighbours; or the
            accountant that was asked for can't count one of them.
    """
    check_delta(delta)
    relation = relation or relation_of(mechanisms)
    for mechanism in mechanisms:
        mechanism.check_relation(relation)
    if not mechanisms:
        return 0.0
    if accountant is Accountant.RDP:
        found = _rdp_epsilon(tuple(mechanisms), delta, relation)
        if found is None:
            raise InputError(f"one of these can't be counted by: {accountant.value}")
        return found
    gaussians = [m for m in mechanisms if m.gaussian(relation) is not None]
    mu = math.sqrt(math.fsum((m.gaussian(relation) or 0.0) ** 2 for m in gaussians))
    rest = [m for m in mechanisms if m.gaussian(relation) is None]
    if not rest and accountant is not Accountant.PLD:
        return gaussian_epsilon(mu, delta)
    known = [m for m in rest if _has_losses(m)]
    if accountant is Accountant.EXACT or (accountant and len(known) < len(rest)):
        raise InputError(f"one of these can't be counted by: {accountant.value}")
    # All Gaussians at once: the only part that can be composed without discretising.
    distributed = (*known, *([GaussianReleases(relation.shift / mu)] if gaussians else []))
    if len(known) == len(rest):
        return _pld_epsilon(distributed, delta, relation, grid)
    whole = _rdp_epsilon(tuple(mechanisms), delta, relation)
    others = _rdp_epsilon(tuple(m for m in rest if not _has_losses(m)), delta / 2, relation)
    if distributed and others is not None:
        apart = others + _pld_epsilon(distributed, delta / 2, relation, grid)
        return apart if whole is None else min(whole, apart)
    if whole is None:
        raise InputError(f'no accountant counts all of these under "{relation.words}"')
    return whole


def calibrate(epsilon: float, delta: float, sampling_rate: float, steps: int) -> PoissonGaussian:
    """Return the Poisson-sampled Gaussian with (nearly) the least noise that keeps `epsilon`.

    Raises:
        InputError: ε isn't positive, δ isn't in (0, 1), or no noise reaches the target.
    """

    def make(noise: float) -> PoissonGaussian:
        return PoissonGaussian(sampling_rate, noise, steps)

    return calibrate_noise(epsilon, delta, make)


def calibrate_noise(
    epsilon: float, delta: float, make: Callable[[float], M], *, beside: Sequence[Mechanism] = ()
) -> M:
    """Return the mechanism with (nearly) the least noise whose ε at `delta` is at most `epsilon`.

    A secant search in log σ by a quick estimate of the same loss distribution, where there is one,
    else at a coarse discretisation; then re-checked and corrected as `compose_epsilon` counts it.

    Args:
        epsilon: the most that everything together may cost.
        delta: in (0, 1).
        make: a noise multiplier gives the mechanism; more noise must never cost more.
        beside: what else is released and paid for from the same ε.

    Raises:
        InputError: ε isn't positive, δ isn't in (0, 1), or no noise reaches the target.
    """
    check_delta(delta)
    if not (epsilon > 0 and math.isfinite(epsilon)):
        raise InputError(f"ε = {epsilon:g} is not a positive number")
    first = make(1.0)  # checks everything but the noise
    relation = relation_of([first, *beside])
    if beside and compose_epsilon(beside, delta, relation=relation) >= epsilon:
        raise InputError(
            f"what else is released costs all of ε = {epsilon:g}",
            hint="take a larger ε, or more noise there",
        )
    mu = gaussian_mu(epsilon, delta)
    own, others = first.gaussian(relation), [m.gaussian(relation) for m in beside]
    if own is not None and None not in others:
        left = math.sqrt(mu**2 - math.fsum((m or 0.0) ** 2 for m in others))
        # The last bits of a bisected μ must not push ε above the target.
        exact = make(own / left * (1 + 1e-9 if others else 1 + 1e-12))
        if compose_epsilon([exact, *beside], delta) <= epsilon:
            return exact
    # Central limit (Bu et al. 2020): μ ≈ q √(T (e^{1/σ²} - 1)). Not a bound: only the start.
    ratio = (mu / (first.sampling_rate * relation.shift)) ** 2 / first.steps
    start, slope = math.log(relation.shift / math.sqrt(math.log1p(ratio))), -1.5

    def excess(count: Callable[[Sequence[Mechanism]], float]) -> Callable[[float], float]:
        def at(log_noise: float) -> float:
            spent = count([make(math.exp(log_noise)), *beside])
            return math.log(max(spent, 1e-12) / epsilon)

        return at

    quick = _quick([first, *beside], delta, relation)
    start, slope = _secant(excess(quick or _counter(delta, relation, _COARSE)), start, slope)
    exact_at, _ = _secant(excess(_counter(delta, relation, GRID)), start, slope)
    return make(math.exp(exact_at))


def _counter(
    delta: float, relation: Relation, grid: float
) -> Callable[[Sequence[Mechanism]], float]:
    def count(mechanisms: Sequence[Mechanism]) -> float:
        return compose_epsilon(mechanisms, delta, relation=relation, grid=grid)

    return count


def _quick(
    mechanisms: Sequence[Mechanism], delta: float, relation: Relation
) -> Callable[[Sequence[Mechanism]], float] | None:
    """Return the estimate, where all of these are (dominated by) Poisson-sampled Gaussians."""
    if relation is Relation.REPLACE_ONE or not all(m.parts(relation) for m in mechanisms):
        return None

    def count(these: Sequence[Mechanism]) -> float:
        return quick_epsilon([p for m in these for p in m.parts(relation)], delta, GRID)

    return count


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


def _has_losses(mechanism: Mechanism) -> bool:
    return type(mechanism).losses is not Mechanism.losses or bool(
        mechanism.parts(mechanism.relation)
    )


@lru_cache(maxsize=64)
def _pld_epsilon(
    mechanisms: tuple[Mechanism, ...], delta: float, relation: Relation, grid: float
) -> float:
    if any(map(_vast, mechanisms)):
        by_rdp = _rdp_epsilon(mechanisms, delta, relation, whole_orders=True)
        if by_rdp is not None:
            return by_rdp
    whole = None
    for mechanism in mechanisms:
        part = mechanism.losses(relation, grid)
        whole = part if whole is None else whole.compose(part)
    return float(whole.get_epsilon_for_delta(delta)) if whole is not None else 0.0


def _vast(mechanism: Mechanism) -> bool:
    """Tell whether the loss is so large (in the thousands) that its distribution fills the memory.

    Twice the expected loss is at most both q²(e^{1/σ²} - 1) and q/σ² a step. An ε like that means
    nothing, and RDP bounds it as well.
    """
    if isinstance(mechanism, DistributedGaussian):
        return 2 * mechanism.steps * mechanism.concentration(mechanism.relation) > _WIDE
    if not isinstance(mechanism, PoissonGaussian):
        return False
    q, inverse = mechanism.sampling_rate, mechanism.noise_multiplier**-2
    each = min(q * q * math.expm1(min(inverse, 500.0)), q * inverse)
    return mechanism.steps * each > _VAST


@lru_cache(maxsize=64)
def _rdp_epsilon(
    mechanisms: tuple[Mechanism, ...],
    delta: float,
    relation: Relation,
    *,
    whole_orders: bool = False,
) -> float | None:
    """Return ε by Rényi divergences; None where dp-accounting knows no bound on one of them."""
    dp = dp_accounting()
    neighbours = {
        Relation.ADD_OR_REMOVE_ONE: dp.NeighboringRelation.ADD_OR_REMOVE_ONE,
        Relation.ZERO_OUT: dp.NeighboringRelation.REPLACE_SPECIAL,
        Relation.REPLACE_ONE: dp.NeighboringRelation.REPLACE_ONE,
    }
    # Replacing is bounded at whole orders only; those between them are interpolated, slowly.
    whole = whole_orders or relation is Relation.REPLACE_ONE
    orders = [*range(2, 64), 128, 256, 512] if whole else None
    counted = dp.rdp.RdpAccountant(orders, neighbours[relation])
    for mechanism in mechanisms:
        event = mechanism.event_under(relation)
        if not counted.supports(event):
            return None
        counted.compose(event)
    return float(counted.get_epsilon(delta))


def check_delta(delta: float) -> None:
    """Refuse a δ that is none."""
    if not 0 < delta < 1:
        raise InputError(f"δ = {delta:g} is not in (0, 1)")
