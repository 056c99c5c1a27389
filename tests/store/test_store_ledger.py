"""If this fails, a private training is forgotten, and more privacy is spent than promised."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from strongroom.errors import BudgetExceededError, InputError, TamperedError, WorkspaceError
from strongroom.privacy import EntryState, Ledger, MemoryLedger, Reservation, Spend, calibrate
from strongroom.store import Workspace
from strongroom.store import evidence as evidence_module
from strongroom.vault import age

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.store.conftest import Place


def spend(epsilon: float) -> Spend:
    mechanism = calibrate(epsilon, 1e-5, 0.05, 20)
    return Spend(epsilon, 1e-5, events=(mechanism.to_json(),))


ONE = Spend(1.0, 1e-5)


def tables(place: Place) -> sqlite3.Connection:
    return sqlite3.connect(place.folder / "state.db", isolation_level=None)


def walk(ledger: Ledger) -> list[tuple[str, float, str]]:
    """One story of a ledger, as any implementation must tell it."""
    first = ledger.reserve("a", ONE, budget=None, key="run 1")
    again = ledger.reserve("a", ONE, budget=None, key="run 1")
    assert (again.id, again.seed, again.resumed) == (first.id, first.seed, True)
    assert len(first.seed) == 32
    assert not first.resumed
    other = ledger.reserve("a", ONE, budget=None, key="run 2")
    costlier = ledger.reserve("a", Spend(2.0, 1e-5), budget=None, key="run 1")
    elsewhere = ledger.reserve("b", ONE, budget=None, key="run 1")
    assert len({r.seed for r in (first, other, costlier, elsewhere)}) == 4
    ledger.settle(again)
    ledger.settle(again)
    anew = ledger.reserve("a", ONE, budget=None, key="run 1")
    assert anew.seed != first.seed
    return [(e.account, e.spend.epsilon, e.state.value) for e in ledger.entries("a")]


def test_it_tells_the_same_story_as_the_one_in_memory(place: Place) -> None:
    with place.open(create=True) as workspace:
        assert walk(workspace.ledger) == walk(MemoryLedger())
        assert workspace.ledger.accounts() == ("a", "b")
    assert place.broken() == []


def test_a_reservation_outlives_the_process_and_keeps_its_coins(place: Place) -> None:
    with place.open(create=True) as workspace:
        first = workspace.ledger.reserve("a", ONE, budget=None, key="run")
    with place.open() as workspace:
        again = workspace.ledger.reserve("a", ONE, budget=None, key="run")
        assert again == Reservation(first.id, first.seed, resumed=True)
        assert workspace.evidence.size == 2
    with tables(place) as connection:
        (sealed,) = connection.execute("SELECT seed FROM ledger_entries").fetchone()
    with place.open() as workspace:
        assert age.decrypt(sealed, [workspace.keyring.identity]) == first.seed
        workspace.ledger.settle(again)
        # Not even a deleted page or the write-ahead log still holds the sealed seed.
        for path in place.folder.glob("state.db*"):
            assert sealed not in path.read_bytes()
    for path in place.folder.rglob("*"):
        assert not path.is_file() or first.seed not in path.read_bytes()


def test_no_run_is_resumed_without_a_name(place: Place) -> None:
    with place.open(create=True) as workspace:
        first = workspace.ledger.reserve("a", ONE, budget=None, key="")
        other = workspace.ledger.reserve("a", ONE, budget=None, key="")
    assert first.seed != other.seed


def test_the_budget_holds_and_a_refusal_leaves_no_trace(place: Place) -> None:
    with place.open(create=True) as workspace:
        workspace.ledger.reserve("a", spend(1.0), budget=2.0, key="run 1")
        with pytest.raises(BudgetExceededError, match='left for "a"'):
            workspace.ledger.reserve("a", spend(2.0), budget=2.0, key="run 2")
        assert workspace.evidence.size == 2
        workspace.ledger.reserve("b", spend(2.0), budget=2.5, key="run 2")
        doc = workspace.budget("a", 2.0)
        assert doc["spent"] == pytest.approx(1.0, rel=0.02)
        assert [e["state"] for e in doc["entries"]] == ["reserved"]
        assert workspace.budget("c", None) == {
            "account": "c",
            "budget": None,
            "spent": 0.0,
            "delta": None,
            "entries": [],
        }
    with pytest.raises(BudgetExceededError), place.open() as workspace:
        workspace.ledger.reserve("a", spend(2.0), budget=2.0, key="run 2")


def test_what_is_not_there_can_not_be_settled(place: Place) -> None:
    with place.open(create=True) as workspace, pytest.raises(InputError, match="has no entry"):
        workspace.ledger.settle(Reservation("nothing", b""))


def test_a_stage_settles_when_it_is_finished(place: Place) -> None:
    with place.open(create=True) as workspace:
        ledger = workspace.stage_ledger
        ledger.settle(ledger.reserve("a", ONE, budget=None, key="run"))
        assert [e.state for e in ledger.entries("a")] == [EntryState.RESERVED]
    # Killed before the stage was finished: the same coins again.
    with place.open() as workspace:
        ledger = workspace.stage_ledger
        again = ledger.reserve("a", ONE, budget=None, key="run")
        assert again.resumed
        ledger.settle(again)
        workspace.finish_stage("train", "key", {}, {})
        assert [e.state for e in ledger.entries("a")] == [EntryState.SETTLED]
        workspace.finish_stage("audit", "key", {}, {})
    assert place.broken() == []


def test_a_kill_between_database_and_log_loses_nothing(
    make: Callable[[], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make()

    def full(path: Path, _content: bytes) -> None:
        raise WorkspaceError("the disk is full; nothing was changed", where=str(path))

    with place.open() as workspace:
        with monkeypatch.context() as patched:
            patched.setattr(evidence_module, "write_bytes", full)
            with pytest.raises(WorkspaceError, match="full"):
                workspace.ledger.reserve("people", ONE, budget=None, key="c")
        assert not place.record(7).exists()
    # The log hasn't got it, the database has: readers accept that, and see it.
    assert place.broken() == []
    with Workspace.read_only(place.folder, identity=place.identity) as reader:
        assert reader.evidence.size == 7
        assert len(reader.ledger.entries("people")) == 3
    with place.open() as workspace:
        assert place.record(7).exists()
        assert workspace.ledger.reserve("people", ONE, budget=None, key="c").resumed
        # The same in one process: what is owed is written before what comes next.
        with monkeypatch.context() as patched:
            patched.setattr(evidence_module, "write_bytes", full)
            with pytest.raises(WorkspaceError, match="full"):
                workspace.ledger.reserve("people", ONE, budget=None, key="d")
        workspace.evidence.append(evidence_module.make_statement("note", [], {}))
        assert workspace.ledger.reserve("people", ONE, budget=None, key="d").resumed
        assert workspace.evidence.size == 9
    assert place.broken() == []


TAMPERINGS = [
    ("DELETE FROM ledger_entries WHERE number = 2", 6, "ledger entry 2 was removed"),
    ("DELETE FROM ledger_entries", 4, "ledger entry 1 was removed"),
    (
        "UPDATE ledger_entries SET account = 'x' WHERE number = 2",
        6,
        "ledger entry 2 was changed: account",
    ),
    (
        "UPDATE ledger_entries SET spend = '{}' WHERE number = 1",
        4,
        "ledger entry 1 was changed: spend",
    ),
    (
        "UPDATE ledger_entries SET seed = x'00' WHERE number = 2",
        6,
        "ledger entry 2 was changed: seed",
    ),
    (
        "UPDATE ledger_entries SET state = 'settled' WHERE number = 2",
        6,
        "ledger entry 2 was changed: state",
    ),
    (
        (
            "INSERT INTO ledger_entries SELECT 3, 'new', account, key, spend, state, seed,"
            " created, settled, 6, NULL FROM ledger_entries WHERE number = 2"
        ),
        None,
        "ledger entry 3 was added behind the log",
    ),
]


@pytest.mark.parametrize(("sql", "record", "what"), TAMPERINGS)
def test_a_row_changed_behind_our_back_is_named(
    make: Callable[[], Place], sql: str, record: int | None, what: str
) -> None:
    place = make()
    with tables(place) as connection:
        connection.execute(sql)
    connection.close()
    found = place.verify()
    assert (found.broken[0].record, found.broken[0].what) == (record, what)
    with pytest.raises(TamperedError, match=what):
        place.open()


def test_a_row_changed_under_an_open_workspace_is_refused(make: Callable[[], Place]) -> None:
    place = make()
    with place.open() as workspace:
        with tables(place) as connection:
            connection.execute("DELETE FROM ledger_entries WHERE number = 2")
        connection.close()
        with pytest.raises(TamperedError, match="ledger entry 2 was removed"):
            workspace.ledger.entries("people")
        with pytest.raises(TamperedError, match="ledger entry 2 was removed"):
            workspace.ledger.reserve("people", ONE, budget=None, key="c")


def test_a_reader_can_look_and_not_spend(make: Callable[[], Place]) -> None:
    place = make()
    with Workspace.read_only(place.folder, identity=place.identity) as reader:
        assert [e.spend.epsilon for e in reader.ledger.entries("people")] == [1.0, 2.0]
        with pytest.raises(WorkspaceError, match="opened for reading"):
            reader.ledger.reserve("people", ONE, budget=None, key="c")
