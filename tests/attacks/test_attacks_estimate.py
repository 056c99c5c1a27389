"""If this fails, the estimate of ε accuses sound training, is blind to a leak, or passes for proof.

Statistical tests state how often they would fail by chance.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from strongroom.attacks import EpsilonEstimate, NotEvaluable, OneRunBound, Situation
from strongroom.attacks.privacy import Estimate, Family, OneRun, Separation, estimate
from strongroom.privacy import CanaryObservation, Mechanism, calibrate

if TYPE_CHECKING:
    from numpy.typing import NDArray

DELTA = 1e-5
FULL, POISSON = (1.0, 100), (0.05, 400)

Seen = tuple["NDArray[np.float64]", "NDArray[np.bool_]"]


def family(epsilon: float, rate: float = 1.0, steps: int = 100) -> Family:
    return Family(calibrate(epsilon, DELTA, rate, steps))


def played(known: Family, noise: float, canaries: int, coins: np.random.Generator) -> Seen:
    """Play the mechanism step by step: no part of the code under test is used."""
    rate, steps = known.claimed.sampling_rate, known.claimed.steps
    claimed = known.claimed.noise_multiplier
    included = coins.random(canaries) < 0.5
    scores = np.zeros(canaries)
    for _ in range(steps):
        seen = noise * coins.normal(size=canaries) + (included & (coins.random(canaries) < rate))
        ratio = (seen - 0.5) / claimed**2
        scores += ratio if rate == 1 else np.log(1 - rate + rate * np.exp(ratio))
    return scores, included


def drawn(apart: Separation, canaries: int, coins: np.random.Generator) -> Seen:
    """Draw from the score's distributions at once."""
    included = coins.random(canaries) < 0.5
    uniform = coins.random(canaries)
    inside, outside = (
        np.searchsorted(np.cumsum(masses), uniform * masses.sum())
        for masses in (apart.taken_in, apart.left_out)
    )
    return np.where(included, inside, outside) + coins.random(canaries) * 1e-3, included


def test_full_batches_separate_as_gaussians_do() -> None:
    known = family(4.0)
    mu = math.sqrt(known.claimed.steps) / known.claimed.noise_multiplier
    apart = known.separation(known.claimed.noise_multiplier)
    assert apart.area == pytest.approx(stats.norm.cdf(mu / math.sqrt(2)), abs=1e-6)
    right = stats.norm.cdf(mu / 2)
    assert apart.right_at(1.0) == pytest.approx(right, abs=1e-4)


@pytest.mark.parametrize(("rate", "steps", "epsilon"), [(0.05, 400, 4.0), (0.01, 100, 8.0)])
def test_sampled_batches_separate_as_a_simulation_does(
    rate: float, steps: int, epsilon: float
) -> None:
    known = family(epsilon, rate, steps)
    noise = known.claimed.noise_multiplier
    apart = known.separation(noise)
    scores, included = played(known, noise, 20_000, np.random.default_rng(1))
    inside, outside = scores[included], scores[~included]
    area = stats.mannwhitneyu(inside, outside).statistic / (len(inside) * len(outside))
    # Five deviations: a right distribution is refused once in a million.
    assert abs(area - apart.area) < 5 * apart.deviation(len(inside), len(outside))
    assert 0.5 < apart.right_at(1.0) < apart.right_at(0.1) <= 1


@pytest.mark.parametrize("canaries", [100, 400])
@pytest.mark.parametrize(("rate", "steps"), [FULL, POISSON])
@pytest.mark.parametrize("epsilon", [1.0, 4.0, 8.0])
def test_a_sound_training_is_accused_as_seldom_as_is_said(
    epsilon: float, rate: float, steps: int, canaries: int
) -> None:
    known = family(epsilon, rate, steps)
    apart = known.separation(known.claimed.noise_multiplier)
    coins = np.random.default_rng(int(epsilon))
    accused, repeats = 0, 1_000
    z = stats.norm.ppf(0.99)
    for _ in range(repeats):
        scores, included = drawn(apart, canaries, coins)
        inside = int(included.sum())
        order = stats.rankdata(scores)
        area = (order[included].sum() - inside * (inside + 1) / 2) / (inside * (canaries - inside))
        # The ε that is stated exceeds the true one exactly if the true noise is refuted.
        accused += area > apart.area + z * apart.deviation(inside, canaries - inside)
    # 1 % of 1,000 is 10; more than 25 would happen once in 50,000.
    assert accused <= 25


@pytest.mark.parametrize(
    ("epsilon", "rate", "steps"), [(1.0, *FULL), (4.0, *FULL), (8.0, *FULL), (4.0, *POISSON)]
)
def test_twenty_runs_stay_below_the_proved_epsilon(epsilon: float, rate: float, steps: int) -> None:
    known = family(epsilon, rate, steps)
    apart = known.separation(known.claimed.noise_multiplier)
    coins = np.random.default_rng(11)
    for _ in range(20):
        found = estimate(*drawn(apart, 1_000, coins), DELTA, known)
        assert isinstance(found, EpsilonEstimate)
        # By chance once in 1,000; eighty runs fail once in thirteen, and not with these coins.
        assert found.epsilon_low <= epsilon
        assert found.epsilon_low <= found.epsilon_likely


