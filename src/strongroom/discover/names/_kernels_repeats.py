"""What the full names in a text say of its other names.

Parts of a text are what stands between spaces; of each counts its first word, with what hyphens
and apostrophes join to it and without the `'s` of a genitive.
"""

# Code points speak for themselves; loops stay whole for the compiler.
# ruff: noqa: C901, D417, PLR0912, PLR0915, PLR1714, PLR2004, SIM109

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.discover.names import _layout as at
from strongroom.discover.names._kernels_words import look

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORD, _NUMBER, _BREAK = at.WORD, at.NUMBER, at.BREAK
_PERSON = at.ENTITIES.index("PERSON")
_FIRM = at.ENTITIES.index("ORGANIZATION")
_TITLE = at.ENTITIES.index("TITLE")
_PLACES = sum(1 << at.ENTITIES.index(e) for e in ("GPE", "LOCATION"))
_BASIS, _PRIME = 1469598103934665603, 1099511628211
_SLOTS = 1024
_MOST = _SLOTS // 2  # words of names of one value; more are passed over
_FOLDED = 0x800


@compiled
def next_part(data: NDArray[np.uint8], i: int, last: int) -> tuple[int, int, int]:
    """Return where the word of the next part begins and ends, and where to go on.

    A part without a word gives an empty one; at the end of the text all three are `last`.
    """
    while i < last:
        kind, size, _ = look(data, i, last)
        if kind > _BREAK:
            break
        i += size
    first = end = last
    begun = done = False
    while i < last:
        kind, size, c = look(data, i, last)
        if kind <= _BREAK:
            break
        if not begun:
            if kind == _WORD:
                begun, first, end = True, i, i + size
        elif not done:
            if kind == _WORD or kind == _NUMBER:
                end = i + size
            else:
                joins = c == 39 or c == 0x2019 or c == 45
                done = not joins or i + size >= last or look(data, i + size, last)[0] != _WORD
        i += size
    if not begun:
        return i, i, i
    if end - first > 2 and data[end - 1] == 115:
        if data[end - 2] == 39:
            end -= 2
        elif end - first > 4 and data[end - 4] == 0xE2 and data[end - 3] == 0x80:
            end -= 4 if data[end - 2] == 0x99 else 0
    return first, end, i


@compiled
def _hash(
    data: NDArray[np.uint8], start: int, end: int, fold: NDArray[np.int64]
) -> tuple[int, int, bool, bool]:
    """Return a word's hash, that in small letters, and how it is written.

    First whether it begins with a capital, then whether it may be a name: three letters or more,
    some of them small.
    """
    raw = low = _BASIS
    n, i, capital, small = 0, start, False, False
    while i < end:
        kind, size, c = look(data, i, end)
        folded = fold[c] if c < _FOLDED else c
        if n == 0:
            capital = folded != c
        elif folded == c and kind == _WORD:
            small = True
        raw = (raw ^ c) * _PRIME
        low = (low ^ folded) * _PRIME
        n += 1
        i += size
    return raw | 1, low | 1, capital, capital and small and n > 2


@compiled
def _slot(keys: NDArray[np.int64], key: int) -> int:
    """Return where a key stands in an open table, or where it would."""
    i = (key ^ (key >> 23)) & (_SLOTS - 1)
    while keys[i] != 0 and keys[i] != key:
        i = (i + 1) & (_SLOTS - 1)
    return i


@compiled
def _count(
    data: NDArray[np.uint8], start: int, end: int, fold: NDArray[np.int64]
) -> tuple[int, int]:
    """Return how many words a name has, and the hash of the last."""
    i, many, key = start, 0, 0
    while i < end:
        a, b, i = next_part(data, i, end)
        if a < b:
            many += 1
            key = _hash(data, a, b, fold)[0]
    return many, key


@compiled
def _note(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    fold: NDArray[np.int64],
    words: NDArray[np.int64],
    lows: NDArray[np.int64],
    low_of: NDArray[np.int64],
    last: NDArray[np.bool_],
) -> int:
    """Put the words of a name into tables; return how many were new.

    Args:
        words, lows: tables of hashes, and of hashes in small letters.
        low_of, last: by the slot among `words`: the slot among `lows`; whether it ended a name.
    """
    i, new, place = start, 0, -1
    while i < end:
        a, b, i = next_part(data, i, end)
        if a < b:
            raw, low, _, named = _hash(data, a, b, fold)
            if named:
                place = _slot(words, raw)
                new += 1 if words[place] == 0 else 0
                words[place], low_of[place] = raw, _slot(lows, low)
                lows[low_of[place]] = low
    if place >= 0:
        last[place] = True
    return new


