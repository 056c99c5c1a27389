"""If this fails, a release is accounted as a cheaper one, or a ledger can't be read again."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import dp_accounting
import numpy as np
import pytest
from dp_accounting.rdp import RdpAccountant
from scipy.special import ndtr

from strongroom.errors import InputError
from strongroom.privacy import (
    Accountant,
    AdaptiveClippingGaussian,
    BallsInBinsGaussian,
    Banded,
    Blt,
    CorrelatedGaussian,
    CyclicBandedGaussian,
    FixedSizeGaussian,
    GaussianReleases,
    LaplaceReleases,
    Mechanism,
    PoissonGaussian,
    PureReleases,
    Relation,
    RepeatedSelection,
    ShuffledGaussian,
    compose_epsilon,
)
from strongroom.privacy.mechanisms._profiles import _convex

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS: tuple[Mechanism, ...] = (
    PoissonGaussian(0.1, 1.25, 7),
    AdaptiveClippingGaussian(0.1, 1.25, 12.0, 7),
    GaussianReleases(2.5, 3),
    LaplaceReleases(2.5, 3),
    PureReleases(0.5, 3),
    ShuffledGaussian(1.5, 30, 10),
    FixedSizeGaussian(1000, 10, 1.25, 7),
    BallsInBinsGaussian(3.0, 30, 10),
    CorrelatedGaussian(1.25, 30, 10, Banded((1.0, 0.5))),
    CorrelatedGaussian(1.25, 30, 10, Blt((0.5, 0.25), (0.5, 0.9))),
    CyclicBandedGaussian(1.25, 30, 10, 0.1, Banded((1.0, 0.5))),
    RepeatedSelection((GaussianReleases(9.0), PoissonGaussian(0.1, 1.25, 7)), 10.0, 0.5),
    RepeatedSelection((PoissonGaussian(0.1, 1.25, 7),), 10.0, None),
)


@pytest.mark.parametrize("mechanism", KINDS, ids=lambda m: m.TYPE)
def test_every_kind_survives_json_and_says_what_a_statement_needs(mechanism: Mechanism) -> None:
    document = json.loads(json.dumps(mechanism.to_json()))
    again = Mechanism.from_json(document)
    assert again == mechanism
    assert hash(again) == hash(mechanism)
    assert again.to_json() == mechanism.to_json()
    assert 0 < mechanism.sampling_rate <= 1
    assert mechanism.noise_multiplier > 0
    assert mechanism.steps >= 1
    assert isinstance(mechanism.event, dp_accounting.DpEvent)
    assert 0 < mechanism.epsilon(1e-5) < 100
    with pytest.raises(InputError, match="damaged"):
        Mechanism.from_json({**document, "more": 1})
    with pytest.raises(InputError, match="damaged"):
        Mechanism.from_json(dict(list(document.items())[:-1]))
    first = next(name for name in document if name != "type")
    with pytest.raises(InputError, match="damaged"):
        Mechanism.from_json({**document, first: "much"})


def test_an_event_of_the_first_version_is_still_read() -> None:
    old = {"type": "poisson_gaussian", "sampling_rate": 0.1, "noise_multiplier": 1.25, "steps": 7}
    assert Mechanism.from_json(old) == PoissonGaussian(0.1, 1.25, 7)


@pytest.mark.parametrize("mechanism", KINDS, ids=lambda m: m.TYPE)
def test_more_noise_never_costs_more_and_more_steps_never_less(mechanism: Mechanism) -> None:
    plain = mechanism.to_json()
    if "noise_multiplier" in plain:
        quieter = Mechanism.from_json({**plain, "noise_multiplier": mechanism.noise_multiplier / 2})
        assert quieter.epsilon(1e-5) > mechanism.epsilon(1e-5)
    if "steps" in plain and not isinstance(mechanism, CorrelatedGaussian):
        longer = Mechanism.from_json({**plain, "steps": mechanism.steps * 2})
        assert longer.epsilon(1e-5) > mechanism.epsilon(1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: GaussianReleases(0.0),
        lambda: GaussianReleases(1.0, 0),
        lambda: LaplaceReleases(-1.0),
        lambda: PureReleases(math.inf),
        lambda: AdaptiveClippingGaussian(0.1, 1.0, 0.0, 5),
        lambda: ShuffledGaussian(1.0, 5, 0),
        lambda: FixedSizeGaussian(10, 11, 1.0, 5),
        lambda: BallsInBinsGaussian(1.0, 5, 0),
        lambda: CyclicBandedGaussian(1.0, 30, 1, 0.1, Banded((1.0, 0.5))),
        lambda: CyclicBandedGaussian(1.0, 30, 9, 0.1, Blt((0.5,), (0.5,))),
        lambda: RepeatedSelection((), 10.0),
        lambda: RepeatedSelection((GaussianReleases(1.0),), 0.5),
        lambda: RepeatedSelection((GaussianReleases(1.0),), 5.0, -0.5),
        lambda: RepeatedSelection((PoissonGaussian(0.1, 1.0, 5), KINDS[6]), 5.0),
    ],
)
def test_a_mechanism_without_meaning_is_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(InputError):
        make()


def test_a_clip_norm_that_adapts_costs_what_gradients_and_bits_cost_together() -> None:
    # The worst unit moves the gradients by 1 and the sum of b - 1/2 by 1/2, independent noise on
    # each: one Gaussian at the length of the whitened move.
    sigma, deviation = 1.1, 3.0
    move = np.array([1 / sigma, 0.5 / deviation])
    mechanism = AdaptiveClippingGaussian(1.0, sigma, deviation, 1)
    assert 1 / mechanism.effective == pytest.approx(float(np.linalg.norm(move)), rel=1e-12)
    apart = compose_epsilon([GaussianReleases(sigma), GaussianReleases(2 * deviation)], 1e-5)
    assert mechanism.epsilon(1e-5) == pytest.approx(apart, rel=1e-9)
    assert mechanism.epsilon(1e-5) > GaussianReleases(sigma).epsilon(1e-5)


def test_noise_is_split_between_gradients_and_bits() -> None:
    made = AdaptiveClippingGaussian.split(
        sampling_rate=0.1, effective=1.0, count_deviation=12.0, steps=5
    )
    assert made.effective == pytest.approx(1.0)
    assert made.noise_multiplier > 1.0
    with pytest.raises(InputError, match="leaves nothing"):
        AdaptiveClippingGaussian.split(
            sampling_rate=0.1, effective=1.0, count_deviation=0.5, steps=5
        )


def shuffled_leak(batches: int, sigma: float, epsilon: float) -> float:
    """Return a lower bound on the δ of one epoch of shuffled batches, blanking one unit.

    Everybody else pulls down by 1 in batches so large that only differences count: with the unit,
    its batch stands out by 2, blank by 1. The attacker looks whether the highest sum passes a
    threshold (after Chua et al. 2024).
    """
    threshold = np.linspace(0, 12 * sigma + 3, 4000)
    others = ndtr(threshold / sigma) ** (batches - 1)
    present = 1 - others * ndtr((threshold - 2) / sigma)
    blank = 1 - others * ndtr((threshold - 1) / sigma)
    return float(np.max(present - math.exp(epsilon) * blank))


def test_shuffling_is_not_worth_what_poisson_sampling_is() -> None:
    batches, sigma, delta = 100, 0.4, 1e-5
    mutant = PoissonGaussian(1 / batches, sigma, batches)
    assert shuffled_leak(batches, sigma, mutant.epsilon(delta)) > 3 * delta
    honest = ShuffledGaussian(sigma, batches, batches)
    assert shuffled_leak(batches, sigma, honest.epsilon(delta)) < delta
    assert honest.epsilon(delta) > mutant.epsilon(delta)


def test_a_begun_epoch_of_shuffled_batches_counts_whole() -> None:
    assert ShuffledGaussian(2.0, 11, 10).epochs == 2
    one = ShuffledGaussian(2.0, 10, 10).epsilon(1e-5)
    assert one == pytest.approx(GaussianReleases(2.0).epsilon(1e-5))
    assert ShuffledGaussian(2.0, 11, 10).epsilon(1e-5) == pytest.approx(
        GaussianReleases(2.0, 2).epsilon(1e-5)
    )


def replaced_leak(rate: float, sigma: float, epsilon: float) -> float:
    """Integrate the δ of one step in which the unit pulls up, or down, when it is in the batch."""
    x, step = np.linspace(-12 * sigma - 1, 12 * sigma + 1, 400_001, retstep=True)

    def density(at: float) -> np.ndarray:
        return np.asarray(np.exp(-((x - at) ** 2) / (2 * sigma**2)))

    up = (1 - rate) * density(0.0) + rate * density(1.0)
    down = (1 - rate) * density(0.0) + rate * density(-1.0)
    over = np.maximum(up - math.exp(epsilon) * down, 0).sum() * step
    return float(over / (sigma * math.sqrt(2 * math.pi)))


def test_replacing_moves_a_fixed_size_batch_by_twice_the_clip_norm() -> None:
    rate, sigma, delta = 0.9, 6.0, 1e-4
    honest = FixedSizeGaussian(1000, 900, sigma, 1)
    assert replaced_leak(rate, sigma, honest.epsilon(delta)) < delta
    # The mutant takes σ over the clip norm for σ over what a replacement moves.
    dp = dp_accounting
    event = dp.SampledWithoutReplacementDpEvent(1000, 900, dp.GaussianDpEvent(sigma))
    mutant = RdpAccountant(neighboring_relation=dp.NeighboringRelation.REPLACE_ONE)
    assert replaced_leak(rate, sigma, mutant.compose(event).get_epsilon(delta)) > delta


def test_fixed_size_batches_agree_with_the_papers_formula_at_order_two() -> None:
    # Wang et al. 2019, theorem 27 at α = 2 for a Gaussian that moves by 2.
    rate, sigma = 0.05, 3.0
    divergence = 2 * (2 / sigma) ** 2 / 2
    inner = min(4 * math.expm1(divergence), 2 * math.exp(divergence))
    accountant = RdpAccountant([2.0], dp_accounting.NeighboringRelation.REPLACE_ONE)
    accountant.compose(FixedSizeGaussian(1000, 50, sigma, 3).event)
    assert accountant.rdp[0] == pytest.approx(3 * math.log1p(rate**2 * inner), rel=1e-12)


def test_a_batch_of_everybody_is_a_plain_gaussian() -> None:
    everybody = FixedSizeGaussian(50, 50, 4.0, 10)
    relation = Relation.REPLACE_ONE
    plain = compose_epsilon([GaussianReleases(4.0, 10)], 1e-5, relation=relation)
    assert everybody.epsilon(1e-5) == pytest.approx(plain)


def thrown(bins: int, sigma: float, *, present: bool) -> NDArray[np.float64]:
    """Draw the loss of 100,000 epochs: log of the mean of e^l, upside down without the unit."""
    trials = 100_000
    rng = np.random.default_rng(5)
    x = sigma * rng.standard_normal((trials, bins), dtype=np.float32)
    if present:
        x[np.arange(trials), rng.integers(bins, size=trials)] += 1
    loss: NDArray[np.float64] = np.log(np.exp((x - 0.5) / sigma**2).mean(axis=1, dtype=np.float64))
    return loss if present else -loss


@pytest.mark.parametrize(("bins", "sigma"), [(20, 1.0), (60, 0.6), (3, 2.0)])
def test_the_loss_of_balls_in_bins_is_the_simulated_one_and_never_smaller(
    bins: int, sigma: float
) -> None:
    losses = BallsInBinsGaussian(sigma, bins, bins).losses(Relation.ADD_OR_REMOVE_ONE, 5e-4)
    for present, side in ((True, losses._pmf_remove), (False, losses._pmf_add)):
        drawn = thrown(bins, sigma, present=present)
        for epsilon in (0.0, 0.1, 0.3, 0.6):
            excess = np.maximum(-np.expm1(epsilon - drawn), 0)
            claimed, error = side.get_delta_for_epsilon(epsilon), excess.std() / math.sqrt(1e5)
            # Five standard errors: a false alarm in 3 million.
            assert claimed > excess.mean() - 5 * error
            assert claimed < excess.mean() * 1.02 + 5 * error


def test_what_balls_in_bins_are_worth() -> None:
    bins, sigma, delta = 100, 1.0, 1e-5
    thrown_, known = BallsInBinsGaussian(sigma, bins, bins), ShuffledGaussian(sigma, bins, bins)
    poisson = PoissonGaussian(1 / bins, sigma, bins)
    # Feldman and Shenfeld 2025: at least as good as Poisson sampling here, far from a known order.
    assert 0.6 < thrown_.epsilon(delta) < poisson.epsilon(delta) < known.epsilon(delta) / 5
    two = BallsInBinsGaussian(sigma, 2 * bins, bins)
    assert thrown_.epsilon(delta) < two.epsilon(delta) < 2 * thrown_.epsilon(delta / 2)
    assert BallsInBinsGaussian(sigma, bins + 1, bins).epsilon(delta) == two.epsilon(delta)


@pytest.mark.parametrize(("bins", "sigma"), [(1, 2.0), (20, 0.45)])
def test_balls_in_bins_never_cost_more_than_a_known_bin(bins: int, sigma: float) -> None:
    known = ShuffledGaussian(sigma, bins, bins).epsilon(1e-5)
    assert BallsInBinsGaussian(sigma, bins, bins).epsilon(1e-5) <= known * (1 + 1e-4)


def test_a_dent_in_a_bound_is_lowered_to_what_is_still_one() -> None:
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    lowered = _convex(x, np.array([4.0, 1.0, 2.0, 0.25, 0.0]))
    assert lowered.tolist() == [4.0, 1.0, 0.625, 0.25, 0.0]


def test_fixed_size_batches_cost_less_by_their_losses_than_by_renyi_divergences() -> None:
    honest = FixedSizeGaussian(10_000, 100, 2.0, 500)
    by_rdp = compose_epsilon([honest], 1e-5, accountant=Accountant.RDP)
    assert honest.epsilon(1e-5) < 0.7 * by_rdp
    # A replacement moves twice as far as a removal: no cheaper than that alone.
    assert honest.epsilon(1e-5) >= PoissonGaussian(0.01, 1.0, 500).epsilon(1e-5)
