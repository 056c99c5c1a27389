"""The instructions of check-digit programs, and the words that write them.

A program is a tuple of integers: an instruction and its operands, one after the other, ended by
`END`. It runs over the *symbols* of a span (0-9 for digits, 10-35 for letters of either case, in
the order of the text; everything else is passed over), a number `value`, and three registers for a
date. Places count from 0, or back from the end if negative; "this many" symbols of 0 or less are
all that follow but that many at the end. Jumps lead forwards only, so every program ends.
`_kernels.passes` runs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Code: TypeAlias = tuple[int, ...]

(
    NUMBER, WEIGHTED, DIGITS_WEIGHTED, PURE, MAP, REPEATS, LUHN, VERHOEFF, DAMM,
    EQUALS, SYMBOL, PUT,
    LENGTH, MODULO, AFFINE, DIVIDE, TABLE, WITHIN, AMONG, STORE, ADD, RECALL, DATE, HYBRID, ROTATE,
    BYTE, COUNT, UNLESS, SKIP, TRY, RELOAD, END,
) = range(32)  # fmt: skip
LAST_WITH_PLACE, LAST_WITH_SYMBOL = DAMM, PUT

YEAR, MONTH, DAY = range(3)


def join(*parts: Code) -> Code:
    """Write instructions one after the other."""
    return tuple(one for part in parts for one in part)


def length(least: int, most: int | None = None) -> Code:
    """Demand a number of symbols."""
    return (LENGTH, least, least if most is None else most)


def number(first: int, many: int) -> Code:
    """Value = the decimal number of these digits; a letter fails."""
    return (NUMBER, first, many)


def digits(least: int, most: int | None = None) -> Code:
    """Demand a number of symbols, and that they are digits."""
    return join(length(least, most), number(0, 0))


def constant(value: int) -> Code:
    """Value = a number."""
    return affine(0, value)


def fail() -> Code:
    """Demand what can't be."""
    return within(1, 0)


def symbol(place: int) -> Code:
    """Value = the symbol at this place."""
    return (SYMBOL, place)


def byte(place: int) -> Code:
    """Value = the byte at this place of the span itself, separators counted."""
    return (BYTE, place)


def count() -> Code:
    """Value = how many symbols there are."""
    return (COUNT,)


def weighted(weights: Iterable[int], modulus: int = 0, first: int = 0) -> Code:
    """Value = the sum of weight times symbol, from `first` on, modulo `modulus` if that is set."""
    all_of_them = tuple(weights)
    end = modulo(modulus) if modulus else ()
    return (WEIGHTED, first, len(all_of_them), *all_of_them, *end)


def digits_weighted(weights: Iterable[int], modulus: int = 0, first: int = 0) -> Code:
    """Value = the sum of the decimal digits of weight times symbol, modulo `modulus` if set."""
    all_of_them = tuple(weights)
    end = modulo(modulus) if modulus else ()
    return (DIGITS_WEIGHTED, first, len(all_of_them), *all_of_them, *end)


def modulo(modulus: int) -> Code:
    """Value = value mod `modulus`, never negative."""
    return (MODULO, modulus)


def affine(factor: int, addend: int) -> Code:
    """Value = factor * value + addend."""
    return (AFFINE, factor, addend)


def negative(modulus: int, plus: int = 0) -> Code:
    """Value = plus - value, modulo `modulus`."""
    return join(affine(-1, plus), modulo(modulus))


def divide(divisor: int) -> Code:
    """Value = value // divisor."""
    return (DIVIDE, divisor)


def table(values: Sequence[int] | str) -> Code:
    """Value = values[value]; fails beyond the table and where it holds -1.

    A string stands for the symbols of its characters, with "*" for -1.
    """
    entries = symbols(values) if isinstance(values, str) else tuple(values)
    return (TABLE, len(entries), *entries)


