"""The server's side of a secure sum: what it must do to learn the sum, and no more."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.federate._message import Kind, Message, MessageError
from strongroom.federate.secure import _shamir
from strongroom.federate.secure._secrets import WORDS, Masks, pair_info, pair_seed, public_of
from strongroom.federate.secure._setting import (
    ADVERT_BYTES,
    KEY_BYTES,
    PHASES,
    SIGNATURE_BYTES,
    SecureError,
    Setting,
)
from strongroom.federate.secure._site import SEALED_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.federate._recipe import SecureSpec
    from strongroom.federate.secure._graph import Graph
    from strongroom.vault import VerifyKey


class ServerRound:
    """One secure sum: for each of `PHASES`, send `requests` and `take` what comes back.

    A site whose answer is missing, refuses or doesn't fit has dropped out; it doesn't come back in
    this sum. After the last phase `total` is the sum over `members`.

    Args:
        spec: the rules.
        members: the sites that may be in it, and what they sign with.
        job, round: which round it is for.
        length: of the vectors.

    Attributes:
        gone: why each site that dropped out did.
        accused: sites whose messages others couldn't use, with who says so. Either may be lying:
            where a sum fails, the next is best tried without both.

    Raises:
        SecureError: rules under which a server could learn more than one sum.
    """

    def __init__(
        self,
        spec: SecureSpec,
        members: Mapping[str, VerifyKey],
        *,
        job: str,
        round: int,  # noqa: A002 - as in messages
        length: int,
    ) -> None:
        self._setting = Setting(spec, dict(members), job, round)
        self._length = length
        self._present = list(self._setting.names)
        self._next = 0
        self.gone: dict[str, str] = {}
        self.accused: dict[str, list[str]] = {}
        self._adverts: dict[str, bytes] = {}
        self._roster = self._submission = b""
        self._graph: Graph | None = None
        self._sealed: dict[str, dict[str, NDArray[np.uint8]]] = {}  # by receiver and sender
        self._shared: list[str] = []
        self._masked: dict[str, NDArray[Any]] = {}
        self._signatures: dict[str, NDArray[np.uint8]] = {}
        self._survivors: list[str] = []
        self._shares: dict[str, dict[int, int]] = {}
        self._total: NDArray[np.int64] | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """The sites whose vectors are in the sum, or still may be."""
        return tuple(self._survivors or self._present)

    def requests(self, phase: Kind) -> dict[str, Message]:
        """Return what each site that is left must be sent.

        Raises:
            SecureError: it isn't this phase's turn.
        """
        self._check_turn(phase)
        return {site: self._request(phase, site) for site in self._present}

    def take(self, phase: Kind, answers: Mapping[str, Message]) -> None:
        """Take the sites' answers to a phase.

        Raises:
            SecureError: fewer than the threshold are left, or, after the last phase, too few shares
                of a site's secrets came, or ones that don't fit together.
        """
        self._check_turn(phase)
        left = []
        for site in self._present:
            try:
                _TAKERS[phase](self, site, _answer(phase, answers.get(site)))
            except (MessageError, SecureError) as error:
                self.gone[site] = error.what
                about = answers[site].facts.get("about") if site in answers else None
                if about in self._setting.names and about != site:
                    self.accused.setdefault(about, []).append(site)
            else:
                left.append(site)
        self._present = left
        self._setting.check_sites(left, self._setting.names)
        self._next += 1
        _ENDS[phase](self)

    def total(self) -> NDArray[np.int64]:
        """Return the exact sum over `members`, int64 [length].

        Raises:
            SecureError: not all phases are done.
        """
        if self._total is None:
            raise SecureError("the sum isn't known before all phases are done")
        return self._total

    def _check_turn(self, phase: Kind) -> None:
        if self._next >= len(PHASES) or phase is not PHASES[self._next]:
            raise SecureError(f"{phase} out of order")

    def _request(self, phase: Kind, site: str) -> Message:
        facts: dict[str, Any] = {}
        arrays: dict[str, NDArray[Any]] = {}
        if phase is Kind.SHARES:
            facts = {"sites": list(self._adverts)}
            arrays = {"keys": _table(list(self._adverts.values()), ADVERT_BYTES)}
        elif phase is Kind.SUBMIT:
            rows = [self._sealed[site][p].tobytes() for p in self._peers(site)]
            facts, arrays = {"sites": self._shared}, {"shares": _table(rows, SEALED_BYTES)}
        elif phase in {Kind.CONFIRM, Kind.UNMASK}:
            signers = self._survivors if phase is Kind.CONFIRM else self._signers()
            rows = [self._signatures[s].tobytes() for s in signers]
            facts, arrays = {"sites": signers}, {"signatures": _table(rows, SIGNATURE_BYTES)}
        job, number = self._setting.job, self._setting.round
        return Message(phase, job, number, secrets.token_hex(16), facts, arrays)

    def _signers(self) -> list[str]:
        return self._present[: self._setting.spec.threshold]

    @property
    def _drawn(self) -> Graph:
        if self._graph is None:
            raise SecureError("the keys aren't known yet")
        return self._graph

    def _peers(self, site: str) -> list[str]:
        shared = set(self._shared)
        return [p for p in self._drawn.neighbours(site) if p in shared]

    def _take_keys(self, site: str, answer: Message) -> None:
        advert = answer.require("keys", "uint8", (ADVERT_BYTES,)).tobytes()
        signed = self._setting.advert(site, advert[: 2 * KEY_BYTES])
        if not self._setting.keys[site].verify(signed, advert[2 * KEY_BYTES :]):
            raise SecureError("keys that their site didn't sign for this sum")
        self._adverts[site] = advert

    def _end_keys(self) -> None:
        self._roster = self._setting.roster(self._adverts)
        self._graph = self._setting.graph(self._adverts)
        self._setting.needed(self._graph)

    def _take_shares(self, site: str, answer: Message) -> None:
        peers = self._drawn.neighbours(site)
        table = answer.require("shares", "uint8", (len(peers), SEALED_BYTES))
        for peer, row in zip(peers, table, strict=True):
            self._sealed.setdefault(peer, {})[site] = row

    def _end_shares(self) -> None:
        self._shared = list(self._present)
        self._setting.check_survivors(self._drawn, self._shared)
        self._submission = self._setting.submission(self._roster, self._shared)

    def _take_masked(self, site: str, answer: Message) -> None:
        kind = WORDS[self._setting.spec.bits].name
        masked = answer.require("masked", kind, (self._length,))
        self._signed(site, answer, self._submission)
        self._masked[site] = masked

    def _end_masked(self) -> None:
        self._survivors = list(self._present)
        self._setting.check_survivors(self._drawn, self._survivors)

    def _take_confirmation(self, site: str, answer: Message) -> None:
        signed = self._setting.confirmation(self._submission, self._survivors)
        self._signed(site, answer, signed)

    def _signed(self, site: str, answer: Message, signed: bytes) -> None:
        signature = answer.require("signature", "uint8", (SIGNATURE_BYTES,))
        if not self._setting.keys[site].verify(signed, signature.tobytes()):
            raise SecureError("a signature that doesn't fit this sum")
        self._signatures[site] = signature

    def _take_unmasking(self, site: str, answer: Message) -> None:
        owners = sorted([*self._peers(site), site])
        table = answer.require("shares", "uint8", (len(owners), _shamir.SHARE_BYTES))
        values = [int.from_bytes(row.tobytes(), "big") for row in table]
        if any(value >= _shamir.PRIME for value in values):
            raise SecureError("shares that are none")
        for owner, value in zip(owners, values, strict=True):
            self._shares.setdefault(owner, {})[self._setting.places[site]] = value

    def _end_unmasking(self) -> None:
        bits, needed = self._setting.spec.bits, self._setting.needed(self._drawn)
        masks = Masks(np.zeros(self._length, WORDS[bits]), bits)
        for masked in self._masked.values():
            np.add(masks.total, masked, out=masks.total)
        survivors = set(self._survivors)
        for site in self._shared:
            shares = dict(list(self._shares.get(site, {}).items())[:needed])
            if len(shares) < needed:
                raise SecureError(
                    f"{len(shares)} of the {needed} shares of its secrets came", about=site
                )
            secret = _shamir.join(shares)
            if secret is None:
                raise SecureError("its shares don't fit together", about=site)
            if site in survivors:
                masks.add(secret, minus=True)
                continue
            if public_of(secret) != self._public(site):
                raise SecureError("its shares don't fit together", about=site)
            for peer in self._peers(site):
                if peer in survivors:
                    first, second = sorted((site, peer))
                    info = pair_info("mask", self._roster, first, second)
                    seed = pair_seed(secret, self._public(peer), info)
                    masks.add(seed, minus=peer == first)
        self._total = masks.total.view(f"<i{bits // 8}").astype(np.int64)

    def _public(self, site: str) -> bytes:
        return self._adverts[site][KEY_BYTES : 2 * KEY_BYTES]


_TAKERS = {
    Kind.KEYS: ServerRound._take_keys,  # noqa: SLF001 - its own
    Kind.SHARES: ServerRound._take_shares,  # noqa: SLF001
    Kind.SUBMIT: ServerRound._take_masked,  # noqa: SLF001
    Kind.CONFIRM: ServerRound._take_confirmation,  # noqa: SLF001
    Kind.UNMASK: ServerRound._take_unmasking,  # noqa: SLF001
}
_ENDS = {
    Kind.KEYS: ServerRound._end_keys,  # noqa: SLF001
    Kind.SHARES: ServerRound._end_shares,  # noqa: SLF001
    Kind.SUBMIT: ServerRound._end_masked,  # noqa: SLF001
    Kind.CONFIRM: lambda _: None,
    Kind.UNMASK: ServerRound._end_unmasking,  # noqa: SLF001
}


def _answer(phase: Kind, answer: Message | None) -> Message:
    if answer is None:
        raise SecureError("no answer")
    if answer.kind is Kind.REFUSED:
        raise SecureError(f"refused: {answer.facts.get('why', 'no reason')}")
    if answer.kind is not phase:
        raise SecureError(f"an answer to {answer.kind}")
    return answer


def _table(rows: list[bytes], width: int) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), width)
