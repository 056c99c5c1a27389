"""Book-keeping clipping: the sum of clipped per-example gradients in one forward and one backward.

The backward goes to the *outputs* of the layers only: no summed weight gradient is formed, since
the parameters don't take part in the graph. Each layer's rule then gives, from its inputs and
output gradients, the squared norm that each example's gradient has in that layer, and, once all
layers' norms are known, the weighted sum as one contraction (Bu et al. 2023, "Differentially
Private Optimization on Large Foundation Models"; Lee & Kifer 2021 for the norms).

A rule is one class in `RULES`, keyed by layer type; every rule goes through the same test against
per-example autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LossFunction = Callable[[Tensor, Tensor], Tensor]
"""(outputs of the module, targets) to one loss per example, shape [n]."""


class Rule(Protocol):
    """What a layer type must know to be clipped. n examples, any further dimensions between."""

    @staticmethod
    def squared_norms(layer: Any, inputs: Tensor, gradients: Tensor) -> Tensor:  # noqa: ANN401
        """Return [n]: each example's squared gradient norm over this layer's parameters."""

    @staticmethod
    def weighted_sum(
        layer: Any,  # noqa: ANN401 - each rule knows its own layer type
        inputs: Tensor,
        gradients: Tensor,
        weights: Tensor,
    ) -> dict[str, Tensor]:
        """Return the weighted sum over examples of the gradient, by parameter name."""


class LinearRule:
    """`nn.Linear` on [n, d] or [n, …, d]."""

    @staticmethod
    def squared_norms(layer: nn.Linear, inputs: Tensor, gradients: Tensor) -> Tensor:
        """See `Rule`."""
        if inputs.dim() == 2:  # noqa: PLR2004 - one row an example: the gradient has rank one
            weight = _squares(inputs) * _squares(gradients)
            return weight + _squares(gradients) if _has_bias(layer) else weight
        a, g = inputs.flatten(1, -2), gradients.flatten(1, -2)
        length, wide, high = a.shape[1], a.shape[2], g.shape[2]
        if length * (wide + high) <= wide * high:
            weight = ((a @ a.mT) * (g @ g.mT)).sum((1, 2))  # ghost norm
        else:
            weight = _squares(torch.einsum("nth,ntw->nhw", g, a).flatten(1))
        # Rounding of the ghost norm may fall a hair below zero.
        weight = weight.clamp_min(0)
        return weight + _squares(g.sum(1)) if _has_bias(layer) else weight

    @staticmethod
    def weighted_sum(
        layer: nn.Linear, inputs: Tensor, gradients: Tensor, weights: Tensor
    ) -> dict[str, Tensor]:
        """See `Rule`."""
        scaled = (gradients * _like(weights, gradients)).flatten(0, -2)
        found = {"weight": scaled.mT @ inputs.flatten(0, -2)}
        if _has_bias(layer):
            found["bias"] = scaled.sum(0)
        return found


class EmbeddingRule:
    """`nn.Embedding` on indices [n] or [n, t]."""

    @staticmethod
    def squared_norms(layer: nn.Embedding, inputs: Tensor, gradients: Tensor) -> Tensor:
        """See `Rule`."""
        del layer
        if inputs.dim() == 1:
            return _squares(gradients)
        index, g = inputs.flatten(1), gradients.flatten(1, -2)
        # An index that comes twice in an example meets itself.
        same = (index[:, :, None] == index[:, None, :]).to(g.dtype)
        return ((g @ g.mT) * same).sum((1, 2)).clamp_min(0)

    @staticmethod
    def weighted_sum(
        layer: nn.Embedding, inputs: Tensor, gradients: Tensor, weights: Tensor
    ) -> dict[str, Tensor]:
        """See `Rule`."""
        scaled = (gradients * _like(weights, gradients)).flatten(0, -2)
        total = torch.zeros_like(layer.weight, requires_grad=False)
        return {"weight": total.index_add_(0, inputs.flatten(), scaled)}


RULES: Mapping[type[nn.Module], type[Rule]] = {nn.Linear: LinearRule, nn.Embedding: EmbeddingRule}


@dataclass(frozen=True)
class ClippedSum:
    """What one micro-batch gives.

    Attributes:
        total: by parameter name: the sum of the clipped gradients.
        norms: [n], each example's gradient norm before clipping.
        losses: [n].
    """

    total: dict[str, Tensor]
    norms: Tensor
    losses: Tensor


class ClippedGradient:
    """A sum of per-example gradients that knows how far one example can move it.

    Args:
        module: its parameters are frozen (`requires_grad` is turned off): whoever trains it
            writes them.
        clip_norm: each example's gradient over all parameters is scaled to at most this L2 norm;
            None leaves it as it is, and then there is no `sensitivity`.

    Raises:
        InputError: a layer with parameters has no rule, shares them, or mixes examples.
    """

    def __init__(
        self, module: nn.Module, clip_norm: float | None, *, rows_per_unit: int = 1
    ) -> None:
        del rows_per_unit
        _refuse_batch_mixing(module)
        self._module = module
        self._clip_norm = clip_norm
        self._layers = _layers_with_rules(module)
        module.requires_grad_(requires_grad=False)

    @property
    def sensitivity(self) -> float:
        """How far adding or removing one example moves `ClippedSum.total`, in L2.

        In exact arithmetic. Matrix products in floating point add a relative error of about 1e-6.
        """
        if self._clip_norm is None:
            raise InputError("an unclipped gradient has no bound on one example's influence")
        return self._clip_norm

    def __call__(self, inputs: Sequence[Tensor], targets: Tensor, loss: LossFunction) -> ClippedSum:
        """Run one micro-batch; `inputs` are the module's positional arguments."""
        seen: dict[str, tuple[Tensor, Tensor]] = {}
        handles = [
            layer.register_forward_hook(_recorder(name, seen)) for name, layer in self._layers
        ]
        try:
            with torch.enable_grad():
                losses = loss(self._module(*inputs), targets)
                outputs = [output for _, output in seen.values()]
                gradients = torch.autograd.grad(losses.sum(), outputs)
        finally:
            for handle in handles:
                handle.remove()
        used = dict(zip(seen, gradients, strict=True))
        with torch.no_grad():
            norms = self._norms(seen, used, losses)
            weights = torch.ones_like(norms)
            if self._clip_norm is not None:
                weights = self._clip_norm / norms.clamp_min(self._clip_norm)
            return ClippedSum(self._total(seen, used, weights), norms, losses.detach())

    def _norms(
        self,
        seen: Mapping[str, tuple[Tensor, Tensor]],
        used: Mapping[str, Tensor],
        losses: Tensor,
    ) -> Tensor:
        squared = torch.zeros_like(losses)
        for name, layer in self._layers:
            if name in used:
                squared += RULES[type(layer)].squared_norms(layer, seen[name][0], used[name])
        return squared.sqrt()

    def _total(
        self,
        seen: Mapping[str, tuple[Tensor, Tensor]],
        used: Mapping[str, Tensor],
        weights: Tensor,
    ) -> dict[str, Tensor]:
        total = {}
        for name, layer in self._layers:
            own = dict(layer.named_parameters(recurse=False))
            if name in used:
                found = RULES[type(layer)].weighted_sum(layer, seen[name][0], used[name], weights)
            else:
                found = {key: torch.zeros_like(value) for key, value in own.items()}
            total.update({f"{name}.{key}" if name else key: found[key] for key in own})
        return total


