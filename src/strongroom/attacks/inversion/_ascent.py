"""Class-representative inversion (Fredrikson et al. 2015): climb the confidence in a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strongroom.progress import SILENT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks.inversion._slopes import Slope
    from strongroom.progress import Progress

_SURE = 0.99  # γ of the paper's experiments
_STEP = 0.04  # of the span, for a pixel of ordinary slope
_TINY = 1e-30


@dataclass(frozen=True, eq=False)
class Inverted:
    """Images that the model takes for classes. They may show people.

    Attributes:
        images: float32 [classes, ...], as the model takes them.
        confidence: float64 [classes], the model's in them.
    """

    images: NDArray[np.float32]
    confidence: NDArray[np.float64]


def invert_classes(
    slope: Slope,
    labels: NDArray[np.int64],
    shape: tuple[int, ...],
    bounds: tuple[float, float],
    *,
    steps: int = 60,
    variation: float = 0.0,
    progress: Progress = SILENT,
) -> Inverted:
    """Return for each class the image that the model is surest of, from a grey one.

    MI-FACE (Fredrikson, Jha, Ristenpart 2015, algorithm 1): descend the cost 1 - p, stop where it
    is at most 1 %, and keep the best image seen. Its slope points where that of log p does, but
    vanishes where p is small; so each image moves by steps of a fixed size along the slope of
    log p. The paper's denoising is an optional total-variation prior.

    Args:
        slope: of the model.
        labels: the classes, int64 [classes]; all climb together.
        shape: of one image.
        bounds: the least and the most a pixel may be.
        steps: at most.
        variation: weight of the prior, 0 for none, 0.5 for much.
        progress: told about every step.
    """
    low, high = bounds
    span = high - low
    x = np.full((len(labels), *shape), (low + high) / 2, np.float32)
    best, found = np.full(len(labels), -np.inf), x.copy()
    climbing = np.arange(len(labels))
    for number in range(steps + 1):
        logs, direction = slope(x[climbing], labels[climbing])
        better = logs > best[climbing]
        best[climbing[better]] = logs[better]
        found[climbing[better]] = x[climbing[better]]
        unsure = logs < np.log(_SURE)
        climbing, direction = climbing[unsure], direction[unsure]
        if not len(climbing) or number == steps:
            break
        direction = direction / _size(direction)
        if variation:
            direction -= variation * _roughness(x[climbing] / span)
        moved = x[climbing] + (_STEP * span) * direction
        x[climbing] = np.clip(moved, low, high)
        progress.step(number + 1, steps, "inverting classes")
    return Inverted(found, np.exp(best))


def _size(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each image's root mean square, to divide by."""
    axes = tuple(range(1, direction.ndim))
    size: NDArray[np.float64] = np.sqrt(np.square(direction).mean(axis=axes, keepdims=True))
    return np.maximum(size, _TINY)


def _roughness(images: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the slope of the smoothed total variation of images [..., height, width]."""
    found = np.zeros(images.shape)
    for axis in (-2, -1):
        step = np.diff(images.astype(np.float64), axis=axis)
        pull = step / np.sqrt(step**2 + 1e-4)
        before = [(0, 0)] * images.ndim
        after = [(0, 0)] * images.ndim
        before[axis], after[axis] = (1, 0), (0, 1)
        found += np.pad(pull, before) - np.pad(pull, after)
    return found
