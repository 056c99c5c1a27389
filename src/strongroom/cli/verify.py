"""`strongroom verify`: the chain of evidence, proved offline."""

from __future__ import annotations

import click

from strongroom.cli._options import Common, common, identity_path


@click.command("verify", help="Prove the chain of evidence, offline and without the secret key.")
@click.option("--key", help="The signer you trust (strongroom keys show prints it).")
@common
def command(flags: Common, key: str | None) -> int:
    """Exit 0 when everything is as it was written, else 1 and name what was touched."""
    from strongroom.store import verify
    from strongroom.vault import VerifyKey

    config = flags.config() if flags.config_path.exists() else None
    trusted = VerifyKey.parse(key) if key else None
    identity = identity_path(config, flags.config_path)
    found = verify(flags.workspace_path, trusted, identity=identity)
    flags.console.document("verify", found.to_json())
    for broken in found.broken:
        flags.console.say(f"BROKEN  {broken.what}", style="red")
        flags.console.say(f"        {broken.where}", style="dim")
    if found.ok:
        flags.console.say(
            f"{found.records} evidence records, {found.artefacts} artefacts and "
            f"{found.ledger_entries} ledger entries are as they were written.",
            style="green",
        )
        flags.console.say(f"Signed by {found.signer} ({found.trust}).")
        return 0
    flags.console.say(f"{len(found.broken)} of what is recorded was touched.", style="bold red")
    return 1
