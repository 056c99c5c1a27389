"""What every adapter must do, ours or a stranger's: run a model through `check_model`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from strongroom.data import Dataset
    from strongroom.models import Model

    Made = Any  # what has more than the protocol asks for


def check_model(model: Model, members: Dataset, others: Dataset) -> None:
    """Hold a model and two datasets that fit it against the protocol that attacks rely on."""
    made: Any = model
    assert len(set(model.classes)) == len(model.classes) >= 2
    inputs, labels = made.read(members)
    again, more = made.read(others)
    assert isinstance(inputs, np.ndarray)
    assert len(inputs) == len(labels) == members.rows
    assert len(again) == len(more) == others.rows
    # Members and others are put under each other, and asked about together.
    together = np.concatenate([inputs, again])
    assert labels.min() >= 0
    assert labels.max() < len(model.classes)
    found = model.predict_proba(together)
    assert found.dtype == np.float32
    assert found.shape == (len(together), len(model.classes))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-3)
    # A row's answer doesn't hang on the rows beside it, nor on their order.
    some = np.random.default_rng(0).permutation(len(together))[:7]
    np.testing.assert_allclose(model.predict_proba(together[some]), found[some], atol=1e-5)
    # What was read is a number of a code that never changes: reading again says the same.
    np.testing.assert_array_equal(made.read(members)[0], inputs)
    assert model.predict_proba(inputs[:0]).shape == (0, len(model.classes))
    assert made.digest() == made.digest()
    json.dumps(made.describe())
    _check_logits(made, together, found)
    _check_gradient(made, together, labels)
    _check_fit(made, inputs, labels)


def _check_logits(model: Made, inputs: np.ndarray, found: np.ndarray) -> None:
    logits = getattr(model, "logits", None)
    if not callable(logits):
        return
    scores = np.asarray(logits(inputs), np.float64)
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    np.testing.assert_allclose(raised / raised.sum(axis=1, keepdims=True), found, atol=1e-4)


def _check_gradient(model: Made, inputs: np.ndarray, labels: np.ndarray) -> None:
    gradient = getattr(model, "input_gradient", None)
    if not callable(gradient) or inputs.dtype.kind != "f":
        return
    part, own = inputs[:3], labels[:3]
    found = gradient(part, own)
    assert found.shape == part.shape
    assert np.isfinite(found).all()


def _check_fit(model: Made, inputs: np.ndarray, labels: np.ndarray) -> None:
    fit = getattr(model, "fit", None)
    if not callable(fit):
        return
    assert model.recipe, "what is fitted anew needs a recipe: it is the key of caches"
    json.dumps(model.recipe)
    rows = np.arange(len(inputs)) % 3 > 0
    first, second = (fit(inputs[rows], labels[rows], 5) for _ in range(2))
    assert first.classes == model.classes
    np.testing.assert_array_equal(first.predict_proba(inputs), second.predict_proba(inputs))
