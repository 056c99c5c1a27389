"""What a strategy is: the coordinator's half of a round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


class Strategy(Protocol):
    """Turns the combined update of a round into the next parameters.

    What sites have to do otherwise (a proximal term, control variates) they read in the recipe.
    """

    def sends(self) -> dict[str, NDArray[np.float64]]:
        """Return what sites need beside the parameters, float64 [d] each, by name."""

    def step(
        self,
        parameters: NDArray[np.float64],
        combined: Mapping[str, NDArray[np.float64]],
        share: float,
    ) -> NDArray[np.float64]:
        """Return the next parameters.

        Args:
            parameters: float64 [d], of this round.
            combined: "update" float64 [d], and one of each name in `sends`: what the rule made of
                what the sites answered.
            share: of the sites that were invited, how many answered, in (0, 1].
        """

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return what the next step depends on, by name."""

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """Take back what `state` gave."""
