"""Convolutions of 5×5 in compiled loops: channels last, sixteen of them at a time.

Where there are channels enough, a row's convolution is done on four outputs together after
Winograd (Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks"; here along the
row only, F(4, 5)): eight products instead of twenty. Weights are brought to that form once a step,
and their gradients back.
"""

# ruff: noqa: PLR0915, D417 - compiled loops: no calls that could be spared

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.models.bank._simd import LANES, add, fused, load, splat, spread, store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SIDE = 5  # of the kernel
OUT, POINTS = 4, 8  # outputs of a tile, and its products
TILE = 7  # positions whose sums are held in registers
_ZERO = np.float32(0)


def winograd() -> tuple[Floats, Floats, Floats]:
    """Return float32 A [8, 4], G [8, 5], B [8, 8]: outputs are Aᵀ((G g) · (B d))."""
    finite = np.array([0, 1, -1, 2, -2, 0.5, -0.5])
    a = np.vstack([finite[:, None] ** np.arange(OUT), np.eye(OUT)[-1]])
    weight = [np.prod([p - q for q in finite if q != p]) for p in finite]
    g = np.vstack(
        [finite[:, None] ** np.arange(SIDE) / np.array(weight)[:, None], np.eye(SIDE)[-1]]
    )
    # B is what makes it a convolution: sum over the points of A[i, k] G[i, j] B[i, k + j] is 1.
    system = np.einsum("ik,ij->kji", a, g).reshape(-1, POINTS)
    wanted = np.array([np.eye(POINTS)[k + j] for k in range(OUT) for j in range(SIDE)])
    b = np.linalg.lstsq(system, wanted, rcond=None)[0]
    return a.astype(np.float32), g.astype(np.float32), b.round(9).astype(np.float32)


@compiled
def product(
    x: Floats, shift: int, shifts: int, inner: int, weight: Floats, width: int, out: Floats, n: int
) -> None:
    """Set out[p] to the sum over s, k of x[p + s · shift, k] × weight[s, k].

    Args:
        x: flat [at least n + (shifts - 1) · shift, inner].
        shift, shifts: how far the rows of a sum lie apart, and how many there are.
        inner: numbers in a row.
        weight: flat [shifts, inner, width]; width a multiple of 16.
        out: flat [n, width].
        n: a multiple of 7.
    """
    zero = splat(_ZERO)
    j = 0
    while j < width:
        two = j + 2 * LANES <= width
        # Sums of 7 places in 32 columns, or in 16 where there are but 16.
        for p in range(0, n, TILE):
            a0 = a1 = a2 = a3 = a4 = a5 = a6 = zero
            b0 = b1 = b2 = b3 = b4 = b5 = b6 = zero
            for s in range(shifts):
                at, w = (p + s * shift) * inner, s * inner * width + j
                if two:
                    for k in range(inner):
                        u, v = load(weight, w), load(weight, w + LANES)
                        e = spread(x, at + k)
                        a0, b0 = fused(e, u, a0), fused(e, v, b0)
                        e = spread(x, at + inner + k)
                        a1, b1 = fused(e, u, a1), fused(e, v, b1)
                        e = spread(x, at + 2 * inner + k)
                        a2, b2 = fused(e, u, a2), fused(e, v, b2)
                        e = spread(x, at + 3 * inner + k)
                        a3, b3 = fused(e, u, a3), fused(e, v, b3)
                        e = spread(x, at + 4 * inner + k)
                        a4, b4 = fused(e, u, a4), fused(e, v, b4)
                        e = spread(x, at + 5 * inner + k)
                        a5, b5 = fused(e, u, a5), fused(e, v, b5)
                        e = spread(x, at + 6 * inner + k)
                        a6, b6 = fused(e, u, a6), fused(e, v, b6)
                        w += width
                else:
                    for k in range(inner):
                        u = load(weight, w)
                        a0 = fused(spread(x, at + k), u, a0)
                        a1 = fused(spread(x, at + inner + k), u, a1)
                        a2 = fused(spread(x, at + 2 * inner + k), u, a2)
                        a3 = fused(spread(x, at + 3 * inner + k), u, a3)
                        a4 = fused(spread(x, at + 4 * inner + k), u, a4)
                        a5 = fused(spread(x, at + 5 * inner + k), u, a5)
                        a6 = fused(spread(x, at + 6 * inner + k), u, a6)
                        w += width
            to = p * width + j
            store(out, to, a0)
            store(out, to + width, a1)
            store(out, to + 2 * width, a2)
            store(out, to + 3 * width, a3)
            store(out, to + 4 * width, a4)
            store(out, to + 5 * width, a5)
            store(out, to + 6 * width, a6)
            if two:
                to += LANES
                store(out, to, b0)
                store(out, to + width, b1)
                store(out, to + 2 * width, b2)
                store(out, to + 3 * width, b3)
                store(out, to + 4 * width, b4)
                store(out, to + 5 * width, b5)
                store(out, to + 6 * width, b6)
        j += 2 * LANES if two else LANES


