"""What stands between a field's name and its value, in forms, sentences, code and JSON."""

from __future__ import annotations

_NUMBER = r"(?i:[ _-]?(?:numbers?|num|nbr|no|nr|id|code|#))?\.?"
_BETWEEN = r"""["')\]]{0,2}\s{0,3}(?:(?::|=|:=|=>|#|\||(?i:is|was))\s{0,3})?["'(]{0,2}"""

ISSUED = (
    r"(?:[A-Za-z]{1,6}-?\d[0-9A-Za-z]{2,17}|\d{5,18}[A-Za-z]{0,3}|"
    r"\d[0-9A-Za-z]{0,2}(?:-\d[0-9A-Za-z]{2,11}){1,4})(?:-[0-9A-Za-z]{1,12}){0,4}"
)
"""A name that somebody's computer made: letters and digits in groups, and never only a year."""


def alone(*names: str) -> str:
    """Return a pattern of words that mustn't be the end of another word.

    In capitals or small letters at the very start of a text they aren't seen, because patterns know
    no edges; with one capital they are.
    """
    said = "|".join(names)
    begun = "|".join(name[0].upper() + name[1:] for name in names if name[0].isascii())
    return rf"""(?:[ \n("'_,](?i:{said})|{begun})"""


def label(*names: str) -> str:
    """Return a lead: one of these names, in any case, up to where its value begins."""
    said = "|".join(name.replace(" ", "[ _-]?") for name in names)
    return f"(?i:{said}){_NUMBER}{_BETWEEN}"


def literals(*names: str) -> tuple[str, ...]:
    """Return a literal of each name, for the engine's first look: its longest word."""
    return tuple(sorted({max(name.split(), key=len) for name in names}))
