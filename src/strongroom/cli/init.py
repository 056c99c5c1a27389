"""`strongroom init`: a first strongroom.toml, or the demo."""

from __future__ import annotations

from pathlib import Path

import click

from strongroom.cli._options import Common, common


@click.command(
    "init",
    help="Look at DATA, a file or a folder of images, and write a commented strongroom.toml "
    "beside you.",
)
@click.argument("data")
@click.option("--target", help="The column to predict.")
@click.option("--example", help="Lay out this example (adult) in the folder DATA instead.")
@click.option("--force", is_flag=True, help="Replace an existing strongroom.toml.")
@common
def command(flags: Common, data: str, target: str | None, example: str | None, force: bool) -> int:
    """Write strongroom.toml from a look at DATA, or lay out an example in it."""
    if example is not None:
        return _example(flags, example, Path(data))
    from strongroom.config import DiscoverSpec
    from strongroom.data import read_dataset
    from strongroom.discover import scan
    from strongroom.starter import write_config

    folder = flags.config_path.parent
    dataset = read_dataset(data)
    with flags.console.bar("discover") as bar:
        found = scan(dataset, DiscoverSpec(), target, bar)
    source = Path(data)
    if not source.is_absolute() and folder.resolve() != Path.cwd():
        source = source.resolve()
    path = write_config(found, dataset, source, folder, replace=force)
    flags.console.document("init", {"config": str(path), "file": {**found.to_json(), "path": data}})
    flags.console.say(f"Looked at {dataset.rows:,} rows, {len(dataset.columns)} columns.")
    flags.console.say()
    flags.console.table(
        ["column", "looks like", "role", "why"],
        [[c.name, c.looks_like, c.role.value.replace("_", " "), c.reason] for c in found.columns],
    )
    flags.console.say()
    flags.console.say(f"Wrote {path} (commented). Next: strongroom run")
    return 0


def _example(flags: Common, name: str, folder: Path) -> int:
    from strongroom.starter import lay_out_example

    files = lay_out_example(name, folder)
    flags.console.document("init", {"folder": str(folder), "files": [str(f) for f in files]})
    flags.console.say(f"Wrote the example to {folder}. Next: cd {folder} && strongroom run")
    return 0
