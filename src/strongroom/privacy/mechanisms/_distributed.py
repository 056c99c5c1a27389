"""Noise in shares: each site adds a part of it, and only the sum is ever seen.

Kairouz, Liu and Steinke 2021, "The Distributed Discrete Gaussian Mechanism for Federated Learning
with Secure Aggregation". A secure sum takes whole numbers, and noise must be in it before anybody
sees it; so each site rounds its vector to a grid and adds discrete Gaussian noise to it. Sums of
discrete Gaussians aren't discrete Gaussians, but nearly (their theorem 1 says how nearly).

Of the paper's ways to keep a coarse grid cheap, none is needed: elements of 32 or 64 bits leave
room for a grid so fine that rounding to the nearest costs 1/4096 of the noise in the worst case.
That case holds for any two vectors, so for one person's part of a site's sum as for a whole site's;
the paper's bound on randomly rounded vectors holds only for the latter. Nothing is rotated: that
keeps coordinates from wrapping around, and here the field has room (`check_field`).

Its ε is the smaller of two bounds: the paper's, by concentrated differential privacy, which holds
on any grid; and that of the continuous Gaussian, which on a fine grid is nearly the same. With
φ the density of N(0, S²), P(y) = φ(y) / Z the discrete Gaussian (1 <= Z <= 1 + 3 exp(-2π²S²)) and
Q(y) the integral of φ over [y - 1/2, y + 1/2], the rounded continuous one:

    Q(y) = φ(y) E[exp(-U² / 2S²) cosh(yU / S²)], with U uniform on [-1/2, 1/2],

so that, cosh x lying between 1 and exp(x² / 2), and by Jensen's inequality,

    -1 / 24S² <= log Q(y) / P(y) <= y² / 8S⁴ + log Z.

Rounding is post-processing of the Gaussian mechanism, and moves by whole steps go through it
unchanged. So what the Gaussian mechanism has at (ε, δ), this one has at (ε + a, δ exp(a)), where
`a` (`_distance`) sums both sides over all coordinates and steps: about 10^-8 a step for 10,000
coordinates on a fine grid. Beyond 20 deviations of the noise's norm lies exp(-200), which is added
to δ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from strongroom.errors import InputError
from strongroom.privacy._discrete import LARGEST_SCALE, discrete_gaussian
from strongroom.privacy.mechanisms._base import (
    ADD_REMOVE,
    Mechanism,
    check_count,
    check_noise,
    dp_accounting,
    repeated,
)
from strongroom.privacy.mechanisms._profiles import (
    concentrated_profile,
    gaussian_profile,
    gaussian_reach,
    profile_losses,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.privacy._noise import SecretStream
    from strongroom.privacy._relation import Relation

_ROUNDING_BITS = 12
# Of a coordinate's rounding error: what division in floating point may add to half a step.
_SLACK = 2.0**-10
_LARGEST = 2.0**40
_TAIL = 40  # deviations: beyond them lies e^-800 of the noise
_NORM_REACH = 20
_BEYOND = 1e-60  # exp(-200), for up to 10^20 steps


@dataclass(frozen=True)
class DistributedGaussian(Mechanism):
    """Sums of sites' vectors, where `contributors` of the sites have added enough noise together.

    Every site adds the same, and more sites in a sum mean more noise than is accounted. A site that
    adds none, or tells its noise, is no contributor: of a secure sum, that is its threshold less
    the colluders.

    Attributes:
        noise_multiplier: deviation of the contributors' noise together, over what one unit moves
            the rounded sum by in L2.
        steps: how many sums, each over everybody: no sampling.
        contributors: how many sites' noise is certainly in each sum.
        dimension: of the vectors.
        resolution: grid steps in a clip norm.
    """

    TYPE: ClassVar[str] = "distributed_discrete_gaussian"
    relations: ClassVar[tuple[Relation, ...]] = ADD_REMOVE

    noise_multiplier: float
    steps: int
    contributors: int
    dimension: int
    resolution: int

    def __post_init__(self) -> None:
        check_noise(self.noise_multiplier)
        check_count(self.steps)
        check_count(self.contributors, "noisy contribution")
        check_count(self.dimension, "coordinate")
        check_count(self.resolution, "grid step")
        if self.scale > LARGEST_SCALE:
            raise InputError(
                f"noise of {self.scale:,} grid steps is more than can be drawn",
                hint="a coarser resolution",
            )

    @classmethod
    def on_fine_grid(
        cls, noise_multiplier: float, steps: int, *, contributors: int, dimension: int
    ) -> Self:
        """Return the mechanism whose rounding costs at most 2^-12 of the noise."""
        bits = _ROUNDING_BITS + math.ceil(math.log2(max(dimension, 1)) / 2)
        return cls(noise_multiplier, steps, contributors, dimension, 1 << bits)

    @property
    def sampling_rate(self) -> float:
        """Everybody is in every sum."""
        return 1.0

    @property
    def sensitivity(self) -> float:
        """What one unit moves a sum by in L2, in grid steps.

        Each coordinate of two neighbours' vectors is rounded by at most half a step.
        """
        return self.resolution + (1 + _SLACK) * math.sqrt(self.dimension)

    @cached_property
    def scale(self) -> int:
        """σ of each site's noise, in grid steps: whole, rounded up."""
        share = self.noise_multiplier * self.sensitivity / math.sqrt(self.contributors)
        return math.ceil(share)

    @cached_property
    def excess(self) -> float:
        """τ: how far the sum of the contributors' noises is from one discrete Gaussian."""
        exponent = -2 * (math.pi * self.scale) ** 2
        terms = (math.exp(exponent * k / (k + 1)) for k in range(1, self.contributors))
        return 10 * math.fsum(terms)

    def concentration(self, relation: Relation) -> float:
        """Return ρ of one sum: it is ρ-zCDP (theorem 1 and proposition 14 of the paper)."""
        self.check_relation(relation)
        moved = relation.shift * self.sensitivity / (self.scale * math.sqrt(self.contributors))
        return (moved + self.excess * math.sqrt(self.dimension)) ** 2 / 2

    def losses(self, relation: Relation, grid: float) -> Any:  # noqa: ANN401 - untyped library
        """See `Mechanism.losses`: the smaller of the two bounds above, at each ε, both ways."""
        self.check_relation(relation)
        noise = self.scale * math.sqrt(self.contributors)
        mu = math.sqrt(self.steps) * relation.shift * self.sensitivity / noise
        rho, apart = self.steps * self.concentration(relation), self._distance
        continuous = gaussian_profile(mu)

        def one_way(epsilons: NDArray[np.float64]) -> NDArray[np.float64]:
            near = math.exp(apart) * continuous(epsilons - apart) if apart < 1 else 1.0
            found: NDArray[np.float64] = np.minimum(near, concentrated_profile(rho, epsilons))
            return found + _BEYOND

        def profile(epsilons: NDArray[np.float64]) -> NDArray[np.float64]:
            half = one_way(np.abs(epsilons))
            # The other way round, the roles of the neighbours are changed.
            return np.where(epsilons >= 0, half, -np.expm1(epsilons) + np.exp(epsilons) * half)

        most = min(gaussian_reach(mu) + apart, rho + _TAIL * math.sqrt(rho))
        return profile_losses(grid, (-most, most, profile))

    @property
    def _distance(self) -> float:
        """How far all sums' noise is from continuous noise that was rounded: see above."""
        size, steps = self.dimension, self.steps
        variance = self.contributors * float(self.scale) ** 2
        norm = math.sqrt(size) * (math.sqrt(variance) + 0.5) + _NORM_REACH * math.sqrt(variance)
        below = size / (24 * variance)
        above = (norm / variance) ** 2 / 8 + 3 * size * math.exp(-2 * math.pi**2 * variance)
        return steps * (below + above + 2 * size * self.excess)

    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - DpEvent
        """See `Mechanism.event_under`."""
        return repeated(dp_accounting().ZCDpEvent(self.concentration(relation)), self.steps)

    def check_field(self, bits: int, sites: int, units: float = 1.0) -> None:
        """Refuse a field in which a sum could wrap around.

        Args:
            bits: of its elements.
            sites: the most in a sum.
            units: the largest size of a coordinate of a site's vector, in clip norms: 1 where the
                whole vector is clipped, the number of units where it is a sum over them.

        Raises:
            InputError: it has no room; says how coarse the grid would have to be.
        """
        most = sites * (units * self.resolution + _TAIL * self.scale + 1)
        room = 2.0 ** (bits - 1)
        if most >= room:
            raise InputError(
                f"noisy sums of {sites} sites don't fit {bits} bits",
                hint=f"a resolution of {max(1, int(self.resolution * room / most / 2)):,} or less, "
                "or 64 bits",
            )


