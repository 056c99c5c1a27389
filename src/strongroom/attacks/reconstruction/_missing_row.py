"""The one row that an attacker lacks, from a linear model and all the other rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TINY = 1e-30


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Logistic or softmax regression with a constant, at the least of its log loss and penalty.

    Attributes:
        weight: float64 [classes, d].
        bias: float64 [classes].
        penalty: (of the weights, of the bias): the sum of log losses plus half of it times the
            squares was made least.

    Two classes may be one row of weights and one bias: those of the second.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    penalty: tuple[float, float] = (0.0, 0.0)

    def slopes(self, inputs: NDArray[Any], labels: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Return p less the truth, float64 [n, rows of weights], for inputs [n, d]."""
        z = inputs.astype(np.float64) @ self.weight.T + self.bias
        if len(self.bias) == 1:
            # 1 / (1 + e^-z) without overflow.
            found: NDArray[np.float64] = 0.5 * (1 + np.tanh(z / 2)) - labels[:, None]
            return found
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(labels)), labels] -= 1
        return p

    def left_over(
        self, inputs: NDArray[Any], labels: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the slope of loss and penalty by weight and bias; zero at the optimum."""
        slopes = self.slopes(inputs, labels)
        by_weight = slopes.T @ inputs.astype(np.float64) + self.penalty[0] * self.weight
        return by_weight, slopes.sum(axis=0) + self.penalty[1] * self.bias


def missing_rows(
    by_weight: NDArray[np.float64], by_bias: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the row that each of n attackers lacks, float64 [n, d], and its label, int64 [n].

    At the optimum the slopes of all rows and of the penalty add up to zero, so what those of the
    known rows leave is the missing row's: (p - y) xᵀ by the weights and (p - y) by the bias, and x
    is their ratio (Balle, Cherubin, Hayes 2022, "Reconstructing Training Data with Informed
    Adversaries", section 3). Only the right class has a negative slope.

    Args:
        by_weight: [n, classes, d], what is left by the weights.
        by_bias: [n, classes], by the bias.
    """
    size = np.square(by_bias).sum(axis=1)
    rows = np.einsum("nk,nkd->nd", by_bias, by_weight) / np.maximum(size, _TINY)[:, None]
    if by_bias.shape[1] == 1:
        return rows, (by_bias[:, 0] < 0).astype(np.int64)
    return rows, by_bias.argmin(axis=1).astype(np.int64)
