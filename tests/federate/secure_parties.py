"""Sites and a server for secure sums, in one process: the real ones, and hands to lie with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.federate import Kind, Message, SecureSpec
from strongroom.federate.secure import PHASES, ServerRound, SiteRound, _shamir
from strongroom.federate.secure._secrets import WORDS, Masks, pair_info, pair_seed
from strongroom.privacy import SecretStream
from strongroom.vault import SigningKey

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

JOB = "5e" * 16


def seed_of(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()


def signing_key(site: str) -> SigningKey:
    return SigningKey(seed_of("key", site))


@dataclass
class Parties:
    """All who take part in one sum.

    Args:
        count: of sites, named "s00" and so on.
        spec: the rules.
        length: of the vectors.
        vectors: by site; None: drawn.
    """

    count: int
    spec: SecureSpec
    length: int = 5
    vectors: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    number: int = 1
    run: int = 0

    def __post_init__(self) -> None:
        self.names = [f"s{i:02}" for i in range(self.count)]
        self.keys = {name: signing_key(name).public for name in self.names}
        drawn = np.random.default_rng(self.count)
        half = 1 << (self.spec.bits - 1)
        for name in self.names:
            vector = drawn.integers(-half // self.count, half // self.count, self.length)
            self.vectors.setdefault(name, vector)
        self.sites = {name: self.site(name, self.run) for name in self.names}
        self.server = ServerRound(
            self.spec, self.keys, job=JOB, round=self.number, length=self.length
        )
        self.told: dict[Kind, dict[str, Message]] = {}

    def site(self, name: str, run: int = 0) -> SiteRound:
        coins = SecretStream(seed_of("coins", name, run, self.number))
        made = SiteRound(
            name,
            signing_key(name),
            self.keys,
            self.spec,
            job=JOB,
            round=self.number,
            coins=coins,
        )
        made.hold(self.vectors[name])
        return made

    def ask(self, requests: Mapping[str, Message]) -> dict[str, Message]:
        """Send through bytes, as a transport does."""
        found = {}
        for name, request in requests.items():
            answer = self.sites[name].answer(Message.decode(request.encode()))
            found[name] = Message.decode(answer.encode())
        return found

    def phase(self, phase: Kind, gone: Collection[str] = ()) -> dict[str, Message]:
        """Go through a phase honestly, with sites that vanish before they answer."""
        requests = self.server.requests(phase)
        answers = self.ask({n: m for n, m in requests.items() if n not in gone})
        self.told[phase] = answers
        self.server.take(phase, answers)
        return answers

    def until(self, last: Kind) -> Parties:
        """Go through all phases before this one honestly."""
        for phase in PHASES[: PHASES.index(last)]:
            self.phase(phase)
        return self

    def sum_of(self, names: Collection[str]) -> NDArray[np.int64]:
        word = WORDS[self.spec.bits]
        total = np.zeros(self.length, word)
        for name in names:
            total += self.vectors[name].astype(word)
        return total.view(f"<i{self.spec.bits // 8}").astype(np.int64)


def message(parties: Parties, kind: Kind, sites: list[Any], **arrays: NDArray[Any]) -> Message:
    return Message(kind, JOB, parties.number, "0" * 32, {"sites": sites}, arrays)


def unmask_some(parties: Parties, shown: Mapping[str, Message], names: list[str],
                seeds: set[str]) -> NDArray[np.int64]:  # fmt: skip
    """Do what a thief can with unmasking answers: the sum of some, the masks of others known.

    Args:
        parties: after SUBMIT.
        shown: each site's answer to UNMASK.
        names: whose sum is wanted.
        seeds: of whom shares are of the own mask's seed; by `names` alone, of others mask keys.
    """
    server = parties.server
    shares: dict[tuple[str, bool], dict[int, int]] = {}
    for site, answer in shown.items():
        owners = sorted([*server._peers(site), site])
        for owner, row in zip(owners, answer.arrays["shares"], strict=True):
            of_seed = owner in parties.sites[site]._survivors
            place = server._setting.places[site]
            known = shares.setdefault((owner, of_seed), {})
            known[place] = int.from_bytes(row.tobytes(), "big")
    needed = server._setting.needed(server._drawn)

    def secret(owner: str, *, of_seed: bool) -> bytes:
        known = shares.get((owner, of_seed), {})
        if len(known) < needed:
            raise LookupError(owner)
        joined = _shamir.join(dict(list(known.items())[:needed]))
        assert joined is not None
        return joined

    word = WORDS[parties.spec.bits]
    masks = Masks(np.zeros(parties.length, word), parties.spec.bits)
    for name in names:
        masks.total += server._masked[name]
        masks.add(secret(name, of_seed=True), minus=True)
    for other in server._shared:
        if other in seeds:
            continue
        key = secret(other, of_seed=False)
        for peer in server._peers(other):
            if peer in names:
                first, second = sorted((other, peer))
                info = pair_info("mask", server._roster, first, second)
                masks.add(pair_seed(key, server._public(peer), info), minus=peer == first)
    return masks.total.view(f"<i{parties.spec.bits // 8}").astype(np.int64)
