"""How models like the target are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from strongroom.attacks._situation import Rows
    from strongroom.progress import Progress

Origin = Literal["own", "surrogate"]


class Fitted(Protocol):
    """M models that a recipe made."""

    def confidence(self, rows: Rows) -> NDArray[np.float32]:
        """Return float32 [M, n]: log(p / (1 - p)) of each row's true label under each model.

        For models of sequences it is the mean log-likelihood of a token.
        """


class Recipe(Protocol):
    """A way to train models like the target."""

    @property
    def origin(self) -> Origin:
        """Whether it is the target's own recipe or a stand-in."""

    @property
    def together(self) -> int:
        """How many models are trained in one call, at best: so many are lost by an interruption."""

    @property
    def slow(self) -> bool:
        """Whether a model takes seconds rather than milliseconds, so that fewer are trained."""

    def identity(self) -> Mapping[str, Any]:
        """Return JSON values that name everything but rows, membership and seed."""

    def describe(self) -> Mapping[str, Any]:
        """Return what findings say of it, JSON values."""

    def train(
        self,
        rows: Rows,
        classes: int,
        membership: NDArray[np.bool_],
        *,
        seed: int,
        first: int,
        learnt: float,
        progress: Progress,
    ) -> Fitted:
        """Train one model per row of `membership`, bool [M, n], each on its own part of `rows`.

        Args:
            rows: that all of them choose from.
            classes: how many there are.
            membership: which rows each learns from.
            seed: of everything random. A model's coins go by its number, not by its place here.
            first: the number of the first of these models.
            learnt: how many rows a model learns from, on average over all models there will be.
            progress: told of models.
        """
