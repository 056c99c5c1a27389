"""If this fails, the ε in the report is not the ε of the training: every promise is void."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import dp_accounting
import numpy as np
import pytest
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from hypothesis import given, settings
from hypothesis import strategies as st

import strongroom.privacy
from strongroom.errors import InputError, MissingExtraError
from strongroom.privacy import (
    Accountant,
    FixedSizeGaussian,
    GaussianReleases,
    LaplaceReleases,
    Mechanism,
    PoissonGaussian,
    PureReleases,
    Relation,
    RepeatedSelection,
    ShuffledGaussian,
    accountant_of,
    calibrate,
    calibrate_noise,
    compose_epsilon,
    relation_of,
)
from strongroom.privacy._accounting import (
    GRID,
    _pld_epsilon,
    gaussian_delta,
    gaussian_epsilon,
    gaussian_mu,
)
from strongroom.privacy._quick import quick_epsilon

NORMAL = 1 / math.sqrt(2 * math.pi)


def hockey_stick(rate: float, sigma: float, epsilon: float) -> float:
    """Integrate one subsampled Gaussian's δ at ε on a fine grid, the worse of add and remove."""
    x = np.linspace(-30 * sigma, 30 * sigma + 1, 2_000_001)
    without = NORMAL / sigma * np.exp(-(x**2) / (2 * sigma**2))
    included = NORMAL / sigma * np.exp(-((x - 1) ** 2) / (2 * sigma**2))
    mixed = (1 - rate) * without + rate * included
    step = x[1] - x[0]
    remove = np.maximum(mixed - math.exp(epsilon) * without, 0).sum() * step
    add = np.maximum(without - math.exp(epsilon) * mixed, 0).sum() * step
    return float(max(remove, add))


# By PRVAccountant of Opacus 1.6, get_epsilon(1e-5, eps_error) of the mechanism below: the stated
# error, and the upper end of the interval.
OPACUS_PRV = ((0.01, 6.198044), (0.001, 6.189043))


def test_the_published_figures_are_reached() -> None:
    mechanism = Mechanism.poisson_gaussian(sampling_rate=0.01, noise_multiplier=1.0, steps=10_000)
    assert mechanism.epsilon(1e-5) == pytest.approx(6.188, abs=2e-3)
    for error, epsilon in OPACUS_PRV:
        assert abs(mechanism.epsilon(1e-5) - epsilon) <= error
    rdp = compose_epsilon([mechanism], 1e-5, accountant=Accountant.RDP)
    assert rdp == pytest.approx(6.713, abs=2e-3)
    assert rdp == RdpAccountant().compose(mechanism.event).get_epsilon(1e-5)


@pytest.mark.parametrize(("rate", "sigma", "steps"), [(0.01, 1.0, 10_000), (0.1, 0.7, 60)])
def test_at_the_same_discretisation_it_is_dp_accountings_figure(
    rate: float, sigma: float, steps: int
) -> None:
    mechanism = PoissonGaussian(rate, sigma, steps)
    theirs = PLDAccountant(value_discretization_interval=GRID).compose(mechanism.event)
    assert mechanism.epsilon(1e-5) == pytest.approx(theirs.get_epsilon(1e-5), abs=1e-6)


@pytest.mark.parametrize(
    "parts",
    [
        [(0.01, 1.0, 10_000)],
        [(0.5, 2.0, 20)],
        [(0.001, 0.6, 3_000)],
        [(0.02, 1.1, 300), (1.0, 30.0, 100)],
        [(0.1, 0.8, 1)],
    ],
)
def test_the_quick_estimate_is_the_same_distribution(parts: list[tuple[float, float, int]]) -> None:
    slow = compose_epsilon([PoissonGaussian(*part) for part in parts], 1e-5, grid=4e-3)
    assert quick_epsilon(parts, 1e-5, 4e-3) == pytest.approx(slow, abs=1e-6)


def test_the_quick_estimate_knows_the_ends() -> None:
    assert quick_epsilon([(0.01, 50.0, 1)], 0.1, 4e-3) == 0.0
    assert quick_epsilon([(0.5, 1.0, 10)], 1e-25, 4e-3) == math.inf


def test_a_coarser_discretisation_is_never_below_a_finer_one() -> None:
    mechanism = PoissonGaussian(0.02, 0.9, 400)
    coarse, middle, fine = (compose_epsilon([mechanism], 1e-5, grid=g) for g in (8e-3, 2e-3, 5e-4))
    assert coarse > middle > fine > gaussian_epsilon(0.02 / 0.9 * 20, 1e-5)


