"""If this fails, correlated noise hides less than it is accounted for, or more than it need."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from strongroom.errors import InputError
from strongroom.privacy import (
    Banded,
    Blt,
    CorrelatedGaussian,
    CorrelatedNoise,
    CyclicBandedGaussian,
    CyclicSampler,
    GaussianReleases,
    PoissonGaussian,
    Schedule,
    SecretStream,
    ShuffledSampler,
    Strategy,
    best_banded,
    best_blt,
    running_error,
)
from strongroom.privacy._noise import grid_step

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = bytes(range(32))
STRATEGIES: tuple[Strategy, ...] = (
    Banded((1.0,)),
    Banded((1.0, 0.5, 0.25)),
    Banded((1.0, 0.2, 0.6, 0.1)),
    Blt((0.5, 0.3), (0.4, 0.95)),
)


def matrix(strategy: Strategy, steps: int) -> NDArray[np.float64]:
    """Write C out: float64[steps, steps], lower triangular Toeplitz."""
    column, whole = strategy.column(steps), np.zeros((steps, steps))
    for place in range(steps):
        whole[place:, place] = column[: steps - place]
    return whole


def noise(strategy: Strategy, count: int = 50, deviation: float = 2.0) -> CorrelatedNoise:
    return CorrelatedNoise(strategy, SecretStream(SEED), count, 1.5, deviation)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_what_is_given_out_is_the_inverse_of_c_on_independent_draws(strategy: Strategy) -> None:
    steps, count = 30, 50
    made, grid = noise(strategy, count), grid_step(1.5, count)
    given = np.stack([made.noisy_sum(np.zeros(count), t) for t in range(1, steps + 1)])
    assert (given == np.rint(given / grid) * grid).all()
    deviation = 2.0 * (1.5 + grid * math.sqrt(count))
    drawn = np.stack([SecretStream(SEED).normal("noise", t, count) for t in range(1, steps + 1)])
    # C y = z but for the rounding of each y to the grid *before* it is remembered: the rounding
    # doesn't add up.
    assert np.abs(matrix(strategy, steps) @ given - drawn * deviation).max() <= grid / 2 * 1.0001


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_the_sums_only_shift_what_is_given_out(strategy: Strategy) -> None:
    count, steps = 20, 10
    rng = np.random.default_rng(3)
    sums, grid = rng.normal(size=(steps, count)), grid_step(1.5, count)
    plain, shifted = noise(strategy, count), noise(strategy, count)
    for t in range(1, steps + 1):
        rounded = np.rint(sums[t - 1] / grid) * grid
        difference = shifted.noisy_sum(sums[t - 1], t) - plain.noisy_sum(np.zeros(count), t)
        assert (difference == rounded).all()


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_a_training_that_was_killed_goes_on_with_the_same_noise(strategy: Strategy) -> None:
    whole, first, second = noise(strategy), noise(strategy), noise(strategy)
    zero = np.zeros(50, dtype=np.float32)
    expected = [whole.noisy_sum(zero, t) for t in range(1, 9)]
    for t in range(1, 6):
        first.noisy_sum(zero, t)
    second.restore({name: np.array(value) for name, value in first.state().items()})
    for t in range(6, 9):
        found = second.noisy_sum(zero, t)
        assert found.dtype == np.float32
        assert (found == expected[t - 1]).all()


def test_steps_out_of_order_and_foreign_states_are_refused() -> None:
    made = noise(STRATEGIES[1])
    with pytest.raises(ValueError, match="step 1, not 2"):
        made.noisy_sum(np.zeros(50), 2)
    with pytest.raises(ValueError, match="step 1"):
        made.noisy_sum(np.zeros(50), 1, sensitivity=2.0)
    with pytest.raises(InputError, match="another training"):
        made.restore(noise(STRATEGIES[1], 49).state())


def patterns(steps: int, separation: int) -> list[tuple[int, ...]]:
    """List all sets of steps that are at least `separation` apart."""
    return [
        chosen
        for size in range(1, -(-steps // separation) + 1)
        for chosen in itertools.combinations(range(steps), size)
        if all(b - a >= separation for a, b in itertools.pairwise(chosen))
    ]


@pytest.mark.parametrize("separation", [1, 2, 3, 5])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_no_unit_moves_more_than_the_sensitivity(strategy: Strategy, separation: int) -> None:
    steps = 9
    whole, claimed = matrix(strategy, steps), strategy.sensitivity(steps, separation)
    column = strategy.column(steps)
    regular = [tuple(range(j, steps, separation)) for j in range(separation)]
    falling = bool((np.diff(column) <= 0).all())
    worst = 0.0
    for chosen in patterns(steps, separation) if falling else regular:
        for signs in itertools.product((1.0, -1.0), repeat=len(chosen) - 1):
            moved = whole[:, chosen] @ np.array([1.0, *signs])
            worst = max(worst, float(np.linalg.norm(moved)))
    assert worst <= claimed
    # Computed, not merely bounded.
    assert worst == pytest.approx(claimed, rel=1e-9)


def test_contributions_that_are_vectors_move_no_more() -> None:
    rng = np.random.default_rng(11)
    whole, claimed = matrix(STRATEGIES[1], 12), STRATEGIES[1].sensitivity(12, 2)
    for _ in range(300):
        each = rng.normal(size=(6, 3))
        each /= np.linalg.norm(each, axis=1, keepdims=True)
        assert np.linalg.norm(whole[:, ::2] @ each) <= claimed


def test_with_as_many_bands_as_steps_between_the_columns_do_not_overlap() -> None:
    strategy = Banded((1.0, 0.5, 0.25))
    norm = math.sqrt(1 + 0.25 + 0.0625)
    assert strategy.sensitivity(12, 3) == pytest.approx(2 * norm)
    # The mutant that takes this for granted is wrong where they do overlap.
    assert strategy.sensitivity(12, 2) > math.sqrt(6) * norm * 1.1


def test_the_whole_training_is_one_gaussian() -> None:
    strategy = Banded((1.0, 0.5, 0.25))
    mechanism = CorrelatedGaussian(1.5, 100, 5, strategy)
    assert mechanism.epsilon(1e-5) == GaussianReleases(1.5).epsilon(1e-5)
    assert mechanism.draw_deviation == 1.5 * strategy.sensitivity(100, 5)
    # One band: every epoch is a Gaussian of its own, and σ counts for all of them together.
    plain = CorrelatedGaussian(1.5, 100, 5, Banded((1.0,)))
    assert plain.draw_deviation == pytest.approx(1.5 * math.sqrt(20))


def test_bands_that_take_turns_are_poisson_sampled_gaussians() -> None:
    mechanism = CyclicBandedGaussian(1.2, 102, 10, 0.2, Banded((1.0, 0.5, 0.25)))
    assert mechanism.epsilon(1e-5) == PoissonGaussian(0.2, 1.2, 11).epsilon(1e-5)
    assert mechanism.draw_deviation == pytest.approx(1.2 * math.sqrt(1.3125))


def test_the_noise_is_as_large_as_the_mechanism_says() -> None:
    strategy, count, steps = best_banded(4, 12, 4), 20_000, 12
    schedule = Schedule(ShuffledSampler(4, fixed=True), 1.3, steps, strategy)
    made = schedule.noise(SecretStream(SEED), count, 2.0)
    running = np.cumsum([made.noisy_sum(np.zeros(count), t) for t in range(1, steps + 1)], axis=0)
    measured = math.sqrt(float((running**2).mean())) / (1.3 * 2.0)
    # 20,000 independent coordinates: the mean square is off by less than 5 % but for once in 10^6.
    assert measured == pytest.approx(running_error(strategy, steps, 4), rel=0.025)


def tree_error(steps: int) -> float:
    """Return the running error of the binary tree that Kairouz et al. 2021 start from."""
    height = math.ceil(math.log2(steps + 1))
    nodes = sum(t.bit_count() for t in range(1, steps + 1)) / steps
    return math.sqrt(height * nodes)


@pytest.mark.parametrize("steps", [64, 1000])
def test_the_best_noise_beats_independent_noise_and_trees(steps: int) -> None:
    independent = running_error(Banded((1.0,)), steps, steps)
    assert independent == pytest.approx(math.sqrt((steps + 1) / 2))
    root = Banded((1.0, *np.cumprod(1 - 1 / (2 * np.arange(1, steps))).tolist()))
    best = running_error(best_blt(3, steps, steps), steps, steps)
    assert best < running_error(root, steps, steps) < tree_error(steps) < independent
    assert running_error(best_banded(steps, steps, steps), steps, steps) <= best * 1.001
    few = running_error(best_banded(steps // 4, steps, steps), steps, steps)
    assert few < tree_error(steps)


def test_the_best_noise_counts_that_units_come_again() -> None:
    steps, separation = 200, 20
    once = best_banded(20, steps, steps)
    again = best_banded(20, steps, separation)
    assert running_error(again, steps, separation) <= running_error(once, steps, separation)
    independent = running_error(Banded((1.0,)), steps, separation)
    assert running_error(again, steps, separation) < 0.4 * independent
    assert running_error(best_blt(3, steps, separation), steps, separation) < 0.4 * independent
    # Units in every step: nothing can be taken back at a gain.
    full = running_error(best_blt(2, 50, 1), 50, 1)
    assert full == pytest.approx(running_error(Banded((1.0,)), 50, 1), rel=1e-3)


def test_sampled_groups_with_bands_beat_both_extremes() -> None:
    steps, rate, epsilon = 400, 0.02, 8.0

    def error(schedule: Schedule) -> float:
        assert schedule.strategy is not None
        noise = running_error(schedule.strategy, steps, steps)
        return schedule.noise_multiplier * noise

    chosen = Schedule.cyclic(epsilon, 1e-5, rate, steps)
    assert isinstance(chosen.sampler, CyclicSampler)
    assert chosen.mechanism.epsilon(1e-5) <= epsilon
    assert chosen.sampler.expected(1000) == pytest.approx(1000 * rate)
    plain = Schedule.cyclic(epsilon, 1e-5, rate, steps, most_bands=1)
    assert plain.mechanism.epsilon(1e-5) == PoissonGaussian(
        rate, plain.noise_multiplier, steps
    ).epsilon(1e-5)
    batches = round(1 / rate)
    fixed = Schedule.calibrated(
        epsilon,
        1e-5,
        ShuffledSampler(batches, fixed=True),
        steps,
        strategy=best_banded(32, steps, batches),
    )
    assert fixed.strategy is not None
    unsampled = fixed.noise_multiplier * running_error(fixed.strategy, steps, batches)
    assert error(chosen) < 0.9 * min(error(plain), unsampled)


def test_an_optimum_is_one() -> None:
    best = best_banded(3, 40, 10)
    for place in (1, 2):
        for move in (-1e-3, 1e-3):
            other = list(best.coefficients)
            other[place] += move
            assert running_error(Banded(tuple(other)), 40, 10) >= running_error(best, 40, 10)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Banded(()),
        lambda: Banded((0.5,)),
        lambda: Banded((1.0, math.nan)),
        lambda: Blt((0.8, 0.8), (0.5, 0.5)),
        lambda: Blt((0.5,), (1.0,)),
        lambda: Blt((0.5,), (0.5, 0.5)),
        lambda: Blt((-0.5,), (0.5,)),
        lambda: best_banded(0, 10, 10),
        lambda: best_banded(11, 10, 10),
        lambda: best_blt(0, 10, 10),
        lambda: Banded((1.0,)).sensitivity(10, 0),
        lambda: Strategy.from_json({"tree": []}),
    ],
)
def test_a_noise_without_meaning_is_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(InputError):
        make()
