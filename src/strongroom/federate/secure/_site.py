"""A site's side of a secure sum."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import StrongroomError
from strongroom.federate._message import Kind, Message, MessageError
from strongroom.federate.secure import _shamir
from strongroom.federate.secure._secrets import (
    SEALED,
    WORDS,
    Masks,
    Secrets,
    pair_info,
)
from strongroom.federate.secure._setting import (
    ADVERT_BYTES,
    KEY_BYTES,
    PHASES,
    SIGNATURE_BYTES,
    SecureError,
    Setting,
)
from strongroom.privacy import SecretStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.federate._recipe import SecureSpec
    from strongroom.federate.secure._graph import Graph
    from strongroom.vault import SigningKey, VerifyKey

SEALED_BYTES = 2 * _shamir.SHARE_BYTES + SEALED


class SiteRound:
    """One site in one secure sum: answers the five phases, each once.

    A phase is answered only after the one before it, and for one request: the same request again
    gets the same answer, another is refused. So nothing is ever masked, signed or revealed twice
    in different ways. Make one for each round of a job, with fresh coins. Make another for the same
    round only while `revealed` is False: each sum then has sites in it, as many as the threshold
    but for colluders, that are in no later one. Of a vector that holds shared noise, only while
    `submitted` is False: in two sums it would be hidden by less than was paid for.

    Args:
        site: this one's name.
        key: what it signs with.
        peers: all members' public keys, as this site pinned them; with or without its own.
        spec: the rules.
        job, round: which round it is for.
        coins: fresh secret coins; None: from the operating system. Given only by tests.

    Raises:
        SecureError: rules under which a server could learn more than one sum.
    """

    def __init__(
        self,
        site: str,
        key: SigningKey,
        peers: Mapping[str, VerifyKey],
        spec: SecureSpec,
        *,
        job: str,
        round: int,  # noqa: A002 - as in messages
        coins: SecretStream | None = None,
    ) -> None:
        self.site = site
        self._key = key
        self._setting = Setting(spec, {**peers, site: key.public}, job, round)
        self._secrets = Secrets(coins or SecretStream())
        self._vector: NDArray[np.int64] | None = None
        self._answers: dict[Kind, tuple[bytes, dict[str, NDArray[Any]]]] = {}
        self._adverts: dict[str, bytes] = {}
        self._roster = self._submission = b""
        self._graph: Graph | None = None
        self._shared: list[str] = []
        self._survivors: list[str] = []
        self._shares: dict[str, tuple[int, int]] = {}  # of own mask's seed, of mask key

    @property
    def submitted(self) -> bool:
        """Whether its masked vector left: one with shared noise in it may be in one sum only."""
        return Kind.SUBMIT in self._answers

    @property
    def revealed(self) -> bool:
        """Whether it gave shares away, so that the sum may be known."""
        return Kind.UNMASK in self._answers

    def hold(self, vector: NDArray[np.int64]) -> None:
        """Take the vector that goes into the sum.

        Args:
            vector: int64 [length], as `Quantiser.encode` or `privacy.encode_private` made it.

        Raises:
            SecureError: one is held already, or a number doesn't fit the field.
        """
        if self._vector is not None or Kind.SUBMIT in self._answers:
            raise SecureError("a vector is already held for this sum")
        half = 1 << (self._setting.spec.bits - 1)
        if vector.ndim != 1 or vector.dtype != np.int64 or not vector.size:
            raise SecureError("a secure sum takes a vector of whole numbers")
        if self._setting.spec.bits < 64 and (  # noqa: PLR2004 - an int64 fits
            int(vector.min()) < -half or int(vector.max()) >= half
        ):
            raise SecureError(f"a number that doesn't fit {self._setting.spec.bits} bits")
        self._vector = vector.copy()

    def answer(self, request: Message) -> Message:
        """Answer a phase, or refuse; never raises for a request that is bad.

        A refusal that is about a site's message names it in its facts as "about".
        """
        try:
            return request.answer(arrays=self._once(request))
        except SecureError as error:
            about = {"about": error.about} if error.about else {}
            facts = {"why": error.what, "hint": error.hint or "", **about}
            return request.answer(facts, kind=Kind.REFUSED)
        except StrongroomError as error:
            return request.refuse(error.what, error.hint or "")

    def _once(self, request: Message) -> dict[str, NDArray[Any]]:
        if (request.job, request.round) != (self._setting.job, self._setting.round):
            raise SecureError("a request of another round")
        if request.kind not in PHASES:
            raise SecureError(f"{request.kind} is no phase of a secure sum")
        asked = hashlib.sha256(replace(request, nonce="").encode()).digest()
        done = self._answers.get(request.kind)
        if done is not None:
            if done[0] != asked:
                raise SecureError(f"{request.kind} was asked before, and differently")
            return done[1]
        if request.kind is not PHASES[len(self._answers)]:
            raise SecureError(f"{request.kind} out of order")
        arrays = _HANDLERS[request.kind](self, request)
        self._answers[request.kind] = asked, arrays
        return arrays

    def _keys(self, request: Message) -> dict[str, NDArray[Any]]:
        del request
        public = self._secrets.public
        signature = self._key.sign(self._setting.advert(self.site, public))
        self._adverts[self.site] = public + signature
        return {"keys": _octets(public + signature)}

    def _share(self, request: Message) -> dict[str, NDArray[Any]]:
        sites = _names(request)
        self._setting.check_sites(sites, self._setting.names)
        table = request.require("keys", "uint8", (len(sites), ADVERT_BYTES))
        adverts = {site: row.tobytes() for site, row in zip(sites, table, strict=True)}
        if adverts.get(self.site) != self._adverts[self.site]:
            raise SecureError("a list of keys without this site's own")
        graph = self._setting.graph(adverts)
        needed = self._setting.needed(graph)
        for peer in graph.neighbours(self.site):
            public, signature = adverts[peer][: 2 * KEY_BYTES], adverts[peer][2 * KEY_BYTES :]
            signed = self._setting.advert(peer, public)
            if not self._setting.keys[peer].verify(signed, signature):
                raise SecureError("keys that their site didn't sign for this sum", about=peer)
        holders = graph.holders(self.site)
        places = [self._setting.places[h] for h in holders]
        size = _shamir.COIN_BYTES * (needed - 1)
        shared = [
            _shamir.split(secret, places, needed, self._secrets.polynomial(number, size))
            for number, secret in enumerate((self._secrets.seed, self._secrets.mask_key))
        ]
        shares = dict(zip(holders, zip(*shared, strict=True), strict=True))
        roster, rows = self._setting.roster(adverts), []
        for peer in graph.neighbours(self.site):
            plain = b"".join(v.to_bytes(_shamir.SHARE_BYTES, "big") for v in shares[peer])
            info = pair_info("shares", roster, self.site, peer)
            rows.append(self._secrets.seal(plain, adverts[peer][:KEY_BYTES], info))
        self._adverts, self._graph, self._roster = adverts, graph, roster
        self._shares[self.site] = shares[self.site]
        return {"shares": _octets(b"".join(rows)).reshape(len(rows), SEALED_BYTES)}

    def _submit(self, request: Message) -> dict[str, NDArray[Any]]:
        sites, graph = _names(request), self._drawn
        self._setting.check_sites(sites, graph.ring)
        if self.site not in sites:
            raise SecureError("a list of sharers without this site")
        if self._vector is None:
            raise SecureError("there is no update to submit yet")
        self._setting.check_survivors(graph, sites)
        peers = [p for p in graph.neighbours(self.site) if p in set(sites)]
        table = request.require("shares", "uint8", (len(peers), SEALED_BYTES))
        shares = {peer: self._opened(peer, row) for peer, row in zip(peers, table, strict=True)}
        word = WORDS[self._setting.spec.bits]
        masks = Masks(self._vector.astype(word), self._setting.spec.bits)
        masks.add(self._secrets.seed)
        for peer in peers:
            first, second = sorted((self.site, peer))
            info = pair_info("mask", self._roster, first, second)
            seed = self._secrets.pair_seed(self._adverts[peer][KEY_BYTES : 2 * KEY_BYTES], info)
            masks.add(seed, minus=self.site == second)
        self._submission = self._setting.submission(self._roster, sites)
        self._shared = sites
        self._shares.update(shares)
        self._vector = None
        signature = self._key.sign(self._submission)
        return {"masked": masks.total, "signature": _octets(signature)}

    def _opened(self, peer: str, row: NDArray[np.uint8]) -> tuple[int, int]:
        info = pair_info("shares", self._roster, peer, self.site)
        try:
            plain = self._secrets.open(row.tobytes(), self._adverts[peer][:KEY_BYTES], info)
        except SecureError as error:
            raise SecureError(error.what, about=peer) from error
        half = _shamir.SHARE_BYTES
        own, key = (int.from_bytes(plain[at : at + half], "big") for at in (0, half))
        if own >= _shamir.PRIME or key >= _shamir.PRIME:
            raise SecureError("shares that are none", about=peer)
        return own, key

    def _confirm(self, request: Message) -> dict[str, NDArray[Any]]:
        sites = _names(request)
        self._setting.check_sites(sites, self._shared)
        if self.site not in sites:
            raise SecureError("a list of survivors without this site, which submitted")
        # All of them masked with the same sites by the same keys, even who doesn't confirm later.
        self._verify(request, sites, self._submission, len(sites))
        self._setting.check_survivors(self._drawn, sites)
        self._survivors = sites
        signed = self._setting.confirmation(self._submission, sites)
        return {"signature": _octets(self._key.sign(signed))}

    def _unmask(self, request: Message) -> dict[str, NDArray[Any]]:
        signers = _names(request)
        self._setting.check_sites(signers, self._survivors)
        signed = self._setting.confirmation(self._submission, self._survivors)
        self._verify(request, signers, signed, self._setting.spec.threshold)
        survivors = set(self._survivors)
        # Of each site one share: of its own mask's seed, or of its mask key; never both.
        rows = [
            self._shares[peer][0 if peer in survivors else 1].to_bytes(_shamir.SHARE_BYTES, "big")
            for peer in sorted(self._shares)
        ]
        self.forget()
        return {"shares": _octets(b"".join(rows)).reshape(len(rows), _shamir.SHARE_BYTES)}

    def _verify(self, request: Message, sites: list[str], signed: bytes, enough: int) -> None:
        table = request.require("signatures", "uint8", (len(sites), SIGNATURE_BYTES))
        for site, row in zip(sites[:enough], table, strict=False):
            if not self._setting.keys[site].verify(signed, row.tobytes()):
                raise SecureError("it saw another state of this sum, or didn't sign", about=site)

    @property
    def _drawn(self) -> Graph:
        if self._graph is None:
            raise SecureError("a phase before keys were shown")
        return self._graph

    def forget(self) -> None:
        """Drop all secrets: an unfinished sum can't be finished after it."""
        self._vector = None
        self._shares = {}
        self._secrets = Secrets(SecretStream())


_HANDLERS = {
    Kind.KEYS: SiteRound._keys,  # noqa: SLF001 - its own
    Kind.SHARES: SiteRound._share,  # noqa: SLF001
    Kind.SUBMIT: SiteRound._submit,  # noqa: SLF001
    Kind.CONFIRM: SiteRound._confirm,  # noqa: SLF001
    Kind.UNMASK: SiteRound._unmask,  # noqa: SLF001
}


def _names(request: Message) -> list[str]:
    names = request.facts.get("sites")
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise MessageError(f"a {request.kind} without a list of sites")
    return names


def _octets(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)
