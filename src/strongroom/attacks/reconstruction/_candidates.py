"""Which of many known rows is an update that was clipped and noised most likely of?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from strongroom.attacks.reconstruction._updates import log_loss, send_update

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from strongroom.attacks.reconstruction._updates import Gradients, Loss, Protection

_NUMBERS = 20_000_000  # kept at once


def most_candidates(network: nn.Module) -> int:
    """Return how many rows' gradients can be kept."""
    return max(1, _NUMBERS // max(1, sum(p.numel() for p in network.parameters())))


def likeliest(
    network: nn.Module,
    updates: Sequence[Gradients],
    inputs: NDArray[Any],
    labels: NDArray[np.integer[Any]],
    protection: Protection,
    *,
    loss: Loss = log_loss,
    trained: Iterable[Tensor] | None = None,
) -> NDArray[np.int64]:
    """Return for each update of one row the place of its likeliest candidate, int64 [u].

    The noise is Gaussian and known, so the likeliest is the one whose own clipped gradient is
    nearest: the best guess there is among rows that the attacker knows.

    Args:
        network: with the parameters that the updates were made with.
        updates: u of them.
        inputs: candidates [n, ...]; see `most_candidates`.
        labels: int [n].
        protection: how the updates were made private.
        loss: of outputs and targets, one per row.
        trained: see `parameters_of`.
    """
    known = list(trained) if trained is not None else None
    bound = type(protection)(protection.clip_norm, 0.0)

    def own() -> Iterator[NDArray[np.float32]]:
        for i in range(len(inputs)):
            some = slice(i, i + 1)
            yield _flat(
                send_update(
                    network, inputs[some], labels[some], protection=bound, loss=loss, trained=known
                )
            )

    gradients = torch.from_numpy(np.stack(list(own())))
    seen = torch.from_numpy(np.stack([_flat(update) for update in updates]))
    nearness = 2 * gradients @ seen.T - gradients.square().sum(dim=1, keepdim=True)
    found: NDArray[np.int64] = nearness.argmax(dim=0).numpy()
    return found


def _flat(gradients: Gradients) -> NDArray[np.float32]:
    return np.concatenate([np.asarray(g, np.float32).ravel() for g in gradients.values()])
