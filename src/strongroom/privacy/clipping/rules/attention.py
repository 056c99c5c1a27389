"""`nn.MultiheadAttention`: its projections are linear layers that share one module."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from strongroom.errors import InputError

if TYPE_CHECKING:
    from strongroom.privacy.clipping._tape import Record


class AttentionRule:
    """Runs the attention itself, so that every projection can be watched (Vaswani et al. 2017)."""

    def check(self, layer: nn.MultiheadAttention, name: str) -> None:
        """Refuse what isn't followed.

        Raises:
            InputError: learnt key and value biases, or added zero attention.
        """
        if layer.bias_k is not None or layer.add_zero_attn:
            raise InputError(
                f'layer "{name}": add_bias_kv and add_zero_attn cannot be clipped',
                hint="leave them at their default, False",
            )

    def parts(self, layer: nn.MultiheadAttention) -> dict[str, dict[str, str]]:
        """Return the linear maps inside, each with the names of its parameters."""
        names = dict(layer.named_parameters())
        bias = {"bias": "in_proj_bias"} if "in_proj_bias" in names else {}
        if "in_proj_weight" in names:
            inside = {"in": {"weight": "in_proj_weight", **bias}}
        else:
            inside = {p: {"weight": f"{p}_proj_weight"} for p in ("q", "k", "v")}
            if bias:
                inside["shift"] = bias
        out = {"weight": "out_proj.weight"}
        if "out_proj.bias" in names:
            out["bias"] = "out_proj.bias"
        return {**inside, "out": out}

    def run(
        self,
        layer: nn.MultiheadAttention,
        record: Record,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,  # noqa: FBT001, FBT002 - PyTorch's own signature
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,  # noqa: FBT001, FBT002
        is_causal: bool = False,  # noqa: FBT001, FBT002
    ) -> tuple[Tensor, Tensor | None]:
        """See `nn.MultiheadAttention.forward`; batched input only."""
        del is_causal  # a hint: the mask says it
        if query.dim() != 3:  # noqa: PLR2004 - batch, places, features
            raise InputError("attention without a batch axis cannot be clipped")
        if not layer.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        n, heads, width = len(query), layer.num_heads, layer.head_dim
        q, k, v = (
            x.view(n, -1, heads, width).transpose(1, 2)
            for x in self._project(layer, record, query, key, value)
        )
        mask = _mask(attn_mask, key_padding_mask, n, heads, q.dtype)
        scores = q @ k.mT / math.sqrt(width)
        if mask is not None:
            scores = scores + mask
        shares = scores.softmax(-1)
        dropped = nn.functional.dropout(shares, layer.dropout, layer.training)
        joined = (dropped @ v).transpose(1, 2).reshape(n, -1, heads * width)
        out = record("out", layer.out_proj.forward(joined), joined)
        if not layer.batch_first:
            out = out.transpose(0, 1)
        if not need_weights:
            return out, None
        return out, shares.mean(1) if average_attn_weights else shares

    def _project(
        self,
        layer: nn.MultiheadAttention,
        record: Record,
        query: Tensor,
        key: Tensor,
        value: Tensor,
    ) -> tuple[Tensor, ...]:
        linear = nn.functional.linear
        weight: Any = layer.in_proj_weight  # None where keys have another width
        bias: Any = layer.in_proj_bias
        if weight is not None:
            if query is key and key is value:
                return record("in", linear(query, weight, bias), query).chunk(3, -1)
            # One map for three inputs: as three uses of it, each of which learns a third.
            wide = [record("in", linear(x, weight, bias), x) for x in (query, key, value)]
            return tuple(x.chunk(3, -1)[i] for i, x in enumerate(wide))
        weights = (layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight)
        plain = [
            record(part, linear(x, w), x)
            for part, x, w in zip("qkv", (query, key, value), weights, strict=True)
        ]
        if bias is None:
            return tuple(plain)
        parts = bias.chunk(3)
        wide = [record("shift", nn.functional.pad(x, _place(i, x)), x) for i, x in enumerate(plain)]
        return tuple(
            x.chunk(3, -1)[i] + part for i, (x, part) in enumerate(zip(wide, parts, strict=True))
        )


def _place(third: int, values: Tensor) -> list[int]:
    wide = values.shape[-1]
    return [third * wide, (2 - third) * wide]


def _mask(
    attn_mask: Tensor | None, padding: Tensor | None, n: int, heads: int, kind: torch.dtype
) -> Tensor | None:
    """Return what is added to the scores [n, heads, t, s], or None."""

    def additive(mask: Tensor) -> Tensor:
        if mask.dtype is torch.bool:
            return torch.zeros(mask.shape, dtype=kind).masked_fill_(mask, -math.inf)
        return mask

    total: Any = None
    if attn_mask is not None:
        total = additive(attn_mask)
        if total.dim() == 3:  # noqa: PLR2004 - a mask per row and head
            total = total.view(n, heads, *total.shape[1:])
    if padding is not None:
        columns = additive(padding)[:, None, None, :]
        total = columns if total is None else total + columns
    return total  # type: ignore[no-any-return]
