"""The layers that can be clipped: a rule each, by the layer's exact type.

A subclass may compute anything, so it has no rule of its parent's: it goes the opaque way, as does
every other layer that owns parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from strongroom.privacy.clipping.rules.attention import AttentionRule
from strongroom.privacy.clipping.rules.convolution import ConvolutionRule
from strongroom.privacy.clipping.rules.embedding import EmbeddingRule
from strongroom.privacy.clipping.rules.embedding_bag import EmbeddingBagRule
from strongroom.privacy.clipping.rules.linear import LinearRule
from strongroom.privacy.clipping.rules.normalisation import (
    GROUP_NORM,
    INSTANCE_NORM,
    LAYER_NORM,
    RMS_NORM,
)
from strongroom.privacy.clipping.rules.opaque import OpaqueRule
from strongroom.privacy.clipping.rules.recurrent import RecurrentRule

if TYPE_CHECKING:
    from collections.abc import Mapping

LINEAR = LinearRule()
OPAQUE = OpaqueRule()
_CONVOLUTION, _RECURRENT = ConvolutionRule(), RecurrentRule()

RULES: Mapping[type[nn.Module], Any] = {
    nn.Linear: LINEAR,
    nn.modules.linear.NonDynamicallyQuantizableLinear: LINEAR,
    nn.Embedding: EmbeddingRule(),
    nn.EmbeddingBag: EmbeddingBagRule(),
    nn.Conv1d: _CONVOLUTION,
    nn.Conv2d: _CONVOLUTION,
    nn.Conv3d: _CONVOLUTION,
    nn.LayerNorm: LAYER_NORM,
    nn.RMSNorm: RMS_NORM,
    nn.GroupNorm: GROUP_NORM,
    nn.InstanceNorm1d: INSTANCE_NORM,
    nn.InstanceNorm2d: INSTANCE_NORM,
    nn.InstanceNorm3d: INSTANCE_NORM,
    nn.MultiheadAttention: AttentionRule(),
    nn.LSTM: _RECURRENT,
    nn.GRU: _RECURRENT,
}
