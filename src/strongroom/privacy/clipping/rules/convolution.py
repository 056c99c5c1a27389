"""`nn.Conv1d`, `nn.Conv2d`, `nn.Conv3d`: any stride, padding, dilation and groups."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from strongroom.privacy.clipping._use import Use, add_weighted, squares, total

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d

_CACHE_FLOATS = 1 << 18  # of unfolded windows at a time: 1 MB, which stays in a core's own cache


class ConvolutionRule:
    """Per-unit gradients as one matrix product a unit, on windows unfolded a few rows at a time.

    Channels come last while this is done: a row of a window is then one run of memory, and copying
    it costs a third of what unfolding channels first does. Unfolding the whole batch would go
    through memory; a handful of rows stays in the cache.
    """

    def squared(self, layer: Convolution, use: Use, wanted: Collection[str]) -> Tensor:
        """See `Rule`."""
        use.kept = {}
        if "weight" in wanted:
            use.kept["weight"] = self._weight(layer, use)
        if "bias" in wanted:
            use.kept["bias"] = self.per_unit(layer, use, "bias")
        return total([squares(values) for values in use.kept.values()])

    def add(
        self, layer: Convolution, use: Use, weights: Tensor, sinks: Mapping[str, Tensor]
    ) -> None:
        """See `Rule`."""
        del layer
        if "bias" in sinks:
            add_weighted(sinks["bias"], weights, use.kept["bias"])
        if "weight" in sinks:
            kept = use.kept["weight"]
            summed = (weights @ kept.flatten(1)).view(kept.shape[1:])
            sinks["weight"].add_(summed.movedim(-1, 1))

    def per_unit(self, layer: Convolution, use: Use, name: str) -> Tensor:
        """See `Rule`."""
        if name == "weight":
            # A copy: another use of the layer takes the same memory.
            return self._weight(layer, use).movedim(-1, 2).clone()
        summed = use.returned.flatten(2).sum(2)
        k = use.rows_per_unit
        return summed if k == 1 else summed.view(len(summed) // k, k, -1).sum(1)

    def _weight(self, layer: Convolution, use: Use) -> Tensor:
        """Return [units, out, *kernel, in]: the gradient of the weights, channels last."""
        g = use.returned.movedim(1, -1)
        given = _padded(layer, use.given)
        rows, k, groups = len(g), use.rows_per_unit, layer.groups
        places, high = math.prod(g.shape[1:-1]), layer.out_channels // groups
        window = (*layer.kernel_size, layer.in_channels // groups)
        wide = math.prod(window)
        found = use.space.get("weight", (rows, groups, high, wide), g)
        step = max(1, min(rows, _CACHE_FLOATS // (places * wide * groups)))
        unfolded = use.space.get("windows", (step, groups, places, wide), given)
        for i in range(0, rows, step):
            part = g[i : i + step].reshape(-1, places, groups, high).permute(0, 2, 3, 1)
            seen = unfolded[: len(part)]
            view = _windows(layer, given[i : i + step], tuple(g.shape[1:-1]))
            seen.view(view.shape).copy_(view)
            torch.matmul(part, seen, out=found[i : i + step])
        found = found.view(rows, layer.out_channels, *window)
        return found if k == 1 else found.view(rows // k, k, *found.shape[1:]).sum(1)


def _padded(layer: Convolution, given: Tensor) -> Tensor:
    """Return [n, *places, channels] with the layer's padding around the places."""
    sides = _padding(layer)
    if layer.padding_mode != "zeros":
        return nn.functional.pad(given, sides, mode=layer.padding_mode).movedim(1, -1).contiguous()
    last = given.movedim(1, -1)
    return nn.functional.pad(last, [0, 0, *sides]) if any(sides) else last.contiguous()


def _padding(layer: Convolution) -> list[int]:
    """Return what `functional.pad` takes: last axis first, before and after."""
    if layer.padding == "valid":
        return [0] * (2 * len(layer.kernel_size))
    sides = []
    for i, width in reversed(list(enumerate(layer.kernel_size))):
        if layer.padding == "same":
            both = layer.dilation[i] * (width - 1)
            sides += [both // 2, both - both // 2]
        else:
            sides += [int(layer.padding[i])] * 2
    return sides


def _windows(layer: Convolution, given: Tensor, places: tuple[int, ...]) -> Tensor:
    """Return [n, groups, *places, *kernel, channels]: what each output place saw; a view."""
    n, channels = given.shape[0], given.shape[-1] // layer.groups
    strides = given.stride()
    steps = [s * d for s, d in zip(strides[1:-1], layer.stride, strict=True)]
    inner = [s * d for s, d in zip(strides[1:-1], layer.dilation, strict=True)]
    return given.as_strided(
        (n, layer.groups, *places, *layer.kernel_size, channels),
        (strides[0], channels * strides[-1], *steps, *inner, strides[-1]),
        given.storage_offset(),
    )
