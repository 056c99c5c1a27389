"""One change, one record: the database and the evidence log never disagree, wherever a kill falls.

The signed record is prepared first and committed *with* the rows it speaks of, in the `outbox`
table, in one durable transaction; only then is it added to the log. Killed before the commit,
nothing happened; killed after it, the next open finds the record in the outbox and adds it. So a
log record without its rows, or rows without a record, is never the work of a kill.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from strongroom.store.database import outbox_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from strongroom.store._survey import Record
    from strongroom.store.database import Database
    from strongroom.store.evidence import EvidenceLog, Prepared


class Change:
    """A transaction in the making, and the record that will speak of it."""

    def __init__(self, connection: sa.Connection, log: EvidenceLog) -> None:
        self.connection = connection
        self.prepared: Prepared | None = None
        self._log = log

    @property
    def next_record(self) -> int:
        """The number that the record will have."""
        return self._log.size + 1

    def state(self, statement: Mapping[str, Any]) -> Record:
        """Sign the record of this change; once a change."""
        self.prepared = self._log.prepare(statement)
        self.connection.execute(outbox_table.delete())
        self.connection.execute(
            outbox_table.insert().values(
                id=1, number=self.prepared.record.index, envelope=self.prepared.content
            )
        )
        return self.prepared.record


class Journal:
    """Where every change of rows that matter goes through."""

    def __init__(self, database: Database, log: EvidenceLog) -> None:
        self.database = database
        self.log = log
        log.before_append = self.settle

    def settle(self) -> None:
        """Add the record that was committed and, by a kill or a full disk, not yet added."""
        with self.database.transaction() as connection:
            self._settle(connection)

    @contextlib.contextmanager
    def change(self) -> Iterator[Change]:
        """Run a block in one transaction, and add its record to the log when it is committed.

        Raises:
            WorkspaceError: the disk is full or read-only. If that strikes after the commit, the
                change is kept and its record is added by the next change or the next open.
        """
        with self.database.transaction() as connection:
            self._settle(connection)
            change = Change(connection, self.log)
            yield change
        if change.prepared:
            self.log.write(change.prepared)

    def _settle(self, connection: sa.Connection) -> None:
        owed = connection.execute(sa.select(outbox_table)).first()
        if owed and owed.number == self.log.size + 1:
            self.log.write(self.log.restore(owed.number, owed.envelope))