@compiled
def repeats(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    fold: NDArray[np.int64],
    hits: NDArray[np.int64],
    scores: NDArray[np.float32],
    sure: float,
    stranger: float,
) -> NDArray[np.int64]:
    """Compare names of a text with each other; changes `hits` and `scores` themselves.

    Surnames that were taken for places or firms become persons; strangers get lower scores.

    Args:
        data, offsets: the values, as Arrow holds them.
        fold: [0x800] small letter of each code point, itself where there is none.
        hits: [n, 4] row, first byte, end, entity; by row and place, without overlaps.
        scores: [n].
        sure: score of a full name that counts.
        stranger: what the odds of a stranger are multiplied by.

    Returns:
        [m, 3] row, first byte and end of more persons, names met again, by row and place.
    """
    made = np.empty((64, 3), np.int64)
    many = 0
    words, lows = np.empty(_SLOTS, np.int64), np.empty(_SLOTS, np.int64)
    firms, low_of = np.empty(_SLOTS, np.int64), np.empty(_SLOTS, np.int64)
    last = np.empty(_SLOTS, np.bool_)
    gone = np.empty(_SLOTS, np.bool_)  # by the slot of the word in small letters
    titled = np.empty(len(hits), np.bool_)
    h = 0
    while h < len(hits):
        row, first = hits[h, 0], h
        base, stop = offsets[row], offsets[row + 1]
        known = 0
        while h < len(hits) and hits[h, 0] == row:
            titled[h] = h > first and hits[h - 1, 3] == _TITLE
            titled[h] = titled[h] and hits[h, 1] - hits[h - 1, 2] <= 2  # "Dr. " and "Dr "
            if hits[h, 3] == _PERSON and scores[h] >= sure and known < _MOST:
                start, end = base + hits[h, 1], base + hits[h, 2]
                if titled[h] or _count(data, start, end, fold)[0] > 1:
                    if known == 0:
                        for s in range(_SLOTS):
                            words[s] = lows[s] = firms[s] = 0
                            last[s] = gone[s] = False
                    known += _note(data, start, end, fold, words, lows, low_of, last)
            h += 1
        if known == 0:
            continue
        noted = 0
        for k in range(first, h):
            start, end = base + hits[k, 1], base + hits[k, 2]
            if hits[k, 3] == _PERSON and not titled[k]:
                parts, raw = _count(data, start, end, fold)
                if parts == 1 and words[_slot(words, raw)] == 0:
                    odds = stranger * scores[k]
                    scores[k] = odds / (odds + 1 - scores[k])
            elif hits[k, 3] == _FIRM and noted < _MOST and _count(data, start, end, fold)[0] > 1:
                i = start
                while i < end:
                    a, b, i = next_part(data, i, end)
                    if a < b:
                        raw = _hash(data, a, b, fold)[0]
                        firms[_slot(firms, raw)] = raw
                        noted += 1
        # A word that the text has in small letters, too, may be that word.
        i = base
        while i < stop:
            a, b, i = next_part(data, i, stop)
            if a < b:
                raw, low, capital, _ = _hash(data, a, b, fold)
                if not capital and lows[_slot(lows, low)] == low:
                    gone[_slot(lows, low)] = True
        # Capitalised words, a space apart, that all belong to names.
        at_hit, begun, ended, size, place, ours = first, -1, -1, 0, 0, False
        i = base
        while begun >= 0 or i < stop:
            a, b, i = next_part(data, i, stop)
            raw, low, capital, named = _hash(data, a, b, fold)
            joined = begun >= 0 and capital and a == ended + 1 and data[ended] == 32
            if begun >= 0 and not joined and ours and (size > 1 or not gone[low_of[place]]):
                while at_hit < h and base + hits[at_hit, 2] <= begun:
                    at_hit += 1
                over = at_hit
                while over < h and base + hits[over, 1] < ended:
                    over += 1
                if over == at_hit:
                    if many == len(made):
                        more = np.empty((2 * many, 3), np.int64)
                        for k in range(many):
                            more[k, 0], more[k, 1], more[k, 2] = made[k, 0], made[k, 1], made[k, 2]
                        made = more
                    made[many, 0], made[many, 1], made[many, 2] = row, begun - base, ended - base
                    many += 1
                elif over == at_hit + 1 and last[place]:
                    entity, within = hits[at_hit, 3], base + hits[at_hit, 1] >= begun
                    within = within and base + hits[at_hit, 2] <= ended
                    firm = entity == _FIRM and firms[_slot(firms, words[place])] == 0
                    if within and (firm or _PLACES >> entity & 1):
                        hits[at_hit, 1], hits[at_hit, 2] = begun - base, ended - base
                        hits[at_hit, 3] = _PERSON
            if not joined:
                begun, size, ours = (a if capital else -1), 0, True
            if capital:
                ended, size, place = b, size + 1, _slot(words, raw)
                ours = ours and named and words[place] == raw
    return made[:many]
