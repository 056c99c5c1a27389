"""`strongroom check`: the gate."""

from __future__ import annotations

import click

from strongroom.cli._options import Common, common
from strongroom.cli._way import proved
from strongroom.errors import WorkspaceError


@click.command("check", help="The gate: exit 1 when the policy of strongroom.toml says no.")
@common
def command(flags: Common) -> int:
    """Hold what was last measured against today's policy. Measures nothing and needs no key."""
    from strongroom.stages import judged

    config = flags.config()
    with flags.read_workspace(config) as workspace:
        docs = {}
        for name in ("discover", "anonymize", "audit"):
            record = workspace.stage(name)
            if record is None:
                raise WorkspaceError(
                    f"nothing to check: {name} has not run yet",
                    where=str(flags.workspace_path),
                    hint="strongroom run",
                )
            docs[name] = dict(record.doc)
    findings, verdict = judged(docs, config.policy)
    documents = [f.to_json() for f in findings]
    flags.console.document("check", {"verdict": verdict.to_json(), "findings": documents})
    for finding in documents:
        if finding["status"] != "pass" or finding["metric"] in config.policy:
            flags.console.finding(finding)
    flags.console.say()
    flags.console.say(verdict.text, style="bold green" if verdict.ok else "bold red")
    flags.console.say(proved(documents))
    return 0 if verdict.ok else 1
