"""Who masks with whom: all with all, or a sparse graph.

The sparse graph is that of Bell et al. 2020, "Secure Single-Server Aggregation with
(Poly)Logarithmic Overhead": Harary's, a ring in which each site is linked with the nearest on both
sides, its places drawn at random. In a graph with masks on its edges a server learns the sum of
each connected part; so what must hold is that honest survivors are connected. The paper bounds the
chance that they aren't, for sites that drop out by chance. A server that lies may *choose* who
drops out, after it has seen the graph: so each site computes from the survivors that it is shown
how many of them would have to collude to part the rest (`Graph.connectivity`), exactly, and signs
only where that is more than may collude. The chances (`risk`) are for choosing the number of
neighbours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

from strongroom.errors import InputError
from strongroom.privacy import SecretStream

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_LEARNED, _LOST = 2.0**-40, 2.0**-30


@dataclass(frozen=True)
class Graph:
    """A ring of sites, each linked with the `reach` nearest on both sides.

    Attributes:
        ring: the sites, in the ring's order.
        reach: half the number of neighbours.
    """

    ring: tuple[str, ...]
    reach: int

    @classmethod
    def draw(cls, sites: Sequence[str], neighbours: int | None, coins: bytes) -> Self:
        """Draw a graph.

        Args:
            sites: in an order that all agree on.
            neighbours: of each, rounded up to an even number; None: all others.
            coins: 32 public bytes.
        """
        everybody = len(sites) // 2
        reach = everybody if neighbours is None else min(-(-neighbours // 2), everybody)
        words = SecretStream(coins).words("graph", 0, len(sites))
        return cls(tuple(sites[i] for i in np.argsort(words, kind="stable")), reach)

    @property
    def complete(self) -> bool:
        """Whether each is linked with all others."""
        return 2 * self.reach >= len(self.ring) - 1

    @cached_property
    def _places(self) -> dict[str, int]:
        return {site: place for place, site in enumerate(self.ring)}

    def neighbours(self, site: str) -> tuple[str, ...]:
        """Return whom a site masks with, by name."""
        if self.complete:
            return tuple(sorted(s for s in self.ring if s != site))
        place, size = self._places[site], len(self.ring)
        steps = (d for d in range(-self.reach, self.reach + 1) if d)
        return tuple(sorted(self.ring[(place + d) % size] for d in steps))

    def holders(self, site: str) -> tuple[str, ...]:
        """Return who holds shares of a site's secrets: its neighbours and it, by name."""
        return tuple(sorted((*self.neighbours(site), site)))

    def connectivity(self, survivors: Collection[str]) -> int:
        """Return how many survivors must be taken away before the others fall apart.

        Survivors are connected unless two stretches of `reach` places without any lie between
        them; so it is the number of survivors in the two emptiest stretches that have survivors
        on both sides. One less than all where nothing parts them.
        """
        present = np.array([site in survivors for site in self.ring], np.int64)
        size, whole = len(self.ring), int(present.sum())
        best = whole - 1
        if self.complete:
            return best
        # before[i]: survivors in the first i places of the ring, gone around twice.
        before = np.concatenate([[0], np.cumsum(np.tile(present, 2))])
        within = before[self.reach : self.reach + size] - before[:size]
        for first in range(size):
            second = np.arange(first + self.reach, first + size - self.reach + 1)
            between = before[second] - before[first + self.reach]
            parted = (between > 0) & (whole - within[first] - between - within[second % size] > 0)
            if parted.any():
                best = min(best, int(within[first] + within[second[parted] % size].min()))
        return best


def share_threshold(holders: int, members: int, threshold: int) -> int:
    """Return how many holders' shares give a secret back: the same part of them as of all."""
    return -(-holders * threshold // members)


@dataclass(frozen=True)
class Risk:
    """Chances over the drawing of the graph, of any site being hit; upper bounds.

    Attributes:
        learned: that some proper part of the honest sites can be told from their sum, where the
            colluders and who drops out were fixed before the graph was drawn.
        lost: that the sum can't be recovered after the dropouts.
    """

    learned: float
    lost: float


@lru_cache(maxsize=4096)
def risk(members: int, neighbours: int, threshold: int, colluders: int, dropouts: int) -> Risk:
    """Return the chances of failure of a sparse graph (after section 3.5 of Bell et al. 2020).

    A site's neighbours are a uniform subset of the others, so those among them who collude, or
    drop out, are hypergeometric; a union bound goes over the sites. Honest survivors are parted
    only where two stretches of the ring have none of them.

    Args:
        members: of the sum.
        neighbours: of each.
        threshold: of the sum; a site's secrets have the same part of their holders.
        colluders: who tell the server all that they see.
        dropouts: who send their shares and nothing after.
    """
    if colluders + dropouts > members or not 0 < threshold <= members:
        raise InputError("more colluders and dropouts than sites, or a threshold that can't be")
    reach = min(-(-neighbours // 2), members // 2)
    degree = min(2 * reach, members - 1)
    needed = share_threshold(degree + 1, members, threshold)
    broken = _tail(members - 1, colluders, degree, needed)
    lost = _tail(members - 1, dropouts, degree, degree + 1 - needed + 1)
    # A site that dropped out holds no share of its own secrets either.
    lost_dropped = _tail(members - 1, max(dropouts - 1, 0), degree, degree - needed + 1)
    parted, gone = 0.0, colluders + dropouts
    if degree < members - 1 and gone >= 2 * reach:
        both = _log_choose(members - 2 * reach, gone - 2 * reach) - _log_choose(members, gone)
        parted = math.exp(both) * members * (members - 1) / 2
    return Risk(
        min(1.0, members * broken + parted),
        min(1.0, (members - dropouts) * lost + dropouts * lost_dropped),
    )


def enough_neighbours(members: int, threshold: int, *, colluders: int, dropouts: int) -> int | None:
    """Return the least even number of neighbours whose `risk` is at most 2^-40 and 2^-30.

    None: not even all others are enough, since more drop out than the threshold allows, or so many
    collude.
    """
    candidates: list[int] = [*range(2, members - 1, 2), members - 1]
    for neighbours in candidates:
        found = risk(members, neighbours, threshold, colluders, dropouts)
        if found.learned <= _LEARNED and found.lost <= _LOST:
            return neighbours
    return None


def _log_choose(of: int, some: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)


def _tail(of: int, marked: int, drawn: int, least: int) -> float:
    """Return the chance that at least so many of those drawn without replacement are marked."""
    low, high = max(least, drawn - (of - marked), 0), min(marked, drawn)
    if low <= max(drawn - (of - marked), 0):
        return 1.0
    every = _log_choose(of, drawn)
    logs = (
        _log_choose(marked, k) + _log_choose(of - marked, drawn - k) - every
        for k in range(low, high + 1)
    )
    return min(1.0, math.fsum(map(math.exp, logs)))
