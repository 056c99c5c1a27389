"""Which targets are one linear layer with a softmax, and what their training made least."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks.reconstruction._missing_row import LinearModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.config import TrainSpec
    from strongroom.models import Model

_NOT_LINEAR = NotEvaluable(
    "the model isn't a logistic or softmax regression: one linear layer with a constant",
    concerns=False,
)


def linear_model_of(
    target: Model, inputs: NDArray[Any], spec: TrainSpec | None
) -> tuple[LinearModel, NDArray[Any]] | NotEvaluable:
    """Return the linear model, and what its layer is given for inputs [n, ...]: [n, d].

    From a network that is one linear layer (TableModel "logistic", a linear head on fixed
    features), or an `estimator` of scikit-learn, alone or at the end of a pipeline.
    """
    estimator = getattr(target, "estimator", None)
    if estimator is not None:
        codec = getattr(target, "codec", None)
        return _of_estimator(estimator, inputs if codec is None else codec.decode(inputs))
    if not callable(getattr(getattr(target, "network", None), "parameters", None)):
        return _NOT_LINEAR
    return _of_network(target, inputs, spec)


def _of_network(
    target: Model, inputs: NDArray[Any], spec: TrainSpec | None
) -> tuple[LinearModel, NDArray[Any]] | NotEvaluable:
    # Both need torch, which whoever has a network has.
    from strongroom.attacks.reconstruction._first_layer import first_linear
    from strongroom.attacks.reconstruction._network import network_of

    found = network_of(target, inputs)
    if isinstance(found, NotEvaluable):
        return found
    network, inputs = found
    parameters = {name: p.detach().double().numpy() for name, p in network.named_parameters()}
    layer = first_linear(network, inputs.shape[1:])
    if layer is None or set(parameters) != {layer.weight, layer.bias}:
        return _NOT_LINEAR
    decay = 0.0
    if spec is not None and spec.weight_decay:
        if spec.optimizer not in {"sgd", "momentum"}:
            return NotEvaluable(
                f"{spec.optimizer} with weight decay makes no known function of the rows least"
            )
        decay = spec.weight_decay * len(inputs)
    flat = inputs.reshape(len(inputs), -1)
    plain = (layer.scale == 1).all() and (layer.shift == 0).all()
    given = flat if plain else flat * layer.scale + layer.shift
    model = LinearModel(parameters[layer.weight], parameters[layer.bias], (decay, decay))
    return model, given


def _of_estimator(
    estimator: Any,  # noqa: ANN401 - scikit-learn's, or its look-alike
    inputs: Any,  # noqa: ANN401 - what it takes
) -> tuple[LinearModel, NDArray[Any]] | NotEvaluable:
    estimator = getattr(estimator, "best_estimator_", estimator)
    if hasattr(estimator, "steps"):
        inputs = estimator[:-1].transform(inputs) if len(estimator.steps) > 1 else inputs
        estimator = estimator.steps[-1][1]
    if type(estimator).__name__ != "LogisticRegression" or not hasattr(estimator, "coef_"):
        return _NOT_LINEAR
    settings = estimator.get_params()
    if settings.get("class_weight") is not None or not settings.get("fit_intercept", True):
        return NotEvaluable("a logistic regression with class weights or without a constant")
    penalty = settings.get("penalty", "l2")
    if penalty in {"l1", "elasticnet"} or settings.get("l1_ratio"):
        return NotEvaluable("a logistic regression with an L1 penalty has no slope at zero")
    none = penalty in {None, "none"} or np.isinf(settings["C"])
    strength = 0.0 if none else 1 / float(settings["C"])
    of_bias = strength if settings.get("solver") == "liblinear" else 0.0
    weight, bias = (np.asarray(v, np.float64) for v in (estimator.coef_, estimator.intercept_))
    given = inputs.toarray() if hasattr(inputs, "toarray") else inputs
    try:
        rows = np.asarray(given, np.float64).reshape(len(given), -1)
    except (TypeError, ValueError):
        return NotEvaluable("the logistic regression is given values that aren't numbers")
    return LinearModel(weight, bias, (strength, of_bias)), rows
