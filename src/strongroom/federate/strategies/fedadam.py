"""FedAdam: the mean update is a gradient for Adam."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.federate._recipe import StrategySpec


class FedAdam:
    """Reddi et al. 2021, algorithm 2 with Adam; the first moments' bias is left in."""

    def __init__(self, spec: StrategySpec, size: int) -> None:
        self._spec = spec
        self._first = np.zeros(size)
        self._second = np.full(size, spec.tau**2)

    def sends(self) -> dict[str, NDArray[np.float64]]:
        """See `Strategy.sends`."""
        return {}

    def step(
        self,
        parameters: NDArray[np.float64],
        combined: Mapping[str, NDArray[np.float64]],
        share: float,  # noqa: ARG002 - FedAdam doesn't ask how many answered
    ) -> NDArray[np.float64]:
        """See `Strategy.step`."""
        spec, update = self._spec, combined["update"]
        self._first = spec.beta1 * self._first + (1 - spec.beta1) * update
        self._second = spec.beta2 * self._second + (1 - spec.beta2) * update**2
        return parameters + spec.server_learning_rate * self._first / (
            np.sqrt(self._second) + spec.tau
        )

    def state(self) -> dict[str, NDArray[np.float64]]:
        """See `Strategy.state`."""
        return {"first": self._first, "second": self._second}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """See `Strategy.restore`."""
        self._first, self._second = state["first"].copy(), state["second"].copy()
