"""What stands between the convolutions of a network: norms, tanh, means over places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.models.bank._simd import (
    LANES,
    add,
    divide,
    fused,
    load,
    multiply,
    quads,
    root,
    splat,
    store,
    subtract,
    tangent,
)

if TYPE_CHECKING:
    from strongroom.models.bank._convolution import Floats

GRID = 4
_GROUP = 4  # channels that are normalised together
_TINY = 1e-5


@compiled
def normalise(
    y: Floats, n: int, width: int, gamma: Floats, beta: Floats, scales: Floats, bent: Floats
) -> None:
    """Normalise y [n, width] in place; `bent` gets tanh of it scaled; `scales` 1 / deviation."""
    one, share = splat(np.float32(1)), splat(np.float32(1.0 / (_GROUP * n)))
    for j in range(0, width, LANES):
        # Two sums side by side: one would wait for itself.
        s, t = splat(np.float32(0)), splat(np.float32(0))
        for p in range(n // 2):
            s = add(s, load(y, p * width + j))
            t = add(t, load(y, (n // 2 + p) * width + j))
        if n % 2:
            s = add(s, load(y, (n - 1) * width + j))
        mean = multiply(quads(add(s, t)), share)
        s, t = splat(np.float32(0)), splat(np.float32(0))
        for p in range(n // 2):
            v = subtract(load(y, p * width + j), mean)
            s = fused(v, v, s)
            v = subtract(load(y, (n // 2 + p) * width + j), mean)
            t = fused(v, v, t)
        if n % 2:
            v = subtract(load(y, (n - 1) * width + j), mean)
            s = fused(v, v, s)
        variance = add(multiply(quads(add(s, t)), share), splat(np.float32(_TINY)))
        scale = divide(one, root(variance))
        store(scales, j, scale)
        g, b = load(gamma, j), load(beta, j)
        for p in range(n):
            v = multiply(subtract(load(y, p * width + j), mean), scale)
            store(y, p * width + j, v)
            store(bent, p * width + j, tangent(fused(v, g, b)))


@compiled
def normalise_back(
    delta: Floats, normal: Floats, bent: Floats, scales: Floats, n: int, width: int, gamma: Floats,
    gamma_sink: Floats, beta_sink: Floats, bias_sink: Floats,
) -> None:  # fmt: skip
    """Turn the gradient of `bent` into that of what was normalised, in place."""
    one = splat(np.float32(1))
    share = splat(np.float32(-1.0 / (_GROUP * n)))
    for j in range(0, width, LANES):
        g, first, second = load(gamma, j), splat(np.float32(0)), splat(np.float32(0))
        for p in range(n):
            at = p * width + j
            t = load(bent, at)
            d = multiply(load(delta, at), subtract(one, multiply(t, t)))
            store(delta, at, d)
            first = add(first, d)
            second = fused(d, load(normal, at), second)
        store(beta_sink, j, add(load(beta_sink, j), first))
        store(gamma_sink, j, add(load(gamma_sink, j), second))
        mean = multiply(quads(multiply(first, g)), share)
        slope = multiply(quads(multiply(second, g)), share)
        scale, s = load(scales, j), splat(np.float32(0))
        for p in range(n):
            at = p * width + j
            d = fused(load(delta, at), g, fused(load(normal, at), slope, mean))
            d = multiply(d, scale)
            store(delta, at, d)
            s = add(s, d)
        store(bias_sink, j, add(load(bias_sink, j), s))


@compiled
def pool(x: Floats, high: int, wide: int, width: int, out: Floats, pitch: int) -> None:
    """Set out [high // 2, pitch, width] to means over 2×2 of x [high, wide, width]."""
    quarter = splat(np.float32(0.25))
    for row in range(high // 2):
        for column in range(wide // 2):
            at, to = (2 * row * wide + 2 * column) * width, (row * pitch + column) * width
            below = at + wide * width
            for j in range(0, width, LANES):
                v = add(load(x, at + j), load(x, at + width + j))
                v = add(v, add(load(x, below + j), load(x, below + width + j)))
                store(out, to + j, multiply(v, quarter))


@compiled
def pool_back(delta: Floats, pitch: int, high: int, wide: int, width: int, out: Floats) -> None:
    """Spread the gradient of means, [high // 2, pitch, width], over x [high, wide, width]."""
    quarter = splat(np.float32(0.25))
    if high % 2 or wide % 2:
        out[:] = np.float32(0)
    for row in range(2 * (high // 2)):
        for column in range(2 * (wide // 2)):
            at = ((row // 2) * pitch + column // 2) * width
            to = (row * wide + column) * width
            for j in range(0, width, LANES):
                store(out, to + j, multiply(load(delta, at + j), quarter))


@compiled
def grid(x: Floats, high: int, wide: int, width: int, out: Floats, back: bool) -> None:  # noqa: FBT001
    """Average x [high, wide, width] over a grid of 4×4; `back` adds gradients of out to x."""
    for a in range(GRID):
        top, bottom = a * high // GRID, -(-(a + 1) * high // GRID)
        for b in range(GRID):
            left, right = b * wide // GRID, -(-(b + 1) * wide // GRID)
            share = splat(np.float32(1.0 / ((bottom - top) * (right - left))))
            for j in range(0, width, LANES):
                to = (a * GRID + b) * width + j
                v = multiply(load(out, to), share) if back else splat(np.float32(0))
                for row in range(top, bottom):
                    for column in range(left, right):
                        at = (row * wide + column) * width + j
                        if back:
                            store(x, at, add(load(x, at), v))
                        else:
                            v = fused(load(x, at), share, v)
                if not back:
                    store(out, to, v)
