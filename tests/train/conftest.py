"""Small tables that can be learnt in a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from strongroom.config import ColumnSpec
from strongroom.data import Dataset, Role

if TYPE_CHECKING:
    from collections.abc import Callable


COLUMNS = {
    "x": ColumnSpec(range=(-3, 3), knots=(-1, 0, 1)),
    "job": ColumnSpec(categories=("cook", "smith")),
    "y": ColumnSpec(categories=("no", "yes")),
}


@pytest.fixture(scope="session")
def columns() -> dict[str, ColumnSpec]:
    """Public declarations for `people`."""
    return COLUMNS


@pytest.fixture(scope="session")
def people() -> Callable[..., Dataset]:
    """Make a dataset of `rows` people whose y follows from x and job, with every role."""

    def make(rows: int = 600, seed: int = 0) -> Dataset:
        rng = np.random.default_rng(seed)
        x, job = rng.normal(size=rows), rng.integers(2, size=rows)
        yes = x + job - 0.5 + 0.3 * rng.normal(size=rows) > 0
        table = pa.table(
            {
                "name": [f"person {i}" for i in range(rows)],
                "x": x,
                "job": np.array(["cook", "smith"])[job],
                "y": np.array(["no", "yes"])[yes.astype(int)],
            }
        )
        return Dataset(table, roles={"name": Role.DIRECT_IDENTIFIER, "y": Role.TARGET})

    return make
