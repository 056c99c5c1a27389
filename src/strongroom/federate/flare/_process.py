"""A FLARE server or client as this process: from its kit until it is told to stop."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from typing import TYPE_CHECKING, NoReturn

from strongroom.errors import InputError, MissingExtraError
from strongroom.federate.flare._kit import ORGANIZATION, read_kit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from strongroom.federate._message import Message
    from strongroom.federate._seams import Answers
    from strongroom.federate.flare._kit import Kit

EXIT_INTERRUPTED = 130


def serve(kit: Kit, told: Callable[[str, str, int], None]) -> int:
    """Be the server of a federation until SIGINT or SIGTERM, then return 130.

    FLARE leaves threads behind: end the process with `leave`.

    Args:
        kit: the server's.
        told: hears ("open", "", 0), ("joined" or "left", who, 0), ("refused", site, 0) of one that
            wasn't invited, ("passed", site, bytes).

    Raises:
        InputError: the port is taken, or FLARE didn't start.
        MissingExtraError: NVIDIA FLARE isn't installed.
    """
    _check_port(kit)
    need_flare()
    from strongroom.federate.flare import _hall

    # Read each time: `federate init` may invite more while the server runs.
    _hall.watch(told, lambda: read_kit(kit.folder).sites)
    code = _run(
        "nvflare.private.fed.app.server.server_train",
        kit,
        fed_server="fed_server.json",
        set=["secure_train=true", f"org={ORGANIZATION}", "config_folder=config"],
    )
    if code == 1:
        raise InputError("the server could not go on", where=str(kit.folder / "flare.log"),
                         hint="the end of that file says why")  # fmt: skip
    return code


def join(
    kit: Kit,
    answers: Answers,
    told: Callable[[Message, Message], None],
    heard: Callable[[str], None],
) -> int:
    """Be a site of a federation until SIGINT or SIGTERM, then return 130; see `serve`.

    Args:
        kit: the site's.
        answers: what answers its requests.
        told: hears each request and its answer.
        heard: hears "joined" the server, "lost" it, "back" again.

    Raises:
        InputError: the server doesn't let this site in.
        MissingExtraError: NVIDIA FLARE isn't installed.
    """
    need_flare()
    from strongroom.federate.flare._gate import Desk, open_desk
    from strongroom.federate.flare._signed import Verifier

    open_desk(Desk(answers, told), Verifier(kit), heard)
    code = _run(
        "nvflare.private.fed.app.client.client_train",
        kit,
        fed_client="fed_client.json",
        set=["secure_train=true", f"uid={kit.name}", f"org={ORGANIZATION}",
             "config_folder=config", "heart_beat_interval=5.0"],
        local_rank=0,
    )  # fmt: skip
    if code == 1:
        raise InputError(
            f"the server doesn't let {kit.name} in",
            where=f"{kit.host}:{kit.port}",
            hint=f"was it invited? is it here twice? see {kit.folder / 'flare.log'}",
        )
    return code


def need_flare() -> None:
    """See that NVIDIA FLARE is there.

    Raises:
        MissingExtraError: it isn't.
    """
    try:
        importlib.import_module("nvflare")
    except ImportError:
        raise MissingExtraError("nvflare", "federated") from None


def _check_port(kit: Kit) -> None:
    """See that the port is free, before FLARE tries for minutes."""
    host = "127.0.0.1" if kit.host in {"localhost", "127.0.0.1"} else ""
    with contextlib.closing(socket.socket()) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, kit.port))
        except OSError as error:
            raise InputError(
                f"port {kit.port} is in use",
                where=f"{kit.host}:{kit.port}",
                hint="is strongroom federate serve running already? another program? "
                "kits for another port: strongroom federate init --port",
            ) from error


def _run(module: str, kit: Kit, **options: object) -> int:
    """Call a main function of FLARE as its start script would."""

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        main = importlib.import_module(module).main
        _listen_to_nobody_inside()
        main(argparse.Namespace(workspace=str(kit.folder), **options))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception:
        # Whatever FLARE raises: it stands in the kit's log, and who called says what it means.
        logging.getLogger(__name__).exception("FLARE ended")
        return 1
    finally:
        _hang_up()
    return 0


def _listen_to_nobody_inside() -> None:
    """Keep FLARE from opening its second port: on it, job processes would call home."""
    from nvflare.fuel.f3.cellnet.core_cell import CoreCell

    def nothing(*_: object, **__: object) -> None:
        pass

    CoreCell._create_internal_listener = nothing  # noqa: SLF001 - no setting turns it off


def _hang_up() -> None:
    """Say goodbye to the others, for two seconds at most."""
    from nvflare.fuel.f3.mpm import MainProcessMonitor

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    goodbye = threading.Thread(
        target=MainProcessMonitor._start_shutdown,  # noqa: SLF001 - FLARE has no other way
        args=(0, 2),
        daemon=True,
    )
    goodbye.start()
    goodbye.join(2)


def leave_after(work: Callable[[], int]) -> NoReturn:
    """Do the last work of this process and end it with the code, even if its terminal is gone."""
    code = 1
    try:
        code = work()
    except BrokenPipeError:
        code = 0
    except Exception:  # noqa: BLE001 - told as Python would, but the threads mustn't keep us
        traceback.print_exc()
    finally:
        leave(code)


def leave(code: int) -> NoReturn:
    """End this process now, whatever threads FLARE has left."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
