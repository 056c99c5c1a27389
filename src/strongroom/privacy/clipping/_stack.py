"""A stack of linear layers and activations: backward written out, with no graph and no hooks.

For models this small the bookkeeping of automatic differentiation costs more than the arithmetic.
Only exact layer types take this way; the loss is the caller's own and is still differentiated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from strongroom.privacy.clipping._losses import CrossEntropy
from strongroom.privacy.clipping._use import Use

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from strongroom.privacy.clipping._tape import Site, Tape

# Activation to (gradient of its output, its output) -> gradient of its input.
_BACKWARD: Mapping[type[nn.Module], Callable[[Tensor, Tensor], Tensor]] = {
    nn.ReLU: lambda returned, out: torch.ops.aten.threshold_backward(returned, out, 0),
    nn.Tanh: torch.ops.aten.tanh_backward,
    nn.Sigmoid: torch.ops.aten.sigmoid_backward,
}
_ROWS_AND_FEATURES = 2


class Stack:
    """Runs the stack and leaves its uses on the tape, as a forward and a backward would."""

    def __init__(self, layers: list[nn.Module], tape: Tape) -> None:
        self._layers, self._tape = layers, tape
        self._sites: dict[nn.Module, Site] = {site.layer: site for site in tape.sites}
        self._first = next(i for i, layer in enumerate(layers) if layer in self._sites)

    @classmethod
    def of(cls, module: nn.Module, tape: Tape) -> Stack | None:
        """Return the module as a stack, if it is one."""
        layers = list(module) if type(module) is nn.Sequential else [module]
        plain = all(type(m) is nn.Linear or type(m) in _BACKWARD for m in layers)
        hooked = any(m._forward_hooks or m._forward_pre_hooks for m in (module, *layers))  # noqa: SLF001
        if not plain or hooked or len({id(m) for m in layers}) < len(layers):
            return None
        return cls(layers, tape)

    def fits(self, inputs: Sequence[Tensor]) -> bool:
        """Tell whether these are rows of features, of the parameters' type."""
        given = inputs[0]
        return (
            len(inputs) == 1
            and given.dim() == _ROWS_AND_FEATURES
            and given.dtype is next(iter(self._tape.parameters.values())).dtype
            and not torch.is_autocast_enabled(given.device.type)
        )

    def run(
        self,
        given: Tensor,
        targets: Any,  # noqa: ANN401 - whatever the loss takes
        loss: Callable[[Any, Any], Tensor],
    ) -> Tensor:
        """Return the losses [rows]; every layer's use is on the tape then. Without gradients on."""
        values = [given]
        for layer in self._layers:
            values.append(layer.forward(values[-1]))
        losses, returned = _differentiated(values[-1], targets, loss)
        if returned is None:
            return losses
        tape = self._tape
        for i in range(len(self._layers) - 1, self._first - 1, -1):
            layer = self._layers[i]
            site = self._sites.get(layer)
            if site is not None:
                use = Use((values[i],), tape.rows_per_unit, site.space)
                use.gradient = returned
                tape.uses.append((site, use))
            if i == self._first:
                break
            if isinstance(layer, nn.Linear):
                returned = returned @ layer.weight
            else:
                returned = _BACKWARD[type(layer)](returned, values[i + 1])
        return losses


def _differentiated(
    outputs: Tensor,
    targets: Any,  # noqa: ANN401 - whatever the loss takes
    loss: Callable[[Any, Any], Tensor],
) -> tuple[Tensor, Tensor | None]:
    """Return the losses and their gradient by the outputs; None if there is none."""
    if isinstance(loss, CrossEntropy):
        return loss.with_gradient(outputs, targets)
    with torch.enable_grad():
        leaf = outputs.detach().requires_grad_()
        losses = loss(leaf, targets)
        if not losses.requires_grad or losses.dim() != 1:
            return losses.detach(), None
        (returned,) = torch.autograd.grad(losses, leaf, torch.ones_like(losses))
    return losses.detach(), returned