@pytest.mark.parametrize(
    ("rate", "sigma", "delta"), [(0.1, 0.8, 1e-5), (0.01, 0.6, 1e-6), (0.5, 2.0, 1e-3)]
)
def test_one_step_agrees_with_our_own_integration(rate: float, sigma: float, delta: float) -> None:
    epsilon = PoissonGaussian(rate, sigma, 1).epsilon(delta)
    assert hockey_stick(rate, sigma, epsilon) <= delta * (1 + 1e-6)
    assert hockey_stick(rate, sigma, epsilon - 2e-3 * max(epsilon, 0.1)) > delta


@pytest.mark.parametrize(("rate", "sigma", "steps"), [(0.02, 1.0, 500), (0.2, 3.0, 100)])
def test_the_carried_event_gives_other_accountants_the_same_mechanism(
    rate: float, sigma: float, steps: int
) -> None:
    mechanism = PoissonGaussian(rate, sigma, steps)
    theirs = PLDAccountant(value_discretization_interval=1e-4).compose(mechanism.event)
    rdp = RdpAccountant().compose(mechanism.event)
    ours = mechanism.epsilon(1e-5)
    assert ours == pytest.approx(theirs.get_epsilon(1e-5), rel=2e-3)
    assert theirs.get_epsilon(1e-5) * (1 - 1e-6) <= ours <= rdp.get_epsilon(1e-5)


@given(mu=st.floats(0.01, 8), delta=st.sampled_from([1e-9, 1e-5, 1e-2]))
@settings(max_examples=40, deadline=None)
def test_the_analytic_gaussian_inverts_itself(mu: float, delta: float) -> None:
    epsilon = gaussian_epsilon(mu, delta)
    assert gaussian_delta(mu, epsilon) <= delta
    if epsilon > 0:
        assert gaussian_mu(epsilon, delta) == pytest.approx(mu, rel=1e-6)


def test_the_analytic_gaussian_agrees_with_another_implementation() -> None:
    for sigma, delta in ((0.7, 1e-5), (3.0, 1e-6), (40.0, 1e-3)):
        theirs = dp_accounting.get_epsilon_gaussian(sigma, delta)
        assert gaussian_epsilon(1 / sigma, delta) == pytest.approx(theirs, abs=1e-6)


def test_a_huge_loss_does_not_overflow() -> None:
    assert gaussian_epsilon(60.0, 1e-5) == pytest.approx(60**2 / 2 + 60 * 4.26, rel=0.01)


def test_full_batches_compose_exactly() -> None:
    many = PoissonGaussian(1.0, 20.0, 100).epsilon(1e-5)
    assert many == pytest.approx(gaussian_epsilon(0.5, 1e-5), rel=1e-9)
    assert compose_epsilon([PoissonGaussian(1.0, 20.0, 50)] * 2, 1e-5) == pytest.approx(
        many, rel=1e-9
    )


def test_mixed_runs_compose_to_more_than_each_and_less_than_the_sum() -> None:
    one, other = PoissonGaussian(1.0, 30.0, 100), PoissonGaussian(0.02, 1.1, 300)
    both = compose_epsilon([one, other], 1e-5)
    assert max(one.epsilon(1e-5), other.epsilon(1e-5)) < both
    assert both < one.epsilon(5e-6) + other.epsilon(5e-6)


def test_gaussian_releases_beside_a_sampled_training_are_composed_by_their_losses() -> None:
    training, releases = PoissonGaussian(0.02, 1.1, 300), GaussianReleases(8.0, 4)
    ours = compose_epsilon([training, releases, GaussianReleases(6.0)], 1e-5)
    theirs = PLDAccountant(value_discretization_interval=GRID)
    theirs.compose(training.event).compose(releases.event).compose(GaussianReleases(6.0).event)
    # The Gaussians are composed exactly here and one by one there: a little less.
    assert ours == pytest.approx(theirs.get_epsilon(1e-5), abs=2e-5)
    assert ours <= theirs.get_epsilon(1e-5) + 1e-9
    assert accountant_of([training, releases]) is Accountant.PLD
    assert accountant_of([releases]) is Accountant.EXACT


def test_a_gaussian_counted_by_its_losses_costs_a_little_more_than_exactly() -> None:
    for mechanism in (GaussianReleases(3.0, 2), ShuffledGaussian(3.0, 20, 10)):
        by_losses = compose_epsilon([mechanism], 1e-5, accountant=Accountant.PLD)
        assert mechanism.epsilon(1e-5) <= by_losses <= mechanism.epsilon(1e-5) + 1e-4
    assert compose_epsilon([GaussianReleases(1e4)], 0.1, accountant=Accountant.PLD) == 0.0


