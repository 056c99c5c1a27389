"""A few rows of many, each as likely as any other, drawn while they pass.

Algorithm R (Vitter 1985, "Random sampling with a reservoir"): row i of those so far enters a sample
of n with probability n / i and takes the place of a random one. What no row of the sample holds is,
with 95 % confidence, in at most 1 - 0.05^(1/n) of all rows: about 3 / n, the "rule of three".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strongroom.data.sources import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DOUBT = 0.05


@dataclass
class Sample:
    """Iterate over a sample of rows, as batches.

    Attributes:
        batches: where the rows come from.
        size: how many to draw.
        rows: how many passed; known at the end.
        notes: what their reader said.
    """

    batches: Iterable[Batch]
    size: int
    rows: int = 0
    notes: tuple[str, ...] = ()

    @property
    def seen(self) -> int:
        """How many rows the sample has."""
        return min(self.rows, self.size)

    def __iter__(self) -> Iterator[Batch]:
        """Draw the sample, then yield it in the order of the rows; the same one every time."""
        coins = np.random.default_rng(0)
        # Which part, and which row of it, has each place.
        part, row = np.zeros(self.size, np.int64), np.zeros(self.size, np.int64)
        parts: list[Batch] = []
        notes: dict[str, None] = {}
        for batch in self.batches:
            notes |= dict.fromkeys(batch.notes)
            count = batch.table.num_rows
            order = self.rows + np.arange(count)
            place = np.where(order < self.size, order, coins.integers(0, order + 1))
            enters = np.flatnonzero(place < self.size)
            self.rows += count
            if len(enters):
                kept = batch.table.take(enters)
                part[place[enters]], row[place[enters]] = len(parts), np.arange(len(enters))
                parts.append(Batch(kept, batch.first_row, batch.offset))
        self.notes = tuple(notes)
        for number, kept in enumerate(parts):
            rows = np.sort(row[: self.seen][part[: self.seen] == number])
            if len(rows):
                yield Batch(kept.table.take(rows), kept.first_row)

    def note(self) -> str | None:
        """Say in words what the sample leaves open; nothing if it has all rows."""
        if self.rows <= self.size:
            return None
        bound = 1 - _DOUBT ** (1 / self.size)
        return (
            f"looked at {self.size:,} of {self.rows:,} rows: what was not found there is in less "
            f"than {_percent(bound)} of rows (95 % confidence)"
        )


def _percent(share: float) -> str:
    return f"{float(f'{100 * share:.2g}'):g} %"
