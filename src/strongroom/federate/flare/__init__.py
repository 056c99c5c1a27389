"""The same federation over NVIDIA FLARE: start-up kits, resident processes, mutual TLS.

In: a kit each for server, coordinator and sites; at a site, who answers (`Answers`).
Out: a `Channel` for the coordinator.
Never: a job, a class name or code from the server at a site; a request that the coordinator didn't
sign; FLARE's filters, telemetry or log streaming.

FLARE does what it is good at: provisioning, certificates, connections that come back, routing
between cells. Its jobs are not used: they'd let the server choose what a site loads, take seconds
to start and up to a second a round to poll, and nobody may come late. Importing this room doesn't
import FLARE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.federate.flare._kit import Kit, read_kit
from strongroom.federate.flare._probe import probe
from strongroom.federate.flare._process import join, leave, leave_after, need_flare, serve
from strongroom.federate.flare._provision import make_kits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.federate.flare._channel import FlareChannel

__all__ = [
    "Kit",
    "connect",
    "join",
    "leave",
    "leave_after",
    "make_kits",
    "need_flare",
    "probe",
    "read_kit",
    "serve",
]


def connect(kit: Kit, sites: Sequence[str] | None = None, *, gone: float = 15.0) -> FlareChannel:
    """Open the coordinator's channel; see `FlareChannel`."""
    need_flare()
    from strongroom.federate.flare._channel import FlareChannel

    return FlareChannel(kit, sites, gone=gone)
