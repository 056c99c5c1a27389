"""Book-keeping clipping: the sum of clipped per-unit gradients in one forward and one backward.

Each layer's rule gives, from its inputs and output gradients, the squared norm that each unit's
gradient has in that layer, and, once all layers' norms are known, the weighted sum as one
contraction (Bu et al. 2023, "Differentially Private Optimization on Large Foundation Models"; Lee &
Kifer 2021 for the norms): no second backward, and no summed gradient that would be thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from strongroom.errors import InputError
from strongroom.privacy.clipping._modes import Clipping, Flat, Unclipped
from strongroom.privacy.clipping._refusals import refuse_mixing
from strongroom.privacy.clipping._stack import Stack
from strongroom.privacy.clipping._tape import Tape
from strongroom.privacy.clipping._use import add_weighted, squares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.privacy.clipping._tape import Site
    from strongroom.privacy.clipping._use import Use

LossFunction = Callable[[Any, Any], Tensor]
"""(outputs of the module, targets) to one loss per row, shape [rows]."""


@dataclass(frozen=True)
class ClippedSum:
    """What one micro-batch gives.

    Attributes:
        total: by parameter name: the sum of the clipped gradients (views of one buffer).
        norms: [units], each unit's gradient norm before clipping.
        losses: [rows].
    """

    total: dict[str, Tensor]
    norms: Tensor
    losses: Tensor


class Accumulator:
    """One flat buffer for the gradients of all trainable parameters, in their order.

    Args:
        parameters: by name.

    Attributes:
        flat: [all], zero at first.
        views: each parameter's part, by name, in the parameter's shape.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter]) -> None:
        count = sum(p.numel() for p in parameters.values())
        some = next(iter(parameters.values()))
        self.flat = torch.zeros(count, dtype=some.dtype, device=some.device)
        self.views: dict[str, Tensor] = {}
        begin = 0
        for name, parameter in parameters.items():
            self.views[name] = self.flat[begin : begin + parameter.numel()].view_as(parameter)
            begin += parameter.numel()


