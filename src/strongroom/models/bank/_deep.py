"""One MLP of a bank, trained in one call: everything that a step touches stays in the cache."""

# ruff: noqa: C901, PLR0912, PLR0917, D417 - compiled loops: no calls that could be spared

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.models.bank._kernels import (
    add_to,
    average,
    column_sums,
    gate,
    rectify,
    residuals,
    scale_rows,
    sparse_backward,
    sparse_forward,
    squared_norms,
    step,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.models.bank._kernels import Floats, Places, Rows


@compiled
def forward(
    starts: Places,
    columns: Rows,
    values: Floats,
    dense: NDArray[np.float32],
    rows: Rows,
    widths: Places,
    parameters: Floats,
    outputs: Floats,
) -> None:
    """Set the outputs of every layer, one after the other, float32[n · sum of the widths above].

    Args:
        starts, columns, values: the rows' entries (see `sparse_forward`), or `starts` is empty.
        dense: else the rows, float32[N, d].
        rows: int32[n], which of them.
        widths: int64[layers + 1], of the input and of every layer.
        parameters: per layer its weights [in, out], then its bias.
        outputs: is filled: rectified but for the last layer.
    """
    n = len(rows)
    at = to = came = 0
    for layer in range(len(widths) - 1):
        given, width = widths[layer], widths[layer + 1]
        out = outputs[to : to + n * width]
        last = layer == len(widths) - 2
        size = given * width
        bias = parameters[at + size : at + size + width]
        if layer == 0 and len(starts):
            weight = parameters[at : at + size + width]
            sparse_forward(starts, columns, values, rows, weight, out)
            if not last:
                gate(out, out)
        else:
            product = parameters[at : at + size].reshape(given, width)
            if layer == 0:
                batch = np.empty((n, given), np.float32)
                for r in range(n):
                    batch[r] = dense[rows[r]]
                np.dot(batch, product, out.reshape(n, width))
            else:
                below = outputs[came : came + n * given].reshape(n, given)
                np.dot(below, product, out.reshape(n, width))
            if not last:
                rectify(out, bias, n)
            else:
                for r in range(n):
                    for k in range(width):
                        out[r * width + k] += bias[k]
        came = to
        to += n * width
        at += size + width


@compiled
def _backward(
    starts: Places,
    columns: Rows,
    values: Floats,
    dense: NDArray[np.float32],
    rows: Rows,
    widths: Places,
    parameters: Floats,
    outputs: Floats,
    deltas: Floats,
    squares: Floats,
    clip: float,
    gradient: Floats,
    scratch: Floats,
) -> None:
    """Add the sum of the rows' (clipped) gradients; `deltas` holds those of the logits already."""
    n, layers = len(rows), len(widths) - 1
    at, to = len(parameters), 0
    for layer in range(layers):
        to += n * widths[layer + 1]
    # From the top down: every layer's output gradient.
    top, at = to - n * widths[layers], 0
    for layer in range(layers):
        at += (widths[layer] + 1) * widths[layer + 1]
    end = at
    clipped = np.isfinite(clip)
    norms, part = np.zeros(n, np.float32), np.zeros(n, np.float32)
    inputs = np.zeros(n, np.float32)
    for layer in range(layers - 1, -1, -1):
        given, width = widths[layer], widths[layer + 1]
        at -= (given + 1) * width
        delta = deltas[top : top + n * width]
        if clipped:
            squared_norms(delta, n, part)
            if layer:
                squared_norms(outputs[top - n * given : top], n, inputs)
                for r in range(n):
                    norms[r] += part[r] * (inputs[r] + np.float32(1))
            else:
                for r in range(n):
                    norms[r] += part[r] * (squares[rows[r]] + np.float32(1))
        if layer:
            weight = parameters[at : at + given * width].reshape(given, width)
            below = deltas[top - n * given : top]
            np.dot(delta.reshape(n, width), weight.T, below.reshape(n, given))
            gate(below, outputs[top - n * given : top])
            top -= n * given
    if clipped:
        for r in range(n):
            norm = np.sqrt(norms[r])
            part[r] = np.float32(clip) / norm if norm > clip else np.float32(1)
    at, top = end, to
    for layer in range(layers - 1, -1, -1):
        given, width = widths[layer], widths[layer + 1]
        at -= (given + 1) * width
        top -= n * width
        size = given * width
        delta = deltas[top : top + n * width]
        if clipped:
            scale_rows(delta, part, n)
        if layer == 0 and len(starts):
            sparse_backward(starts, columns, values, rows, delta, gradient[at : at + size + width])
            continue
        product = scratch[:size]
        if layer:
            below = outputs[top - n * given : top].reshape(n, given)
            np.dot(below.T, delta.reshape(n, width), product.reshape(given, width))
        else:
            batch = np.empty((n, given), np.float32)
            for r in range(n):
                batch[r] = dense[rows[r]]
            np.dot(batch.T, delta.reshape(n, width), product.reshape(given, width))
        add_to(gradient[at : at + size], product, np.float32(1))
        column_sums(delta, n, gradient[at + size : at + size + width])


@compiled
def descend(
    starts: Places,
    columns: Rows,
    values: Floats,
    dense: NDArray[np.float32],
    labels: Rows,
    squares: Floats,
    member: NDArray[np.bool_],
    batch_starts: Places,
    batch_rows: Rows,
    widths: Places,
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
) -> None:
    """Take one step for each batch.

    Args:
        starts, columns, values, dense, widths: see `forward`.
        labels: int32[N].
        squares: float32[N], squared length of each row.
        member: bool[N], which rows the model learns from.
        batch_starts: int64[steps + 1], where each batch begins in `batch_rows`, int32: the rows
            that are shown; those that the model doesn't learn from are passed over.
        parameters, first, second, mean: float32[p], p a multiple of 16; changed in place.
        noise: float32[steps, p], added to the sum of the gradients; [0, 0]: none.
        kind, rate, decay, deviation: see `step`.
        clip: bound on one row's gradient; infinity: none.
        normaliser: what the sum of a batch is divided by.
        done: steps that were taken before.
        average_from: the first step (from 0) whose iterate is averaged.
        block: rows that go through the network together, at most.
    """
    outputs = np.empty(block * widths[1:].sum(), np.float32)
    deltas = np.empty_like(outputs)
    scratch = np.empty(len(parameters), np.float32)
    gradient = np.zeros(len(parameters), np.float32)
    used = 0
    for layer in range(len(widths) - 1):
        used += (widths[layer] + 1) * widths[layer + 1]
    hidden = outputs[:0]
    classes = widths[-1]
    chosen = np.empty(np.diff(batch_starts).max(), np.int32)
    truth = np.empty(block, np.int32)
    for s in range(len(batch_starts) - 1):
        count = 0
        for i in range(batch_starts[s], batch_starts[s + 1]):
            if member[batch_rows[i]]:
                chosen[count] = batch_rows[i]
                count += 1
        parts = (count + block - 1) // block
        for p in range(parts):
            rows = chosen[p * count // parts : (p + 1) * count // parts]
            n = len(rows)
            size = n * widths[1:].sum()
            hidden = outputs[:size]
            forward(starts, columns, values, dense, rows, widths, parameters, hidden)
            logits = deltas[size - n * classes : size]
            logits[:] = hidden[size - n * classes :]
            for r in range(n):
                truth[r] = labels[rows[r]]
            residuals(logits, truth[:n], classes)
            _backward(
                starts, columns, values, dense, rows, widths, parameters, hidden, deltas[:size],
                squares, clip, gradient, scratch,
            )  # fmt: skip
        if len(noise):
            add_to(gradient[:used], noise[s, :used], np.float32(1))
        for i in range(used):
            gradient[i] /= np.float32(normaliser)
        number = done + s + 1
        step(kind, parameters, gradient, first, second, number, rate, decay, deviation)
        if number > average_from:
            average(mean, parameters, number - average_from)
