"""Which way an image must change for the model to be surer of a class: asked, or estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.models import Model

_SMALLEST = 1e-37
_AT_ONCE = 4096
_SIDE = 16  # of the grid that a model without gradients is felt out on, at most


class Slope(Protocol):
    """What an attacker learns about inputs of given classes."""

    queries: int
    knowledge: str

    def __call__(
        self, inputs: NDArray[np.float32], labels: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return log p of the classes, float64 [n], and its slope, float64 [n, ...]."""


def gradient_slope(target: Model) -> Slope | None:
    """Return the exact slope, from `input_gradient` or the target's network; None without both."""
    gradient = getattr(target, "input_gradient", None)
    if not callable(gradient):
        network = getattr(target, "network", None)
        if not callable(getattr(network, "named_parameters", None)):
            return None
        gradient = _autograd(network)
    return _Exact(target, gradient)


class _Exact:
    knowledge = "white-box: the attacker holds the model, and knows nobody in the training data"

    def __init__(self, target: Model, gradient: Callable[..., Any]) -> None:
        self.queries = 0
        self._target, self._gradient = target, gradient

    def __call__(
        self, inputs: NDArray[np.float32], labels: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        self.queries += len(inputs)
        proba = np.asarray(self._target.predict_proba(inputs), np.float64)
        logs = np.log(np.maximum(proba[np.arange(len(labels)), labels], _SMALLEST))
        return logs, -np.asarray(self._gradient(inputs, labels), np.float64)


def _autograd(network: Any) -> Callable[..., Any]:  # noqa: ANN401 - a torch module
    import torch

    def gradient(inputs: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float32]:
        x = torch.tensor(inputs, dtype=torch.float32, requires_grad=True)
        with torch.enable_grad():
            loss = torch.nn.functional.cross_entropy(
                network(x), torch.as_tensor(labels), reduction="sum"
            )
            (found,) = torch.autograd.grad(loss, x)
        slope: NDArray[np.float32] = found.numpy()
        return slope

    return gradient


class EstimatedSlope:
    """The slope of a model that only gives probabilities, from differences (NES).

    Pairs of opposite random steps on a grid coarser than the image (Salimans et al. 2017,
    "Evolution Strategies"; Ilyas et al. 2018): fewer directions need fewer questions.

    Args:
        target: the model.
        dtype: what it takes; whole numbers are rounded.
        span: of the values of an input.
        pairs: of questions per image and step.
        seed: of the directions.
    """

    knowledge = "black-box: the attacker asks for probabilities, and knows nobody in the training"

    def __init__(
        self, target: Model, dtype: np.dtype[Any], span: float, pairs: int, seed: int
    ) -> None:
        self.queries = 0
        self.pairs = pairs
        self._target, self._dtype, self._span = target, dtype, span
        self._coins = np.random.default_rng(seed)

    def __call__(
        self, inputs: NDArray[np.float32], labels: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See `Slope`; asks 2 `pairs` + 1 rows per input."""
        slope = np.zeros(inputs.shape)
        reach = 0.02 * self._span
        for _ in range(self.pairs):
            step = _coarse(self._coins, inputs.shape)
            ahead = self._logs(inputs + reach * step, labels)
            behind = self._logs(inputs - reach * step, labels)
            weight = (ahead - behind) / (2 * reach * self.pairs)
            slope += weight.reshape(-1, *[1] * (inputs.ndim - 1)) * step
        return self._logs(inputs, labels), slope

    def _logs(
        self, inputs: NDArray[np.floating[Any]], labels: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        if np.issubdtype(self._dtype, np.integer):
            bounds = np.iinfo(self._dtype)
            inputs = np.clip(np.rint(inputs), bounds.min, bounds.max)
        batch = inputs.astype(self._dtype)
        self.queries += len(batch)
        parts = [
            np.asarray(self._target.predict_proba(batch[i : i + _AT_ONCE]), np.float64)
            for i in range(0, len(batch), _AT_ONCE)
        ]
        proba = np.concatenate(parts)[np.arange(len(labels)), labels]
        found: NDArray[np.float64] = np.log(np.maximum(proba, _SMALLEST))
        return found


def _coarse(coins: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return normal draws of this shape, each repeated over a square of pixels."""
    images = 3  # axes of which the last two are a picture's
    if len(shape) < images:
        return coins.standard_normal(shape, np.float32)
    times = [-(-side // _SIDE) for side in shape[-2:]]
    small = (*shape[:-2], *(-(-side // t) for side, t in zip(shape[-2:], times, strict=True)))
    draws = coins.standard_normal(small, np.float32)
    wide = draws.repeat(times[0], axis=-2).repeat(times[1], axis=-1)
    return wide[..., : shape[-2], : shape[-1]]
