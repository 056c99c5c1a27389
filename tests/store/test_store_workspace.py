"""If this fails, two runs spoil one workspace, or a wrong key or place greets with a traceback."""

from __future__ import annotations

import importlib
import os
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from strongroom.errors import InputError, KeyRefusedError, TamperedError, WorkspaceError
from strongroom.store import Workspace, verify
from strongroom.vault import age
from strongroom.vault.keys import Keyring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.store.conftest import Place

HOLDER = """
import sys
from pathlib import Path
from strongroom.store import Workspace
with Workspace.open(Path(sys.argv[1]), Path(sys.argv[2]), verb="run"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def hold(place: Place) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(place.folder), str(place.identity)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_the_second_is_told_who_holds_it(make: Callable[[], Place]) -> None:
    place = make()
    holder = hold(place)
    try:
        with pytest.raises(WorkspaceError) as refused:
            place.open()
        said = refused.value.what
        assert said.startswith(f"the workspace is in use by pid {holder.pid} (run) on ")
        assert " since 2" in said
        assert refused.value.hint
        # Readers and verifiers need no lock.
        with Workspace.read_only(place.folder, identity=place.identity) as reader:
            assert reader.stage_key("discover") == "key-1"
        assert place.broken() == []
        # And who waits gets it when it is let go of.
        release = threading.Timer(0.3, holder.communicate, ["\n"])
        release.start()
        with place.open(wait=20):
            pass
        release.join()
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout
        holder.stdout.close()


def test_a_killed_holder_holds_nothing(make: Callable[[], Place]) -> None:
    place = make()
    holder = hold(place)
    holder.kill()
    holder.communicate()
    with place.open() as workspace, pytest.raises(WorkspaceError, match=f"pid {os.getpid()} "):
        Workspace.open(workspace.folder, place.identity)
    (place.folder / "lock").write_text("\x1b[31mnonsense")
    with place.open():
        pass


def test_nobody_else_may_look_in(place: Place) -> None:
    place.folder.mkdir(mode=0o755, parents=True)
    with place.open(create=True):
        pass
    assert place.folder.stat().st_mode & 0o777 == 0o700
    assert place.identity.stat().st_mode & 0o777 == 0o600
    assert (place.folder / ".gitignore").read_text() == "*\n"


def test_the_default_key_is_in_the_users_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with Workspace.open(tmp_path / "room", create=True) as workspace:
        path = workspace.identity_path
        assert path.is_file()
        assert path.parent.name == "keys"
    with Workspace.open(tmp_path / "room") as workspace:
        assert workspace.identity_path == path
    with Workspace.read_only(tmp_path / "room") as reader:
        assert reader.identity_path == path
    found = verify(tmp_path / "room")
    assert found.ok
    assert found.trust == f"remembered in {path}.pub"


def test_a_key_that_is_there_is_used(place: Place) -> None:
    keyring = Keyring.create(place.identity)
    with place.open(create=True) as workspace:
        assert workspace.keyring.recipient == keyring.recipient


def test_wrong_missing_and_open_keys_are_refused(make: Callable[[], Place]) -> None:
    place = make()
    other = place.identity.with_name("other.key")
    Keyring.create(other)
    with pytest.raises(KeyRefusedError, match="isn't the one that the workspace was made with"):
        Workspace.open(place.folder, other)
    with pytest.raises(KeyRefusedError, match="the key of this workspace isn't here"):
        Workspace.open(place.folder, place.identity.with_name("none.key"), create=True)
    assert not place.identity.with_name("none.key").exists()
    place.identity.chmod(0o644)
    with pytest.raises(KeyRefusedError, match="others can read"):
        place.open()
    place.identity.chmod(0o600)
    with place.open():
        pass


def test_a_passphrase_protects_the_key(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real work factor costs seconds by design; what is tested is that it is asked for.
    create = Keyring.create
    monkeypatch.setattr(Keyring, "create", lambda path, phrase: create(path, phrase, work_factor=2))
    with place.open(create=True, passphrase="long enough"):
        pass
    with pytest.raises(KeyRefusedError, match="passphrase"):
        place.open()
    with pytest.raises(KeyRefusedError, match="passphrase"):
        place.open(passphrase="wrong")
    with place.open(passphrase="long enough"):
        pass


def test_no_workspace_here(place: Place, tmp_path: Path) -> None:
    for call in (
        place.open,
        lambda: Workspace.read_only(place.folder),
        lambda: verify(place.folder),
    ):
        with pytest.raises(WorkspaceError, match="there is no workspace here"):
            call()
    assert not place.folder.exists()
    place.folder.mkdir()
    (place.folder / "state.db").touch()
    with pytest.raises(WorkspaceError, match="empty or from an older"):
        place.open()
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(WorkspaceError, match="not a folder"):
        Workspace.open(file, place.identity, create=True)


def test_a_making_that_was_killed_half_way_goes_on(place: Place) -> None:
    from strongroom.store.database import Database

    place.folder.mkdir(parents=True)
    Database.open(place.folder / "state.db", create=True).close()
    with pytest.raises(WorkspaceError, match="there is no workspace here"):
        place.open()
    (place.folder / "evidence").mkdir(exist_ok=True)
    with pytest.raises(WorkspaceError, match="there is no workspace here"):
        Workspace.read_only(place.folder)
    with pytest.raises(WorkspaceError, match="there is no workspace here"):
        place.verify()
    with place.open(create=True):
        pass
    assert place.broken() == []


def test_a_lost_or_emptied_database_is_not_made_anew(make: Callable[[], Place]) -> None:
    from strongroom.store.database import Database

    place = make()
    for path in place.folder.glob("state.db*"):
        path.unlink()
    with pytest.raises(WorkspaceError, match="database is missing"):
        place.open(create=True)
    assert place.broken() == ["the workspace's database is missing"]
    Database.open(place.folder / "state.db", create=True).close()
    with pytest.raises(TamperedError, match="knows no workspace"):
        place.open(create=True)
    assert not place.verify().ok


def test_what_can_not_be_read_only(make: Callable[[], Place]) -> None:
    place = make()
    (place.evidence / "signer.pub").unlink()
    place.identity.with_name("room.key.pub").unlink()
    with pytest.raises(KeyRefusedError, match="key to check the evidence with is missing"):
        Workspace.read_only(place.folder, identity=place.identity)
    with place.open():
        pass
    with Workspace.read_only(place.folder, identity=place.identity) as reader:
        for call in (
            lambda: reader.keyring,
            lambda: reader.get("0" * 64),
            reader.sweep,
            lambda: reader.finish_stage("a", "b", {}, {}),
            lambda: reader.checkpointer("train"),
            lambda: reader.evidence.append({"predicate": {}}),
        ):
            with pytest.raises(WorkspaceError, match="opened for reading"):
                call()
    (place.evidence / "signer.pub").write_text("nonsense")
    with pytest.raises(KeyRefusedError, match="isn't a verify key"):
        place.open()


@pytest.fixture
def read_only_mount(make: Callable[[], Place]) -> Iterator[Place]:
    """The workspace on a file system that takes no writes; root can write through modes."""
    place = make()
    folder = str(place.folder)
    bind = ["mount", "--bind", folder, folder]
    if subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system read-only")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], capture_output=True, check=True)
        yield place
    finally:
        subprocess.run(["umount", folder], capture_output=True, check=True)


def test_a_read_only_workspace_is_refused_early_and_readable(read_only_mount: Place) -> None:
    place = read_only_mount
    with pytest.raises(WorkspaceError, match="cannot write here"):
        place.open()
    with Workspace.read_only(place.folder, identity=place.identity) as reader:
        assert reader.stage_key("discover") == "key-1"
    assert place.broken() == []


def test_a_stage_leaves_its_document_and_history(make: Callable[[], Place]) -> None:
    place = make()
    with place.open() as workspace:
        assert workspace.stage("train") is None
        assert workspace.stage_key("train") is None
        artefact = workspace.put("model", "bundle", b"weights")
        made = workspace.finish_stage(
            "train", "key-3", {"model": artefact.digest}, {"ε": 1.0}, {"accuracy": 0.85}
        )
        assert workspace.stage("train") == made
        assert made.doc == {"ε": 1.0}
        assert workspace.evidence.records()[-1].predicate["accuracy"] == 0.85
        workspace.finish_stage("train", "key-4", {"model": artefact.digest}, {"ε": 2.0})
        assert workspace.stage_key("train") == "key-4"
        with pytest.raises(WorkspaceError, match="there is no artefact"):
            workspace.finish_stage("train", "key-5", {"model": "0" * 64}, {})
        with pytest.raises(ValueError, match="JSON"):
            workspace.finish_stage("train", "key-5", {}, {"loss": float("nan")})
        assert workspace.stage_key("train") == "key-4"
    assert place.broken() == []


def test_checkpoints_are_sealed_replaced_whole_and_ours(make: Callable[[], Place]) -> None:
    place = make()
    state = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.array([7])}
    path = place.folder / "checkpoints" / "train.age"
    with place.open() as workspace:
        checkpointer = workspace.checkpointer("train")
        assert checkpointer.load() is None
        checkpointer.clear()
        checkpointer.save(state, 3)
        checkpointer.save(state, 4)
        assert path.stat().st_mode & 0o777 == 0o600
        loaded = checkpointer.load()
        assert loaded is not None
        assert loaded[1] == 4
        for name, array in state.items():
            np.testing.assert_array_equal(loaded[0][name], array)
        for name in ("../x", "", ".hidden", "a/b"):
            with pytest.raises(InputError, match="can't name a checkpoint"):
                workspace.checkpointer(name)
        # Anybody may seal to a public key, or move one training's state to another's name.
        path.with_name("other.age").write_bytes(path.read_bytes())
        forged = age.encrypt(b"\0" * 48, [workspace.keyring.recipient])
        for name, content in (("train", forged), ("train", b"nonsense"), ("other", None)):
            if content is not None:
                path.write_bytes(content)
            with pytest.raises(TamperedError, match="isn't what was written"):
                workspace.checkpointer(name).load()
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(TamperedError):
            checkpointer.load()
        checkpointer.clear()
        assert not path.exists()


def test_the_database_may_lie_elsewhere(place: Place, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    with place.open(create=True, state_url=url) as workspace:
        workspace.finish_stage("discover", "key", {}, {})
    with place.open(state_url=url) as workspace:
        assert workspace.stage_key("discover") == "key"
    with Workspace.read_only(place.folder, identity=place.identity, state_url=url) as reader:
        assert reader.stage_key("discover") == "key"
    assert verify(place.folder, identity=place.identity, state_url=url).ok


def test_another_workspaces_database_is_refused(make: Callable[[], Place], tmp_path: Path) -> None:
    place = make()
    with Workspace.open(tmp_path / "second", place.identity, create=True):
        pass
    for path in place.folder.glob("state.db*"):
        path.unlink()
    (tmp_path / "second" / "state.db").rename(place.folder / "state.db")
    with pytest.raises(TamperedError, match="belong to different workspaces"):
        place.open()
    assert "the log and the database belong to different workspaces" in place.broken()


def test_an_id_that_is_a_path_leads_nowhere(make: Callable[[], Place]) -> None:
    place = make()
    with sqlite3.connect(place.folder / "state.db") as connection:
        connection.execute("UPDATE workspace SET id = '../../../etc/x'")
    connection.close()
    with pytest.raises(TamperedError, match="id isn't what was written"):
        Workspace.open(place.folder)
    assert "the workspace's id isn't what was written" in [
        b.what for b in verify(place.folder).broken
    ]


def test_importing_the_room_is_light() -> None:
    script = (
        "import sys, strongroom.store;"
        "print([m for m in ('sqlalchemy', 'alembic', 'torch', 'pyarrow') if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout == "[]\n"
    with pytest.raises(AttributeError, match="Nothing"):
        importlib.import_module("strongroom.store").Nothing  # noqa: B018 - the access is the test
