"""Layers that normalise within one example, then scale: Layer-, Group-, Instance- and RMSNorm.

The gradient of the scale is the output gradient times the normalised input, of the shift the output
gradient alone, each summed over the places that share a parameter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from strongroom.privacy.clipping._use import Use, add_weighted, squares, total

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from strongroom.privacy.clipping._tape import Record

_WHOLE = "norm"


class NormalisationRule:
    """All kinds differ in what they normalise over and in which axes share a parameter.

    Args:
        normalise: (layer, input) to the normalised input, before scale and shift.
        by_channel: parameters belong to axis 1 (else to the trailing axes).
    """

    def __init__(self, normalise: Callable[[Any, Tensor], Tensor], *, by_channel: bool) -> None:
        self._normalise, self._by_channel = normalise, by_channel

    def squared(self, layer: nn.Module, use: Use, wanted: Collection[str]) -> Tensor:
        """See `Rule`."""
        use.kept = self._all(layer, use, wanted)
        return total([squares(values) for values in use.kept.values()])

    def add(self, layer: nn.Module, use: Use, weights: Tensor, sinks: Mapping[str, Tensor]) -> None:
        """See `Rule`."""
        del layer
        for name, sink in sinks.items():
            add_weighted(sink, weights, use.kept[name])

    def per_unit(self, layer: nn.Module, use: Use, name: str) -> Tensor:
        """See `Rule`."""
        return self._all(layer, use, (name,))[name]

    def _all(self, layer: nn.Module, use: Use, wanted: Collection[str]) -> dict[str, Tensor]:
        return {name: self._one(layer, use, name) for name in wanted}

    def _one(self, layer: nn.Module, use: Use, name: str) -> Tensor:
        g = use.returned
        values = g if name == "bias" else self._normalise(layer, use.given).mul_(g)
        shape = layer.get_parameter(name).shape
        units = len(g) // use.rows_per_unit
        if self._by_channel:
            summed = values.reshape(len(g), shape[0], -1).sum(2)
            return summed.view(units, -1, shape[0]).sum(1)
        return values.reshape(units, -1, *shape).sum(1)


class _KeepsStatistics(NormalisationRule, ABC):
    """Runs the layer itself, to keep the mean and the scale that it computes anyway.

    On a CPU one compiled pass then gives the gradients of both parameters.
    """

    def check(self, layer: nn.Module, name: str) -> None:
        """Nothing is refused."""

    def parts(self, layer: nn.Module) -> dict[str, dict[str, str]]:
        """Return the layer as its only part."""
        return {_WHOLE: {n: n for n, _ in layer.named_parameters()}}

    def _all(self, layer: nn.Module, use: Use, wanted: Collection[str]) -> dict[str, Tensor]:
        given, returned = use.given, use.returned
        if given.device.type != "cpu" or given.dtype not in {torch.float32, torch.float64}:
            return super()._all(layer, use, wanted)
        both = self._pass(layer, use.inputs, given, returned)
        k = use.rows_per_unit
        if k > 1:
            both = both.view(len(both) // k, k, *both.shape[1:]).sum(1)
        return {
            name: both[:, int(name == "bias")].reshape(-1, *layer.get_parameter(name).shape)
            for name in wanted
        }

    @abstractmethod
    def _pass(
        self,
        layer: Any,  # noqa: ANN401 - each kind has its own
        kept: tuple[Any, ...],
        given: Tensor,
        returned: Tensor,
    ) -> Tensor:
        """Return [rows, 2, parameters]: the gradients of scale and shift."""


class LayerNormRule(_KeepsStatistics):
    """Every place has a mean and a scale of its own (Ba et al. 2016)."""

    def run(self, layer: nn.LayerNorm, record: Record, given: Tensor) -> Tensor:
        """See `nn.LayerNorm.forward`."""
        shape = list(layer.normalized_shape)
        out, mean, scale = torch.native_layer_norm(
            given, shape, layer.weight, layer.bias, layer.eps
        )
        return record(_WHOLE, out, given, mean, scale)

    def _pass(
        self, layer: nn.LayerNorm, kept: tuple[Any, ...], given: Tensor, returned: Tensor
    ) -> Tensor:
        from strongroom.privacy.clipping._kernels import by_place

        _, mean, scale = kept
        rows, features = len(given), layer.normalized_shape
        count = given[(0,) * (given.dim() - len(features))].numel()
        out = given.new_empty(rows, 2, count)
        by_place(
            given.reshape(rows, -1, count).numpy(),
            returned.reshape(rows, -1, count).numpy(),
            mean.to(given.dtype).reshape(rows, -1).numpy(),
            scale.to(given.dtype).reshape(rows, -1).numpy(),
            out.numpy(),
        )
        return out


class GroupNormRule(_KeepsStatistics):
    """Every group of channels has a mean and a scale of its own (Wu & He 2018)."""

    def run(self, layer: nn.GroupNorm, record: Record, given: Tensor) -> Tensor:
        """See `nn.GroupNorm.forward`."""
        n, channels = given.shape[:2]
        last = given.dim() == 4 and given.is_contiguous(memory_format=torch.channels_last)  # noqa: PLR2004
        out, mean, scale = torch.native_group_norm(
            given if last else given.contiguous(),
            layer.weight,
            layer.bias,
            n,
            channels,
            given[0, 0].numel(),
            layer.num_groups,
            layer.eps,
        )
        return record(_WHOLE, out, given, mean, scale)

    def _pass(
        self, layer: nn.GroupNorm, kept: tuple[Any, ...], given: Tensor, returned: Tensor
    ) -> Tensor:
        from strongroom.privacy.clipping._kernels import by_channel

        rows, channels = given.shape[:2]
        out = given.new_empty(rows, 2, channels)
        mean, scale = (
            statistic.to(given.dtype).repeat_interleave(channels // layer.num_groups, 1)
            for statistic in kept[1:]
        )
        by_channel(
            given.movedim(1, -1).reshape(rows, -1, channels).numpy(),
            returned.movedim(1, -1).reshape(rows, -1, channels).numpy(),
            mean.numpy(),
            scale.numpy(),
            out.numpy(),
        )
        return out


def _layer_norm(layer: nn.LayerNorm, given: Tensor) -> Tensor:
    return nn.functional.layer_norm(given, layer.normalized_shape, eps=layer.eps)


def _rms_norm(layer: nn.RMSNorm, given: Tensor) -> Tensor:
    return nn.functional.rms_norm(given, layer.normalized_shape, eps=layer.eps)


def _group_norm(layer: nn.GroupNorm, given: Tensor) -> Tensor:
    return nn.functional.group_norm(given, layer.num_groups, eps=layer.eps)


def _instance_norm(layer: nn.InstanceNorm1d, given: Tensor) -> Tensor:
    return nn.functional.instance_norm(given, eps=layer.eps)


LAYER_NORM = LayerNormRule(_layer_norm, by_channel=False)
RMS_NORM = NormalisationRule(_rms_norm, by_channel=False)
GROUP_NORM = GroupNormRule(_group_norm, by_channel=True)
INSTANCE_NORM = NormalisationRule(_instance_norm, by_channel=True)
