"""Delimited text, byte by byte: where fields lie, and what columns they make.

The rules of quoting are those of Python's `csv` module, which tests hold this against. Everything
is UTF-8, where no byte of a longer character equals a delimiter or a quote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.compiled import compiled
from strongroom.data._csv import MISSING

if TYPE_CHECKING:
    import numpy as np

# How a field is written: as it stands; with doubled quotes, escapes or text after its closing
# quote, which are to be resolved; between quotes without any of that; several fields that are more
# than a record should have.
PLAIN, RESOLVE, QUOTED, SURPLUS = 0, 1, 2, 3
# What a column holds.
NOTHING, INTEGERS, NUMBERS, TEXT = 0, 1, 2, 3

# An integer that a 64-bit float may not tell from its neighbour, and one of more than 64 bits.
_LONG_INTEGER, _HUGE_INTEGER = 4, 5

_LF, _CR, _SPACE = 10, 13, 32
_INFINITY = b"infinity"
_LONGEST = 4
_MISSING = tuple(int.from_bytes(m.encode(), "little") for m in (*MISSING, "\\N"))
_MOST_DIGITS = 18  # that any 64-bit integer can hold
_LONG = 16  # digits


@compiled
def _past_lines(data: np.ndarray, at: int, end: int) -> int:
    """Return where the next line begins that isn't blank."""
    while at < end and (data[at] == _LF or data[at] == _CR):
        at += 1
    return at


@compiled
def _field(  # noqa: C901 - one state machine
    data: np.ndarray, at: int, end: int, marks: tuple[int, int, int, bool]
) -> tuple[int, int, int, int]:
    """Return how a field is written, its bounds, and what follows it: `end + 1` if unclosed."""
    delimiter, quote, escape, spaces = marks
    while spaces and at < end and data[at] == _SPACE:
        at += 1
    kind, start = PLAIN, at
    if at < end and data[at] == quote:
        kind = QUOTED
        at += 1
        while at < end:
            byte = data[at]
            if byte == quote:
                if at + 1 == end or data[at + 1] != quote:
                    break
                kind = RESOLVE
                at += 1
            elif byte == escape:
                kind = RESOLVE
                at += 1
            at += 1
        if at >= end:
            return kind, start, end, end + 1
        at += 1
    closed = at
    while at < end:
        byte = data[at]
        if byte in (delimiter, _LF, _CR):
            break
        if byte == escape:
            kind = RESOLVE
            at += 1
        at += 1
    at = min(at, end)
    if kind == QUOTED and at == closed:
        return QUOTED, start + 1, at - 1, at
    return (RESOLVE if kind == QUOTED else kind), start, at, at


@compiled
def split(
    data: np.ndarray,
    begin: int,
    end: int,
    final: bool,  # noqa: FBT001 - kernels take arguments by place
    marks: tuple[int, int, int, bool],
    width: int,
    starts: np.ndarray,
    ends: np.ndarray,
    kinds: np.ndarray,
    firsts: np.ndarray,
) -> tuple[int, int, bool]:
    """Find the fields of whole records; blank lines are none.

    Args:
        data: uint8 [n].
        begin: where to begin in it.
        end: where to stop.
        final: whether nothing follows `end`.
        marks: the byte between fields; that of quotes, which count at the beginning of a field
            only, and of escapes, or -1; whether blanks before a field are passed over.
        width: more fields than that in a record become one with the last.
        starts: int32 [m], m > width, filled with where each field begins.
        ends: int32 [m], filled with where each ends.
        kinds: uint8 [m], filled with how each is written.
        firsts: int32 [k + 1], filled with each record's first field; k records at most.

    Returns:
        How many records, where the next one begins, and whether that one opens a quote that is not
        closed up to `end`.
    """
    delimiter = marks[0]
    records = fields = 0
    firsts[0] = 0
    at = _past_lines(data, begin, end)
    while at < end and records < len(firsts) - 1:
        here, first, whole = at, fields, False
        while not whole and (fields < len(starts) or fields - first == width):
            kind, start, stop, here = _field(data, here, end, marks)
            if here > end or (here == end and not final):
                return records, at, here > end
            if fields - first < width:
                starts[fields], kinds[fields] = start, kind
                fields += 1
            else:
                kinds[fields - 1] = SURPLUS
            ends[fields - 1] = stop
            whole = here == end or data[here] != delimiter
            here += 1
        if not whole:
            return records, at, False
        records += 1
        firsts[records] = fields
        at = _past_lines(data, here, end)
    return records, at, False


@compiled
def _resolve(
    data: np.ndarray, start: int, end: int, quote: int, escape: int, out: np.ndarray, to: int
) -> int:
    """Write a field without its quotes and escapes; return where the next may be written."""
    here = start
    quoted = here < end and data[here] == quote
    here += quoted
    while here < end:
        byte = data[here]
        if quoted and byte == quote:
            if here + 1 < end and data[here + 1] == quote:
                here += 1
            else:
                quoted = False
                here += 1
                continue
        elif byte == escape and here + 1 < end:
            here += 1
            byte = data[here]
            # As databases write them.
            if byte == ord("n"):
                byte = ord("\n")
            elif byte == ord("t"):
                byte = ord("\t")
            elif byte == ord("r"):
                byte = ord("\r")
        out[to] = byte
        to += 1
        here += 1
    return to


