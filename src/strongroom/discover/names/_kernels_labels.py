"""The name model over the values of a column: layers, decoding, spans.

A word's part in the first layer is the same wherever it stands, so it is computed once per word
and place in the window, and kept: a layer of 7 words costs additions. Most words are *quiet*: the
first layer is sure that they name nothing, and the second is never asked.
"""

# Loops stay whole for the compiler.
# ruff: noqa: C901, D417, PLR0912, PLR0915, PLR0917, PLR2004

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.discover.names import _layout as at
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
_REACH, _TAPS, _LABELS, _GAPS = at.REACH, at.TAPS, at.LABELS, at.GAPS
_KINDS = len(at.ENTITIES)
_STREET = at.ENTITIES.index("STREET_ADDRESS")
_IN_ADDRESS = sum(1 << at.ENTITIES.index(e) for e in at.ADDRESS)
_NEVER = -1e30
_NOTHING = np.float32(0.0)


@compiled
def _project(
    rows: NDArray[np.int64],
    many: int,
    embed: NDArray[np.int8],
    scale: NDArray[np.float32],
    first: NDArray[np.float32],
    word: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Add up the rows of a word and multiply by the first layer, for every place in the window."""
    word[:] = 0
    for i in range(many):
        row = rows[i]
        weight = scale[row]
        for d in range(embed.shape[1]):
            word[d] += weight * np.float32(embed[row, d])
    out[:] = 0
    for d in range(embed.shape[1]):
        x = word[d]
        for j in range(len(out)):
            out[j] += x * first[d, j]


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
def _first_layer(
    n: int,
    gap: NDArray[np.uint8],
    slot: NDArray[np.int64],
    parts: NDArray[np.float32],
    flags: NDArray[np.float32],
    gate: NDArray[np.float32],
    gate_bias: float,
    hidden: NDArray[np.float32],
    loud: NDArray[np.bool_],
) -> None:
    """Add up what a window's words give, and say which tokens are loud."""
    width = hidden.shape[1]
    for t in range(n):
        after = gap[t + 1] if t + 1 < n else 3
        h, extra = hidden[t], flags[gap[t] * _GAPS + after]
        a, b = parts[slot[t], 0], parts[slot[t + 1], 1]
        c, d, e = parts[slot[t + 2], 2], parts[slot[t + 3], 3], parts[slot[t + 4], 4]
        for j in range(width):
            h[j] = max(extra[j] + a[j] + b[j] + c[j] + d[j] + e[j], _NOTHING)
        # Eight sums side by side: a single one would wait for itself.
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = _NOTHING
        for j in range(0, width, 8):
            s0 += h[j] * gate[j]
            s1 += h[j + 1] * gate[j + 1]
            s2 += h[j + 2] * gate[j + 2]
            s3 += h[j + 3] * gate[j + 3]
            s4 += h[j + 4] * gate[j + 4]
            s5 += h[j + 5] * gate[j + 5]
            s6 += h[j + 6] * gate[j + 6]
            s7 += h[j + 7] * gate[j + 7]
        loud[t] = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + gate_bias > 0


@compiled
def _add_rows(
    values: NDArray[np.float32],
    chosen: NDArray[np.int64],
    many: int,
    rows: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Add `values[j] * rows[j]` for the first `many` of the chosen j, four rows at a time."""
    i = 0
    while i + 4 <= many:
        j0, j1, j2, j3 = chosen[i], chosen[i + 1], chosen[i + 2], chosen[i + 3]
        x0, x1, x2, x3 = values[j0], values[j1], values[j2], values[j3]
        r0, r1, r2, r3 = rows[j0], rows[j1], rows[j2], rows[j3]
        for m in range(len(out)):
            out[m] += x0 * r0[m] + x1 * r1[m] + x2 * r2[m] + x3 * r3[m]
        i += 4
    while i < many:
        x, r = values[chosen[i]], rows[chosen[i]]
        for m in range(len(out)):
            out[m] += x * r[m]
        i += 1


@compiled
def _positive(values: NDArray[np.float32], chosen: NDArray[np.int64]) -> int:
    """List the places of positive numbers; return how many."""
    many = 0
    for j in range(len(values)):
        chosen[many] = j
        many += 1 if values[j] > 0 else 0
    return many


@compiled
def _later_layers(
    n: int,
    loud: NDArray[np.bool_],
    second: NDArray[np.float32],
    second_bias: NDArray[np.float32],
    third: NDArray[np.float32],
    third_bias: NDArray[np.float32],
    hidden: NDArray[np.float32],
    active: NDArray[np.int64],
    many: NDArray[np.int64],
    deep: NDArray[np.float32],
    chance: NDArray[np.float32],
) -> None:
    """Fill `chance` [tokens, labels] with logarithms of chances where a token is loud."""
    done = 0
    for t in range(n):
        if not loud[t]:
            continue
        deep[:] = second_bias
        for k in range(max(0, t - _TAPS), min(n, t + _TAPS + 1)):
            if k >= done:
                many[k] = _positive(hidden[k], active[k])
                done = k + 1
            _add_rows(hidden[k], active[k], many[k], second[k - t + _TAPS], deep)
        out = chance[t]
        out[:] = third_bias
        positive = _positive(deep, active[n])
        _add_rows(deep, active[n], positive, third, out)
        top = out[0]
        for m in range(1, _LABELS):
            top = max(top, out[m])
        total = 0.0
        for m in range(_LABELS):
            total += np.exp(out[m] - top)
        shift = top + np.float32(np.log(total))
        for m in range(_LABELS):
            out[m] -= shift


@compiled
def _decode(
    first: int,
    last: int,
    chance: NDArray[np.float32],
    back: NDArray[np.int16],
    label: NDArray[np.int16],
) -> None:
    """Find the likeliest labels of tokens first..last-1 that are whole spans (Viterbi 1967)."""
    closed, closed_by = 0.0, 0
    begun = np.full(_KINDS, _NEVER)
    inside = np.full(_KINDS, _NEVER)
    for t in range(first, last):
        c = chance[t]
        best, best_by = closed + c[0], 0
        back[t, 0] = closed_by
        for e in range(_KINDS):
            m = 1 + 4 * e
            by = m if begun[e] >= inside[e] else m + 1
            carried = max(begun[e], inside[e])
            back[t, m] = back[t, m + 3] = closed_by
            back[t, m + 1] = back[t, m + 2] = by
            begun[e] = closed + c[m]
            inside[e] = carried + c[m + 1]
            ended = carried + c[m + 2]
            single = closed + c[m + 3]
            if ended > best:
                best, best_by = ended, m + 2
            if single > best:
                best, best_by = single, m + 3
        closed, closed_by = best, best_by
    at_label = closed_by
    for t in range(last - 1, first - 1, -1):
        label[t] = at_label
        at_label = back[t, at_label]


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
    flags: NDArray[np.float32],
    gate: NDArray[np.float32],
    gate_bias: float,
    second: NDArray[np.float32],
    second_bias: NDArray[np.float32],
    third: NDArray[np.float32],
    third_bias: NDArray[np.float32],
    kept_keys: NDArray[np.int64],
    kept_slots: NDArray[np.int32],
    kept: NDArray[np.float32],
    used: NDArray[np.int64],
    segment: int,
    least: float,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find names in every value.

    Args:
        data, offsets: the values, as Arrow holds them.
        fold ... numbers: what is known of words (see `describe`).
        embed, scale: [rows, D] and [rows], a row's numbers and their unit.
        first: [D, window * H]; flags: [FLAGS, H]; gate: [H]; second: [taps, H, H2];
        third: [H2, LABELS].
        kept_keys, kept_slots, kept, used: what was computed of words before; [slots, window, H].
        segment: tokens looked at together.
        least: score below which nothing is returned.

    Returns:
        [n, 4] row, first byte, end, entity; and [n] scores.
    """
    hits = np.empty((1024, 4), np.int64)
    scores = np.empty(1024, np.float32)
    many = 0
    start, end = np.empty(segment, np.int64), np.empty(segment, np.int64)
    kind, gap = np.empty(segment, np.uint8), np.empty(segment, np.uint8)
    slot = np.empty(segment + 2 * _REACH, np.int64)
    width = flags.shape[1]
    hidden = np.empty((segment, width), np.float32)
    active = np.empty((segment + 1, max(width, len(second_bias)) + 1), np.int64)
    places = np.empty(segment, np.int64)
    deep = np.empty(len(second_bias), np.float32)
    chance = np.empty((segment, _LABELS), np.float32)
    loud = np.empty(segment, np.bool_)
    back = np.empty((segment, _LABELS), np.int16)
    labels = np.empty(segment, np.int16)
    chars, rows = np.empty(at.LONGEST, np.int64), np.empty(at.MOST_ROWS, np.int64)
    word = np.empty(embed.shape[1], np.float32)
    flat = kept.reshape(len(kept), -1)
    for value in range(len(offsets) - 1):
        i, last = offsets[value], offsets[value + 1]
        address, wrapped = -1, False
        while i < last:
            n, i = split(data, i, last, start, end, kind, gap)
            if used[0] + n > len(kept):
                kept_keys[:] = 0
                used[0] = 1
            slot[:_REACH] = slot[_REACH + n : n + 2 * _REACH] = 0  # no word: it adds nothing
            for t in range(n):
                place, new = _slot(data, start[t], end[t], kind[t], kept_keys, kept_slots, used)
                slot[t + _REACH] = place
                if new:
                    described = describe(
                        data, start[t], end[t], kind[t], fold, word_keys, word_places, lists,
                        clusters, paths, rates, numbers, chars, rows,
                    )  # fmt: skip
                    _project(rows, described, embed, scale, first, word, flat[place])
            _first_layer(n, gap, slot, kept, flags, gate, gate_bias, hidden, loud)
            _later_layers(
                n, loud, second, second_bias, third, third_bias, hidden, active, places, deep,
                chance,
            )  # fmt: skip
            t = 0
            while t < n:
                if not loud[t]:
                    t += 1
                    continue
                run = t
                while run < n and loud[run]:
                    run += 1
                _decode(t, run, chance, back, labels)
                while t < run:
                    if labels[t] == 0:
                        t += 1
                        continue
                    entity = (labels[t] - 1) // 4
                    begin, nothing = t, chance[t, 0]
                    while (labels[t] - 1) % 4 < 2:
                        t += 1
                        nothing = max(nothing, chance[t, 0])
                    score = 1 - np.exp(nothing)
                    if score < least:
                        t += 1
                        continue
                    if 0 <= address == many - 1 and _IN_ADDRESS >> entity & 1:
                        between = _wraps(data, offsets[value] + hits[address, 2], start[begin])
                        if between == 2 or (between == 1 and wrapped):
                            hits[address, 2] = end[t] - offsets[value]
                            wrapped = True
                            t += 1
                            continue
                    if many == len(hits):
                        more = np.empty((2 * many, 4), np.int64)
                        better = np.empty(2 * many, np.float32)
                        more[:many], better[:many] = hits, scores
                        hits, scores = more, better
                    hits[many, 0] = value
                    hits[many, 1] = start[begin] - offsets[value]
                    hits[many, 2] = end[t] - offsets[value]
                    hits[many, 3] = entity
                    scores[many] = score
                    # An address within a sentence goes on over its lines; a block's lines, and the
                    # parts of one, are spans of their own.
                    inline = entity == _STREET and gap[begin] < 2
                    if inline and many > 0 and hits[many - 1, 0] == value:
                        before = offsets[value] + hits[many - 1, 2]
                        street = hits[many - 1, 3] == _STREET
                        inline = not street or _wraps(data, before, start[begin]) == 0
                    address = many if inline else -1
                    wrapped = False
                    many += 1
                    t += 1
    return hits[:many], scores[:many]
