"""The two guessers: one that never saw the model, and one that weighs its answers.

Both are small on purpose. What a model gives away must show as a difference between them, on
people that neither has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS = 100
_NEWTON = 30
_RIDGE = 1e-3
_NEAR = 1e-9


@dataclass(frozen=True, eq=False)
class Imputer:
    """Multinomial logistic regression from what is known to the value: weights [w + 1, K]."""

    weights: NDArray[np.float64]

    @classmethod
    def fit(cls, known: NDArray[np.floating[Any]], truth: NDArray[np.intp], values: int) -> Imputer:
        """Learn from people [n, w] whose value is known, int [n]."""
        import torch

        # Encodings have room for values that nobody here holds: they would cost, and teach nothing.
        told = np.append(np.ptp(known, axis=0) > 0, True)
        x = torch.from_numpy(_with_one(known)[:, told])
        y = torch.from_numpy(truth.astype(np.int64))
        weights = torch.zeros((x.shape[1], values), dtype=torch.float64, requires_grad=True)
        solver = torch.optim.LBFGS([weights], max_iter=_STEPS, line_search_fn="strong_wolfe")

        def loss() -> Any:  # noqa: ANN401 - a tensor
            solver.zero_grad()
            with torch.enable_grad():
                # The penalty of one more row: logistic regression's usual default.
                penalty = 0.5 * weights[:-1].square().sum() / len(y)
                cost = torch.nn.functional.cross_entropy(x @ weights, y) + penalty
            cost.backward()  # type: ignore[no-untyped-call]
            return cost

        with torch.enable_grad():
            solver.step(loss)  # type: ignore[no-untyped-call]
        found = np.zeros((len(told), values))
        found[told] = weights.detach().numpy()
        return cls(found)

    def log_chances(self, known: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return log P(value) float [n, K]."""
        return log_softmax(_with_one(known) @ self.weights)


def weigh(features: NDArray[np.float64], truth: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the weights [f] of a conditional logit (McFadden 1974) by Newton's method.

    P(value v) is proportional to exp(features[row, v] · weights): a handful of numbers says how far
    each kind of hint is to be trusted.

    Args:
        features: float [n, K, f].
        truth: int [n].
    """
    weights = np.zeros(features.shape[2])
    right = features[np.arange(len(truth)), truth]
    for _ in range(_NEWTON):
        chances = np.exp(log_softmax(features @ weights))
        mean = np.einsum("nk,nkf->nf", chances, features)
        slope = (mean - right).mean(axis=0) + _RIDGE * weights
        centred = features - mean[:, None, :]
        curve = np.einsum("nk,nkf,nkg->fg", chances, centred, centred) / len(truth)
        step = np.linalg.solve(curve + _RIDGE * np.eye(len(weights)), slope)
        weights -= np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < _NEAR:
            break
    return weights


def log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log softmax over the last axis."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    found: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return found


def _with_one(known: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return np.column_stack([known.astype(np.float64), np.ones(len(known))])
