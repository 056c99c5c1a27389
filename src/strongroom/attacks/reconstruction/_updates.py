"""What a server sees of rows that never leave their owner: gradients, bare or made private."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from strongroom.models import NO_TARGET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from strongroom.privacy import PrivacyStatement

    Loss = Callable[[Tensor, Tensor], Tensor]
    Gradients = Mapping[str, NDArray[Any]]

_SEQUENCES = 3


@dataclass(frozen=True)
class Protection:
    """How an owner makes an update private before it is sent.

    Attributes:
        clip_norm: the most, in L2, that one row's gradient may measure.
        noise_multiplier: deviation of the noise in every coordinate of the sum, over `clip_norm`.
    """

    clip_norm: float
    noise_multiplier: float

    @property
    def deviation(self) -> float:
        """Of the noise in every coordinate of the sum."""
        return self.clip_norm * self.noise_multiplier

    @classmethod
    def of(cls, statement: PrivacyStatement | None) -> Protection | None:
        """Return what a statement says was done in each step; None where it doesn't say."""
        if statement is None or not (statement.clip_norm > 0 and statement.noise_multiplier > 0):
            return None
        return cls(statement.clip_norm, statement.noise_multiplier)


def log_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return [n]: each row's log loss, of a sequence the mean of its tokens'.

    Args:
        outputs: logits [n, classes], or [n, t, classes].
        targets: [n], or [n, t] with `NO_TARGET` where nothing is to be predicted.
    """
    if outputs.ndim < _SEQUENCES:
        return torch.nn.functional.cross_entropy(outputs, targets, reduction="none")
    losses = torch.nn.functional.cross_entropy(
        outputs.transpose(1, 2), targets, reduction="none", ignore_index=NO_TARGET
    )
    mean: Tensor = losses.sum(dim=1) / (targets != NO_TARGET).sum(dim=1).clamp_min(1)
    return mean


def parameters_of(network: nn.Module, trained: Iterable[Tensor] | None = None) -> dict[str, Tensor]:
    """Return copies of the parameters whose gradients are sent, by name.

    Args:
        network: all of it, or
        trained: those of its parameters that training moves.
    """
    chosen = None if trained is None else {id(p) for p in trained}
    return {
        name: p.detach().clone().requires_grad_()
        for name, p in network.named_parameters()
        if p.is_floating_point() and (chosen is None or id(p) in chosen)
    }


def send_update(
    network: nn.Module,
    inputs: NDArray[Any],
    labels: NDArray[np.integer[Any]],
    *,
    protection: Protection | None = None,
    coins: np.random.Generator | None = None,
    loss: Loss = log_loss,
    trained: Iterable[Tensor] | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Return the mean gradient of a batch by parameter, as its owner would send it.

    Args:
        network: what is trained.
        inputs: [b, ...].
        labels: int [b], or [b, t].
        protection: each row's gradient is clipped and the sum noised; None: sent as it is.
        coins: of the noise.
        loss: of outputs and targets, one per row.
        trained: see `parameters_of`.
    """
    parameters = parameters_of(network, trained)
    x = torch.from_numpy(np.ascontiguousarray(inputs))
    y = torch.from_numpy(np.asarray(labels, np.int64))
    if protection is None:
        return _arrays(_gradients(network, parameters, x, y, loss))
    total = {name: torch.zeros_like(p) for name, p in parameters.items()}
    for i in range(len(x)):
        own = _gradients(network, parameters, x[i : i + 1], y[i : i + 1], loss)
        norm = torch.stack([g.square().sum() for g in own.values()]).sum().sqrt()
        weight = (protection.clip_norm / norm.clamp_min(1e-30)).clamp_max(1.0)
        for name, gradient in own.items():
            total[name] += weight * gradient
    coins = coins or np.random.default_rng()
    return {
        name: (
            (g + protection.deviation * coins.standard_normal(g.shape, np.float32)) / len(x)
        ).astype(np.float32)
        for name, g in _arrays(total).items()
    }


def gradients_of_update(before: Gradients, after: Gradients, learning_rate: float) -> Gradients:
    """Return the mean gradient that one step of plain descent from `before` to `after` took.

    After several local steps it is their sum, and only nearly that of one batch.
    """
    return {
        name: (np.asarray(before[name], np.float64) - after[name]) / learning_rate for name in after
    }


def _gradients(
    network: nn.Module, parameters: Mapping[str, Tensor], x: Tensor, y: Tensor, loss: Loss
) -> dict[str, Tensor]:
    with torch.enable_grad():
        outputs = torch.func.functional_call(network, dict(parameters), (x,))
        mean = loss(outputs, y).mean()
        found = torch.autograd.grad(
            mean, list(parameters.values()), allow_unused=True, materialize_grads=True
        )
    return dict(zip(parameters, found, strict=True))


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    return {name: t.detach().to(torch.float32).numpy() for name, t in tensors.items()}
