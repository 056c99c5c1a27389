"""If this fails, a search over settings spends more than it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.estimators.made_up import rows, statement_of

import strongroom as sr
from strongroom.privacy import RepeatedSelection, calibrate

CANDIDATES: dict[str, Any] = {"learning_rate": [0.01, 0.1, 0.3], "optimizer": ["adam", "momentum"]}


def test_the_best_of_a_random_number_of_fits() -> None:
    features, labels = rows(3000)
    budget = sr.PrivacyBudget()
    base = sr.PrivateClassifier(epochs=10, bounds=(-3, 3), classes=["no", "yes"])
    search = sr.PrivateSearch(base, CANDIDATES, epsilon=2.0, mean_trials=4, budget=budget)
    search.fit(features, labels)
    assert search.score(*rows(seed=5)) > 0.7
    assert set(search.best_params_) == set(CANDIDATES)
    statement = search.privacy_
    assert statement.private
    assert 1.99 < statement.epsilon <= 2.0
    (event,) = statement.events
    assert event["type"] == RepeatedSelection.TYPE
    assert RepeatedSelection.from_json(event).epsilon(1e-5) == pytest.approx(statement.epsilon)
    (entry,) = budget.entries()
    assert entry.spend.epsilon == statement.epsilon
    # The number of fits is what pays for the search: nothing may tell it.
    assert not hasattr(search, "cv_results_")
    assert not hasattr(search, "n_trials_")


def test_a_fit_has_at_least_the_noise_that_was_accounted() -> None:
    features, labels = rows(1000)
    for batch in ("full", 100):
        base = sr.PrivateClassifier(epochs=5, bounds=(-3, 3), batch_size=batch)
        search = sr.PrivateSearch(base, {"learning_rate": [0.1]}, mean_trials=2)
        search.fit(features, labels)
        (event,) = search.privacy_.events
        searched = RepeatedSelection.from_json(event)
        assert isinstance(searched, RepeatedSelection)
        fit, score = searched.each
        made = statement_of(search.best_estimator_)
        assert made.noise_multiplier >= fit.noise_multiplier * (1 - 1e-9)
        assert (made.sampling_rate, made.steps) == (fit.sampling_rate, fit.steps)
        assert score.noise_multiplier > 0
        one = calibrate(1.0, 1e-5, fit.sampling_rate, fit.steps)
        assert fit.noise_multiplier > one.noise_multiplier, "a search for the price of one fit"


def test_the_mechanism_can_not_be_searched() -> None:
    features, labels = rows(100)
    with pytest.raises(ValueError, match="same mechanism"):
        sr.PrivateSearch(candidates={"epochs": [1, 2]}).fit(features, labels)


def test_only_what_is_accounted_can_be_searched() -> None:
    features, labels = rows(100)
    for search in (
        sr.PrivateSearch(sr.PrivateClassifier("trees")),
        sr.PrivateSearch(candidates={"model": ["logistic", "trees"]}),
    ):
        with pytest.raises(ValueError, match="trained by gradients"):
            search.fit(features, labels)


def test_a_search_with_a_random_state_is_not_private() -> None:
    features, labels = rows(300)
    found = [
        sr.PrivateSearch(
            sr.PrivateClassifier(epochs=5, bounds=(-3, 3)), random_state=3, mean_trials=3
        ).fit(features, labels)
        for _ in range(2)
    ]
    first, again = (f.predict_proba(features) for f in found)
    assert np.array_equal(first, again)
    assert not found[0].privacy_.private
