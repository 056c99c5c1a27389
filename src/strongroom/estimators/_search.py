"""A search over settings whose whole cost is known: the best of a random number of fits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import ParameterGrid
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from strongroom.estimators._classifier import CLASSES_READ, EstimatorError, PrivateClassifier
from strongroom.privacy import (
    GaussianReleases,
    MemoryLedger,
    PoissonGaussian,
    RepeatedSelection,
    SecretStream,
    Spend,
    accountant_of,
    calibrate_noise,
    noisy_sum,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from strongroom.estimators._budget import PrivacyBudget
    from strongroom.privacy import Mechanism, PrivacyStatement

# The score's shift over its noise, against that of the whole training: a ninth of the variance.
_SCORE_SHARE = 1 / 3
_SETTINGS = "model, optimizer and their settings"
_CHOSEN = "the list of candidates: taken as chosen without looking at these rows"
_TRIED = (
    "the best of a random number of fits, {:g} expected, whose number isn't told: settings and "
    "score are paid for (Papernot and Steinke 2022)"
)
_SCORED = "scores are counts of right answers on rows held out by secret coins, with Gaussian noise"
# What `_mechanism` accounts for is how these are trained, and no other.
_BY_GRADIENTS = ("logistic", "mlp")
_FREE = ("model", "learning_rate", "optimizer", "clip_norm", "hidden", "bounds")


class PrivateSearch(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The best of a *random* number of private fits (Papernot and Steinke 2022).

    Every fit takes its settings at random from `candidates`, trains on one part of the rows, and is
    scored on the other by its number of right answers plus Gaussian noise. Only the best is kept:
    neither how many fits there were nor what the others scored may be told, so there is no
    `cv_results_`. In return trying costs little more than one fit, however many candidates there
    are; `GridSearchCV` over a `PrivateClassifier` pays for each of its fits instead.

    Args:
        estimator: the `PrivateClassifier` whose settings are searched; its ε and budget are not
            used.
        candidates: setting to list of values, for what doesn't change the mechanism: model,
            learning_rate, optimizer, clip_norm, hidden, bounds.
        epsilon: ε of the whole search.
        delta: δ of the whole search.
        mean_trials: the expected number of fits, at least 1.
        shape: η of the distribution of that number; 1 is geometric, see `RepeatedSelection`.
        holdout: the chance of each row to be scored on instead of trained on.
        budget: an allowance that the whole search draws on.
        random_state: makes a search repeatable, and so *not private*.

    Attributes:
        best_estimator_: the fitted best.
        best_params_: its settings.
        best_score_: its accuracy on the part that was held out, with noise.
        privacy_: the statement of the whole search.
    """

    def __init__(
        self,
        estimator: PrivateClassifier | None = None,
        candidates: Mapping[str, Sequence[Any]] | None = None,
        *,
        epsilon: float = 1.0,
        delta: float = 1e-5,
        mean_trials: float = 10.0,
        shape: float = 1.0,
        holdout: float = 0.2,
        budget: PrivacyBudget | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.candidates = candidates
        self.epsilon = epsilon
        self.delta = delta
        self.mean_trials = mean_trials
        self.shape = shape
        self.holdout = holdout
        self.budget = budget
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803 - scikit-learn's name
        """Search on rows X [n, features] with labels y [n].

        Raises:
            EstimatorError: candidates or numbers that can't be (a `ValueError`).
            BudgetExceededError: the budget doesn't cover the search; nothing was trained.
        """
        features, labels = validate_data(self, X, y, dtype=np.float64)
        grid = self._grid()
        rows = self._base.rows or _rounded(len(labels))
        trained = max(1, round(rows * (1 - self.holdout)))
        search = self._mechanism(trained)
        ledger = self.budget or MemoryLedger()
        spend = Spend(
            search.epsilon(self.delta), self.delta, relation=search.relation,
            events=(search.to_json(),),
        )  # fmt: skip
        reservation = ledger.reserve("search", spend, budget=None, key="")
        stream = self._stream(reservation.seed)
        held = stream.bernoulli("holdout", 0, len(labels), self.holdout)
        fit, score = search.each
        best = -np.inf
        for number in range(1, search.trials(stream) + 1):
            setting = grid[int(stream.uniform("candidate", number, 1)[0] * len(grid))]
            made = self._trial(setting, fit, labels, trained, number)
            made.fit(features[~held], labels[~held])
            # Of a handful of rows the coins may hold none out: then the score is noise alone.
            right = (
                float((made.predict(features[held]) == labels[held]).sum()) if held.any() else 0.0
            )
            found = noisy_sum(
                np.array([right]),
                sensitivity=1.0,
                noise_multiplier=score.noise_multiplier,
                stream=stream,
                label="score",
                step=number,
            )[0]
            if found > best:
                best, self.best_estimator_, self.best_params_ = found, made, dict(setting)
        ledger.settle(reservation)
        self.classes_ = self.best_estimator_.classes_
        self.best_score_ = float(best / max(rows * self.holdout, 1))
        self.privacy_ = self._statement(search, spend)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Return the most probable label of each row, by the best fit."""
        check_is_fitted(self)
        return self.best_estimator_.predict(self._checked(X))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Return float64 [n, classes], by the best fit."""
        check_is_fitted(self)
        return self.best_estimator_.predict_proba(self._checked(X))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "best_estimator_")

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - sklearn has no types
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    @property
    def _base(self) -> PrivateClassifier:
        return self.estimator if self.estimator is not None else PrivateClassifier()

    def _checked(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        checked: NDArray[np.float64] = validate_data(self, X, dtype=np.float64, reset=False)
        return checked

    def _grid(self) -> list[dict[str, Any]]:
        if not isinstance(self._base, PrivateClassifier):
            raise EstimatorError("only a PrivateClassifier can be searched")
        if not 0 < self.holdout < 1:
            raise EstimatorError("holdout must lie between 0 and 1")
        given = self.candidates if self.candidates is not None else {"learning_rate": [0.05, 0.2]}
        bad = [name for name in given if name not in _FREE]
        if bad:
            raise EstimatorError(
                f'"{bad[0]}" cannot be searched: every fit must be the same mechanism',
                hint=f"what can be: {', '.join(_FREE)}",
            )
        grid = list(ParameterGrid(dict(given)))
        if any(setting.get("model", self._base.model) not in _BY_GRADIENTS for setting in grid):
            raise EstimatorError(
                "only models that are trained by gradients can be searched",
                hint=f"those are: {', '.join(_BY_GRADIENTS)}",
            )
        return grid

    def _mechanism(self, rows: int) -> RepeatedSelection:
        """Return the search with the least noise that keeps ε: each run trains and is scored."""
        base = self._base
        rate = 1.0 if base.batch_size == "full" else min(1.0, int(base.batch_size) / rows)
        steps = max(1, round(base.epochs / rate))

        def make(noise: float) -> RepeatedSelection:
            shift = rate * np.sqrt(steps) / noise * _SCORE_SHARE
            each: tuple[Mechanism, ...] = (
                PoissonGaussian(rate, noise, steps),
                GaussianReleases(float(1 / shift)),
            )
            return RepeatedSelection(each, self.mean_trials, self.shape)

        return calibrate_noise(self.epsilon, self.delta, make)

    def _trial(
        self,
        setting: Mapping[str, Any],
        fit: Mechanism,
        labels: NDArray[Any],
        rows: int,
        number: int,
    ) -> PrivateClassifier:
        """Return an unfitted estimator whose own calibration gives at least the noise of `fit`."""
        seed = None
        if self.random_state is not None:
            seed = int(check_random_state(self.random_state).randint(2**30)) + number
        made: PrivateClassifier = clone(self._base)
        own = {
            "epsilon": fit.epsilon(self.delta),
            "delta": self.delta,
            "rows": rows,
            "classes": np.unique(labels) if made.classes is None else made.classes,
            "budget": None,
            "random_state": seed,
        }
        return made.set_params(**{**setting, **own})  # type: ignore[no-any-return]

    def _stream(self, seed: bytes) -> SecretStream:
        if self.random_state is None:
            return SecretStream(seed)
        known = check_random_state(self.random_state).bytes(len(seed))
        return SecretStream(known)

    def _statement(self, search: RepeatedSelection, spend: Spend) -> PrivacyStatement:
        made = self.best_estimator_.privacy_
        if made is None:
            raise AssertionError("a trial was trained without privacy")
        public = [_CHOSEN if t.startswith(_SETTINGS) else t for t in made.not_covered]
        if self._base.classes is None:
            public.append(CLASSES_READ)
        covered = list(made.covered)
        if self._base.rows is None:
            covered = [t for t in covered if not t.startswith("sampling rate and normaliser")]
            public.append("the number of rows, rounded to two digits, is treated as public")
        return replace(
            made,
            epsilon=spend.epsilon,
            delta=self.delta,
            accountant=str(accountant_of([search])),
            events=spend.events,
            covered=(
                _TRIED.format(self.mean_trials),
                _SCORED,
                *covered,
            ),
            not_covered=tuple(public),
        )


def _rounded(rows: int) -> int:
    """Return a count rounded to two significant digits, as training publishes it."""
    return int(float(f"{rows:.1e}"))
