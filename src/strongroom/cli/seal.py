"""`strongroom seal`: encrypt files for recipients, as age v1."""

from __future__ import annotations

from pathlib import Path

import click

from strongroom.cli._options import Common, common
from strongroom.errors import InputError
from strongroom.files import atomic_writer, user_errors


@click.command("seal", help="Encrypt files (age v1): any age client opens them with the key.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-r", "--recipient", "recipients", multiple=True, help="age1…; may be repeated.")
@click.option("-p", "--passphrase", "ask", is_flag=True, help="Seal with a passphrase instead.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="FILE.age by default.")
@click.option("-a", "--armor", is_flag=True, help="PEM-like text instead of bytes.")
@common
def command(
    flags: Common,
    files: tuple[Path, ...],
    recipients: tuple[str, ...],
    ask: bool,
    output: Path | None,
    armor: bool,
) -> int:
    """Seal each file; the original stays where it is."""
    from strongroom.cli._secrets import passphrase_for
    from strongroom.vault.age import (
        PassphraseRecipient,
        Recipient,
        X25519Recipient,
        encrypt_stream,
    )

    if bool(recipients) == ask:
        raise InputError(
            "who shall be able to open it?",
            hint="-r age1… (strongroom keys show prints yours) or -p for a passphrase, not both",
        )
    if output is not None and len(files) > 1:
        raise InputError("-o takes one file", hint="leave -o out: each goes to FILE.age")
    to: list[Recipient] = (
        [PassphraseRecipient(passphrase_for("seal", confirm=True))]
        if ask
        else [X25519Recipient.parse(r) for r in recipients]
    )
    sealed = []
    for file in files:
        destination = output or file.with_name(file.name + ".age")
        with (
            user_errors(file),
            file.open("rb") as source,
            atomic_writer(destination, mode=0o600) as sink,
        ):
            encrypt_stream(source, sink, to, armor=armor)
        sealed.append({"path": str(file), "output": str(destination)})
        flags.console.say(f"{file} → {destination}")
    flags.console.document("seal", {"files": sealed, "recipients": list(recipients)})
    return 0
