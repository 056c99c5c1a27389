"""If this fails, the bound from many trainings accuses a sound one, or an audit starts over.

Statistical tests state how often they would fail by chance.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from strongroom.attacks import EpsilonEstimate, Measured, NotEvaluable
from strongroom.attacks.privacy import Rates, audit_many_runs, from_rates, many_runs
from strongroom.errors import DataError
from strongroom.privacy import calibrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

DELTA = 1e-5


def test_the_bound_is_the_published_formula() -> None:
    """Jagielski et al. 2020: ln((1 - FNR) / FPR) at the ends of Clopper-Pearson's intervals."""
    found = from_rates(0, 500, 0, 500, 0.0)
    high = 1 - 0.025 ** (1 / 500)  # exact for no error in 500: 0.00735
    assert found.fpr_high == pytest.approx(high)
    assert found.epsilon == pytest.approx(math.log((1 - high) / high))
    # With 500 + 500 runs no audit shows more than 4.91.
    assert found.epsilon == pytest.approx(4.906, abs=1e-3)
    some = from_rates(10, 500, 400, 500, 1e-5)
    fpr, fnr = (stats.beta.ppf(0.975, k + 1, 500 - k) for k in (10, 400))
    assert some.epsilon == pytest.approx(math.log((1 - 1e-5 - fnr) / fpr))
    assert from_rates(250, 500, 250, 500, 1e-5).epsilon == 0


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
def test_randomised_response_is_hardly_ever_accused(epsilon: float) -> None:
    coins, accused = np.random.default_rng(1), 0
    for _ in range(300):
        included = coins.random(200) < 0.5
        told = included ^ (coins.random(200) < 1 / (1 + math.exp(epsilon)))
        found = many_runs(told + 0.1 * coins.random(200), included, 0.0)
        assert isinstance(found, Rates)
        accused += found.epsilon > epsilon
    # 5 % of 300 is 15; more than 30 would happen once in 8,000.
    assert accused <= 30


@pytest.mark.parametrize(("epsilon", "share"), [(4.0, 0.25), (8.0, 0.25)])
def test_the_gaussian_mechanism_is_bounded_from_below(epsilon: float, share: float) -> None:
    mu = 1 / calibrate(epsilon, DELTA, 1.0, 1).noise_multiplier
    coins, shown = np.random.default_rng(2), []
    for _ in range(50):
        included = coins.random(2_000) < 0.5
        found = many_runs(coins.normal(size=2_000) + mu * included, included, DELTA)
        assert isinstance(found, Rates)
        shown.append(found.epsilon)
    assert max(shown) < epsilon
    assert float(np.median(shown)) > share * epsilon


@pytest.mark.parametrize(
    ("scores", "included", "why"),
    [
        (np.arange(10.0), np.arange(10) % 2 == 0, "too few"),
        (np.full(30, np.nan), np.arange(30) % 2 == 0, "NaN"),
        (np.arange(30.0), np.arange(30) < 15, "always"),
    ],
)
def test_scores_that_say_nothing_are_not_judged(
    scores: NDArray[np.float64], included: NDArray[np.bool_], why: str
) -> None:
    found = many_runs(scores, included, DELTA)
    assert isinstance(found, NotEvaluable)
    assert why in found.reason


class Training:
    """Logistic regression by full-batch DP-SGD, counted."""

    def __init__(self, noise: float) -> None:
        self.noise, self.called = noise, 0

    def __call__(
        self,
        inputs: NDArray[np.float32],
        labels: NDArray[np.int64],
        *,
        seed: int,
        on_step: Callable[[Any], None],
    ) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
        self.called += 1
        coins = np.random.default_rng(seed)
        weights = np.zeros(inputs.shape[1])

        def predict(rows: NDArray[np.float32]) -> NDArray[np.float64]:
            found: NDArray[np.float64] = 1 / (1 + np.exp(-rows @ weights))
            return found

        on_step({"weights": weights})
        for _ in range(10):
            gradients = (predict(inputs) - labels)[:, None] * inputs
            lengths = np.maximum(np.linalg.norm(gradients, axis=1, keepdims=True), 1.0)
            noise = self.noise * coins.normal(size=len(weights))
            weights -= ((gradients / lengths).sum(0) + noise) / len(inputs)
            on_step({"weights": weights})
        return predict


def people() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    coins = np.random.default_rng(3)
    return coins.normal(size=(40, 3)).astype(np.float32), coins.integers(0, 2, 40)


def test_many_trainings_refute_a_false_claim_and_not_a_true_one() -> None:
    noise = calibrate(1.0, DELTA, 1.0, 10).noise_multiplier
    sound, broken = (
        audit_many_runs(Training(n), *people(), claimed_epsilon=1.0, runs=200) for n in (noise, 0.0)
    )
    assert not sound.refuted
    assert broken.refuted
    assert list(broken.results) == [
        "privacy.many_runs",
        "privacy.many_runs_outside",
        "privacy.many_runs_estimate",
    ]
    for result in (broken.updates, broken.outside):
        assert isinstance(result, Measured)
        (value,) = result.values
        assert value.metric == "privacy.epsilon_lower_bound"
        assert value.claim == 1.0
        # 200 runs show no more than log(200 / 15).
        assert 2.0 < value.value < 2.7
    assert isinstance(sound.estimate, EpsilonEstimate)
    assert sound.estimate.epsilon_low <= 1.0


def test_an_audit_that_was_stopped_goes_on(tmp_path: Path) -> None:
    training = Training(5.0)
    first = audit_many_runs(training, *people(), claimed_epsilon=1.0, runs=20, folder=tmp_path)
    again = audit_many_runs(training, *people(), claimed_epsilon=1.0, runs=30, folder=tmp_path)
    assert training.called == 30
    assert first.runs == 20
    alone = audit_many_runs(Training(5.0), *people(), claimed_epsilon=1.0, runs=30)
    assert again.results == alone.results
    # Another claim is another audit.
    audit_many_runs(training, *people(), claimed_epsilon=2.0, runs=1, folder=tmp_path)
    assert training.called == 31
    for file in tmp_path.glob("*-0.json"):
        file.write_text("{")
    with pytest.raises(DataError, match="can't be read"):
        audit_many_runs(training, *people(), claimed_epsilon=2.0, runs=1, folder=tmp_path)
