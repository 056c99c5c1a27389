"""If this fails, people's data lies on the disk in clear, or altered data is taken for theirs."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from strongroom.data import Dataset, Kind, Role
from strongroom.errors import InputError, KeyRefusedError, TamperedError, WorkspaceError
from strongroom.files import TEMPORARY_PREFIX
from strongroom.vault import age

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.store.conftest import Place

SECRET = b"Erika Musterfrau, diagnosis F32.1"


def every_file(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


def test_what_is_put_is_got_and_never_in_clear(place: Place) -> None:
    with place.open(create=True) as workspace:
        artefact = workspace.put("minimized", "table", SECRET)
        assert workspace.get(artefact.digest) == SECRET
        assert artefact.fingerprint == hashlib.sha256(SECRET).hexdigest()
        assert workspace.artefact(artefact.digest) == artefact
        path = place.folder / "artefacts" / artefact.digest[:2] / f"{artefact.digest}.age"
        content = path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == artefact.digest
        assert len(content) == artefact.size
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert workspace.clear_files() == 0
        assert age.decrypt(content, [workspace.keyring.identity]) == SECRET
    assert not [p for p in every_file(place.folder) if SECRET[:5] in p.read_bytes()]


def test_a_dataset_comes_back_with_its_roles(place: Place) -> None:
    table = pa.table(
        {"age": [31, None, 50], "who": ["a", "b", None]},
        schema=pa.schema([("age", pa.int64()), ("who", pa.string())], metadata={"mine": "kept"}),
    )
    dataset = Dataset(
        table,
        Kind.TABLE,
        {"age": Role.QUASI_IDENTIFIER, "who": Role.DIRECT_IDENTIFIER},
        "who",
        "people.csv",
    )
    plain = Dataset(pa.table({"text": ["one", "two"]}), Kind.TEXT)
    with place.open(create=True) as workspace:
        artefact = workspace.put_dataset("minimized", dataset)
        assert artefact.fingerprint == dataset.fingerprint
        assert workspace.get_dataset(artefact.digest) == dataset
        assert workspace.get_dataset(artefact.digest).table.schema.metadata == {b"mine": b"kept"}
        again = workspace.get_dataset(workspace.put_dataset("text", plain).digest)
        assert again == plain
        assert again.table.schema.metadata is None
        other = workspace.put("model", "bundle", b"no table")
        with pytest.raises(InputError, match="is not a data set"):
            workspace.get_dataset(other.digest)


def test_further_recipients_can_open_it_too(place: Place) -> None:
    other = age.X25519Identity.generate()
    with place.open(create=True) as workspace:
        first = workspace.put("minimized", "table", SECRET)
        assert workspace.seal_to(first.digest, ()) == first
        shared = workspace.seal_to(first.digest, [str(other.recipient)])
        assert (shared.name, shared.kind, shared.fingerprint) == (
            first.name,
            first.kind,
            first.fingerprint,
        )
        assert workspace.get(shared.digest) == SECRET
        path = place.folder / "artefacts" / shared.digest[:2] / f"{shared.digest}.age"
        assert age.decrypt(path.read_bytes(), [other]) == SECRET
        with pytest.raises(KeyRefusedError):
            workspace.put("x", "y", b"", recipients=["age1nonsense"])


def test_altered_missing_unknown_unreadable(make: Callable[[], Place]) -> None:
    place = make()
    with place.open() as workspace:
        left = workspace.stage("anonymize")
        assert left is not None
        digest = left.outputs["minimized"]
        path = place.folder / "artefacts" / digest[:2] / f"{digest}.age"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        with pytest.raises(
            TamperedError, match=r"artefact minimized .* isn't what was written"
        ) as e:
            workspace.get(digest)
        assert e.value.where == str(path)
        assert "strongroom verify" in str(e.value.hint)
        path.unlink()
        with pytest.raises(WorkspaceError, match="is gone"):
            workspace.get(digest)
        os.mkfifo(path)
        with pytest.raises(WorkspaceError, match="can't be read"):
            workspace.get(digest)
        with pytest.raises(WorkspaceError, match="there is no artefact 000000000000"):
            workspace.get("0" * 64)


def test_leftovers_of_killed_runs_go_and_unreferenced_artefacts_are_swept(
    make: Callable[[], Place],
) -> None:
    place = make()
    folders = [place.folder / "artefacts" / "ab", place.evidence, place.folder / "checkpoints"]
    leftovers = [folder / f"{TEMPORARY_PREFIX}0123" for folder in folders]
    for path in leftovers:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"age-encryption.org/v1\nhalf")
    assert place.broken() == []
    with place.open() as workspace:
        assert not any(path.exists() for path in leftovers)
        old = workspace.stage("anonymize")
        assert old is not None
        kept = workspace.put("minimized", "table", b"new")
        workspace.finish_stage("anonymize", "key-3", {"minimized": kept.digest}, {})
        loose = workspace.put("loose", "table", b"never finished")
        assert workspace.sweep() == 2
        assert workspace.sweep() == 0
        assert workspace.get(kept.digest) == b"new"
        with pytest.raises(WorkspaceError, match="there is no artefact"):
            workspace.get(loose.digest)
        # What an earlier run left is still known by name, and gone.
        with pytest.raises(WorkspaceError, match="is gone"):
            workspace.get(old.outputs["minimized"])
    assert place.broken() == []


def test_a_full_disk_leaves_no_half_artefact(make: Callable[[], Place]) -> None:
    import resource

    place = make()
    with place.open() as workspace:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
            with pytest.raises(WorkspaceError, match="the disk is full; nothing was changed"):
                workspace.put("big", "table", os.urandom(400_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert len(every_file(place.folder / "artefacts")) == 1
        workspace.put("big", "table", os.urandom(400_000))
    assert place.broken() == []
