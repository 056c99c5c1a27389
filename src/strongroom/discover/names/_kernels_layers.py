"""The layers of the name model, over a stretch of tokens.

A word's part in the first layer is the same wherever it stands, so it is computed once per word
and place in the window, and kept as small whole numbers: a layer of five words costs additions.
Most words are *quiet*: the first layer is sure that they name nothing, and the second is never
asked. Of what it is asked, only numbers above 0 cost anything.
"""

# ruff: noqa: D417

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import compiled
from strongroom.discover.names import _layout as at
from strongroom.discover.names._kernels_vectors import (
    LANES,
    add,
    first_layer,
    load,
    lowest,
    nothing,
    positive,
    store,
    store_rounded,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WIDE, _DEEP, _OUT = at.WIDE, at.DEEP, at.OUT
_TAPS, _GAPS, _WINDOW = at.TAPS, at.GAPS, 2 * at.REACH + 1
_PART, _TAPPED = _WINDOW * _WIDE, (2 * _TAPS + 1) * _WIDE
_WHOLE = 64  # int16 that `positive` reads
_SIDE = at.SIDE
_LOWEST_BIT = np.uint64(1)


@compiled
def project(
    rows: NDArray[np.int64],
    many: int,
    embed: NDArray[np.int8],
    scale: NDArray[np.float32],
    first: NDArray[np.float32],
    word: NDArray[np.float32],
    kept: NDArray[np.int16],
    place: int,
) -> None:
    """Add up the rows of a word and multiply by the first layer, for every place in the window.

    Args:
        rows: the first `many` count.
        embed, scale: [rows, D] and [rows], a row's numbers and their unit.
        first: [D, window * WIDE], flat, in units of `kept`.
        word: [D], scratch.
        kept: flat; window * WIDE numbers from `place` on are set.
    """
    for d in range(len(word)):
        word[d] = 0
    for i in range(many):
        row = rows[i]
        weight = scale[row]
        for d in range(len(word)):
            word[d] += weight * np.float32(embed[row, d])
    for j in range(0, _PART, 2 * LANES):
        a, b = nothing(), nothing()
        for d in range(len(word)):
            row = d * _PART + j
            a, b = add(a, word[d], first, row), add(b, word[d], first, row + LANES)
        store_rounded(kept, place + j, a)
        store_rounded(kept, place + j + LANES, b)


@compiled
def loud_tokens(
    n: int,
    kind: NDArray[np.uint8],
    gap: NDArray[np.uint8],
    slot: NDArray[np.int64],
    kept: NDArray[np.int16],
    flags: NDArray[np.int16],
    gate: NDArray[np.float32],
    least: float,
    hidden: NDArray[np.int16],
    loud: NDArray[np.int64],
) -> int:
    """Compute the first layer of tokens; list those that are loud, and return how many.

    Args:
        n: tokens; those without a kind only keep texts apart.
        kind, gap: [n] and [n].
        slot: [n] where in `kept` a word's part begins.
        kept: [slots, window, WIDE], flat.
        flags: [FLAGS, WIDE], flat.
        gate: [WIDE].
        least: what the gate must say of a loud token.
        hidden: [n, WIDE], flat, is filled.
        loud: [n] is filled.
    """
    many = 0
    for t in range(n):
        if kind[t] == 0:
            for j in range(t * _WIDE, (t + 1) * _WIDE):
                hidden[j] = 0
            continue
        after = 3 if kind[t + 1] == 0 else gap[t + 1]
        places = (
            slot[t - 2],
            slot[t - 1] + _WIDE,
            slot[t] + 2 * _WIDE,
            slot[t + 1] + 3 * _WIDE,
            slot[t + 2] + 4 * _WIDE,
        )
        flag = (gap[t] * _GAPS + after) * _WIDE
        opens = first_layer(kept, places, flags, flag, gate, hidden, t * _WIDE)
        loud[many] = t
        many += 1 if opens > least else 0
    return many


@compiled
def later_layers(
    many: int,
    loud: NDArray[np.int64],
    hidden: NDArray[np.int16],
    second: NDArray[np.float32],
    second_bias: NDArray[np.float32],
    third: NDArray[np.float32],
    third_bias: NDArray[np.float32],
    deep: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Compute the labels' scores of loud tokens.

    Args:
        many, loud: the tokens; `TAPS` others stand before and after each.
        hidden: [tokens, WIDE], flat.
        second: [taps, WIDE, DEEP], flat; second_bias: [DEEP].
        third: [DEEP, OUT], flat; third_bias: [OUT].
        deep: scratch for `SIDE` tokens.
        out: [many, OUT], flat, is filled.
    """
    for begin in range(0, many, _SIDE):
        end = min(begin + _SIDE, many)
        for i in range(0, (end - begin) * _DEEP, _DEEP):
            for j in range(0, _DEEP, LANES):
                store(deep, i + j, load(second_bias, j))
        for k in range(0, _TAPPED, _WHOLE):
            for i in range(begin, end):
                to = (i - begin) * _DEEP
                a, b, c = load(deep, to), load(deep, to + LANES), load(deep, to + 2 * LANES)
                at_hidden = (loud[i] - _TAPS) * _WIDE + k
                bits = positive(hidden, at_hidden)
                while bits:
                    bit = lowest(bits)
                    bits &= bits - _LOWEST_BIT
                    value, row = np.float32(hidden[at_hidden + bit]), (k + bit) * _DEEP
                    a = add(a, value, second, row)
                    b = add(b, value, second, row + LANES)
                    c = add(c, value, second, row + 2 * LANES)
                store(deep, to, a)
                store(deep, to + LANES, b)
                store(deep, to + 2 * LANES, c)
        for i in range(begin, end):
            a, b = load(third_bias, 0), load(third_bias, LANES)
            for j in range((i - begin) * _DEEP, (i - begin + 1) * _DEEP, LANES):
                bits = positive(deep, j)
                while bits:
                    bit = lowest(bits)
                    bits &= bits - _LOWEST_BIT
                    row = (j - (i - begin) * _DEEP + bit) * _OUT
                    a = add(a, deep[j + bit], third, row)
                    b = add(b, deep[j + bit], third, row + LANES)
            store(out, i * _OUT, a)
            store(out, i * _OUT + LANES, b)
