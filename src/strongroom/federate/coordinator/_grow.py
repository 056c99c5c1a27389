"""Trees from what sites' rows add up to: the coordinator's half of a round of GROW."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import RefusedError
from strongroom.privacy import SecretStream
from strongroom.train import LocalPlan, grow_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from strongroom.federate._recipe import Recipe
    from strongroom.models import AdditiveModel
    from strongroom.train import Growth


def cut_coins(recipe: Recipe) -> SecretStream:
    """Return the coins of where the trees of a job are cut: anybody can make them."""
    told = f"strongroom federate cuts\0{recipe.job}".encode()
    return SecretStream(hashlib.sha256(told).digest())


class Growing:
    """A `Strategy` that grows trees on the sums, as central training does on its own.

    Sites answer with their rows' sums over their weight, so the mean weighted by rows, times all
    weights, is the sum over all rows. Sites that come or leave after the first round, which counts,
    change how many rows a mean is of, and the trees go on as if it were of the first round's.

    Args:
        recipe: of the job; where trees are cut follows from its id, and from nobody's rows.
        model: whose bins the sites count.
    """

    def __init__(self, recipe: Recipe, model: AdditiveModel) -> None:
        self._recipe, self._model = recipe, model
        self._number, self._present = 0, np.zeros(0)
        self._growth: Growth | None = None
        self._kept: dict[str, NDArray[np.float64]] = {}

    def begin(self, number: int, rounds: Sequence[Mapping[str, Any]]) -> None:
        """Say which round is next, and what is known of those before it.

        Raises:
            RefusedError: the first was lost: nothing can be grown without its counts.
        """
        if number > 1 and not self._kept:
            raise RefusedError(
                f"the first round was lost, and trees need its counts: {rounds[0].get('lost')}",
                hint="start the job anew: strongroom federate run --again",
            )
        self._number = number

    def met(self, weights: Sequence[float]) -> None:
        """Say what the sites of this round weigh."""
        self._present = np.array(weights)

    def sends(self) -> dict[str, NDArray[np.float64]]:
        """See `Strategy.sends`."""
        return {}

    def step(
        self,
        parameters: NDArray[np.float64],
        combined: Mapping[str, NDArray[np.float64]],
        share: float,  # noqa: ARG002 - means don't depend on how many answered
    ) -> NDArray[np.float64]:
        """See `Strategy.step`: the first round keeps the counts, the others grow."""
        mean = combined["update"]
        if self._number == 1:
            self._kept = {"counts": mean * self._present.sum(), "weights": self._present}
            return parameters
        growth = self._growth or self._grown()
        shape = growth.scores.shape
        growth.scores[:] = parameters.reshape(shape)
        growth.step((mean * self._kept["weights"].sum()).reshape(shape), self._number - 1)
        self._kept["velocity"] = growth.velocity
        return growth.used().ravel()

    def _grown(self) -> Growth:
        recipe = self._recipe
        plan = LocalPlan(recipe.train, recipe.rounds, 1.0, recipe.privacy)
        self._growth = grow_from(
            self._model,
            plan,
            self._kept["counts"],
            len(self._kept["weights"]),
            cut_coins(recipe),
        )
        if "velocity" in self._kept:
            self._growth.velocity[:] = self._kept["velocity"]
        return self._growth

    def state(self) -> dict[str, NDArray[np.float64]]:
        """See `Strategy.state`."""
        return {name: array.copy() for name, array in self._kept.items()}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """See `Strategy.restore`."""
        self._kept, self._growth = dict(state), None