def test_laplace_noise_and_pure_releases_cost_no_more_than_their_epsilon() -> None:
    laplace, pure = LaplaceReleases(4.0, 3), PureReleases(0.25, 3)
    assert laplace.epsilon(1e-9) == pytest.approx(0.75, abs=2e-3)
    assert pure.epsilon(1e-9) == pytest.approx(0.75, abs=2e-3)
    # Randomised response dominates whatever is as private.
    assert laplace.epsilon(1e-2) < pure.epsilon(1e-2) < 0.75
    assert compose_epsilon([laplace, pure], 1e-9) == pytest.approx(1.5, abs=4e-3)
    for one in (laplace, pure):
        assert one.epsilon(1e-2) <= compose_epsilon([one], 1e-2, accountant=Accountant.RDP)


def test_guarantees_about_different_neighbours_are_not_added_up() -> None:
    poisson, fixed = PoissonGaussian(0.02, 1.1, 30), FixedSizeGaussian(1000, 20, 1.1, 30)
    with pytest.raises(InputError, match="different neighbours") as refusal:
        compose_epsilon([poisson, fixed], 1e-5)
    assert '"add or remove one" and "replace one"' in refusal.value.what
    with pytest.raises(InputError, match="no guarantee"):
        compose_epsilon([fixed], 1e-5, relation=Relation.ADD_OR_REMOVE_ONE)


def test_asked_for_everything_is_counted_under_the_stronger_relation() -> None:
    poisson, fixed = PoissonGaussian(0.02, 1.1, 30), FixedSizeGaussian(1000, 20, 1.1, 30)
    both = compose_epsilon([poisson, fixed], 1e-5, relation=Relation.REPLACE_ONE)
    replaced = compose_epsilon([poisson], 1e-5, relation=Relation.REPLACE_ONE)
    assert poisson.epsilon(1e-5) < replaced < both
    assert (
        GaussianReleases(4.0).epsilon(1e-5)
        < compose_epsilon([GaussianReleases(4.0)], 1e-5, relation=Relation.REPLACE_ONE)
        == pytest.approx(gaussian_epsilon(0.5, 1e-5))
    )


def test_adding_and_blanking_are_counted_together_as_blanking() -> None:
    poisson, shuffled = PoissonGaussian(0.02, 1.1, 30), ShuffledGaussian(3.0, 40, 20)
    assert relation_of([poisson]) is Relation.ADD_OR_REMOVE_ONE
    assert relation_of([poisson, shuffled]) is Relation.ZERO_OUT
    both = compose_epsilon([poisson, shuffled], 1e-5)
    alone = compose_epsilon([poisson, GaussianReleases(3.0, 2)], 1e-5)
    assert both == pytest.approx(alone)


def test_what_has_no_loss_distribution_is_counted_by_renyi_divergences() -> None:
    searched = RepeatedSelection((PoissonGaussian(0.02, 2.0, 100),), 5.0)
    other = PoissonGaussian(0.05, 1.5, 200)
    assert accountant_of([searched]) is Accountant.RDP
    both = compose_epsilon([searched, other], 1e-5)
    whole = compose_epsilon([searched, other], 1e-5, accountant=Accountant.RDP)
    halves = compose_epsilon([searched], 5e-6) + compose_epsilon([other], 5e-6)
    assert both == pytest.approx(min(whole, halves))
    with pytest.raises(InputError, match="can't be counted"):
        compose_epsilon([searched], 1e-5, accountant=Accountant.PLD)
    with pytest.raises(InputError, match="can't be counted"):
        compose_epsilon([other], 1e-5, accountant=Accountant.EXACT)


def test_what_no_accountant_knows_is_refused() -> None:
    # dp-accounting has no Rényi bound on Poisson sampling when a unit is replaced.
    searched = RepeatedSelection((PoissonGaussian(0.02, 2.0, 100),), 5.0)
    with pytest.raises(InputError, match="no accountant"):
        compose_epsilon([searched], 1e-5, relation=Relation.REPLACE_ONE)
    with pytest.raises(InputError, match="can't be counted"):
        compose_epsilon(
            [PoissonGaussian(0.02, 2.0, 9)],
            1e-5,
            relation=Relation.REPLACE_ONE,
            accountant=Accountant.RDP,
        )


def test_nothing_released_costs_nothing() -> None:
    assert compose_epsilon([], 1e-5) == 0.0


@pytest.mark.parametrize(
    ("epsilon", "delta", "rate", "steps"),
    [
        (3.0, 1e-5, 0.01, 10_000),
        (1.0, 1e-5, 0.0314, 640),
        (0.1, 1e-6, 0.05, 100),
        (8.0, 1e-5, 0.9, 3),
        (1.0, 1e-5, 1.0, 200),
    ],
)
def test_calibrated_noise_reaches_the_target_and_wastes_little(
    epsilon: float, delta: float, rate: float, steps: int
) -> None:
    mechanism = calibrate(epsilon, delta, rate, steps)
    assert epsilon * (1 - 2e-3) <= mechanism.epsilon(delta) <= epsilon
    assert (mechanism.sampling_rate, mechanism.steps) == (rate, steps)