@compiled
def outer(
    x: Floats, shift: int, shifts: int, inner: int, y: Floats, width: int, out: Floats, n: int
) -> None:
    """Add to out[s, k] the sum over p of x[p + s · shift, k] × y[p].

    Args: as for `product`; `y` is flat [n, width], `out` flat [shifts, inner, width]; `inner` is a
    multiple of 8 and `width` of 16.
    """
    for s in range(shifts):
        j = 0
        while j < width:
            two = j + 2 * LANES <= width
            # Sums of 8 numbers in 32 columns, or, where there are but 16, of 8 numbers in 16.
            far = LANES if two else 4 * width
            for k in range(0, inner, 4 if two else 8):
                to = (s * inner + k) * width + j
                a0, b0 = load(out, to), load(out, to + far)
                a1, b1 = load(out, to + width), load(out, to + width + far)
                a2, b2 = load(out, to + 2 * width), load(out, to + 2 * width + far)
                a3, b3 = load(out, to + 3 * width), load(out, to + 3 * width + far)
                at = s * shift * inner + k
                if two:
                    for p in range(n):
                        u, v = load(y, p * width + j), load(y, p * width + j + LANES)
                        e = spread(x, at)
                        a0, b0 = fused(e, u, a0), fused(e, v, b0)
                        e = spread(x, at + 1)
                        a1, b1 = fused(e, u, a1), fused(e, v, b1)
                        e = spread(x, at + 2)
                        a2, b2 = fused(e, u, a2), fused(e, v, b2)
                        e = spread(x, at + 3)
                        a3, b3 = fused(e, u, a3), fused(e, v, b3)
                        at += inner
                else:
                    for p in range(n):
                        v = load(y, p * width + j)
                        a0, b0 = fused(spread(x, at), v, a0), fused(spread(x, at + 4), v, b0)
                        a1, b1 = fused(spread(x, at + 1), v, a1), fused(spread(x, at + 5), v, b1)
                        a2, b2 = fused(spread(x, at + 2), v, a2), fused(spread(x, at + 6), v, b2)
                        a3, b3 = fused(spread(x, at + 3), v, a3), fused(spread(x, at + 7), v, b3)
                        at += inner
                store(out, to, a0)
                store(out, to + width, a1)
                store(out, to + 2 * width, a2)
                store(out, to + 3 * width, a3)
                store(out, to + far, b0)
                store(out, to + width + far, b1)
                store(out, to + 2 * width + far, b2)
                store(out, to + 3 * width + far, b3)
            j += 2 * LANES if two else LANES


