"""What the database must hold, told from the evidence log alone, and where it doesn't.

The log has the last word: it is signed, chained, and remembered outside of the workspace. Rows
that were changed, removed, added or rolled back behind our back differ from what the log's records
state, and are named. Values that come from the database are only ever compared, never used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from strongroom.store import database as db
from strongroom.store._codec import canonical, sha256
from strongroom.store._survey import WRONG_SHAPE, Broken, Record, Survey, parse_record
from strongroom.store.merkle import leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from strongroom.vault.signing import VerifyKey

Row = dict[str, Any]
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass
class Expected:
    """The rows that the log's records state, by their keys."""

    workspace: dict[str, Row] = field(default_factory=dict)
    stages: dict[int, Row] = field(default_factory=dict)
    outputs: dict[int, dict[str, Row]] = field(default_factory=dict)
    ledger: dict[int, Row] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)


@dataclass(frozen=True)
class Rows:
    """What the database holds, in one snapshot."""

    workspace: list[Row]
    artefacts: dict[Any, Row]
    stages: dict[Any, Row]
    outputs: list[Row]
    ledger: dict[Any, Row]
    outbox: list[Row]


def read_rows(connection: sa.Connection) -> Rows:
    """Take the snapshot."""

    def every(table: sa.Table) -> list[Row]:
        # Without the columns' types: in a hostile SQLite file a value may be of any, and turning
        # it into the declared one could fail or be made to cost gigabytes.
        columns: list[sa.ColumnElement[Any]] = [
            sa.literal_column(c.name).label(c.name) for c in table.columns
        ]
        query = sa.select(*columns).select_from(table)
        return [dict(row) for row in connection.execute(query).mappings()]

    return Rows(
        workspace=every(db.workspace_table),
        artefacts={r["digest"]: r for r in every(db.artefacts_table)},
        stages={r["evidence"]: r for r in every(db.stage_runs_table)},
        outputs=every(db.stage_outputs_table),
        ledger={r["number"]: r for r in every(db.ledger_table)},
        outbox=every(db.outbox_table),
    )


def expected_rows(records: Iterable[Record]) -> Expected:
    """Tell from the records what the database must hold."""
    expected = Expected()
    for record in records:
        try:
            _apply(expected, record)
        except WRONG_SHAPE:
            what = f"evidence record {record.index}: it states something that can't be"
            expected.broken.append(Broken(record.index, what, f"record {record.index}"))
    return expected


def _apply(expected: Expected, record: Record) -> None:
    states, index = record.predicate, record.index
    if record.kind == "workspace":
        row = _picked(states, "id", "recipient", "signer", "created")
        expected.workspace[states["id"]] = {**row, "evidence": index}
    elif record.kind == "stage":
        row = _picked(states, "stage", "key", "doc", "finished")
        expected.stages[index] = {**row, "evidence": index}
        outputs = {name: dict(a) for name, a in states["outputs"].items()}
        if not all(_DIGEST.fullmatch(a["digest"]) for a in outputs.values()):
            raise ValueError("not a digest")
        expected.outputs[index] = outputs
        for number in states["settles"]:
            _settle(expected, number, states["finished"], index)
    elif record.kind == "ledger" and states["event"] == "reserved":
        expected.ledger[states["number"]] = {
            **_picked(states, "number", "id", "account", "key", "seed", "created"),
            "spend": canonical(states["spend"]),
            "state": "reserved",
            "settled": None,
            "evidence": index,
            "settled_evidence": None,
        }
    elif record.kind == "ledger":
        _settle(expected, states["number"], states["settled"], index)


def _picked(states: Mapping[str, Any], *columns: str) -> Row:
    return {column: states[column] for column in columns}


def _settle(expected: Expected, number: int, time: str, index: int) -> None:
    expected.ledger[number] |= {
        "state": "settled",
        "settled": time,
        "settled_evidence": index,
        "seed": None,
    }