@compiled
def gather(
    data: np.ndarray,
    fields: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    absent: int,
    marks: tuple[int, int, int, bool],
    out: np.ndarray,
    offsets: np.ndarray,
    valid: np.ndarray,
) -> None:
    """Make columns of the fields of records.

    Args:
        data: uint8 [n], as in `split`.
        fields: what `split` filled: starts, ends, kinds, firsts.
        absent: how many columns are missing at the beginning of the first record.
        marks: as in `split`.
        out: uint8 [n], filled with the values of all columns, one column after the other.
        offsets: int32 [columns, records + 1], filled with where they lie there.
        valid: bool [columns, records], filled with whether there is one.
    """
    starts, ends, kinds, firsts = fields
    _, quote, escape, _ = marks
    to = 0
    for column in range(len(offsets)):
        offsets[column, 0] = to
        for record in range(valid.shape[1]):
            place = column if record else column - absent
            field = firsts[record] + place
            present = place >= 0 and field < firsts[record + 1]
            if present:
                start, end = starts[field], ends[field]
                if kinds[field] == RESOLVE:
                    # What is escaped whole, \N, stands for nothing.
                    present = not (
                        end - start == 2  # noqa: PLR2004
                        and data[start] == escape
                        and data[start + 1] == ord("N")
                    )
                    if present:
                        to = _resolve(data, start, end, quote, escape, out, to)
                else:
                    if kinds[field] == PLAIN and end - start <= _LONGEST:
                        word = 0
                        for i in range(end - start):
                            word |= int(data[start + i]) << (8 * i)
                        present = word not in _MISSING
                    if present:
                        for i in range(start, end):
                            out[to] = data[i]
                            to += 1
            valid[column, record] = present
            offsets[column, record + 1] = to


@compiled
def numbers(data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, values: np.ndarray) -> int:
    """Tell what a column of strings holds; what is written in an unusual way is no number.

    Args:
        data: uint8, the bytes of the strings.
        offsets: int32 [n + 1], where each lies.
        valid: bool [n].
        values: int64 [n], filled with the values if they are integers.

    Returns:
        NOTHING, INTEGERS, NUMBERS or TEXT: TEXT also where a float would lose a digit of an
        integer.
    """
    found, long, whole = False, False, True
    for row in range(len(valid)):
        values[row] = 0
        if not valid[row]:
            continue
        found = True
        start, end = offsets[row], offsets[row + 1]
        while start < end and _blank(data[start]):
            start += 1
        while end > start and _blank(data[end - 1]):
            end -= 1
        kind, value = _number(data, start, end)
        if kind == TEXT:
            return TEXT
        values[row] = value
        long = long or kind >= _LONG_INTEGER
        whole = whole and kind in (INTEGERS, _LONG_INTEGER)
    if not found:
        return NOTHING
    if whole:
        return INTEGERS
    return TEXT if long else NUMBERS


@compiled
def _blank(byte: int) -> bool:
    return byte == _SPACE or 9 <= byte <= _CR  # noqa: PLR2004 - tab


@compiled
def _number(data: np.ndarray, at: int, end: int) -> tuple[int, int]:
    """Read one number: no leading zero, no plus sign, nothing hexadecimal.

    Returns:
        INTEGERS, NUMBERS, TEXT, _LONG_INTEGER or _HUGE_INTEGER; and the value of an integer.
    """
    negative = at < end and data[at] == ord("-")
    first = at + negative
    at = _digits(data, first, end)
    digits = at - first
    if digits > 1 and data[first] == ord("0"):
        return TEXT, 0
    if at == end and digits:
        value = 0
        for i in range(first, end):
            digit = int(data[i]) - ord("0")
            if i - first >= _MOST_DIGITS and not _fits(value, digit, negative):
                return _HUGE_INTEGER, 0
            value = value * 10 - digit  # below zero there is room for one more
        kind = _LONG_INTEGER if digits >= _LONG else INTEGERS
        return kind, value if negative else -value
    if not digits and _infinite(data, at, end):
        return NUMBERS, 0
    if at < end and data[at] == ord("."):
        first = at + 1
        at = _digits(data, first, end)
        digits += at - first
    if digits and at + 1 < end and (data[at] == ord("e") or data[at] == ord("E")):
        first = at + 1
        first += data[first] == ord("+") or data[first] == ord("-")
        at = _digits(data, first, end)
        digits = at - first
    return (NUMBERS if at == end and digits else TEXT), 0


@compiled
def _digits(data: np.ndarray, at: int, end: int) -> int:
    """Return where digits that begin at `at` end."""
    while at < end and ord("0") <= data[at] <= ord("9"):
        at += 1
    return at


@compiled
def _fits(value: int, digit: int, negative: bool) -> bool:  # noqa: FBT001
    """Tell whether 10 value - digit is no less than the least (negated) 64-bit integer."""
    tenth = -922_337_203_685_477_580
    return value > tenth or (value == tenth and digit <= 7 + negative)


@compiled
def _infinite(data: np.ndarray, at: int, end: int) -> bool:
    """Tell whether this is inf or infinity, in any case."""
    length = end - at
    same = length == 3 or length == len(_INFINITY)  # noqa: PLR2004
    for i in range(length if same else 0):
        same = same and data[at + i] | 32 == _INFINITY[i]
    return same
