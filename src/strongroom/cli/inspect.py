"""`strongroom inspect`: are model files safe to load? Nothing in them is run."""

from __future__ import annotations

from pathlib import Path

import click

from strongroom.cli._options import Common, common
from strongroom.errors import DataError

_STYLE = {"safe": "green", "unsafe": "red", "unknown": "yellow"}


@click.command("inspect", help="Say whether model files are safe to load, without loading them.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@common
def command(flags: Common, files: tuple[Path, ...]) -> int:
    """Exit 0 when every file is proved safe, else 1: what isn't proved safe is not safe."""
    from strongroom.vault import inspect_file

    every: list[Path] = []
    for file in files:
        if not file.exists():
            raise DataError("no such file", where=str(file), hint="check the path")
        # A released model is one thing, whose manifest says what belongs to it.
        whole = not file.is_dir() or (file / "manifest.json").is_file()
        every += [file] if whole else sorted(p for p in file.rglob("*") if p.is_file())
    found = [inspect_file(file) for file in every]
    flags.console.document("inspect", {"files": [f.to_json() for f in found]})
    for one in found:
        style = _STYLE[one.verdict]
        flags.console.say(f"{one.verdict.upper():<8} {one.path}  ({one.format})", style=style)
        for reason in one.reasons if one.verdict != "safe" else ():
            flags.console.say(f"         {reason}", style="dim")
    return 0 if all(f.verdict == "safe" for f in found) else 1
