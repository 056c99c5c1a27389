"""Personal data in what a model wrote: was it in the training text, or is it made up?"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from strongroom.attacks._intervals import special_functions
from strongroom.discover import find_spans
from strongroom.discover.names import RECOGNIZER as NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.discover import Detection

_SURE, _WORDS = 0.9, 2
"""Score and words from which on a find of the model of names counts."""


@dataclass(frozen=True)
class Personal:
    """Different pieces of personal data in texts, by where they stand too. No value is kept.

    Attributes:
        leaked: pieces that stand in the training text and not in the other text, by entity.
        elsewhere: pieces that stand in the other text and not in the training text: so many are
            found by chance, in text of its size.
        common: pieces that stand in both.
        made_up: pieces that stand in neither.
        rows: numbers of training texts that a leaked piece stands in, the first of each.
    """

    leaked: Counter[str]
    elsewhere: Counter[str]
    common: Counter[str]
    made_up: Counter[str]
    rows: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("leaked", "elsewhere", "common", "made_up")
        return {name: dict(sorted(getattr(self, name).items())) for name in names}


def personal_data(
    written: Sequence[str], training: Sequence[str], others: Sequence[str]
) -> Personal:
    """Find personal data in texts, and look each different piece up.

    What only the model of names finds counts if it is sure and it is more than a word.

    Args:
        written: what the model wrote.
        training: what it was trained on.
        others: text of the same kind that it wasn't trained on.
    """
    inside, outside = _Joined(training), _Joined(others)
    counts: dict[tuple[bool, bool], Counter[str]] = {
        (a, b): Counter() for a in (True, False) for b in (True, False)
    }
    pieces = {
        (found.entity, text[found.start : found.end])
        for text in written
        for found in find_spans(text)
        if not _doubtful(found, text[found.start : found.end])
    }
    rows = []
    for entity, value in sorted(pieces):
        row, other = inside.owner(value), outside.owner(value)
        counts[row is not None, other is not None][entity] += 1
        if row is not None and other is None:
            rows.append(row)
    return Personal(
        counts[True, False], counts[False, True], counts[True, True], counts[False, False],
        tuple(sorted(set(rows))),
    )  # fmt: skip


def _doubtful(found: Detection, piece: str) -> bool:
    """Say whether only the model of names says so, of words that might be any.

    A model that isn't good yet writes words in no order, and without a sentence a word in small
    letters, a single one or one that scores low may be a name or not.
    """
    words = len(piece.split())
    return found.recognizer == NAMES and (found.score < _SURE or words < _WORDS or piece.islower())


def poisson_interval(count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of the mean of a count (Garwood 1936)."""
    special = special_functions()
    low = float(special.gammaincinv(count, 0.025)) if count else 0.0
    return low, float(special.gammaincinv(count + 1, 0.975))


class _Joined:
    """Texts as one string, and where each begins."""

    def __init__(self, texts: Sequence[str]) -> None:
        # A character that no text holds: nothing is found across the end of a text.
        self._joined = "\x00".join(texts)
        self._starts = [0]
        for text in texts:
            self._starts.append(self._starts[-1] + len(text) + 1)

    def owner(self, value: str) -> int | None:
        """Return the number of the first text that holds a value, as a piece of its own."""
        at = self._joined.find(value)
        while at >= 0:
            if not self._inside_a_word(at, at + len(value)):
                return bisect_right(self._starts, at) - 1
            at = self._joined.find(value, at + 1)
        return None

    def _inside_a_word(self, start: int, end: int) -> bool:
        """Return whether letters or digits go on before or behind: then it is a part of another."""
        before, behind = self._joined[start - 1 : start], self._joined[end : end + 1]
        own = self._joined[start], self._joined[end - 1]
        return (before.isalnum() and own[0].isalnum()) or (behind.isalnum() and own[1].isalnum())


def beyond_chance(personal: Personal, scale: float) -> tuple[float, float | None, float | None]:
    """Return how many leaked pieces there are beyond chance, with a 95 % interval.

    The other text tells how many are found by chance. The interval is put together from those of
    the two counts (Zou and Donner 2008); where nothing leaked there is none.

    Args:
        personal: what was found.
        scale: how many times longer the training text is than the other.
    """
    leaked, elsewhere = sum(personal.leaked.values()), sum(personal.elsewhere.values())
    beyond = leaked - scale * elsewhere
    if not leaked:
        return 0.0, None, None
    low, high = poisson_interval(leaked)
    least, most = poisson_interval(elsewhere)
    down = math.hypot(leaked - low, scale * (most - elsewhere))
    up = math.hypot(high - leaked, scale * (elsewhere - least))
    return max(0.0, beyond), max(0.0, beyond - down), max(0.0, beyond + up)
