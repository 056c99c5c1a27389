"""Writes patterns that would be long by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def any_of(words: Iterable[str]) -> str:
    """Write one of several words, each a pattern."""
    return f"(?:{'|'.join(words)})"


def letters_but(words: Iterable[str], least: int, most: int) -> str:
    """Write a run of ASCII letters, in any case, that is none of these words."""
    return _but(frozenset(words), "", least, most)


def _but(words: frozenset[str], so_far: str, least: int, most: int) -> str:
    """Write what may follow `so_far`: once no word can come of it any more, anything."""
    begun = sorted({w[len(so_far)] for w in words if w.startswith(so_far) and w != so_far})
    left = (max(0, least - len(so_far)), most - len(so_far))
    if not begun and so_far not in words:
        return f"[A-Za-z]{{{left[0]},{left[1]}}}"
    others = "".join(c + c.upper() for c in "abcdefghijklmnopqrstuvwxyz" if c not in begun)
    ways = [f"[{others}][A-Za-z]{{{max(0, left[0] - 1)},{left[1] - 1}}}"]
    ways += [f"[{c}{c.upper()}]{_but(words, so_far + c, least, most)}" for c in begun]
    may_end = so_far not in words and not left[0]
    return f"(?:{'|'.join(ways)}){'?' if may_end else ''}"
