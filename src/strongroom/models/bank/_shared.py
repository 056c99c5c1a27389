"""Linear models of a bank, trained as one layer whose outputs are all of them."""

# ruff: noqa: C901, PLR0912, PLR0917, PLR2004, D417 - compiled loops: no calls that could be spared

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.models.bank._kernels import (
    add_to,
    average,
    column_sums,
    shared_residuals,
    sparse_backward,
    sparse_forward,
    step,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.models.bank._kernels import Floats, Places, Rows


@compiled
def descend_together(
    starts: Places,
    columns: Rows,
    values: Floats,
    dense: NDArray[np.float32],
    labels: Rows,
    members: Floats,
    norms: Floats,
    batch_starts: Places,
    batch_rows: Rows,
    width: int,
    classes: int,
    parameters: Floats,
    first: Floats,
    second: Floats,
    mean: Floats,
    noise: NDArray[np.float32],
    kind: int,
    rate: float,
    decay: float,
    deviation: float,
    clip: float,
    normaliser: float,
    done: int,
    average_from: int,
    block: int,
    biased: bool,  # noqa: FBT001 - kernels are called by position
) -> None:
    """Take one step of all models for each batch; arguments as for `descend`, but for these.

    Args:
        members: float32[N · models], 1 where a model learns from a row; models a multiple of 16.
        norms: float32[N], length of each row with its 1 for the bias.
        width: of a row.
        classes: outputs of a model.
        biased: whether there is a bias; else it stays what it is.
        parameters: float32[(width + 1) · classes · models], the bias last.
    """
    models = len(parameters) // ((width + 1) * classes)
    outputs = 1 if classes == 2 else classes
    lanes = outputs * models
    weight, change = parameters, np.zeros((width + 1) * lanes, np.float32)
    scratch = np.empty(0, np.float32)
    if not len(starts):
        scratch = np.empty(width * lanes, np.float32)
    gradient = change
    if classes == 2:
        weight = np.empty((width + 1) * models, np.float32)
        gradient = np.zeros(len(parameters), np.float32)
    z = np.empty(block * lanes, np.float32)
    one, minus = np.float32(1), np.float32(-1)
    for s in range(len(batch_starts) - 1):
        if classes == 2:
            for i in range(width + 1):
                w = weight[i * models : (i + 1) * models]
                w[:] = parameters[(2 * i + 1) * models : (2 * i + 2) * models]
                add_to(w, parameters[2 * i * models : (2 * i + 1) * models], minus)
        for begin in range(batch_starts[s], batch_starts[s + 1], block):
            rows = batch_rows[begin : min(begin + block, batch_starts[s + 1])]
            n = len(rows)
            out = z[: n * lanes]
            if len(starts):
                sparse_forward(starts, columns, values, rows, weight, out)
                shared_residuals(out, rows, labels, members, norms, classes, clip, normaliser)
                sparse_backward(starts, columns, values, rows, out, change)
                continue
            batch = np.empty((n, width), np.float32)
            for r in range(n):
                batch[r] = dense[rows[r]]
            product = weight[: width * lanes].reshape(width, lanes)
            np.dot(batch, product, out.reshape(n, lanes))
            for r in range(n):
                add_to(out[r * lanes : (r + 1) * lanes], weight[width * lanes :], one)
            shared_residuals(out, rows, labels, members, norms, classes, clip, normaliser)
            np.dot(batch.T, out.reshape(n, lanes), scratch.reshape(width, lanes))
            add_to(change, scratch, one)
            column_sums(out, n, change[width * lanes :])
        if classes == 2:
            for i in range(width + 1):
                g = change[i * models : (i + 1) * models]
                add_to(gradient[(2 * i + 1) * models : (2 * i + 2) * models], g, one)
                add_to(gradient[2 * i * models : (2 * i + 1) * models], g, minus)
            change[:] = np.float32(0)
        if len(noise):
            add_to(gradient, noise[s], np.float32(1 / normaliser))
        if not biased:
            gradient[width * classes * models :] = np.float32(0)
        number = done + s + 1
        step(kind, parameters, gradient, first, second, number, rate, decay, deviation)
        if number > average_from:
            average(mean, parameters, number - average_from)
