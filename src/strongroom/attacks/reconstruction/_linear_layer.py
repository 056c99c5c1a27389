"""Inputs read off the gradient of a linear layer: exactly, with no search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TINY = 1e-30
_RANK = 1e-5  # single-precision gradients have noise below it
_ZERO = 1e-3
_APART = 0.02  # from what is known, of length 1
_SUBSETS = 4096
_ROUNDS = 4
_SURE = 2  # times the zeros that any direction has


def one_row(weight: NDArray[np.floating[Any]], bias: NDArray[np.floating[Any]]) -> NDArray[Any]:
    """Return what the layer was given, float64 [d], from the gradients of one row.

    dW = δ xᵀ and db = δ (Phong et al. 2018, "Privacy-Preserving Deep Learning via Additively
    Homomorphic Encryption"), so x is the ratio; over all units by least squares.

    Args:
        weight: dW [units, d].
        bias: db [units].
    """
    b = np.asarray(bias, np.float64)
    found: NDArray[np.float64] = b @ np.asarray(weight, np.float64) / max(float(b @ b), _TINY)
    return found


def drawn_to_mean(
    found: NDArray[np.float64],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    bias: NDArray[np.float32],
    deviation: float,
    scale: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return noisy guesses [n, d] drawn to the population's mean, as far as the noise deserves.

    The attacker knows the noise, and what rows look like: this is the linear estimate of least
    squared error. Where the noise drowns the update, nothing but the mean is left.

    Args:
        found: what was read off one row's update; see `one_row`.
        mean: of inputs that the attacker knows, float64 [d].
        variance: of the same.
        bias: db [units].
        deviation: of the noise in every coordinate of the update.
        scale: what the layer multiplies an input with, float64 [d].
    """
    b = np.asarray(bias, np.float64)
    signal = float(b @ b) - len(b) * deviation**2
    if signal <= 0:
        return np.broadcast_to(mean, found.shape)
    error = np.square(deviation / scale) / signal
    drawn: NDArray[np.float64] = mean + variance / (variance + error) * (found - mean)
    return drawn


def several_rows(
    weight: NDArray[np.floating[Any]],
    bias: NDArray[np.floating[Any]],
    batch: int,
    coins: np.random.Generator,
) -> NDArray[np.float64]:
    """Return what a layer before a ReLU was given, float64 [found, d], from a batch's gradients.

    SPEAR (Dimitrov et al. 2024, "Exact Gradient Inversion of Batches"): dW = Δᵀ X has the rank of
    the batch, so its factors are known up to an invertible matrix; the right one is where the
    columns of Δ have the zeros that ReLU puts there. A column's direction comes out whenever
    `batch` - 1 drawn units are all ones that its row left inactive. Exact for small batches (the
    draws needed double with each row; some rows of 8 are still found), and nothing without ReLU.

    Args:
        weight: dW [units, d].
        bias: db [units].
        batch: rows in it.
        coins: which units are drawn.

    Returns:
        At most `batch` rows; fewer where some left too little in the gradient.
    """
    w, b = np.asarray(weight, np.float64), np.asarray(bias, np.float64)
    left, sizes, right = np.linalg.svd(w, full_matrices=False)
    rank = min(batch, int((sizes > _RANK * sizes[0]).sum())) if sizes.size and sizes[0] > 0 else 0
    if rank == 0:
        return np.zeros((0, w.shape[1]))
    if rank == 1:
        return one_row(w, b)[None]
    # An orthonormal factor, so that weak rows of the batch weigh as much as strong ones.
    low, high = left[:, :rank], sizes[:rank, None] * right[:rank]
    alive = np.linalg.norm(low, axis=1) > _RANK
    directions = _directions(low[alive], rank, coins)
    if not len(directions):
        return np.zeros((0, w.shape[1]))
    # Δ = low · Q, its rows' sizes from db = Δ 1; then X = Q⁻¹ · high.
    scale = np.linalg.lstsq(low @ directions.T, b, rcond=None)[0]
    good = np.abs(scale) > _TINY
    found: NDArray[np.float64] = np.linalg.pinv(directions[good].T * scale[good]) @ high
    return found


def _directions(
    low: NDArray[np.float64], rank: int, coins: np.random.Generator
) -> NDArray[np.float64]:
    """Return at most `rank` independent directions [found, rank] that make `low` sparsest."""
    if len(low) < rank:
        return np.zeros((0, rank))
    chosen = np.zeros((0, rank))
    for _ in range(_ROUNDS):
        drawn = np.argpartition(coins.random((_SUBSETS, len(low))), rank - 1, axis=1)[:, : rank - 1]
        tried = np.linalg.svd(low[drawn])[2][:, -1]
        # Any direction has the zeros that it was made to have; a true one has more.
        tried = tried[_zeros(low, tried) > rank]
        chosen = _sparsest(np.concatenate([chosen, tried]), low)
        if len(chosen) == rank and _zeros(low, chosen).min() >= _SURE * rank:
            break
    return chosen


def _zeros(low: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return in how many units each direction [m, rank] leaves nothing."""
    columns = np.abs(low @ directions.T)
    found: NDArray[np.int64] = (columns < _ZERO * columns.max(axis=0)).sum(axis=0)
    return found


def _sparsest(directions: NDArray[np.float64], low: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return independent ones among directions [m, rank], those with most zeros first."""
    order = np.argsort(-_zeros(low, directions), kind="stable")
    left = directions[order]
    kept: list[NDArray[np.float64]] = []
    basis = np.zeros((0, directions.shape[1]))
    while len(left) and len(kept) < directions.shape[1]:
        kept.append(left[0])
        rest = left[0] - basis.T @ (basis @ left[0])
        basis = np.concatenate([basis, rest[None] / np.linalg.norm(rest)])
        apart = left - (left @ basis.T) @ basis
        left = left[np.linalg.norm(apart, axis=1) > _APART]
    return np.array(kept).reshape(-1, directions.shape[1])
