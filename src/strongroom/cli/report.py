"""`strongroom report`: the report again."""

from __future__ import annotations

import click

from strongroom.cli._options import Common, common
from strongroom.cli._way import print_verdict, walk


@click.command("report", help="Write the report again from what was measured.")
@common
def command(flags: Common) -> int:
    """Run what is missing, then write report.html, report.json and report.sarif anew."""
    result = walk(flags, "report", again_from="report")
    report = result.docs["report"]
    flags.console.document("report", report)
    print_verdict(flags.console, result)
    return 0 if result.within_policy else 1
