"""`strongroom train`: the way up to the model."""

from __future__ import annotations

import click

from strongroom.cli._options import Common, common
from strongroom.cli._way import walk


@click.command("train", help="Train the model of strongroom.toml, with differential privacy.")
@click.option("--again", is_flag=True, help="Train anew although nothing changed: spends again.")
@common
def command(flags: Common, again: bool) -> int:
    """Run discover, anonymize and seal where they changed, then train."""
    result = walk(flags, "train", until="train", again_from="train" if again else None)
    trained = result.docs["train"]
    flags.console.document("train", trained)
    for line in trained["statement"].splitlines() if trained.get("statement") else ():
        flags.console.say(line)
    return 0