def test_the_calibrated_figure_is_the_published_one() -> None:
    assert calibrate(3.0, 1e-5, 0.01, 10_000).noise_multiplier == pytest.approx(1.565, abs=2e-3)


def test_calibration_asks_the_slow_accountant_at_most_twice() -> None:
    _pld_epsilon.cache_clear()
    for target, delta, rate, steps in ((3.0, 1e-5, 0.01, 10_000), (8.0, 1e-6, 0.004, 2_000)):
        before = _pld_epsilon.cache_info().misses
        calibrate(target, delta, rate, steps)
        assert _pld_epsilon.cache_info().misses - before <= 2


def test_what_else_is_released_is_paid_from_the_same_budget() -> None:
    beside = [GaussianReleases(8.0, 3), PureReleases(0.1)]
    found = calibrate_noise(2.0, 1e-5, lambda s: PoissonGaussian(0.03, s, 300), beside=beside)
    assert 2.0 * (1 - 2e-3) <= compose_epsilon([found, *beside], 1e-5) <= 2.0
    assert found.noise_multiplier > calibrate(2.0, 1e-5, 0.03, 300).noise_multiplier
    exact = calibrate_noise(2.0, 1e-5, lambda s: GaussianReleases(s, 50), beside=beside[:1])
    assert 2.0 * (1 - 1e-6) <= compose_epsilon([exact, beside[0]], 1e-5) <= 2.0
    with pytest.raises(InputError, match="costs all"):
        calibrate_noise(0.1, 1e-5, lambda s: PoissonGaussian(0.03, s, 300), beside=beside)


def test_other_mechanisms_are_calibrated_too() -> None:
    fixed = calibrate_noise(2.0, 1e-5, lambda s: FixedSizeGaussian(10_000, 100, s, 200))
    assert 2.0 * (1 - 2e-3) <= fixed.epsilon(1e-5) <= 2.0


def test_a_mechanism_survives_json() -> None:
    mechanism = PoissonGaussian(0.1, 1.25, 7)
    assert Mechanism.from_json(json.loads(json.dumps(mechanism.to_json()))) == mechanism


def test_an_unknown_event_is_refused_not_ignored() -> None:
    with pytest.raises(InputError, match="cannot account"):
        Mechanism.from_json({"type": "magic"})


@pytest.mark.parametrize(
    ("rate", "sigma", "steps"),
    [(0.0, 1, 1), (1.1, 1, 1), (0.5, 0, 1), (0.5, math.nan, 1), (0.5, math.inf, 1), (0.5, 1, 0)],
)
def test_a_mechanism_without_meaning_is_refused(rate: float, sigma: float, steps: int) -> None:
    with pytest.raises(InputError):
        PoissonGaussian(rate, sigma, steps)


@pytest.mark.parametrize(("epsilon", "delta"), [(0, 1e-5), (-1, 1e-5), (math.inf, 1e-5), (1, 0)])
def test_a_target_without_meaning_is_refused(epsilon: float, delta: float) -> None:
    with pytest.raises(InputError):
        calibrate(epsilon, delta, 0.1, 10)


def test_an_impossible_search_ends_in_a_user_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.privacy._accounting._pld_epsilon", lambda *_: 1e6)
    with pytest.raises(InputError, match="no amount of noise"):
        calibrate(1.0, 1e-5, 0.5, 10)


def test_without_the_extra_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(MissingExtraError, match="dp-accounting") as refusal:
        _ = PoissonGaussian(0.5, 1.0, 3).event
    assert "strongroom[train]" in str(refusal.value.hint)


def test_the_room_is_light_until_something_computes() -> None:
    code = (
        "import sys, strongroom.privacy as p; p.calibrate(1, 1e-5, 1.0, 10); "
        "assert not {'torch', 'scipy', 'dp_accounting'} & set(sys.modules); "
        "p.ClippedGradient; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        strongroom.privacy.nothing  # noqa: B018 - the access is the test


@pytest.mark.parametrize(("rate", "noise", "steps"), [(0.5, 1.0, 2 * 10**7), (0.125, 1e-9, 8)])
def test_an_epsilon_beyond_all_sense_is_told_at_once_and_not_computed_to_death(
    rate: float, noise: float, steps: int
) -> None:
    found = PoissonGaussian(rate, noise, steps).epsilon(1e-5)
    unsampled = gaussian_epsilon(math.sqrt(steps) / noise, 1e-5)
    assert 500 < found <= 2.1 * unsampled
