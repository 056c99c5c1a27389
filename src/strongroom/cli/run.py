"""`strongroom run`: the whole way."""

from __future__ import annotations

import click

from strongroom.cli._options import Common, common
from strongroom.cli._way import print_verdict, walk


@click.command("run", help="Walk the whole way: discover, anonymize, seal, train, audit, report.")
@click.option(
    "--until",
    metavar="STAGE",
    help="Stop after this stage (discover, anonymize, seal, train, audit, report).",
)
@click.option(
    "--from", "again_from", metavar="STAGE", help="Run this stage and the later ones anew."
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0,
    metavar="SECONDS",
    help="How long to wait for another run on this workspace.",
)
@click.option("--no-privacy", is_flag=True, help="Train without privacy, whatever the file says.")
@common
def command(
    flags: Common, until: str | None, again_from: str | None, wait: float, no_privacy: bool
) -> int:
    """Run every stage whose inputs, settings or code changed; exit 1 when the policy says no."""
    changes = {"privacy": None} if no_privacy else None
    result = walk(flags, "run", until=until, again_from=again_from, wait=wait, train=changes)
    flags.console.document("run", result.to_json())
    print_verdict(flags.console, result)
    return 0 if result.within_policy in (True, None) else 1
