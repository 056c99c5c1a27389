"""A channel within one process: every message is still encoded and decoded, and may be lost."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from strongroom.federate._message import Message, MessageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from strongroom.federate._seams import Answers


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong between the coordinator and one site.

    Attributes:
        what: "vanish": the request never arrives; "silent": the answer is lost after the work;
            "delay": the answer comes `seconds` late; "malformed": bytes of the answer are changed;
            "replay": the site's earlier answer comes instead of this one.
        seconds: of a delay.
        change: what a malformed answer's bytes become; cut in half by default.
    """

    what: Literal["vanish", "silent", "delay", "malformed", "replay"]
    seconds: float = 0.0
    change: Callable[[bytes], bytes] = lambda data: data[: len(data) // 2]


class LoopbackChannel:
    """A `Channel` to sites in this process.

    Args:
        sites: who can be asked.
        threads: ask all at once, each site in a thread of its own; otherwise one after another,
            each with its own deadline.
        faults: (site, request) to what goes wrong with it, if anything.
        tap: sees every message's bytes: (site, True where they go to the site, bytes).
    """

    def __init__(
        self,
        sites: Iterable[Answers] = (),
        *,
        threads: bool = False,
        faults: Callable[[str, Message], Fault | None] | None = None,
        tap: Callable[[str, bool, bytes], None] | None = None,
    ) -> None:
        self._sites = {site.name: site for site in sites}
        self._faults = faults
        self._tap = tap
        self._threads = threads
        # One thread per site: a site that is still at work is not asked twice at once.
        self._lines: dict[str, ThreadPoolExecutor] = {}
        self._earlier: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines.values():
            line.shutdown(wait=True, cancel_futures=True)
        self._lines.clear()

    def join(self, site: Answers) -> None:
        """Let a site be asked from now on; one of the same name is replaced."""
        self._sites[site.name] = site

    def leave(self, name: str) -> None:
        """Take a site away."""
        self._sites.pop(name, None)

    def present(self) -> Sequence[str]:
        """See `Channel.present`."""
        return sorted(self._sites)

    def ask(
        self,
        requests: Mapping[str, Message],
        *,
        deadline: float,
        heard: Callable[[str, Message], None] | None = None,
    ) -> dict[str, Message]:
        """See `Channel.ask`."""
        if self._threads:
            return self._ask_at_once(requests, deadline, heard)
        answers = {}
        for name, request in requests.items():
            begun = time.monotonic()
            answer = self._exchange(name, request)
            if answer is not None and time.monotonic() - begun <= deadline:
                answers[name] = answer
                if heard is not None:
                    heard(name, answer)
        return answers

    def _ask_at_once(
        self,
        requests: Mapping[str, Message],
        deadline: float,
        heard: Callable[[str, Message], None] | None,
    ) -> dict[str, Message]:
        waiting: dict[Future[Message | None], str] = {}
        for name, request in requests.items():
            line = self._lines.setdefault(
                name, ThreadPoolExecutor(1, thread_name_prefix=f"site-{name}")
            )
            waiting[line.submit(self._exchange, name, request)] = name
        answers: dict[str, Message] = {}
        until = time.monotonic() + deadline
        left = set(waiting)
        while left and (rest := until - time.monotonic()) > 0:
            done, left = wait(left, timeout=rest, return_when="FIRST_COMPLETED")
            for future in done:
                answer = future.result()
                if answer is not None:
                    answers[waiting[future]] = answer
                    if heard is not None:
                        heard(waiting[future], answer)
        for future in left:
            future.cancel()
        return {name: answers[name] for name in requests if name in answers}

    def _exchange(self, name: str, request: Message) -> Message | None:
        """Return the answer, or None where nothing came back."""
        site = self._sites.get(name)
        fault = self._faults(name, request) if self._faults else None
        if site is None or (fault is not None and fault.what == "vanish"):
            return None
        sent = request.encode()
        self._saw(name, sent, to_site=True)
        try:
            data = site.answer(Message.decode(sent)).encode()
        except MessageError as error:
            return request.refuse(f"the site's answer can't be sent: {error.what}")
        if fault is not None:
            if fault.what == "silent":
                return None
            if fault.what == "delay":
                time.sleep(fault.seconds)
            data = self._spoilt(name, data, fault)
        self._earlier[name] = data
        self._saw(name, data, to_site=False)
        return request.read_answer(data)

    def _spoilt(self, name: str, data: bytes, fault: Fault) -> bytes:
        if fault.what == "malformed":
            return fault.change(data)
        return self._earlier.get(name, data) if fault.what == "replay" else data

    def _saw(self, name: str, data: bytes, *, to_site: bool) -> None:
        if self._tap is not None:
            self._tap(name, to_site, data)
