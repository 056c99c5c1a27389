"""From a site's rows to what may leave: noise whose cost is known before a row is looked at.

Every statistic is scaled to the same L2 sensitivity, so that k of them are k Gaussian releases. An
open one (categories that nobody knows) also gives out names. One unit has one name in each, and a
name that it alone has, with a count of 1, stays at or above the threshold

    τ = 1 + s · Q⁻¹(δ_τ),   Q the upper tail of the standard normal, s the noise's deviation,

with probability δ_τ exactly: half of δ is kept for all open statistics together. Names that nobody
has get no noise and are never given out, so this is the whole of what the names cost.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from strongroom.federate.analytics._query import Released
from strongroom.privacy import GaussianReleases, ThresholdReleases, calibrate_noise, noisy_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from strongroom.federate.analytics._query import Query
    from strongroom.federate.analytics._statistic import Statistic
    from strongroom.privacy import Mechanism, SecretStream

LEAST = 10  # rows of a cell that is told exactly
_GRID = 2.0**-20  # of an open statistic's counts: whole numbers lie on it
_INEXACT = 1e-6  # more than the share by which the noise's own tails are off


@dataclass(frozen=True)
class QueryNoise:
    """The noise of a whole query, at one site.

    Attributes:
        gaussian: on the statistics, in their order; its multiplier is over each one's sensitivity.
        names: what the names of open statistics cost; None: there are none.
    """

    gaussian: GaussianReleases
    names: ThresholdReleases | None

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """What a ledger is asked for."""
        return (self.gaussian, *((self.names,) if self.names is not None else ()))

    def deviation(self, statistic: Statistic) -> float:
        """Return the standard deviation of the noise on each entry of a statistic."""
        return self.gaussian.noise_multiplier * statistic.sensitivity

    @property
    def threshold(self) -> float:
        """The least noisy count of a name that is given out."""
        from scipy.special import ndtri

        assert self.names is not None  # noqa: S101 - asked for open statistics only
        tail = float(-ndtri(self.names.delta * (1 - _INEXACT)))
        # A draw is rounded to the grid: up, by half of it at most.
        return 1.0 + self.gaussian.noise_multiplier * tail + _GRID


def noise_of(query: Query) -> QueryNoise | None:
    """Return the noise that a query's privacy asks for; None: it asks for none.

    Raises:
        InputError: no noise reaches it.
    """
    if query.privacy is None:
        return None
    opened = sum(statistic.open for statistic in query.statistics)
    return _noise(query.privacy.epsilon, query.privacy.delta, len(query.statistics), opened)


@lru_cache(maxsize=64)
def _noise(epsilon: float, delta: float, count: int, opened: int) -> QueryNoise:
    names = ThresholdReleases(delta / 2 / opened, opened) if opened else None

    def make(noise: float) -> GaussianReleases:
        return GaussianReleases(noise, count)

    beside = (names,) if names is not None else ()
    return QueryNoise(calibrate_noise(epsilon, delta, make, beside=beside), names)


def release(
    query: Query, columns: Sequence[pa.Array], noise: QueryNoise | None, stream: SecretStream
) -> Released:
    """Measure, and add the noise.

    Args:
        query: what.
        columns: of each statistic, one row each unit.
        noise: as `noise_of` gives it.
        stream: its coins. Other values get other coins: the difference of two releases from one
            seed never is a difference of values.
    """
    measured = [s.measure(values) for s, values in zip(query.statistics, columns, strict=True)]
    mark = hmac.new(stream.seed, query.digest().encode(), hashlib.sha256)
    for found, values in measured:
        mark.update(repr(found).encode() + b"\0" + values.tobytes() + b"\0")
    label = f"analyse {mark.hexdigest()}"
    parts: list[NDArray[np.float64]] = []
    names: dict[str, tuple[str, ...]] = {}
    for place, (statistic, (found, values)) in enumerate(
        zip(query.statistics, measured, strict=True)
    ):
        if statistic.open:
            names[str(place)], told = _named(statistic, found, values, noise, stream, label, place)
        elif noise is None:
            told = statistic.suppress(values, LEAST)
        else:
            told = noisy_sum(
                values,
                sensitivity=statistic.sensitivity,
                noise_multiplier=noise.gaussian.noise_multiplier,
                stream=stream,
                label=label,
                step=place,
            )
        parts.append(told)
    return Released(np.concatenate(parts), names)


def _named(
    statistic: Statistic,
    names: tuple[str, ...],
    counts: NDArray[np.float64],
    noise: QueryNoise | None,
    stream: SecretStream,
    label: str,
    place: int,
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the names that may be given out, the largest first, and float64 [width]."""
    least: float = LEAST
    if noise is not None and len(names):
        # A grid of its own: `noisy_sum` would take one from how many names there are.
        counts = stream.add_noise(counts, _GRID, noise.deviation(statistic), label, place)
    if noise is not None:
        least = noise.threshold
    kept = [k for k in np.argsort(-counts, kind="stable") if counts[k] >= least]
    kept = kept[: statistic.width]
    told = np.zeros(statistic.width)
    told[: len(kept)] = counts[kept]
    return tuple(names[k] for k in kept), told


def error_of(query: Query, statistic: Statistic, sites: int) -> float:
    """Return the standard error of each entry of a sum over so many sites."""
    noise = noise_of(query)
    return noise.deviation(statistic) * math.sqrt(sites) if noise is not None else 0.0
