"""One small convolutional network of a bank, trained in one call, image after image.

The network is that of `models._image.convolutional`: blocks of a 5×5 convolution, a group norm of
four channels a group, tanh and a mean over 2×2; then means over a grid of 4×4 and two linear
layers. Activations of one image stay in the cache from the first pixel to the last gradient.
"""

# ruff: noqa: C901, PLR0912, PLR0915, PLR0917, D417 - loops: no calls that could be spared

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.models.bank._convolution import (
    OUT,
    POINTS,
    SIDE,
    deltas_to_points,
    direct,
    direct_gradient,
    from_points,
    gradients_from_points,
    outer,
    points_to_rows,
    product,
    to_points,
    weights_to_points,
)
from strongroom.models.bank._kernels import (
    add_to,
    average,
    residuals,
    squared_norms,
    step,
)
from strongroom.models.bank._layers import (
    GRID,
    normalise,
    normalise_back,
    pool,
    pool_back,
)
from strongroom.models.bank._layers import (
    grid as grid_of,
)
from strongroom.models.bank._simd import (
    LANES,
    add,
    fused,
    load,
    splat,
    spread,
    store,
    tangent,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.models.bank._convolution import Floats

    Places = NDArray[np.int64]
    Rows = NDArray[np.int32]

# What the columns of a block's layout say: sizes, then where its parts begin.
GIVEN, WIDTH, HIGH, WIDE, TILES, PITCH, PLACES, PARAMETERS = range(8)
PADDED, AT_POINTS, DELTA_POINTS, WEIGHTS, TURNED, GRADIENTS, SUMS = range(8, 15)
NORMAL, BENT, DELTA, PADDED_DELTA, SCALES = range(15, 20)


@compiled
def _forward(
    layout: Places, hidden: int, classes: int, parameters: Floats, matrices: Floats,
    scratch: Floats, means: Floats, grid: Floats, bent: Floats, logits: Floats,
) -> None:  # fmt: skip
    """Read the image that lies padded in the first block; fill everything up to the logits."""
    blocks = len(layout)
    for i in range(blocks):
        m = layout[i]
        given, width, high, wide = m[GIVEN], m[WIDTH], m[HIGH], m[WIDE]
        tiles, places = m[TILES], m[PLACES]
        at = m[PARAMETERS] + SIDE * SIDE * given * width
        bias, gamma = parameters[at : at + width], parameters[at + width : at + 2 * width]
        beta = parameters[at + 2 * width : at + 3 * width]
        x = scratch[m[PADDED] : m[AT_POINTS]]
        y = scratch[m[NORMAL] : m[BENT]]
        if given % LANES:
            direct(x, given, m[PITCH], high, wide, parameters[m[PARAMETERS] : at], bias, width, y)
        else:
            each = places + (SIDE - 1) * tiles
            points = scratch[m[AT_POINTS] : m[DELTA_POINTS]]
            b = matrices[POINTS * (OUT + SIDE) :]
            to_points(x, high + SIDE - 1, m[PITCH], tiles, given, b, points, each)
            size = SIDE * given * width
            for f in range(POINTS):
                product(
                    points[f * each * given :], tiles, SIDE, given,
                    scratch[m[WEIGHTS] + f * size :], width,
                    scratch[m[SUMS] + f * places * width :], places,
                )  # fmt: skip
            sums = scratch[m[SUMS] : m[NORMAL]]
            from_points(sums, places, high, wide, tiles, width, matrices, bias, y)
        normalise(y, high * wide, width, gamma, beta, scratch[m[SCALES] :], scratch[m[BENT] :])
        if i + 1 < blocks:
            n = layout[i + 1]
            begin = n[PADDED] + (2 * n[PITCH] + 2) * width
            pool(scratch[m[BENT] :], high, wide, width, scratch[begin:], n[PITCH])
        else:
            pool(scratch[m[BENT] :], high, wide, width, means, wide // 2)
    m = layout[blocks - 1]
    width = m[WIDTH]
    grid_of(means, m[HIGH] // 2, m[WIDE] // 2, width, grid, False)  # noqa: FBT003
    features = GRID * GRID * width
    at = m[PARAMETERS] + (SIDE * SIDE * m[GIVEN] + 3) * width
    for j in range(0, hidden, LANES):
        # Four sums side by side: one would wait for itself.
        a, b = load(parameters, at + features * hidden + j), splat(np.float32(0))
        c, d = b, b
        for i in range(0, features, 4):
            w = at + i * hidden + j
            a = fused(spread(grid, i), load(parameters, w), a)
            b = fused(spread(grid, i + 1), load(parameters, w + hidden), b)
            c = fused(spread(grid, i + 2), load(parameters, w + 2 * hidden), c)
            d = fused(spread(grid, i + 3), load(parameters, w + 3 * hidden), d)
        store(bent, j, tangent(add(add(a, b), add(c, d))))
    at += (features + 1) * hidden
    for k in range(classes):
        logits[k] = parameters[at + hidden * classes + k]
    for j in range(hidden):
        for k in range(classes):
            logits[k] += bent[j] * parameters[at + j * classes + k]


@compiled
def _backward(
    layout: Places, hidden: int, classes: int, parameters: Floats, matrices: Floats,
    scratch: Floats, means: Floats, grid: Floats, bent: Floats, across: Floats, delta: Floats,
    sink: Floats,
) -> None:  # fmt: skip
    """Add the gradients of one image to `sink`, those of weights at points to the scratch.

    `across` holds the first linear layer's weights, transposed; `delta` the gradient of the
    logits; means and grid are overwritten.
    """
    blocks = len(layout)
    m = layout[blocks - 1]
    width = m[WIDTH]
    features = GRID * GRID * width
    first = m[PARAMETERS] + (SIDE * SIDE * m[GIVEN] + 3) * width
    at = first + (features + 1) * hidden
    inner = np.zeros(hidden, np.float32)
    for k in range(classes):
        sink[at + hidden * classes + k] += delta[k]
    for j in range(hidden):
        s = np.float32(0)
        for k in range(classes):
            s += delta[k] * parameters[at + j * classes + k]
            sink[at + j * classes + k] += delta[k] * bent[j]
        inner[j] = s * (np.float32(1) - bent[j] * bent[j])
    add_to(sink[first + features * hidden : at], inner, np.float32(1))
    for i in range(features):
        x, to = spread(grid, i), first + i * hidden
        for j in range(0, hidden, LANES):
            store(sink, to + j, fused(x, load(inner, j), load(sink, to + j)))
    for i in range(0, features, 2 * LANES):
        a = b = splat(np.float32(0))
        for j in range(hidden):
            d = spread(inner, j)
            a = fused(d, load(across, j * features + i), a)
            b = fused(d, load(across, j * features + i + LANES), b)
        store(grid, i, a)
        store(grid, i + LANES, b)
    means[:] = np.float32(0)
    grid_of(means, m[HIGH] // 2, m[WIDE] // 2, width, grid, True)  # noqa: FBT003
    for i in range(blocks - 1, -1, -1):
        m = layout[i]
        given, width, high, wide = m[GIVEN], m[WIDTH], m[HIGH], m[WIDE]
        tiles, places = m[TILES], m[PLACES]
        size = high * wide * width
        change = scratch[m[DELTA] : m[DELTA] + size]
        if i + 1 < blocks:
            n = layout[i + 1]
            begin = n[PADDED_DELTA] + (2 * n[PITCH] + 2) * width
            pool_back(scratch[begin:], n[PITCH], high, wide, width, change)
        else:
            pool_back(means, wide // 2, high, wide, width, change)
        at = m[PARAMETERS] + SIDE * SIDE * given * width
        normalise_back(
            change, scratch[m[NORMAL] : m[BENT]], scratch[m[BENT] : m[DELTA]],
            scratch[m[SCALES] :], high * wide, width, parameters[at + width : at + 2 * width],
            sink[at + width : at + 2 * width], sink[at + 2 * width : at + 3 * width],
            sink[at : at + width],
        )  # fmt: skip
        if given % LANES:
            direct_gradient(
                scratch[m[PADDED] :], given, m[PITCH], high, wide, change, width,
                sink[m[PARAMETERS] : at],
            )  # fmt: skip
            continue
        ahead = (SIDE - 1) * tiles
        each, other = places + ahead, places + 2 * ahead
        points = scratch[m[DELTA_POINTS] : m[WEIGHTS]]
        deltas_to_points(change, high, wide, tiles, width, matrices, points, other, ahead)
        weights = SIDE * given * width
        for f in range(POINTS):
            outer(
                scratch[m[AT_POINTS] + f * each * given :], tiles, SIDE, given,
                points[(f * other + ahead) * width :], width,
                scratch[m[GRADIENTS] + f * weights :], high * tiles,
            )  # fmt: skip
            if i:
                product(
                    points[(f * other + ahead // 2) * width :], tiles, SIDE, width,
                    scratch[m[TURNED] + f * weights :], given,
                    scratch[m[SUMS] + f * places * given :], places,
                )  # fmt: skip
        if i:
            rows = scratch[m[PADDED_DELTA] : m[SCALES]]
            rows[:] = np.float32(0)
            points_to_rows(
                scratch[m[SUMS] :], places, high, m[PITCH], tiles, given,
                matrices[POINTS * (OUT + SIDE) :], rows[2 * m[PITCH] * given :],
            )  # fmt: skip


@compiled
def _read(pixels: NDArray[np.uint8], layout: Places, scratch: Floats, shades: Floats) -> None:
    """Put an image [colours, high, wide] into the first block, each byte as its shade."""
    m = layout[0]
    colours, high, wide = pixels.shape
    for row in range(high):
        for column in range(wide):
            at = m[PADDED] + ((row + 2) * m[PITCH] + column + 2) * colours
            for c in range(colours):
                scratch[at + c] = shades[pixels[c, row, column]]


@compiled
def _shades() -> Floats:
    """Return what the 256 bytes are to the network: numbers from -1 to 1."""
    return (np.arange(256) / 127.5 - 1).astype(np.float32)


@compiled
def _prepare(layout: Places, parameters: Floats, matrices: Floats, scratch: Floats) -> None:
    """Bring the weights to points, and forget their gradients."""
    g = matrices[POINTS * OUT : POINTS * (OUT + SIDE)]
    for i in range(len(layout)):
        m = layout[i]
        if m[GIVEN] % LANES == 0:
            weight = parameters[m[PARAMETERS] :]
            weights_to_points(
                weight, m[GIVEN], m[WIDTH], g, scratch[m[WEIGHTS] :], scratch[m[TURNED] :]
            )
            scratch[m[GRADIENTS] : m[SUMS]] = np.float32(0)


@compiled
def _collect(layout: Places, matrices: Floats, scratch: Floats, sink: Floats) -> None:
    """Add the gradients of weights at points to those of the weights."""
    g = matrices[POINTS * OUT : POINTS * (OUT + SIDE)]
    for i in range(len(layout)):
        m = layout[i]
        if m[GIVEN] % LANES == 0:
            gradients_from_points(
                scratch[m[GRADIENTS] : m[SUMS]], m[GIVEN], m[WIDTH], g, sink[m[PARAMETERS] :]
            )
            scratch[m[GRADIENTS] : m[SUMS]] = np.float32(0)


@compiled
def read_images(
    pixels: NDArray[np.uint8],
    layout: Places,
    hidden: int,
    classes: int,
    parameters: Floats,
    matrices: Floats,
    size: int,
    out: NDArray[np.float32],
) -> None:
    """Set the logits [n, classes] of images uint8 [n, colours, high, wide]."""
    m = layout[len(layout) - 1]
    scratch, shades = np.zeros(size, np.float32), _shades()
    means = np.zeros((m[HIGH] // 2) * (m[WIDE] // 2) * m[WIDTH], np.float32)
    grid, bent = np.zeros(GRID * GRID * m[WIDTH], np.float32), np.zeros(hidden, np.float32)
    _prepare(layout, parameters, matrices, scratch)
    for r in range(len(pixels)):
        _read(pixels[r], layout, scratch, shades)
        _forward(layout, hidden, classes, parameters, matrices, scratch, means, grid, bent, out[r])


@compiled
def descend_images(
    pixels: NDArray[np.uint8],
    labels: Rows,
    member: NDArray[np.bool_],
    batch_starts: Places,
    batch_rows: Rows,
    layout: Places,
    hidden: int,
    classes: int,
    matrices: Floats,
    size: int,
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
) -> None:
    """Take one step for each batch; arguments as for `descend` of MLPs, but for these.

    Args:
        pixels: uint8[N, colours, high, wide].
        layout: int64[blocks, 20], see above.
        hidden: units of the first linear layer, a multiple of 16.
        matrices: A, G and B of `winograd`, one after the other.
        size: floats of scratch that the layout needs.
    """
    m = layout[len(layout) - 1]
    scratch, shades = np.zeros(size, np.float32), _shades()
    means = np.zeros((m[HIGH] // 2) * (m[WIDE] // 2) * m[WIDTH], np.float32)
    grid, bent = np.zeros(GRID * GRID * m[WIDTH], np.float32), np.zeros(hidden, np.float32)
    logits, truth = np.zeros(classes, np.float32), np.zeros(1, np.int32)
    gradient = np.zeros(len(parameters), np.float32)
    clipped = np.isfinite(clip)
    own = np.zeros(len(parameters) if clipped else 0, np.float32)
    sink = own if clipped else gradient
    squared = np.zeros(1, np.float32)
    features = len(grid)
    across = np.zeros(hidden * features, np.float32)
    head = m[PARAMETERS] + (SIDE * SIDE * m[GIVEN] + 3) * m[WIDTH]
    for s in range(len(batch_starts) - 1):
        _prepare(layout, parameters, matrices, scratch)
        for i in range(features):
            for j in range(hidden):
                across[j * features + i] = parameters[head + i * hidden + j]
        for i in range(batch_starts[s], batch_starts[s + 1]):
            row = batch_rows[i]
            if not member[row]:
                continue
            _read(pixels[row], layout, scratch, shades)
            _forward(
                layout, hidden, classes, parameters, matrices, scratch, means, grid, bent, logits
            )
            truth[0] = labels[row]
            residuals(logits, truth, classes)
            _backward(
                layout, hidden, classes, parameters, matrices, scratch, means, grid, bent, across,
                logits, sink,
            )  # fmt: skip
            if clipped:
                _collect(layout, matrices, scratch, own)
                squared_norms(own, 1, squared)
                norm = np.sqrt(float(squared[0]))
                add_to(gradient, own, np.float32(clip / norm if norm > clip else 1.0))
                own[:] = np.float32(0)
        if not clipped:
            _collect(layout, matrices, scratch, gradient)
        if len(noise):
            add_to(gradient, noise[s], np.float32(1))
        for i in range(len(gradient)):
            gradient[i] /= np.float32(normaliser)
        number = done + s + 1
        step(kind, parameters, gradient, first, second, number, rate, decay, deviation)
        if number > average_from:
            average(mean, parameters, number - average_from)