@compiled
def to_points(x: Floats, rows: int, pitch: int, tiles: int, width: int, b: Floats, out: Floats,
              each: int) -> None:  # fmt: skip
    """Bring rows [rows, pitch, width] to points: out[f, row · tiles + t] = Σ b[f, l] x[4t + l].

    `each` is how many places [width] a point has in `out`.
    """
    for row in range(rows):
        for t in range(tiles):
            for j in range(0, width, LANES):
                at = (row * pitch + OUT * t) * width + j
                x0, x1 = load(x, at), load(x, at + width)
                x2, x3 = load(x, at + 2 * width), load(x, at + 3 * width)
                x4, x5 = load(x, at + 4 * width), load(x, at + 5 * width)
                x6, x7 = load(x, at + 6 * width), load(x, at + 7 * width)
                for f in range(POINTS):
                    c = f * POINTS
                    v = fused(spread(b, c), x0, fused(spread(b, c + 1), x1, splat(_ZERO)))
                    v = fused(spread(b, c + 2), x2, fused(spread(b, c + 3), x3, v))
                    v = fused(spread(b, c + 4), x4, fused(spread(b, c + 5), x5, v))
                    v = fused(spread(b, c + 6), x6, fused(spread(b, c + 7), x7, v))
                    store(out, (f * each + row * tiles + t) * width + j, v)


@compiled
def from_points(m: Floats, each: int, rows: int, columns: int, tiles: int, width: int, a: Floats,
                bias: Floats, out: Floats) -> None:  # fmt: skip
    """Bring points to outputs: out[row, 4t + k] = bias + Σ a[f, k] m[f, row · tiles + t]."""
    for row in range(rows):
        for t in range(tiles):
            for j in range(0, width, LANES):
                for k in range(min(OUT, columns - OUT * t)):
                    v = load(bias, j)
                    for f in range(POINTS):
                        at = (f * each + row * tiles + t) * width + j
                        v = fused(spread(a, f * OUT + k), load(m, at), v)
                    store(out, (row * columns + OUT * t + k) * width + j, v)


@compiled
def deltas_to_points(d: Floats, rows: int, columns: int, tiles: int, width: int, a: Floats,
                     out: Floats, each: int, ahead: int) -> None:  # fmt: skip
    """Bring output gradients to points, the transpose of `from_points`.

    They begin `ahead` places into each point of `out`.
    """
    for row in range(rows):
        for t in range(tiles):
            for j in range(0, width, LANES):
                for f in range(POINTS):
                    v = splat(_ZERO)
                    for k in range(min(OUT, columns - OUT * t)):
                        at = (row * columns + OUT * t + k) * width + j
                        v = fused(spread(a, f * OUT + k), load(d, at), v)
                    store(out, (f * each + ahead + row * tiles + t) * width + j, v)


@compiled
def points_to_rows(m: Floats, each: int, rows: int, pitch: int, tiles: int, width: int, b: Floats,
                   out: Floats) -> None:  # fmt: skip
    """Add the input gradients of points to rows [rows, pitch, width], transposed `to_points`."""
    for row in range(rows):
        for t in range(tiles):
            for j in range(0, width, LANES):
                for k in range(POINTS):
                    to = (row * pitch + OUT * t + k) * width + j
                    v = load(out, to)
                    for f in range(POINTS):
                        at = (f * each + row * tiles + t) * width + j
                        v = fused(spread(b, f * POINTS + k), load(m, at), v)
                    store(out, to, v)


@compiled
def weights_to_points(weight: Floats, given: int, width: int, g: Floats, out: Floats,
                      turned: Floats) -> None:  # fmt: skip
    """Bring weights [5, 5, given, width] to points [8, 5, given, width].

    `turned` gets the same for gradients of inputs: [8, 5, width, given], the rows from the last.
    """
    for f in range(POINTS):
        for s in range(SIDE):
            for c in range(given):
                for j in range(width):
                    v = _ZERO
                    for k in range(SIDE):
                        v += g[f * SIDE + k] * weight[((s * SIDE + k) * given + c) * width + j]
                    out[((f * SIDE + s) * given + c) * width + j] = v
                    turned[((f * SIDE + SIDE - 1 - s) * width + j) * given + c] = v


