"""If this fails, a scan hides a secret below what is merely much, or a file that wasn't read."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from strongroom.cli._main import run

if TYPE_CHECKING:
    from pathlib import Path

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


def test_long_paths_leave_room_for_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    deep = tmp_path.joinpath("share", *["quarterly"] * 9)
    deep.mkdir(parents=True)
    for i in range(4):
        (deep / f"contacts_of_the_year_{i}.txt").write_text(f"Write to ann{i}@example.org\n" * 1234)
    assert run(["scan", "--fresh", "--no-names", "share"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].split() == [
        "share/quarterly/quarterly/", "1,234", "1,234", "EMAIL_ADDRESS", "1,234",
    ]  # fmt: skip
    assert sum("contacts_of_the_year" in line for line in lines) == 4


def test_special_categories_weigh_more_than_addresses_and_can_be_forbidden(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(4):
        (tmp_path / f"{i}.txt").write_text(f"Write to ann{i}@example.org\n" * 50)
    rows = "".join(f"{i},{('asthma', 'diabetes')[i % 2]}\n" for i in range(30))
    (tmp_path / "ward.csv").write_text(f"bed,diagnosis\n{rows}")
    base = ["scan", "--fresh", "--no-names", str(tmp_path)]
    assert run([*base, "--fail-on", "special_category"]) == 1
    said = capsys.readouterr().out
    assert said.index("ward.csv") < said.index("0.txt")
    assert "SPECIAL_CATEGORY: 30 places, where --fail-on asks for none" in said


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


def test_what_the_code_scanner_gets_says_what_was_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.py").write_text(PASSWORD)
    (tmp_path / "lost.parquet").write_bytes(b"no parquet")
    written = tmp_path / "out.sarif"
    base = ["scan", "--fresh", "--no-names", str(tmp_path), "--sarif", str(written)]
    assert run(base) == 2
    said = capsys.readouterr()
    assert "1 secret in source" in said.out
    assert f"wrote {written}" in said.err
    (log,) = json.loads(written.read_text())["runs"]
    (told,) = log["invocations"][0]["toolExecutionNotifications"]
    assert told["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith(
        "lost.parquet"
    )


def test_a_baseline_lets_known_secrets_pass_and_new_ones_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.py").write_text(PASSWORD)
    known = str(tmp_path / "known.json")
    base = ["scan", "--no-names", str(tmp_path / "settings.py"), "--baseline", known]
    assert run([*base, "--fail-on", "SECRET"]) == 2
    assert "--write-baseline" in capsys.readouterr().err
    assert run([*base, "--write-baseline"]) == 0
    assert run([*base, "--fail-on", "SECRET"]) == 0
    (tmp_path / "settings.py").write_text(f"{PASSWORD}{PASSWORD.replace('9', '7')}")
    capsys.readouterr()
    assert run([*base, "--fail-on", "SECRET"]) == 1
    said = capsys.readouterr().out
    assert "SECRET: 1 place, where --fail-on asks for none" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--spans", "--html", "map.html"], "--html does nothing beside --spans"),
        (["--spans", "--fail-on", "SECRET"], "--fail-on does nothing beside --spans"),
        (["--spans", "--sample", "9"], "--sample does nothing beside --spans"),
        (["--evaluate", "gold.jsonl", "--write-baseline"], "--write-baseline does nothing beside"),
        (["--reveal"], "--reveal does nothing alone"),
    ],
)
def test_no_flag_is_passed_over_in_silence(
    capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert run(["scan", "nowhere", *flags]) == 2
    assert said in capsys.readouterr().err


def test_labels_that_nothing_looks_for_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gold = tmp_path / "gold.jsonl"
    span = {"start": 0, "end": 9, "label": "STARSHIP"}
    gold.write_text(json.dumps({"text": "Rocinante flew.", "spans": [span]}))
    assert run(["scan", "--no-names", "--evaluate", str(gold)]) == 0
    assert "nothing here looks for it: STARSHIP" in capsys.readouterr().out
