"""What FLARE loads at a site: the gate through which requests come, and its refusal of jobs.

FLARE's own way to run something at a site is a job: an app that the server sends and the site
unpacks, with classes that the app names. Nothing of that is used here. A site runs no job, has no
launcher for one, and `Gate` lets in one kind of message: bytes on Strongroom's channel, signed by
the coordinator. All else is dropped before FLARE decodes
it, so that what FLARE could be made to do by messages, a server can't make it do. Beside being
safer, it is quick (a job costs seconds to start, and FLARE polls), and sites may come late.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import TYPE_CHECKING, Any

from nvflare.apis.app_validation import AppValidator
from nvflare.apis.event_type import EventType
from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_constant import FLContextKey
from nvflare.fuel.f3.cellnet.defs import CellChannel, Encoding, MessageHeaderKey, MessageType
from nvflare.fuel.f3.cellnet.defs import ReturnCode as Code
from nvflare.fuel.f3.cellnet.utils import make_reply, new_cell_message

from strongroom.federate._message import Kind, Message, MessageError
from strongroom.federate.flare._wire import (
    ASK,
    CERTIFICATE,
    CHANNEL,
    HERE,
    PATIENCE,
    SIGNATURE,
    UNKNOWN,
    WAIT,
    WORKING,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from nvflare.apis.fl_context import FLContext
    from nvflare.fuel.f3.message import Message as CellMessage

    from strongroom.federate._seams import Answers
    from strongroom.federate.flare._signed import Verifier

_SERVER = "server"
_KEPT = 4  # answers that may still be asked for


class NoJobs(AppValidator):  # type: ignore[misc] # FLARE has no types
    """Refuses every FLARE job, whatever is in it."""

    def validate(self, app_folder: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002 - FLARE's
        """Return the refusal."""
        return "strongroom: this site runs no jobs; it answers strongroom federate run", {}


class Desk:
    """Where requests wait for the site's one pair of hands.

    Args:
        answers: the site.
        told: hears each request that begins and its answer, for people to watch.
    """

    def __init__(
        self, answers: Answers, told: Callable[[Message, Message], None] | None = None
    ) -> None:
        self._answers = answers
        self._told = told
        self._lock = threading.Lock()
        self._hands = ThreadPoolExecutor(1, thread_name_prefix="strongroom-site")
        # A round that goes on must hear that it shall stop.
        self._bell = ThreadPoolExecutor(1, thread_name_prefix="strongroom-stop")
        self._work: dict[bytes, Future[bytes]] = {}

    @property
    def name(self) -> str:
        """The site's."""
        return self._answers.name

    def ask(self, content: bytes, patience: float = PATIENCE) -> bytes:
        """Take a request in, unless it is there already, and return its answer or `WORKING`."""
        digest = hashlib.sha256(content).digest()
        with self._lock:
            if digest not in self._work:
                self._forget()
                self._work[digest] = self._begin(content)
        return self.wait(digest, patience)

    def wait(self, digest: bytes, patience: float = PATIENCE) -> bytes:
        """Return the answer to a request that was taken in, `WORKING`, or `UNKNOWN`."""
        work = self._work.get(digest)
        if work is None:
            return UNKNOWN
        try:
            return work.result(patience)
        except Late:
            return WORKING

    def _forget(self) -> None:
        done = [digest for digest, work in self._work.items() if work.done()]
        for digest in done[: max(0, len(done) - _KEPT + 1)]:
            self._work.pop(digest, None)

    def _begin(self, content: bytes) -> Future[bytes]:
        try:
            request = Message.decode(content)
        except MessageError as error:
            refusal: Future[bytes] = Future()
            refusal.set_result(_NOBODY.refuse(f"not a message: {error.what}").encode())
            return refusal
        hands = self._bell if request.kind is Kind.STOP else self._hands
        return hands.submit(self._answer, request)

    def _answer(self, request: Message) -> bytes:
        answer = self._answers.answer(request)
        try:
            content = answer.encode()
        except MessageError as error:
            answer = request.refuse(f"the site's answer can't be sent: {error.what}")
            content = answer.encode()
        if self._told is not None:
            try:
                self._told(request, answer)
            except Exception:
                # What people see must not decide what the coordinator gets.
                logging.getLogger(__name__).exception("showing %s", request.kind)
        return content


_NOBODY = Message(Kind.REFUSED)
_desk: Desk | None = None
_verifier: Verifier | None = None
_heard: Callable[[str], None] | None = None


def open_desk(desk: Desk, verifier: Verifier, heard: Callable[[str], None]) -> None:
    """Say who answers in this process, to whom, and who hears "joined", "lost", "back".

    FLARE makes the gate itself, from the kit.
    """
    global _desk, _verifier, _heard  # one process, one site
    _desk, _verifier, _heard = desk, verifier, heard


class Gate(FLComponent):  # type: ignore[misc] # FLARE has no types
    """Lets requests to the desk, and drops whatever else arrives."""

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Stand in the way as soon as there is a connection, and open once we are registered."""
        if event_type == EventType.SYSTEM_BOOTSTRAP:
            client = fl_ctx.get_prop(FLContextKey.SITE_OBJ)
            core = client.cell.core_cell
            core.add_incoming_filter(channel="*", topic="*", cb=self._pass)
            for topic in (HERE, ASK, WAIT):
                core.register_request_cb(channel=CHANNEL, topic=topic, cb=self._serve)
            core.set_cell_disconnected_cb(cb=lambda cell: _tell("lost", cell.get_fqcn()))
            core.set_cell_connected_cb(cb=lambda cell: _tell("back", cell.get_fqcn()))
        elif event_type == EventType.AFTER_CLIENT_REGISTER and fl_ctx.get_prop(
            FLContextKey.CLIENT_TOKEN
        ):
            _tell("joined")

    def _pass(self, message: CellMessage) -> CellMessage | None:
        """Return None for what may come in; what gets anything else is dropped, undecoded."""
        drop = make_reply(Code.UNAUTHENTICATED)
        if message.get_header(MessageHeaderKey.MSG_TYPE) != MessageType.REQ:
            # Replies: FLARE matches them with what we asked, and we ask the server only.
            return None if message.get_header(MessageHeaderKey.ORIGIN) == _SERVER else drop
        channel = message.get_header(MessageHeaderKey.CHANNEL)
        if channel == CellChannel.CELLNET and not len(message.payload or b""):
            return None  # hello, goodbye
        plain = message.get_header(MessageHeaderKey.PAYLOAD_ENCODING) == Encoding.BYTES
        return None if channel == CHANNEL and plain and self._signed(message) else drop

    def _signed(self, message: CellMessage) -> bool:
        content = bytes(message.payload or b"")
        topic = message.get_header(MessageHeaderKey.TOPIC)
        certificate, signature = message.get_header(CERTIFICATE), message.get_header(SIGNATURE)
        return _verifier is not None and _verifier.verify(topic, content, certificate, signature)

    def _serve(self, message: CellMessage) -> CellMessage:
        if _desk is None:
            return make_reply(Code.PROCESS_EXCEPTION, "strongroom federate join didn't start this")
        topic = message.get_header(MessageHeaderKey.TOPIC)
        content = bytes(message.payload or b"")
        if topic == HERE:
            reply = _desk.name.encode()
        elif topic == ASK:
            reply = _desk.ask(content)
        else:
            reply = _desk.wait(content)
        return new_cell_message({MessageHeaderKey.RETURN_CODE: Code.OK}, reply)


def _tell(what: str, cell: str = _SERVER) -> None:
    if _heard is not None and cell == _SERVER:
        _heard(what)
