"""Clipping: per-unit gradients bounded and summed, for any PyTorch model.

In: a module, a clipping mode, batches. Out: clipped sums that know their sensitivity.
Never: a per-unit gradient kept longer than a micro-batch; noise (that is `noisy_sum`'s).
"""

from __future__ import annotations

from strongroom.privacy.clipping._engine import (
    Accumulator,
    ClippedGradient,
    ClippedSum,
    LossFunction,
)
from strongroom.privacy.clipping._losses import CrossEntropy, cross_entropy
from strongroom.privacy.clipping._modes import Automatic, Clipping, Flat, PerLayer, Unclipped
from strongroom.privacy.clipping._verify import verify_gradients

__all__ = [
    "Accumulator",
    "Automatic",
    "ClippedGradient",
    "ClippedSum",
    "Clipping",
    "CrossEntropy",
    "Flat",
    "LossFunction",
    "PerLayer",
    "Unclipped",
    "cross_entropy",
    "verify_gradients",
]
