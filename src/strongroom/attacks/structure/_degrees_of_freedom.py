"""Rows left over for every number that the model could choose freely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks.structure._inside import NOT_OPEN, estimator_of, is_open, trees_of

if TYPE_CHECKING:
    from strongroom.attacks._situation import Situation
    from strongroom.models import Model

_KNOWLEDGE = "the model itself, and how many rows it learnt from"
# What is fitted, by the names that scikit-learn's estimators and their like give it.
_FITTED = (
    ("dual_coef_", "intercept_"),
    ("coefs_", "intercepts_"),
    ("coef_", "intercept_"),
    ("theta_", "var_", "class_prior_"),
    ("feature_log_prob_", "class_log_prior_"),
    ("means_", "covariance_", "priors_"),
)
_KEEPS_ROWS = ("_fit_X", "X_train_")


def count_parameters(model: Model) -> tuple[int, str] | None:
    """Return (how many numbers a model learnt, how they were counted); None if it can't be told.

    A tree has two for each node that asks (column, threshold) and as many for each leaf as its
    answer has free numbers, as SACRO-ML counts.
    """
    trees = trees_of(model)
    if trees:
        return sum(2 * t.inner + t.answers * t.leaves for t in trees), f"{len(trees):,} trees"
    tensors = getattr(model, "tensors", None)
    if callable(tensors):
        return sum(int(np.size(v)) for v in tensors().values()), "its tensors"
    network = getattr(model, "network", None)
    if network is not None:
        return sum(int(p.numel()) for p in network.parameters()), "weights of the network"
    graph = getattr(model, "graph", None)
    if graph is not None:
        sizes = [a.size for _, a in graph.arrays() if a.dtype.kind == "f"]
        return (int(sum(sizes)), "constants of the graph") if sizes else None
    return _of_estimator(estimator_of(model))


def _of_estimator(estimator: Any) -> tuple[int, str] | None:  # noqa: ANN401
    for names in _FITTED:
        parts = [getattr(estimator, name, None) for name in names]
        if parts[0] is not None:
            return sum(_size(part) for part in parts), " + ".join(names)
    return None


def _size(part: Any) -> int:  # noqa: ANN401 - an array, a sparse one, a list of arrays, a number
    if part is None:
        return 0
    if isinstance(part, list | tuple):
        return sum(_size(p) for p in part)
    return int(part.nnz if hasattr(part, "nnz") else np.size(part))


class DegreesOfFreedom:
    """Rows less parameters; below nought, the model could write every row down."""

    name = "structure.parameters"
    kinds = ("table", "image", "text")
    metrics = ("structure.degrees_of_freedom",)

    def run(self, situation: Situation) -> Measured | NotEvaluable:
        """Count both."""
        model = situation.target
        if not is_open(model) and not callable(getattr(model, "tensors", None)):
            return NotEvaluable(NOT_OPEN)
        estimator = estimator_of(model)
        if any(getattr(estimator, name, None) is not None for name in _KEEPS_ROWS):
            return NotEvaluable(
                f"a {type(estimator).__name__} has no parameters: it keeps the rows themselves"
            )
        found = count_parameters(model)
        if found is None:
            return NotEvaluable(
                f"it is not known how many parameters a {type(estimator or model).__name__} has"
            )
        parameters, how = found
        rows = len(situation.members)
        value = Value(
            self.metrics[0],
            float(rows - parameters),
            details={"rows": rows, "parameters": parameters, "counted": how},
        )
        return Measured((value,), knowledge=_KNOWLEDGE)
