"""Losses that know their own gradient, so that nothing is differentiated for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class CrossEntropy:
    """The log loss of each row."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return [n] for outputs [n, classes] and the right classes [n]."""
        return nn.functional.cross_entropy(outputs, targets, reduction="none")

    def with_gradient(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the losses [n] and their gradients [n, classes]: softmax less the right class."""
        logs = outputs.log_softmax(1)
        losses = nn.functional.nll_loss(logs, targets, reduction="none")
        right = torch.full((1, 1), -1.0, dtype=logs.dtype, device=logs.device)
        gradient = logs.exp_().scatter_add_(1, targets[:, None], right.expand(len(targets), 1))
        return losses, gradient


cross_entropy = CrossEntropy()