@compiled
def gradients_from_points(points: Floats, given: int, width: int, g: Floats, out: Floats) -> None:
    """Add the gradients of weights at points to those of the weights [5, 5, given, width]."""
    size = given * width
    for s in range(SIDE):
        for k in range(SIDE):
            for i in range(0, size, LANES):
                to = (s * SIDE + k) * size + i
                v = load(out, to)
                for f in range(POINTS):
                    v = fused(spread(g, f * SIDE + k), load(points, (f * SIDE + s) * size + i), v)
                store(out, to, v)


@compiled
def direct(x: Floats, given: int, pitch: int, rows: int, columns: int, weight: Floats,
           bias: Floats, width: int, out: Floats) -> None:  # fmt: skip
    """Convolve [rows + 4, pitch, given] with weights [5, 5, given, width]; for few channels."""
    span = SIDE * given
    for row in range(rows):
        for j in range(0, width, LANES):
            column = 0
            while column < columns:
                # The last places of a row are computed together with some before them.
                column = min(column, max(columns - TILE, 0))
                a0 = a1 = a2 = a3 = a4 = a5 = a6 = load(bias, j)
                for s in range(SIDE):
                    at = ((row + s) * pitch + column) * given
                    w = s * span * width + j
                    for k in range(at, at + span):
                        u = load(weight, w)
                        a0 = fused(spread(x, k), u, a0)
                        a1 = fused(spread(x, k + given), u, a1)
                        a2 = fused(spread(x, k + 2 * given), u, a2)
                        a3 = fused(spread(x, k + 3 * given), u, a3)
                        a4 = fused(spread(x, k + 4 * given), u, a4)
                        a5 = fused(spread(x, k + 5 * given), u, a5)
                        a6 = fused(spread(x, k + 6 * given), u, a6)
                        w += width
                to = (row * columns + column) * width + j
                store(out, to, a0)
                store(out, to + width, a1)
                store(out, to + 2 * width, a2)
                store(out, to + 3 * width, a3)
                store(out, to + 4 * width, a4)
                store(out, to + 5 * width, a5)
                store(out, to + 6 * width, a6)
                column += TILE


@compiled
def direct_gradient(x: Floats, given: int, pitch: int, rows: int, columns: int, delta: Floats,
                    width: int, out: Floats) -> None:  # fmt: skip
    """Add the gradient of the weights of `direct`; five weights of a row at once."""
    step = given * width
    for s in range(SIDE):
        for c in range(given):
            for j in range(0, width, LANES):
                to = (s * SIDE * given + c) * width + j
                a0 = a1 = a2 = a3 = a4 = b0 = b1 = b2 = b3 = b4 = splat(_ZERO)
                # Two rows side by side: a sum that is added to at once waits for itself.
                half = rows // 2
                for row in range(rows - half):
                    at = (row + s) * pitch * given + c
                    other = (half + row + s) * pitch * given + c
                    far = half * columns * width
                    for column in range(columns):
                        v = load(delta, (row * columns + column) * width + j)
                        a0 = fused(spread(x, at), v, a0)
                        a1 = fused(spread(x, at + given), v, a1)
                        a2 = fused(spread(x, at + 2 * given), v, a2)
                        a3 = fused(spread(x, at + 3 * given), v, a3)
                        a4 = fused(spread(x, at + 4 * given), v, a4)
                        at += given
                        if half and (row or not rows % 2):
                            v = load(delta, far + (row * columns + column) * width + j)
                            b0 = fused(spread(x, other), v, b0)
                            b1 = fused(spread(x, other + given), v, b1)
                            b2 = fused(spread(x, other + 2 * given), v, b2)
                            b3 = fused(spread(x, other + 3 * given), v, b3)
                            b4 = fused(spread(x, other + 4 * given), v, b4)
                            other += given
                store(out, to, add(load(out, to), add(a0, b0)))
                to += step
                store(out, to, add(load(out, to), add(a1, b1)))
                to += step
                store(out, to, add(load(out, to), add(a2, b2)))
                to += step
                store(out, to, add(load(out, to), add(a3, b3)))
                to += step
                store(out, to, add(load(out, to), add(a4, b4)))
