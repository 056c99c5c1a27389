"""`reconstruction.gradient`: what a curious server would read in updates of this very model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.attacks._results import NotEvaluable

if TYPE_CHECKING:
    from strongroom.attacks._results import Result
    from strongroom.attacks._situation import Situation

METRIC = "reconstruction.gradient_recovered_share"
_FEWEST = 20


class GradientInversion:
    """Makes updates of members on the target's network, and reads them as their receiver would.

    Of one row each, and of batches of 8; bare, and where the target was trained privately also
    clipped and noised as its statement says. A model that was trained in one place never sent an
    update: the number says what a federation of it would give away.
    """

    name = "reconstruction.gradient"
    kinds = ("table", "image", "text", "language")
    presets = ("full",)
    metrics = (METRIC,)

    def run(self, situation: Situation) -> Result:
        """Read at most 200 updates; 40 where inputs have to be searched for."""
        if not callable(getattr(getattr(situation.target, "network", None), "parameters", None)):
            return NotEvaluable(
                "the model isn't a network whose parameters can be read, so it has no gradients"
            )
        from strongroom.attacks.reconstruction._server import Server  # needs torch, as networks do

        pool = situation.pool()
        if min(pool.members, len(pool.rows) - pool.members) < _FEWEST:
            return NotEvaluable(
                f"{pool.members} members and {len(pool.rows) - pool.members} others are too few: "
                f"at least {_FEWEST} of each are needed"
            )
        server = Server.of(situation, pool)
        return server if isinstance(server, NotEvaluable) else server.measure(METRIC)
