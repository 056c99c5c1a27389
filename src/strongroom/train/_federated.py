"""One site's part of a federated training: the central engine, its parameters set every round.

The whole job is one mechanism: all its rounds' steps are accounted, and reserved in the ledger,
before the first of them, and no round is run twice with other coins. A round's coins come from the
job's secret seed and from what the round was asked with, so the same request gives the same bits
after a crash, and another one never the same noise.

The state of the local optimizer begins anew in every round: a site that left and came back, or
that was killed, differs in nothing from one that was there all the time.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from strongroom.errors import InputError
from strongroom.privacy import (
    DistributedGaussian,
    GaussianReleases,
    PrivacyStatement,
    Schedule,
    SecretStream,
    Unit,
    calibrate_noise,
    noisy_sum,
)
from strongroom.train._local import LocalPlan, LocalRun, LocalWork, told_to_stop
from strongroom.train._loop import Examples, Guard, Plan
from strongroom.train._plan import make_clipping, make_sampler, make_schedule
from strongroom.train._preparation import one_row_each, rounded

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.privacy import Mechanism
    from strongroom.train._gradient import Prepared
    from strongroom.train._guard import Surroundings

MOST_STEPS = 100_000  # of one round

_SETTINGS = (
    "model, encoding, optimizer and their settings: the recipe's, taken as chosen without looking "
    "at these rows"
)
PUBLIC = (
    _SETTINGS,
    "what the site's policy lets it measure on its test rows: exact, not noised",
    "rounding inside single-precision sums, about 1e-6 of the clip norm; timing; refusals",
)


class LocalTraining(LocalWork):
    """A site's rounds of one job.

    Args:
        prepared: its rows; the model's network is trained in place.
        plan: see there.
        around: ledger, account, budget, the key of this job at this site, the declared rows.
        seed: 32 secret bytes for the coins of a job without privacy; the ledger's are taken in one
            with privacy.

    Attributes:
        weight: the declared number of rows (of people, where there is a subject), or the count
            rounded to two digits: what the site counts for. Never the private count.
        steps: of a round.
    """

    def __init__(
        self, prepared: Prepared, plan: LocalPlan, around: Surroundings, *, seed: bytes
    ) -> None:
        super().__init__(plan, around, seed)
        self._prepared = prepared
        self._by_unit = plan.guarantee is not None and plan.guarantee.unit != "site"
        self._spec = plan.spec.model_copy(
            update={
                "privacy": self._privacy if self._by_unit else None,
                "epochs": plan.local_epochs,
                "seed": None,
                "average": False,
            }
        )
        people = prepared.subjects
        units = len(prepared.labels) if people is None else int(people.max()) + 1
        self.weight = around.rows or rounded(units)
        self._sampler, self.steps = make_sampler(self._spec, units, self.weight)
        if self.steps > MOST_STEPS:
            raise InputError(
                f"{self.steps:,} local steps a round, where {MOST_STEPS:,} are the most",
                hint="fewer local_epochs, or a larger [train] batch_size",
            )

    @property
    def unit(self) -> Unit:
        """Whose presence is hidden, where anything is."""
        if self._privacy is not None and not self._by_unit:
            return Unit.SITE
        return self.rows_unit

    @property
    def rows_unit(self) -> Unit:
        """See `LocalWork`."""
        return Unit.EXAMPLE if self._prepared.subjects is None else Unit.SUBJECT

    @cached_property
    def _schedule(self) -> Schedule | None:
        if self._privacy is None or not self._by_unit or self.plan.shared is not None:
            return None
        whole = self.steps * self.plan.rounds
        return make_schedule(self._privacy, self._sampler, whole, self.weight)

    @cached_property
    def mechanism(self) -> Mechanism | None:
        """All rounds of the job as one release; None without privacy."""
        if self._privacy is None:
            return None
        if self.plan.shared is not None:
            return self.plan.shared
        if self._schedule is not None:
            return self._schedule.mechanism
        rounds = self.plan.rounds

        def make(noise: float) -> GaussianReleases:
            return GaussianReleases(noise, rounds)

        return calibrate_noise(self._privacy.epsilon, self._privacy.delta, make)

    @cached_property
    def booked(self) -> tuple[Mechanism, ...]:
        """The same as a release about the site's rows or persons: what the ledger must count.

        Where the site is the unit, what is proved is that its update might as well be missing. One
        row more can turn an update within the clip norm into any other: twice as far.
        """
        if self.mechanism is None:
            return ()
        if self._by_unit:
            return (self.mechanism,)
        if isinstance(self.mechanism, GaussianReleases | DistributedGaussian):
            noise = self.mechanism.noise_multiplier / 2
            return (replace(self.mechanism, noise_multiplier=noise),)
        raise AssertionError("a site is hidden by noise on sums alone")

    @property
    def reach(self) -> float:
        """How far one unit moves what `share` gives, in L2."""
        assert self._privacy is not None  # noqa: S101 - shares are of private jobs
        rate = self._spec.learning_rate if self._by_unit else 1.0
        return rate * self._privacy.clip_norm

    def round(
        self,
        number: int,
        parameters: NDArray[np.float32],
        *,
        request: bytes = b"",
        correction: NDArray[np.float32] | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> NDArray[np.float32]:
        """Train on from `parameters` and return how they moved, float32 [d].

        Args:
            number: of the round, from 1; each is asked for once, or again with the same arguments.
            parameters: float32 [d].
            request: digest of what the round was asked with; coins come from it too.
            correction: added to every step's gradient: c - cᵢ of SCAFFOLD (Karimireddy et al.
                2020).
            stopped: looked at before every step.

        Raises:
            StoppedError: `stopped` said so.
            InputError: a loss or a gradient isn't finite.
            BudgetExceededError: see `reserve`.
        """
        assert self.plan.shared is None  # noqa: S101 - else nothing would hide the units
        seed = self._seed_of(number, request)
        update = self._trained(number, parameters, seed, correction, stopped)
        if self._privacy is None or self._by_unit:
            return update
        assert self.mechanism is not None  # noqa: S101 - there is a guarantee
        return noisy_sum(
            self._clipped(update),
            sensitivity=self._privacy.clip_norm,
            noise_multiplier=self.mechanism.noise_multiplier,
            stream=SecretStream(seed),
            label="site",
            step=number,
        ).astype(np.float32)

    def share(
        self,
        number: int,
        parameters: NDArray[np.float32],
        *,
        request: bytes = b"",
        stopped: Callable[[], bool] = lambda: False,
    ) -> tuple[NDArray[np.float64], SecretStream]:
        """Return what goes into a sum of several sites' with noise of them all, and its coins.

        A site's update, clipped whole; or, where rows or persons are hidden, one step of gradient
        descent (FedSGD, McMahan et al. 2017) times the site's weight: minus the learning rate times
        the sum of clipped gradients. One unit moves it by at most `reach`. It has no noise yet, and
        must not be seen by anybody.

        Args:
            number: see `round`.
            parameters: see `round`.
            request: see `round`.
            stopped: see `round`.

        Raises:
            StoppedError: `stopped` said so.
            InputError: a loss or a gradient isn't finite.
            BudgetExceededError: see `reserve`.
        """
        seed = self._seed_of(number, request)
        coins = SecretStream(seed)
        if not self._by_unit:
            return self._clipped(self._trained(number, parameters, seed, None, stopped)), coins
        run, rate = self._run, self._spec.learning_rate
        run.begin(seed, parameters, 0.0, None)
        if stopped():
            raise told_to_stop()
        total, _ = run.row_sum(number)
        # Decay is the same whatever the rows are. In double precision: a difference of
        # single-precision parameters would be rounded by more than one row may move it.
        decay = self._spec.weight_decay * self.weight * parameters.astype(np.float64)
        return -rate * (total.astype(np.float64) + decay), coins

    def _trained(
        self,
        number: int,
        parameters: NDArray[np.float32],
        seed: bytes,
        correction: NDArray[np.float32] | None,
        stopped: Callable[[], bool],
    ) -> NDArray[np.float32]:
        """Run a round's steps and return how the parameters moved."""
        run, first = self._run, (number - 1) * self.steps
        run.begin(seed, parameters, self.plan.mu, correction)
        for step in range(1, self.steps + 1):
            if stopped():
                raise told_to_stop()
            run.step(first + step)
            self._around.progress.step(step, self.steps, f"round {number}, step {step}")
        update: NDArray[np.float32] = run.flat.numpy() - parameters
        if not np.isfinite(update).all():
            raise InputError(
                f"training broke down in round {number}: parameters are not finite",
                hint="lower [train].learning_rate",
            )
        return update

    def _clipped(self, update: NDArray[np.float32]) -> NDArray[np.float64]:
        """Bound a whole update: the site itself is the unit."""
        assert self._privacy is not None  # noqa: S101 - asked for with privacy alone
        exact = update.astype(np.float64)
        norm = float(np.linalg.norm(exact))
        # A hair within the bound, so that no rounding exceeds it.
        exact *= min(1.0, self._privacy.clip_norm * (1 - 1e-9) / max(norm, 1e-300))
        return exact

    @cached_property
    def _run(self) -> LocalRun:
        prepared, coins = self._prepared, self._coins
        inputs, labels = prepared.inputs, prepared.labels
        if prepared.subjects is not None:
            rows = one_row_each(prepared.subjects, coins)
            inputs, labels = inputs[rows], labels[rows]
        for parameter in prepared.model.network.parameters():
            parameter.requires_grad_(requires_grad=True)
        guard = None
        sampler = self._sampler
        if self._schedule is not None and self._privacy is not None:
            guard = Guard(self._schedule, make_clipping(self._privacy))
            sampler = self._schedule.sampler
        plan = Plan(
            steps=self.steps * self.plan.rounds,
            sampler=sampler,
            normaliser=sampler.expected(self.weight),
            optimizer=self._spec.optimizer,
            learning_rate=self._spec.learning_rate,
            weight_decay=self._spec.weight_decay,
            average=False,
            guard=guard,
            canaries=0,
            digest=b"",
            clipping=make_clipping(self._privacy) if self._privacy and self._by_unit else None,
        )
        examples = Examples(inputs, labels, prepared.augment, prepared.micro_batch)
        run = LocalRun(
            prepared.model.network,
            examples,
            plan,
            # A stream of its own: every round sets its seed.
            SecretStream(coins.seed),
            prepared.loss,
        )
        run.verify()
        return run

    def state(self) -> PrivacyStatement | None:
        """Return what was proved, or None without privacy or before the first round."""
        if self._guarded is None or self._privacy is None or self.mechanism is None:
            return None
        guarded = replace(self._guarded, mechanisms=(self.mechanism,), unit=self.unit)
        rounds, prepared = self.plan.rounds, self._prepared
        left = f"everything that left the site in up to {rounds:,} rounds"
        one = "one row per person takes part, chosen by secret coins"
        people = (one,) if self.unit is Unit.SUBJECT else ()
        if self.plan.shared is not None:
            left = f"every sum that could be seen in up to {rounds:,} rounds: enough sites' noise"
            left += " is in each before anybody sees it"
        if self._by_unit:
            steps = f", of {self.steps:,} steps each" if self.plan.shared is None else ""
            return guarded.state(
                covered=(f"{left}{steps}", *prepared.covered, *people),
                not_covered=PUBLIC,
                public_rows=self.weight,
                declared=self._around.rows is not None,
                sampling=self._sampler.words,
            )
        within = (
            f"one {self.rows_unit.value}'s change is hidden with ε = {self._guarded.epsilon:.4g}"
        )
        found = guarded.state(
            covered=(
                f"{left}; each update of a site is clipped whole",
                f"{within} by the same noise, which is what the ledger counts",
            ),
            not_covered=(*PUBLIC, "that the site takes part, and when: known to the coordinator"),
            public_rows=1,
            declared=True,
            sampling="the whole site in every round",
        )
        rate = "sampling rate and normaliser"
        return replace(found, covered=tuple(c for c in found.covered if not c.startswith(rate)))
