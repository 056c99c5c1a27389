"""Tokens of a text, and for each the rows of the embedding matrix that describe it.

Training uses the same kernels, so that a model never sees other features than it learnt from.
Hashes are FNV-1a over code points in signed 64-bit arithmetic that wraps.
"""

# Code points and lengths speak for themselves; loops stay whole for the compiler.
# ruff: noqa: C901, D417, FBT001, PLR0911, PLR0912, PLR0915, PLR0917, PLR1714, PLR2004

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.discover.names import _layout as at

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPACE, _BREAK, _WORD, _NUMBER, _MARK = at.SPACE, at.BREAK, at.WORD, at.NUMBER, at.MARK
_BASIS, _PRIME = 1469598103934665603, 1099511628211
_KEY = 0xFFFFFFFF
_LONGEST = at.LONGEST
_SHAPES, _LISTS, _CASES, _BITS = at.SHAPES, at.LISTS, at.CASES, at.BITS
_CAPITALS, _FREQUENCIES = at.CAPITALS, at.FREQUENCIES
_CLUSTERS_4, _CLUSTERS_6 = at.CLUSTERS_4, at.CLUSTERS_6
_CLUSTERS_8, _CLUSTERS = at.CLUSTERS_8, at.CLUSTERS
_LOWER_6, _LOWER = at.LOWER_6, at.LOWER
_AFFIXES, _AFFIX_ROWS, _VOCABULARY = at.AFFIXES, at.AFFIX_ROWS, at.VOCABULARY
_FOLDED = 0x800  # code points below are folded by table, others have no case for us
_UNCASED = 0x590  # Hebrew and on: scripts without capitals, less Georgian and rare ones


@compiled
def look(data: NDArray[np.uint8], i: int, last: int) -> tuple[int, int, int]:
    """Return the kind, length in bytes and code point of the character at `i`."""
    b = int(data[i])
    if b < 0x80:
        if 97 <= b <= 122 or 65 <= b <= 90:
            return _WORD, 1, b
        if b == 32 or b == 9:
            return _SPACE, 1, b
        if 48 <= b <= 57:
            return _NUMBER, 1, b
        if b == 10 or b == 13:
            return _BREAK, 1, b
        return _MARK, 1, b
    n = 2 if b < 0xE0 else (3 if b < 0xF0 else 4)
    if b < 0xC0 or i + n > last:
        return _MARK, 1, b
    c = b & (0x7F >> n)
    for j in range(i + 1, i + n):
        c = (c << 6) | (int(data[j]) & 0x3F)
    kind = _WORD
    if c in (0x85, 0x2028, 0x2029):
        kind = _BREAK
    elif c == 0xA0 or 0x2000 <= c <= 0x200F or c in (0x202F, 0x3000, 0xFEFF):
        kind = _SPACE
    elif c < 0xC0 or c == 0xD7 or c == 0xF7:
        kind = _WORD if c == 0xAA or c == 0xB5 or c == 0xBA else _MARK
    elif c == 0x2126 or c == 0x212A or c == 0x212B:
        kind = _WORD  # signs of ohm, kelvin and angstrom, with which old texts write the letters
    elif 0x2010 <= c < 0x2C00 or 0x3001 <= c < 0x3040 or 0xFF00 <= c < 0xFF10 or c >= 0x1F000:
        kind = _MARK
    return kind, n, c


@compiled
def split(
    data: NDArray[np.uint8],
    first: int,
    last: int,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    kind: NDArray[np.uint8],
    gap: NDArray[np.uint8],
) -> tuple[int, int]:
    """Cut bytes into tokens, as many as there is room for.

    Args:
        data: UTF-8.
        first, last: the part to cut.
        start, end: [n] are filled with the bytes of each token.
        kind, gap: [n] are filled with its kind and with what stands before it (see `GAPS`).

    Returns:
        How many tokens there are, and where to go on.
    """
    n, i = 0, first
    space = 3
    while i < last:
        k, size, _ = look(data, i, last)
        if k <= _BREAK:
            if space < 3:
                space = max(space, 1 + k)
            i += size
            continue
        if n == len(start):
            return n, i
        j = i + size
        if k != _MARK:
            while j < last:
                k2, size, _ = look(data, j, last)
                if k2 != k:
                    break
                j += size
        start[n], end[n], kind[n], gap[n] = i, j, k, space
        n += 1
        i, space = j, 0
    return n, last


