"""`nn.Linear` on [n, d] or [n, …, d]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from strongroom.privacy.clipping._use import Use, add_weighted, squares, total

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor, nn

# What moving one number of a per-unit gradient through memory costs, in multiply-adds.
_TRAFFIC = 24


class LinearRule:
    """One row a unit: the gradient has rank one, its norm is a product of two (Goodfellow 2015).

    Several rows: either the norm alone, from the rows' inner products (the ghost norm of Li et al.
    2022), or the per-unit gradient itself, which the sum then uses again; whichever is cheaper.
    """

    def squared(self, layer: nn.Module, use: Use, wanted: Collection[str]) -> Tensor:
        """See `Rule`."""
        del layer  # which may be one that holds a linear map among others
        given, returned = use.given, use.returned
        if given.dim() == 2 and use.rows_per_unit == 1:  # noqa: PLR2004 - rows and features
            size = squares(returned)
            if "weight" not in wanted:
                return size
            inner = squares(given)
            # A bias is an input that is always 1.
            return torch.addcmul(size, inner, size) if "bias" in wanted else inner.mul_(size)
        use.kept = {}
        if "bias" in wanted:
            use.kept["bias"] = use.sequence(returned).sum(1)
        parts = [squares(values) for values in use.kept.values()]
        if "weight" in wanted:
            parts.append(self._sequence(use))
        return total(parts)

    def _sequence(self, use: Use) -> Tensor:
        a, g = use.sequence(use.given), use.sequence(use.returned)
        length, wide, high = a.shape[1], a.shape[2], g.shape[2]
        if length * length * (wide + high) < _TRAFFIC * wide * high:
            square = (len(a), length, length)
            pairs = torch.bmm(a, a.mT, out=use.space.get("inner", square, a))
            pairs.mul_(torch.bmm(g, g.mT, out=use.space.get("outer", square, g)))
            # Rounding may fall a hair below zero.
            return pairs.sum((1, 2)).clamp_min_(0)
        found = use.space.get("weight", (len(a), high, wide), a)
        use.kept["weight"] = torch.bmm(g.mT, a, out=found)
        return squares(found)

    def add(self, layer: nn.Module, use: Use, weights: Tensor, sinks: Mapping[str, Tensor]) -> None:
        """See `Rule`."""
        del layer
        kept = use.kept or {}
        for name, values in kept.items():
            add_weighted(sinks[name], weights, values)
        left = sinks.keys() - kept.keys()
        if not left:
            return
        rows = use.spread(weights)
        given, returned = use.given, use.returned
        if given.dim() > 2:  # noqa: PLR2004 - rows and features
            rows = rows.repeat_interleave(given[0, ..., 0].numel())
            given, returned = given.flatten(0, -2), returned.flatten(0, -2)
        if "weight" in left:
            # The weights go to the smaller of the two factors.
            smaller = given if given.shape[1] < returned.shape[1] else returned
            scaled = use.space.get("scaled", tuple(smaller.shape), smaller)
            torch.mul(smaller, rows[:, None], out=scaled)
            if smaller is given:
                sinks["weight"].addmm_(returned.T, scaled)
            else:
                sinks["weight"].addmm_(scaled.T, given)
        if "bias" in left:
            sinks["bias"].addmv_(returned.T, rows)

    def per_unit(self, layer: nn.Module, use: Use, name: str) -> Tensor:
        """See `Rule`."""
        del layer
        g = use.sequence(use.returned)
        return g.mT @ use.sequence(use.given) if name == "weight" else g.sum(1)