def pending(rows: Rows, found: Survey, key: VerifyKey, where: str) -> Record | None:
    """Return the committed record that a kill kept from the log, if there is one.

    Raises:
        ValueError: the outbox knows of records that the log has lost, or isn't ours.
    """
    if not rows.outbox:
        return None
    number, content = rows.outbox[0]["number"], rows.outbox[0]["envelope"]
    ours = isinstance(number, int) and isinstance(content, bytes)
    if not ours:
        raise ValueError(f"the outbox in {where} isn't what was written")
    if number <= found.count:
        return None
    if number > found.count + 1:
        raise ValueError(f"the log was cut: the database has seen {number - 1} records or more")
    statement = parse_record(content, number, key)
    previous = found.records[-1].digest if found.records else None
    if previous is not None and statement["predicate"]["log"]["previous"] != previous:
        raise ValueError("the outbox doesn't follow from the log")
    return Record(number, statement, sha256(content), leaf_hash(content))


def compare(expected: Expected, rows: Rows, trusted: set[int] | None, where: str) -> list[Broken]:
    """Name every row that isn't what the log states.

    Args:
        expected: from the log's records; what it can't make sense of counts if the log is whole.
        rows: from the database.
        trusted: where the log itself is damaged, the records that still count: rows that others
            speak of can't be judged. None: the log is whole.
        where: the database, for messages.
    """
    actual = {r["id"]: r for r in rows.workspace}
    tables = _Comparison("the workspace row", "", expected.workspace, actual)
    stages = {i: _digested(r, "doc") for i, r in rows.stages.items()}
    runs = _Comparison("stage run", "stage", expected.stages, stages)
    return [
        *(expected.broken if trusted is None else ()),
        *tables.differences(trusted, where),
        *runs.differences(trusted, where),
        *_output_differences(expected, rows, trusted, where),
        *compare_ledger(expected, rows.ledger, trusted, where),
    ]


def compare_ledger(
    expected: Expected, rows: Mapping[Any, Row], trusted: set[int] | None, where: str
) -> list[Broken]:
    """Do what `compare` does, for the ledger's rows alone."""
    actual = {i: _digested(r, "seed") for i, r in rows.items()}
    ledger = _Comparison("ledger entry", "number", expected.ledger, actual)
    return ledger.differences(trusted, where)


def _digested(row: Row, column: str) -> Row:
    value = row[column]
    return {**row, column: sha256(value) if isinstance(value, str | bytes) else value}


def _judged(row: Mapping[str, Any], trusted: set[int] | None) -> bool:
    indices = row.get("evidence"), row.get("settled_evidence")
    return trusted is None or all(i is None or i in trusted for i in indices)


@dataclass(frozen=True)
class _Comparison:
    """One table: what it is called, which column names a row, and both sides by key."""

    noun: str
    label: str
    expected: Mapping[Any, Row]
    actual: Mapping[Any, Row]

    def differences(self, trusted: set[int] | None, where: str) -> list[Broken]:
        broken = []
        for key, row in self.expected.items():
            name = f"{self.noun} {row[self.label]}" if self.label else self.noun
            found = self.actual.get(key)
            if found is None:
                broken.append(Broken(row["evidence"], f"{name} was removed", where))
            elif found != row and _judged(found, trusted):
                changed = ", ".join(sorted(c for c in row if found.get(c) != row[c]))
                broken.append(Broken(row["evidence"], f"{name} was changed: {changed}", where))
        for key, row in self.actual.items():
            if key not in self.expected and _judged(row, trusted):
                name = f"{self.noun} {key}" if self.label else self.noun
                broken.append(Broken(None, f"{name} was added behind the log", where))
        return broken


def _output_differences(
    expected: Expected, rows: Rows, trusted: set[int] | None, where: str
) -> list[Broken]:
    actual: dict[Any, dict[Any, Any]] = {}
    for row in rows.outputs:
        actual.setdefault(row["run"], {})[row["name"]] = row["artefact"]
    broken = []
    for run, outputs in expected.outputs.items():
        linked, stage = actual.pop(run, {}), expected.stages[run]["stage"]
        if linked != {name: a["digest"] for name, a in outputs.items()}:
            broken.append(Broken(run, f"the outputs of stage run {stage} were changed", where))
        for name, about in outputs.items():
            row = rows.artefacts.get(about["digest"], {})
            if {k: row.get(k) for k in about} != about:
                what = f"the row of artefact {name} of stage run {stage} was changed"
                broken.append(Broken(run, what, where))
    return broken + [
        Broken(None, f"outputs of stage run {run} were added", where)
        for run in actual
        if _judged({"evidence": run}, trusted)
    ]
