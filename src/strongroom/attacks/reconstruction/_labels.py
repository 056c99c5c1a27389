"""Labels read off an update: the last layer's bias says which classes were in the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks.reconstruction._updates import Gradients


def labels_of(
    network: nn.Module,
    gradients: Gradients,
    batch: int,
    expected: NDArray[np.float64] | None = None,
) -> NDArray[np.int64] | None:
    """Return the labels of a batch, int64 [batch] in rising order; None without a last bias.

    The gradient of the last bias is the mean of p less the shares of the classes. With one row the
    only negative entry is its label (iDLG, Zhao et al. 2020); with more, each class is counted by
    how far it lies below the probabilities that the attacker expects.

    Args:
        network: what was trained.
        gradients: the update.
        batch: rows in it.
        expected: mean probabilities of the network, float64 [classes]; even by default.
    """
    last = [
        name
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear) and isinstance(layer.bias, nn.Parameter)
    ]
    name = (f"{last[-1]}.bias" if last[-1] else "bias") if last else ""
    if name not in gradients:
        return None
    slope = np.asarray(gradients[name], np.float64)
    if batch == 1:
        return np.array([int(slope.argmin())])
    p = np.full(len(slope), 1 / len(slope)) if expected is None else expected
    left, found = batch * (p - slope), []
    for _ in range(batch):
        found.append(int(left.argmax()))
        left[found[-1]] -= 1
    return np.sort(np.array(found, np.int64))
