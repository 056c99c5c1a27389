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

    Unfolding the whole batch first would go through memory; a handful of rows stays in the cache.
    """

    def squared(self, layer: Convolution, use: Use, wanted: Collection[str]) -> Tensor:
        """See `Rule`."""
        use.kept = {name: self.per_unit(layer, use, name) for name in wanted}
        return total([squares(values) for values in use.kept.values()])

    def add(
        self, layer: Convolution, use: Use, weights: Tensor, sinks: Mapping[str, Tensor]
    ) -> None:
        """See `Rule`."""
        del layer
        for name, sink in sinks.items():
            add_weighted(sink, weights, use.kept[name])

    def per_unit(self, layer: Convolution, use: Use, name: str) -> Tensor:
        """See `Rule`."""
        g = use.returned
        rows, k = len(g), use.rows_per_unit
        if name == "bias":
            summed = g.flatten(2).sum(2)
            return summed if k == 1 else summed.view(rows // k, k, -1).sum(1)
        padded = nn.functional.pad(use.given, _padding(layer))
        if layer.padding_mode != "zeros":
            padded = nn.functional.pad(use.given, _padding(layer), mode=layer.padding_mode)
        groups, places = layer.groups, math.prod(g.shape[2:])
        wide = layer.in_channels // groups * math.prod(layer.kernel_size)
        found = g.new_empty(rows, groups, layer.out_channels // groups, wide)
        step = max(1, _CACHE_FLOATS // (places * wide * groups))
        for i in range(0, rows, step):
            part = g[i : i + step].reshape(-1, groups, layer.out_channels // groups, places)
            windows = _windows(layer, padded[i : i + step], tuple(g.shape[2:]))
            torch.matmul(part, windows, out=found[i : i + step])
        if k > 1:
            found = found.view(rows // k, k, *found.shape[1:]).sum(1)
        return found.view(len(found), *layer.weight.shape)


def _padding(layer: Convolution) -> list[int]:
    """Return what `functional.pad` takes: last axis first, before and after."""
    if layer.padding == "valid":
        return [0] * (2 * len(layer.kernel_size))
    sides = []
    for i, width in reversed(list(enumerate(layer.kernel_size))):
        if layer.padding == "same":
            total = layer.dilation[i] * (width - 1)
            sides += [total // 2, total - total // 2]
        else:
            sides += [int(layer.padding[i])] * 2
    return sides


def _windows(layer: Convolution, padded: Tensor, places: tuple[int, ...]) -> Tensor:
    """Return [n, groups, places, channels × window]: what each output place saw."""
    n, channels = padded.shape[:2]
    strides = padded.stride()
    steps = [s * d for s, d in zip(strides[2:], layer.stride, strict=True)]
    inner = [s * d for s, d in zip(strides[2:], layer.dilation, strict=True)]
    groups = layer.groups
    view = padded.as_strided(
        (n, groups, *places, channels // groups, *layer.kernel_size),
        (strides[0], strides[1] * (channels // groups), *steps, strides[1], *inner),
        padded.storage_offset(),
    )
    return view.reshape(n, groups, math.prod(places), -1)
