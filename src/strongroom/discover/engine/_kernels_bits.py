"""What a scanner asks of 64 bytes at once, in vector instructions of whatever machine it runs on.

These are written in LLVM's own words, since no loop in Python says "compare 64 bytes and give me
the answers as bits": the compiler makes AVX-512, AVX2, SSE2 or NEON of the same lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from strongroom.discover.engine._sieve import BEYOND, CAPITAL, DIGIT, FLAGS, OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LANES = 64
AHEAD = 3
"""How many bytes behind the 64 `sifted` reads."""
_BIT, _BYTE, _SHORT, _INT, _LONG = (ir.IntType(n) for n in (1, 8, 16, 32, 64))
_LANES = ir.VectorType(_BYTE, LANES)
_AT_ONCE = 16
intrinsic: Any = extending.intrinsic
_declared: Any = cgutils.get_or_insert_function
_Made = tuple[Any, "Callable[..., Any]"]


def _splat(value: int, kind: ir.Type = _BYTE, lanes: int = LANES) -> ir.Constant:
    return ir.Constant(ir.VectorType(kind, lanes), [value] * lanes)


def _lanes(places: Iterable[int]) -> ir.Constant:
    """Return the places of a shuffle."""
    chosen = list(places)
    return ir.Constant(ir.VectorType(_INT, len(chosen)), chosen)


def _load(context: Any, builder: Any, array: tuple[Any, Any], at: Any, kind: Any) -> Any:  # noqa: ANN401 - numba's own types
    """Load `kind` from place `at` of an array of bytes, which needn't be aligned."""
    data = context.make_array(array[0])(context, builder, array[1]).data
    place = builder.bitcast(builder.gep(data, [at]), kind.as_pointer())
    return builder.load(place, align=1)


def _is_alphanumeric(builder: Any, lanes: Any) -> Any:  # noqa: ANN401
    digit = builder.icmp_unsigned("<", builder.sub(lanes, _splat(ord("0"))), _splat(10))
    small = builder.sub(builder.or_(lanes, _splat(32)), _splat(ord("a")))
    return builder.or_(digit, builder.icmp_unsigned("<", small, _splat(26)))


@intrinsic  # type: ignore[untyped-decorator]
def alphanumeric(_typing: Any, data: Any, _at: Any) -> _Made:  # noqa: ANN401
    """Return bit i for byte `at` + i: an ASCII letter or digit."""

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        lanes = _load(context, builder, (signature.args[0], arguments[0]), arguments[1], _LANES)
        return builder.bitcast(_is_alphanumeric(builder, lanes), _LONG)

    return types.uint64(data, types.int64), written


@intrinsic  # type: ignore[untyped-decorator]
def letters(_typing: Any, data: Any, _at: Any) -> _Made:  # noqa: ANN401
    """Return bit i for byte `at` + i: an ASCII letter or digit, or part of what isn't ASCII."""

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        lanes = _load(context, builder, (signature.args[0], arguments[0]), arguments[1], _LANES)
        beyond = builder.icmp_unsigned(">=", lanes, _splat(128))
        return builder.bitcast(builder.or_(_is_alphanumeric(builder, lanes), beyond), _LONG)

    return types.uint64(data, types.int64), written


@intrinsic  # type: ignore[untyped-decorator]
def numeric(_typing: Any, data: Any, _at: Any) -> _Made:  # noqa: ANN401
    """Return bit i for byte `at` + i: an ASCII digit, or one of `-./:`."""

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        lanes = _load(context, builder, (signature.args[0], arguments[0]), arguments[1], _LANES)
        # They are neighbours.
        digit = builder.icmp_unsigned("<", builder.sub(lanes, _splat(ord("-"))), _splat(14))
        return builder.bitcast(digit, _LONG)

    return types.uint64(data, types.int64), written


@intrinsic  # type: ignore[untyped-decorator]
def among(_typing: Any, data: Any, _at: Any, wanted: Any, _first: Any) -> _Made:  # noqa: ANN401
    """Return bit i for byte `at` + i: it is one of the `SOME` bytes in `wanted` from `first` on."""

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        lanes = _load(context, builder, (signature.args[0], arguments[0]), arguments[1], _LANES)
        array = (signature.args[2], arguments[2])
        found = None
        for i in range(SOME):
            place = builder.add(arguments[3], ir.Constant(_LONG, i))
            byte = _load(context, builder, array, place, _BYTE)
            one = builder.insert_element(
                ir.Constant(_LANES, ir.Undefined), byte, ir.Constant(_INT, 0)
            )
            spread = builder.shuffle_vector(one, one, _lanes([0] * LANES))
            same = builder.icmp_unsigned("==", lanes, spread)
            found = same if found is None else builder.or_(found, same)
        return builder.bitcast(found, _LONG)

    return types.uint64(data, types.int64, wanted, types.int64), written


@intrinsic  # type: ignore[untyped-decorator]
def eight(_typing: Any, data: Any, _at: Any) -> _Made:  # noqa: ANN401
    """Return the eight bytes from `at` on as a number, the first one lowest."""

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return _load(context, builder, (signature.args[0], arguments[0]), arguments[1], _LONG)

    return types.uint64(data, types.int64), written


