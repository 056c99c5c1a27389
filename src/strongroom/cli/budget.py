"""`strongroom budget`: what was spent."""

from __future__ import annotations

import click

from strongroom.cli._options import Common, common


@click.command("budget", help="Show what has been spent of the privacy budget, and by what.")
@click.argument("action", type=click.Choice(["show"]), default="show")
@click.argument("account", required=False)
@common
def command(flags: Common, action: str, account: str | None) -> int:  # noqa: ARG001 - one action
    """Show the ledger of an account; of this project by default."""
    config = flags.config()
    account = account or config.project.name
    limit = config.data.budget if account == config.project.name else None
    with flags.read_workspace(config) as workspace:
        doc = workspace.budget(account, limit)
    flags.console.document("budget", doc)
    rows = [
        [e["created"], e["state"], f"{e['epsilon']:.3f}", f"{e['delta']:g}", e["id"]]
        for e in doc["entries"]
    ]
    if not rows:
        flags.console.say(f'Nothing was spent on "{account}".')
        return 0
    flags.console.table(["when", "state", "ε", "δ", "entry"], rows, numeric=[2, 3])
    flags.console.say()
    of = f" of {limit:g}" if limit else " (no budget is set: [data] budget)"
    flags.console.say(
        f'Spent ε = {doc["spent"]:.3f}{of} on "{account}" at δ = {doc["delta"]:g}, composed over '
        f"{len(rows)} run{'' if len(rows) == 1 else 's'}."
    )
    return 0
