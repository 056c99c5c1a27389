"""The coordinator's end: one connection to the server, and through it to every site."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any, Self

from nvflare.apis.fl_constant import ReservedKey
from nvflare.apis.fl_context import FLContext
from nvflare.apis.fl_exception import FLCommunicationError
from nvflare.apis.signal import Signal
from nvflare.apis.utils.decomposers import flare_decomposers
from nvflare.fuel.f3.cellnet.cell import Cell
from nvflare.fuel.f3.cellnet.defs import Encoding, MessageHeaderKey, MessageType
from nvflare.fuel.f3.cellnet.defs import ReturnCode as Code
from nvflare.fuel.f3.cellnet.fqcn import FQCN
from nvflare.fuel.f3.cellnet.utils import make_reply, new_cell_message
from nvflare.fuel.f3.drivers.driver_params import DriverParams
from nvflare.fuel.sec.authn import set_add_auth_headers_filters
from nvflare.fuel.utils.admin_name_utils import new_admin_client_name
from nvflare.private.defs import ClientType
from nvflare.private.fed.authenticator import Authenticator

from strongroom.errors import InputError
from strongroom.federate.flare._kit import COORDINATOR, PROJECT
from strongroom.federate.flare._probe import probe
from strongroom.federate.flare._signed import Signer
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
    from collections.abc import Callable, Mapping, Sequence

    from nvflare.fuel.f3.message import Message as CellMessage

    from strongroom.federate._message import Message
    from strongroom.federate.flare._kit import Kit

_THREADS = 64
_PING = 2.0  # seconds that a site has to say that it is there
_RETRY = 0.25


class FlareChannel:
    """A `Channel` over FLARE; use it as a context manager.

    Args:
        kit: the coordinator's.
        sites: whom to ask; by default all that the kit knows.
        gone: seconds after which a site that can't be reached has left.

    Attributes:
        sites: whom it asks.

    Raises:
        InputError: the server doesn't answer.
        KeyRefusedError: the server's certificate isn't from the kit's authority, or the other
            way round.
    """

    def __init__(self, kit: Kit, sites: Sequence[str] | None = None, *, gone: float = 15.0) -> None:
        probe(kit)
        self._gone = gone
        self._kit = kit
        self.sites = tuple(sites if sites is not None else kit.sites)
        self._signer = Signer(kit)
        self._cell = _connect(kit)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="strongroom-ask")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(Exception):  # FLARE's own, on a connection that broke
            self._cell.stop()

    @property
    def connected(self) -> bool:
        """Whether the server can be reached now."""
        return bool(self._cell.core_cell.is_cell_connected(FQCN.ROOT_SERVER))

    def present(self) -> list[str]:
        """Return the names of the sites that can be asked now."""
        asked = {s: self._pool.submit(self._send, s, HERE, b"", _PING) for s in self.sites}
        return [site for site, said in asked.items() if said.result() == site.encode()]

    def ask(
        self,
        requests: Mapping[str, Message],
        *,
        deadline: float,
        heard: Callable[[str, Message], None] | None = None,
    ) -> dict[str, Message]:
        """Send each named site its request and gather the answers; see `Channel`."""
        until = time.monotonic() + deadline
        asked = {
            self._pool.submit(self._ask_one, site, request, until): site
            for site, request in requests.items()
        }
        answers: dict[str, Message] = {}
        for done in as_completed(asked):
            site, answer = asked[done], done.result()
            if answer is not None:
                answers[site] = answer
                if heard is not None:
                    heard(site, answer)
        return answers

    def _ask_one(self, site: str, request: Message, until: float) -> Message | None:
        content = request.encode()
        digest = hashlib.sha256(content).digest()
        topic, missing_since = ASK, None
        while (left := until - time.monotonic()) > 0:
            body = content if topic == ASK else digest
            said = self._send(site, topic, body, min(left, 2 * PATIENCE + len(body) / 1e6))
            if said is None:
                # While the server is away nobody can be reached, and that is no site's fault; when
                # it is back, the sites need a while to find it.
                if missing_since is None or not self.connected:
                    missing_since = time.monotonic()
                if time.monotonic() - missing_since > self._gone:
                    return None
                topic = ASK
                time.sleep(min(_RETRY, max(0.0, left)))
                continue
            missing_since = None
            if said in {WORKING, UNKNOWN}:
                topic = WAIT if said == WORKING else ASK
                continue
            return request.read_answer(said)
        return None

    def _send(self, site: str, topic: str, content: bytes, timeout: float) -> bytes | None:
        """Return what came back, or None where nothing did."""
        headers = {
            CERTIFICATE: self._signer.certificate,
            SIGNATURE: self._signer.sign(site, topic, content),
        }
        reply = self._cell.core_cell.send_request(
            channel=CHANNEL,
            topic=topic,
            target=site,
            request=new_cell_message(headers, content),
            timeout=timeout,
            optional=True,
        )
        if reply is None or reply.get_header(MessageHeaderKey.RETURN_CODE) != Code.OK:
            return None
        return (
            bytes(reply.payload)
            if isinstance(reply.payload, bytes | bytearray | memoryview)
            else None
        )


def _connect(kit: Kit) -> Any:  # noqa: ANN401 - FLARE has no types
    """Open a cell on the server's network and let the server know us by our certificate."""
    flare_decomposers.register()
    cell = Cell(
        fqcn=new_admin_client_name(),
        root_url=f"{_scheme(kit)}://{kit.host}:{kit.port}",
        secure=True,
        credentials={
            DriverParams.CA_CERT.value: str(kit.authority),
            DriverParams.CLIENT_CERT.value: str(kit.certificate),
            DriverParams.CLIENT_KEY.value: str(kit.key),
        },
        create_internal_listener=False,
        parent_url=None,
        auth_identity_map={FQCN.ROOT_SERVER: kit.host},
    )
    cell.core_cell.add_incoming_filter(channel="*", topic="*", cb=_pass)
    cell.start()
    context = FLContext()
    context.set_public_props({ReservedKey.IDENTITY_NAME: COORDINATOR})
    authenticator = Authenticator(
        cell=cell,
        project_name=PROJECT,
        client_name=COORDINATOR,
        client_type=ClientType.ADMIN,
        expected_sp_identity=kit.host,
        secure_mode=True,
        root_cert_file=str(kit.authority),
        private_key_file=str(kit.key),
        cert_file=str(kit.certificate),
        msg_timeout=5.0,
        retry_interval=0.2,
        timeout=20.0,
    )
    try:
        token, signature, session, _ = authenticator.authenticate(context, Signal())
    except FLCommunicationError as error:
        cell.stop()
        raise InputError(
            "the server doesn't let the coordinator in",
            where=f"{kit.host}:{kit.port}",
            hint="are its kit and yours from the same strongroom federate init?",
        ) from error
    set_add_auth_headers_filters(cell, COORDINATOR, token, signature, session)
    return cell


def _pass(message: CellMessage) -> CellMessage | None:
    """Return None for what may come in; anything else is dropped before FLARE decodes it.

    That is the server's own words, and plain bytes as an answer of a site: nobody asks us.
    """
    if message.get_header(MessageHeaderKey.ORIGIN) == FQCN.ROOT_SERVER:
        return None
    answer = message.get_header(MessageHeaderKey.MSG_TYPE) != MessageType.REQ
    encoding = message.get_header(MessageHeaderKey.PAYLOAD_ENCODING)
    plain = encoding in {None, Encoding.BYTES, Encoding.NONE}
    return None if answer and plain else make_reply(Code.UNAUTHENTICATED)


def _scheme(kit: Kit) -> str:
    """Return how FLARE shall talk: what its own configuration in the kit says."""
    told = json.loads((kit.startup / "fed_admin.json").read_bytes())
    return str(told["admin"]["scheme"])
