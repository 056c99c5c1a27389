"""Words around a hit that make it more or less likely."""

from __future__ import annotations

import re

_BEFORE = 56
_AFTER = 16


def words(*alternatives: str) -> re.Pattern[str]:
    """Compile words (regular expressions) into one pattern that matches them as whole words."""
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(alternatives)})(?![^\W_])", re.IGNORECASE)


def near(text: str, start: int, end: int, pattern: re.Pattern[str]) -> bool:
    """Say whether one of the words stands shortly before or right after the hit."""
    return before(text, start, pattern) or bool(pattern.search(text, end, end + _AFTER))


def before(text: str, start: int, pattern: re.Pattern[str]) -> bool:
    """Say whether one of the words stands shortly before the hit."""
    return bool(pattern.search(text, max(0, start - _BEFORE), start))
