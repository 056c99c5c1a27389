"""If this fails, a crash or a full disk leaves half a file that is taken for a whole one."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom import files
from strongroom.errors import WorkspaceError
from strongroom.files import TEMPORARY_PREFIX, atomic_writer, user_errors, write_bytes

not_as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def run_python(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[1])},
    )


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@settings(max_examples=25, deadline=None)
@given(before=st.binary(max_size=64), after=st.binary(max_size=64))
def test_what_is_written_is_there_whole_and_nothing_beside_it(
    tmp_path_factory: pytest.TempPathFactory, before: bytes, after: bytes
) -> None:
    folder = tmp_path_factory.mktemp("files")
    for content in (before, after):
        write_bytes(folder / "x", content)
        assert (folder / "x").read_bytes() == content
    assert names(folder) == ["x"]


def test_until_the_end_a_reader_sees_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "x"
    write_bytes(target, b"old")
    with atomic_writer(target) as stream:
        stream.write(b"new")
        stream.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_in_mid_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    write_bytes(tmp_path / "x", b"old")

    def write_half(target: Path) -> None:
        with atomic_writer(target) as stream:
            stream.write(b"half")
            raise error

    for name in ("x", "y"):
        with pytest.raises(error):
            write_half(tmp_path / name)
    assert names(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_kill_9_in_mid_write_leaves_the_old_file_and_at_most_a_temporary(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x", b"old")
    child = run_python(
        """
        import sys, time
        from strongroom.files import atomic_writer
        with atomic_writer(sys.argv[1]) as stream:
            stream.write(b"half")
            stream.flush()
            print("writing", flush=True)
            time.sleep(60)
        """,
        tmp_path / "x",
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    assert (tmp_path / "x").read_bytes() == b"old"
    (left,) = (n for n in names(tmp_path) if n != "x")
    assert left.startswith(TEMPORARY_PREFIX)


def test_a_full_disk_is_said_so_and_changes_nothing(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x", b"old")
    child = run_python(
        """
        import resource, sys
        from strongroom.errors import WorkspaceError
        from strongroom.files import write_bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            write_bytes(sys.argv[1], bytes(100_000))
        except WorkspaceError as error:
            print(error)
        """,
        tmp_path / "x",
    )
    said, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert said.startswith(b"the disk is full; nothing was changed")
    assert str(tmp_path / "x").encode() in said
    assert names(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_only_the_bits_asked_for_are_set_also_over_an_open_file(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"old")
    target.chmod(0o666)
    before = os.umask(0)
    try:
        write_bytes(target, b"secret", mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == mode


def test_a_secret_is_never_open_to_others_while_it_is_written(tmp_path: Path) -> None:
    with atomic_writer(tmp_path / "key", mode=0o600):
        (temporary,) = tmp_path.iterdir()
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600


def test_no_folder_a_file_as_folder_and_a_folder_as_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for target, what in (
        (tmp_path / "missing" / "x", "no such folder"),
        (tmp_path / "file" / "x", "no such folder"),
        (tmp_path / "folder", "this is a folder"),
    ):
        with pytest.raises(WorkspaceError, match=what) as caught:
            write_bytes(target, b"")
        assert caught.value.where == str(target)
    assert names(tmp_path) == ["file", "folder"]


@not_as_root
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WorkspaceError, match="cannot write here"):
        write_bytes(tmp_path / "x", b"")


@pytest.mark.parametrize(
    ("number", "what"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EROFS, "cannot write here"),
        (errno.EACCES, "cannot write here"),
    ],
)
def test_what_the_system_says_about_the_disk_becomes_a_sentence(number: int, what: str) -> None:
    with pytest.raises(WorkspaceError, match=what), user_errors(Path("x")):
        raise OSError(number, os.strerror(number))


def test_what_the_user_cannot_mend_is_not_dressed_up() -> None:
    with pytest.raises(OSError, match="Input/output error") as caught, user_errors(Path("x")):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    assert not isinstance(caught.value, WorkspaceError)
