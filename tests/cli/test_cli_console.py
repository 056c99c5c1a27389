"""If this fails, numbers, findings or bars in the terminal say something else than was measured."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console as RichConsole

from strongroom.cli.console import Console, StageView, describe_finding, number


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
