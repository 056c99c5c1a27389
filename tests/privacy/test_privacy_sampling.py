"""If this fails, batches are drawn otherwise than they are accounted, and ε is a fiction."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from strongroom.errors import InputError
from strongroom.privacy import (
    AdaptiveClippingGaussian,
    BallsInBinsGaussian,
    BallsInBinsSampler,
    Banded,
    Blt,
    CorrelatedGaussian,
    CyclicBandedGaussian,
    CyclicSampler,
    FixedSizeGaussian,
    FixedSizeSampler,
    GaussianReleases,
    PoissonGaussian,
    PoissonSampler,
    Sampler,
    Schedule,
    SecretStream,
    ShuffledGaussian,
    ShuffledSampler,
    compose_epsilon,
)
from strongroom.privacy._sampling import coins, integers, subset

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# Each statistical test raises a false alarm with this probability, were the seed not fixed.
ALARM = 1e-6
STREAM = SecretStream(bytes(range(32)))
UNITS = 120
SAMPLERS: tuple[Sampler, ...] = (
    PoissonSampler(0.1),
    PoissonSampler(1.0),
    FixedSizeSampler(12, UNITS),
    ShuffledSampler(7),
    ShuffledSampler(7, fixed=True),
    BallsInBinsSampler(7),
    CyclicSampler(5, 0.3),
)


def presence(sampler: Sampler, steps: int, units: int = UNITS) -> NDArray[np.bool_]:
    """Draw the batches of steps 1, 2, ... as a table [steps, units], and check their form."""
    table = np.zeros((steps, units), dtype=np.bool_)
    for step in range(1, steps + 1):
        batch = sampler.batch(STREAM, step, units)
        assert batch.dtype == np.int64
        if len(batch):
            assert batch[0] >= 0
            assert batch[-1] < units
        # Rising: no unit is in a batch twice.
        assert (np.diff(batch) > 0).all()
        table[step - 1, batch] = True
    return table


def uniform(counts: NDArray[np.int64]) -> float:
    """Return the p-value of equally likely outcomes having these counts."""
    return float(stats.chisquare(counts).pvalue)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: s.words)
def test_batches_are_sets_and_the_same_for_whoever_comes_back(sampler: Sampler) -> None:
    table = presence(sampler, 21)
    for step in (21, 3, 14):
        again = SecretStream(bytes(range(32)))
        assert (sampler.batch(again, step, UNITS) == np.flatnonzero(table[step - 1])).all()
    mean = table.sum(axis=1).mean()
    # Seven deviations of the freest sampler: far below the alarm rate.
    assert abs(mean - sampler.expected(UNITS)) <= 7 * math.sqrt(UNITS * 0.25 / 21)
    assert sampler.words


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: s.words)
def test_nobody_there_is_legal(sampler: Sampler) -> None:
    if isinstance(sampler, FixedSizeSampler):
        with pytest.raises(InputError, match="accounted for 120 units, not 0"):
            sampler.batch(STREAM, 1, 0)
    else:
        assert len(sampler.batch(STREAM, 1, 0)) == 0


def check_poisson(sampler: Sampler, rate: float) -> None:
    """Fail where presences aren't independent coins with this probability."""
    steps, units = 400, 500
    table = presence(sampler, steps, units)
    whole = stats.binomtest(int(table.sum()), steps * units, rate)
    assert whole.pvalue > ALARM
    # Sizes vary as those of independent coins do; a fixed size would not.
    spread = table.sum(axis=1).var(ddof=1) * (steps - 1) / (units * rate * (1 - rate))
    low, high = stats.chi2.ppf([ALARM / 2, 1 - ALARM / 2], steps - 1)
    assert low * 0.9 < spread < high * 1.1
    # And nobody is drawn more often than others.
    column = table.sum(axis=0)
    if rate * steps > 5:
        fit = ((column - rate * steps) ** 2).sum() / (steps * rate * (1 - rate))
        assert stats.chi2.sf(fit, units) > ALARM
    # Neighbouring steps know nothing of each other.
    both = int((table[:-1] & table[1:]).sum())
    assert stats.binomtest(both, (steps - 1) * units, rate * rate).pvalue > ALARM


@pytest.mark.parametrize("rate", [0.03, 1 / 512, 0.5, 0.997, 1e-3])
def test_poisson_coins_are_fair_and_independent(rate: float) -> None:
    check_poisson(PoissonSampler(rate), rate)


@pytest.mark.parametrize("rate", [0.5 / 256, 3.7 / 256, 0.999, 2.0**-60])
def test_a_coin_is_the_comparison_of_a_whole_word(rate: float) -> None:
    count = 4000
    first = np.frombuffer(STREAM.raw("coin", 1, count), dtype=np.uint8)
    heads = set(coins(STREAM, "coin", 1, count, rate).tolist())
    limit = math.floor(rate * 2.0**64)
    open_still = np.flatnonzero(first == limit >> 56)
    rest = STREAM.words("coin-rest", 1, len(open_still))
    words = {i: int(b) << 56 for i, b in enumerate(first)}
    for place, more in zip(open_still, rest, strict=True):
        words[int(place)] += int(more) >> 8
    assert heads == {i for i, word in words.items() if word < limit}


