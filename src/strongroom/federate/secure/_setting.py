"""What both sides of a secure sum agree on, and the words that sites sign."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from strongroom.errors import RefusedError
from strongroom.federate._message import Kind
from strongroom.federate.secure._graph import Graph, share_threshold
from strongroom.vault import canonical_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from strongroom.federate._recipe import SecureSpec
    from strongroom.vault import VerifyKey

PHASES = (Kind.KEYS, Kind.SHARES, Kind.SUBMIT, Kind.CONFIRM, Kind.UNMASK)
"""The phases of a secure sum, in order."""

ANSWERS: Mapping[Kind, tuple[str, ...]] = {
    Kind.KEYS: ("keys",),
    Kind.SHARES: ("shares",),
    Kind.SUBMIT: ("masked", "signature"),
    Kind.CONFIRM: ("signature",),
    Kind.UNMASK: ("shares",),
}
"""The arrays of a site's answer in each phase: uint8, but "masked", which is uint32 or uint64 as
the field has bits. It carries no facts."""

KEY_BYTES, SIGNATURE_BYTES = 32, 64
ADVERT_BYTES = 2 * KEY_BYTES + SIGNATURE_BYTES


class SecureError(RefusedError):
    """A secure sum that can't be, or must not be, finished.

    Attributes:
        about: the site that it is about, where it is about one.
    """

    def __init__(self, what: str, *, hint: str | None = None, about: str | None = None) -> None:
        super().__init__(what, where=about, hint=hint)
        self.about = about


@dataclass(frozen=True)
class Setting:
    """One secure sum: who may be in it, in which round of which job, by which rules.

    Attributes:
        spec: the rules.
        keys: of all members, by name: what they sign with.
        job, round: which round it is for.

    Raises:
        SecureError: rules under which a server could learn more than one sum.
    """

    spec: SecureSpec
    keys: Mapping[str, VerifyKey]
    job: str
    round: int

    def __post_init__(self) -> None:
        members, threshold, colluders = len(self.keys), self.spec.threshold, self.spec.colluders
        if threshold > members:
            raise SecureError(f"a sum of {members} sites can't have {threshold} of them in it")
        # Honest sites sign one set each: two sets with enough signatures would need this many.
        if 2 * threshold <= members + colluders:
            raise SecureError(
                f"a threshold of {threshold} of {members} sites lets a server that lies get two "
                f"sums where {colluders} sites work with it",
                hint=f"threshold = {(members + colluders) // 2 + 1} or more",
            )
        if threshold < colluders + 2:
            raise SecureError("a sum in which one honest site may be alone hides nothing")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All members, in order."""
        return tuple(sorted(self.keys))

    @cached_property
    def places(self) -> dict[str, int]:
        """Each member's place, from 1: where its shares are taken."""
        return {name: place for place, name in enumerate(self.names, 1)}

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the whole setting: goes into every key and every signature."""
        return _digest(
            b"strongroom secure sum 1\0",
            {
                "job": self.job,
                "round": self.round,
                "spec": self.spec.model_dump(mode="json"),
                "keys": {name: key.to_text() for name, key in self.keys.items()},
            },
        )

    def advert(self, site: str, public: bytes) -> bytes:
        """Return what a site signs with its two public keys."""
        return _digest(
            b"strongroom secure keys 1\0",
            {"setting": self.digest.hex(), "site": site, "public": public.hex()},
        )

    def submission(self, roster: bytes, shared: Sequence[str]) -> bytes:
        """Return what a site signs with its masked vector: whom it masked with, by which keys."""
        told = {"setting": self.digest.hex(), "roster": roster.hex(), "shared": list(shared)}
        return _digest(b"strongroom secure submission 1\0", told)

    def confirmation(self, submission: bytes, survivors: Sequence[str]) -> bytes:
        """Return what a site signs before it unmasks: the one set that it will unmask."""
        told = {"submission": submission.hex(), "survivors": list(survivors)}
        return _digest(b"strongroom secure survivors 1\0", told)

    def roster(self, adverts: Mapping[str, bytes]) -> bytes:
        """Return the digest of all advertised keys: the public coins of the graph."""
        told = {site: advert.hex() for site, advert in adverts.items()}
        return _digest(b"strongroom secure roster 1\0", [self.digest.hex(), told])

    def graph(self, adverts: Mapping[str, bytes]) -> Graph:
        """Return who masks with whom.

        A server could choose among rosters, and a site that works with it among keys, for a graph
        that suits them. What sites check doesn't hang on that: see `check_survivors`.
        """
        return Graph.draw(sorted(adverts), self.spec.neighbours, self.roster(adverts))

    def needed(self, graph: Graph) -> int:
        """Return how many shares give back a secret of any site of the graph.

        Raises:
            SecureError: as many may collude.
        """
        holders = len(graph.ring) if graph.complete else 2 * graph.reach + 1
        needed = share_threshold(holders, len(graph.ring), self.spec.threshold)
        if needed <= self.spec.colluders:
            raise SecureError(
                f"{self.spec.colluders} colluders may hold enough of a site's {holders} shares",
                hint="neighbours: more",
            )
        return needed

    def check_sites(self, sites: Sequence[str], among: Collection[str]) -> None:
        """Refuse a list of sites that isn't in order, names others, or is too short.

        Raises:
            SecureError: says which.
        """
        if sorted(set(sites)) != list(sites) or not set(sites) <= set(among):
            raise SecureError("a list of sites with others in it, or not in order")
        if len(sites) < self.spec.threshold:
            raise SecureError(
                f"only {len(sites)} of the {self.spec.threshold} sites that a sum needs are left"
            )

    def check_survivors(self, graph: Graph, survivors: Sequence[str]) -> None:
        """Refuse survivors among whom colluders could part the honest ones.

        Raises:
            SecureError: the sum would fall into sums of fewer.
        """
        if graph.connectivity(survivors) <= self.spec.colluders:
            raise SecureError(
                "too many neighbours dropped out: the sum would fall into parts",
                hint="neighbours: more, or all",
            )


def _digest(domain: bytes, value: object) -> bytes:
    return hashlib.sha256(domain + canonical_json(value)).digest()
