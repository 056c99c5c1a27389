"""Is the first thing that a network does with its input a linear layer, and where?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEARLY = 1e-4


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """A linear layer with a bias that is given the input, at most scaled and shifted.

    Attributes:
        name: of the module.
        weight, bias: names of its parameters.
        scale, shift: float64 [d]: it is given scale * x + shift of an input x, laid flat.
    """

    name: str
    weight: str
    bias: str
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]

    def inputs(
        self, given: NDArray[np.float64], shape: tuple[int, ...] | None = None
    ) -> NDArray[np.float64]:
        """Return the inputs [n, *shape] of what the layer was given, [n, d]."""
        found: NDArray[np.float64] = (given - self.shift) / self.scale
        return found if shape is None else found.reshape(len(found), *shape)


def first_linear(network: nn.Module, shape: tuple[int, ...]) -> FirstLayer | None:
    """Find the linear layer that reads the input of this shape; None if there is none.

    It is found by looking at what every linear layer is given for three inputs, so that constant
    scalings before it, such as bytes to [-1, 1], don't hide it.
    """
    size = int(np.prod(shape))
    coins = torch.Generator().manual_seed(0)
    tried = [torch.zeros(1, *shape), torch.ones(1, *shape), torch.rand(1, *shape, generator=coins)]
    seen: dict[str, list[NDArray[np.float64]]] = {}
    hooks = []
    for name, layer in network.named_modules():
        if _is_linear(layer) and layer.in_features == size:
            hooks.append(layer.register_forward_pre_hook(_recorder(seen, name)))
    try:
        with torch.no_grad():
            for x in tried:
                network(x)
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError):
        return None  # it takes no such numbers: tokens, for example
    finally:
        for hook in hooks:
            hook.remove()
    flat = tried[2].flatten().double().numpy()
    for name, given in seen.items():
        if len(given) != len(tried) or any(g.size != size for g in given):
            continue
        shift, scale = given[0], given[1] - given[0]
        if (scale == 0).any():
            continue
        if np.abs(scale * flat + shift - given[2]).max() <= _NEARLY * np.abs(scale).max():
            dot = f"{name}." if name else ""
            return FirstLayer(name, f"{dot}weight", f"{dot}bias", scale, shift)
    return None


def _is_linear(layer: nn.Module) -> TypeGuard[nn.Linear]:
    return isinstance(layer, nn.Linear) and isinstance(layer.bias, nn.Parameter)


def _recorder(seen: dict[str, list[NDArray[np.float64]]], name: str) -> Any:  # noqa: ANN401 - a hook
    def record(layer: nn.Module, given: tuple[Any, ...]) -> None:
        del layer
        seen.setdefault(name, []).append(given[0].detach().double().flatten().numpy().copy())

    return record
