"""A private classifier that speaks scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from strongroom.config import ColumnSpec, TrainSpec
from strongroom.data import Dataset, Role
from strongroom.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from strongroom.estimators._budget import PrivacyBudget
    from strongroom.privacy import PrivacyStatement
    from strongroom.train import TrainResult

_TARGET = "target"
MODELS = ("logistic", "mlp", "trees")
_SEEDS = 2**31 - 1
_GUARANTEE = dict.fromkeys(("epsilon", "delta", "clip_norm"))
_PIPELINE = (
    "whatever stands before this estimator in a pipeline: a scaler that learns from the rows is "
    "not covered (declare bounds instead)"
)
CLASSES_READ = "the set of classes was read from the rows and is treated as public; declare classes"


class EstimatorError(InputError, ValueError):
    """Bad input of an estimator: a `StrongroomError` that scikit-learn takes for a `ValueError`."""


class PrivateClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression, an MLP or additive trees on numbers, with differential privacy.

    Every feature is laid on a linear-spline basis by `bounds` that you declare, or else by a fixed
    public squashing: nothing about the encoding is learnt from the rows. The guarantee is per row
    (add or remove one); `privacy_` states it. Exact in its accounting where `batch_size="full"`.

    Args:
        model: "logistic", "mlp" or "trees" (which have no batches, optimizer or clip norm).
        epsilon: ε of one fit; None or infinity trains without privacy.
        delta: δ of one fit, well below one over the number of rows.
        bounds: (low, high), each a number or one per feature: declared, never read from the rows.
        classes: the labels that there can be; without it they are read from y, and the statement
            says so.
        epochs: passes over the rows, in expectation.
        batch_size: expected size of a Poisson batch, or "full".
        learning_rate: of the optimizer.
        optimizer: "adam", "momentum" or "sgd".
        clip_norm: bound on one row's gradient.
        hidden: widths of the MLP's hidden layers.
        rows: the declared, public number of rows; without it the count is rounded to two digits.
        budget: an allowance that all clones draw on, a `PrivacyBudget`.
        random_state: makes a fit repeatable, and so *not private*: the statement says so.

    Attributes:
        classes_: the labels.
        privacy_: the statement, or None without privacy.
        result_: what training measured.
    """

    def __init__(
        self,
        model: str = "logistic",
        *,
        epsilon: float | None = 1.0,
        delta: float = 1e-5,
        bounds: tuple[ArrayLike, ArrayLike] | None = None,
        classes: ArrayLike | None = None,
        epochs: float = 100,
        batch_size: int | str = "full",
        learning_rate: float = 0.1,
        optimizer: str = "adam",
        clip_norm: float = 1.0,
        hidden: tuple[int, ...] = (64,),
        rows: int | None = None,
        budget: PrivacyBudget | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.model = model
        self.epsilon = epsilon
        self.delta = delta
        self.bounds = bounds
        self.classes = classes
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.clip_norm = clip_norm
        self.hidden = hidden
        self.rows = rows
        self.budget = budget
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803 - scikit-learn's name
        """Train on rows X [n, features] with labels y [n].

        Raises:
            EstimatorError: a parameter or label that can't be (a `ValueError`).
            BudgetExceededError: the budget doesn't cover the fit; nothing was trained.
        """
        from strongroom.train import train_model

        features, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes = self._encode(labels)
        columns = self._columns(features.shape[1])
        columns[_TARGET] = ColumnSpec(categories=tuple(map(str, range(len(self.classes_)))))
        table = self._table(features).append_column(_TARGET, pa.array(codes.astype(str)))
        self.result_: TrainResult = train_model(
            Dataset(table, roles={_TARGET: Role.TARGET}),
            self._spec(),
            columns=columns,
            rows=self.rows,
            ledger=self.budget,
        )
        self.privacy_: PrivacyStatement | None = self._statement(self.result_.privacy)
        self.n_iter_ = self.result_.steps
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Return float64 [n, classes], each row summing to 1."""
        check_is_fitted(self)
        features = validate_data(self, X, dtype=np.float64, reset=False)
        found = self.result_.model.predict_table(self._table(features)).astype(np.float64)  # type: ignore[attr-defined]
        whole: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)
        return whole

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Return the most probable label of each row."""
        chosen = self.predict_proba(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[chosen]
        return found

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "result_")

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - sklearn has no types
        tags = super().__sklearn_tags__()
        # Noise for ε = 1 hides what a few hundred rows could teach: scikit-learn's own accuracy
        # checks on such rows don't apply.
        tags.classifier_tags.poor_score = True
        return tags

    def _encode(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
        if self.classes is None:
            known, codes = np.unique(labels, return_inverse=True)
        else:
            known = np.unique(np.asarray(self.classes))
            codes = np.searchsorted(known, labels).clip(max=len(known) - 1)
            if (known[codes] != labels).any():
                raise EstimatorError("y holds a label that is not among the declared classes")
        if len(np.unique(codes)) < 2:  # noqa: PLR2004 - two make a choice
            raise EstimatorError("y has only one class: nothing can be learnt")
        return known, codes

    def _columns(self, count: int) -> dict[str, ColumnSpec]:
        if self.bounds is None:
            return {}
        try:
            low, high = (np.broadcast_to(np.asarray(b, np.float64), (count,)) for b in self.bounds)
        except ValueError as error:
            raise EstimatorError(
                f"bounds must be (low, high), each one number or {count} of them"
            ) from error
        if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
            raise EstimatorError("bounds must be finite and go from a lower to a higher number")
        pairs = zip(low.tolist(), high.tolist(), strict=True)
        return {f"x{i}": ColumnSpec(range=pair) for i, pair in enumerate(pairs)}

    def _table(self, features: NDArray[np.float64]) -> pa.Table:
        columns = [pa.array(np.ascontiguousarray(column)) for column in features.T]
        return pa.table(columns, names=[f"x{i}" for i in range(features.shape[1])])

    def _spec(self) -> TrainSpec:
        seed = None
        if self.random_state is not None:
            seed = int(check_random_state(self.random_state).randint(_SEEDS))
        if self.model not in MODELS:
            raise EstimatorError(
                f'model "{self.model}" is not for tables of numbers',
                hint=f"what is: {', '.join(MODELS)}",
            )
        asked: dict[str, Any] = {
            "model": self.model,
            "hidden": tuple(self.hidden),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "optimizer": self.optimizer,
            "seed": seed,
        }
        if self.epsilon is not None and np.isfinite(self.epsilon):
            guarantee = {"epsilon": self.epsilon, "delta": self.delta, "clip_norm": self.clip_norm}
            asked["privacy"] = guarantee
        try:
            return TrainSpec.model_validate(asked)
        except ValidationError as error:
            first = error.errors()[0]
            name = next((str(p) for p in reversed(first["loc"]) if p in asked | _GUARANTEE), "")
            raise EstimatorError(f"{name}: {first['msg'].lower()}") from error

    def _statement(self, made: PrivacyStatement | None) -> PrivacyStatement | None:
        if made is None:
            return None
        added = (_PIPELINE,) if self.classes is not None else (CLASSES_READ, _PIPELINE)
        return replace(made, not_covered=(*made.not_covered, *added))
