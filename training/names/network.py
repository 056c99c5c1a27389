"""The name model as a torch network, and its weights as the arrays that the kernels read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from strongroom.discover.names import _layout as at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.names.features import Example

_SECTIONS = torch.tensor(
    [at.LISTS, at.CAPITALS, at.CLUSTERS_4, at.LOWER_6, at.AFFIXES, at.VOCABULARY]
)
# Chances that a word loses its shape, lists, rates, clusters, clusters in small letters,
# beginnings and ends, and its identity: names that were never met must be told by the others.
_DROPPED = torch.tensor([0.0, 0.15, 0.1, 0.2, 0.2, 0.15, 0.3])


class Network(nn.Module):
    """Rows added up, a window of words, a window of those, labels.

    Args:
        vocabulary: words that have a row of their own.
        word: numbers per word.
    """

    def __init__(self, vocabulary: int, word: int = 56) -> None:
        super().__init__()
        wide, deep = at.WIDE, at.DEEP
        self.embed = nn.EmbeddingBag(at.VOCABULARY + vocabulary, word, mode="sum", sparse=True)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.flags = nn.Embedding(at.FLAGS, wide)
        nn.init.zeros_(self.flags.weight)
        self.first = nn.Linear(word * (2 * at.REACH + 1), wide)
        self.gate = nn.Linear(wide, 1)
        self.second = nn.Linear(wide * (2 * at.TAPS + 1), deep)
        self.third = nn.Linear(deep, at.LABELS)

    def forward(
        self,
        rows: torch.Tensor,
        bounds: torch.Tensor,
        words: torch.Tensor,
        flags: torch.Tensor,
        real: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return labels' scores and the gate's of every token.

        Args:
            rows: rows of distinct words, one after another.
            bounds: where each word's begin.
            words: [n] distinct word of each token.
            flags: [n].
            real: [n] false for the tokens that only keep sentences apart.
        """
        weights = None
        if self.training:
            section = torch.bucketize(rows, _SECTIONS, right=True)
            word = torch.repeat_interleave(
                torch.arange(len(bounds)), torch.diff(bounds, append=torch.tensor([len(rows)]))
            )
            kept = (torch.rand(len(bounds), len(_DROPPED)) >= _DROPPED).float()
            weights = kept[word, section]
        known = self.embed(rows, bounds, per_sample_weights=weights)
        mask = real.unsqueeze(1)
        wide = self.first(_windows(known[words] * mask, at.REACH)) + self.flags(flags)
        wide = torch.relu(wide) * mask
        if self.training:
            wide = nn.functional.dropout(wide, 0.15)
        deep = torch.relu(self.second(_windows(wide, at.TAPS)))
        return self.third(deep), self.gate(wide).squeeze(1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights as the kernels read them; a row of the embedding fits in bytes."""
        rows = _array(self.embed.weight)
        scale = np.maximum(np.abs(rows).max(1), 1e-8) / 127
        wide, deep = self.gate.in_features, self.third.in_features
        first = _array(self.first.weight).reshape(wide, 2 * at.REACH + 1, -1)
        second = _array(self.second.weight).reshape(deep, 2 * at.TAPS + 1, wide)
        made = {
            "embed": np.round(rows / scale[:, None]).astype(np.int8),
            "scale": scale,
            "first": first.transpose(2, 1, 0).reshape(first.shape[2], -1),
            "flags": _array(self.flags.weight) + _array(self.first.bias),
            "gate": _array(self.gate.weight)[0],
            "gate_bias": _array(self.gate.bias),
            "second": second.transpose(1, 2, 0),
            "second_bias": _array(self.second.bias),
            "third": _array(self.third.weight).T,
            "third_bias": _array(self.third.bias),
        }
        return {name: np.ascontiguousarray(array) for name, array in made.items()}


def _array(weight: torch.Tensor) -> np.ndarray:
    return weight.detach().numpy().astype(np.float32)


def _windows(x: torch.Tensor, reach: int) -> torch.Tensor:
    """Put every row's neighbours beside it: [n, d] becomes [n, (2 * reach + 1) * d]."""
    padded = nn.functional.pad(x, (0, 0, reach, reach))
    return padded.unfold(0, 2 * reach + 1, 1).transpose(1, 2).reshape(len(x), -1)


def batch(
    examples: Sequence[Example], rows: Sequence[np.ndarray]
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor, torch.Tensor]:
    """Put sentences one after another, apart enough that none sees its neighbours.

    Returns:
        What `Network.forward` takes, labels [n], and policies [n].
    """
    apart = max(at.REACH, at.TAPS)
    words, flags, labels, policy, real = [], [], [], [], []
    for one in examples:
        n = len(one.words)
        words += [one.words, np.zeros(apart, np.int32)]
        flags += [one.flags, np.zeros(apart, np.int64)]
        labels += [one.labels, np.zeros(apart, np.int64)]
        policy += [np.full(n, one.policy), np.zeros(apart, np.int64)]
        real += [np.ones(n, np.float32), np.zeros(apart, np.float32)]
    distinct, place = np.unique(np.concatenate(words), return_inverse=True)
    chosen = [rows[i] for i in distinct]
    bounds = np.cumsum([0, *(len(r) for r in chosen[:-1])])
    inputs = (
        torch.from_numpy(np.concatenate(chosen).astype(np.int64)),
        torch.from_numpy(bounds),
        torch.from_numpy(place.astype(np.int64)),
        torch.from_numpy(np.concatenate(flags)),
        torch.from_numpy(np.concatenate(real)),
    )
    return (
        inputs,
        torch.from_numpy(np.concatenate(labels)),
        torch.from_numpy(np.concatenate(policy)),
    )
