"""`nn.Linear` on [n, d] or [n, …, d]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from strongroom.privacy.clipping._use import Use, add_weighted, squares

if TYPE_CHECKING:
    from torch import Tensor, nn

# What moving one number of a per-unit gradient through memory costs, in multiply-adds.
_TRAFFIC = 24


class LinearRule:
    """One row a unit: the gradient has rank one, its norm is a product of two (Goodfellow 2015).

    Several rows: either the norm alone, from the rows' inner products (the ghost norm of Li et al.
    2022), or the per-unit gradient itself, which the sum then uses again; whichever is cheaper.
    """

    def norms(self, layer: nn.Module, use: Use, wanted: frozenset[str]) -> dict[str, Tensor]:
        """See `Rule`."""
        del layer  # which may be one that holds a linear map among others
        given, returned = use.given, use.returned
        found = {}
        if given.dim() == 2 and use.rows_per_unit == 1:  # noqa: PLR2004 - rows and features
            size = squares(returned)
            if "weight" in wanted:
                found["weight"] = squares(given).mul_(size)
            if "bias" in wanted:
                found["bias"] = size
            return found
        if "bias" in wanted:
            found["bias"] = squares(use.sequence(returned).sum(1))
        if "weight" in wanted:
            found["weight"] = self._sequence_norms(use)
        return found

    def _sequence_norms(self, use: Use) -> Tensor:
        a, g = use.sequence(use.given), use.sequence(use.returned)
        length, wide, high = a.shape[1], a.shape[2], g.shape[2]
        if length * length * (wide + high) < _TRAFFIC * wide * high:
            pairs = (a @ a.mT).mul_(g @ g.mT)
            # Rounding may fall a hair below zero.
            return pairs.sum((1, 2)).clamp_min_(0)
        use.kept = g.mT @ a
        return squares(use.kept)

    def add(self, layer: nn.Module, use: Use, weights: Tensor, sinks: dict[str, Tensor]) -> None:
        """See `Rule`."""
        del layer
        if use.kept is not None and "weight" in sinks:
            add_weighted(sinks["weight"], weights, use.kept)
            if "bias" in sinks:
                add_weighted(sinks["bias"], weights, use.sequence(use.returned).sum(1))
            return
        returned = use.returned
        rows = use.spread(weights)
        scaled = returned * rows.reshape(-1, *([1] * (returned.dim() - 1)))
        scaled = scaled.reshape(-1, scaled.shape[-1])
        if "weight" in sinks:
            sink = sinks["weight"]
            torch.addmm(sink, scaled.T, use.given.reshape(-1, use.given.shape[-1]), out=sink)
        if "bias" in sinks:
            sinks["bias"].add_(scaled.sum(0))

    def per_unit(self, layer: nn.Module, use: Use, name: str) -> Tensor:
        """See `Rule`."""
        del layer
        g = use.sequence(use.returned)
        return g.mT @ use.sequence(use.given) if name == "weight" else g.sum(1)
