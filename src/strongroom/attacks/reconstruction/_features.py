"""Inputs searched for whose features are those that a later linear layer gave away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from strongroom.attacks.reconstruction._linear_layer import one_row
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from strongroom.attacks.reconstruction._updates import Gradients
    from strongroom.progress import Progress

_ROUGH_STEPS = 200
_ROUGH_RATE = 0.05  # of the span
_ROUGH_VARIATION = 0.01
_EDGE = 0.01
_SHARPER = 100.0
_IMAGES = 3


def feature_layer(network: nn.Module, gradients: Gradients, shape: tuple[int, ...]) -> str | None:
    """Return the first linear layer that is given one vector a row; None if there is none."""
    seen: list[str] = []
    hooks = [
        layer.register_forward_pre_hook(_note(seen, name))
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear)
        and f"{_dot(name)}weight" in gradients
        and f"{_dot(name)}bias" in gradients
    ]
    try:
        with torch.no_grad():
            network(torch.zeros(2, *shape))
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError):
        return None
    finally:
        for hook in hooks:
            hook.remove()
    return seen[0] if seen else None


def match_features(
    network: nn.Module,
    updates: Sequence[Gradients],
    layer: str,
    start: NDArray[np.float32],
    bounds: tuple[float, float],
    *,
    steps: int = 400,
    progress: Progress = SILENT,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return inputs [u, ...] that give a layer what it was given, and how near they come.

    Whatever comes before it, a linear layer's gradient gives its own input away exactly (see
    `one_row`). Going back from there is easier than matching all gradients, which hardly works once
    convolutions are trained: first roughly, by Adam with a little total variation, then sharply, by
    L-BFGS on inputs that a sigmoid keeps in their bounds.

    Args:
        network: with the parameters that the updates were made with.
        updates: u of them, each of one row.
        layer: see `feature_layer`.
        start: the first guess, [...]; the mean of rows that the attacker knows does well.
        bounds: the least and the most an input's value may be.
        steps: of L-BFGS.
        progress: told about the steps.
    """
    names = f"{_dot(layer)}weight", f"{_dot(layer)}bias"
    wanted = torch.from_numpy(np.stack([one_row(*(u[n] for n in names)) for u in updates])).float()
    sizes = wanted.square().sum(dim=1).clamp_min(1e-30)
    given: list[Tensor] = []
    hook = network.get_submodule(layer).register_forward_pre_hook(
        lambda _, inputs: given.append(inputs[0])
    )
    low, span = bounds[0], bounds[1] - bounds[0]

    def away(x: Tensor) -> Tensor:
        given.clear()
        network(x)
        return (given[0].reshape(len(x), -1) - wanted).square().sum(dim=1) / sizes

    try:
        first = torch.from_numpy(np.asarray(start, np.float32))
        x = first.expand(len(updates), *first.shape).clone()
        x = _roughly(away, x, (low, span), progress)
        x = _sharply(away, x, (low, span), steps)
        with torch.no_grad():
            last = away(x)
    finally:
        hook.remove()
    return x.numpy(), last.double().numpy()


def _roughly(
    away: Any,  # noqa: ANN401 - see match_features
    start: Tensor,
    bounds: tuple[float, float],
    progress: Progress,
) -> Tensor:
    low, span = bounds
    x = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], lr=_ROUGH_RATE * span)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _ROUGH_STEPS)
    smooth = _ROUGH_VARIATION if x.ndim > _IMAGES else 0.0
    for number in range(_ROUGH_STEPS):
        with torch.enable_grad():
            size = away(x).sum()
            if smooth:
                size = size + smooth * variation(x / span)
            (x.grad,) = torch.autograd.grad(size, x)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            x.clamp_(low, low + span)
        progress.step(number, _ROUGH_STEPS, "matching features")
    return x.detach()


def _sharply(
    away: Any,  # noqa: ANN401 - see match_features
    start: Tensor,
    bounds: tuple[float, float],
    steps: int,
) -> Tensor:
    low, span = bounds
    inner = torch.logit(((start - low) / span).clamp(_EDGE, 1 - _EDGE)).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [inner],
        max_iter=steps,
        history_size=50,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-10,
        tolerance_change=1e-12,
    )

    def closure() -> Tensor:
        with torch.enable_grad():
            size: Tensor = _SHARPER * away(low + span * torch.sigmoid(inner)).sum()
            (inner.grad,) = torch.autograd.grad(size, inner)
        return size.detach()

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return low + span * torch.sigmoid(inner.detach())


def variation(images: Tensor) -> Tensor:
    """Return the mean absolute difference of neighbouring pixels, summed over images [n, ...]."""
    across = (images[..., :, 1:] - images[..., :, :-1]).abs()
    down = (images[..., 1:, :] - images[..., :-1, :]).abs()
    return len(images) * (across.mean() + down.mean())


def _dot(name: str) -> str:
    return f"{name}." if name else ""


def _note(seen: list[str], name: str) -> Any:  # noqa: ANN401 - a hook
    vector = 2

    def note(layer: nn.Module, given: tuple[Any, ...]) -> None:
        del layer
        if given[0].ndim == vector:
            seen.append(name)

    return note
