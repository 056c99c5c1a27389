"""If this fails, scikit-learn users get an estimator that breaks or says what isn't true."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks
from tests.estimators.made_up import rows, statement_of

import strongroom as sr
from strongroom.errors import BudgetExceededError, InputError, StrongroomError
from strongroom.privacy import calibrate

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK: dict[str, Any] = {"epochs": 10, "bounds": (-3.0, 3.0)}


@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [
        sr.PrivateClassifier(epochs=10),
        sr.PrivateClassifier(model="mlp", epochs=5, epsilon=None),
        sr.PrivateClassifier(model="trees", epochs=2),
        # With coins of its own a search of ten rows may be left with one class.
        sr.PrivateSearch(sr.PrivateClassifier(epochs=5), mean_trials=2, random_state=0),
    ]
)
def test_scikit_learns_own_checks(estimator: Any, check: Callable[[Any], None]) -> None:  # noqa: ANN401
    check(estimator)


def test_it_learns_and_says_what_it_proves() -> None:
    features, labels = rows()
    made = sr.PrivateClassifier(epsilon=2.0, classes=["no", "yes"], rows=2000, **QUICK)
    made.fit(features, labels)
    assert made.score(*rows(seed=1)) > 0.85
    statement = statement_of(made)
    assert statement.private
    assert statement.epsilon <= 2.0
    assert statement.noise_multiplier == calibrate(2.0, 1e-5, 1.0, 10).noise_multiplier
    assert not any("classes" in text and "read from" in text for text in statement.not_covered)
    assert any("pipeline" in text for text in statement.not_covered)


def test_what_was_read_from_the_rows_is_said() -> None:
    features, labels = rows(200)
    made = sr.PrivateClassifier(**QUICK).fit(features, labels)
    public = "\n".join(statement_of(made).not_covered)
    assert "the set of classes was read from the rows" in public
    assert "rounded to 200" in public


def test_a_random_state_is_not_private() -> None:
    features, labels = rows(200)
    first, again = (
        sr.PrivateClassifier(random_state=1, **QUICK).fit(features, labels) for _ in range(2)
    )
    assert np.array_equal(first.predict_proba(features), again.predict_proba(features))
    assert not statement_of(first).private
    one, other = (sr.PrivateClassifier(**QUICK).fit(features, labels) for _ in range(2))
    assert not np.array_equal(one.predict_proba(features), other.predict_proba(features))


def test_without_privacy() -> None:
    features, labels = rows()
    for epsilon in (None, np.inf):
        made = sr.PrivateClassifier(epsilon=epsilon, **QUICK).fit(features, labels)
        assert made.privacy_ is None
        assert made.score(features, labels) > 0.88


def test_outside_the_declared_classes() -> None:
    features, labels = rows(100)
    with pytest.raises(ValueError, match="not among the declared classes") as caught:
        sr.PrivateClassifier(classes=["maybe", "no"], **QUICK).fit(features, labels)
    assert isinstance(caught.value, StrongroomError)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"epsilon": -1.0}, "epsilon"),
        ({"model": "forest"}, "not for tables"),
        ({"model": "cnn"}, "not for tables"),
        ({"bounds": (1.0, 0.0)}, "lower to a higher"),
        ({"bounds": ([0.0, 1.0], 2.0)}, "3 of them"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_parameters_that_can_not_be(wrong: dict[str, Any], said: str) -> None:
    features, labels = rows(100)
    with pytest.raises(ValueError, match=said):
        sr.PrivateClassifier(**{**QUICK, **wrong}).fit(features, labels)


def test_in_a_pipeline_on_a_frame() -> None:
    features, labels = rows(500)
    frame = pd.DataFrame(features, columns=["a", "b", "c"])
    made = make_pipeline(FunctionTransformer(np.tanh), sr.PrivateClassifier(**QUICK))
    made.fit(frame, labels)
    assert made.predict(frame).shape == (500,)
    assert list(made.classes_) == ["no", "yes"]


def test_a_search_by_folds_adds_up_in_one_budget() -> None:
    features, labels = rows(300)
    budget = sr.PrivacyBudget(epsilon=4.0)
    base = sr.PrivateClassifier(epsilon=0.5, budget=budget, **QUICK)
    search = GridSearchCV(base, {"learning_rate": [0.05, 0.2]}, cv=3)
    search.fit(features, labels)
    assert len(budget.entries()) == 2 * 3 + 1
    # Seven Gaussians of the same μ are one of √7 times μ.
    assert 0.5 * np.sqrt(7) < budget.spent < 0.5 * 7
    assert statement_of(search.best_estimator_).epsilon <= 0.5
    with pytest.raises(BudgetExceededError):
        clone(base).set_params(epsilon=4.0).fit(features, labels)
    assert len(budget.entries()) == 7
    assert "7 fits" in repr(budget)


def test_a_budget_is_never_doubled() -> None:
    budget = sr.PrivacyBudget(1.0)
    assert copy.deepcopy(budget) is budget
    assert clone(sr.PrivateClassifier(budget=budget)).budget is budget
    with pytest.raises(InputError, match="another process"):
        pickle.dumps(budget)