def lookup(values: Mapping[str, int]) -> Code:
    """Value = what these characters stand for; any other symbol fails."""
    return table([values.get(c, -1) for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"])


def symbols(text: str) -> tuple[int, ...]:
    """Return the symbols of characters, -1 for "*"."""
    return tuple(-1 if c == "*" else int(c, 36) for c in text)


def equals(place: int) -> Code:
    """Demand that the symbol at this place is the value."""
    return (EQUALS, place)


def within(least: int, most: int | None = None) -> Code:
    """Demand that the value lies between two numbers, both included."""
    return (WITHIN, least, least if most is None else most)


def among(values: Iterable[int]) -> Code:
    """Demand that the value is one of these."""
    all_of_them = tuple(sorted(values))
    return (AMONG, len(all_of_them), *all_of_them)


def store(register: int) -> Code:
    """Keep the value as the YEAR, the MONTH or the DAY."""
    return (STORE, register)


def add(register: int) -> Code:
    """Value = value + what a register holds."""
    return (ADD, register)


def recall(register: int) -> Code:
    """Value = what a register holds."""
    return (RECALL, register)


def date() -> Code:
    """Demand that the registers hold a day of the Gregorian calendar."""
    return (DATE,)


def birth(
    year: int,
    month: int | Code,
    day: int | Code,
    *,
    century: int | Code = 2000,
    until: int | None = None,
) -> Code:
    """Demand a date of two-digit parts.

    Args:
        year: place of the year's last two digits.
        month: place of the month, or code that gives it.
        day: place of the day, or code that gives it.
        century: the year's hundreds, or code that gives them. Where the number doesn't say, 2000
            takes every date that some century has: its year 00 is a leap year.
        until: the last year that can be.
    """
    century = constant(century) if isinstance(century, int) else century
    month = number(month, 2) if isinstance(month, int) else month
    day = number(day, 2) if isinstance(day, int) else day
    return join(
        century, store(YEAR), number(year, 2), add(YEAR), store(YEAR),
        () if until is None else within(0, until),
        month, store(MONTH), day, store(DAY), date(),
    )  # fmt: skip


def lowered(place: int, by: int) -> Code:
    """Value = two digits, less a number that marks something if they are above it."""
    return join(number(place, 2), when(by + 1, 99, affine(1, -by)))


def pure(first: int, many: int, radix: int, modulus: int) -> Code:
    """Value = the number of these symbols in a radix, modulo; letters count as two digits in 10."""
    return (PURE, first, many, radix, modulus)


def hybrid(modulus: int) -> Code:
    """Demand the check character of ISO/IEC 7064 MOD modulus+1,modulus over all symbols."""
    return (HYBRID, modulus, *within(1))


def luhn(first: int = 0, many: int = 0) -> Code:
    """Demand the Luhn digit (ISO/IEC 7812-1, annex B) at the end of these digits."""
    return (LUHN, first, many, *within(0))


def verhoeff(first: int = 0, many: int = 0) -> Code:
    """Demand Verhoeff's digit at the end of these digits."""
    return (VERHOEFF, first, many, *within(0))


def damm(first: int = 0, many: int = 0) -> Code:
    """Demand Damm's digit at the end of these digits."""
    return (DAMM, first, many, *within(0))


def put(place: int) -> Code:
    """Make the value the symbol at this place."""
    return (PUT, place)


def map_symbols(values: Sequence[int] | str, first: int, many: int, step: int = 1) -> Code:
    """Replace `many` symbols, every `step`-th, by their entry in a table; -1 fails."""
    entries = symbols(values) if isinstance(values, str) else tuple(values)
    return (MAP, first, many, step, len(entries), *entries)


def rotate(places: int) -> Code:
    """Move this many symbols from the front to the end."""
    return (ROTATE, places)


def repeats(first: int, many: int) -> Code:
    """Value = 100 * distinct symbols + how often the most frequent one stands there."""
    return (REPEATS, first, many)


def refuse(code: Code) -> Code:
    """Demand that code fails."""
    tried = join(code, (TRY, 0), fail())
    return (TRY, len(tried), *tried)


def when(least: int, most: int, then: Code, otherwise: Code = ()) -> Code:
    """Run `then` if the value lies between two numbers, else `otherwise`."""
    skip = (SKIP, len(otherwise)) if otherwise else ()
    return (UNLESS, least, most, len(then) + len(skip), *then, *skip, *otherwise)


def by_length(branches: Mapping[int, Code]) -> Code:
    """Run the branch that belongs to the number of symbols; fails at any other."""
    code = fail()
    for many, branch in branches.items():
        code = join(count(), when(many, many, branch, code))
    return code


def either(*branches: Code) -> Code:
    """Demand one of several; the first that holds is taken, and nothing after it retries another.

    A branch begins with the symbols as they stand in the text.
    """
    *first, last = branches
    code = join((RELOAD,), last)
    for branch in reversed(first):
        # A branch that holds jumps over the others and forgets the way back.
        held = (TRY, 0, SKIP, len(code))
        code = join((TRY, len(branch) + len(held) + 1, RELOAD), branch, held, code)
    return code
