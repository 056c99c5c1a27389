"""From the specification to an accounted schedule: which batches, how much noise, how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.errors import InputError
from strongroom.privacy import (
    Automatic,
    BallsInBinsSampler,
    FixedSizeSampler,
    Flat,
    PerLayer,
    PoissonSampler,
    Schedule,
    ShuffledSampler,
    best_banded,
    best_blt,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.config import PrivacySpec, TrainSpec
    from strongroom.privacy import Clipping, Mechanism, Sampler, Strategy

# The deviation of the noisy count is the expected batch over this (Andrew et al. 2021).
_COUNT_SHARE = 20


def make_sampler(spec: TrainSpec, units: int, public_rows: int) -> tuple[Sampler, int]:
    """Return how batches are drawn, and the number of steps.

    Args:
        spec: batch size, epochs, sampling.
        units: how many there really are: used only where their number is public by the relation.
        public_rows: the declared number.

    Raises:
        InputError: a batch larger than the data, where that means nothing.
    """
    privacy = spec.privacy
    sampling = privacy.sampling if privacy else "poisson"
    correlated = privacy is not None and privacy.noise != "independent"
    rate = 1.0 if spec.batch_size == "full" else min(1.0, spec.batch_size / public_rows)
    steps = max(1, round(spec.epochs / rate))
    banded = privacy is not None and privacy.noise == "banded"
    if rate == 1 or (sampling == "poisson" and (banded or not correlated)):
        return PoissonSampler(rate), steps
    if sampling == "fixed-size":
        size = round(rate * public_rows)
        if size > units:
            raise InputError(
                f"a batch of {size:,} is larger than the data: {units:,} rows",
                hint="lower [train].batch_size",
            )
        return FixedSizeSampler(size, units), steps
    batches = max(1, round(1 / rate))
    steps = max(1, round(spec.epochs * batches))
    if sampling == "balls-in-bins":
        return BallsInBinsSampler(batches), steps
    return ShuffledSampler(batches, fixed=correlated), steps


def make_schedule(
    privacy: PrivacySpec,
    sampler: Sampler,
    steps: int,
    public_rows: int,
    beside: Sequence[Mechanism] = (),
) -> Schedule:
    """Return the schedule that keeps the guarantee, with nearly the least noise.

    Args:
        privacy: the guarantee, and how it is reached.
        sampler: draws the batches.
        steps: how many.
        public_rows: the declared number of units.
        beside: what else is paid from the same ε.

    Raises:
        InputError: settings that aren't accounted together.
    """
    if privacy.canaries and not isinstance(sampler, PoissonSampler):
        raise InputError(
            f"canaries ride with Poisson sampling or full batches, not {privacy.sampling}",
            where="[train.privacy]",
            hint='set canaries = 0, or sampling = "poisson"',
        )
    if privacy.canaries and privacy.noise != "independent":
        raise InputError(
            "canaries can't be scored when the noise of the steps is correlated",
            where="[train.privacy]",
            hint='set canaries = 0, or noise = "independent"',
        )
    if privacy.noise == "banded" and isinstance(sampler, PoissonSampler) and sampler.rate < 1:
        return Schedule.cyclic(
            privacy.epsilon,
            privacy.delta,
            sampler.rate,
            steps,
            most_bands=privacy.bands,
            beside=beside,
        )
    adapts = privacy.clipping == "adaptive"
    return Schedule.calibrated(
        privacy.epsilon,
        privacy.delta,
        sampler,
        steps,
        strategy=_strategy(privacy, sampler, steps),
        count_deviation=sampler.expected(public_rows) / _COUNT_SHARE if adapts else None,
        beside=beside,
    )


def make_clipping(privacy: PrivacySpec) -> Clipping:
    """Return how a unit's gradient is bounded; at first, where that adapts."""
    if privacy.clipping == "per-layer":
        return PerLayer(privacy.clip_norm)
    if privacy.clipping == "automatic":
        return Automatic(privacy.clip_norm)
    return Flat(privacy.clip_norm)


def _strategy(privacy: PrivacySpec, sampler: Sampler, steps: int) -> Strategy | None:
    separation = sampler.batches if isinstance(sampler, ShuffledSampler) else 1
    if privacy.noise == "banded":
        return best_banded(min(privacy.bands, steps), steps, separation)
    if privacy.noise == "blt":
        return best_blt(3, steps, separation)
    return None
