"""`strongroom keys`: make a key, show what it is for. Never shows the secret."""

from __future__ import annotations

from pathlib import Path

import click

from strongroom.cli._options import Common, common, identity_path
from strongroom.cli._secrets import key_passphrase, passphrase_for
from strongroom.errors import InputError


@click.command(
    "keys", help="Make a key (keys new FILE) or show the public half (keys show [FILE])."
)
@click.argument("action", type=click.Choice(["new", "show"]), default="show")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--passphrase", "ask", is_flag=True, help="Protect the key file by a passphrase.")
@common
def command(flags: Common, action: str, file: Path | None, ask: bool) -> int:
    """Make or show a key; without FILE, show the workspace's."""
    from strongroom.vault import Keyring

    if action == "new":
        if file is None:
            raise InputError("where shall the key go?", hint="strongroom keys new FILE")
        passphrase = passphrase_for("protect the key", confirm=True) if ask else None
        keyring = Keyring.create(file, passphrase)
    else:
        path = file or _workspace_key(flags)
        keyring = Keyring.load(path, key_passphrase(path))
    recipient, signer = str(keyring.recipient), keyring.signing_key.public
    flags.console.document(
        "keys",
        {"path": str(keyring.path), "recipient": recipient, "signer": signer.to_text()},
    )
    flags.console.table(
        ["", ""],
        [
            ["key file", f"{keyring.path}  (keep it secret, back it up)"],
            ["recipient", f"{recipient}  (seal to this)"],
            ["signer", f"{signer.to_text()}  (verify with this)"],
        ],
    )
    return 0


def _workspace_key(flags: Common) -> Path:
    config = flags.config() if flags.config_path.exists() else None
    named = identity_path(config, flags.config_path)
    if named is not None:
        return named
    return flags.read_workspace().identity_path