def test_every_subset_is_as_likely_as_every_other() -> None:
    for count, size in ((6, 2), (6, 4)):
        places = {chosen: i for i, chosen in enumerate(itertools.combinations(range(count), size))}
        counts = np.zeros(len(places), dtype=np.int64)
        for step in range(3000):
            counts[places[tuple(subset(STREAM, "subset", step, count, size).tolist())]] += 1
        assert uniform(counts) > ALARM
    assert subset(STREAM, "subset", 1, 5, 5).tolist() == [0, 1, 2, 3, 4]


def test_numbers_below_a_bound_are_uniform() -> None:
    for bound in (3, 7, 10, 2**16):
        drawn = integers(STREAM, "numbers", bound, 30_000, bound)
        assert (
            uniform(
                np.bincount(drawn * 3 // bound, minlength=3)
                if bound > 10
                else np.bincount(drawn, minlength=bound)
            )
            > ALARM
        )


def test_fixed_size_batches_have_it_and_leave_nobody_out() -> None:
    table = presence(FixedSizeSampler(12, UNITS), 1000)
    assert (table.sum(axis=1) == 12).all()
    assert uniform(table.sum(axis=0)) > ALARM


def test_a_shuffled_epoch_has_everybody_once_and_the_next_is_another() -> None:
    sampler = ShuffledSampler(8)
    table = presence(sampler, 8 * 200).reshape(200, 8, UNITS)
    assert (table.sum(axis=1) == 1).all()
    assert set(table.sum(axis=2).ravel().tolist()) == {15}
    # Any unit is in any place of the epoch equally often.
    assert uniform(table[:, :, 17].sum(axis=0)) > ALARM
    assert not (table[0] == table[1]).all()
    uneven = presence(ShuffledSampler(7), 7).sum(axis=1)
    assert uneven.sum() == UNITS
    assert uneven.max() - uneven.min() <= 1


def test_a_fixed_order_keeps_a_units_batches_apart() -> None:
    table = presence(ShuffledSampler(8, fixed=True), 40)
    assert (table.reshape(5, 8, UNITS) == table[:8]).all()
    assert (table[:8].sum(axis=0) == 1).all()


def test_a_ball_lies_in_one_bin_of_each_epoch_and_any_is_as_likely() -> None:
    bins = 6
    table = presence(BallsInBinsSampler(bins), bins * 300).reshape(300, bins, UNITS)
    assert (table.sum(axis=1) == 1).all()
    assert uniform(table.sum(axis=(0, 2))) > ALARM
    # Two units fall independently, and so do two epochs.
    where = table.argmax(axis=1)
    assert uniform(np.bincount(where[:, 0] * bins + where[:, 1], minlength=bins**2)) > ALARM
    pairs = where[:-1].ravel() * bins + where[1:].ravel()
    assert uniform(np.bincount(pairs, minlength=bins**2)) > ALARM
    assert table.sum(axis=2).std() > 1  # sizes vary


def test_groups_take_turns() -> None:
    groups, rate, rounds = 5, 0.3, 200
    table = presence(CyclicSampler(groups, rate), groups * rounds).reshape(rounds, groups, UNITS)
    # Whoever is ever drawn at one turn is never drawn at another.
    assert ((table.any(axis=0)).sum(axis=0) <= 1).all()
    turns = int(table.sum())
    assert stats.binomtest(turns, rounds * UNITS, rate).pvalue > ALARM
    sizes = table.any(axis=0).sum(axis=1)
    assert uniform(sizes) > ALARM


class TwiceSampler(ShuffledSampler):
    """A mutant: the last unit of a batch is counted twice."""

    def batch(self, stream: SecretStream, step: int, units: int) -> NDArray[np.int64]:
        found = super().batch(stream, step, units)
        return np.append(found, found[-1:])


class StickySampler(PoissonSampler):
    """A mutant: odd steps draw what the even ones before drew."""

    def batch(self, stream: SecretStream, step: int, units: int) -> NDArray[np.int64]:
        return super().batch(stream, step // 2, units)


class FixedAsPoissonSampler(PoissonSampler):
    """A mutant: batches of fixed size in Poisson's clothes."""

    def batch(self, stream: SecretStream, step: int, units: int) -> NDArray[np.int64]:
        return subset(stream, "subset", step, units, round(self.rate * units))


class ShuffledAsPoissonSampler(PoissonSampler):
    """A mutant: shuffled batches in Poisson's clothes."""

    def batch(self, stream: SecretStream, step: int, units: int) -> NDArray[np.int64]:
        return ShuffledSampler(round(1 / self.rate)).batch(stream, step, units)


class EagerSampler(PoissonSampler):
    """A mutant: a fifth more than accounted."""

    def batch(self, stream: SecretStream, step: int, units: int) -> NDArray[np.int64]:
        return coins(stream, "sample", step, units, 1.2 * self.rate)


MUTANTS = (
    TwiceSampler(20),
    StickySampler(0.05),
    FixedAsPoissonSampler(0.05),
    ShuffledAsPoissonSampler(0.05),
    EagerSampler(0.05),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: type(m).__name__)
def test_a_sampler_that_is_not_what_it_says_is_caught(mutant: Sampler) -> None:
    with pytest.raises(AssertionError):
        check_poisson(mutant, 0.05)


@dataclass(frozen=True)
class Pair:
    """What a sampler and a noise must be accounted as; None: refused."""

    sampler: Sampler
    kind: type | None
    strategy: Banded | Blt | None = None
    count_deviation: float | None = None


BANDED, BLT = Banded((1.0, 0.5)), Blt((0.5,), (0.5,))
PAIRS = (
    Pair(PoissonSampler(0.1), PoissonGaussian),
    Pair(PoissonSampler(0.1), AdaptiveClippingGaussian, count_deviation=5.0),
    Pair(PoissonSampler(0.1), None, BANDED),
    Pair(PoissonSampler(1.0), CorrelatedGaussian, BLT),
    Pair(PoissonSampler(1.0), None, BLT, 5.0),
    Pair(FixedSizeSampler(12, UNITS), FixedSizeGaussian),
    Pair(FixedSizeSampler(12, UNITS), None, BANDED),
    Pair(FixedSizeSampler(12, UNITS), None, count_deviation=5.0),
    Pair(ShuffledSampler(7), ShuffledGaussian),
    Pair(ShuffledSampler(7), None, BANDED),
    Pair(ShuffledSampler(7), None, count_deviation=5.0),
    Pair(ShuffledSampler(7, fixed=True), ShuffledGaussian),
    Pair(ShuffledSampler(7, fixed=True), CorrelatedGaussian, BANDED),
    Pair(ShuffledSampler(7, fixed=True), CorrelatedGaussian, BLT),
    Pair(ShuffledSampler(7, fixed=True), None, BANDED, 5.0),
    Pair(BallsInBinsSampler(7), BallsInBinsGaussian),
    Pair(BallsInBinsSampler(7), None, BANDED),
    Pair(CyclicSampler(5, 0.3), CyclicBandedGaussian, BANDED),
    Pair(CyclicSampler(5, 0.3), None, BLT),
    Pair(CyclicSampler(1, 0.3), None, BANDED),
    Pair(CyclicSampler(5, 0.3), None),
    Pair(CyclicSampler(5, 0.3), None, BANDED, 5.0),
)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_sampler_is_accounted_as_itself_or_not_at_all(pair: Pair) -> None:
    def make() -> Schedule:
        return Schedule(pair.sampler, 1.5, 42, pair.strategy, pair.count_deviation)

    if pair.kind is None:
        with pytest.raises(InputError):
            make()
        return
    mechanism = make().mechanism
    assert type(mechanism) is pair.kind
    assert mechanism.steps == 42
    assert mechanism.noise_multiplier == 1.5
    assert mechanism.sampling_rate * UNITS == pytest.approx(
        pair.sampler.expected(UNITS) * (5 if isinstance(pair.sampler, CyclicSampler) else 1)
    )


MAKERS: tuple[Callable[[], Schedule], ...] = (
    lambda: Schedule.calibrated(2.0, 1e-5, PoissonSampler(0.05), 100),
    lambda: Schedule.calibrated(2.0, 1e-5, PoissonSampler(0.05), 100, count_deviation=6.0),
    lambda: Schedule.calibrated(2.0, 1e-5, ShuffledSampler(20), 100),
    lambda: Schedule.calibrated(2.0, 1e-5, BallsInBinsSampler(20), 100),
    lambda: Schedule.calibrated(2.0, 1e-5, ShuffledSampler(20, fixed=True), 100, strategy=BLT),
    lambda: Schedule.calibrated(2.0, 1e-5, CyclicSampler(10, 0.2), 100, strategy=BANDED),
)


@pytest.mark.parametrize("make", MAKERS)
def test_a_schedule_is_calibrated_as_a_whole(make: Callable[[], Schedule]) -> None:
    schedule = make()
    assert 2.0 * (1 - 2e-3) <= schedule.mechanism.epsilon(1e-5) <= 2.0
    assert schedule.draw_deviation >= schedule.noise_multiplier


def test_a_schedule_leaves_room_for_what_else_is_released() -> None:
    beside = (GaussianReleases(5.0),)
    made = Schedule.calibrated(2.0, 1e-5, PoissonSampler(0.05), 100, beside=beside)
    assert 2.0 * (1 - 2e-3) <= compose_epsilon([made.mechanism, *beside], 1e-5) <= 2.0


def test_independent_noise_keeps_nothing_and_may_be_told_the_clip_norm_of_each_step() -> None:
    made = Schedule(PoissonSampler(0.5), 1.5, 10).noise(STREAM, 4, 2.0)
    zero = np.zeros(4)
    plain = made.noisy_sum(zero, 3)
    assert made.state() == {}
    made.restore({})
    # Any step at any time: a doubled clip norm gets the same coins, doubled.
    assert made.noisy_sum(zero, 3, sensitivity=4.0) == pytest.approx(2 * plain, abs=1e-5)
    assert (made.noisy_sum(zero, 1) != plain).all()
