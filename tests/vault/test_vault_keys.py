"""If this fails, keys are lost, lie open to others, or change between two runs."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from strongroom.errors import KeyRefusedError, WorkspaceError
from strongroom.vault import (
    Keyring,
    PassphraseIdentity,
    decrypt,
    encrypt,
    passphrase_needed,
    read_identities,
)
from strongroom.vault.age import HybridIdentity, X25519Identity

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "one.key"


def test_create_and_load(key: Path) -> None:
    made = Keyring.create(key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o077 == 0
    assert [p.name for p in key.parent.iterdir()] == ["one.key"]
    assert not passphrase_needed(key)
    loaded = Keyring.load(key)
    assert loaded.recipient == made.recipient
    assert loaded.path == key
    assert loaded.signing_key.public == made.signing_key.public
    assert loaded.subkey("pseudonym") == made.subkey("pseudonym")
    assert decrypt(encrypt(b"x", [made.recipient]), [loaded.identity]) == b"x"


def test_derivations_are_apart_and_fixed(key: Path) -> None:
    write(key, SECRET)
    ring = Keyring.load(key)
    derived = [ring.subkey("a"), ring.subkey("b"), ring.subkey("a", 16), ring.subkey("a", 64)]
    assert [len(d) for d in derived] == [32, 32, 16, 64]
    assert len({d[:16] for d in derived}) == 4
    # Whoever changes a derivation loses every workspace's tokens and signatures.
    assert ring.subkey("pseudonym").hex() == PSEUDONYM
    assert ring.signing_key.public.key_id == SIGNER


SECRET = X25519Identity(bytes(range(32))).reveal()
PSEUDONYM = "6498c4e3a99d139be67905da36542e0beba855047d316d941ae4768f503c26e2"
SIGNER = "b2d9b197a0ae87a4ce42933b741e813f2f90beecd5d0a5a10d4330bdfd261c3c"


def test_passphrase(key: Path) -> None:
    made = Keyring.create(key, "correct horse", work_factor=1)
    assert key.read_text().startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    inside = decrypt(key.read_bytes(), [PassphraseIdentity("correct horse")]).decode()
    assert inside.splitlines()[-1].startswith("AGE-SECRET-KEY-1")
    assert str(made.recipient) in inside
    assert passphrase_needed(key)
    assert Keyring.load(key, "correct horse").recipient == made.recipient
    with pytest.raises(KeyRefusedError, match="locked") as caught:
        Keyring.load(key)
    assert "STRONGROOM_PASSPHRASE" in str(caught.value)
    with pytest.raises(KeyRefusedError, match="wrong"):
        Keyring.load(key, "incorrect horse")
    key.write_bytes(key.read_bytes()[:-60])
    with pytest.raises(KeyRefusedError, match="damaged"):
        Keyring.load(key, "correct horse")


def test_never_replaces_a_key(key: Path) -> None:
    first = Keyring.create(key)
    with pytest.raises(KeyRefusedError, match="already"):
        Keyring.create(key)
    assert Keyring.load(key).recipient == first.recipient
    assert [p.name for p in key.parent.iterdir()] == ["one.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666, 0o601, 0o777])
def test_a_key_that_others_can_touch_is_refused(key: Path, mode: int) -> None:
    Keyring.create(key)
    key.chmod(mode)
    for call in (Keyring.load, read_identities, passphrase_needed):
        with pytest.raises(KeyRefusedError, match=f"{mode:04o}") as caught:
            call(key)
        assert caught.value.hint == f"chmod 600 {key}"


def test_a_key_of_another_user_is_refused(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Keyring.create(key)
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(KeyRefusedError, match="another user"):
        Keyring.load(key)


def test_what_is_no_key_file(key: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyRefusedError, match="no key file"):
        Keyring.load(key)
    with pytest.raises(KeyRefusedError, match="regular file"):
        Keyring.load(tmp_path)
    with pytest.raises(KeyRefusedError, match="can't be read"):
        Keyring.load(tmp_path / ("x" * 300))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(KeyRefusedError, match="regular file"):
        Keyring.load(pipe)


@pytest.mark.parametrize(
    "content",
    ["", "# only a comment\n", "garbage", "ä", SECRET[:-1], SECRET.lower(), "x" * (1 << 20) + "y"],
)
def test_garbage_is_refused_without_being_quoted(key: Path, content: str) -> None:
    write(key, content)
    with pytest.raises(KeyRefusedError) as caught:
        Keyring.load(key)
    assert SECRET[16:30] not in str(caught.value).upper()


def test_several_identities(key: Path) -> None:
    other, hybrid = X25519Identity.generate(), HybridIdentity.generate()
    write(key, f"# mine\r\n\r\n{SECRET}\r\n{other.reveal()}\n{hybrid.reveal()}\n")
    found = read_identities(key)
    assert [type(i).__name__ for i in found] == ["X25519Identity"] * 2 + ["HybridIdentity"]
    assert decrypt(encrypt(b"x", [hybrid.recipient]), found) == b"x"
    with pytest.raises(KeyRefusedError, match="exactly one"):
        Keyring.load(key)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError):
        Keyring.create(tmp_path / "file" / "key")


def test_the_keyring_stays_secret(key: Path) -> None:
    ring = Keyring.create(key)
    assert "SECRET" not in repr(ring)
    assert str(ring.recipient) in repr(ring)
    for refuse in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            refuse(ring)


AGE_KEYGEN = shutil.which("age-keygen")


@pytest.mark.skipif(AGE_KEYGEN is None, reason="the age program is not installed")
def test_age_keygens_files_are_ours_too(key: Path) -> None:
    key.parent.mkdir()
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    ring = Keyring.load(key)
    shown = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == str(ring.recipient)


def write(path: Path, content: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, newline="")
    path.chmod(0o600)
