"""If this fails, a scan hides a secret below what is merely much, or a file that wasn't read."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

from strongroom.cli._main import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PASSWORD = 'password = "hunter2-Xk9!q"\n'


def test_secrets_come_first_and_all_kinds_are_summed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(6):
        (tmp_path / f"{i}.txt").write_text(f"Write to ann{i}@example.org\n" * 5)
    (tmp_path / "settings.py").write_text(PASSWORD)
    assert run(["scan", "--fresh", "--no-names", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.index("settings.py") < said.index("0.txt")
    assert "altogether: SECRET 1, EMAIL_ADDRESS 30" in said


def test_what_has_no_lines_is_still_counted_and_what_was_named_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as packed:
        packed.writestr("settings.py", PASSWORD)
    base = ["scan", "--fresh", "--no-names", "--json", "--fail-on", "SECRET"]
    base += ["--sarif", str(tmp_path / "out.sarif")]
    assert run([*base, str(tmp_path)]) == 1
    assert json.loads(capsys.readouterr().out)["refused"]
    assert run([*base, str(tmp_path / "packed.zip")]) == 2
    document = json.loads(capsys.readouterr().out)
    assert [e["where"] for e in document["errors"]] == [str(tmp_path / "packed.zip")]
