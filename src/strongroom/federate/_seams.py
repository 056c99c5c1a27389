"""The seams of the room: who asks, who answers, and what carries messages between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from strongroom.federate._message import Message


class Answers(Protocol):
    """A site, or what stands in for one: it answers each request, if only to refuse.

    `Site` (in `site`) is the real one. A transport calls it, in one thread, once per request.
    """

    @property
    def name(self) -> str:
        """The site's."""

    def answer(self, request: Message) -> Message:
        """Do what is asked within the site's policy. Never raises for a request that is bad."""


class Channel(Protocol):
    """What a coordinator talks through: loopback in one process, or NVIDIA FLARE."""

    def present(self) -> Sequence[str]:
        """Return the names of the sites that can be asked now."""

    def ask(
        self,
        requests: Mapping[str, Message],
        *,
        deadline: float,
        heard: Callable[[str, Message], None] | None = None,
    ) -> dict[str, Message]:
        """Send each named site its request, all at once, and gather what comes back.

        Args:
            requests: site to message.
            deadline: seconds after which who hasn't answered is left out.
            heard: told of each answer as it comes.

        Returns:
            Answers by site. Who vanished or was too late isn't there. An answer that isn't one to
            the request (`Message.answers`) or can't be decoded is there as a `REFUSED` of the
            channel's own, with the reason.
        """
