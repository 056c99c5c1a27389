"""What crossed: messages and bytes by site and kind, by the site's count and by the coordinator's.

Two who count apart must come to the same. Where they don't, something was added or lost on the way.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from strongroom.federate._message import Kind, Message, MessageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from strongroom.federate._seams import Channel

# What is asked before a job has an id at the site, or after the site has stated its counts.
_OUTSIDE = (Kind.DESCRIBE, Kind.PROPOSE, Kind.REFUSED, Kind.FINISH, Kind.STOP)


@dataclass(frozen=True)
class Flow:
    """Messages of one kind in one direction.

    Attributes:
        messages: how many.
        bytes: as encoded (`Message.encode`), without what a network adds.
    """

    messages: int = 0
    bytes: int = 0

    def __add__(self, other: Flow) -> Flow:
        return Flow(self.messages + other.messages, self.bytes + other.bytes)


@dataclass(frozen=True)
class SiteTraffic:
    """What one site sent and received, by kind of the message.

    Attributes:
        sent: out of the site.
        received: into it.
    """

    sent: Mapping[str, Flow]
    received: Mapping[str, Flow]

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what a site states, or what `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is neither.
        """
        return cls(
            *(
                {
                    Kind(kind).value: Flow(int(flow["messages"]), int(flow["bytes"]))
                    for kind, flow in document[way].items()
                }
                for way in ("sent", "received")
            )
        )

    @property
    def out(self) -> Flow:
        """All that left the site."""
        return sum(self.sent.values(), Flow())

    @property
    def into(self) -> Flow:
        """All that came to it."""
        return sum(self.received.values(), Flow())

    def differences(self, other: SiteTraffic) -> tuple[str, ...]:
        """Say where two counts of the same job differ, one line each.

        What isn't counted alike by design is left out: requests before the job and after the site
        has signed its own count, and refusals, which a channel may make itself.
        """
        found = []
        for way in ("sent", "received"):
            mine, theirs = getattr(self, way), getattr(other, way)
            for kind in Kind:
                one, two = mine.get(kind.value, Flow()), theirs.get(kind.value, Flow())
                if kind not in _OUTSIDE and one != two:
                    found.append(
                        f"{kind.value} {way}: {one.messages:,} messages of {one.bytes:,} bytes, "
                        f"and {two.messages:,} of {two.bytes:,}"
                    )
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            way: {kind: asdict(flow) for kind, flow in sorted(getattr(self, way).items())}
            for way in ("sent", "received")
        }


@dataclass(frozen=True)
class Exchange:
    """A request that was made, and what came back.

    Attributes:
        site: who was asked.
        request, answer: as they crossed; None where no answer came in time.
    """

    site: str
    request: Message
    answer: Message | None


class Watched:
    """A `Channel` that counts what goes through another one, and keeps what it is told to.

    Args:
        channel: the other.
        keep: kinds of which requests and answers are kept, in memory.
        tap: is given (site, whether it goes to the site, bytes) of every message.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        keep: Collection[Kind] = (),
        tap: Callable[[str, bool, bytes], None] | None = None,
    ) -> None:
        self._channel, self._keep, self._tap = channel, frozenset(keep), tap
        self._counts: dict[str, dict[tuple[str, str], Flow]] = defaultdict(dict)
        self._lock = threading.Lock()
        self.exchanges: list[Exchange] = []

    def present(self) -> Sequence[str]:
        """See `Channel.present`."""
        return self._channel.present()

    def ask(
        self,
        requests: Mapping[str, Message],
        *,
        deadline: float,
        heard: Callable[[str, Message], None] | None = None,
    ) -> dict[str, Message]:
        """See `Channel.ask`."""
        answers = self._channel.ask(requests, deadline=deadline, heard=heard)
        for site, request in requests.items():
            self._count(site, "received", request)
            if (answer := answers.get(site)) is not None:
                self._count(site, "sent", answer)
            if request.kind in self._keep:
                self.exchanges.append(Exchange(site, request, answer))
        return answers

    def traffic(self) -> dict[str, SiteTraffic]:
        """Return what was counted so far, by site."""
        with self._lock:
            return {
                site: SiteTraffic(
                    {k: flow for (way, k), flow in counts.items() if way == "sent"},
                    {k: flow for (way, k), flow in counts.items() if way == "received"},
                )
                for site, counts in sorted(self._counts.items())
            }

    def _count(self, site: str, way: str, message: Message) -> None:
        try:
            size = message.size
        except MessageError:
            return  # it never crossed: the channel's own words
        if self._tap is not None:
            self._tap(site, way == "received", message.encode())
        with self._lock:
            counts = self._counts[site]
            key = (way, message.kind.value)
            counts[key] = counts.get(key, Flow()) + Flow(1, size)
