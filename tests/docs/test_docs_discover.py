"""If this fails, the page about finding personal data promises kinds or flags that aren't so."""

from __future__ import annotations

import re
from pathlib import Path

from strongroom.cli.scan import command
from strongroom.config import DiscoverSpec
from strongroom.discover import entities_of

PAGE = (Path(__file__).parents[2] / "docs" / "discover.md").read_text()


def test_every_kind_stands_there_and_no_other() -> None:
    section = PAGE.split("## What it finds")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[A-Z].*?) \|", section, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert told == set(entities_of(DiscoverSpec()))


def test_the_flags_are_those_of_the_verb() -> None:
    known = {flag for option in command.params for flag in option.opts}
    assert set(re.findall(r"(--[a-z][a-z-]+)", PAGE)) - {"--workspace"} <= known
    told = set(re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE))
    common = {"--json", "--quiet", "--config", "--workspace"}
    said_elsewhere = {flag for flag in known if f"`{flag}" in PAGE or f" {flag} " in PAGE}
    assert {f for f in known if f.startswith("--")} - told - common - said_elsewhere == {
        "--target", "--min-score", "--recognizers",
    }  # fmt: skip


def test_the_example_of_a_recognizer_is_one(tmp_path: Path) -> None:
    blocks = dict(re.findall(r"```toml (\S+)\n(.*?)```", PAGE, re.DOTALL))
    (tmp_path / "ours.toml").write_text(blocks["ours.toml"])
    spec = DiscoverSpec(names=False, recognizers=(str(tmp_path / "ours.toml"),))
    assert "MEMBER_NUMBER" in entities_of(spec)
