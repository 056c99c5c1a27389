"""Slot canaries: made-up examples that ride along in the real private training, to be found again.

The trained network gets a companion: one extra scalar parameter per canary, its *slot*, which adds
`scale · slot · direction` to the outputs of that canary and of nothing else. The scale is so large
that its gradient is always clipped, and it lies in its slot, a coordinate that no real row and no
other canary touches. Whether a canary takes part at all is a fair secret coin.

What a canary shares with a real row: its outputs and loss come from the network, and its gradient
is clipped by an engine made by the same factory; it is drawn by the same coins; it stands in the
same vector that one call adds noise to. What it doesn't: the network is frozen in its engine, so
its gradient lies in the slot alone, and nothing of a canary reaches the released parameters; how
each kind of layer counts its gradient's norm isn't audited here but tested against autograd. And a
canary's gradient depends on its label only, so two *prototypes* are run, in the first step, in
every sixteenth after it and whenever the clip norm has moved, and their clipped gradients go into
the slots of all canaries that are drawn: a gradient of that norm is one that a real row could have
in any step.

The slots stay at zero: their noisy gradients are read, never applied.

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
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from strongroom.privacy._noise import SecretStream
    from strongroom.privacy.clipping import ClippedGradient, LossFunction

SLOT = "slots.weight"

_SCALE = 10_000.0
_LABELS = 2
_NO_OVERFLOW = 80.0  # in single precision
_EVERY = 16


class WithSlots(nn.Module):
    """A network with two slots beside it: one per prototype.

    Called with rows alone it is the network; called with slot numbers too, each row's outputs are
    moved by its slot.

    Args:
        body: rows to outputs [n, …, classes].
        classes: how many, at least 2.
    """

    def __init__(self, body: nn.Module, classes: int) -> None:
        super().__init__()
        self.body = body
        self.slots = nn.Embedding(_LABELS, 1)
        nn.init.zeros_(self.slots.weight)
        direction = torch.zeros(classes)
        direction[:_LABELS] = torch.tensor([-1.0, 1.0]) * (_SCALE / math.sqrt(2))
        self.register_buffer("direction", direction, persistent=False)

    def forward(self, rows: Tensor, slots: Tensor | None = None) -> Tensor:
        """Return the outputs; `slots` are numbers [n]."""
        outputs: Tensor = self.body(rows)
        if slots is None:
            return outputs
        moved = self.slots(slots) * self.get_buffer("direction")
        shape = (len(outputs), *[1] * (outputs.dim() - 2), outputs.shape[-1])
        result: Tensor = outputs + moved.view(shape)
        return result


class SlotCanaries:
    """The canaries of one run: who takes part, what they add to a step, their scores.

    Args:
        count: how many, at least 2. The first half has label 0, the rest label 1.
        network: rows to outputs [n, …, classes]; shared, not copied, and frozen: the engine of the
            real rows is made before.
        clipper: makes the engine, with the settings that real rows are clipped by.
        row: [1, …], any row of the kind that the network takes: its shape and dtype are taken,
            its values aren't.
        target: [1, …], the same of the targets.
        loss: (outputs, targets) to one loss per network row.
        stream: the run's coins.
        views: network rows per example (augmentation); a canary has as many, all alike.

    Attributes:
        included: bool[count], who takes part at all: fair coins.
        scores: float64[count], the log-likelihood ratio so far.
        engine: clips the prototypes.
    """

    WHAT: ClassVar[str] = "slot canaries, white-box log-likelihood ratio of the noisy gradients"

    def __init__(
        self,
        count: int,
        *,
        network: nn.Module,
        clipper: Callable[[nn.Module], ClippedGradient],
        row: Tensor,
        target: Tensor,
        loss: LossFunction,
        stream: SecretStream,
        views: int = 1,
    ) -> None:
        self._stream, self._loss = stream, loss
        self.included: NDArray[np.bool_] = stream.bernoulli("canary-included", 0, count, 0.5)
        self.scores = np.zeros(count)
        self._members = np.flatnonzero(self.included)
        self._half = (count + 1) // 2
        numbers = torch.arange(_LABELS).repeat_interleave(views)
        zero = torch.zeros_like(row[:1])
        self._rows = zero.repeat(len(numbers), *[1] * (row.dim() - 1))
        like = torch.zeros_like(target[:1]).repeat(len(numbers), *[1] * (target.dim() - 1))
        self._targets = like + numbers.to(like.dtype).view(-1, *[1] * (target.dim() - 1))
        self._numbers = numbers
        with torch.no_grad():
            classes = int(network(self._rows[:1]).shape[-1])
        network.requires_grad_(requires_grad=False)
        self.engine = clipper(WithSlots(network, classes))
        self._own = np.zeros(_LABELS)
        self._bound = 0.0  # that the prototypes were last clipped to

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return what a checkpoint needs to keep."""
        return {
            "canary.scores": self.scores.copy(),
            "canary.own": np.append(self._own, self._bound),
        }

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """Take up what `state` gave."""
        self.scores[:] = state["canary.scores"]
        self._own, self._bound = state["canary.own"][:_LABELS], float(state["canary.own"][-1])

    def ride(self, step: int, rate: float) -> NDArray[np.float32]:
        """Return what the canaries add to a step's sum of clipped gradients, [count] slots.

        Each that takes part is drawn by its own coin with probability `rate`.
        """
        bound = self.engine.sensitivity
        if bound != self._bound or step % _EVERY == 1:
            found = self.engine((self._rows, self._numbers), self._targets, self._loss)
            self._own, self._bound = found.total[SLOT][:, 0].double().numpy(), bound
        own = self._own
        out = np.zeros(len(self.scores), np.float32)
        coins = self._stream.bernoulli("sample-canaries", step, len(self._members), rate)
        drawn = self._members[coins]
        border = int(np.searchsorted(drawn, self._half))
        out[drawn[:border]] = own[0]
        out[drawn[border:]] = own[1]
        return out

    def observe(self, noisy_slots: NDArray[np.floating], *, deviation: float, rate: float) -> None:
        """Add the log-likelihood ratio of the step that they last rode in to the scores.

        Args:
            noisy_slots: [count], the noisy sum in the slots.
            deviation: of the noise in each coordinate.
            rate: the chance of a canary that takes part to be drawn.
        """
        for part, c in zip(
            (slice(None, self._half), slice(self._half, None)), self._own, strict=True
        ):
            # Single precision: its rounding is nothing beside the noise, and half the time.
            ratio = noisy_slots[part].astype(np.float32)
            ratio -= np.float32(c / 2)
            ratio *= np.float32(c / deviation**2)
            self.scores[part] += ratio if rate >= 1 else _mixed(ratio, rate)


def _mixed(ratio: NDArray[np.float32], rate: float) -> NDArray[np.floating]:
    """Return log(1 - q + q e^ratio); overwrites `ratio`."""
    if float(ratio.max(initial=0.0)) > _NO_OVERFLOW:
        wide = ratio.astype(np.float64)
        high: NDArray[np.float64] = np.logaddexp(math.log1p(-rate), math.log(rate) + wide)
        return high
    np.expm1(ratio, out=ratio)
    ratio *= np.float32(rate)
    return np.log1p(ratio, out=ratio)
