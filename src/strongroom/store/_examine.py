"""Holding the log, the database and what is remembered against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from strongroom.errors import StrongroomError
from strongroom.store._layout import origin_of
from strongroom.store._replay import Rows, compare, expected_rows, pending, read_rows
from strongroom.store._survey import Broken, Record, Survey, against_head, survey
from strongroom.store.database import outbox_table

if TYPE_CHECKING:
    from strongroom.store._layout import Layout
    from strongroom.store._memory import KeyMemory
    from strongroom.store.database import Database
    from strongroom.vault.signing import VerifyKey

_ATTEMPTS = 5


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes:
        found: the log.
        pending: a record that is committed and, by a kill, not yet in the log.
        broken: everything that isn't what was written.
    """

    found: Survey
    pending: Record | None
    broken: tuple[Broken, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """The trusted records with the pending one."""
        return (*self.found.records, *([self.pending] if self.pending else []))


def examine(
    layout: Layout,
    database: Database | None,
    key: VerifyKey,
    memory: KeyMemory | None,
    *,
    thorough: bool,
) -> Examination:
    """Read the log and the rows, and compare them with each other and with what is remembered.

    Args:
        layout: the workspace.
        database: its database, or None to judge the log alone.
        key: whose signatures count.
        memory: what is remembered outside of the workspace.
        thorough: see `survey`.

    Raises:
        WorkspaceError: the database can't be read.
    """
    rows: Rows | None = None
    for _ in range(_ATTEMPTS):
        rows = _snapshot(database)
        found = survey(layout.evidence, key, thorough=thorough)
        # A writer may be at work: both sides fit in time if no change was committed meanwhile.
        if database is None or _newest(database) == _number(rows):
            break
    broken = list(found.broken)
    owed: Record | None = None
    if database and rows and not broken:
        try:
            owed = pending(rows, found, key, database.where)
        except ValueError as error:
            broken.append(Broken(None, str(error), database.where))
    records = (*found.records, *([owed] if owed else []))
    if memory and found.origin:
        broken += _check_memory(found, memory, key)
    if database and rows:
        # Where the log is damaged, rows whose record can't be trusted can't be judged.
        trusted = {r.index for r in records} if broken else None
        broken += _check_origin(records, rows, database.where)
        broken += compare(expected_rows(records), rows, trusted, database.where)
    return Examination(found, owed, tuple(broken))


def _snapshot(database: Database | None) -> Rows | None:
    if database is None:
        return None
    with database.transaction() as connection:
        return read_rows(connection)


def _number(rows: Rows | None) -> Any:  # noqa: ANN401 - whatever the database holds
    return rows.outbox[0]["number"] if rows and rows.outbox else None


def _newest(database: Database) -> Any:  # noqa: ANN401 - whatever the database holds
    with database.transaction() as connection:
        return connection.execute(sa.select(outbox_table.c.number)).scalar()


def _check_origin(records: tuple[Record, ...], rows: Rows, where: str) -> list[Broken]:
    if not records or records[0].index != 1:
        return []
    first, ids = records[0], [row["id"] for row in rows.workspace]
    if first.kind == "workspace" and [first.origin] == [origin_of(i) for i in ids]:
        return []
    return [Broken(1, "the log and the database belong to different workspaces", where)]


def _check_memory(found: Survey, memory: KeyMemory, key: VerifyKey) -> list[Broken]:
    try:
        head = memory.head(str(found.origin), key)
    except StrongroomError as error:
        return [Broken(None, error.what, str(error.where))]
    # What is wrong inside of the log explains why it isn't what was seen; a cut doesn't.
    if found.broken and (head is None or head.size <= found.count):
        return []
    rolled_back = against_head(found, head, str(memory.head_path))
    known = {b.record for b in found.broken}
    return [rolled_back] if rolled_back and rolled_back.record not in known else []
