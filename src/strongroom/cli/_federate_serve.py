"""`strongroom federate serve`: the federation's server, in the foreground."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli._federate_init import DEFAULT_FOLDER
from strongroom.cli._options import Common, common
from strongroom.errors import StrongroomError

if TYPE_CHECKING:
    from strongroom.cli.console import Console
    from strongroom.federate.flare import Kit

_WORDS = {"joined": "is here", "left": "left", "refused": "was not invited, and is not let in"}


@click.command("serve")
@click.argument("folder", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, metavar="[DIR]")
@common
def serve(flags: Common, folder: Path) -> int:
    """Run the server of the federation in DIR (or of a server's kit) until Ctrl-C.

    It connects the sites with the coordinator, and keeps nothing.
    """
    from strongroom.federate import flare

    kit = flare.read_kit(folder / "server" if (folder / "server").is_dir() else folder, "server")

    def work() -> int:
        try:
            code = flare.serve(kit, _Log(flags.console, kit))
        except StrongroomError as error:
            flags.console.error(error)
            return error.exit_code
        flags.console.talk("\nstopped; the sites wait, and strongroom federate serve goes on")
        return code

    flare.leave_after(work)


class _Log:
    """A line for whoever comes and goes, with what passed in between."""

    def __init__(self, console: Console, kit: Kit) -> None:
        self._console = console
        self._kit = kit
        self._messages = 0
        self._bytes = 0

    def __call__(self, what: str, who: str, count: int) -> None:
        if what == "passed":
            self._messages += 1
            self._bytes += count
        elif what == "open":
            self._open()
        else:
            self._line(what, who)

    def _open(self) -> None:
        kit = self._kit
        if self._console.as_json:
            self._event({"event": "open", "host": kit.host, "port": kit.port,
                         "sites": list(kit.sites)})  # fmt: skip
        self._console.say(
            f"Serving {', '.join(kit.sites)} at {kit.host}:{kit.port}; TLS, and a certificate of "
            "this federation on both sides. Ctrl-C stops."
        )
        self._flush()

    def _line(self, what: str, who: str) -> None:
        passed = what == "left" and self._messages
        if self._console.as_json:
            traffic = {"messages": self._messages, "bytes": self._bytes} if passed else {}
            self._event({"event": what, "who": who, **traffic})
        now = f"{dt.datetime.now():%H:%M:%S}"  # noqa: DTZ005 - the clock on the wall
        more = f"; {self._messages:,} messages, {size(self._bytes)} so far" if passed else ""
        self._console.say(f"{now}  {who} {_WORDS[what]}{more}")
        self._flush()

    def _event(self, event: dict[str, object]) -> None:
        sys.stdout.write(json.dumps({"schema": "strongroom/federate-serve/1", **event}) + "\n")

    def _flush(self) -> None:
        sys.stdout.flush()


def size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004 - SI
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
