"""What a scanner asks of 64 bytes at once, in vector instructions of whatever machine it runs on.

These are written in LLVM's own words, since no loop in Python says "compare 64 bytes and give me
the answers as bits": the compiler makes AVX-512, AVX2, SSE2 or NEON of the same lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import extending, types

if TYPE_CHECKING:
    from collections.abc import Callable

LANES = 64
_BYTE, _LONG = ir.IntType(8), ir.IntType(64)
_LANES = ir.VectorType(_BYTE, LANES)
intrinsic: Any = extending.intrinsic
_Made = tuple[Any, "Callable[..., Any]"]


def _splat(value: int) -> ir.Constant:
    return ir.Constant(_LANES, [value] * LANES)


def _load(context: Any, builder: Any, array: tuple[Any, Any], at: Any, kind: Any) -> Any:  # noqa: ANN401 - numba's own types
    """Load `kind` from place `at` of an array of bytes, which needn't be aligned."""
    data = context.make_array(array[0])(context, builder, array[1]).data
    place = builder.bitcast(builder.gep(data, [at]), kind.as_pointer())
    return builder.load(place, align=1)


@intrinsic  # type: ignore[untyped-decorator]
def letters(_typing: Any, data: Any, _at: Any) -> _Made:  # noqa: ANN401
    """Return bit i for byte `at` + i: an ASCII letter or digit, or part of what isn't ASCII."""

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        lanes = _load(context, builder, (signature.args[0], arguments[0]), arguments[1], _LANES)
        digit = builder.icmp_unsigned("<", builder.sub(lanes, _splat(ord("0"))), _splat(10))
        small = builder.sub(builder.or_(lanes, _splat(32)), _splat(ord("a")))
        letter = builder.icmp_unsigned("<", small, _splat(26))
        beyond = builder.icmp_unsigned(">=", lanes, _splat(128))
        return builder.bitcast(builder.or_(builder.or_(digit, letter), beyond), _LONG)

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
                ir.Constant(_LANES, ir.Undefined), byte, ir.Constant(ir.IntType(32), 0)
            )
            spread = builder.shuffle_vector(
                one, one, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
            )
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
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), written


SOME = 8
"""How many bytes `among` looks for at once; fewer are repeated."""
