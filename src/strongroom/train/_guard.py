"""What stands around a private training: the ledger it asks, its coins, the statement it makes.

Every trainer goes through here: `reserve` writes the spend down before the first private byte is
read by a mechanism, hands out the only source of coins, and `Guarded.state` says what was proved.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from strongroom.privacy import (
    MemoryLedger,
    PrivacyStatement,
    SecretStream,
    Spend,
    Unit,
    accountant_of,
    compose_epsilon,
    guarantee_warnings,
    relation_of,
)
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.config import PrivacySpec, TrainSpec
    from strongroom.data import Dataset
    from strongroom.privacy import Ledger, Mechanism, Reservation
    from strongroom.progress import Progress
    from strongroom.train._result import Checkpointer


@dataclass(frozen=True)
class Surroundings:
    """What the caller of a training brings.

    Attributes:
        ledger: where the spend is reserved before the first private step and settled after the
            last.
        account: the data source that is spent on.
        budget: the most ε that may ever be spent on the account.
        key: identifies the run, so that a killed one gets its reservation back.
        checkpointer: makes a killed run continue where it was.
        progress: is told every step.
        rows: the declared number of rows (or subjects), a public constant; None where nobody
            declared one.
        validation: rows that are nobody's secret, by which a training may stop early.
    """

    ledger: Ledger = field(default_factory=MemoryLedger)
    account: str = ""
    budget: float | None = None
    key: str = ""
    checkpointer: Checkpointer | None = None
    progress: Progress = SILENT
    rows: int | None = None
    validation: Dataset | None = None


@dataclass(frozen=True)
class Guarded:
    """A private run that may begin: its spend is written down.

    Attributes:
        spec: the guarantee that was asked for.
        mechanisms: everything that will be released, the training itself last.
        unit: whose presence is hidden.
        stream: the only source of coins.
        seeded: the coins are known to somebody: a rehearsal, and no guarantee.
    """

    spec: PrivacySpec
    mechanisms: tuple[Mechanism, ...]
    unit: Unit
    stream: SecretStream
    seeded: bool
    _ledger: Ledger = field(repr=False)
    _reservation: Reservation = field(repr=False)

    @property
    def mechanism(self) -> Mechanism:
        """The training itself."""
        return self.mechanisms[-1]

    @property
    def epsilon(self) -> float:
        """What all mechanisms together prove at the δ that was asked for."""
        return compose_epsilon(self.mechanisms, self.spec.delta)

    @property
    def resumed(self) -> bool:
        """An earlier, unfinished run of the same key had reserved it already."""
        return self._reservation.resumed

    def settle(self) -> None:
        """Tell the ledger that the release was made."""
        self._ledger.settle(self._reservation)

    def state(
        self,
        *,
        covered: Sequence[str],
        not_covered: Sequence[str],
        public_rows: int,
        declared: bool,
        sampling: str,
    ) -> PrivacyStatement:
        """Return what was proved.

        Args:
            covered: what is particular to this training and covered.
            not_covered: and what isn't.
            public_rows: the constant that rate and normaliser came from.
            declared: the user declared it; else it is the rounded count.
            sampling: how a step's batch was drawn, in words.
        """
        mechanism, privacy = self.mechanism, self.spec
        covered, not_covered = list(covered), list(not_covered)
        if privacy.canaries and privacy.rehearsal:
            covered.append(
                f"{privacy.canaries:,} made-up canary rows rode in a rehearsal on made-up rows, "
                "which was thrown away: no private row was read for it"
            )
        elif privacy.canaries:
            covered.append(
                f"{privacy.canaries:,} made-up canary rows ride along, each by a secret coin: they "
                "hold nobody's data, and nothing of them reaches the released parameters"
            )
        if declared:
            covered.append(
                f"sampling rate and normaliser come from the declared {public_rows:,} rows"
            )
        else:
            not_covered.append(
                f"the number of {self.unit.value}s, rounded to {public_rows:,}, is treated as "
                "public; declare [data].rows to close this"
            )
        warnings = list(guarantee_warnings(privacy.epsilon, privacy.delta, public_rows))
        if self.seeded:
            warnings.append("not private: a seed was given, and who knows it can remove the noise")
        return PrivacyStatement(
            unit=self.unit,
            relation=relation_of(self.mechanisms),
            epsilon=self.epsilon,
            delta=privacy.delta,
            accountant=accountant_of(self.mechanisms),
            sampling=sampling,
            sampling_rate=mechanism.sampling_rate,
            noise_multiplier=mechanism.noise_multiplier,
            clip_norm=privacy.clip_norm,
            steps=mechanism.steps,
            noise_source="AES-256 in counter mode with a given seed"
            if self.seeded
            else "AES-256 in counter mode, seeded by the operating system",
            events=tuple(m.to_json() for m in self.mechanisms),
            covered=tuple(covered),
            not_covered=tuple(not_covered),
            warnings=tuple(warnings),
            private=not self.seeded,
        )


def reserve(
    spec: TrainSpec,
    privacy: PrivacySpec,
    mechanisms: Sequence[Mechanism],
    unit: Unit,
    around: Surroundings,
) -> Guarded:
    """Write down what the run will cost, and return the right to make it.

    Raises:
        BudgetExceededError: the budget doesn't cover it; nothing was written.
    """
    epsilon = compose_epsilon(mechanisms, privacy.delta)
    events = tuple(m.to_json() for m in mechanisms)
    spend = Spend(epsilon, privacy.delta, unit, relation_of(mechanisms), events)
    reservation = around.ledger.reserve(around.account, spend, budget=around.budget, key=around.key)
    stream = SecretStream(reservation.seed) if spec.seed is None else open_stream(spec, around)
    return Guarded(
        privacy,
        tuple(mechanisms),
        unit,
        stream,
        spec.seed is not None,
        around.ledger,
        reservation,
    )


def open_stream(spec: TrainSpec, around: Surroundings) -> SecretStream:
    """Return coins that aren't secret: of plain training, and of rehearsals with a given seed."""
    run = around.key if spec.seed is None else str(spec.seed)
    return SecretStream(hashlib.sha256(f"strongroom open seed\0{run}".encode()).digest())
