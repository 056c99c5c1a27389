"""A look before the first step: does the engine see what autograd sees, row by row?

Layer types say much, but not everything: a model may mix its rows in its own `forward`, use a
parameter behind a layer's back, or keep state. So a few rows go through the engine together and
through plain autograd one by one, and the two must agree.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from strongroom.errors import InputError
from strongroom.privacy.clipping._modes import Unclipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from strongroom.privacy.clipping._engine import ClippedGradient

# Single precision on sums of any length, and far below what a mixed-in row would do.
_TOLERANCE = 1e-3


def verify_gradients(
    engine: ClippedGradient, losses: Callable[[slice], Tensor], units: int
) -> None:
    """Compare per-unit gradient norms and their sum with autograd's, without dropout.

    Args:
        engine: whose module is looked at; its parameters, modes and hooks are left as they were.
        losses: runs the module on some of the rows and returns a loss for each.
        units: how many to look at, two at least.

    Raises:
        InputError: they don't agree, so clipping would bound nothing.
    """
    together = engine.tape.rows_per_unit
    kept, engine.clipping = engine.clipping, Unclipped()
    try:
        with _still(engine.module):
            rows = units * together
            found = engine.run(lambda: losses(slice(0, rows)), rows)
            if not torch.isfinite(found.norms).all():
                return  # the step itself will say so
            parts = [slice(i * together, (i + 1) * together) for i in range(units)]
            single = [_plain(engine, losses, part) for part in parts]
    finally:
        engine.clipping = kept
    norms = torch.stack([own.norm() for own in single])
    size = norms.max().clamp_min(torch.finfo(norms.dtype).tiny)
    sums = _flat(found.total.values()) - torch.stack(single).sum(0)
    apart = max(
        float((found.norms - norms).abs().max() / size), float(sums.norm() / (size * units))
    )
    if not apart <= _TOLERANCE:
        raise InputError(
            "the gradients of single rows don't add up to the batch's, so clipping would bound "
            f"nothing (they are {apart:.2g} apart)",
            hint="the model mixes the rows of a batch, keeps state, draws random numbers in its "
            "forward, or uses a layer's parameters without calling the layer",
        )


def _plain(engine: ClippedGradient, losses: Callable[[slice], Tensor], part: slice) -> Tensor:
    """Return the flat gradient of the summed losses, by autograd and nothing else."""
    parameters = list(engine.parameters.values())
    for parameter in parameters:
        parameter.requires_grad = True
    try:
        with torch.enable_grad():
            total = losses(part).sum()
            gradients: Any = torch.autograd.grad(total, parameters, allow_unused=True)
    finally:
        for parameter in parameters:
            parameter.requires_grad = False
    return _flat(
        torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)
    )


@contextmanager
def _still(module: nn.Module) -> Iterator[None]:
    """Turn dropout off, and whatever else differs while training."""
    training = [m for m in module.modules() if m.training]
    module.eval()
    try:
        yield
    finally:
        for layer in training:
            layer.training = True


def _flat(values: Any) -> Tensor:  # noqa: ANN401 - tensors, in any iterable
    return torch.cat([v.flatten() for v in values])
