"""Where the values of a JSON text lie, and how deep they are nested, without reading them.

Nothing is checked that isn't needed for that: what is no JSON shows when a value is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.compiled import compiled

if TYPE_CHECKING:
    import numpy as np

_QUOTE, _ESCAPE, _COMMA, _COLON, _LINE = 34, 92, 44, 58, 10
_OPEN_LIST, _CLOSE_LIST, _OPEN_RECORD, _CLOSE_RECORD = 91, 93, 123, 125
_SEPARATES_RECORDS = 30  # RFC 7464
# What holds the values: a text of them, one after the other; [ ]; { }.
TEXT, LIST, RECORD = 0, 1, 2


@compiled
def string_end(data: np.ndarray, at: int, end: int) -> int:
    """Return what follows the quote that ends a string, inside which `at` is; -1: none does."""
    while at < end:
        byte = data[at]
        if byte == _QUOTE:
            return at + 1
        at += 2 if byte == _ESCAPE else 1
    return -1


@compiled
def _blank(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13 or byte == _SEPARATES_RECORDS  # noqa: PLR2004


@compiled
def _past_blanks(data: np.ndarray, at: int, end: int, also: int) -> int:
    while at < end and (_blank(data[at]) or data[at] == also):
        at += 1
    return at


@compiled
def _value_end(data: np.ndarray, at: int, end: int, within: int) -> tuple[int, int]:
    """Return where a value ends and its depth; the place is -1 when it isn't all there."""
    depth = deepest = 0
    first = data[at]
    structured = first in (_QUOTE, _OPEN_LIST, _OPEN_RECORD)
    while at < end:
        byte = data[at]
        if within == TEXT and not structured:
            # A line that is a number or a word, or no JSON at all.
            if byte == _LINE:
                return at, 0
        elif byte == _QUOTE and structured:
            at = string_end(data, at + 1, end)
            if at < 0 or depth == 0:
                return at, deepest
            continue
        elif byte in (_OPEN_LIST, _OPEN_RECORD):
            depth += 1
            deepest = max(deepest, depth)
        elif byte in (_CLOSE_LIST, _CLOSE_RECORD):
            depth -= 1
            if depth <= 0:
                return at + 1 + depth, deepest
        elif depth == 0 and (byte == _COMMA or _blank(byte)):
            return at, deepest
        at += 1
    return -1, deepest


@compiled
def values(
    data: np.ndarray,
    at: int,
    end: int,
    final: bool,  # noqa: FBT001 - kernels take arguments by place
    within: int,
    places: np.ndarray,
) -> tuple[int, int, bool]:
    """Find the values that lie next to each other.

    Args:
        data: uint8 [n].
        at: where to begin, between values.
        end: where to stop.
        final: whether nothing follows `end`.
        within: TEXT, LIST or RECORD.
        places: int64 [m, 5], filled with the bounds of each value, its depth, and the bounds of
            its key, without quotes.

    Returns:
        How many values, where to go on, and whether what holds them ends there. Of a value that
        isn't all there, the depth so far is filled in.
    """
    count = 0
    while count < len(places):
        begins = at = _past_blanks(data, at, end, _COMMA)
        if at == end:
            break
        if data[at] in (_CLOSE_LIST, _CLOSE_RECORD):
            if within != TEXT:
                return count, at + 1, True
            at += 1
            continue
        places[count, 3] = places[count, 4] = at
        if within == RECORD and data[at] == _QUOTE:
            after = string_end(data, at + 1, end)
            if after < 0:
                return count, begins, False
            places[count, 3], places[count, 4] = at + 1, after - 1
            at = _past_blanks(data, after, end, _COLON)
        if at == end:
            return count, begins, False
        stop, deepest = _value_end(data, at, end, within)
        places[count, 2] = deepest
        if stop < 0 and final and deepest == 0 and data[at] != _QUOTE:
            stop = end
        if stop < 0:
            return count, begins, False
        places[count, 0], places[count, 1] = at, max(stop, at + 1)
        count += 1
        at = max(stop, at + 1)
    return count, at, False
