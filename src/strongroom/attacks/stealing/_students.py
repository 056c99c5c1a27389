"""Copies that learn from answers: a linear model, a small network, boosted trees."""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from strongroom.attacks._positions import few_values, spread_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_WIDTH = 64
_STEPS = 600
_BATCH = 256
_FEW = 500
_RATE = 0.01
_BETA1, _BETA2 = 0.9, 0.999
_WIDEST = 2_048  # numbers that a copy reads; more are mixed down by random signs
_WIDEST_TREES = 200  # boosting looks at every column in every step
_VOCABULARY = 1_024
_HELD_OUT = 5  # one answer in so many chooses between the copies
_CERTAIN = 1e-3


class Student(Protocol):
    """A copy."""

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return probabilities [n, classes]."""


class Reader:
    """Turns a model's inputs into numbers that any copy can learn from.

    Args:
        like: rows [n, …] that say which columns have few values.
        kind: of the model: tokens are counted, everything else is scaled.
    """

    def __init__(self, like: NDArray[Any], kind: str) -> None:
        self._kind, flat = kind, like.reshape(len(like), -1)
        self._like = flat
        few = [few_values(flat[:, i]) is not None for i in range(flat.shape[1])]
        plain = bool(((flat == 0) | (flat == 1)).all()) if flat.dtype.kind == "f" else False
        self._write_out = kind == "table" and not plain and any(few)
        width = self._raw(flat[:1]).shape[1]
        self._signs = None
        if width > _WIDEST:
            coins = np.random.default_rng(width)
            signs = coins.integers(0, 2, (width, _WIDEST // 2)).astype(np.float32) * 2 - 1
            self._signs = signs / np.float32(np.sqrt(width))
        seen = self._mixed(flat)
        self._mean, deviation = seen.mean(axis=0), seen.std(axis=0)
        self._scale = np.where(deviation > 0, deviation, 1.0).astype(np.float32)

    def __call__(self, inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, w]."""
        found: NDArray[np.float32] = (
            self._mixed(inputs.reshape(len(inputs), -1)) - self._mean
        ) / self._scale
        return found

    def _raw(self, flat: NDArray[Any]) -> NDArray[np.float32]:
        if self._kind == "text":
            return _counts(flat)
        if self._write_out:
            return spread_out(flat, self._like).astype(np.float32)
        return np.nan_to_num(flat.astype(np.float32))

    def _mixed(self, flat: NDArray[Any]) -> NDArray[np.float32]:
        raw = self._raw(flat)
        return raw if self._signs is None else raw @ self._signs


def _counts(tokens: NDArray[Any]) -> NDArray[np.float32]:
    """Return how often each token occurs, hashed into a fixed number of places."""
    out = np.zeros((len(tokens), _VOCABULARY), np.float32)
    found, places = np.unique(tokens, return_inverse=True)
    hashed = np.array([zlib.crc32(str(t).encode()) % _VOCABULARY for t in found.tolist()])
    rows = np.repeat(np.arange(len(tokens)), tokens.shape[1])
    np.add.at(out, (rows, hashed[places.ravel()]), 1.0)
    return out


def learn(
    features: NDArray[np.float32], answers: NDArray[np.float64], seed: int
) -> tuple[str, Student]:
    """Return the copy that agrees best with answers held out from it, trained on all of them.

    Args:
        features: float32 [n, w].
        answers: probabilities [n, classes], or 0 and 1 for labels.
        seed: of its coins.
    """
    held = np.arange(len(features)) % _HELD_OUT == 0
    wanted = answers[held].argmax(axis=1)
    best, agreed = "linear", -1.0
    for name, make in _MAKERS.items():
        student = make(features[~held], answers[~held], seed)
        if student is None:
            continue
        share = float((student(features[held]).argmax(axis=1) == wanted).mean())
        if share > agreed:
            best, agreed = name, share
    return best, teach(best, features, answers, seed)


def teach(
    name: str, features: NDArray[np.float32], answers: NDArray[np.float64], seed: int
) -> Student:
    """Return a copy of the kind that `learn` named."""
    student = _MAKERS[name](features, answers, seed)
    return student if student is not None else _linear(features, answers, seed)


