"""FedAvg: the mean update is added."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from strongroom.federate._recipe import StrategySpec


class FedAvg:
    """McMahan et al. 2017, algorithm 1, with a server learning rate (Reddi et al. 2021)."""

    def __init__(self, spec: StrategySpec, _size: int) -> None:
        self._rate = spec.server_learning_rate

    def sends(self) -> dict[str, NDArray[np.float64]]:
        """See `Strategy.sends`."""
        return {}

    def step(
        self,
        parameters: NDArray[np.float64],
        combined: Mapping[str, NDArray[np.float64]],
        share: float,  # noqa: ARG002 - FedAvg doesn't ask how many answered
    ) -> NDArray[np.float64]:
        """See `Strategy.step`."""
        return parameters + self._rate * combined["update"]

    def state(self) -> dict[str, NDArray[np.float64]]:
        """See `Strategy.state`."""
        return {}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """See `Strategy.restore`."""
