"""Tokens read off the gradient of an embedding: only the rows of tokens that were there move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks.reconstruction._updates import Gradients

_NOTHING = 1e-7  # of the largest row


@dataclass(frozen=True, eq=False)
class Tokens:
    """Tokens by how much of the update is theirs.

    Attributes:
        ranked: int64, all of the vocabulary, the surest first.
        present: how many of them moved at all.
    """

    ranked: NDArray[np.int64]
    present: int


def embedding_of(network: nn.Module) -> str | None:
    """Return the name of the parameter that tokens are looked up in; None if there is none."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
            return f"{name}.weight" if name else "weight"
    return None


def vocabulary_of(network: nn.Module) -> int:
    """Return how many tokens the network knows."""
    name = embedding_of(network)
    return 0 if name is None else len(network.get_parameter(name))


def tokens_of(
    network: nn.Module,
    gradients: Gradients,
    *,
    noise: float = 0.0,
    odds: NDArray[np.float64] | None = None,
) -> Tokens | None:
    """Return which tokens a batch held, in no order; None where no embedding was trained.

    (Melis et al. 2019, "Exploiting Unintended Feature Leakage in Collaborative Learning".) In noise
    every row moves; there tokens are ranked by what is known of them and by how far beyond the
    noise they moved: the Bayes factor of a shift of about one deviation.

    Args:
        network: what was trained.
        gradients: the update.
        noise: deviation of the noise in every coordinate.
        odds: float64 [vocabulary], the logarithm of the odds that a batch holds a token.
    """
    name = embedding_of(network)
    if name is None or name not in gradients:
        return None
    rows = np.asarray(gradients[name], np.float64)
    squares = np.square(rows).sum(axis=1)
    if noise == 0:
        moved = np.sqrt(squares)
        present = int((moved > _NOTHING * moved.max()).sum()) if moved.max() > 0 else 0
        return Tokens(np.argsort(-moved, kind="stable"), present)
    width = rows.shape[1]
    beyond = (squares / noise**2 - width) / np.sqrt(2 * width)
    score = np.square(np.maximum(beyond, 0)) / 4 + (0.0 if odds is None else odds)
    return Tokens(np.argsort(-score, kind="stable"), len(rows))