def _linear(x: NDArray[np.float32], y: NDArray[np.float64], seed: int) -> Student:
    return _network(x, y, seed, hidden=0)


def _mlp(x: NDArray[np.float32], y: NDArray[np.float64], seed: int) -> Student:
    return _network(x, y, seed, hidden=_WIDTH)


def _network(x: NDArray[np.float32], y: NDArray[np.float64], seed: int, *, hidden: int) -> Student:
    """Minimise the cross-entropy to the answers by Adam, the rate falling to 0.

    Written out: for so small a network, calling torch takes longer than the arithmetic.
    """
    coins = np.random.default_rng(seed)
    inputs, targets = np.ascontiguousarray(x, np.float32), y.astype(np.float32)
    widths = [x.shape[1], *([hidden] if hidden else []), y.shape[1]]
    weights = [
        coins.uniform(-(a**-0.5), a**-0.5, (a, b)).astype(np.float32) for a, b in pairwise(widths)
    ]
    weights += [np.zeros(b, np.float32) for b in widths[1:]]  # then the constants
    first = [np.zeros_like(w) for w in weights]
    second = [np.zeros_like(w) for w in weights]
    layers = len(widths) - 1
    steps = _STEPS if len(x) > _FEW else _STEPS // 2
    for step in range(steps):
        rows = coins.integers(0, len(inputs), min(_BATCH, len(inputs)))
        seen = [inputs[rows]]
        for layer in range(layers):
            z = seen[-1] @ weights[layer] + weights[layers + layer]
            seen.append(np.maximum(z, 0) if layer < layers - 1 else _softmax(z))
        back = (seen[-1] - targets[rows]) / np.float32(len(rows))
        slopes: list[NDArray[np.float32]] = [back] * len(weights)
        for layer in reversed(range(layers)):
            slopes[layer], slopes[layers + layer] = seen[layer].T @ back, back.sum(axis=0)
            if layer:
                back = (back @ weights[layer].T) * (seen[layer] > 0)
        rate = _RATE * (1 - step / steps)
        for w, slope, mean, square in zip(weights, slopes, first, second, strict=True):
            mean[...] += (1 - _BETA1) * (slope - mean)
            square[...] += (1 - _BETA2) * (slope**2 - square)
            size = np.sqrt(square / (1 - _BETA2 ** (step + 1))) + 1e-8
            w[...] -= np.float32(rate / (1 - _BETA1 ** (step + 1))) * mean / size

    def answer(features: NDArray[np.float32]) -> NDArray[np.float64]:
        found = features
        for layer in range(layers):
            found = found @ weights[layer] + weights[layers + layer]
            found = np.maximum(found, 0) if layer < layers - 1 else found
        return _softmax(found.astype(np.float64))

    return answer


def _softmax(z: NDArray[Any]) -> NDArray[Any]:
    odds = np.exp(z - z.max(axis=1, keepdims=True))
    found: NDArray[Any] = odds / odds.sum(axis=1, keepdims=True)
    return found


def _boosted(x: NDArray[np.float32], y: NDArray[np.float64], seed: int) -> Student | None:
    """Boosted trees on each class as often as the answer says; None without scikit-learn."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError:
        return None
    if x.shape[1] > _WIDEST_TREES:
        return None
    rows, labels = np.nonzero(y > _CERTAIN)
    weights = y[rows, labels]
    if len(np.unique(labels)) < 2:  # noqa: PLR2004 - two make a choice
        return None
    fitted = HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
    fitted.fit(x[rows], labels, sample_weight=weights)
    classes = y.shape[1]

    def answer(features: NDArray[np.float32]) -> NDArray[np.float64]:
        out = np.zeros((len(features), classes))
        out[:, fitted.classes_] = fitted.predict_proba(features)
        return out

    return answer


_MAKERS: dict[str, Callable[[NDArray[np.float32], NDArray[np.float64], int], Student | None]] = {
    "linear": _linear,
    "network": _mlp,
    "boosted trees": _boosted,
}
