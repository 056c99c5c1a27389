"""The networks that read text: made of layers that the private engine has exact rules for.

Attention is spelt out with `nn.Linear` and has no parameters of its own; positions are an ordinary
`nn.Embedding`. Every network takes int tokens [n, t] and accepts any of them, all zeros included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from strongroom.models._tokens import EDGE, NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Pair = tuple[Tensor, Tensor]

_RECENT = 4


class GramNetwork(nn.Module):
    """A linear model of hashed n-grams [n, t]: each text is a vector of length 1.

    A text of k distinct buckets has 1/√k in each of them; so one text moves a weight no more than
    another, however long it is.
    """

    def __init__(self, buckets: int, classes: int) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(buckets, classes, mode="sum", padding_idx=NOTHING)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits [n, classes]."""
        counts = (tokens != NOTHING).sum(dim=1, keepdim=True).clamp_min(1)
        scaled: Tensor = self.bag(tokens) * counts.to(self.bag.weight.dtype).rsqrt()
        return scaled


class Attention(nn.Module):
    """Multi-head attention within each row of [n, t, width]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, visible: Tensor | None) -> Tensor:
        """`visible` is bool [n, 1, 1, t], what may be looked at; None looks back only."""
        n, t, width = x.shape
        split = self.query_key_value(x).view(n, t, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=visible, is_causal=visible is None
        )
        found: Tensor = self.out(mixed.transpose(1, 2).reshape(n, t, width))
        return found

    def read_on(self, x: Tensor, seen: Pair | None) -> tuple[Tensor, Pair]:
        """Return [n, t, width] for what follows on `seen`, and keys and values of all of it."""
        n, t, width = x.shape
        split = self.query_key_value(x).view(n, t, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        if seen is not None:
            key, value = torch.cat([seen[0], key], dim=2), torch.cat([seen[1], value], dim=2)
        whole = key.shape[2]
        visible = None
        if t > 1:
            visible = torch.ones(t, whole, dtype=torch.bool, device=x.device).tril(whole - t)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        found: Tensor = self.out(mixed.transpose(1, 2).reshape(n, t, width))
        return found, (key, value)


class Block(nn.Module):
    """Attention and a two-layer perceptron, each behind a layer norm and around a residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.before_mlp = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, visible: Tensor | None) -> Tensor:
        """Return [n, t, width]."""
        x = x + self.attention(self.before_attention(x), visible)
        return self._perceptron(x)

    def read_on(self, x: Tensor, seen: Pair | None) -> tuple[Tensor, Pair]:
        """See `Attention.read_on`."""
        mixed, pair = self.attention.read_on(self.before_attention(x), seen)
        return self._perceptron(x + mixed), pair

    def _perceptron(self, x: Tensor) -> Tensor:
        moved: Tensor = x + self.down(nn.functional.gelu(self.up(self.before_mlp(x))))
        return moved


class Transformer(nn.Module):
    """Tokens [n, t] to logits: [n, outputs] of the whole text, or [n, t, outputs] where causal.

    A causal one reads bytes, and each together with the three before it: a byte alone says little,
    and attention would first have to learn to look next door, which noisy steps are too few for.

    Args:
        tokens: how many kinds of token there are.
        length: the most positions.
        width, layers, heads: the usual.
        outputs: classes, or the tokens again.
        causal: each position sees itself and what came before, and predicts what comes next.
    """

    def __init__(
        self,
        tokens: int,
        length: int,
        width: int,
        layers: int,
        heads: int,
        outputs: int,
        *,
        causal: bool,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.token = nn.Embedding(tokens, width)
        self.recent = nn.Linear(_RECENT * width, width) if causal else None
        self.position = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits."""
        n, t = tokens.shape
        places = torch.arange(t, device=tokens.device).expand(n, t)
        x = self._read(tokens) + self.position(places)
        visible = None
        if not self.causal:
            visible = tokens != NOTHING
            # An empty text looks at its first, empty place: a softmax over nothing is not a number.
            visible = visible | (places == 0)
        for block in self.blocks:
            x = block(x, None if visible is None else visible[:, None, None, :])
        x = self.norm(x)
        if visible is not None:
            kept = visible[:, :, None].to(x.dtype)
            x = (x * kept).sum(dim=1) / kept.sum(dim=1)
        logits: Tensor = self.head(x)
        return logits

    def read_on(
        self, tokens: Tensor, before: Tensor, seen: Sequence[Pair] | None
    ) -> tuple[Tensor, tuple[Pair, ...]]:
        """Return the logits of tokens [n, t] that follow on others, which aren't computed again.

        Only where causal.

        Args:
            tokens: what is read now.
            before: what was read before, [n, s].
            seen: what this returned for that; None where s is 0.
        """
        s, t = before.shape[1], tokens.shape[1]
        places = torch.arange(s, s + t, device=tokens.device).expand(tokens.shape)
        recent = torch.cat([before[:, -_RECENT:], tokens], dim=1)
        x = self._read(recent)[:, -t:] + self.position(places)
        pairs = []
        for number, block in enumerate(self.blocks):
            x, pair = cast("Block", block).read_on(x, None if seen is None else seen[number])
            pairs.append(pair)
        logits: Tensor = self.head(self.norm(x))
        return logits, tuple(pairs)

    def _read(self, tokens: Tensor) -> Tensor:
        """Return [n, t, width]: what stands at each place."""
        if self.recent is None:
            alone: Tensor = self.token(tokens)
            return alone
        t, back = tokens.shape[1], _RECENT - 1
        states = self.token(nn.functional.pad(tokens, (back, 0), value=EDGE))
        windows = [states[:, back - i : back - i + t] for i in range(_RECENT)]
        together: Tensor = self.recent(torch.cat(windows, dim=2))
        return together
