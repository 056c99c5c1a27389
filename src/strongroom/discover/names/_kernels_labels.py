"""The name model over the values of a column: tokens, layers, decoding, spans."""

# Loops stay whole for the compiler.
# ruff: noqa: C901, D417, PLR0912, PLR0915, PLR0917, PLR2004

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.discover.names import _layout as at
from strongroom.discover.names._kernels_layers import later_layers, loud_tokens, project
from strongroom.discover.names._kernels_vectors import beyond_first
from strongroom.discover.names._kernels_words import (
    describe,
    fill_table,
    fingerprint,
    number_row,
    split,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fill_table", "label"]

_WORD, _NUMBER = at.WORD, at.NUMBER
_APART, _LABELS, _OUT, _DEEP = at.TAPS, at.LABELS, at.OUT, at.DEEP
_PART = (2 * at.REACH + 1) * at.WIDE
_SEGMENT, _TOGETHER, _ROOM = at.SEGMENT, at.TOGETHER, at.ROOM
_KINDS = len(at.ENTITIES)
_STREET = at.ENTITIES.index("STREET_ADDRESS")
_IN_ADDRESS = sum(1 << at.ENTITIES.index(e) for e in at.ADDRESS)
_NEVER = -1e30
_NEGLIGIBLE = np.float32(16.0)  # e^-16 is the last digit of a float32 beside 1


@compiled
def _slot(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    kind: int,
    keys: NDArray[np.int64],
    slots: NDArray[np.int32],
    used: NDArray[np.int64],
) -> tuple[int, bool]:
    """Return where a word's part in the first layer is kept, and whether it must be computed."""
    if kind == _NUMBER:
        key = number_row(data, start, end) + 1
    else:
        key = fingerprint(data, start, end) | (1 << 62)
    mask = len(keys) - 1
    i = (key ^ (key >> 21)) & mask
    while keys[i] != 0:
        if keys[i] == key:
            return int(slots[i]), False
        i = (i + 1) & mask
    keys[i], slots[i] = key, used[0]
    used[0] += 1
    return int(slots[i]), True


@compiled
def _decode(
    first: int,
    last: int,
    out: NDArray[np.float32],
    carry: NDArray[np.float64],
    back: NDArray[np.uint8],
    label: NDArray[np.uint8],
) -> None:
    """Find the likeliest labels of tokens first..last-1 that are whole spans (Viterbi 1967).

    What is added to all scores of a token changes nothing, so these needn't be chances.

    Args:
        first, last: loud tokens, side by side.
        out: [tokens, OUT], flat.
        carry: [2 * entities] scratch: the best that has begun an entity, and that is inside it.
        back: [tokens, LABELS], flat, scratch.
        label: [tokens]; those from first to last are set.
    """
    named = False
    for t in range(first, last):
        label[t] = 0
        named = named or beyond_first(out, t * _OUT)
    if not named:
        return  # nothing is the best for each, and may stand beside itself
    closed, closed_by = 0.0, 0
    for e in range(2 * _KINDS):
        carry[e] = _NEVER
    for t in range(first, last):
        c, b = t * _OUT, t * _LABELS
        best, best_by = closed + out[c], 0
        back[b] = closed_by
        for e in range(_KINDS):
            m = 1 + 4 * e
            begun, inside = carry[e], carry[_KINDS + e]
            by = m if begun >= inside else m + 1
            carried = max(begun, inside)
            back[b + m] = back[b + m + 3] = closed_by
            back[b + m + 1] = back[b + m + 2] = by
            carry[e] = closed + out[c + m]
            carry[_KINDS + e] = carried + out[c + m + 1]
            ended = carried + out[c + m + 2]
            single = closed + out[c + m + 3]
            if ended > best:
                best, best_by = ended, m + 2
            if single > best:
                best, best_by = single, m + 3
        closed, closed_by = best, best_by
    at_label = closed_by
    for t in range(last - 1, first - 1, -1):
        label[t] = at_label
        at_label = back[t * _LABELS + at_label]


@compiled
def _nothing(out: NDArray[np.float32], place: int, label: int) -> float:
    """Return the chance that a token names nothing, where `label` is likely."""
    likely = out[place + label]
    total = 0.0
    for m in range(place, place + _LABELS):
        if out[m] > likely - _NEGLIGIBLE:
            total += np.exp(out[m] - likely)
    return float(np.exp(out[place] - likely) / total)


@compiled
def _wraps(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Say what lies between two spans: 2 a line break and nothing else, 1 a gap, 0 words."""
    found = 1
    for i in range(start, end):
        if data[i] == 10:
            found = 2
        elif data[i] != 32 and data[i] != 9 and data[i] != 13 and data[i] != 44:
            return 0
    return found


@compiled
def label(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    fold: NDArray[np.int64],
    word_keys: NDArray[np.int64],
    word_places: NDArray[np.int32],
    lists: NDArray[np.uint32],
    clusters: NDArray[np.uint16],
    paths: NDArray[np.uint8],
    rates: NDArray[np.uint8],
    numbers: NDArray[np.uint16],
    embed: NDArray[np.int8],
    scale: NDArray[np.float32],
    first: NDArray[np.float32],
    flags: NDArray[np.int16],
    gate: NDArray[np.float32],
    opens: float,
    second: NDArray[np.float32],
    second_bias: NDArray[np.float32],
    third: NDArray[np.float32],
    third_bias: NDArray[np.float32],
    kept_keys: NDArray[np.int64],
    kept_slots: NDArray[np.int32],
    kept: NDArray[np.int16],
    used: NDArray[np.int64],
    hidden: NDArray[np.int16],
    deep: NDArray[np.float32],
    out: NDArray[np.float32],
    least: float,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find names in every value.

    Args:
        data, offsets: the values, as Arrow holds them.
        fold ... numbers: what is known of words (see `describe`).
        embed ... third_bias: the layers (see `_kernels_layers.py`); the gate is open above `opens`.
        kept_keys, kept_slots, kept, used: what was computed of words before; `kept` is
            [slots, window, WIDE], flat.
        hidden, deep, out: room for the layers: `ROOM`, `SIDE` and `ROOM` rows, flat.
        least: score below which nothing is returned.

    Returns:
        [n, 4] row, first byte, end, entity; and [n] scores.
    """
    hits = np.empty((1024, 4), np.int64)
    scores = np.empty(1024, np.float32)
    many = 0
    start, end, piece = (
        np.empty(_ROOM, np.int64),
        np.empty(_ROOM, np.int64),
        np.empty(_ROOM, np.int64),
    )
    slot, loud = np.empty(_ROOM, np.int64), np.empty(_ROOM, np.int64)
    kind, gap, labels = (
        np.empty(_ROOM, np.uint8),
        np.empty(_ROOM, np.uint8),
        np.empty(_ROOM, np.uint8),
    )
    back, carry = np.empty(_ROOM * _LABELS, np.uint8), np.empty(2 * _KINDS, np.float64)
    chars, rows = np.empty(at.LONGEST, np.int64), np.empty(at.MOST_ROWS, np.int64)
    word = np.empty(embed.shape[1], np.float32)
    slots = len(kept) // _PART
    value, i = 0, offsets[0]
    address, wrapped = -1, False
    while value < len(offsets) - 1:
        # Fill a stretch with tokens of several values, apart enough that none sees another's.
        n = _APART
        for t in range(n):
            kind[t] = slot[t] = 0
        while value < len(offsets) - 1 and n < _TOGETHER:
            last = offsets[value + 1]
            stop = n + _SEGMENT
            found, i = split(data, i, last, start[n:stop], end[n:stop], kind[n:stop], gap[n:stop])
            for t in range(n, n + found):
                piece[t] = value
            n += found
            for t in range(n, n + _APART):
                kind[t] = slot[t] = 0
            n += _APART if found > 0 else 0
            if i >= last:
                value, i = value + 1, last
        if used[0] + n > slots:
            kept_keys[:] = 0
            used[0] = 1
        for t in range(_APART, n):
            if kind[t] != 0:
                place, new = _slot(data, start[t], end[t], kind[t], kept_keys, kept_slots, used)
                slot[t] = place * _PART
                if new:
                    described = describe(
                        data, start[t], end[t], kind[t], fold, word_keys, word_places, lists,
                        clusters, paths, rates, numbers, chars, rows,
                    )  # fmt: skip
                    project(rows, described, embed, scale, first, word, kept, slot[t])
        noisy = loud_tokens(n, kind, gap, slot, kept, flags, gate, opens, hidden, loud)
        later_layers(noisy, loud, hidden, second, second_bias, third, third_bias, deep, out)
        t = 0 * noisy  # a plain 0 has a type of its own: `_decode` would be compiled twice
        while t < noisy:
            run = t + 1
            while run < noisy and loud[run] == loud[run - 1] + 1:
                run += 1
            _decode(t, run, out, carry, back, labels)
            while t < run:
                if labels[t] == 0:
                    t += 1
                    continue
                entity = (labels[t] - 1) // 4
                begin, nothing = t, _nothing(out, t * _OUT, labels[t])
                while (labels[t] - 1) % 4 < 2:
                    t += 1
                    nothing = max(nothing, _nothing(out, t * _OUT, labels[t]))
                score = 1 - nothing
                begins, ends, row = loud[begin], loud[t], piece[loud[t]]
                t += 1
                if score < least:
                    continue
                base = offsets[row]
                fresh = many == 0 or hits[many - 1, 0] != row
                if 0 <= address == many - 1 and not fresh and _IN_ADDRESS >> entity & 1:
                    between = _wraps(data, base + hits[address, 2], start[begins])
                    if between == 2 or (between == 1 and wrapped):
                        hits[address, 2] = end[ends] - base
                        wrapped = True
                        continue
                if many == len(hits):
                    more = np.empty((2 * many, 4), np.int64)
                    better = np.empty(2 * many, np.float32)
                    for h in range(many):
                        better[h] = scores[h]
                        for k in range(4):
                            more[h, k] = hits[h, k]
                    hits, scores = more, better
                hits[many, 0] = row
                hits[many, 1] = start[begins] - base
                hits[many, 2] = end[ends] - base
                hits[many, 3] = entity
                scores[many] = score
                # An address within a sentence goes on over its lines; a block's lines, and the
                # parts of one, are spans of their own.
                inline = entity == _STREET and gap[begins] < 2
                if inline and not fresh:
                    before = base + hits[many - 1, 2]
                    street = hits[many - 1, 3] == _STREET
                    inline = not street or _wraps(data, before, start[begins]) == 0
                address = many if inline else -1
                wrapped = False
                many += 1
    return hits[:many], scores[:many]
