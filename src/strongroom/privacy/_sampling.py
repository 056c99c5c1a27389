"""Samplers: which units are in a step's batch, by secret coins, and what that is worth.

A sampler draws the batches *and* names the mechanism that they make with noise, so that no batch
is drawn one way and accounted another. Every draw is addressed by step (or epoch), so that a
training that was killed goes on with the same batches.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from strongroom.errors import InputError
from strongroom.privacy.mechanisms import (
    AdaptiveClippingGaussian,
    BallsInBinsGaussian,
    CorrelatedGaussian,
    CyclicBandedGaussian,
    FixedSizeGaussian,
    Mechanism,
    PoissonGaussian,
    ShuffledGaussian,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.privacy._noise import SecretStream
    from strongroom.privacy._strategies import Strategy


Draw: TypeAlias = "Callable[[SecretStream, int, int], NDArray[np.int64]]"


class Sampler(ABC):
    """How the batch of each step is drawn."""

    @abstractmethod
    def batch(self, stream: SecretStream, step: int, units: int) -> NDArray[np.int64]:
        """Return the units of a step's batch, rising, each at most once.

        Args:
            stream: the coins.
            step: from 1.
            units: how many there are; none is legal, and so is an empty batch.
        """

    @abstractmethod
    def mechanism(
        self,
        noise_multiplier: float,
        steps: int,
        *,
        strategy: Strategy | None = None,
        count_deviation: float | None = None,
    ) -> Mechanism:
        """Return what `steps` noisy sums over such batches are.

        Args:
            noise_multiplier: σ, as the mechanism's kind means it.
            steps: how many.
            strategy: correlates the noise of the steps.
            count_deviation: beside each sum, noise on the count of units within the clip norm, for
                a clip norm that adapts.

        Raises:
            InputError: this sampling isn't accounted with that noise.
        """

    @abstractmethod
    def expected(self, rows: int) -> float:
        """Return the expected size of a batch of `rows` declared units: the normaliser."""

    @property
    @abstractmethod
    def words(self) -> str:
        """The sampling in words, for a statement."""

    def _plain_noise(self, strategy: Strategy | None, count_deviation: float | None) -> None:
        odd = "correlated noise" if strategy else "a clip norm that adapts"
        if strategy is not None or count_deviation is not None:
            raise InputError(f"{odd} is not accounted with {self.words}")


class _Kept:
    """The last long draw of a sampler, so that the steps of an epoch don't repeat it."""

    def __init__(self) -> None:
        self._what: tuple[Any, ...] = ()
        self._drawn: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def get(self, stream: SecretStream, turn: int, units: int, draw: Draw) -> NDArray[np.int64]:
        if self._what != (stream, turn, units):
            self._drawn = draw(stream, turn, units)
            self._what = (stream, turn, units)
        return self._drawn


@dataclass(frozen=True)
class PoissonSampler(Sampler):
    """Each unit by its own coin in each step; at rate 1, everybody always.

    Attributes:
        rate: in (0, 1].
    """

    rate: float

    def batch(self, stream: SecretStream, step: int, units: int) -> NDArray[np.int64]:
        """See `Sampler.batch`."""
        return coins(stream, "sample", step, units, self.rate)

    def mechanism(
        self,
        noise_multiplier: float,
        steps: int,
        *,
        strategy: Strategy | None = None,
        count_deviation: float | None = None,
    ) -> Mechanism:
        """See `Sampler.mechanism`."""
        if strategy is not None and self.rate == 1 and count_deviation is None:
            return CorrelatedGaussian(noise_multiplier, steps, 1, strategy)
        if strategy is not None:
            self._plain_noise(strategy, None)
        if count_deviation is not None:
            return AdaptiveClippingGaussian(self.rate, noise_multiplier, count_deviation, steps)
        return PoissonGaussian(self.rate, noise_multiplier, steps)

    def expected(self, rows: int) -> float:
        """See `Sampler.expected`."""
        return self.rate * rows

    @property
    def words(self) -> str:
        """See `Sampler.words`."""
        if self.rate == 1:
            return "every row in every step"
        return f"Poisson sampling at rate {self.rate:.4g}"


