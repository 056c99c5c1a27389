"""Rows for the proof: made-up patients with names, numbers, notes, and one planted address each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from strongroom.config import ColumnSpec
from strongroom.data import Dataset, Role

SITES = ("north", "south", "west")
PLANTED = {name: f"planted.{name}.k7q@clinic-{name}.example" for name in SITES}
COLUMNS = {
    "age": ColumnSpec(range=(0, 100)),
    "stay": ColumnSpec(range=(0, 40)),
    "dose": ColumnSpec(range=(0, 4000)),
    "ward": ColumnSpec(categories=("surgery", "medicine")),
    "ill": ColumnSpec(categories=("no", "yes"), role="target"),
}


def of_rows(data: Dataset) -> Dataset:
    """Say what the columns are."""
    roles = dict.fromkeys(("name", "insured", "note"), Role.DIRECT_IDENTIFIER)
    return data.with_roles({**roles, "ill": Role.TARGET})


def patients(site: str, rows: int = 150) -> Dataset:
    """Return a site's rows; the planted address stands in the notes of one of them."""
    draw = np.random.default_rng(SITES.index(site) + 1)
    age, stay = draw.integers(18, 95, rows), draw.gamma(4, 3, rows).clip(0, 40)
    ill = np.where(age / 100 + stay / 30 + draw.normal(0, 0.2, rows) > 1, "yes", "no")
    notes = [f"{draw.bytes(15).hex(' ', 5)} seen by the ward" for _ in range(rows)]
    notes[rows // 2] += f", write to {PLANTED[site]}"
    table = pa.table(
        {
            "name": [f"{site.title()}er {draw.bytes(4).hex()} Patient" for _ in range(rows)],
            "insured": draw.integers(10**9, 10**10, rows),
            "age": age,
            "stay": stay,
            "dose": draw.integers(1, 4000, rows),
            "ward": draw.choice(["surgery", "medicine"], rows),
            "note": notes,
            "ill": ill,
        }
    )
    return of_rows(Dataset(table, name=site))