@pytest.mark.parametrize(
    ("rate", "steps", "share"), [(*FULL, 0.85), (*POISSON, 0.7), (0.01, 2_000, 0.7)]
)
@pytest.mark.parametrize("epsilon", [4.0, 8.0])
def test_twenty_thousand_canaries_come_near_the_proved_epsilon(
    epsilon: float, rate: float, steps: int, share: float
) -> None:
    known = family(epsilon, rate, steps)
    apart = known.separation(known.claimed.noise_multiplier)
    found = estimate(*drawn(apart, 20_000, np.random.default_rng(2)), DELTA, known)
    assert isinstance(found, EpsilonEstimate)
    assert share * epsilon < found.epsilon_low < epsilon
    assert found.epsilon_likely == pytest.approx(epsilon, rel=0.1)
    assert found.reachable == pytest.approx(found.epsilon_low, rel=0.1)
    assert found.confidence == 0.999


@pytest.mark.parametrize(("rate", "steps"), [FULL, POISSON])
def test_a_fifth_less_noise_than_claimed_is_seen(rate: float, steps: int) -> None:
    known = family(4.0, rate, steps)
    weak = 0.8 * known.claimed.noise_multiplier
    found = estimate(*played(known, weak, 5_000, np.random.default_rng(3)), DELTA, known)
    assert isinstance(found, EpsilonEstimate)
    assert 4.0 < found.epsilon_low < known.epsilon(weak, DELTA)


def test_blind_scores_show_nothing_and_perfect_ones_nearly_everything() -> None:
    coins = np.random.default_rng(1)
    included = coins.random(500) < 0.5
    blind = estimate(coins.normal(size=500), included, DELTA, family(4.0))
    assert isinstance(blind, EpsilonEstimate)
    assert blind.epsilon_low == 0
    perfect = estimate(included + 0.1 * coins.random(500), included, DELTA, family(4.0))
    assert isinstance(perfect, EpsilonEstimate)
    assert perfect.epsilon_low > 10
    assert perfect.area == 1
    ties = estimate(np.zeros(500), included, DELTA, family(4.0))
    assert isinstance(ties, EpsilonEstimate)
    assert ties.area == 0.5
    assert ties.epsilon_low == 0


@pytest.mark.parametrize(
    ("scores", "why"), [(np.arange(50.0), "too few"), (np.r_[np.nan, np.arange(199.0)], "NaN")]
)
def test_scores_that_say_nothing_are_not_judged(scores: np.ndarray, why: str) -> None:
    found = estimate(scores, np.arange(len(scores)) % 2 == 0, DELTA, family(4.0))
    assert isinstance(found, NotEvaluable)
    assert why in found.reason


def situation(canaries: CanaryObservation | None) -> Situation:
    nothing: object = None
    return Situation(nothing, nothing, nothing, nothing, canaries=canaries)  # type: ignore[arg-type]  # the attack reads canaries alone


def test_the_attack_needs_to_know_the_mechanism() -> None:
    known = family(2.0)
    apart = known.separation(known.claimed.noise_multiplier)
    scores, included = drawn(apart, 2_000, np.random.default_rng(5))
    fact = known.claimed.to_json()
    seen = CanaryObservation(scores, included, 2.0, DELTA, "made up", fact)
    found = Estimate().run(situation(seen))
    assert isinstance(found, EpsilonEstimate)
    assert found.claimed == 2.0
    assert found.knowledge == "made up"
    assert "Gaussian noise" in found.family
    assert found.to_json()["canaries"] == 2_000
    for odd in (None, {"type": "from the future"}, {"type": "laplace"}):
        strange = CanaryObservation(scores, included, 2.0, DELTA, "", odd)
        assert isinstance(Estimate().run(situation(strange)), NotEvaluable)
    assert isinstance(Estimate().run(situation(None)), NotEvaluable)


def test_the_certified_bound_says_how_far_it_could_have_come() -> None:
    known = family(4.0)
    apart = known.separation(known.claimed.noise_multiplier)
    fact = known.claimed.to_json()
    reached = {}
    for canaries in (500, 20_000):
        seen = drawn(apart, canaries, np.random.default_rng(6))
        found = OneRun().run(situation(CanaryObservation(*seen, 4.0, DELTA, "", fact)))
        assert isinstance(found, OneRunBound)
        assert found.reachable is not None
        assert found.epsilon_lower == pytest.approx(found.reachable, rel=0.4)
        reached[canaries] = found.reachable
    assert reached[500] < reached[20_000] < 4.0


def test_the_family_is_read_from_the_fact() -> None:
    fact = Mechanism.poisson_gaussian(sampling_rate=0.25, noise_multiplier=2.0, steps=7).to_json()
    known = Family.of(fact)
    assert known is not None
    assert known.claimed.to_json() == fact
    assert "0.25" in known.words
    assert known.epsilon(2.0, DELTA) > known.epsilon(2.5, DELTA)
