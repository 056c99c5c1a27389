"""The durable ledger: what was spent on whom, kept for ever.

A reservation is one transaction that is on disk before `reserve` returns, so before the first
private step. Order: the row and the signed record that speaks of it are committed together, then
the record is added to the evidence log (see `_journal`). Row first, because only a row can hold
the sealed seed: killed before the commit, nothing was reserved and no private step was made;
killed after it, the row is there, counts as spent, and hands the same coins back to the same run.
The other order could leave a record whose seed is lost, and so a spend that nobody can use.

A started private training can't be forgotten: its row, its record, the signed checkpoint and the
head remembered beside the identity would all have to be taken back together.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from strongroom.errors import InputError, TamperedError, WorkspaceError
from strongroom.privacy import Entry, EntryState, Reservation, Spend, check_budget
from strongroom.store._codec import canonical, now, sha256
from strongroom.store._replay import compare_ledger, expected_rows
from strongroom.store.database import ledger_table
from strongroom.store.evidence import make_statement, raise_first
from strongroom.vault import age

if TYPE_CHECKING:
    from strongroom.store._journal import Change, Journal
    from strongroom.store.database import Database
    from strongroom.vault.keys import Keyring

_SEED_BYTES = 32


class DurableLedger:
    """A `privacy.Ledger` in the workspace's database.

    Args:
        database: where the rows are.
        journal: without it the ledger is read-only.
        keyring: seals and opens the seeds.
    """

    def __init__(
        self,
        database: Database,
        *,
        journal: Journal | None = None,
        keyring: Keyring | None = None,
    ) -> None:
        self._database = database
        self._journal = journal
        self._keyring = keyring

    def reserve(self, account: str, spend: Spend, *, budget: float | None, key: str) -> Reservation:
        """Write a spend down durably; see `privacy.Ledger.reserve`.

        An unsettled reservation of the same account, key and spend is handed back with its seed.
        An empty key names no run, so nothing is ever handed back for it.

        Raises:
            BudgetExceededError: the budget doesn't cover it; nothing was written.
            TamperedError: a row isn't what the log says.
            WorkspaceError: read-only, full.
        """
        journal, keyring = self._writer()
        text = canonical(spend.to_json())
        with journal.change() as change:
            rows = self._checked_rows(change.connection, journal)
            mine = [row for row in rows if row.account == account]
            for row in mine:
                unsettled = row.state == EntryState.RESERVED
                if unsettled and key and row.key == key and row.spend == text:
                    return Reservation(row.id, self._open_seed(row, keyring), resumed=True)
            check_budget(account, [_spend(row) for row in mine], spend, budget)
            seed = secrets.token_bytes(_SEED_BYTES)
            sealed = age.encrypt(seed, [keyring.recipient])
            states = {
                "number": max((row.number for row in rows), default=0) + 1,
                "id": secrets.token_hex(8),
                "account": account,
                "key": key,
                "created": now(),
            }
            change.connection.execute(
                ledger_table.insert().values(
                    **states,
                    spend=text,
                    state=EntryState.RESERVED.value,
                    seed=sealed,
                    evidence=change.next_record,
                )
            )
            # The log pins the sealed seed too: a planted one, its coins known to the planter,
            # would let the noise be taken away again.
            told = {**states, "spend": spend.to_json(), "seed": sha256(sealed)}
            _state(change, "reserved", told)
        return Reservation(str(states["id"]), seed)

    def settle(self, reservation: Reservation) -> None:
        """Note that the release was made, and destroy the seed. Twice is the same as once."""
        journal, _ = self._writer()
        with journal.change() as change:
            number = settle_row(change, reservation.id, time := now())
            if number is None:
                return
            told = {"number": number, "id": reservation.id, "settled": time}
            _state(change, "settled", told)
        self._database.scrub()

    def entries(self, account: str) -> tuple[Entry, ...]:
        """Every spend on the account, oldest first.

        Raises:
            TamperedError: a row isn't what the log says.
        """
        return tuple(e for e in self._entries() if e.account == account)

    def accounts(self) -> tuple[str, ...]:
        """Every account that was ever spent on."""
        return tuple(dict.fromkeys(e.account for e in self._entries()))

    def _entries(self) -> list[Entry]:
        with self._database.transaction() as connection:
            rows = self._checked_rows(connection, self._journal)
        return [
            Entry(row.id, row.account, _spend(row), EntryState(row.state), row.created)
            for row in rows
        ]

    def _checked_rows(
        self, connection: sa.Connection, journal: Journal | None
    ) -> list[sa.Row[Any]]:
        rows = list(connection.execute(sa.select(ledger_table).order_by(ledger_table.c.number)))
        if journal:
            # A reader has no say here: what it was opened on was compared when it was opened.
            actual = {row.number: dict(row._mapping) for row in rows}  # noqa: SLF001 - public in SQLAlchemy
            expected = expected_rows(journal.log.records())
            raise_first(compare_ledger(expected, actual, None, self._database.where))
        return rows

    def _writer(self) -> tuple[Journal, Keyring]:
        if self._journal is None or self._keyring is None:
            raise WorkspaceError("the workspace was opened for reading", where=self._database.where)
        return self._journal, self._keyring

    def _open_seed(self, row: sa.Row[Any], keyring: Keyring) -> bytes:
        seed = age.decrypt(row.seed, [keyring.identity])
        if len(seed) != _SEED_BYTES:
            raise TamperedError(
                f"the seed of ledger entry {row.number} isn't what was written",
                where=self._database.where,
            )
        return seed


class StageLedger:
    """The ledger as a stage sees it: what it settles is settled when the stage is finished.

    A training that settles by itself and is killed before its model is kept would have to spend
    again. Settled together with the stage, in one transaction, it isn't: killed before that, the
    reservation is still open, and the next run replays the same coins, which is the same release.
    """

    def __init__(self, ledger: DurableLedger) -> None:
        self._ledger = ledger
        self.to_settle: list[str] = []

    def reserve(self, account: str, spend: Spend, *, budget: float | None, key: str) -> Reservation:
        """See `DurableLedger.reserve`."""
        return self._ledger.reserve(account, spend, budget=budget, key=key)

    def settle(self, reservation: Reservation) -> None:
        """Note that the reservation is to be settled with the stage."""
        self.to_settle.append(reservation.id)

    def entries(self, account: str) -> tuple[Entry, ...]:
        """See `DurableLedger.entries`."""
        return self._ledger.entries(account)


def settle_row(change: Change, identifier: str, time: str) -> int | None:
    """Settle a row inside a change; return its number, or None when it was settled before.

    Raises:
        InputError: there is no such entry.
    """
    table = ledger_table
    row = change.connection.execute(
        sa.select(table.c.number, table.c.state).where(table.c.id == identifier)
    ).one_or_none()
    if row is None:
        raise InputError(f"the ledger has no entry {identifier}")
    if row.state == EntryState.SETTLED:
        return None
    change.connection.execute(
        table.update()
        .where(table.c.number == row.number)
        .values(
            state=EntryState.SETTLED.value,
            settled=time,
            settled_evidence=change.next_record,
            seed=None,
        )
    )
    return int(row.number)


def _spend(row: sa.Row[Any]) -> Spend:
    return Spend.from_json(json.loads(row.spend))


def _state(change: Change, event: str, told: dict[str, Any]) -> None:
    digest = sha256(canonical(told))
    subject = [(f"ledger/{told['number']}", digest)]
    change.state(make_statement("ledger", subject, {"event": event, **told}))
