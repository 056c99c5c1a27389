"""`strongroom risk`: how easily rows single people out."""

from __future__ import annotations

import click

from strongroom.cli._options import Common, common
from strongroom.cli._text import names, risk_rows


@click.command("risk", help="Measure how easily the rows of a file single people out.")
@click.argument("file")
@click.option("--quasi", metavar="A,B", help="Quasi-identifiers; what discover says by default.")
@click.option("--sensitive", metavar="S", help="Sensitive columns, for l and t.")
@common
def command(flags: Common, file: str, quasi: str | None, sensitive: str | None) -> int:
    """Print prosecutor, journalist and marketer risk, k, l and t."""
    from strongroom.anonymize import risk
    from strongroom.data import Role, read_dataset
    from strongroom.discover import scan

    dataset = read_dataset(file)
    columns = names(dataset, quasi)
    if not columns:
        with flags.console.bar("discover") as bar:
            roles = scan(dataset, progress=bar).roles
        columns = tuple(c for c, r in roles.items() if r is Role.QUASI_IDENTIFIER)
        flags.console.talk(f"quasi-identifiers by discover: {', '.join(columns) or 'none'}")
    measured = risk(dataset, columns, names(dataset, sensitive))
    flags.console.document("risk", {"quasi": list(columns), **measured.to_json()})
    flags.console.table(["", file], risk_rows(measured.to_json()), numeric=[1])
    return 0