@intrinsic  # type: ignore[untyped-decorator]
def lowest(_typing: Any, _bits: Any) -> _Made:  # noqa: ANN401
    """Return the place of the lowest bit that is set, 64 if none is."""

    def written(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.cttz(arguments[0], ir.Constant(_BIT, 0))

    return types.int64(types.uint64), written


@intrinsic  # type: ignore[untyped-decorator]
def population(_typing: Any, _bits: Any) -> _Made:  # noqa: ANN401
    """Return how many bits are set."""

    def written(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), written


SOME = 8
"""How many bytes `among` looks for at once; fewer are repeated."""


@intrinsic  # type: ignore[untyped-decorator]
def sifted(_typing: Any, data: Any, _at: Any, sieve: Any, found: Any, runs: Any) -> _Made:  # noqa: ANN401
    """Look four bytes from each of 64 places up in a sieve; write the answers to `found`.

    Args:
        data: uint8, read from `at` to `at` + 64 + `AHEAD`.
        at: the first place.
        sieve: uint32 [2**17], four bits for any four symbols, the first one highest.
        found: uint64 [4], bit i of entry f: the sieve has bit f for the bytes from place i on.
        runs: uint32 [64], overwritten: the four symbols from each place on, the first one highest.
    """

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        array, at = (signature.args[0], arguments[0]), arguments[1]
        behind = builder.add(at, ir.Constant(_LONG, AHEAD))
        first, rest = _symbols(builder, _load(context, builder, array, at, _LANES))
        _, last = _symbols(builder, _load(context, builder, array, behind, _LANES))
        places = list(range(LANES)) + list(range(2 * LANES - AHEAD, 2 * LANES))
        second, third = (
            builder.shuffle_vector(rest, last, _lanes(places[n : n + LANES])) for n in (1, 2)
        )
        slot = _joined(
            builder, _joined(builder, first, second, _SHORT, 5),
            _joined(builder, third, last, _SHORT, 5), _INT, 10,
        )  # fmt: skip
        runs = context.make_array(signature.args[4])(context, builder, arguments[4]).data
        builder.store(slot, builder.bitcast(runs, slot.type.as_pointer()), align=4)
        which = builder.lshr(slot, _splat(3, _INT))
        bit = builder.shl(builder.and_(slot, _splat(7, _INT)), _splat(2, _INT))
        table = context.make_array(signature.args[2])(context, builder, arguments[2]).data
        looked = []
        for k in range(0, LANES, _AT_ONCE):
            part = _lanes(range(k, k + _AT_ONCE))
            entries = _gathered(builder, table, builder.shuffle_vector(which, which, part))
            looked.append(builder.lshr(entries, builder.shuffle_vector(bit, bit, part)))
        into = context.make_array(signature.args[3])(context, builder, arguments[3]).data
        for flag in range(FLAGS):
            answer = ir.Constant(_LONG, 0)
            for k, entries in enumerate(looked):
                one = builder.and_(entries, _splat(1 << flag, _INT, _AT_ONCE))
                told = builder.icmp_unsigned("!=", one, _splat(0, _INT, _AT_ONCE))
                bits = builder.zext(builder.bitcast(told, ir.IntType(_AT_ONCE)), _LONG)
                bits = builder.shl(bits, ir.Constant(_LONG, k * _AT_ONCE))
                answer = builder.or_(answer, bits)
            builder.store(answer, builder.gep(into, [ir.Constant(_LONG, flag)]))
        return context.get_dummy_value()

    return types.void(data, types.int64, sieve, found, runs), written


def _symbols(builder: Any, lanes: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Return the symbols of 64 bytes, as the first of four and as a later one."""

    def within(low: str, many: int) -> Any:  # noqa: ANN401
        return builder.icmp_unsigned("<", builder.sub(lanes, _splat(ord(low))), _splat(many))

    letter, capital = builder.and_(lanes, _splat(31)), within("A", 26)
    beyond = builder.icmp_unsigned(">=", lanes, _splat(128))
    rest = builder.select(beyond, _splat(BEYOND), _splat(OTHER))
    rest = builder.select(within("0", 10), _splat(DIGIT), rest)
    rest = builder.select(capital, _splat(CAPITAL), rest)
    rest = builder.select(within("a", 26), letter, rest)
    return builder.select(capital, letter, rest), rest


def _joined(builder: Any, high: Any, low: Any, kind: Any, bits: int) -> Any:  # noqa: ANN401
    """Put two numbers of each lane into one of `kind`, `bits` apart."""
    wide = ir.VectorType(kind, LANES)
    up = builder.shl(builder.zext(high, wide), _splat(bits, kind))
    return builder.or_(up, builder.zext(low, wide))


def _gathered(builder: Any, table: Any, places: Any) -> Any:  # noqa: ANN401
    """Load one entry for each place of a vector, in one instruction where the machine has it."""
    # The builder knows places that are numbers only: it is given one, and then the vector.
    pointers = builder.gep(table, [ir.Constant(_INT, 0)])
    pointers.operands, pointers.indices = [table, places], [places]
    pointers.type = ir.VectorType(table.type, _AT_ONCE)
    entries = ir.VectorType(_INT, _AT_ONCE)
    kind = ir.FunctionType(entries, [pointers.type, _INT, ir.VectorType(_BIT, _AT_ONCE), entries])
    gather = _declared(builder.module, kind, "llvm.masked.gather.v16i32.v16p0")
    every, none = _splat(1, _BIT, _AT_ONCE), _splat(0, _INT, _AT_ONCE)
    return builder.call(gather, [pointers, ir.Constant(_INT, 4), every, none])