def _recorder(
    name: str, seen: dict[str, tuple[Tensor, Tensor]]
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    def record(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if name in seen:
            raise InputError(
                f'layer "{name}" ({type(layer).__name__}) runs twice in one forward',
                hint="make it two layers: the two gradients of one example must be clipped as one",
            )
        # The first layer's output hangs on nothing that needs a gradient: it becomes a leaf.
        output = output if output.requires_grad else output.requires_grad_()
        seen[name] = (inputs[0].detach(), output)
        return output

    return record


def _layers_with_rules(module: nn.Module) -> list[tuple[str, nn.Module]]:
    layers: list[tuple[str, nn.Module]] = []
    owners: dict[nn.Parameter, str] = {}
    for name, layer in module.named_modules():
        own = list(layer.parameters(recurse=False))
        if not own:
            continue
        if type(layer) not in RULES:
            known = ", ".join(sorted(t.__name__ for t in RULES))
            raise InputError(
                f'cannot clip layer "{name}": there is no rule for {type(layer).__name__}',
                hint=f"layers with a rule: {known}",
            )
        for parameter in own:
            if parameter in owners:
                raise InputError(
                    f'layers "{owners[parameter]}" and "{name}" share a parameter',
                    hint="untie them: a shared parameter's gradient must be clipped as one",
                )
            owners[parameter] = name
        layers.append((name, layer))
    return layers


def _refuse_batch_mixing(module: nn.Module) -> None:
    for name, layer in module.named_modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - the only base class
            raise InputError(
                f'layer "{name}" ({type(layer).__name__}) mixes the examples of a batch, so no '
                "example's influence is bounded",
                hint="use nn.GroupNorm, which looks at one example at a time",
            )


def _has_bias(layer: nn.Linear) -> bool:
    return layer._parameters["bias"] is not None  # noqa: SLF001 - typed as never None elsewhere


def _squares(values: Tensor) -> Tensor:
    """Return [n]: the squared norm of each row of [n, k]."""
    # Not vecdot, which materialises the product.
    norms: Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return norms.square()


def _like(weights: Tensor, values: Tensor) -> Tensor:
    """Return [n] shaped so that it multiplies [n, …]."""
    return weights.reshape(-1, *([1] * (values.dim() - 1)))
