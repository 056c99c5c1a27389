"""If this fails, noise in shares is not what was accounted, or its account is too small."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import dp_accounting
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from strongroom.errors import InputError
from strongroom.privacy import (
    DistributedGaussian,
    GaussianReleases,
    Mechanism,
    Relation,
    SecretStream,
    calibrate_noise,
    compose_epsilon,
    decode_private,
    encode_private,
)
from strongroom.privacy._discrete import discrete_gaussian
from strongroom.privacy._kernels_discrete import discrete_gaussians
from strongroom.privacy.mechanisms._profiles import concentrated_profile

SEED = bytes(range(32))
FALSE_ALARM = 1e-4  # on fixed coins: no test below can flicker
ADD = Relation.ADD_OR_REMOVE_ONE


def chances(scale: float, reach: int) -> np.ndarray:
    """Return the chances of N_Z(0, scale²) at -reach, …, reach."""
    places = np.arange(-reach, reach + 1, dtype=np.float64)
    weights = np.exp(-(places**2) / (2 * scale**2))
    found: np.ndarray = weights / weights.sum()
    return found


# --- the draws


@pytest.mark.parametrize("scale", [1, 2, 3, 7, 20])
def test_draws_have_the_chances_of_the_discrete_gaussian(scale: int) -> None:
    count = 200_000
    draws = discrete_gaussian(SecretStream(SEED), "noise", scale, count, scale)
    expected = chances(scale, 40 * scale) * count
    reach = max(k for k in range(40 * scale) if expected[40 * scale + k] >= 10)
    seen = np.array([(draws == k).sum() for k in range(-reach, reach + 1)])
    middle = expected[40 * scale - reach : 40 * scale + reach + 1]
    outside = count - seen.sum()
    table = np.append(seen, outside), np.append(middle, count - middle.sum())
    assert stats.chisquare(table[0], table[1] * (count / table[1].sum())).pvalue > FALSE_ALARM


@pytest.mark.parametrize("scale", [1000, 2**20 + 1, 2**31 - 1])
def test_wide_draws_are_normal_in_shape_and_even_in_their_last_bits(scale: int) -> None:
    draws = discrete_gaussian(SecretStream(SEED), "noise", 1, 100_000, scale)
    assert stats.kstest(draws / scale, "norm").pvalue > FALSE_ALARM
    assert stats.chisquare(np.bincount(draws & 15, minlength=16)).pvalue > FALSE_ALARM
    squares = float((draws / scale) ** 2 @ np.ones(draws.size))
    assert (
        min(stats.chi2.cdf(squares, draws.size), stats.chi2.sf(squares, draws.size)) > FALSE_ALARM
    )
    apart = draws[:-1].astype(float) @ draws[1:].astype(float) / scale**2 / draws.size
    assert abs(apart) < 5 / math.sqrt(draws.size)


class _Plain:
    """Algorithms 1 to 3 of Canonne, Kamath and Steinke 2020 in whole Python numbers."""

    def __init__(self, words: np.ndarray) -> None:
        self.words = iter(words.tolist())

    def below(self, bound: int) -> int:
        while True:
            word = next(self.words)
            if word < 2**64 // bound * bound:
                return word % bound  # type: ignore[no-any-return]

    def exponential(self, gamma: Fraction, below: int) -> bool:
        k = 1
        while True:
            # A coin of chance gamma / k: one of gamma, then one of 1 / k.
            if self.below(below) >= gamma * below or (k > 1 and self.below(k) > 0):
                return k % 2 == 1
            k += 1

    def draw(self, scale: int) -> int:
        while True:
            part = self.below(scale)
            if not self.exponential(Fraction(part, scale), scale):
                continue
            whole = 0
            while self.exponential(Fraction(1), 1):
                whole += 1
            minus = self.below(2) == 1
            if minus and part + whole * scale == 0:
                continue
            if self.kept(part, whole, scale):
                size = part + whole * scale
                return -size if minus else size

    def kept(self, part: int, whole: int, scale: int) -> bool:
        square = 2 * scale * scale
        if whole == 0:
            return self.exponential(Fraction((scale - part) ** 2, square), square)
        tosses = [(Fraction(1, 2), 2)] * (whole - 1) ** 2
        tosses += [(Fraction(part, scale), scale)] * (whole - 1)
        tosses += [(Fraction(part * part, square), square)]
        total = sum(gamma for gamma, _ in tosses)
        assert total == Fraction((part + whole * scale - scale) ** 2, square)
        return all(self.exponential(gamma, below) for gamma, below in tosses)


@pytest.mark.parametrize("scale", [1, 2, 5, 1000, 2**31 - 1])
def test_the_kernel_is_the_plain_algorithm(scale: int) -> None:
    words = SecretStream(SEED).words("noise", 5, 60_000)
    out = np.empty(1000, np.int64)
    used = discrete_gaussians(words, np.uint64(scale), out)
    plain = _Plain(words)
    assert out.tolist() == [plain.draw(scale) for _ in range(1000)]
    assert sum(1 for _ in plain.words) == len(words) - used


def test_too_few_words_are_told_and_more_give_the_same_draws() -> None:
    words = SecretStream(SEED).words("noise", 5, 60_000)
    whole, out = np.empty(100, np.int64), np.empty(100, np.int64)
    used = discrete_gaussians(words, np.uint64(9), whole)
    assert discrete_gaussians(words[:used], np.uint64(9), out) == used
    np.testing.assert_array_equal(out, whole)
    for few in range(0, used, 97):
        assert discrete_gaussians(words[:few], np.uint64(9), out) > few


def test_draws_depend_on_their_address_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = SecretStream(SEED)
    first = discrete_gaussian(stream, "noise", 1, 500, 1000)
    discrete_gaussian(stream, "noise", 2, 50, 1000)
    np.testing.assert_array_equal(discrete_gaussian(stream, "noise", 1, 500, 1000), first)
    assert (discrete_gaussian(stream, "noise", 2, 500, 1000) != first).mean() > 0.9
    monkeypatch.setattr("strongroom.privacy._discrete._TOGETHER", 64)
    monkeypatch.setattr("strongroom.privacy._discrete._SLACK", 1)
    parts = discrete_gaussian(stream, "noise", 1, 500, 1000)
    np.testing.assert_array_equal(parts[:64], first[:64])
    assert len(set(parts.tolist())) > 400


@pytest.mark.parametrize("scale", [0, -1, 2**31])
def test_scales_that_cannot_be_drawn(scale: int) -> None:
    with pytest.raises(InputError):
        discrete_gaussian(SecretStream(SEED), "noise", 1, 1, scale)


# --- the account


def _paper(  # Kairouz, Liu and Steinke 2021, theorem 1 and proposition 14, written anew
    *, scale: float, sites: int, moved: float, dimension: int, steps: int, delta: float
) -> float:
    tau = 10 * sum(math.exp(-2 * math.pi**2 * scale**2 * k / (k + 1)) for k in range(1, sites))
    mu = moved / (math.sqrt(sites) * scale)
    best = math.inf
    for order in np.concatenate([np.arange(1.01, 20, 0.01), np.arange(20, 500)]):
        divergence = min(
            order / 2 * mu**2 + tau * dimension,
            order / 2 * (mu + math.sqrt(dimension) * tau) ** 2,
        )
        # Canonne, Kamath and Steinke 2020, proposition 12.
        extra = math.log(1 / delta) / (order - 1) + math.log1p(-1 / order)
        best = min(best, steps * divergence + extra - math.log(order) / (order - 1))
    return best


@pytest.mark.parametrize(
    ("noise", "steps", "sites", "dimension", "resolution"),
    [(1.0, 1, 3, 100, 1 << 14), (5.0, 20, 2, 10_000, 1 << 19), (2.0, 10, 8, 50, 64),
     (3.0, 5, 4, 200, 8), (40.0, 50, 60, 1000, 1 << 17)],
)  # fmt: skip
def test_epsilon_is_between_the_gaussians_and_the_papers(
    noise: float, steps: int, sites: int, dimension: int, resolution: int
) -> None:
    mechanism = DistributedGaussian(noise, steps, sites, dimension, resolution)
    moved = resolution + math.sqrt(dimension)
    paper = _paper(
        scale=mechanism.scale, sites=sites, moved=moved * 1.001, dimension=dimension,
        steps=steps, delta=1e-5,
    )  # fmt: skip
    effective = mechanism.scale * math.sqrt(sites) / moved
    gaussian = GaussianReleases(effective, steps).epsilon(1e-5)
    found = mechanism.epsilon(1e-5)
    assert gaussian * (1 - 1e-9) <= found <= paper * 1.01 + 1e-3
    # And by dp-accounting's own accountant, from the event.
    rdp = dp_accounting.rdp.RdpAccountant()
    rdp.compose(mechanism.event)
    assert found <= rdp.get_epsilon(1e-5) + 1e-3


def test_on_a_fine_grid_it_costs_what_one_gaussian_costs() -> None:
    for epsilon, steps in ((1.0, 1), (3.0, 50)):

        def make(noise: float, steps: int = steps) -> DistributedGaussian:
            return DistributedGaussian.on_fine_grid(noise, steps, contributors=3, dimension=10_000)

        def alone(noise: float, steps: int = steps) -> GaussianReleases:
            return GaussianReleases(noise, steps)

        made, plain = calibrate_noise(epsilon, 1e-5, make), calibrate_noise(epsilon, 1e-5, alone)
        assert plain.noise_multiplier < made.noise_multiplier < 1.002 * plain.noise_multiplier
        assert made.epsilon(1e-5) <= epsilon
        assert made.sensitivity <= made.resolution * (1 + 2**-11)


def test_a_loss_that_means_nothing_is_still_bounded() -> None:
    for noise in (0.04, 0.001):  # its distribution would fill the memory
        mechanism = DistributedGaussian.on_fine_grid(noise, 1, contributors=2, dimension=100)
        exact = GaussianReleases(noise).epsilon(1e-5)
        assert exact * 0.999 <= mechanism.epsilon(1e-5) <= exact * 2


def _exact_delta(scale: float, sites: int, shift: int, epsilon: float) -> float:
    """Return δ of one coordinate, by convolving the very distributions; both ways."""
    reach = math.ceil(14 * scale)
    one = chances(scale, reach)
    total = one
    for _ in range(sites - 1):
        total = np.convolve(total, one)
    here = np.concatenate([total, np.zeros(shift)])
    there = np.concatenate([np.zeros(shift), total])
    ways = (here - math.exp(epsilon) * there, there - math.exp(epsilon) * here)
    return max(float(np.maximum(way, 0).sum()) for way in ways)


@pytest.mark.parametrize(("noise", "sites", "resolution"), [(1.5, 3, 10), (3, 2, 40), (1, 2, 200)])
def test_epsilon_bounds_the_exact_loss_of_one_coordinate_and_is_near_it(
    noise: float, sites: int, resolution: int
) -> None:
    mechanism = DistributedGaussian(noise, 1, sites, 1, resolution)
    moved = resolution + 1  # whole steps: the clip norm, and half a step of rounding twice
    forgotten = math.ceil(noise * resolution / math.sqrt(sites))
    too_many = math.ceil(noise * moved / math.sqrt(sites + 1))
    for delta in (1e-3, 1e-6):
        epsilon = mechanism.epsilon(delta)
        assert _exact_delta(mechanism.scale, sites, moved, epsilon) <= delta
        assert _exact_delta(mechanism.scale, sites, moved, 0.8 * epsilon) > delta
        # Noise that forgets rounding, and a share for one site more than there are, are too little.
        assert _exact_delta(forgotten, sites, moved, epsilon) > delta
        assert _exact_delta(too_many, sites, moved, epsilon) > delta


def test_the_distance_to_continuous_noise_is_a_bound() -> None:
    mechanism = DistributedGaussian(3.0, 1, 2, 1, 5)
    variance = 2 * mechanism.scale**2
    deviation = math.sqrt(variance)
    reach = math.floor(21 * deviation)
    places = np.arange(-reach, reach + 1)
    weights = np.exp(-(places**2) / (2 * variance))
    high = stats.norm.logcdf(-(np.abs(places) - 0.5) / deviation)
    low = stats.norm.logcdf(-(np.abs(places) + 0.5) / deviation)
    rounded = high + np.log1p(-np.exp(low - high))
    ratio = rounded - np.log(weights / weights.sum())
    assert (ratio.max() - ratio.min()) <= mechanism._distance
    assert mechanism._distance <= 30 * (ratio.max() - ratio.min())


def test_the_sum_of_two_draws_is_as_near_to_one_as_told() -> None:
    for noise in (0.5, 0.8, 1.2):
        mechanism = DistributedGaussian(noise, 1, 2, 1, 1)
        scale = mechanism.scale
        reach = 12 * scale
        both = np.convolve(chances(scale, reach), chances(scale, reach))
        one = chances(scale * math.sqrt(2), 2 * reach)
        near = slice(2 * reach - 6 * scale, 2 * reach + 6 * scale + 1)
        assert np.abs(np.log(both[near] / one[near])).max() <= mechanism.excess + 1e-12


def test_what_sums_of_discrete_gaussians_are_off_by_is_paid_for() -> None:
    mechanism = DistributedGaussian(0.1, 1, 20, 1000, 1)
    assert mechanism.scale == 1
    tau = 10 * sum(math.exp(-2 * math.pi**2 * k / (k + 1)) for k in range(1, 20))
    moved = mechanism.sensitivity / math.sqrt(20)
    expected = (moved + tau * math.sqrt(1000)) ** 2 / 2
    assert mechanism.concentration(ADD) == pytest.approx(expected, rel=1e-12)
    assert expected > 1.001 * moved**2 / 2


@given(st.floats(0.05, 5), st.floats(0, 20))
def test_the_concentrated_profile_bounds_the_gaussians(rho: float, epsilon: float) -> None:
    from strongroom.privacy.mechanisms._profiles import gaussian_profile

    at = np.array([epsilon])
    exact = gaussian_profile(math.sqrt(2 * rho))(at)[0]
    assert exact <= concentrated_profile(rho, at)[0] * (1 + 1e-9) + 1e-300


def test_replacing_costs_as_a_doubled_norm() -> None:
    mechanism = DistributedGaussian.on_fine_grid(4.0, 3, contributors=2, dimension=100)
    twice = DistributedGaussian.on_fine_grid(2.0, 3, contributors=2, dimension=100)
    found = compose_epsilon([mechanism], 1e-5, relation=Relation.REPLACE_ONE)
    assert found == pytest.approx(twice.epsilon(1e-5), rel=1e-3)


# --- what the account hangs on


@given(
    st.integers(1, 60), st.integers(1, 60), st.floats(0.1, 20), st.integers(1, 10**6),
    st.integers(1, 2**20),
)  # fmt: skip
def test_contributors_have_the_noise_together(
    sites: int, more: int, noise: float, dimension: int, resolution: int
) -> None:
    mechanism = DistributedGaussian(noise, 1, sites, dimension, resolution)
    together = math.sqrt(sites) * mechanism.scale
    assert together >= noise * mechanism.sensitivity * (1 - 1e-12)
    assert mechanism.sensitivity > resolution + math.sqrt(dimension)
    # If the noise were shared out among more, it would be too weak for these.
    shared = replace(mechanism, contributors=sites + more)
    assert shared.scale <= mechanism.scale
    assert mechanism.concentration(ADD) <= 1 / (2 * noise**2) * (1 + 1e-9) + (
        mechanism.excess
        * math.sqrt(dimension)
        * (1 / noise + mechanism.excess * math.sqrt(dimension))
    )


FOUR = st.lists(st.floats(-1, 1), min_size=4, max_size=4)


@given(FOUR, FOUR, st.floats(1e-3, 1e3), st.integers(1, 1000))
@settings(deadline=None)
def test_rounded_neighbours_are_no_farther_apart_than_told(
    rest: list[float], unit: list[float], clip: float, resolution: int
) -> None:
    mechanism = DistributedGaussian(1.0, 1, 2, 4, resolution)
    moved = np.array(unit)
    moved *= clip / max(float(np.linalg.norm(moved)), 1e-9)
    moved *= 1 - 1e-12
    with_it = encode_private(
        np.array(rest) * clip + moved, clip, mechanism, SecretStream(SEED), "n", 1
    )
    without = encode_private(np.array(rest) * clip, clip, mechanism, SecretStream(SEED), "n", 1)
    assert np.linalg.norm(with_it - without) <= mechanism.sensitivity


def test_rounding_moves_neighbours_beyond_the_clip_norm() -> None:
    """What would be missed if rounding were forgotten: half a step twice, in each coordinate."""
    mechanism = DistributedGaussian(1.0, 1, 2, 400, 10)
    rest = np.full(400, 0.049999)  # in steps of 0.1: just below a half
    unit = np.full(400, 1 / 20)  # norm 1
    one, other = (
        encode_private(v, 1.0, mechanism, SecretStream(SEED), "n", 1) for v in (rest + unit, rest)
    )
    moved = np.linalg.norm(one - other)
    assert moved > 1.5 * mechanism.resolution
    assert moved <= mechanism.sensitivity


def test_a_sum_of_sites_is_the_sum_and_its_noise_the_accounted() -> None:
    mechanism = DistributedGaussian.on_fine_grid(1.5, 1, contributors=3, dimension=20_000)
    clip, drawn = 0.7, np.random.default_rng(0)
    vectors = drawn.normal(size=(5, 20_000)) * 0.01
    encoded = [
        encode_private(v, clip, mechanism, SecretStream(bytes([k] * 32)), "noise", 1)
        for k, v in enumerate(vectors)
    ]
    noise = decode_private(np.sum(encoded[:3], axis=0), clip, mechanism) - vectors[:3].sum(axis=0)
    deviation = 1.5 * clip * mechanism.sensitivity / mechanism.resolution
    assert stats.kstest(noise / deviation, "norm").pvalue > FALSE_ALARM
    # Two more sites: more noise, never less.
    more = decode_private(np.sum(encoded, axis=0), clip, mechanism) - vectors.sum(axis=0)
    assert more.std() / deviation == pytest.approx(math.sqrt(5 / 3), rel=0.02)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_numbers_that_cannot_be_rounded_are_refused(bad: float) -> None:
    mechanism = DistributedGaussian(1.0, 1, 2, 3, 16)
    with pytest.raises(InputError):
        encode_private(np.array([0.0, bad, 0.0]), 1.0, mechanism, SecretStream(SEED), "n", 1)
    with pytest.raises(InputError, match="where 3 are accounted"):
        encode_private(np.zeros(2), 1.0, mechanism, SecretStream(SEED), "n", 1)


def test_a_field_without_room_is_refused_and_the_hint_mends_it() -> None:
    mechanism = DistributedGaussian.on_fine_grid(5.0, 1, contributors=2, dimension=10_000)
    mechanism.check_field(64, 100, 1e6)
    with pytest.raises(InputError) as caught:
        mechanism.check_field(32, 100, 10)
    resolution = int(str(caught.value.hint).split()[3].replace(",", ""))
    replace(mechanism, resolution=resolution).check_field(32, 100, 10)


def test_it_is_read_back_and_bad_facts_are_refused() -> None:
    mechanism = DistributedGaussian.on_fine_grid(2.0, 7, contributors=4, dimension=33)
    assert Mechanism.from_json(mechanism.to_json()) == mechanism
    for facts in ({"noise_multiplier": 0.0}, {"steps": 0}, {"contributors": 0}, {"dimension": 0},
                  {"resolution": 0}, {"noise_multiplier": 1e9}):  # fmt: skip
        with pytest.raises(InputError):
            replace(mechanism, **facts)
