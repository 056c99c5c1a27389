"""Holding rows out for testing, row by row."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from strongroom.errors import DataError

if TYPE_CHECKING:
    from strongroom.data._dataset import Dataset

_BYTES = 8


def split(dataset: Dataset, fraction: float, key: bytes) -> tuple[Dataset, Dataset]:
    """Part a dataset into (rest, held out) by a keyed hash of each row.

    Where a row goes depends on that row (or, with a subject, on that person) and the key alone:
    adding a person moves nobody else, equal rows and all rows of a person stay together, and so
    the split itself says nothing about others.

    Args:
        dataset: what to part.
        fraction: the expected share that is held out.
        key: up to 64 secret bytes.

    Raises:
        DataError: one of the parts would be empty.
    """
    if dataset.subject:
        marks = [str(v) for v in dataset.table.column(dataset.subject).to_pylist()]
    else:
        marks = [json.dumps(row, default=str) for row in dataset.table.to_pylist()]
    limit = int(fraction * 2 ** (8 * _BYTES))
    held = np.fromiter(
        (
            int.from_bytes(hashlib.blake2b(m.encode(), key=key, digest_size=_BYTES).digest(), "big")
            < limit
            for m in marks
        ),
        dtype=bool,
        count=len(marks),
    )
    if held.all() or not held.any():
        raise DataError(
            f"{dataset.rows} rows are too few to hold {100 * fraction:.0f} % out for testing",
            where=dataset.name,
            hint="name a file in [data] test, or raise [data] test_fraction",
        )
    rest = dataset.table.filter(pa.array(~held))
    return dataset.with_table(rest), dataset.with_table(dataset.table.filter(pa.array(held)))
