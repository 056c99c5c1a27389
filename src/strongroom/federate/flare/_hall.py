"""What FLARE loads at the server: it lets in who was invited, and tells who comes and goes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from nvflare.apis.event_type import EventType
from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_constant import FLContextKey
from nvflare.apis.fl_exception import NotAuthenticated
from nvflare.fuel.f3.cellnet.defs import (
    CellChannel,
    CellChannelTopic,
    MessageHeaderKey,
    MessageType,
)
from nvflare.fuel.f3.cellnet.fqcn import FQCN
from nvflare.fuel.utils.admin_name_utils import is_valid_admin_client_name

from strongroom.federate.flare._kit import COORDINATOR
from strongroom.federate.flare._wire import ASK, CHANNEL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from nvflare.apis.fl_context import FLContext
    from nvflare.fuel.f3.message import Message as CellMessage

_watch: Callable[[str, str, int], None] | None = None
_invited: Callable[[], Collection[str]] = tuple


def watch(told: Callable[[str, str, int], None], invited: Callable[[], Collection[str]]) -> None:
    """Say who hears of what happens, and which sites may come; see `serve`."""
    global _watch, _invited  # one process, one server
    _watch, _invited = told, invited


class Hall(FLComponent):  # type: ignore[misc] # FLARE has no types
    """Stands at the server's doors."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """Attach to the connection once there is one."""
        if event_type == EventType.SYSTEM_BOOTSTRAP:
            server = fl_ctx.get_prop(FLContextKey.SITE_OBJ)
            core = server.cell.core_cell
            core.set_cell_connected_cb(cb=self._came)
            core.set_cell_disconnected_cb(cb=self._went)
            # Of who says goodbye FLARE forgets the cell first, and doesn't call back.
            core.add_incoming_filter(
                channel=CellChannel.CELLNET, topic=CellChannelTopic.Bye, cb=self._bye
            )
            core.add_incoming_filter(channel=CHANNEL, topic="*", cb=self._passed)
        elif event_type == EventType.SYSTEM_START:
            self._tell("open", "", 0)
        elif event_type == EventType.CLIENT_REGISTER_RECEIVED:
            name = fl_ctx.get_peer_context().get_identity_name()
            if name not in _invited() and name != COORDINATOR:
                self._tell("refused", name, 0)
                raise NotAuthenticated("not invited")

    def _came(self, cell: Any) -> None:  # noqa: ANN401 - FLARE's
        self._tell("joined", _name(cell.get_fqcn()), 0)

    def _went(self, cell: Any) -> None:  # noqa: ANN401 - FLARE's
        self._tell("left", _name(cell.get_fqcn()), 0)

    def _bye(self, message: CellMessage) -> None:
        self._tell("left", _name(message.get_header(MessageHeaderKey.ORIGIN)), 0)

    def _passed(self, message: CellMessage) -> None:
        if message.get_header(MessageHeaderKey.TOPIC) == ASK:
            outward = message.get_header(MessageHeaderKey.MSG_TYPE) == MessageType.REQ
            ends = MessageHeaderKey.DESTINATION if outward else MessageHeaderKey.ORIGIN
            site = FQCN.get_root(message.get_header(ends))
            self._tell("passed", site, len(message.payload or b""))

    def _tell(self, what: str, who: str, count: int) -> None:
        if _watch is not None:
            with self._lock:
                _watch(what, who, count)


def _name(cell: str) -> str:
    """Return who has a cell on the network; the coordinator's is named anew each time."""
    return "the coordinator" if is_valid_admin_client_name(cell) else cell
