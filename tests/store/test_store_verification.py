"""If this fails, `strongroom verify` says "all is well" over a workspace that was touched."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from strongroom.errors import StrongroomError
from strongroom.store import Workspace, verify
from strongroom.vault.signing import SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.store.conftest import Place


def artefact(place: Place) -> Path:
    found = [p for p in (place.folder / "artefacts").rglob("*") if p.is_file()]
    assert len(found) == 1
    return found[0]


def sql(place: Place, statement: str) -> None:
    with sqlite3.connect(place.folder / "state.db") as connection:
        connection.execute(statement)
    connection.close()


def test_a_whole_workspace_is_whole(make: Callable[[], Place]) -> None:
    found = make().verify()
    assert found.ok
    assert (found.records, found.artefacts, found.ledger_entries) == (6, 1, 2)
    assert found.trust.startswith("remembered in ")
    document = found.to_json()
    assert (document["records"], document["ok"], document["broken"]) == (6, True, [])
    assert document["signer"] == found.signer


def test_whose_word_counts(make: Callable[[], Place]) -> None:
    place = make()
    key = SigningKey(bytes(32)).public
    found = verify(place.folder, key, identity=place.identity)
    assert found.trust == "the key you named"
    assert found.signer == key.to_text()
    assert [b.record for b in found.broken if b.record] == [1, 2, 3, 4, 5, 6]
    place.identity.with_name("room.key.pub").unlink()
    assert place.verify().trust.startswith("the workspace's own word")
    place.identity.with_name("room.key.pub").write_text("nonsense")
    assert place.broken() == ["this isn't a verify key"]
    place.identity.with_name("room.key.pub").unlink()
    (place.evidence / "signer.pub").unlink()
    assert place.broken() == ["the public key of the log is missing"]


TAMPERINGS = [
    ("UPDATE stage_runs SET doc = '{}' WHERE stage = 'anonymize'", "stage run anonymize", 3),
    ("UPDATE stage_runs SET key = 'x' WHERE stage = 'discover'", "was changed: key", 2),
    ("DELETE FROM stage_runs WHERE stage = 'discover'", "stage run discover was removed", 2),
    ("INSERT INTO stage_runs VALUES (9, 'train', 'k', '{}', 't')", "stage run 9 was added", None),
    ("DELETE FROM stage_outputs", "outputs of stage run anonymize were changed", 3),
    ("UPDATE stage_outputs SET run = 9", "outputs of stage run 9 were added", None),
    ("UPDATE artefacts SET kind = 'model'", "row of artefact minimized", 3),
    ("UPDATE workspace SET recipient = 'age1x'", "the workspace row was changed: recipient", 1),
    ("UPDATE outbox SET number = 9", "the log was cut: the database has seen 8 records", None),
    ("UPDATE outbox SET number = 'x'", "outbox in", None),
    ("UPDATE outbox SET number = 7", "it was written as record 6", None),
    ("DROP TABLE ledger_entries", "can't be used", None),
]


@pytest.mark.parametrize(("statement", "what", "record"), TAMPERINGS)
def test_rows_are_held_against_the_log(
    make: Callable[[], Place], statement: str, what: str, record: int | None
) -> None:
    place = make()
    sql(place, "PRAGMA foreign_keys = OFF")
    sql(place, statement)
    broken = place.verify().broken
    assert any(what in b.what and b.record == record for b in broken), broken
    with pytest.raises(StrongroomError):
        place.open()


def test_values_of_impossible_types_are_named(make: Callable[[], Place]) -> None:
    place = make()
    sql(place, "UPDATE ledger_entries SET seed = 123456789012 WHERE number = 2")
    sql(place, "UPDATE ledger_entries SET spend = x'ff' WHERE number = 1")
    sql(place, "UPDATE stage_runs SET doc = 1.5")
    assert place.broken()[:2] == [
        "stage run discover was changed: doc",
        "stage run anonymize was changed: doc",
    ]


def test_damage_in_the_log_is_not_blamed_on_the_rows(make: Callable[[], Place]) -> None:
    place = make()
    place.record(4).write_bytes(b"x")
    assert place.broken() == ["evidence record 4: it can't be read as a signed statement"]


def test_artefacts_are_held_against_the_log(make: Callable[[], Place]) -> None:
    place = make()
    path = artefact(place)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    found = place.verify()
    assert [(b.record, b.what) for b in found.broken] == [
        (3, "artefact minimized of anonymize isn't what was written")
    ]
    path.write_bytes(b"in clear")
    assert place.broken() == ["artefact minimized of anonymize is not sealed"]
    path.unlink()
    assert place.broken() == ["artefact minimized of anonymize is missing"]
    moved = path.parent.with_name("00")
    moved.mkdir()
    (moved / path.name).write_bytes(content)
    assert place.broken() == [
        "artefact minimized of anonymize isn't where it was written",
        "artefact minimized of anonymize is missing",
    ]


def test_nothing_in_clear_goes_unseen(make: Callable[[], Place]) -> None:
    place = make()
    clear = place.folder / "artefacts" / "people.csv"
    clear.write_text("name,diagnosis\n")
    assert place.broken() == ["file people.csv is not sealed"]
    with place.open() as workspace:
        assert workspace.clear_files() == 1
    clear.unlink()
    (place.folder / "checkpoints" / "train.age").write_bytes(b"weights")
    assert place.broken() == ["file train.age is not sealed"]
    (place.folder / "checkpoints" / "train.age").unlink()
    os.mkfifo(place.folder / "artefacts" / "pipe")
    assert place.broken() == ["file pipe is not sealed"]


def test_an_unreadable_evidence_folder(make: Callable[[], Place]) -> None:
    place = make()
    shutil.rmtree(place.evidence)
    assert "the public key of the log is missing" in place.broken()
    place.evidence.write_bytes(b"a file now")
    assert "the evidence log can't be read" in place.broken()


def mutate(path: Path, coins: random.Random) -> None:
    content = bytearray(path.read_bytes())
    match coins.randrange(6) if content else 5:
        case 0:
            content[coins.randrange(len(content))] ^= 1 << coins.randrange(8)
        case 1:
            start = coins.randrange(len(content))
            content[start : start + 64] = coins.randbytes(64)
        case 2:
            del content[coins.randrange(len(content)) :]
        case 3:
            content += coins.randbytes(100)
        case 4:
            path.unlink()
            return
        case _:
            content = bytearray(coins.randbytes(500))
    path.write_bytes(content)


def state_of(place: Place) -> Any:  # noqa: ANN401 - anything comparable
    with Workspace.read_only(place.folder, identity=place.identity) as reader:
        return (
            [reader.stage(name) for name in ("discover", "anonymize")],
            reader.ledger.entries("people"),
            [r.to_json() for r in reader.evidence.records()],
        )


@pytest.mark.parametrize("seed", range(4))
def test_random_damage_is_detected_or_harmless(make: Callable[[], Place], seed: int) -> None:
    place = make()
    coins = random.Random(seed)
    before = state_of(place)
    clean = place.folder.with_name("clean")
    shutil.copytree(place.folder, clean)
    detected = 0
    for _ in range(40):
        shutil.rmtree(place.folder)
        shutil.copytree(clean, place.folder)
        files = sorted(p for p in place.folder.rglob("*") if p.is_file())
        for _ in range(coins.choice((1, 1, 1, 3))):
            path = coins.choice(files)
            if path.exists():
                mutate(path, coins)
        found = place.verify()
        detected += not found.ok
        if found.ok:
            # What verify lets pass changed nothing that anybody would read.
            assert state_of(place) == before
        # Opening refuses in plain words, or works; anything else fails this test by itself.
        with contextlib.suppress(StrongroomError), place.open() as workspace:
            workspace.finish_stage("train", "key", {}, {})
    assert detected > 10
