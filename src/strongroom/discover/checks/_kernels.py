"""The one loop that runs every check-digit program; see `_instructions` for what each does.

Programs are ours, never a user's: places in them are trusted to fit the symbols kept (`ROOM`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strongroom.compiled import borrowing
from strongroom.discover.checks import _instructions as op

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOM = 64
"""Symbols kept of a span; a longer one passes no check."""
SCRATCH = 2 * ROOM
"""How many numbers a caller lends to `passes`."""

U = np.uint64  # places as these are never taken for places from the end
_SYMBOLS = np.full(256, -1, np.int64)
for _value, _character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
    _SYMBOLS[[ord(_character), ord(_character.lower())]] = _value
_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], np.int64)
_TEN = 10
_WIDE = 2**53
_WIDEST = 10**18  # of a longer number the last 18 digits are kept: more don't fit 64 bits
# Verhoeff 1969: the dihedral group D5 and the permutation's powers; Damm 2004: a quasigroup.
_TIMES = np.array(
    [int(c) for c in
     "01234567891234067895234017895634012895674012395678"
     "59876043216598710432765982104387659321049876543210"], np.int64,
).reshape(10, 10)  # fmt: skip
_TURNED = np.array(
    [int(c) for c in
     "0123456789157628309458037961428916043527"
     "9453126870428657390127938064157046913258"], np.int64,
).reshape(8, 10)  # fmt: skip
_DAMM = np.array(
    [int(c) for c in
     "03175986427092154863420687135917509834266123045978"
     "36742095815869720134894536201794386172052581436790"], np.int64,
).reshape(10, 10)  # fmt: skip
_MONTHS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


@borrowing
def _read(data: NDArray[np.uint8], start: int, end: int, symbols: NDArray[np.int64]) -> int:
    """Keep the symbols of a span; return how many, or -1 if there are too many."""
    n, sure = 0, min(end, start + ROOM)
    # No branch: where separators stand couldn't be foreseen.
    for i in range(start, sure):
        symbols[n] = _SYMBOLS[data[U(i)]]
        n += symbols[n] >= 0
    for i in range(sure, end):
        if _SYMBOLS[data[U(i)]] >= 0:
            if n == ROOM:
                return -1
            symbols[n] = _SYMBOLS[data[U(i)]]
            n += 1
    return n


@borrowing
def _reverse(symbols: NDArray[np.int64], first: int, last: int) -> None:
    for i in range((last - first) // 2):
        j, k = first + i, last - 1 - i
        symbols[j], symbols[k] = symbols[k], symbols[j]


@borrowing
def _is_day(year: int, month: int, day: int) -> bool:
    if not 1 <= month <= 12:  # noqa: PLR2004 - months
        return False
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)  # noqa: PLR2004
    return bool(1 <= day <= _MONTHS[month - 1] + (1 if leap else 0))


@borrowing
def _repeats(symbols: NDArray[np.int64], first: int, many: int) -> int:
    distinct = most = 0
    for i in range(first, first + many):
        alike = 0
        seen = False
        for j in range(first, first + many):
            if symbols[j] == symbols[i]:
                alike += 1
                seen = seen or j < i
        distinct += 0 if seen else 1
        most = max(most, alike)
    return 100 * distinct + most


@borrowing
def _group(kind: int, symbols: NDArray[np.int64], first: int, last: int) -> int:
    """Return what Luhn, Verhoeff or Damm make of the digits; 0 is right, -1 no digit."""
    found = 0
    if kind == op.LUHN:
        for i in range(first, last):
            if symbols[i] >= _TEN:
                return -1
        for i in range(last - 1, first - 1, -2):
            found += symbols[i]
        for i in range(last - 2, first - 1, -2):
            found += _DOUBLED[symbols[i]]
        return found % _TEN
    for i in range(last - first):
        v = symbols[first + i] if kind == op.DAMM else symbols[last - 1 - i]
        if v >= _TEN:
            return -1
        found = _TIMES[found, _TURNED[i % 8, v]] if kind == op.VERHOEFF else _DAMM[found, v]
    return found


@borrowing
def passes(  # noqa: C901, PLR0912, PLR0915 - one loop, one branch per instruction
    data: NDArray[np.uint8],
    start: int,
    end: int,
    program: NDArray[np.int64],
    at: int,
    scratch: NDArray[np.int64],
) -> bool:
    """Say whether a span satisfies a check-digit program.

    Args:
        data: uint8, the text; read from `start` to before `end`.
        start: where the span begins.
        end: where it ends.
        program: int64, one or several programs.
        at: where the program begins in `program`.
        scratch: int64 [SCRATCH], overwritten; lent by the caller so that no call allocates.
    """
    s, kept = scratch[:ROOM], scratch[ROOM:]
    n = _read(data, start, end, s)
    if n <= 0:
        return False
    pc, value, rescue = at, 0, -1
    while True:
        code = program[pc]
        if code == op.END:
            return True
        ok, width = True, 2
        a = program[pc + 1]
        if code <= op.LAST_WITH_PLACE:
            # Symbols from place a on, b of them: checked once here, for all of these.
            b = program[pc + 2]
            width = 3
            if a < 0:
                a += n
            if b <= 0:
                b += n - a
            if a < 0 or b < 0 or a + b > n:
                ok = False
            elif code == op.NUMBER:
                value = 0
                for i in range(a, a + b):
                    ok = ok and s[i] < _TEN
                    value = (value * _TEN + s[i]) % _WIDEST
            elif code == op.WEIGHTED:
                value = 0
                for i in range(b):
                    value += program[pc + 3 + i] * s[a + i]
            elif code == op.DIGITS_WEIGHTED:
                value = 0
                for i in range(b):
                    product = program[pc + 3 + i] * s[a + i]
                    value += product // _TEN + product % _TEN
            elif code == op.PURE:
                radix, modulus = program[pc + 3], program[pc + 4]
                value = 0
                for i in range(a, a + b):
                    far = 100 if radix == _TEN and s[i] >= _TEN else radix
                    # Dividing takes longer than all the rest: only what would overflow is.
                    if value >= _WIDE:
                        value %= modulus
                    value = value * far + s[i]
                value %= modulus
            elif code == op.MAP:
                step, size = program[pc + 3], program[pc + 4]
                for i in range(a, a + b, step):
                    v = program[pc + 5 + s[i]] if s[i] < size else -1
                    ok = ok and v >= 0
                    s[i] = v
            elif code == op.REPEATS:
                value = _repeats(s, a, a + b)
            else:
                value = _group(code, s, a, a + b)
            if code in (op.WEIGHTED, op.DIGITS_WEIGHTED):
                width = 3 + program[pc + 2]
            elif code == op.PURE:
                width = 5
            elif code == op.MAP:
                width = 5 + program[pc + 4]
        elif code <= op.LAST_WITH_SYMBOL:
            if a < 0:
                a += n
            if not 0 <= a < n:
                ok = False
            elif code == op.EQUALS:
                ok = s[a] == value
            elif code == op.SYMBOL:
                value = s[a]
            else:
                s[a] = value
        elif code == op.LENGTH:
            ok, width = a <= n <= program[pc + 2], 3
        elif code == op.MODULO:
            value %= a
        elif code == op.AFFINE:
            value, width = a * value + program[pc + 2], 3
        elif code == op.DIVIDE:
            value //= a
        elif code == op.TABLE:
            width = 2 + a
            value = program[pc + 2 + value] if 0 <= value < a else -1
            ok = value >= 0
        elif code == op.WITHIN:
            ok, width = a <= value <= program[pc + 2], 3
        elif code == op.AMONG:
            ok, width = False, 2 + a
            for i in range(a):
                ok = ok or program[pc + 2 + i] == value
        elif code == op.STORE:
            kept[a] = value
        elif code == op.ADD:
            value += kept[a]
        elif code == op.RECALL:
            value = kept[a]
        elif code == op.DATE:
            ok, width = _is_day(kept[op.YEAR], kept[op.MONTH], kept[op.DAY]), 1
        elif code == op.HYBRID:
            # ISO/IEC 7064, hybrid systems: 1 at the end is right.
            value = a
            for i in range(n):
                value = (value + s[i]) % a
                if i < n - 1:
                    value = (value or a) * 2 % (a + 1)
        elif code == op.ROTATE:
            _reverse(s, 0, a % n)
            _reverse(s, a % n, n)
            _reverse(s, 0, n)
        elif code == op.BYTE:
            place = start + a if a >= 0 else end + a
            ok = start <= place < end
            value = int(data[place]) if ok else -1
        elif code == op.COUNT:
            value, width = n, 1
        elif code == op.UNLESS:
            width = 4
            if not a <= value <= program[pc + 2]:
                width += program[pc + 3]
        elif code == op.SKIP:
            width = 2 + a
        elif code == op.TRY:
            rescue = pc + 2 + a if a else -1
        else:  # RELOAD
            n, width = _read(data, start, end, s), 1
        if ok:
            pc += width
        elif rescue < 0:
            return False
        else:
            pc, rescue = rescue, -1
