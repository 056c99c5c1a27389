"""What was spent on whom: reservations, spends, and the rule that a budget holds.

A ledger is asked *before* the first private step and told after the last. A crash in between
counts as spent; the same run started again gets its own reservation back, with the seed of every
coin, so that replaying it is the same release and costs nothing more.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from strongroom.errors import BudgetExceededError
from strongroom.privacy._accounting import compose_epsilon, relation_of
from strongroom.privacy._relation import Relation, Unit
from strongroom.privacy.mechanisms import Mechanism

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SEED_BYTES = 32


class EntryState(StrEnum):
    """How far a spend has got; both states count as spent."""

    RESERVED = "reserved"
    SETTLED = "settled"


@dataclass(frozen=True)
class Spend:
    """One release's cost.

    Attributes:
        epsilon, delta: the guarantee of this release alone.
        unit: whose presence it hides.
        relation: the neighbouring relation.
        events: the mechanism facts, as JSON values (see `Mechanism.to_json`), that composition
            works on.
    """

    epsilon: float
    delta: float
    unit: Unit = Unit.EXAMPLE
    relation: Relation = Relation.ADD_OR_REMOVE_ONE
    events: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "epsilon": self.epsilon,
            "delta": self.delta,
            "unit": self.unit.value,
            "relation": self.relation.value,
            "events": [dict(e) for e in self.events],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Spend:
        """Read back what `to_json` gave."""
        return cls(
            epsilon=document["epsilon"],
            delta=document["delta"],
            unit=Unit(document["unit"]),
            relation=Relation(document["relation"]),
            events=tuple(dict(e) for e in document["events"]),
        )


@dataclass(frozen=True)
class Reservation:
    """The right to make one release.

    Attributes:
        id: names the ledger entry.
        seed: 32 secret bytes from which every coin of the run comes. Whoever knows it can take
            the noise away again: it is stored sealed and never printed.
        resumed: an unsettled reservation of the same run was handed back.
    """

    id: str
    seed: bytes = field(repr=False)
    resumed: bool = False


@dataclass(frozen=True)
class Entry:
    """One line of the ledger."""

    id: str
    account: str
    spend: Spend
    state: EntryState
    created: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "spend": self.spend.to_json(), "state": self.state.value}


class Ledger(Protocol):
    """Where spends are kept; in memory here, durable in the workspace."""

    def reserve(self, account: str, spend: Spend, *, budget: float | None, key: str) -> Reservation:
        """Write the spend down, durably, and return the right to make the release.

        Args:
            account: the data source that is spent on, by lineage.
            spend: the release's cost.
            budget: the most ε that may ever be spent on the account, or None.
            key: identifies the run (inputs, settings, code). An unsettled reservation with the
                same key *and spend* is handed back with its seed; a settled one is never. An
                empty key names no run.

        Raises:
            BudgetExceededError: the budget doesn't cover it; nothing was written.
        """

    def settle(self, reservation: Reservation) -> None:
        """Note that the release was made. Settling twice is the same as once."""

    def entries(self, account: str) -> tuple[Entry, ...]:
        """Every spend on the account, oldest first."""


class MemoryLedger:
    """A `Ledger` that lives as long as the process: for notebooks and tests."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._keys: dict[str, str] = {}
        self._seeds: dict[str, bytes] = {}

    def reserve(self, account: str, spend: Spend, *, budget: float | None, key: str) -> Reservation:
        """See `Ledger.reserve`."""
        for entry in self.entries(account):
            same = key != "" and self._keys[entry.id] == key and entry.spend == spend
            if same and entry.state is EntryState.RESERVED:
                return Reservation(entry.id, self._seeds[entry.id], resumed=True)
        check_budget(account, [e.spend for e in self.entries(account)], spend, budget)
        reservation = Reservation(secrets.token_hex(8), secrets.token_bytes(SEED_BYTES))
        self._entries[reservation.id] = Entry(
            reservation.id,
            account,
            spend,
            EntryState.RESERVED,
            datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self._keys[reservation.id] = key
        self._seeds[reservation.id] = reservation.seed
        return reservation

    def settle(self, reservation: Reservation) -> None:
        """See `Ledger.settle`."""
        entry = self._entries[reservation.id]
        self._entries[reservation.id] = replace(entry, state=EntryState.SETTLED)

    def entries(self, account: str) -> tuple[Entry, ...]:
        """See `Ledger.entries`."""
        return tuple(e for e in self._entries.values() if e.account == account)


def compose(spends: Sequence[Spend], delta: float) -> float:
    """Return the ε at `delta` of making all these releases, from all their events.

    Raises:
        InputError: they are guarantees about different neighbours.
    """
    return compose_epsilon(_mechanisms(spends), delta)


def check_budget(account: str, earlier: Sequence[Spend], new: Spend, budget: float | None) -> None:
    """Check that `budget` covers `new` after `earlier`, composed at the δ of the first spend.

    Raises:
        BudgetExceededError: it doesn't; says what is left.
        InputError: `new` is about other neighbours than the spends before, with which it could
            never be added up, be there a budget or not.
    """
    relation_of(_mechanisms([*earlier, new]))
    if budget is None:
        return
    delta = earlier[0].delta if earlier else new.delta
    if compose([*earlier, new], delta) <= budget:
        return
    spent = compose(earlier, delta)
    left = max(budget - spent, 0.0)
    runs = f"{len(earlier)} run{'' if len(earlier) == 1 else 's'}"
    raise BudgetExceededError(
        f'ε = {new.epsilon:.3g} asked, {left:.3g} left for "{account}" '
        f"(spent {spent:.3g} of {budget:.3g} in {runs})",
        hint=f"strongroom budget show {account}; raise [data].budget only if your policy owner"
        " agrees",
    )


def _mechanisms(spends: Sequence[Spend]) -> list[Mechanism]:
    return [Mechanism.from_json(e) for s in spends for e in s.events]
