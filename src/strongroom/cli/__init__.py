"""The verbs, a file each: parse, call, print.

In: the command line. Out: text or one JSON document, and an exit code. No logic lives here: each
verb calls the same functions that `import strongroom` offers.
"""

from strongroom.cli._main import main

__all__ = ["main"]
