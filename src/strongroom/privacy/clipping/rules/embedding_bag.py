"""`nn.EmbeddingBag` on indices [n, m], summed or averaged: hashed features without a dense matrix.

A unit's gradient is sparse: bucket b gets its weight in the unit times the output gradient, where
an index that comes c times has c times the weight. So the norm needs the weights added up per
bucket, and nothing larger than the indices is formed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from strongroom.errors import InputError
from strongroom.privacy.clipping._use import Use, squares

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor, nn

# Up to so many columns are counted one by one, which is quicker than adding rows of them.
_FEW_COLUMNS = 16


class EmbeddingBagRule:
    """The weights of a bag are its `per_sample_weights`, or 1, or 1 over the indices that count."""

    def check(self, layer: nn.EmbeddingBag, use: Use) -> None:
        """Refuse what has no rule.

        Raises:
            InputError: bags of flat indices with offsets, or a maximum.
        """
        if use.given.dim() != 2:  # noqa: PLR2004 - rows and places
            raise InputError(
                f"an EmbeddingBag was given indices of shape {list(use.given.shape)} with offsets",
                hint="give it [rows, places], with padding_idx in the places that are empty",
            )
        if layer.mode == "max":
            raise InputError(
                "an EmbeddingBag that takes the maximum has no clipping rule",
                hint='use mode="sum" or mode="mean"',
            )

    def squared(self, layer: nn.EmbeddingBag, use: Use, wanted: Collection[str]) -> Tensor:
        """See `Rule`."""
        del wanted
        self.check(layer, use)
        index, scale = self._parts(layer, use)
        if use.rows_per_unit > 1:
            return squares(self._compact(index, scale, use))
        if _rising(index, layer.padding_idx):
            weight = squares(scale)
        else:
            # Where an index comes again its weight is added to its first place.
            order, rank = index.sort(dim=1)
            place = _first_seen(order).cumsum(dim=1) - 1
            weight = squares(torch.zeros_like(scale).scatter_add_(1, place, scale.gather(1, rank)))
        return weight.mul_(squares(use.returned))

    def add(
        self, layer: nn.EmbeddingBag, use: Use, weights: Tensor, sinks: Mapping[str, Tensor]
    ) -> None:
        """See `Rule`."""
        index, scale = self._parts(layer, use)
        g = use.returned * use.spread(weights)[:, None]
        sink, flat = sinks["weight"], index.flatten()
        if g.shape[1] <= _FEW_COLUMNS:
            for column in range(g.shape[1]):
                shares = (scale * g[:, column, None]).flatten()
                sink[:, column] += torch.bincount(flat, shares, minlength=len(sink))
        else:
            sink.index_add_(0, flat, (scale[:, :, None] * g[:, None, :]).flatten(0, 1))

    def per_unit(self, layer: nn.EmbeddingBag, use: Use, name: str) -> Tensor:
        """See `Rule`."""
        del name
        self.check(layer, use)
        index, scale = self._parts(layer, use)
        shares = use.sequence(scale[:, :, None] * use.returned[:, None, :])
        found = shares.new_zeros(len(shares), layer.num_embeddings, layer.embedding_dim)
        index = index.reshape(len(shares), -1)
        return found.scatter_add_(1, index[:, :, None].expand_as(shares), shares)

    def _compact(self, index: Tensor, scale: Tensor, use: Use) -> Tensor:
        """Return [units, places, d]: each unit's gradient, without the buckets that have none."""
        shares = use.sequence(scale[:, :, None] * use.returned[:, None, :])
        order, rank = index.reshape(len(shares), -1).sort(dim=1)
        place = (_first_seen(order).cumsum(dim=1) - 1)[:, :, None].expand_as(shares)
        moved = shares.gather(1, rank[:, :, None].expand_as(shares))
        return torch.zeros_like(shares).scatter_add_(1, place, moved)

    def _parts(self, layer: nn.EmbeddingBag, use: Use) -> tuple[Tensor, Tensor]:
        """Return indices and their weights in the bag, both [rows, places]."""
        index = use.given
        given = use.inputs[2] if len(use.inputs) > 2 else None  # noqa: PLR2004 - its place
        scale = torch.ones_like(index, dtype=use.returned.dtype) if given is None else given
        if layer.padding_idx is not None:
            scale = torch.where(index == layer.padding_idx, 0, scale)
        if layer.mode == "mean":
            scale = scale / scale.sum(dim=1, keepdim=True).clamp_min(1)
        return index, scale


def _rising(index: Tensor, padding: int | None) -> bool:
    """Tell whether every row rises and then holds padding only, so that nothing comes twice."""
    later, before = index[:, 1:], index[:, :-1]
    rises = later > before
    if padding is not None:
        rises = ((later == padding) | rises) & ((later == padding) | (before != padding))
    return bool(rises.all())


def _first_seen(order: Tensor) -> Tensor:
    """Return where a sorted row [n, m] shows an index for the first time."""
    fresh = torch.ones_like(order, dtype=torch.bool)
    fresh[:, 1:] = order[:, 1:] != order[:, :-1]
    return fresh
