"""A look at a table, or a text, that arrives in batches of any size, in constant memory."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from strongroom.discover.columns._column import Column, Read
from strongroom.discover.columns._leaves import leaves

if TYPE_CHECKING:
    import pyarrow as pa

    from strongroom.discover.columns._leaves import Leaf
    from strongroom.discover.columns._profile import Profile


# Shorter batches are done before threads have begun.
_WORTH_THREADS = 1 << 14


class Look:
    """Adds batches up, column by column.

    A batch may lack columns of others, and have further ones.

    Args:
        read: finds personal data in strings.
        prose: all strings are sentences.
        in_order: they are to be read as they come, and none of them left out.
        threads: how many columns are looked at side by side, if `read` may be.
    """

    def __init__(
        self, read: Read, *, prose: bool = False, in_order: bool = False, threads: int = 1
    ) -> None:
        self._read, self._threads = read, threads
        self._how = {"prose": prose, "in_order": in_order}
        self._columns: dict[tuple[str, bool, int], Column] = {}
        self.rows = 0

    def add(self, table: pa.Table) -> None:
        """Add a batch."""
        named: Counter[tuple[str, bool]] = Counter()
        missing = set(self._columns)
        parts: list[tuple[Column, Leaf]] = []
        for leaf in leaves(table):
            # Two columns of one name are two columns; so are a list and a single value.
            own = (leaf.name, leaf.owners is None)
            key = (*own, named[own])
            named[own] += 1
            missing.discard(key)
            if key not in self._columns:
                self._columns[key] = Column(leaf, self._read, **self._how)
                self._columns[key].skip(self.rows)
            parts.append((self._columns[key], leaf))
        if self._threads > 1 and len(parts) > 1 and table.num_rows >= _WORTH_THREADS:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(lambda part: part[0].add(part[1]), parts))
        else:
            for column, leaf in parts:
                column.add(leaf)
        for key in missing:
            self._columns[key].skip(table.num_rows)
        self.rows += table.num_rows

    def profiles(self) -> list[Profile]:
        """Return what every column looks like so far."""
        return [column.profile(self.rows) for column in self._columns.values()]
