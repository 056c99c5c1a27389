"""Who takes part: asked with the whole recipe, and held to a signature over its digest."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from strongroom.errors import KeyRefusedError
from strongroom.federate._message import Kind, Message
from strongroom.vault import VerifyKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.federate._recipe import Recipe
    from strongroom.federate._seams import Channel

AGREED = b"strongroom federate propose\0"
_STRIKES = 3
_MOST_REST = 16
_MOST_WORDS = 500


@dataclass(frozen=True)
class Member:
    """A site that agreed.

    Attributes:
        key: what it signs with.
        weight: what it counts for: its declared or rounded rows.
        joined: the round before which it agreed first.
    """

    key: VerifyKey
    weight: float
    joined: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"key": self.key.to_text(), "weight": self.weight, "joined": self.joined}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read back what `to_json` gave."""
        return cls(VerifyKey.parse(document["key"]), document["weight"], document["joined"])


class Members:
    """The sites of a job: who agreed, who said no, who left.

    Args:
        recipe: what they are asked.
        channel: to them.
        pinned: keys that sites must have; a site that isn't named is taken at its word.
        known: who had agreed before the coordinator was killed: its keys may not change.
        refusals: what was noted before.

    Attributes:
        agreed: by name.
        refusals: who said no, in which round and why: `{"site", "round", "kind", "why", "hint"}`.
    """

    def __init__(
        self,
        recipe: Recipe,
        channel: Channel,
        *,
        pinned: Mapping[str, VerifyKey],
        known: Mapping[str, Member],
        refusals: list[dict[str, Any]],
    ) -> None:
        self._recipe, self._channel = recipe, channel
        self._digest = recipe.digest()
        self._known = dict(known)
        self._pinned = {**{n: m.key for n, m in known.items()}, **pinned}
        self._strikes: dict[str, int] = {}
        # Site to how often in a row it was silent, and the round before which it isn't asked again.
        self._silent: dict[str, tuple[int, int]] = {}
        self.agreed: dict[str, Member] = {}
        self.refusals = refusals

    def invite(self, round_: int, need: int) -> None:
        """Ask those invited sites that can be reached and haven't agreed; note who says no.

        Who was silent several times in a row rests for some rounds, so that all others don't wait
        for it in each; unless fewer than `need` would be left.
        """
        missing = [s for s in self._recipe.sites if s not in self.agreed and self._may(s)]
        awake = [s for s in missing if self._silent.get(s, (0, 0))[1] <= round_]
        if len(self.agreed) + len(awake) >= need:
            missing = awake
        if not missing:
            return
        present = set(self._channel.present())
        facts = {"recipe": self._recipe.model_dump(mode="json")}
        requests = {
            site: ask(self._recipe, Kind.PROPOSE, 0, facts) for site in missing if site in present
        }
        answers = self._channel.ask(requests, deadline=self._recipe.deadline) if requests else {}
        for site, request in requests.items():
            answer = answers.get(site)
            if answer is None:
                self.left(site, round_)
                continue
            if answer.kind is Kind.REFUSED:
                self.refused(site, round_, Kind.PROPOSE, answer)
                continue
            why = self._take(site, answer, round_)
            if why:
                self.refused(site, round_, Kind.PROPOSE, request.refuse(why))

    def left(self, site: str, round_: int) -> None:
        """Take out a site that vanished or was too slow; it may come back by agreeing again."""
        self.agreed.pop(site, None)
        times = self._silent.get(site, (0, 0))[0] + 1
        rest = min(2 ** (times - _STRIKES), _MOST_REST) if times >= _STRIKES else 0
        self._silent[site] = times, round_ + 1 + rest

    def answered(self, site: str) -> None:
        """Note that a site did its part."""
        self._silent.pop(site, None)

    def refused(self, site: str, round_: int, kind: Kind, answer: Message) -> str:
        """Take out a site that said no, and return why; after three times it isn't asked again.

        A site that only waits for somebody's approval may say so as often as it is asked.
        """
        self.agreed.pop(site, None)
        why, hint = (_words(answer.facts.get(name)) for name in ("why", "hint"))
        pending = answer.facts.get("pending") is True
        if not pending:
            self._strikes[site] = self._strikes.get(site, 0) + 1
        noted = {"site": site, "round": round_, "kind": kind.value, "why": why, "hint": hint}
        last = next((r for r in reversed(self.refusals) if r["site"] == site), None)
        if last is None or {**last, "round": round_} != noted:
            self.refusals.append(noted)
        return why

    def excluded(self, site: str, round_: int, kind: Kind, why: str) -> None:
        """Take out a site that others found out: it isn't asked again."""
        self.refused(site, round_, kind, Message(Kind.REFUSED, facts={"why": why}))
        self._strikes[site] = _STRIKES

    def hopeful(self) -> int:
        """Return how many invited sites have agreed or may still."""
        return sum(self._may(site) for site in self._recipe.sites)

    def _may(self, site: str) -> bool:
        return self._strikes.get(site, 0) < _STRIKES

    def _take(self, site: str, answer: Message, round_: int) -> str:
        """Write down that a site agreed; return why it can't be taken for that, or nothing."""
        match answer.facts:
            case {
                "digest": str(digest), "key": str(text), "signature": str(signature),
                "weight": int(weight) | float(weight),
            } if 0 < weight < 1e15:  # noqa: PLR2004 - more rows than there are  # fmt: skip
                pass
            case _:
                return "it agrees without digest, weight, key and signature"
        if digest != self._digest:
            return "it agrees to another recipe than it was sent"
        try:
            key, signed = VerifyKey.parse(text), bytes.fromhex(signature)
        except (KeyRefusedError, ValueError):
            return "its key or signature can't be read"
        if self._pinned.get(site, key) != key:
            return "its key is another than the one that is known of it"
        if not key.verify(AGREED + digest.encode() + b"\0" + site.encode(), signed):
            return "its signature doesn't fit"
        self._pinned[site] = key
        joined = self._known[site].joined if site in self._known else round_
        self.agreed[site] = self._known[site] = Member(key, float(weight), joined)
        return ""

    @property
    def ever(self) -> dict[str, Member]:
        """Everybody who agreed at any time."""
        return self._known


def ask(recipe: Recipe, kind: Kind, round_: int, facts: Mapping[str, Any] | None = None,
        arrays: Mapping[str, Any] | None = None) -> Message:  # fmt: skip
    """Return a request of a job, with a nonce of its own."""
    return Message(kind, recipe.job, round_, secrets.token_hex(16), facts or {}, arrays or {})


def _words(said: Any) -> str:  # noqa: ANN401 - what a site wrote
    return said[:_MOST_WORDS] if isinstance(said, str) else ""
