"""What a site's part of a federated training is made of: its plan, and a run that begins anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from strongroom.config import PrivacySpec
from strongroom.errors import RefusedError
from strongroom.privacy import SecretStream, Spend, compose_epsilon, relation_of
from strongroom.train._guard import reserve
from strongroom.train._loop import Run
from strongroom.train._optimizers import Optimizer

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from strongroom.config import TrainSpec
    from strongroom.privacy import Mechanism, Unit
    from strongroom.train._guard import Guarded, Surroundings


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


def privacy_of(asked: Guarantee) -> PrivacySpec:
    """Return a guarantee as central training asks for one."""
    return PrivacySpec(epsilon=asked.epsilon, delta=asked.delta, clip_norm=asked.clip_norm)


def told_to_stop() -> StoppedError:
    """Return the error of a site that was told to stop."""
    return StoppedError("the site was told to stop", hint="ask the people at the site")


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


class LocalWork:
    """What all of a site's work for a job has: one reservation for all rounds, and its coins.

    Args:
        plan: see there.
        around: ledger, account, budget, the key of this job at this site, the declared rows.
        seed: 32 secret bytes for the coins of a job without privacy; the ledger's are taken in one
            with privacy.
    """

    _spec: TrainSpec

    def __init__(self, plan: LocalPlan, around: Surroundings, seed: bytes) -> None:
        self.plan, self._around, self._seed = plan, around, seed
        asked = plan.guarantee
        self._privacy = privacy_of(asked) if asked is not None else None
        self._guarded: Guarded | None = None

    @property
    def booked(self) -> tuple[Mechanism, ...]:
        """All that will be released about the site's rows or persons; empty without privacy."""
        raise NotImplementedError

    @property
    def rows_unit(self) -> Unit:
        """Rows, or persons where the site says whose they are."""
        raise NotImplementedError

    @property
    def spend(self) -> Spend | None:
        """What the job costs the site's rows or persons; None without privacy."""
        if self._privacy is None:
            return None
        booked = self.booked
        return Spend(
            compose_epsilon(booked, self._privacy.delta),
            self._privacy.delta,
            self.rows_unit,
            relation_of(booked),
            tuple(mechanism.to_json() for mechanism in booked),
        )

    def reserve(self) -> bool:
        """Write down what the job costs, before its first step; say whether it had been before.

        Raises:
            BudgetExceededError: the budget doesn't cover it; nothing was written.
        """
        if self._privacy is None or self._guarded is not None:
            return self._guarded is not None
        self._guarded = reserve(
            self._spec, self._privacy, self.booked, self.rows_unit, self._around
        )
        return self._guarded.resumed

    def settle(self) -> None:
        """Tell the ledger that the job is over; its coins are destroyed there."""
        if self._guarded is not None:
            self._guarded.settle()

    @property
    def _coins(self) -> SecretStream:
        return SecretStream(self._seed) if self._guarded is None else self._guarded.stream

    def _seed_of(self, number: int, request: bytes) -> bytes:
        """Return the seed of a round that is asked like that; the job is reserved first."""
        self.reserve()
        return self._coins.raw(f"round {request.hex()}", number, 32)


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