@compiled
def fingerprint(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Return a hash of bytes as they are."""
    h = _BASIS
    for i in range(start, end):
        h = (h ^ int(data[i])) * _PRIME
    return h ^ (h >> 29)


@compiled
def find_word(keys: NDArray[np.int64], h: int) -> int:
    """Return the place of a word's hash in an open table of keys, or -1."""
    mask = len(keys) - 1
    key = (h ^ (h >> 32)) & _KEY
    i = (key * 0x9E3779B1 >> 7) & mask
    while keys[i] != -1:
        if keys[i] == key:
            return i
        i = (i + 1) & mask
    return -1


@compiled
def fill_table(
    words: NDArray[np.uint32], keys: NDArray[np.int64], places: NDArray[np.int32]
) -> None:
    """Put keys of words into an open table; `places[i]` says which word stands at `i`."""
    mask = len(keys) - 1
    for w in range(len(words)):
        key = int(words[w])
        i = (key * 0x9E3779B1 >> 7) & mask
        while keys[i] != -1:
            i = (i + 1) & mask
        keys[i], places[i] = key, w


@compiled
def number_row(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Return the shape of a run of digits."""
    n = end - start
    row = 14
    if n == 1:
        row = 0
    elif n == 2:
        value = 10 * (int(data[start]) - 48) + int(data[start + 1]) - 48
        row = 5 if value < 10 else (1 if value <= 12 else (2 if value <= 31 else 3))
        if value > 59:
            row = 4
    elif n == 3:
        row = 6
    elif n == 4:
        head = 10 * (int(data[start]) - 48) + int(data[start + 1]) - 48
        row = 7 if head == 19 or head == 20 else (9 if head == 17 or head == 18 else 8)
    elif n == 5:
        row = 10
    elif n == 6:
        row = 11
    elif n <= 8:
        row = 12
    elif n <= 11:
        row = 13
    return _SHAPES + 64 + row


@compiled
def describe(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    kind: int,
    fold: NDArray[np.int64],
    keys: NDArray[np.int64],
    places: NDArray[np.int32],
    lists: NDArray[np.uint32],
    clusters: NDArray[np.uint16],
    paths: NDArray[np.uint8],
    rates: NDArray[np.uint8],
    numbers: NDArray[np.uint16],
    chars: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> int:
    """Write the rows of one token; return how many.

    Args:
        data: UTF-8.
        start, end, kind: the token.
        fold: [0x800] small letter of each code point, itself where there is none.
        keys, places: table of words.
        lists: [words] which lists a word stands in, as bits.
        clusters: [words] Brown cluster, 0 for none.
        paths: [clusters] where a cluster stands in the tree, from the root in the low bits.
        rates: [words] 8 * how often with a capital + how frequent, 255 for unknown.
        numbers: [words] 1 + its row among `VOCABULARY`, 0 for none.
        chars: [LONGEST] scratch.
        rows: [MOST_ROWS] is filled.
    """
    if kind == _NUMBER:
        rows[0] = number_row(data, start, end)
        return 1
    raw, low, title = _BASIS, _BASIS, _BASIS
    n, upper, first_upper, last_char, i = 0, 0, False, 0, start
    while i < end:
        _, size, c = look(data, i, end)
        small = fold[c] if c < _FOLDED else c
        if small != c:
            upper += 1
            if n == 0:
                first_upper = True
        raw = (raw ^ c) * _PRIME
        low = (low ^ small) * _PRIME
        title = (title ^ (c if n == 0 else small)) * _PRIME
        if n < _LONGEST:
            chars[n] = small
        n += 1
        last_char = c
        i += size
    if kind == _MARK:
        shape, case = 80, 0
    elif upper == 0:
        shape, case = (48 if last_char >= _UNCASED else 0), 0
    elif upper == n:
        shape, case = (8, 1) if n == 1 else (24, 2)
    elif first_upper:
        shape, case = (16 if upper == 1 else 32), 1
    else:
        shape, case = 40, 0
    if kind == _WORD:
        shape += n - 1 if n <= 4 else (4 if n <= 6 else (5 if n <= 9 else (6 if n <= 13 else 7)))
    rows[0] = _SHAPES + shape
    many = 1
    of_low = find_word(keys, low)
    of_raw = of_low if upper == 0 else find_word(keys, raw)
    if of_raw < 0 and upper == n and n > 1:
        of_raw = find_word(keys, title)
    if of_raw >= 0 and clusters[places[of_raw]] > 0:
        cluster = int(clusters[places[of_raw]])
        rows[many] = _CLUSTERS_4 + (paths[cluster] & 15)
        rows[many + 1] = _CLUSTERS_6 + (paths[cluster] & 63)
        rows[many + 2] = _CLUSTERS_8 + paths[cluster]
        rows[many + 3] = _CLUSTERS + cluster
        many += 4
    if of_low >= 0:
        place = places[of_low]
        if upper > 0 and clusters[place] > 0:
            rows[many] = _LOWER_6 + (paths[clusters[place]] & 63)
            rows[many + 1] = _LOWER + int(clusters[place])
            many += 2
        if rates[place] != 255:
            rows[many] = _CAPITALS + (int(rates[place]) >> 3)
            rows[many + 1] = _FREQUENCIES + (int(rates[place]) & 7)
            many += 2
        if numbers[place] > 0:
            rows[many] = _VOCABULARY + int(numbers[place]) - 1
            many += 1
        bits = int(lists[place])
        bit = 0
        while bits:
            if bits & 1:
                rows[many] = _LISTS + _CASES * bit + case
                many += 1
            bits >>= 1
            bit += 1
    if kind == _WORD and n <= _LONGEST:
        h = _BASIS
        for j in range(min(n, 4)):
            h = (h ^ chars[j]) * _PRIME
            if j > 0:
                rows[many] = _AFFIXES + ((h ^ (h >> 29)) & (_AFFIX_ROWS - 1))
                many += 1
        h = _BASIS ^ 0x5BD1E995
        for j in range(min(n, 4)):
            h = (h ^ chars[n - 1 - j]) * _PRIME
            if j > 0:
                rows[many] = _AFFIXES + ((h ^ (h >> 29)) & (_AFFIX_ROWS - 1))
                many += 1
    return many


@compiled
def word_hashes(
    data: NDArray[np.uint8], bounds: NDArray[np.int64], fold: NDArray[np.int64], folded: bool
) -> NDArray[np.uint32]:
    """Return the table keys of whole strings, in small letters if `folded`; for making tables."""
    found = np.empty(len(bounds) - 1, np.uint32)
    for w in range(len(bounds) - 1):
        h, i = _BASIS, bounds[w]
        while i < bounds[w + 1]:
            _, size, c = look(data, i, bounds[w + 1])
            if folded and c < _FOLDED:
                c = fold[c]
            h = (h ^ c) * _PRIME
            i += size
        found[w] = (h ^ (h >> 32)) & _KEY
    return found
