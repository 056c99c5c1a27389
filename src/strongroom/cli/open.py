"""`strongroom open`: decrypt age files, or an artefact of the workspace."""

from __future__ import annotations

from pathlib import Path

import click

from strongroom.cli._options import Common, common
from strongroom.errors import DataError, InputError
from strongroom.files import atomic_writer


@click.command("open", help="Decrypt a file (age v1).")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-i",
    "--identity",
    "identities",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Key file; may be repeated.",
)
@click.option("-p", "--passphrase", "ask", is_flag=True, help="It was sealed with a passphrase.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="FILE without .age.")
@common
def command(
    flags: Common,
    file: Path,
    identities: tuple[Path, ...],
    ask: bool,
    output: Path | None,
) -> int:
    """Write the clear file, readable by its owner alone; nothing is written if it was altered."""
    from strongroom.cli._secrets import key_passphrase, passphrase_for
    from strongroom.vault import read_identities
    from strongroom.vault.age import Identity, PassphraseIdentity, decrypt_stream

    if bool(identities) == ask:
        raise InputError("which key opens it?", hint="-i KEYFILE, or -p for a passphrase")
    if not file.is_file():
        raise DataError("no such file", where=str(file), hint="check the path and its spelling")
    if output is None:
        if file.suffix != ".age":
            raise InputError("where shall it go?", hint="give -o FILE")
        output = file.with_suffix("")
    by: list[Identity] = [PassphraseIdentity(passphrase_for("open"))] if ask else []
    for path in identities:
        by += read_identities(path, key_passphrase(path))
    with file.open("rb") as source, atomic_writer(output, mode=0o600) as sink:
        decrypt_stream(source, sink, by)
    flags.console.document("open", {"path": str(file), "output": str(output)})
    flags.console.say(f"{file} → {output}")
    return 0
