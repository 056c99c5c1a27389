"""`nn.Embedding` on [n] or [n, …]: never a [units, tokens, d] gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from strongroom.privacy.clipping._use import Use, squares

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor, nn


class EmbeddingRule:
    """The norm comes from pairs of positions of one unit that hold the same token."""

    def squared(self, layer: nn.Embedding, use: Use, wanted: Collection[str]) -> Tensor:
        """See `Rule`."""
        del wanted
        index, g = self._parts(layer, use)
        if index.shape[1] == 1 or _once(index):
            return squares(g)
        same = index[:, :, None] == index[:, None, :]
        pairs = (g @ g.mT).mul_(same)
        return pairs.sum((1, 2)).clamp_min_(0)

    def add(
        self, layer: nn.Embedding, use: Use, weights: Tensor, sinks: Mapping[str, Tensor]
    ) -> None:
        """See `Rule`."""
        index, g = self._parts(layer, use)
        if index.stride(0) == 0:
            summed = (weights @ g.flatten(1)).view(g.shape[1:])
            sinks["weight"].index_add_(0, index[0], summed)
            return
        sinks["weight"].index_add_(0, index.flatten(), (g * weights[:, None, None]).flatten(0, 1))

    def per_unit(self, layer: nn.Embedding, use: Use, name: str) -> Tensor:
        """See `Rule`."""
        del name
        index, g = self._parts(layer, use)
        found = g.new_zeros(len(g), layer.num_embeddings, layer.embedding_dim)
        return found.scatter_add_(1, index[:, :, None].expand_as(g), g)

    def _parts(self, layer: nn.Embedding, use: Use) -> tuple[Tensor, Tensor]:
        """Return indices [units, t] and gradients [units, t, d], zero where nothing is learnt."""
        g = use.sequence(use.returned)
        index = use.given
        if index.dim() != 2 or use.rows_per_unit > 1:  # noqa: PLR2004 - units and places
            index = index.reshape(len(g), -1)
        if layer.padding_idx is not None:
            g = torch.where((index == layer.padding_idx)[:, :, None], 0, g)
        return index, g


def _once(index: Tensor) -> bool:
    """Tell whether all rows are one, such as positions, and hold no index twice."""
    return index.stride(0) == 0 and len(set(index[0].tolist())) == index.shape[1]
