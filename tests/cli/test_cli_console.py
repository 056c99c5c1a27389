"""If this fails, numbers, findings or bars in the terminal say something else than was measured."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console as RichConsole

from strongroom.cli.console import Console, StageView, describe_finding, number
from strongroom.errors import DataError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (2.9999999, "3"),
        (0.8604, "0.86"),
        (12345.0, "12,345"),
        (0.00034, "0.00034"),
        (0.0, "0"),
        (1.5, "1.5"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_a_finding_in_a_line() -> None:
    finding: dict[str, Any] = {
        "metric": "membership.auc",
        "check": "membership.lira",
        "value": 0.55,
        "interval": {"low": 0.5, "high": 0.61},
        "threshold": {"min": None, "max": 0.6},
        "queries": 10,
    }
    assert describe_finding(finding) == (
        "membership.auc = 0.55 [0.5, 0.61], limit at most 0.6 (by lira)"
    )
    assert describe_finding({**finding, "value": None}) == "membership.auc: not evaluable"


def test_a_bar_on_a_terminal_and_none_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("strongroom.cli.console._BAR_AFTER_SECONDS", 0.0)
    for terminal in (True, False):
        err, out = io.StringIO(), io.StringIO()
        console = Console(
            _out=RichConsole(file=out, force_terminal=terminal, width=100),
            _err=RichConsole(file=err, force_terminal=terminal, width=100),
        )
        view = StageView(console)
        view.started("train")
        view.step(1, 4, "step 1 of 4")
        view.step(2, 4, "step 2 of 4")
        view.finished("train", "done\nmore", 1.25, skipped=False)
        assert ("step 2 of 4" in err.getvalue()) is terminal
        assert "train" in out.getvalue()
        assert "1.2 s" in out.getvalue()
        assert "more" in out.getvalue()


def test_names_of_files_do_not_speak_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\x1b[2J\x9b31m[/red].txt"
    console = Console()
    console.say(name)
    console.talk(name)
    console.marked("x", name)
    console.table(["file", "n"], [[name, "1"]])
    console.error(DataError(f"cannot read the file: {name}", where=name))
    shown = "".join(capsys.readouterr())
    assert shown.count("[/red].txt") == 6
    assert not {"\x1b", "\x9b"} & set(shown)


def test_a_bar_shows_names_as_they_are() -> None:
    console = Console()
    console._err = RichConsole(file=io.StringIO(), force_terminal=True)
    with console.bar("scan") as bar:
        bar._begun = -9e9
        bar.step(1, 2, "[/red]\x1b]0;title\x07")
        assert bar._progress is not None
        bar._progress.refresh()
