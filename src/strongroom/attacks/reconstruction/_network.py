"""The target's network as gradients are taken of it, and rows as it takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from strongroom.attacks._results import NotEvaluable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from strongroom.models import Model

_TRIED = 64
_CLOSE = 1e-3
_CLASSES = 2  # axes of outputs that are one row of logits each


class _Logits(nn.Module):
    """A network that gives one output for two classes, or probabilities, as one of logits."""

    def __init__(self, network: nn.Module, *, probabilities: bool) -> None:
        super().__init__()
        self.network = network
        self.probabilities = probabilities

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, classes]."""
        found: Tensor = self.network(x).reshape(len(x), -1)
        tiny = torch.finfo(found.dtype).tiny
        if found.shape[1] > 1:
            return found.clamp_min(tiny).log() if self.probabilities else found
        if self.probabilities:
            return torch.cat([1 - found, found], dim=1).clamp_min(tiny).log()
        return torch.cat([torch.zeros_like(found), found], dim=1)


def network_of(
    target: Model, inputs: NDArray[Any]
) -> tuple[nn.Module, NDArray[Any]] | NotEvaluable:
    """Return a network to logits and its inputs, float32 or whole numbers [n, ...]."""
    network = getattr(target, "network", None)
    if not isinstance(network, nn.Module) or not any(True for _ in network.parameters()):
        return NotEvaluable(
            "the model isn't a network whose parameters can be read, so it has no gradients"
        )
    codec = getattr(target, "codec", None)
    rows = np.asarray(inputs if codec is None else codec.decode(inputs))
    if rows.dtype == np.uint8 or np.issubdtype(rows.dtype, np.floating):
        rows = rows.astype(np.float32)
    elif not np.issubdtype(rows.dtype, np.integer):
        return NotEvaluable("the network is given values that aren't numbers")
    try:
        with torch.no_grad():
            outputs = network(torch.from_numpy(np.ascontiguousarray(rows[:_TRIED])))
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
        return NotEvaluable(f"the network can't be run on these rows: {type(error).__name__}")
    if not isinstance(outputs, torch.Tensor):
        return NotEvaluable("the network gives something else than one tensor of outputs")
    if outputs.ndim > _CLASSES:
        return network, rows
    flat = outputs.reshape(len(outputs), -1).float()
    probabilities = _probable(flat)
    plain = flat.shape[1] > 1 and not probabilities
    return network if plain else _Logits(network, probabilities=probabilities), rows


def _probable(outputs: Tensor) -> bool:
    """Tell whether outputs [n, k] are probabilities: a single one lies in 0..1, more sum to 1."""
    inside = bool((outputs >= 0).all() and (outputs <= 1 + _CLOSE).all())
    return inside and (outputs.shape[1] == 1 or bool((outputs.sum(dim=1) - 1).abs().max() < _CLOSE))
