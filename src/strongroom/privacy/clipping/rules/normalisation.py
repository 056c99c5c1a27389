"""Layers that normalise within one example, then scale: Layer-, Group-, Instance- and RMSNorm.

The gradient of the scale is the output gradient times the normalised input, of the shift the output
gradient alone, each summed over the places that share a parameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from strongroom.privacy.clipping._use import Use, add_weighted, squares, total

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


class NormalisationRule:
    """All four differ in what they normalise over and in which axes share a parameter.

    Args:
        normalise: (layer, input) to the normalised input, before scale and shift.
        by_channel: parameters belong to axis 1 (else to the trailing axes).
    """

    def __init__(self, normalise: Callable[[Any, Tensor], Tensor], *, by_channel: bool) -> None:
        self._normalise, self._by_channel = normalise, by_channel

    def squared(self, layer: nn.Module, use: Use, wanted: Collection[str]) -> Tensor:
        """See `Rule`."""
        use.kept = {name: self.per_unit(layer, use, name) for name in wanted}
        return total([squares(values) for values in use.kept.values()])

    def add(self, layer: nn.Module, use: Use, weights: Tensor, sinks: Mapping[str, Tensor]) -> None:
        """See `Rule`."""
        del layer
        for name, sink in sinks.items():
            add_weighted(sink, weights, use.kept[name])

    def per_unit(self, layer: nn.Module, use: Use, name: str) -> Tensor:
        """See `Rule`."""
        g = use.returned
        values = g if name == "bias" else self._normalise(layer, use.given).mul_(g)
        shape = layer.get_parameter(name).shape
        units = len(g) // use.rows_per_unit
        if self._by_channel:
            summed = values.reshape(len(g), shape[0], -1).sum(2)
            return summed.view(units, -1, shape[0]).sum(1)
        return values.reshape(units, -1, *shape).sum(1)


def _layer_norm(layer: nn.LayerNorm, given: Tensor) -> Tensor:
    return nn.functional.layer_norm(given, layer.normalized_shape, eps=layer.eps)


def _rms_norm(layer: nn.RMSNorm, given: Tensor) -> Tensor:
    return nn.functional.rms_norm(given, layer.normalized_shape, eps=layer.eps)


def _group_norm(layer: nn.GroupNorm, given: Tensor) -> Tensor:
    return nn.functional.group_norm(given, layer.num_groups, eps=layer.eps)


def _instance_norm(layer: nn.InstanceNorm1d, given: Tensor) -> Tensor:
    return nn.functional.instance_norm(given, eps=layer.eps)


LAYER_NORM = NormalisationRule(_layer_norm, by_channel=False)
RMS_NORM = NormalisationRule(_rms_norm, by_channel=False)
GROUP_NORM = NormalisationRule(_group_norm, by_channel=True)
INSTANCE_NORM = NormalisationRule(_instance_norm, by_channel=True)
