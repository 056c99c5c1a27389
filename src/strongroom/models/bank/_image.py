"""A bank of small convolutional networks, as `train` makes them for images ("cnn")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strongroom.models.bank._plan import Plan, side_by_side, threads
from strongroom.models.bank._table import MULTIPLE, Settings, Told, joined
from strongroom.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from strongroom.config import TrainSpec

    Floats = NDArray[np.float32]

MAPS = (16, 32, 64)  # as `models._image` has them
LARGE, HIDDEN, GRID, SIDE = 48, 32, 4, 5
_NOISE_FLOATS = 2_000_000  # drawn at once for one model
_PARTS = 20


@dataclass(frozen=True)
class _Shape:
    """The network for images [colours, high, wide], and where its parts lie in memory."""

    layout: NDArray[np.int64]
    size: int
    parameters: int
    classes: int

    @classmethod
    def of(cls, size: Sequence[int], classes: int) -> _Shape:
        """Return that for `size`: colours, height, width."""
        from strongroom.models.bank import _network as net

        rows: list[list[int]] = []
        (given, high, wide), at, scratch = size, 0, 0
        for width in MAPS[: 3 if min(high, wide) > LARGE else 2]:
            tiles = -(-wide // 4)
            pitch = 4 * tiles + 4
            places = -(-high * tiles // 7) * 7
            m = [0] * _PARTS
            m[net.GIVEN], m[net.WIDTH], m[net.HIGH], m[net.WIDE] = given, width, high, wide
            m[net.TILES], m[net.PITCH], m[net.PLACES], m[net.PARAMETERS] = tiles, pitch, places, at
            points = 0 if given % MULTIPLE else 1
            weights = 8 * SIDE * given * width * points
            padded = (high + 4) * pitch * given
            sizes = {
                net.PADDED: padded,
                net.AT_POINTS: 8 * (places + 4 * tiles) * given * points,
                net.DELTA_POINTS: 8 * (places + 8 * tiles) * width * points,
                net.WEIGHTS: weights,
                net.TURNED: weights,
                net.GRADIENTS: weights,
                net.SUMS: 8 * places * max(given, width) * points,
                net.NORMAL: high * wide * width,
                net.BENT: high * wide * width,
                net.DELTA: high * wide * width,
                net.PADDED_DELTA: padded * points,
                net.SCALES: width,
            }
            for part, length in sizes.items():
                m[part] = scratch
                scratch += -(-length // MULTIPLE) * MULTIPLE
            rows.append(m)
            at += (SIDE * SIDE * given + 3) * width
            given, high, wide = width, high // 2, wide // 2
        at += (GRID * GRID * given + 1) * HIDDEN + (HIDDEN + 1) * classes
        # Loads of sixteen may reach beyond the last row of the padded parts.
        return cls(np.array(rows, np.int64), scratch + 64, at, classes)

    def initial(self, seed: int, number: int) -> Floats:
        """Return what model `number` begins with, as PyTorch does: uniform in ±1/√inputs."""
        coins = np.random.default_rng([seed, 2, number])
        parts = []

        def uniform(count: int, given: int) -> Floats:
            drawn: Floats = 2 * coins.random(count, dtype=np.float32) - 1
            return np.multiply(drawn, np.float32(given**-0.5), dtype=np.float32)

        for given, width, *_ in self.layout.tolist():
            inputs = SIDE * SIDE * given
            parts += [uniform(inputs * width, inputs), uniform(width, inputs)]
            parts += [np.ones(width, np.float32), np.zeros(width, np.float32)]
        features = GRID * GRID * int(self.layout[-1, 1])
        for inputs, outputs in ((features, HIDDEN), (HIDDEN, self.classes)):
            parts += [uniform(inputs * outputs, inputs), uniform(outputs, inputs)]
        return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class ImageBank:
    """M trained networks of one shape.

    Attributes:
        parameters: float32 [M, p].
    """

    parameters: Floats
    _shape: _Shape

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.parameters)

    def logits(self, pixels: NDArray[np.uint8], models: range | None = None) -> Floats:
        """Return float32 [models, n, classes] for images uint8 [n, colours, high, wide]."""
        from strongroom.models.bank._network import read_images

        chosen = range(len(self)) if models is None else models
        shape = self._shape
        images = np.ascontiguousarray(pixels, np.uint8)
        out = np.empty((len(chosen), len(images), shape.classes), np.float32)

        def work(i: int) -> None:
            read_images(
                images,
                shape.layout,
                HIDDEN,
                shape.classes,
                self.parameters[chosen[i]],
                _matrices(),
                shape.size,
                out[i],
            )

        side_by_side(work, len(chosen), threads(), lambda _: None)
        return out

    def state(self, model: int) -> dict[str, Floats]:
        """Return the parameters of one model by the names that PyTorch gives them."""
        flat, found, at = self.parameters[model], {}, 0

        def take(*shape: int) -> Floats:
            nonlocal at
            size = int(np.prod(shape))
            at += size
            part: Floats = flat[at - size : at].reshape(shape)
            return part

        for i, (given, width, *_) in enumerate(self._shape.layout.tolist()):
            convolution, norm = 1 + 4 * i, 2 + 4 * i
            found[f"{convolution}.weight"] = take(SIDE, SIDE, given, width).transpose(3, 2, 0, 1)
            found[f"{convolution}.bias"] = take(width)
            found[f"{norm}.weight"], found[f"{norm}.bias"] = take(width), take(width)
        width, last = int(self._shape.layout[-1, 1]), 3 + 4 * len(self._shape.layout)
        weight = take(GRID, GRID, width, HIDDEN).transpose(3, 2, 0, 1)
        found[f"{last}.weight"], found[f"{last}.bias"] = weight.reshape(HIDDEN, -1), take(HIDDEN)
        found[f"{last + 2}.weight"] = take(HIDDEN, self._shape.classes).T
        found[f"{last + 2}.bias"] = take(self._shape.classes)
        return {name: np.ascontiguousarray(value) for name, value in found.items()}


def train_image_bank(
    spec: TrainSpec,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.integer],
    classes: int,
    membership: NDArray[np.bool_],
    *,
    noise_multiplier: float | None = None,
    seed: int = 0,
    first: int = 0,
    learnt: float | None = None,
    progress: Progress = SILENT,
) -> ImageBank:
    """Train one network per row of `membership`; see `train_bank`.

    With `noise_multiplier` every image's gradient is formed, clipped and noised. Several views of
    an image are not made.

    Args:
        spec: the recipe.
        pixels: uint8 [N, colours, high, wide]; at least 16 pixels either way.
        labels: int [N], each below `classes`.
        classes: how many there are.
        membership: bool [M, N]: which rows each network learns from.
        noise_multiplier: see `train_bank`; so are the others.
        seed: of initial weights, batches and noise.
        first: the number of the first of these networks.
        learnt: rows that a network learns from, on average.
        progress: told of steps.
    """
    from strongroom.models.bank._network import descend_images

    kernel: Callable[..., None] = descend_images
    learnt = float(membership.sum(axis=1).mean()) if learnt is None else learnt
    plan = Plan.of(spec, membership.shape[1], learnt, noise_multiplier, seed)
    shape = _Shape.of(pixels.shape[1:], classes)
    settings = Settings(plan, spec)
    models, padded = len(membership), -(-shape.parameters // MULTIPLE) * MULTIPLE
    state = np.zeros((models, 4, padded), np.float32)
    for m in range(models):
        state[m, 0, : shape.parameters] = shape.initial(seed, first + m)
    coins = [np.random.default_rng([seed, 3, first + m]) for m in range(models)]
    images, truth = np.ascontiguousarray(pixels, np.uint8), np.ascontiguousarray(labels, np.int32)
    most = max(1, _NOISE_FLOATS // padded) if plan.noise else plan.steps
    told, done = Told(progress, 0, models, plan.steps), 0
    for batches in plan.spans(most):
        starts, rows = joined(batches)

        def work(m: int, starts: NDArray[np.int64] = starts, rows: NDArray[np.int32] = rows,
                 done: int = done) -> None:  # fmt: skip
            kernel(
                images,
                truth,
                membership[m],
                starts,
                rows,
                shape.layout,
                HIDDEN,
                classes,
                _matrices(),
                shape.size,
                *state[m],
                settings.noise(coins[m], len(starts) - 1, padded),
                *settings.numbers,
                done,
                settings.average_from,
            )

        steps, before = len(batches), done
        side_by_side(
            work,
            models,
            threads(),
            lambda n: told.step(before * models + n * steps),  # noqa: B023
        )
        done += steps
    kept = state[:, 3 if settings.average_from < plan.steps else 0, : shape.parameters]
    return ImageBank(np.ascontiguousarray(kept), shape)


def _matrices() -> Floats:
    from strongroom.models.bank._convolution import winograd

    return np.concatenate([matrix.ravel() for matrix in winograd()])