class ClippedGradient:
    """A sum of per-unit gradients that knows how far one unit can move it.

    Args:
        module: its trainable parameters are frozen (`requires_grad` is turned off): whoever trains
            it writes them.
        clipping: a mode, or the norm of flat clipping; None leaves gradients as they are, and then
            there is no `sensitivity`.
        rows_per_unit: so many consecutive rows of a batch belong to one unit: views of one example,
            or rows of one person. A unit's gradient is that of the sum of its rows' losses.

    Raises:
        InputError: a layer mixes examples or keeps state, or nothing is trainable.
    """

    def __init__(
        self,
        module: nn.Module,
        clipping: Clipping | float | None,
        *,
        rows_per_unit: int = 1,
    ) -> None:
        refuse_mixing(module)
        self.module = module
        if clipping is None:
            clipping = Unclipped()
        self.clipping: Clipping = Flat(clipping) if isinstance(clipping, int | float) else clipping
        self.tape = Tape(module, rows_per_unit)
        self.watching = self.tape.watching
        self.parameters = self.tape.parameters
        self._stack = Stack.of(module, self.tape)

    @property
    def sensitivity(self) -> float:
        """How far adding or removing one unit moves `ClippedSum.total`, in L2.

        In exact arithmetic. Matrix products in floating point add a relative error of about 1e-6.
        """
        return self.clipping.sensitivity

    def accumulator(self) -> Accumulator:
        """Return an empty buffer to sum micro-batches in."""
        return Accumulator(self.parameters)

    def __call__(
        self,
        inputs: Sequence[Tensor],
        targets: Any,  # noqa: ANN401 - whatever the loss takes
        loss: LossFunction,
        into: Accumulator | None = None,
    ) -> ClippedSum:
        """Run one micro-batch.

        Args:
            inputs: the module's positional arguments.
            targets: what `loss` takes beside the outputs.
            loss: gives one loss per row.
            into: adds to this buffer; to a fresh one by default.

        Raises:
            InputError: `loss` doesn't give one number per row, or a layer can't be followed.
        """
        rows = inputs[0].shape[0]
        if self._stack is not None and self._stack.fits(inputs):
            self.tape.uses = []
            with torch.no_grad():
                return self._finish(self._stack.run(inputs[0], targets, loss), rows, into)
        laid = [self.tape.laid(values) for values in inputs]
        return self.run(lambda: loss(self.module(*laid), targets), rows, into)

    def run(
        self, forward: Callable[[], Tensor], rows: int, into: Accumulator | None = None
    ) -> ClippedSum:
        """Run one micro-batch of so many rows; `forward` returns a loss for each."""
        tape = self.tape
        with tape.watching(), torch.enable_grad():
            with tape.record(rows):
                losses = forward()
            if losses.shape == (rows,):
                tape.backward(losses)
        with torch.no_grad():
            return self._finish(losses.detach(), rows, into)

    def _finish(self, losses: Tensor, rows: int, into: Accumulator | None) -> ClippedSum:
        if losses.shape != (rows,):
            raise InputError(
                f"the loss gave {list(losses.shape)} for {rows} rows",
                hint='it must give one number per row: reduction="none"',
            )
        into = into or self.accumulator()
        norms = self.collect(into, rows // self.tape.rows_per_unit)
        return ClippedSum(into.views, norms, losses)

    def collect(self, into: Accumulator, units: int, scale: float = 1.0) -> Tensor:
        """Clip what the tape has recorded, add it up, and return the norms [units].

        To be called without gradients on.

        Args:
            into: where the sum goes.
            units: how many there were.
            scale: the gradients that came back are the true ones over this.
        """
        pieces = self._pieces()
        if not pieces:
            return into.flat.new_zeros(units)
        squared = [piece.squared() for piece in pieces]
        if scale != 1:
            squared = [s * scale**2 for s in squared]
        norms, weights = self.clipping.weights(squared)
        for piece, weight in zip(pieces, weights, strict=True):
            piece.add(weight if scale == 1 else weight * scale, into.views)
        return norms

    def _pieces(self) -> list[_Alone | _Shared]:
        """Return what is clipped by itself: uses, and parameters that several uses share."""
        uses = self.tape.take()
        if not self.tape.shares and len({id(site) for site, _ in uses}) == len(uses):
            return [_Alone(site, use) for site, use in uses]
        found: list[_Alone | _Shared] = []
        for group in _groups(uses):
            found += [_Alone(*group[0])] if len(group) == 1 else _shared(group)
        return found


class _Alone:
    """A site that was used once and shares no parameter."""

    def __init__(self, site: Site, use: Use) -> None:
        self._site, self._use = site, use

    def squared(self) -> Tensor:
        site = self._site
        found: Tensor = site.rule.squared(site.layer, self._use, site.names)
        return found

    def add(self, weights: Tensor, views: Mapping[str, Tensor]) -> None:
        site = self._site
        sinks = {own: views[name] for own, name in site.names.items()}
        site.rule.add(site.layer, self._use, weights, sinks)


class _Shared:
    """A parameter that several uses learn: their per-unit gradients are added, then clipped."""

    def __init__(self, name: str, per_unit: Tensor) -> None:
        self._name, self._per_unit = name, per_unit

    def squared(self) -> Tensor:
        return squares(self._per_unit)

    def add(self, weights: Tensor, views: Mapping[str, Tensor]) -> None:
        add_weighted(views[self._name], weights, self._per_unit)


def _groups(uses: Sequence[tuple[Site, Use]]) -> list[list[tuple[Site, Use]]]:
    """Return the uses, those that share a parameter together."""
    groups: list[tuple[set[str], list[tuple[Site, Use]]]] = []
    for site, use in uses:
        names, members, apart = set(site.names.values()), [(site, use)], []
        for group in groups:
            if group[0] & names:
                names |= group[0]
                members = group[1] + members
            else:
                apart.append(group)
        groups = [*apart, (names, members)]
    return [members for _, members in groups]


def _shared(group: Sequence[tuple[Site, Use]]) -> list[_Shared]:
    total: dict[str, Tensor] = {}
    for site, use in group:
        for own, name in site.names.items():
            found = site.rule.per_unit(site.layer, use, own)
            total[name] = total[name] + found if name in total else found
    return [_Shared(name, per_unit) for name, per_unit in total.items()]
