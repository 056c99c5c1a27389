"""Source code, in which hardly anything is a name: modules of Python's own library, less their talk.

Comments and docstrings are left out, since people are named there.
"""

from __future__ import annotations

import ast
import random
from pathlib import Path
from typing import TYPE_CHECKING

from training.names.sentence import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINES = (4, 16)


def plain_code(count: int, seed: int) -> Iterator[Sentence]:
    """Yield stretches of code without marks.

    Args:
        count: how many.
        seed: which.
    """
    rng = random.Random(seed)
    files = sorted(Path(ast.__file__).parent.glob("[a-z]*.py"))
    modules = [_code(file.read_text("utf-8")) for file in files]
    for _ in range(count):
        lines = rng.choice(modules)
        size = rng.randint(*_LINES)
        start = rng.randrange(max(1, len(lines) - size))
        yield Sentence("\n".join(lines[start : start + size]), (), "en", "code")


def _code(source: str) -> list[str]:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            talk = (ast.Expr, ast.Constant)
            kept = [
                n for n in body if not (isinstance(n, talk[0]) and isinstance(n.value, talk[1]))
            ]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(tree).splitlines()