@dataclass(frozen=True)
class FixedSizeSampler(Sampler):
    """A uniform subset of fixed size in each step.

    Attributes:
        size: of a batch.
        units: how many there are in all, which the guarantee takes as public.
    """

    size: int
    units: int

    def batch(self, stream: SecretStream, step: int, units: int) -> NDArray[np.int64]:
        """See `Sampler.batch`.

        Raises:
            InputError: there are more or fewer units than were accounted for.
        """
        if units != self.units:
            raise InputError(
                f"batches of fixed size were accounted for {self.units:,} units, not {units:,}",
                hint="declare the exact number in [data].rows, or take Poisson sampling",
            )
        return subset(stream, "subset", step, units, self.size)

    def mechanism(
        self,
        noise_multiplier: float,
        steps: int,
        *,
        strategy: Strategy | None = None,
        count_deviation: float | None = None,
    ) -> Mechanism:
        """See `Sampler.mechanism`."""
        self._plain_noise(strategy, count_deviation)
        return FixedSizeGaussian(self.units, self.size, noise_multiplier, steps)

    def expected(self, rows: int) -> float:
        """See `Sampler.expected`."""
        del rows
        return float(self.size)

    @property
    def words(self) -> str:
        """See `Sampler.words`."""
        return f"{self.size:,} of {self.units:,} without replacement"


@dataclass(frozen=True)
class ShuffledSampler(Sampler):
    """Each epoch cuts a new secret order into batches; with `fixed`, the same order every time.

    Attributes:
        batches: in an epoch; sizes differ by at most one.
        fixed: one order for all epochs, as correlated noise needs: a unit's batches then are
            `batches` steps apart.
    """

    batches: int
    fixed: bool = False
    _kept: _Kept = field(default_factory=_Kept, compare=False, repr=False)

    def batch(self, stream: SecretStream, step: int, units: int) -> NDArray[np.int64]:
        """See `Sampler.batch`."""
        epoch, place = divmod(step - 1, self.batches)
        turn = 0 if self.fixed else epoch
        order = self._kept.get(stream, turn, units, _order)
        begin, end = place * units // self.batches, (place + 1) * units // self.batches
        return np.sort(order[begin:end])

    def mechanism(
        self,
        noise_multiplier: float,
        steps: int,
        *,
        strategy: Strategy | None = None,
        count_deviation: float | None = None,
    ) -> Mechanism:
        """See `Sampler.mechanism`."""
        if strategy is not None and self.fixed:
            self._plain_noise(None, count_deviation)
            return CorrelatedGaussian(noise_multiplier, steps, self.batches, strategy)
        self._plain_noise(strategy, count_deviation)
        return ShuffledGaussian(noise_multiplier, steps, self.batches)

    def expected(self, rows: int) -> float:
        """See `Sampler.expected`."""
        return rows / self.batches

    @property
    def words(self) -> str:
        """See `Sampler.words`."""
        how = "in one order for all" if self.fixed else "shuffled anew in each"
        return f"{self.batches:,} disjoint batches an epoch, {how}"


@dataclass(frozen=True)
class BallsInBinsSampler(Sampler):
    """In each epoch, every unit is thrown into one of its batches by its own coin.

    Attributes:
        bins: batches in an epoch; their sizes vary.
    """

    bins: int
    _kept: _Kept = field(default_factory=_Kept, compare=False, repr=False)

    def batch(self, stream: SecretStream, step: int, units: int) -> NDArray[np.int64]:
        """See `Sampler.batch`."""

        def throw(stream: SecretStream, turn: int, units: int) -> NDArray[np.int64]:
            return integers(stream, "bins", turn, units, self.bins)

        epoch, place = divmod(step - 1, self.bins)
        return np.flatnonzero(self._kept.get(stream, epoch, units, throw) == place)

    def mechanism(
        self,
        noise_multiplier: float,
        steps: int,
        *,
        strategy: Strategy | None = None,
        count_deviation: float | None = None,
    ) -> Mechanism:
        """See `Sampler.mechanism`."""
        self._plain_noise(strategy, count_deviation)
        return BallsInBinsGaussian(noise_multiplier, steps, self.bins)

    def expected(self, rows: int) -> float:
        """See `Sampler.expected`."""
        return rows / self.bins

    @property
    def words(self) -> str:
        """See `Sampler.words`."""
        return f"each row in one of {self.bins:,} batches of every epoch, by its own coin"


