"""`strongroom anonymize`: take personal data out of one file."""

from __future__ import annotations

from pathlib import Path

import click

from strongroom.cli._options import Common, common
from strongroom.cli._secrets import key_passphrase
from strongroom.cli._text import names, risk_rows
from strongroom.errors import InputError


@click.command(
    "anonymize",
    help="Take personal data out of a file, with risk and loss before and after. "
    "In a picture it is painted over.",
)
@click.argument("file")
@click.option("-o", "--output", required=True, help="Where the anonymized file goes.")
@click.option("--k", type=click.IntRange(min=1), default=5, show_default=True, help="Class size.")
@click.option(
    "--l",
    "diversity",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Distinct sensitive values in every class.",
)
@click.option("--quasi", metavar="A,B", help="Quasi-identifiers; what discover says by default.")
@click.option("--sensitive", metavar="S", help="Sensitive columns.")
@click.option("--target", help="The column to predict: never generalised.")
@click.option(
    "--method",
    type=click.Choice(["mondrian"]),
    default="mondrian",
    show_default=True,
    help="How rows are grouped.",
)
@click.option(
    "--suppression-limit",
    type=click.FloatRange(0, 1),
    default=0.02,
    show_default=True,
    help="The largest share of rows that may be left out.",
)
@click.option(
    "--text",
    type=click.Choice(["label", "mask", "surrogate"]),
    default="label",
    show_default=True,
    help="What replaces personal data in free text.",
)
@click.option(
    "--pseudonymise", metavar="A,B", help="Keep these columns as keyed pseudonyms (needs --key)."
)
@click.option("--key", type=click.Path(path_type=Path), help="Key file made by strongroom keys.")
@click.option("--all-text", is_flag=True, help="In a picture: paint over all text in it.")
@common
def command(
    flags: Common,
    file: str,
    output: str,
    k: int,
    diversity: int,
    quasi: str | None,
    sensitive: str | None,
    target: str | None,
    method: str,
    suppression_limit: float,
    text: str,
    pseudonymise: str | None,
    key: Path | None,
    *,
    all_text: bool,
) -> int:
    """Write the anonymized file and print what it cost."""
    if _is_picture(file):
        return _picture(flags, Path(file), Path(output), all_text=all_text)
    from strongroom import api
    from strongroom.config import AnonymizeSpec
    from strongroom.data import read_dataset, write_table
    from strongroom.vault import Keyring

    dataset = read_dataset(file)
    pseudonyms = names(dataset, pseudonymise)
    if pseudonyms and key is None:
        raise InputError(
            "--pseudonymise needs a key", hint="strongroom keys new my.key, then --key my.key"
        )
    secret = None
    if key is not None:
        secret = Keyring.load(key, key_passphrase(key)).subkey("pseudonym")
    spec = AnonymizeSpec(
        k=k,
        l=diversity,
        suppression_limit=suppression_limit,
        pseudonymise=pseudonyms,
        text=text,  # type: ignore[arg-type]  # click.Choice has checked it
        method=method,  # type: ignore[arg-type]  # same
    )
    with flags.console.bar("anonymize") as bar:
        result = api.anonymize(
            dataset,
            spec,
            quasi=names(dataset, quasi),
            sensitive=names(dataset, sensitive),
            target=target,
            key=secret,
            progress=bar,
        )
    write_table(result.dataset.table, output)
    document = result.to_json()
    flags.console.document("anonymize", {"output": output, **document})
    before, after = risk_rows(document["before"]), risk_rows(document["after"])
    after_of = {row[0]: row[1] for row in after}
    rows = [[what, value, after_of.get(what, "")] for what, value in before]
    flags.console.table(["", "before", "after"], rows, numeric=[1, 2])
    flags.console.say()
    flags.console.table(
        ["column", "what was done"], [[c, a] for c, a in document["actions"].items()]
    )
    flags.console.say()
    loss = document["loss"]
    suppressed = document["suppressed"] / max(dataset.rows, 1)
    flags.console.say(
        f"Wrote {output}: {result.dataset.rows:,} rows, {100 * suppressed:.1f} % suppressed, "
        f"information loss (NCP) {100 * loss['ncp']:.1f} %."
    )
    return 0


def _is_picture(file: str) -> bool:
    from strongroom.data.documents import form_of

    try:
        with Path(file).open("rb") as stream:
            return form_of(stream.read(64)) == "picture"
    except (OSError, ValueError):
        # What is wrong with it is said by whoever reads it.
        return False


def _picture(flags: Common, file: Path, output: Path, *, all_text: bool) -> int:
    """Paint over what is found in a picture, and write it as one that says nothing else."""
    from strongroom.anonymize import mask_picture
    from strongroom.files import write_bytes

    if output.suffix.lower() != ".png":
        raise InputError(
            "a picture is written as PNG", where=str(output), hint="end its name in .png"
        )
    with flags.console.bar("anonymize"):
        masked = mask_picture(file.read_bytes(), where=str(file), all_text=all_text)
    write_bytes(output, masked.content, mode=0o600)
    flags.console.document("anonymize", {"output": str(output), **masked.to_json()})
    rows = [[entity, str(count)] for entity, count in masked.counts.items()]
    flags.console.table(["painted over", "places"], rows, numeric=[1])
    flags.console.say()
    flags.console.say(
        f"Wrote {output}: {masked.width} x {masked.height} pixels, nothing that the file said of "
        "camera, place or author. Faces are not looked for."
    )
    return 0
