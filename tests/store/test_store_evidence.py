"""If this fails, the record of what happened can be rewritten without anybody noticing."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from strongroom.errors import InputError, TamperedError, WorkspaceError
from strongroom.store import Workspace, make_statement, merkle
from strongroom.store._checkpoint import Checkpoint, read_note
from strongroom.vault.signing import SigningKey, dsse_sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.store.conftest import Place

KEY = SigningKey(bytes(range(32)))


def statement(text: str) -> dict[str, Any]:
    return make_statement("note", [("n", "0" * 64)], {"text": text})


def payload(place: Place, index: int) -> dict[str, Any]:
    envelope = json.loads(place.record(index).read_bytes())
    document: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))
    return document


def test_records_are_in_toto_statements_that_anybody_can_check(make: Callable[[], Place]) -> None:
    place = make()
    signer = (place.evidence / "signer.pub").read_text().strip().removeprefix("ed25519:")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signer))
    leaves = []
    for index in range(1, 7):
        content = place.record(index).read_bytes()
        envelope = json.loads(content)
        body = base64.b64decode(envelope["payload"])
        kind = envelope["payloadType"].encode()
        signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)
        key.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)
        document = json.loads(body)
        assert document["_type"] == "https://in-toto.io/Statement/v1"
        assert document["predicateType"].startswith("urn:strongroom:evidence:")
        assert document["predicate"]["log"]["index"] == index
        leaves.append(hashlib.sha256(b"\0" + content).digest())
    # The checkpoint, read by hand as C2SP's tlog-checkpoint and signed-note define it.
    note = (place.evidence / "checkpoint").read_text()
    text, signature = note.split("\n\n")
    origin, size, root = text.split("\n")
    assert int(size) == 6
    assert base64.b64decode(root) == merkle.root(leaves)
    name, blob = signature.removeprefix("— ").rstrip("\n").split(" ")
    assert name == origin
    raw = base64.b64decode(blob)
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + key.public_bytes_raw()).digest()[:4]
    assert raw[:4] == key_id
    key.verify(raw[4:], (text + "\n").encode())


def test_what_a_record_says(make: Callable[[], Place]) -> None:
    place = make()
    with place.open() as workspace:
        records = workspace.evidence.records()
        assert [r.kind for r in records] == ["workspace", *["stage"] * 2, *["ledger"] * 3]
        stage = records[2]
        assert stage.predicate["stage"] == "anonymize"
        assert stage.predicate["doc"] == hashlib.sha256(b'{"k":5}').hexdigest()
        left = workspace.stage("anonymize")
        assert left is not None
        named = {s["name"]: s["digest"]["sha256"] for s in stage.statement["subject"]}
        assert named == {"minimized": left.outputs["minimized"], "document": stage.predicate["doc"]}
        assert stage.to_json() == {
            "index": 3,
            "stage": "anonymize",
            "digest": hashlib.sha256(place.record(3).read_bytes()).hexdigest(),
            "created": stage.created,
        }


def test_append_prove_and_verify(place: Place) -> None:
    with place.open(create=True) as workspace:
        log = workspace.evidence
        first = log.root
        for number in range(6):
            log.append(statement(str(number)))
        assert log.verify() == ()
        for index in range(1, log.size + 1):
            leaf = log.records()[index - 1].leaf
            proof = log.inclusion_proof(index)
            assert merkle.verify_inclusion(index - 1, log.size, leaf, proof, log.root)
        proof = log.consistency_proof(1)
        assert merkle.verify_consistency(1, log.size, first, log.root, proof)
        with pytest.raises(InputError, match="no evidence record 8"):
            log.inclusion_proof(8)
        place.record(4).unlink()
        assert [b.record for b in log.verify()] == [4]


def test_a_log_cut_under_an_open_workspace_is_seen(place: Place) -> None:
    with place.open(create=True) as workspace:
        note = (place.evidence / "checkpoint").read_bytes()
        workspace.evidence.append(statement("a"))
        place.record(2).unlink()
        (place.evidence / "checkpoint").write_bytes(note)
        assert "rolled back" in workspace.evidence.verify()[0].what


def test_another_writer_is_not_overwritten(place: Place) -> None:
    with place.open(create=True) as workspace:
        place.record(2).write_bytes(b"from elsewhere")
        with pytest.raises(WorkspaceError, match="somebody else wrote"):
            workspace.evidence.append(statement("a"))
        assert place.record(2).read_bytes() == b"from elsewhere"


def test_a_kill_before_the_checkpoint_is_caught_up_with(make: Callable[[], Place]) -> None:
    place = make()
    checkpoint = place.evidence / "checkpoint"
    with place.open() as workspace:
        older = checkpoint.read_bytes()
        workspace.evidence.append(statement("a"))
    checkpoint.write_bytes(older)
    assert place.broken() == []
    with place.open() as workspace:
        assert workspace.evidence.size == 7
    assert checkpoint.read_bytes().split(b"\n")[1] == b"7"


def test_a_kill_before_the_first_checkpoint(place: Place) -> None:
    with place.open(create=True):
        pass
    (place.evidence / "checkpoint").unlink()
    assert place.broken() == []
    with place.open():
        pass
    assert (place.evidence / "checkpoint").exists()


def _changed(place: Place) -> None:
    content = json.loads(place.record(4).read_bytes())
    document = json.loads(base64.b64decode(content["payload"]))
    document["predicate"]["account"] = "somebody else"
    content["payload"] = base64.b64encode(json.dumps(document).encode()).decode()
    place.record(4).write_text(json.dumps(content))


def _foreign(place: Place) -> None:
    envelope = dsse_sign(
        json.dumps(payload(place, 4)).encode(), "application/vnd.in-toto+json", KEY
    )
    place.record(4).write_text(json.dumps(envelope))


def _respaced(place: Place) -> None:
    place.record(4).write_bytes(place.record(4).read_bytes() + b"\n")


def _respaced_last(place: Place) -> None:
    place.record(6).write_bytes(place.record(6).read_bytes() + b"\n")


def _swapped(place: Place) -> None:
    place.record(4).write_bytes(place.record(5).read_bytes())


def _gap(place: Place) -> None:
    place.record(2).unlink()
    place.record(3).unlink()


def _cut(place: Place) -> None:
    place.record(6).unlink()


def _no_checkpoint(place: Place) -> None:
    (place.evidence / "checkpoint").unlink()


def _bad_checkpoint(place: Place) -> None:
    path = place.evidence / "checkpoint"
    path.write_text(path.read_text().replace("\n6\n", "\n5\n"))


def _garbage(place: Place) -> None:
    place.record(4).write_bytes(b"\xff\x00garbage")


def _nested(place: Place) -> None:
    place.record(4).write_bytes(b"[" * 100_000)


def _link(place: Place) -> None:
    place.record(4).rename(place.evidence / "elsewhere")
    place.record(4).symlink_to(place.evidence / "elsewhere")


TAMPERINGS: list[tuple[Any, int | None, str]] = [
    (_changed, 4, "evidence record 4: the signature doesn't fit"),
    (_foreign, 4, "evidence record 4: it is signed with a foreign key"),
    (_respaced, 4, "evidence record 4: it isn't the one that was written"),
    (_respaced_last, 6, "evidence record 6: it isn't the one that the checkpoint covers"),
    (_swapped, 4, "evidence record 4: it was written as record 5"),
    (_gap, 2, "evidence records 2 to 3 are missing"),
    (_cut, 6, "evidence record 6 is missing: the signed checkpoint counts 6"),
    (_no_checkpoint, None, "the checkpoint of the log is missing"),
    (_bad_checkpoint, None, "the checkpoint of the log: its signature doesn't fit"),
    (_garbage, 4, "evidence record 4: it can't be read as a signed statement"),
    (_nested, 4, "evidence record 4: it can't be read as a signed statement"),
    (_link, 4, "evidence record 4: it can't be read"),
]


@pytest.mark.parametrize(("tamper", "record", "what"), TAMPERINGS)
def test_what_was_touched_is_named(
    make: Callable[[], Place], tamper: Callable[[Place], None], record: int | None, what: str
) -> None:
    place = make()
    tamper(place)
    found = place.verify()
    assert not found.ok
    assert (found.broken[0].record, found.broken[0].what) == (record, what)
    with pytest.raises(TamperedError) as refused:
        place.open()
    assert what in refused.value.what
    with pytest.raises(TamperedError):
        Workspace.read_only(place.folder, identity=place.identity)


def test_an_older_whole_log_is_a_rollback(make: Callable[[], Place]) -> None:
    place = make()
    older = place.folder.with_name("older")
    shutil.copytree(place.folder, older)
    with place.open() as workspace:
        workspace.finish_stage("train", "key-3", {}, {})
    shutil.rmtree(place.folder)
    older.rename(place.folder)
    assert place.broken() == [
        "evidence record 7 is missing; the log was rolled back: 7 records were seen here before"
    ]
    with pytest.raises(TamperedError, match="rolled back"):
        place.open()


def test_a_rewritten_beginning_is_seen(make: Callable[[], Place]) -> None:
    place = make()
    head = place.identity.with_name("room.key.head")
    notes = json.loads(head.read_text())
    with place.open() as workspace:
        key = workspace.keyring.signing_key
        origin = workspace.evidence.origin
    notes[origin] = Checkpoint(origin, 3, b"\1" * 32).sign(key)
    head.write_text(json.dumps(notes))
    assert place.broken() == ["the first 3 evidence records aren't those that were seen before"]
    for text in ("not JSON", "[]", '{"a": 1}', json.dumps({origin: "not a note"})):
        head.write_text(text)
        assert place.broken() == ["the remembered head of the evidence log can't be read"]
        with pytest.raises(TamperedError):
            place.open()


def test_a_log_signed_anew_with_another_key_is_not_believed(make: Callable[[], Place]) -> None:
    place = make()
    for index in range(1, 7):
        text = json.dumps(payload(place, index)).encode()
        envelope = dsse_sign(text, "application/vnd.in-toto+json", KEY)
        place.record(index).write_text(json.dumps(envelope))
    (place.evidence / "signer.pub").write_text(KEY.public.to_text())
    broken = place.broken()
    assert "the public key in the workspace isn't the one that is trusted" in broken
    assert "evidence record 1: it is signed with a foreign key" in broken
    with pytest.raises(TamperedError, match="public half"):
        place.open()


def test_a_log_that_can_not_remember_outside_still_works(make: Callable[[], Place]) -> None:
    place = make()
    for name in ("room.key.pub", "room.key.head"):
        path = place.identity.with_name(name)
        path.unlink()
        # A folder in the way stands for a place that can't be written.
        path.mkdir()
    (place.identity.with_name("room.key.pub")).rmdir()
    with pytest.raises(TamperedError, match="remembered head"):
        place.open()
    place.identity.with_name("room.key.head").rmdir()
    with place.open() as workspace:
        workspace.evidence.append(statement("a"))
    assert place.broken() == []


@pytest.mark.parametrize(
    "mend",
    [
        lambda n: n.replace("\n\n", "\n"),
        lambda n: n.replace("3\n", "x\n", 1),
        lambda n: n.replace("3\n", "03\n", 1),
        lambda n: n.replace("— ", "— other"),
        lambda n: n[:-6] + "\n",
        lambda n: n.partition("\n\n")[0] + "\n\n— log !!!\n",
        lambda n: n.replace("AQEB", "####", 1),
        lambda n: "more\n" + n,
    ],
)
def test_a_note_that_is_not_one(mend: Callable[[str], str]) -> None:
    note = Checkpoint("log", 3, b"\1" * 32).sign(KEY)
    assert read_note(note, KEY.public) == Checkpoint("log", 3, b"\1" * 32)
    with pytest.raises(ValueError, match=r"it isn't a checkpoint|its signature doesn't fit"):
        read_note(mend(note), KEY.public)
