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
    from strongroom.privacy import PrivacyStatement

    result = walk(flags, "train", until="train", again_from="train" if again else None)
    trained = result.docs["train"]
    flags.console.document("train", trained)
    if trained["privacy"]:
        flags.console.say()
        flags.console.say(str(PrivacyStatement.from_json(trained["privacy"])))
    return 0
