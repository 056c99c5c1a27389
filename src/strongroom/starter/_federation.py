"""The example of a federation: UCI Adult, parted by who people work for.

Nobody shuffled these rows: the three sites' people earn differently, and one site has six times as
many rows as another, as it is in life.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from strongroom.config import CONFIG_NAME
from strongroom.data import read_table, write_table
from strongroom.errors import InputError
from strongroom.files import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

_ATTRIBUTE = "workclass"
PARTS = {
    "self-employed": ("Self-emp-not-inc", "Self-emp-inc"),
    "government": ("Federal-gov", "Local-gov", "State-gov"),
    # And who doesn't say, or never worked for pay.
    "companies": None,
}
_FILES = ("adult.csv.gz", "adult_test.csv.gz")
_SETTINGS = """\
# What the three sites are asked to train together; see strongroom federate run.
[project]
name = "adult"

[train]
model = "logistic"
optimizer = "sgd"
batch_size = 128
learning_rate = 0.2
average = true

[job]
rounds = {rounds}
local_epochs = 1.0
min_sites = 2

[seal]
identity = "workspace.key"         # beside it, as this is a demo
"""
_SITE = """
[federation]
site = "{site}"
examine = true                     # search every answer for these rows before it leaves

[seal]
identity = "workspace.key"         # beside the rows, as this is a demo
"""


def lay_out_sites(source: Path, folder: Path) -> dict[str, Path]:
    """Part the example among three sites, each with a strongroom.toml; return their folders.

    Args:
        source: the example, as it came with the package.
        folder: new; a folder below it for each site.

    Raises:
        InputError: the folder isn't empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError("the folder isn't empty", where=str(folder), hint="name a new one")
    text = (source / CONFIG_NAME).read_text("utf-8")
    tables = {name: read_table(source / name) for name in _FILES}
    places = {}
    for site in PARTS:
        places[site] = folder / site
        places[site].mkdir(parents=True)
        rows = 0
        for name, table in tables.items():
            part = table.filter(_of(site, table))
            rows = rows or part.num_rows
            write_table(part, places[site] / name)
        write_bytes(places[site] / CONFIG_NAME, _configured(text, site, rows).encode())
    return places


def write_example_settings(path: Path, rounds: int) -> None:
    """Write what the sites of the example shall train."""
    write_bytes(path, _SETTINGS.format(rounds=rounds).encode())


def _of(site: str, table: pa.Table) -> pa.ChunkedArray:
    """Return which rows are a site's, as booleans."""
    column = table.column(_ATTRIBUTE)
    named = [values for values in PARTS.values() if values is not None]
    values = PARTS[site]
    if values is not None:
        return pc.is_in(column, pa.array(values))
    return pc.invert(pc.is_in(column, pa.array([v for one in named for v in one])))


def _configured(text: str, site: str, rows: int) -> str:
    """Return the example's configuration as one site's.

    The number of rows is declared, as a site declares it: rounded, so that it tells of nobody.
    """
    text = re.sub(r'^name = "adult"$', f'name = "{site}"', text, count=1, flags=re.MULTILINE)
    declared = round(rows, -2)
    text = re.sub(r"^rows = \d+$", f"rows = {declared}", text, count=1, flags=re.MULTILINE)
    return text + _SITE.format(site=site)
