"""SCAFFOLD: control variates take the drift of sites with different data out of their steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.federate._recipe import StrategySpec


class Scaffold:
    """Karimireddy et al. 2020, algorithm 1.

    A site keeps its own control variate cᵢ, corrects each step by c - cᵢ, and answers with its
    update and with how cᵢ changed. The coordinator's c moves by the mean change times the share of
    the sites that answered.
    """

    def __init__(self, spec: StrategySpec, size: int) -> None:
        self._rate = spec.server_learning_rate
        self._control = np.zeros(size)

    def sends(self) -> dict[str, NDArray[np.float64]]:
        """See `Strategy.sends`."""
        return {"control": self._control}

    def step(
        self,
        parameters: NDArray[np.float64],
        combined: Mapping[str, NDArray[np.float64]],
        share: float,
    ) -> NDArray[np.float64]:
        """See `Strategy.step`."""
        self._control = self._control + share * combined["control"]
        return parameters + self._rate * combined["update"]

    def state(self) -> dict[str, NDArray[np.float64]]:
        """See `Strategy.state`."""
        return {"control": self._control}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """See `Strategy.restore`."""
        self._control = state["control"].copy()
