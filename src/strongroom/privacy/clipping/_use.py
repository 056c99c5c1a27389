"""One use of a layer in one forward: what a rule works on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence


class Space:
    """Memory that is used again by every micro-batch.

    Fresh pages for every per-unit gradient would cost more than the arithmetic.
    """

    def __init__(self) -> None:
        self._flat: dict[str, Tensor] = {}
        self._kept: dict[str, Tensor] = {}

    def get(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return uninitialised memory of a shape; what had the name before is overwritten."""
        kept = self._kept.get(name)
        if kept is not None and kept.shape == shape and kept.dtype is like.dtype:
            return kept
        count = math.prod(shape)
        kept = self._flat.get(name)
        if kept is None or kept.numel() < count or kept.dtype is not like.dtype:
            kept = torch.empty(count, dtype=like.dtype, device=like.device)
            self._flat[name] = kept
        self._kept[name] = found = kept[:count].view(shape)
        return found


@dataclass(slots=True)
class Use:
    """What a layer was given and what came back to it.

    Attributes:
        inputs: its positional tensors; the first axis counts rows.
        rows_per_unit: consecutive rows that belong to one unit.
        space: memory of the site's own.
        outputs: of a use that goes on in time: how many outputs it has, one a step; else 0.
        steps: the gradients of such outputs, where they arrive one by one.
        gradient: of the loss by the layer's output; None until it arrives, or if none does.
        kept: whatever a rule computes for the norms and needs again for the sum.
    """

    inputs: tuple[Any, ...]
    rows_per_unit: int
    space: Space
    outputs: int = 0
    steps: list[Tensor | None] = field(default_factory=list)
    gradient: Tensor | None = None
    kept: Any = None

    @property
    def given(self) -> Tensor:
        """The first input."""
        found: Tensor = self.inputs[0]
        return found

    @property
    def returned(self) -> Tensor:
        """The gradient of the output, once it is there."""
        assert self.gradient is not None  # noqa: S101 - uses without one are dropped
        return self.gradient

    def sequence(self, values: Tensor) -> Tensor:
        """Return [units, t, d] for [rows, …, d]: all that belongs to a unit stands together."""
        units = values.shape[0] // self.rows_per_unit
        return values.reshape(units, -1, values.shape[-1])

    def spread(self, weights: Tensor) -> Tensor:
        """Return [rows] for [units]."""
        k = self.rows_per_unit
        return weights if k == 1 else weights.repeat_interleave(k)


class Rule(Protocol):
    """What the engine must know of a layer type to clip its gradients; rules keep no state."""

    def squared(self, layer: Any, use: Use, wanted: Collection[str]) -> Tensor:  # noqa: ANN401
        """Return [units]: each unit's squared gradient norm over the wanted parameters."""

    def add(self, layer: Any, use: Use, weights: Tensor, sinks: Mapping[str, Tensor]) -> None:  # noqa: ANN401
        """Add the sum over units of weight [units] × gradient to each wanted parameter's sink."""

    def per_unit(self, layer: Any, use: Use, name: str) -> Tensor:  # noqa: ANN401
        """Return [units, …]: each unit's gradient of one parameter."""


class RunsItself(Rule, Protocol):
    """A rule for a layer with insides: it computes the layer's output itself and records uses."""

    def run(self, layer: Any, record: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Return the layer's output; `record(output, *inputs, part=…)` notes a use of a part."""


def squares(values: Tensor) -> Tensor:
    """Return [n]: the squared norm of each row of [n, …]."""
    # Not vecdot, which materialises the product.
    rows = values if values.dim() == 2 else values.flatten(1)  # noqa: PLR2004 - already rows
    norms: Tensor = torch.linalg.vector_norm(rows, dim=1)
    return norms.square_()


def total(parts: Sequence[Tensor]) -> Tensor:
    """Return the sum of a few tensors of one shape."""
    found = parts[0]
    for more in parts[1:]:
        found = found + more
    return found


def add_weighted(sink: Tensor, weights: Tensor, per_unit: Tensor) -> None:
    """Add the weighted sum over units of [units, …] to the sink."""
    sink.view(-1).addmv_(per_unit.reshape(len(weights), -1).T, weights)
