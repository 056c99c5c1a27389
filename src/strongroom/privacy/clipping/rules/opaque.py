"""Any other layer: per-unit gradients by `torch.func`, correct and slower.

The layer is run again for every unit, with all that is inside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from strongroom.errors import InputError
from strongroom.privacy.clipping._use import Use, add_weighted, squares, total

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


class OpaqueRule:
    """Sees the layer as a function of parameters and inputs, whose first axis counts rows."""

    def check(self, layer: nn.Module, name: str) -> None:
        """Refuse what isn't the same when it is run again.

        Raises:
            InputError: the layer drops out.
        """
        for inner in layer.modules():
            if isinstance(inner, nn.modules.dropout._DropoutNd) and inner.p > 0:  # noqa: SLF001 - the only base
                raise InputError(
                    f'layer "{name}" ({type(layer).__name__}) has parameters of its own and drops '
                    "out, so it can't be run again for its gradient",
                    hint="move the parameters into layers of their own, or set the dropout to 0",
                )

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
        if use.kept is None or name not in use.kept:
            use.kept = self._all(layer, use, (name,))
        found: Tensor = use.kept[name]
        return found

    def _all(self, layer: nn.Module, use: Use, wanted: Collection[str]) -> dict[str, Tensor]:
        learnt = {n: p.detach() for n, p in layer.named_parameters() if n in wanted}
        g = use.returned
        units = len(g) // use.rows_per_unit

        def split(values: Tensor) -> Tensor:
            return values.reshape(units, use.rows_per_unit, *values.shape[1:])

        by_row = [isinstance(x, Tensor) and x.shape[:1] == g.shape[:1] for x in use.inputs]
        moving = [split(x.detach()) for x, own in zip(use.inputs, by_row, strict=True) if own]

        def gradient(returned: Tensor, *rows: Tensor) -> dict[str, Tensor]:
            own = iter(rows)
            given = tuple(
                next(own) if moves else x for x, moves in zip(use.inputs, by_row, strict=True)
            )

            def output(parameters: dict[str, Tensor]) -> Tensor:
                return _plainly(layer, parameters, given)

            pull = torch.func.vjp(output, learnt)[1]
            found: dict[str, Tensor] = pull(returned)[0]
            return found

        with torch.enable_grad():
            found: dict[str, Tensor] = torch.func.vmap(gradient)(split(g), *moving)
        return {name: values.detach() for name, values in found.items()}


def _plainly(layer: nn.Module, parameters: dict[str, Tensor], given: tuple[Any, ...]) -> Tensor:
    """Return the layer's output, past the hooks that watch it."""
    hooks, layer._forward_hooks = layer._forward_hooks, type(layer._forward_hooks)()  # noqa: SLF001
    try:
        call: Callable[..., Any] = torch.func.functional_call
        out: Tensor = call(layer, parameters, given)
    finally:
        layer._forward_hooks = hooks  # noqa: SLF001
    return out