@dataclass(frozen=True)
class CyclicSampler(Sampler):
    """Units are thrown into groups once; groups take turns, and each turn is a Poisson sample.

    Attributes:
        groups: how many, at least the bands of the noise.
        rate: the chance of a unit to be in the batch when its group's turn comes.
    """

    groups: int
    rate: float
    _kept: _Kept = field(default_factory=_Kept, compare=False, repr=False)

    def batch(self, stream: SecretStream, step: int, units: int) -> NDArray[np.int64]:
        """See `Sampler.batch`."""

        def throw(stream: SecretStream, turn: int, units: int) -> NDArray[np.int64]:
            return integers(stream, "groups", turn, units, self.groups)

        thrown = self._kept.get(stream, 0, units, throw)
        members = np.flatnonzero(thrown == (step - 1) % self.groups)
        return members[coins(stream, "sample", step, len(members), self.rate)]

    def mechanism(
        self,
        noise_multiplier: float,
        steps: int,
        *,
        strategy: Strategy | None = None,
        count_deviation: float | None = None,
    ) -> Mechanism:
        """See `Sampler.mechanism`."""
        self._plain_noise(None, count_deviation)
        if strategy is None:
            raise InputError("groups that take turns are for banded noise")
        return CyclicBandedGaussian(noise_multiplier, steps, self.groups, self.rate, strategy)

    def expected(self, rows: int) -> float:
        """See `Sampler.expected`."""
        return self.rate * rows / self.groups

    @property
    def words(self) -> str:
        """See `Sampler.words`."""
        return f"{self.groups:,} groups in turn, Poisson sampling at rate {self.rate:.4g} in each"


def coins(
    stream: SecretStream, label: str, step: int, count: int, rate: float
) -> NDArray[np.int64]:
    """Return which of `count` independent coins show heads, each with probability `rate`.

    The same probability as 64-bit coins have, `rate` rounded down to a multiple of 2^-64, at an
    eighth of their cost: only where the first byte leaves it open are seven more looked at.
    """
    if rate >= 1:
        return np.arange(count)
    top, rest = divmod(math.floor(rate * 2.0**64), 1 << 56)
    first = np.frombuffer(stream.raw(label, step, count), dtype=np.uint8)
    heads = np.flatnonzero(first <= top)
    open_still = first[heads] == top
    more = stream.words(f"{label}-rest", step, int(open_still.sum())) >> np.uint64(8)
    keep = ~open_still
    keep[open_still] = more < np.uint64(rest)
    found: NDArray[np.int64] = heads[keep]
    return found


def integers(
    stream: SecretStream, label: str, step: int, count: int, bound: int
) -> NDArray[np.int64]:
    """Return `count` exactly uniform numbers below `bound`; words that bend it are left out."""
    limit = (1 << 64) - (1 << 64) % bound
    spare = 16
    while True:
        words = stream.words(label, step, count + spare)
        fair = words if limit == 1 << 64 else words[words < np.uint64(limit)]
        if len(fair) >= count:
            return (fair[:count] % np.uint64(bound)).astype(np.int64)
        spare *= 2


def subset(stream: SecretStream, label: str, step: int, count: int, size: int) -> NDArray[np.int64]:
    """Return a uniform subset of `size` out of `count`, rising.

    The first `size` *different* ones of a uniform sequence: exactly uniform, at a cost that goes
    with the subset and not with the whole.
    """
    if size > count // 2:
        left = np.ones(count, dtype=np.bool_)
        left[subset(stream, label, step, count, count - size)] = False
        return np.flatnonzero(left)
    draws = size + size // 2 + 16
    while True:
        drawn = integers(stream, label, step, draws, count)
        found, first = np.unique(drawn, return_index=True)
        if len(found) >= size:
            return np.sort(found[np.argsort(first)[:size]])
        draws *= 2


def _order(stream: SecretStream, turn: int, units: int) -> NDArray[np.int64]:
    # Two equal words among n: n² / 2^65.
    return np.argsort(stream.words("order", turn, units), kind="stable")
