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
    from collections.abc import Iterator, Sequence

    from torch import Tensor, nn

    from strongroom.privacy.clipping._engine import ClippedGradient, LossFunction

# Single precision on sums of any length, and far below what a mixed-in row would do.
_TOLERANCE = 1e-3


def verify_gradients(
    engine: ClippedGradient,
    inputs: Sequence[Tensor],
    targets: Any,  # noqa: ANN401 - whatever the loss takes
    loss: LossFunction,
) -> None:
    """Compare per-unit gradient norms and their sum with autograd's, without dropout.

    Args:
        engine: whose module is looked at; its parameters, modes and hooks are left as they were.
        inputs: the module's arguments for a few units, two at least.
        targets: what `loss` takes.
        loss: gives one loss per row.

    Raises:
        InputError: they don't agree, so clipping would bound nothing.
    """
    together = engine.tape.rows_per_unit
    units = len(inputs[0]) // together
    kept, engine.clipping = engine.clipping, Unclipped()
    try:
        with _still(engine.module):
            found = engine(inputs, targets, loss)
            if not torch.isfinite(found.norms).all():
                return  # the step itself will say so
            total = torch.zeros_like(_flat(found.total.values()))
            norms = []
            for i in range(units):
                part = slice(i * together, (i + 1) * together)
                own = _plain(engine, [x[part] for x in inputs], _cut(targets, part), loss)
                total += own
                norms.append(own.norm())
    finally:
        engine.clipping = kept
    expected = torch.stack(norms)
    size = expected.max().clamp_min(torch.finfo(expected.dtype).tiny)
    apart = max(
        float((found.norms - expected).abs().max() / size),
        float((_flat(found.total.values()) - total).norm() / (size * units)),
    )
    if not apart <= _TOLERANCE:
        raise InputError(
            "the gradients of single rows don't add up to the batch's, so clipping would bound "
            f"nothing (they are {apart:.2g} apart)",
            hint="the model mixes the rows of a batch, keeps state, draws random numbers in its "
            "forward, or uses a layer's parameters without calling the layer",
        )


def _plain(
    engine: ClippedGradient,
    inputs: Sequence[Tensor],
    targets: Any,  # noqa: ANN401 - whatever the loss takes
    loss: LossFunction,
) -> Tensor:
    """Return the flat gradient of the summed loss, by autograd and nothing else."""
    parameters = list(engine.parameters.values())
    for parameter in parameters:
        parameter.requires_grad = True
    try:
        with torch.enable_grad():
            total = loss(engine.module(*inputs), targets).sum()
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


def _cut(targets: Any, part: slice) -> Any:  # noqa: ANN401
    return tuple(t[part] for t in targets) if isinstance(targets, tuple) else targets[part]


def _flat(values: Any) -> Tensor:  # noqa: ANN401 - tensors, in any iterable
    return torch.cat([v.flatten() for v in values])
