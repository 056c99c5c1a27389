"""Slot canaries: made-up examples that ride along in the real private training, to be found again.

The trained network gets a companion: one extra scalar parameter per canary, its *slot*, which adds
`scale · slot · direction` to the outputs of that canary and of nothing else. Canary i is the
all-zero input with its slot on, so that nearly all of its clipped gradient lies in a coordinate
that no real row and no other canary touches. It is drawn, clipped, summed and noised by the very
code that real rows go through; whether it takes part at all is a fair secret coin.

The slots stay at zero (their noisy gradients are read, never applied) and aren't part of the
released network, so they change no prediction. What a canary does change is its share outside the
slot, at most C/scale in norm, with labels in balance: less than the noise by orders of magnitude.

Whoever sees the noisy gradients, as the guarantee assumes everybody does, scores canary i by the
exact log-likelihood ratio of its coordinate, summed over the steps: with rate q, deviation τ
and own clipped gradient c, the noisy value z has density q·N(c, τ²) + (1 - q)·N(0, τ²) if it
takes part and N(0, τ²) if not (Nasr et al. 2023, "Tight Auditing of Differentially Private
Machine Learning", for gradient canaries; Steinke, Nasr & Jagielski 2023 for many in one run).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.privacy._clipping import ClippedGradient, ClippedSum, LossFunction
    from strongroom.privacy._noise import SecretStream

SLOT = "slots.weight"

_SCALE = 10_000.0
_LABELS = 2


class WithSlots(nn.Module):
    """A network on [n, inputs] with `count` canary slots beside it.

    Called with rows alone it is the network; called with slot numbers too, each row's outputs are
    moved by its slot.
    """

    def __init__(self, body: nn.Module, count: int, outputs: int) -> None:
        super().__init__()
        self.body = body
        self.slots = nn.Embedding(count, 1)
        nn.init.zeros_(self.slots.weight)
        direction = torch.zeros(outputs)
        direction[:_LABELS] = torch.tensor([-1.0, 1.0]) * (_SCALE / math.sqrt(2))
        self.register_buffer("direction", direction, persistent=False)

    def forward(self, rows: Tensor, slots: Tensor | None = None) -> Tensor:
        """Return the outputs [n, outputs]; `slots` are numbers [n]."""
        outputs: Tensor = self.body(rows)
        if slots is None:
            return outputs
        moved: Tensor = outputs + self.slots(slots) * self.get_buffer("direction")
        return moved


class SlotCanaries:
    """The canaries of one run: who takes part, their batches, their scores.

    Args:
        count: how many (at least 2).
        inputs: width of a row.
        stream: the run's coins.

    Attributes:
        included: bool[count], who takes part at all: fair coins.
        scores: float64[count], the log-likelihood ratio so far.
    """

    WHAT: ClassVar[str] = "slot canaries, white-box log-likelihood ratio of the noisy gradients"
    SLOT: ClassVar[str] = SLOT

    def __init__(self, count: int, inputs: int, stream: SecretStream) -> None:
        self.included: NDArray[np.bool_] = stream.bernoulli("canary-included", 0, count, 0.5)
        self.scores = np.zeros(count)
        self._inputs = inputs
        # Neighbouring canaries have opposite labels: their traces outside the slots cancel.
        self._labels = torch.arange(count) % _LABELS

    def batch(
        self, engine: ClippedGradient, loss: LossFunction, drawn: NDArray[np.bool_]
    ) -> ClippedSum | None:
        """Return the clipped sum of the canaries that take part and were `drawn`, if any."""
        chosen = np.flatnonzero(self.included & drawn)
        return self._clipped(engine, loss, chosen) if chosen.size else None

    def observe(
        self,
        engine: ClippedGradient,
        loss: LossFunction,
        noisy_slots: NDArray[np.float64],
        *,
        deviation: float,
        rate: float,
    ) -> None:
        """Add one step's log-likelihood ratio to every canary's score.

        Args:
            engine: the same that clipped the step, at the same parameters.
            loss: the same.
            noisy_slots: [count], the noisy sum in the slots.
            deviation: of the noise in each coordinate.
            rate: the chance of a canary that takes part to be drawn.
        """
        # Two prototypes stand for all: a canary's gradient depends on its label only.
        prototypes = self._clipped(engine, loss, np.arange(_LABELS))
        own = prototypes.total[SLOT][:_LABELS, 0].double().numpy()[self._labels.numpy()]
        exponent = (own * noisy_slots - own * own / 2) / deviation**2
        if rate < 1:
            exponent = np.logaddexp(math.log1p(-rate), math.log(rate) + exponent)
        self.scores += exponent

    def _clipped(
        self, engine: ClippedGradient, loss: LossFunction, chosen: NDArray[np.intp]
    ) -> ClippedSum:
        slots = torch.from_numpy(chosen)
        rows = torch.zeros(len(chosen), self._inputs)
        return engine((rows, slots), self._labels[slots], loss)
