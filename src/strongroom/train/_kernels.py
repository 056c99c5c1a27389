"""Sums over rows of an additive model: too slow in Python, too large for one NumPy expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def _residual(score: NDArray[np.float64], label: int) -> float:
    """Turn scores [outputs] into chances minus truth, in place; return their squared norm."""
    outputs = len(score)
    if outputs == 1:
        score[0] = 1.0 / (1.0 + np.exp(-score[0])) - label
        return float(score[0] * score[0])
    highest, total, squared = score.max(), 0.0, 0.0
    for k in range(outputs):
        score[k] = np.exp(score[k] - highest)
        total += score[k]
    for k in range(outputs):
        score[k] /= total
        if k == label:
            score[k] -= 1.0
        squared += score[k] * score[k]
    return squared


@compiled
def residual_histograms(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    references: NDArray[np.int64],
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    clip_norm: float,
    out: NDArray[np.float64],
) -> None:
    """Sum the clipped residuals of all rows into the constant's place and into each row's bins.

    A row's residual r (chances minus truth) goes to the constant and to its bin of every column
    but the reference bins: m places, so that its norm is |r| √m, which is clipped.

    Args:
        codes: int32[n, columns], the rows' bins.
        offsets: int64[columns], where each column's bins begin in `scores`.
        references: int64[columns], the bin that gets nothing; -1: none.
        labels: int64[n].
        scores: float64[1 + bins, outputs]; row 0 is the constant.
        clip_norm: L2 bound on one row's part; infinity for none.
        out: float64[1 + bins, outputs], overwritten.
    """
    rows, columns = codes.shape
    outputs = scores.shape[1]
    out[:] = 0.0
    score = np.empty(outputs)
    used = np.empty(columns + 1, np.int64)
    for row in range(rows):
        # Place 0 is the constant's.
        used[0], places = 0, 1
        for column in range(columns):
            if codes[row, column] != references[column]:
                used[places] = offsets[column] + codes[row, column]
                places += 1
        score[:] = 0.0
        for i in range(places):
            for k in range(outputs):
                score[k] += scores[used[i], k]
        norm = np.sqrt(_residual(score, labels[row]) * places)
        if norm > clip_norm:
            score *= clip_norm / norm
        for i in range(places):
            for k in range(outputs):
                out[used[i], k] += score[k]
