"""How much of each unit's gradient is taken: modes, each of which knows its sensitivity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from strongroom.errors import InputError
from strongroom.privacy.clipping._use import total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Clipping(Protocol):
    """Turns the squared norms of a unit's gradient, by layer, into the weights it is taken with."""

    @property
    def sensitivity(self) -> float:
        """The most, in L2, that one unit's weighted gradient can measure."""

    def weights(self, squared: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the norms [units] over all layers, and per layer the weights [units]."""


@dataclass(frozen=True)
class Flat:
    """Scale the whole gradient to at most `norm` (Abadi et al. 2016)."""

    norm: float

    def __post_init__(self) -> None:
        _check(self.norm)

    @property
    def sensitivity(self) -> float:
        """See `Clipping`."""
        return self.norm

    def weights(self, squared: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """See `Clipping`."""
        norms = _norms(squared)
        weights = norms.reciprocal().mul_(self.norm).clamp_max_(1.0)
        return norms, [weights] * len(squared)


@dataclass(frozen=True)
class PerLayer:
    """Scale each layer's gradient to at most norm / √layers (McMahan et al. 2018)."""

    norm: float

    def __post_init__(self) -> None:
        _check(self.norm)

    @property
    def sensitivity(self) -> float:
        """See `Clipping`."""
        return self.norm

    def weights(self, squared: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """See `Clipping`."""
        bound = self.norm / math.sqrt(len(squared))
        return _norms(squared), [(bound / layer.sqrt()).clamp_max_(1.0) for layer in squared]


@dataclass(frozen=True)
class Automatic:
    """Scale every gradient to nearly `norm`, small ones too (AUTO-S, Bu et al. 2023).

    Attributes:
        norm: what a gradient is scaled to.
        stability: is added to the gradient's norm in the denominator, so that tiny gradients
            aren't blown up.
    """

    norm: float = 1.0
    stability: float = 0.01

    def __post_init__(self) -> None:
        _check(self.norm)
        _check(self.stability)

    @property
    def sensitivity(self) -> float:
        """See `Clipping`."""
        return self.norm

    def weights(self, squared: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """See `Clipping`."""
        norms = _norms(squared)
        return norms, [self.norm / (norms + self.stability)] * len(squared)


@dataclass(frozen=True)
class Unclipped:
    """Take every gradient as it is: for training without privacy."""

    @property
    def sensitivity(self) -> float:
        """There is none.

        Raises:
            InputError: always.
        """
        raise InputError("an unclipped gradient has no bound on one example's influence")

    def weights(self, squared: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """See `Clipping`."""
        return _norms(squared), [torch.ones_like(squared[0])] * len(squared)


def _norms(squared: Sequence[Tensor]) -> Tensor:
    return total(squared).sqrt()


def _check(value: float) -> None:
    if not (value > 0 and math.isfinite(value)):
        raise InputError(f"a clip norm of {value:g} bounds nothing: it must be positive")
