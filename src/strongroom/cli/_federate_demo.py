"""`strongroom federate demo`: server and three sites as processes of this machine, and one job."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli._federate_processes import Processes, free_port
from strongroom.cli._options import WORKSPACE_NAME, Common, common
from strongroom.errors import StrongroomError, WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.cli.console import Console

_ROUNDS = 10


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path), required=False, metavar="[DIR]")
@click.option("--rounds", type=click.IntRange(min=1), default=_ROUNDS, show_default=True)
@common
def demo(flags: Common, folder: Path | None, rounds: int) -> int:
    """Train with three sites on this machine: UCI Adult, parted by who people work for.

    Server and sites are processes of their own and talk TLS, as they would between houses. Their
    files stay in DIR (by default a new folder), the processes end with the job.
    """
    from strongroom.federate import flare
    from strongroom.starter import lay_out_federation, write_example_settings

    flare.need_flare()
    console = flags.console
    folder = (folder or Path(tempfile.mkdtemp(prefix="strongroom-demo-"))).resolve()
    places = lay_out_federation(folder)
    federation = folder / "federation"
    flare.make_kits(federation, list(places), "localhost", free_port())
    write_example_settings(federation / "federation.toml", rounds)
    console.talk(f"laid out in {folder}: {', '.join(places)}, and the kits of a federation")
    with Processes(folder, console) as processes:
        processes.start("server", ["serve", str(federation)], folder)
        processes.wait_for({"server": "Serving"})
        for site, place in places.items():
            processes.start(site, ["join", str(federation / "sites" / site)], place)
        processes.wait_for(dict.fromkeys(places, "connected to the server"))
        code = _run(flags, processes, federation)
    _verify(console, {"coordinator": federation, **places})
    console.talk(f"server and sites are stopped; their files are in {folder}")
    return code


def _run(flags: Common, processes: Processes, federation: Path) -> int:
    from strongroom.cli._federate_run import run

    try:
        code: int = run.callback(  # type: ignore[misc] # click wraps the function
            as_json=flags.console.as_json, quiet=flags.console.quiet,
            config_path=flags.config_path, workspace=None,
            folder=federation, rounds=None, patience=60.0, again=False, model=None,
        )  # fmt: skip
    except StrongroomError:
        processes.tell_who_died()
        raise
    return code


def _verify(console: Console, folders: Mapping[str, Path]) -> None:
    """Prove everybody's evidence, as each of them would."""
    from strongroom.store import verify

    records = 0
    for name, folder in folders.items():
        found = verify(folder / WORKSPACE_NAME, None, identity=folder / "workspace.key")
        if not found.ok:
            raise WorkspaceError(f"the evidence of {name} is broken", where=str(folder))
        records += found.records
    console.say(f"strongroom verify accepts the evidence of {', '.join(folders)}: {records} "
                "records.")  # fmt: skip
