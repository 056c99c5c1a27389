"""`strongroom federate init`: who takes part, and a start-up kit for each."""

from __future__ import annotations

from pathlib import Path

import click

from strongroom.cli._options import Common, common

DEFAULT_FOLDER = Path("federation")
DEFAULT_PORT = 8002


@click.command("init")
@click.argument("sites", nargs=-1, required=True, metavar="SITE…")
@click.option("--host", default="localhost", show_default=True,
              help="The server's address, as the sites reach it.")  # fmt: skip
@click.option("--port", type=int, default=DEFAULT_PORT, show_default=True,
              help="The server's port, the only one that must be open.")  # fmt: skip
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), default=DEFAULT_FOLDER,
              show_default=True, metavar="DIR", help="Where to.")  # fmt: skip
@common
def init(flags: Common, sites: tuple[str, ...], host: str, port: int, folder: Path) -> int:
    """Name the sites; make an authority, and a start-up kit for each of them.

    Run it again with more sites to invite them: everybody else's kit stays valid.
    """
    from strongroom.federate import write_settings
    from strongroom.federate.flare import make_kits

    console = flags.console
    with console.bar("kits"):
        kits = make_kits(folder, sites, host, port)
    settings = write_settings(folder)
    names = [name for name, kit in kits.items() if kit.kind == "site"]
    ends = min(kit.ends for kit in kits.values())
    console.document(
        "federate-init",
        {
            "folder": str(folder),
            "host": host,
            "port": port,
            "sites": {name: str(kits[name].folder.with_suffix(".zip")) for name in names},
            "settings": str(settings),
            "valid_until": f"{ends:%Y-%m-%d}",
        },
    )
    console.say(f"Made the kits of a federation at {host}:{port}, valid until {ends:%Y-%m-%d}.")
    console.say()
    rows = [[f"{folder / 'sites' / name}.zip", f"hand it to {name}, by a way that you trust"]
            for name in names]  # fmt: skip
    console.table(
        ["kit", "what to do with it"],
        [
            [str(folder / "server"), "stays at the server"],
            [str(folder / "coordinator"), "stays with you: it may ask the sites"],
            *rows,
        ],
    )
    console.say()
    console.say(f"What shall be trained stands in {settings} (commented).")
    console.say(
        f"Each kit holds a secret key, and {folder / 'ca'} all of them with the authority's:"
    )
    console.say("keep it where nobody else gets; it is needed to invite more sites.")
    console.say()
    where = "" if folder == DEFAULT_FOLDER else f" {folder}"
    console.say(f"Next: strongroom federate serve{where}")
    console.say("      at each site, beside its strongroom.toml: strongroom federate join KIT.zip")
    console.say(f"      then strongroom federate run{where}")
    return 0
