"""The loops that train a model of a bank: forward, backward and the optimizer's step.

Rows that are mostly zeros (one-hot codes are) are kept as lists of what isn't: layer 1 is then a
sum of a dozen rows of weights instead of a product with a hundred. Weights lie as [in, out], so
that such a sum reads memory in order.
"""

# ruff: noqa: C901, PLR2004, D417 - compiled loops: no calls that could be spared

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.models.bank._simd import (
    LANES,
    add,
    divide,
    exponential,
    fused,
    least,
    load,
    most,
    multiply,
    root,
    splat,
    spread,
    store,
    subtract,
    total,
    where_positive,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Places = NDArray[np.int64]
    Rows = NDArray[np.int32]

_WIDE = 4 * LANES
SGD, MOMENTUM, ADAM = 0, 1, 2
_KEEP = np.float32(0.9)
_MIX, _MIX_SQUARE = np.float32(1 - 0.9), np.float32(1 - 0.999)
_TINY = np.float32(1e-8)
_ONE, _ZERO, _MINUS = np.float32(1), np.float32(0), np.float32(-1)
_LEAST_NOISE = 0.1  # as in training: below it a corrected second moment says nothing


@compiled
def sparse_forward(
    starts: Places, columns: Rows, values: Floats, rows: Rows, weight: Floats, out: Floats
) -> None:
    """Set out[r] to the bias plus the sum of value × weight[column] over a row's entries.

    Args:
        starts: int64[N + 1], where each row's entries begin.
        columns, values: of all entries.
        rows: int32[n], which rows.
        weight: float32[(d + 1) · lanes], the bias last.
        out: float32[n · lanes].
    """
    n = len(rows)
    if n == 0:
        return
    lanes = len(out) // n
    bias = len(weight) - lanes
    j = 0
    while j + _WIDE <= lanes:
        for r in range(n):
            at = bias + j
            a, b = load(weight, at), load(weight, at + LANES)
            c, d = load(weight, at + 2 * LANES), load(weight, at + 3 * LANES)
            for k in range(starts[rows[r]], starts[rows[r] + 1]):
                at = int(columns[k]) * lanes + j
                v = spread(values, k)
                a, b = fused(v, load(weight, at), a), fused(v, load(weight, at + LANES), b)
                c = fused(v, load(weight, at + 2 * LANES), c)
                d = fused(v, load(weight, at + 3 * LANES), d)
            at = r * lanes + j
            store(out, at, a)
            store(out, at + LANES, b)
            store(out, at + 2 * LANES, c)
            store(out, at + 3 * LANES, d)
        j += _WIDE
    while j + LANES <= lanes:
        for r in range(n):
            a = load(weight, bias + j)
            for k in range(starts[rows[r]], starts[rows[r] + 1]):
                a = fused(spread(values, k), load(weight, int(columns[k]) * lanes + j), a)
            store(out, r * lanes + j, a)
        j += LANES
    while j < lanes:
        for r in range(n):
            s = weight[bias + j]
            for k in range(starts[rows[r]], starts[rows[r] + 1]):
                s += values[k] * weight[int(columns[k]) * lanes + j]
            out[r * lanes + j] = s
        j += 1


@compiled
def sparse_backward(
    starts: Places, columns: Rows, values: Floats, rows: Rows, delta: Floats, out: Floats
) -> None:
    """Add value × delta[r] to out[column] for every entry of every row; see `sparse_forward`."""
    n = len(rows)
    if n == 0:
        return
    lanes = len(delta) // n
    j = 0
    while j + _WIDE <= lanes:
        for r in range(n):
            at = r * lanes + j
            a, b = load(delta, at), load(delta, at + LANES)
            c, d = load(delta, at + 2 * LANES), load(delta, at + 3 * LANES)
            for k in range(starts[rows[r]], starts[rows[r] + 1]):
                at = int(columns[k]) * lanes + j
                v = spread(values, k)
                store(out, at, fused(v, a, load(out, at)))
                store(out, at + LANES, fused(v, b, load(out, at + LANES)))
                store(out, at + 2 * LANES, fused(v, c, load(out, at + 2 * LANES)))
                store(out, at + 3 * LANES, fused(v, d, load(out, at + 3 * LANES)))
        j += _WIDE
    while j + LANES <= lanes:
        for r in range(n):
            a = load(delta, r * lanes + j)
            for k in range(starts[rows[r]], starts[rows[r] + 1]):
                at = int(columns[k]) * lanes + j
                store(out, at, fused(spread(values, k), a, load(out, at)))
        j += LANES
    while j < lanes:
        for r in range(n):
            for k in range(starts[rows[r]], starts[rows[r] + 1]):
                out[int(columns[k]) * lanes + j] += values[k] * delta[r * lanes + j]
        j += 1
    column_sums(delta, n, out[len(out) - lanes :])


@compiled
def column_sums(matrix: Floats, n: int, out: Floats) -> None:
    """Add the sum over the n rows of a flat matrix to `out`."""
    lanes = len(out)
    j = 0
    while j + LANES <= lanes:
        a = load(out, j)
        for r in range(n):
            a = add(a, load(matrix, r * lanes + j))
        store(out, j, a)
        j += LANES
    while j < lanes:
        for r in range(n):
            out[j] += matrix[r * lanes + j]
        j += 1


@compiled
def squared_norms(matrix: Floats, n: int, out: Floats) -> None:
    """Set out[r] to the squared length of row r of a flat matrix."""
    lanes = len(matrix) // max(n, 1)
    for r in range(n):
        a = splat(_ZERO)
        j = 0
        while j + LANES <= lanes:
            v = load(matrix, r * lanes + j)
            a = fused(v, v, a)
            j += LANES
        s = total(a)
        while j < lanes:
            s += matrix[r * lanes + j] * matrix[r * lanes + j]
            j += 1
        out[r] = s


@compiled
def rectify(matrix: Floats, bias: Floats, n: int) -> None:
    """Add a bias [lanes] to each row of a flat matrix and set what is below zero to zero."""
    lanes = len(bias)
    j = 0
    while j + LANES <= lanes:
        b = load(bias, j)
        for r in range(n):
            v = add(load(matrix, r * lanes + j), b)
            store(matrix, r * lanes + j, where_positive(v, v))
        j += LANES
    while j < lanes:
        for r in range(n):
            v = matrix[r * lanes + j] + bias[j]
            matrix[r * lanes + j] = max(v, _ZERO)
        j += 1


@compiled
def gate(delta: Floats, activation: Floats) -> None:
    """Set delta to zero where the activation is not above zero."""
    i = 0
    while i + LANES <= len(delta):
        store(delta, i, where_positive(load(delta, i), load(activation, i)))
        i += LANES
    while i < len(delta):
        if not activation[i] > _ZERO:
            delta[i] = _ZERO
        i += 1


@compiled
def scale_rows(matrix: Floats, factors: Floats, n: int) -> None:
    """Multiply row r of a flat matrix by factors[r]."""
    lanes = len(matrix) // max(n, 1)
    for r in range(n):
        f = splat(factors[r])
        j = 0
        while j + LANES <= lanes:
            store(matrix, r * lanes + j, multiply(f, load(matrix, r * lanes + j)))
            j += LANES
        while j < lanes:
            matrix[r * lanes + j] *= factors[r]
            j += 1


@compiled
def add_to(out: Floats, given: Floats, factor: np.float32) -> None:
    """Add factor × given to out."""
    f = splat(factor)
    i = 0
    while i + LANES <= len(given):
        store(out, i, fused(f, load(given, i), load(out, i)))
        i += LANES
    while i < len(given):
        out[i] += factor * given[i]
        i += 1


@compiled
def residuals(z: Floats, labels: Rows, classes: int) -> None:
    """Turn logits [n, classes] into chances minus truth."""
    for r in range(len(labels)):
        at = r * classes
        if classes == 2:
            # Each other's negative: one exponential does.
            chance = _ONE / (_ONE + np.exp(z[at] - z[at + 1]))
            z[at + 1] = chance - np.float32(labels[r])
            z[at] = -z[at + 1]
            continue
        highest = z[at]
        for k in range(1, classes):
            highest = max(highest, z[at + k])
        s = _ZERO
        for k in range(classes):
            z[at + k] = np.exp(z[at + k] - highest)
            s += z[at + k]
        for k in range(classes):
            z[at + k] /= s
        z[at + labels[r]] -= _ONE


@compiled
def shared_residuals(
    z: Floats,
    rows: Rows,
    labels: Rows,
    members: Floats,
    norms: Floats,
    classes: int,
    clip: float,
    normaliser: float,
) -> None:
    """Turn logits [n, outputs, models] into weighted (clipped) output gradients, in place.

    A linear model's gradient of one row is (chances - truth) × (inputs, 1), whose norm is the
    product of theirs. Of two classes one output, the difference, does the work of both.

    Args:
        z: flat; one output for two classes, else as many as there are classes.
        rows: int32[n], which rows of the whole.
        labels: int32[N].
        members: float32[N · models], 1 where a model learns from a row; models a multiple of 16.
        norms: float32[N], length of each row with its 1 for the bias.
        classes: how many there are.
        clip: bound on one row's gradient; infinity for none.
        normaliser: what the sum is divided by.
    """
    n = len(rows)
    outputs = 1 if classes == 2 else classes
    models = len(z) // max(1, n * outputs)
    one, zero = splat(_ONE), splat(_ZERO)
    bound, shrink = splat(np.float32(clip)), splat(np.float32(1 / normaliser))
    clipped = np.isfinite(clip)
    for r in range(n):
        row = int(rows[r])
        length = norms[row] * np.sqrt(np.float32(2)) if classes == 2 else norms[row]
        size = splat(length)
        for m in range(0, models, LANES):
            at = r * outputs * models + m
            weight = multiply(shrink, load(members, row * models + m))
            squared = zero
            if classes == 2:
                chance = divide(one, add(one, exponential(subtract(zero, load(z, at)))))
                d = subtract(chance, splat(np.float32(labels[row])))
                store(z, at, d)
                squared = multiply(d, d)
            else:
                highest = load(z, at)
                for k in range(1, classes):
                    highest = most(highest, load(z, at + k * models))
                s = zero
                for k in range(classes):
                    e = exponential(subtract(load(z, at + k * models), highest))
                    store(z, at + k * models, e)
                    s = add(s, e)
                for k in range(classes):
                    d = divide(load(z, at + k * models), s)
                    if k == labels[row]:
                        d = subtract(d, one)
                    store(z, at + k * models, d)
                    squared = fused(d, d, squared)
            if clipped:
                # A gradient of zero has a factor of infinity, which is cut to 1.
                norm = multiply(size, root(squared))
                weight = multiply(weight, least(divide(bound, norm), one))
            for k in range(outputs):
                store(z, at + k * models, multiply(weight, load(z, at + k * models)))


@compiled
def step(
    kind: int,
    parameters: Floats,
    gradient: Floats,
    first: Floats,
    second: Floats,
    number: int,
    rate: float,
    decay: float,
    noise: float,
) -> None:
    """Take step `number` (from 1) of an optimizer as training does, and clear the gradient.

    Args:
        kind: SGD, MOMENTUM or ADAM.
        parameters, gradient: float32[p]; p a multiple of 16.
        first, second: the moments that the kind keeps.
        number: of the step.
        rate: learning rate.
        decay: decoupled weight decay.
        noise: deviation that corrected Adam takes out of the second moment; 0 for plain Adam.
    """
    shrink, zero = splat(np.float32(1 - rate * decay)), splat(_ZERO)
    down = splat(np.float32(-rate))
    keep, mix, mix_square = splat(_KEEP), splat(_MIX), splat(_MIX_SQUARE)
    mend = splat(np.float32(1 / (1 - 0.999**number)))
    down_mended = splat(np.float32(-rate / (1 - 0.9**number)))
    minus = splat(np.float32(-noise * noise))
    floor = splat(np.float32((_LEAST_NOISE * noise) ** 2))
    tiny = splat(_TINY)
    for i in range(0, len(parameters), LANES):
        p, g = load(parameters, i), load(gradient, i)
        store(gradient, i, zero)
        if decay:
            p = multiply(p, shrink)
        if kind == SGD:
            p = fused(down, g, p)
        elif kind == MOMENTUM:
            v = fused(keep, load(first, i), g)
            store(first, i, v)
            p = fused(down, v, p)
        else:
            m, v = load(first, i), load(second, i)
            m = fused(mix, subtract(g, m), m)
            v = fused(mix_square, subtract(multiply(g, g), v), v)
            store(first, i, m)
            store(second, i, v)
            size = most(fused(v, mend, minus), floor)
            p = fused(down_mended, divide(m, add(root(size), tiny)), p)
        store(parameters, i, p)


@compiled
def average(mean: Floats, parameters: Floats, count: int) -> None:
    """Make `mean` the mean of `count` iterates, of which `parameters` is the last."""
    share = splat(np.float32(1 / count))
    for i in range(0, len(parameters), LANES):
        a = load(mean, i)
        store(mean, i, fused(share, subtract(load(parameters, i), a), a))
