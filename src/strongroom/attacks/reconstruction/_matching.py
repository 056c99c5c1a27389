"""Inputs searched for whose gradients are those that were seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from strongroom.attacks.reconstruction._features import variation as roughness
from strongroom.attacks.reconstruction._updates import log_loss, parameters_of
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from strongroom.attacks.reconstruction._updates import Gradients, Loss
    from strongroom.progress import Progress

Distance = Literal["cosine", "euclidean"]

_RATE = 0.1
_FALLS = (3 / 8, 5 / 8, 7 / 8)
_TOLD_EVERY = 20
_IMAGES = 4  # axes of a batch of images


def match_gradients(
    network: nn.Module,
    updates: Sequence[Gradients],
    labels: NDArray[np.int64],
    shape: tuple[int, ...],
    bounds: tuple[float, float],
    *,
    distance: Distance = "cosine",
    steps: int = 400,
    variation: float = 1e-3,
    seed: int = 0,
    loss: Loss = log_loss,
    trained: Iterable[Tensor] | None = None,
    progress: Progress = SILENT,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return inputs [u, b, *shape] whose updates are nearest to those given, and how near.

    "cosine" is Geiping et al. 2020 ("Inverting Gradients"): one less the cosine, plus total
    variation of images, by Adam on the sign of the slope, with the inputs kept in their bounds; all
    updates at once. "euclidean" is DLG (Zhu et al. 2019): the squared distance, by L-BFGS, one
    update after another; it suits smooth activations.

    Args:
        network: what was trained; its parameters as they were when the updates were made.
        updates: u of them, each the mean gradient of b rows.
        labels: int64 [u, b]; see `labels_of`.
        shape: of one input.
        bounds: the least and the most an input's value may be.
        distance: what is made small.
        steps: at most.
        variation: weight of total variation; for images only.
        seed: of the first guesses.
        loss: of outputs and targets, one per row.
        trained: see `parameters_of`.
        progress: told about the steps.
    """
    parameters = {n: p.detach() for n, p in parameters_of(network, trained).items()}
    seen = {
        n: torch.from_numpy(np.stack([np.asarray(u[n], np.float32) for u in updates]))
        for n in parameters
    }
    y = torch.from_numpy(np.asarray(labels, np.int64))
    low, high = bounds
    coins = torch.Generator().manual_seed(seed)
    start = torch.rand(*y.shape, *shape, generator=coins) * (high - low) + low

    def gradient(weights: dict[str, Tensor], x: Tensor, targets: Tensor) -> dict[str, Tensor]:
        def mean(at: dict[str, Tensor]) -> Tensor:
            return loss(torch.func.functional_call(network, at, (x,)), targets).mean()

        found: dict[str, Tensor] = torch.func.grad(mean)(weights)
        return found

    def away(x: Tensor, some: slice) -> Tensor:
        made: Any = torch.func.vmap(gradient, in_dims=(None, 0, 0))(parameters, x, y[some])
        return _distance(made, {n: g[some] for n, g in seen.items()}, distance)

    if distance == "euclidean":
        found = [_climb_down(away, start[i : i + 1], slice(i, i + 1), steps) for i in range(len(y))]
        x = torch.cat(found)
    else:
        smooth = variation if len(shape) >= _IMAGES - 1 else 0.0
        x = _signed_adam(away, start, bounds, steps, smooth, progress)
    with torch.no_grad():
        last = away(x, slice(None))
    return x.float().numpy(), last.double().numpy()


def _distance(made: dict[str, Tensor], seen: dict[str, Tensor], distance: Distance) -> Tensor:
    """Return [u]."""
    flat = [(made[n].flatten(1), seen[n].flatten(1)) for n in seen]
    if distance == "euclidean":
        return torch.stack([(a - b).square().sum(1) for a, b in flat]).sum(0)
    both = torch.stack([(a * b).sum(1) for a, b in flat]).sum(0)
    sizes = [
        torch.stack([v.square().sum(1) for v in side]).sum(0) for side in zip(*flat, strict=True)
    ]
    return 1 - both / (sizes[0] * sizes[1]).clamp_min(1e-30).sqrt()


def _signed_adam(
    away: Any,  # noqa: ANN401 - see match_gradients
    start: Tensor,
    bounds: tuple[float, float],
    steps: int,
    variation: float,
    progress: Progress,
) -> Tensor:
    low, high = bounds
    x = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], lr=_RATE * (high - low))
    falls = [round(f * steps) for f in _FALLS]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, falls, gamma=0.1)
    best, found = torch.full((len(x),), torch.inf), start.clone()
    for number in range(steps):
        with torch.enable_grad():
            size = away(x, slice(None))
            total = size.sum()
            if variation:
                total = total + variation * roughness(x.flatten(0, 1) / (high - low))
            (slope,) = torch.autograd.grad(total, x)
        with torch.no_grad():
            better = size.detach() < best
            best = torch.where(better, size.detach(), best)
            found[better] = x.detach()[better]
        x.grad = slope.sign()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            x.clamp_(low, high)
        if number % _TOLD_EVERY == 0:
            progress.step(number, steps, "matching gradients")
    return found


def _climb_down(
    away: Any,  # noqa: ANN401 - see match_gradients
    start: Tensor,
    place: slice,
    steps: int,
) -> Tensor:
    x = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [x],
        max_iter=steps,
        history_size=50,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-12,
        tolerance_change=1e-14,
    )
    with torch.no_grad():
        # L-BFGS stops where numbers are small: bring the first distance to 1.
        unit = float(away(x, place).sum().clamp_min(1e-30))

    def closure() -> Tensor:
        with torch.enable_grad():
            size: Tensor = away(x, place).sum() / unit
            (x.grad,) = torch.autograd.grad(size, x)
        return size.detach()

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return x.detach()
