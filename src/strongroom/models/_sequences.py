"""How well a model of what comes next does, sequence by sequence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from strongroom.models._tokens import NO_TARGET

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Batches = Iterable[tuple[slice, Tensor]]

_Z95 = 1.959963984540054


def sequence_losses(batches: Batches, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64 [n]: each sequence's mean log loss of a token, in nats.

    Args:
        batches: which sequences, and their logits [b, t, tokens].
        labels: int64 [n, t], `NO_TARGET` where nothing is to be predicted.
    """
    total, _, counts = _totals(batches, labels)
    return total / counts


def measure_sequences(batches: Batches, labels: NDArray[np.int64], size: int) -> dict[str, Any]:
    """Measure predictions of the next token.

    Args:
        batches: see `sequence_losses`.
        labels: see `sequence_losses`.
        size: how many bytes of text the labels stand for.

    Returns:
        `perplexity` of a token, with a 95 % interval; `bits_per_byte`, the cost of the texts' ends
        included; `log_loss` of a token in nats; `accuracy`, the share of tokens that were the
        likeliest, with an interval; `auc` None; `rows`, `tokens` and `bytes`. Intervals are over
        sequences, since the tokens of one depend on each other.
    """
    total, right, counts = _totals(batches, labels)
    loss, loss_half = _ratio(total, counts)
    share, share_half = _ratio(right, counts)
    spread = [math.exp(loss - loss_half), math.exp(loss + loss_half)] if len(labels) > 1 else None
    return {
        "perplexity": math.exp(loss),
        "perplexity_interval": spread,
        "bits_per_byte": float(total.sum()) / math.log(2) / max(size, 1),
        "log_loss": loss,
        "accuracy": share,
        "accuracy_interval": [max(0.0, share - share_half), min(1.0, share + share_half)],
        "auc": None,
        "auc_interval": None,
        "rows": len(labels),
        "tokens": int(counts.sum()),
        "bytes": size,
    }


def _totals(
    batches: Batches, labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return per sequence: the sum of log losses, how many were likeliest, how many."""
    total, right = np.zeros(len(labels)), np.zeros(len(labels))
    for part, logits in batches:
        targets = torch.from_numpy(np.ascontiguousarray(labels[part]))
        losses = nn.functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), reduction="none", ignore_index=NO_TARGET
        )
        total[part] = losses.view(targets.shape).double().sum(dim=1).numpy()
        right[part] = (logits.argmax(dim=2) == targets).sum(dim=1).numpy()
    return total, right, (labels != NO_TARGET).sum(axis=1).astype(np.float64)


def _ratio(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ratio of totals and half its 95 % interval, sequences drawn at random.

    By the linearised ratio estimator (Cochran 1977, section 6.4).
    """
    ratio = float(sums.sum() / counts.sum())
    n = len(sums)
    if n < 2:  # noqa: PLR2004 - no spread in one
        return ratio, math.inf
    spread = float(((sums - ratio * counts) ** 2).sum() / (n - 1))
    return ratio, _Z95 * math.sqrt(spread * n) / float(counts.sum())
