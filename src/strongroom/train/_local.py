"""What a site's part of a federated training is made of: its plan, and a run that begins anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from strongroom.errors import RefusedError
from strongroom.train._loop import Run
from strongroom.train._optimizers import Optimizer

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from strongroom.config import TrainSpec
    from strongroom.privacy import Mechanism


class StoppedError(RefusedError):
    """Somebody at the site said stop."""


class Guarantee(Protocol):
    """What a federated job asks for; see `federate.SitePrivacySpec`."""

    @property
    def unit(self) -> str:
        """Whose presence is hidden: "example", "person" or "site"."""

    @property
    def epsilon(self) -> float:
        """Of all rounds together."""

    @property
    def delta(self) -> float:
        """Of all rounds together."""

    @property
    def clip_norm(self) -> float:
        """L2 bound on a unit's gradient, or on a site's update."""


@dataclass(frozen=True)
class LocalPlan:
    """What is fixed for a site before the first round.

    Attributes:
        spec: model and local optimizer.
        rounds: of the job.
        local_epochs: passes over the rows in each.
        guarantee: or None.
        mu: how strongly FedProx (Li et al. 2020) holds a site to the round's parameters.
        shared: what hides the units where the noise is made by several sites together, in the sum
            of what each gives (`LocalTraining.share`); None: each site's own noise is enough.
    """

    spec: TrainSpec
    rounds: int
    local_epochs: float
    guarantee: Guarantee | None = None
    mu: float = 0.0
    shared: Mechanism | None = None


class LocalRun(Run):
    """A run whose parameters are set anew, and whose steps may be pulled elsewhere."""

    def begin(
        self,
        seed: bytes,
        parameters: NDArray[np.float32],
        mu: float,
        correction: NDArray[np.float32] | None,
    ) -> None:
        """Start a round: other coins, other parameters, an optimizer without a past."""
        self._stream.reseed(seed)
        self.flat.copy_(torch.from_numpy(np.array(parameters, dtype=np.float32)))
        self._anchor = self.flat.clone() if mu else None
        self._mu = mu
        self._correction = torch.from_numpy(correction) if correction is not None else None
        plan = self._plan
        self.optimizer = Optimizer(
            plan.optimizer,
            self.flat,
            plan.learning_rate,
            plan.weight_decay,
            self.optimizer.noise_deviation,
        )
        self._moved = 0

    def move(self, gradient: Tensor, number: int) -> None:
        """Move by the gradient, FedProx's pull and SCAFFOLD's correction: they cost nothing.

        Both depend on what was sent and on noisy steps alone.
        """
        del number
        if self._anchor is not None:
            gradient = gradient + self._mu * (self.flat - self._anchor)
        if self._correction is not None:
            gradient = gradient + self._correction
        self._moved += 1
        self.optimizer.step(gradient, self._moved)
