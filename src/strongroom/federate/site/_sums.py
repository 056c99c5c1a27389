"""A site's part of a job's secure sums: who is in them, what goes in, and only one a round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.errors import KeyRefusedError, RefusedError
from strongroom.federate._message import Kind, MessageError
from strongroom.federate._shared import SharedNoise
from strongroom.federate.secure import Quantiser, SiteRound
from strongroom.federate.site._keep import save
from strongroom.train import LocalTraining
from strongroom.vault import VerifyKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from strongroom.federate._message import Message
    from strongroom.federate._recipe import Recipe, SecureSpec
    from strongroom.federate.site._home import Home
    from strongroom.federate.site._keep import Record
    from strongroom.train import Checkpointer, LocalGrowth


class Sums:
    """The secure sums of one job.

    Args:
        recipe: of the job.
        secure: its rules for sums.
        size: d, parameters of the model.
        home: the site.
        record: what is known of the job.
        checkpointer: keeps it; or None.

    Attributes:
        noise: that the sites make together, or None.
    """

    def __init__(
        self,
        recipe: Recipe,
        secure: SecureSpec,
        size: int,
        home: Home,
        record: Record,
        checkpointer: Checkpointer | None,
    ) -> None:
        self._recipe, self._secure, self._home = recipe, secure, home
        self._record, self._checkpointer = record, checkpointer
        self._sum: SiteRound | None = None
        self.noise = SharedNoise.of(recipe, size)

    def company(self, request: Message) -> tuple[float, dict[str, VerifyKey]]:
        """Return what weights are relative to, and the keys of who is in the sum.

        Raises:
            RefusedError: too few, or other keys than this site knows.
        """
        recipe, secure = self._recipe, self._secure
        group, keys = request.facts.get("group"), request.facts.get("keys")
        if not isinstance(group, list) or not isinstance(keys, dict):
            raise MessageError("a secure round without group and keys")
        if not all(isinstance(name, str) and name in recipe.sites for name in group):
            raise RefusedError("a group with a site that the recipe doesn't invite")
        if len(set(group)) != len(group) or self._home.name not in group:
            raise RefusedError("a group that names a site twice, or not this one")
        least = max(secure.threshold, self._home.policy.min_sites)
        if len(group) < least:
            raise RefusedError(
                f"a sum of {len(group)} sites, where {least} are the least",
                hint="wait until more sites are there",
            )
        peers = {name: self._peer(name, keys.get(name)) for name in group}
        self._record.peers |= {name: key.to_text() for name, key in peers.items()}
        return self._scale(request), peers

    def _peer(self, name: str, told: Any) -> VerifyKey:  # noqa: ANN401 - JSON
        known = {self._home.name: self._home.key.public.to_text(), **self._home.policy.peers}
        expected = known.get(name, self._record.peers.get(name))
        try:
            key = VerifyKey.parse(told if isinstance(told, str) else "")
        except KeyRefusedError as error:
            raise MessageError(f'a group without a key of "{name}"') from error
        if expected is not None and key.to_text() != expected:
            pinned = name in self._home.policy.peers
            where = "the one pinned at this site" if pinned else "the one of earlier rounds"
            raise RefusedError(f'the key of "{name}" is not {where}')
        return key

    def _scale(self, request: Message) -> float:
        if self._recipe.weighting == "equal":
            return 1.0
        scale = request.facts.get("scale")
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not scale > 0:
            raise MessageError('a secure round of weighted sites without "scale"')
        return float(scale)

    def vector(
        self,
        training: LocalTraining | LocalGrowth,
        number: int,
        parameters: NDArray[np.float32],
        scale: float,
        about: Mapping[str, Any],
    ) -> NDArray[np.int64]:
        """Train a round and return what goes into its sum, with this site's part of the noise.

        Args:
            training: the site's.
            number: of the round.
            parameters: float32 [d].
            scale: what weights are told relative to.
            about: what else `LocalTraining` takes.
        """
        # Where all count the same, a site does so whatever it holds.
        equal = self._recipe.weighting == "equal"
        weight, scale = (1.0, 1.0) if equal else (float(training.weight), scale)
        if self.noise is not None:
            assert isinstance(training, LocalTraining)  # noqa: S101 - trees share no noise
            given, coins = training.share(number, parameters, **about)
            return self.noise.encode(given, weight, scale, coins, number)
        update = training.round(number, parameters, **about)
        quantiser = Quantiser(self._secure, len(self._recipe.sites))
        return quantiser.encode(update, weight / scale)

    def open(self, peers: Mapping[str, VerifyKey]) -> None:
        """Begin a secure sum of this round's vector.

        Raises:
            RefusedError: one with it may be known already.
        """
        record = self._record
        if record.revealed or (self._sum is not None and self._sum.revealed):
            raise RefusedError(
                f"the sum of round {record.round:,} may be known already: there is no second one",
                hint="go on with the next round",
            )
        home = self._home
        self._sum = SiteRound(
            home.name, home.key, peers, self._secure, job=self._recipe.job, round=record.round
        )
        self._sum.hold(record.arrays["vector"])

    def answer(self, request: Message) -> Message:
        """Answer a phase of the sum that is open, or refuse.

        Raises:
            RefusedError: there is none.
            WorkspaceError: what must be kept before this answer leaves can't be.
        """
        if self._sum is None:
            raise RefusedError(
                f"a {request.kind} without a round before it", hint="ask the site to train first"
            )
        answer = self._sum.answer(request)
        if self._known(answer) and not self._record.revealed:
            self._record.revealed = True
            try:
                save(self._record, self._checkpointer)
            except BaseException:
                self._record.revealed = False
                raise
        return answer

    def _known(self, answer: Message) -> bool:
        """Tell whether a sum with this vector in it may be known once `answer` has left.

        Where all sites are one group, two sums of a round need more sites that unmask than there
        are, so what counts is whether this one did. Where groups are drawn, a server could put the
        same vector into the sum of another group as soon as it was submitted.
        """
        if self._recipe.rule.groups > 1 and answer.kind is Kind.SUBMIT:
            return True
        return self._sum is not None and self._sum.revealed

    def forget(self) -> None:
        """Drop an unfinished sum and its secrets."""
        if self._sum is not None:
            self._sum.forget()
        self._sum = None
