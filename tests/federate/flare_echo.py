"""A site that answers everything: it doubles what it is sent, and counts how often it was asked."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.federate import flare

if TYPE_CHECKING:
    from strongroom.federate import Message


class Echo:
    """See the module."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._asked = 0

    def answer(self, request: Message) -> Message:
        """Double the arrays, after the seconds that the request says."""
        self._asked += 1
        time.sleep(request.facts.get("sleep", 0))
        arrays = {name: 2 * array for name, array in request.arrays.items()}
        return request.answer({"site": self.name, "asked": self._asked}, arrays)


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")


if __name__ == "__main__":
    kit = flare.read_kit(Path(sys.argv[1]), "site")
    code = flare.join(kit, Echo(kit.name), lambda *_: None, _say)
    flare.leave(code)