def encode_private(
    vector: NDArray[np.floating],
    clip: float,
    mechanism: DistributedGaussian,
    stream: SecretStream,
    label: str,
    step: int,
) -> NDArray[np.int64]:
    """Return a site's vector on the grid, with the site's part of the noise.

    Args:
        vector: float32 or float64 [dimension], which one unit moves by at most `clip` in L2. It is
            not clipped here.
        clip: the clip norm.
        mechanism: says how much noise, and how fine the grid is.
        stream: where the coins come from.
        label: with `step`, the address of the coins.
        step: never used twice for different vectors.

    Returns:
        int64 [dimension], for a secure sum; `decode_private` reads the sum.

    Raises:
        InputError: another dimension, a number that isn't finite, or one of more than 2^40 steps.
    """
    values = np.asarray(vector, np.float64) * (mechanism.resolution / clip)
    if values.shape != (mechanism.dimension,):
        raise InputError(f"a vector of {values.size:,} where {mechanism.dimension:,} are accounted")
    if not (np.abs(values) <= _LARGEST).all():
        raise InputError("a vector with numbers that aren't finite, or too large to be rounded")
    noise = discrete_gaussian(stream, label, step, mechanism.dimension, mechanism.scale)
    return np.rint(values).astype(np.int64) + noise


def decode_private(
    total: NDArray[np.int64], clip: float, mechanism: DistributedGaussian
) -> NDArray[np.float64]:
    """Return the noisy sum of vectors, float64 [dimension], from the sum of what sites encoded."""
    return total.astype(np.float64) * (clip / mechanism.resolution)
