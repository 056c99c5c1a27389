"""Calamine, in a process of its own: a small file may ask it for more memory than there is.

Run as a script by `_old_sheets.py`; nothing of Strongroom is imported here. The file comes as an
open descriptor; JSON lines go to standard output: {"sheet": name}, then its rows as lists, and
"done" at the end.
"""

from __future__ import annotations

import json
import resource
import sys

import python_calamine as calamine

_MOST_MEMORY, _MOST_SECONDS = 1 << 31, 1800


def main(descriptor: int) -> None:
    """Send all rows of all sheets."""
    for what, most in (
        (resource.RLIMIT_AS, _MOST_MEMORY),
        (resource.RLIMIT_CPU, _MOST_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    file = open(descriptor, "rb")  # noqa: SIM115 - as long as the process
    file.seek(0)
    try:
        book = calamine.load_workbook(file)
    except calamine.PasswordError:
        _send("password")
        return
    for name in book.sheet_names:
        _send({"sheet": name})
        for row in book.get_sheet_by_name(name).iter_rows():
            _send([None if cell == "" else cell for cell in row])
    _send("done")


def _send(told: object) -> None:
    sys.stdout.write(json.dumps(told, default=str) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
