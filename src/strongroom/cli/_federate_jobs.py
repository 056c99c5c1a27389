"""`strongroom federate jobs`, `approve`, `stop`: what a site's people see, and what they say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from strongroom.cli._federate_init import DEFAULT_FOLDER
from strongroom.cli._options import Common, common
from strongroom.errors import InputError

if TYPE_CHECKING:
    from strongroom.cli.console import Console
    from strongroom.federate import AskedJob, Decisions

_STATES = {"waits": "waits for you", "runs": "runs", "finished": "finished", "stopped": "stopped"}
_SAID = {"yes": "approved", "no": "denied", "stop": "told to stop", "": ""}


def decisions(flags: Common) -> Decisions:
    """Return the jobs of the site whose workspace this is."""
    from strongroom.federate import Decisions

    return Decisions(flags.workspace_path / "federation")


@click.command("jobs")
@click.argument("job", required=False)
@common
def jobs(flags: Common, job: str | None) -> int:
    """Show what has been asked of this site; with a JOB, all of it in words."""
    from strongroom.federate import in_a_line

    console = flags.console
    found = decisions(flags).jobs()
    if job is not None:
        found = [j for j in found if j.job.startswith(job)]
        if not found:
            raise InputError(f'no job "{job}" at this site')
    console.document(
        "federate-jobs",
        {
            "jobs": [
                {"job": j.job, "state": j.state, "said": j.said, "asked": j.asked,
                 "recipe": j.recipe.model_dump(mode="json"), "digest": j.recipe.digest()}
                for j in found
            ]
        },
    )  # fmt: skip
    if not found:
        console.say("Nothing has been asked of this site.")
        return 0
    if job is not None:
        for one in found:
            _show(console, one)
        return 0
    console.table(
        ["job", "asked", "state", "what"],
        [
            [
                j.job[:8],
                j.asked.replace("T", " ").removesuffix("Z"),
                _SAID[j.said] if j.state == "waits" and j.said else _STATES[j.state],
                in_a_line(j.recipe),
            ]
            for j in found
        ],
    )
    waiting = [j for j in found if j.state == "waits" and not j.said]
    if waiting:
        console.say()
        console.say(f"Next: strongroom federate approve {waiting[0].job[:8]}  (or --deny)")
    return 0


@click.command("approve")
@click.argument("job")
@click.option("--deny", is_flag=True, help="Say no instead.")
@common
def approve(flags: Common, job: str, deny: bool) -> int:
    """Let JOB run that waits for this site's approval, or not."""
    return _say(flags, job, "no" if deny else "yes")


@click.command("stop")
@click.argument("job", required=False)
@click.option("--federation", "folder", type=click.Path(path_type=Path), default=DEFAULT_FOLDER,
              show_default=True, metavar="DIR", help="The coordinator's folder.")  # fmt: skip
@common
def stop(flags: Common, job: str | None, folder: Path) -> int:
    """Stop JOB at this site, at its next step; without JOB, the coordinator's job at all sites.

    What a job has spent stays spent.
    """
    if job is not None:
        return _say(flags, job, "stop")
    from strongroom.cli._federate_run import stop_everywhere

    return stop_everywhere(flags, folder)


def _say(flags: Common, job: str, said: Literal["yes", "no", "stop"]) -> int:
    console = flags.console
    found = decisions(flags).say(job, said)
    console.document("federate-approve", {"job": found.job, "said": said, "state": found.state})
    _show(console, found)
    console.say()
    if said == "yes":
        console.say("Approved. It begins when the coordinator asks again, in seconds.")
    elif said == "no":
        console.say("Denied. The coordinator is told so when it asks again.")
    else:
        console.say("It stops at its next step, if strongroom federate join runs here.")
    return 0


def _show(console: Console, job: AskedJob) -> None:
    from strongroom.federate import in_words

    console.say(f"job {job.job}, asked {job.asked.replace('T', ' ').removesuffix('Z')} UTC")
    for about, what in in_words(job.recipe):
        console.say(f"  {about:<9} {what}")
