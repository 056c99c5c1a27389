# ruff: noqa: ANN401 - numba and LLVM have no types of their own
"""Sixteen float32 numbers as one value in compiled loops.

The compiler doesn't vectorise loops over rows that it can't prove apart, and keeps no sum of
sixteen in registers; told by hand, the same loops are six to ten times faster. The vectors are
LLVM's own, so that every processor gets the instructions that it has.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils as untyped
from numba.extending import intrinsic, models, register_model

_cgutils: Any = untyped
LANES = 16
_FLOAT, _INT = ir.FloatType(), ir.IntType(32)
_VECTOR, _INTS = ir.VectorType(_FLOAT, LANES), ir.VectorType(_INT, LANES)
_MANTISSA, _BIAS = 23, 127  # of a float32


class _Vector(types.Opaque):
    """The numba type."""


_vector = _Vector("strongroom.float32x16")


@register_model(_Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


def _constant(value: float) -> Any:
    return ir.Constant(_VECTOR, [value] * LANES)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), _VECTOR.as_pointer())


def _call(builder: Any, name: str, *given: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(given))
    function = _cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v16f32")
    return builder.call(function, given)


def _operation(count: int, build: Any) -> Any:
    """Make an operation of `count` vectors that gives a vector."""

    def code(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return build(builder, *given)

    def one(_typing: Any, _a: Any) -> Any:
        return _vector(_vector), code

    def two(_typing: Any, _a: Any, _b: Any) -> Any:
        return _vector(_vector, _vector), code

    def three(_typing: Any, _a: Any, _b: Any, _c: Any) -> Any:
        return _vector(_vector, _vector, _vector), code

    return intrinsic((one, two, three)[count - 1])


def _load(_typing: Any, array: Any, _place: Any) -> Any:
    """Return array[place : place + 16] of a flat float32 array; the place is not checked."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.load(_pointer(context, builder, signature.args[0], *given), align=4)

    return _vector(array, types.int64), code


def _store(_typing: Any, array: Any, _place: Any, _value: Any) -> Any:
    """Set array[place : place + 16]; the place is not checked."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], given[0], given[1])
        builder.store(given[2], pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, _vector), code


def _spread(_typing: Any, array: Any, _place: Any) -> Any:
    """Return sixteen times array[place] of a flat float32 array; the place is not checked."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, given[0]).data
        value = builder.load(builder.gep(data, [given[1]]))
        nothing = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(nothing, value, ir.Constant(_INT, 0))
        return builder.shuffle_vector(first, nothing, ir.Constant(_INTS, [0] * LANES))

    return _vector(array, types.int64), code


def _splat(_typing: Any, _value: Any) -> Any:
    """Return sixteen times the same number."""

    def code(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        nothing = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(nothing, given[0], ir.Constant(_INT, 0))
        return builder.shuffle_vector(first, nothing, ir.Constant(_INTS, [0] * LANES))

    return _vector(types.float32), code


def _total(_typing: Any, _value: Any) -> Any:
    """Return the sum of the sixteen."""

    def code(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        value, half = given[0], LANES // 2
        while half:
            order = [(i + half) % LANES for i in range(LANES)]
            value = builder.fadd(
                value, builder.shuffle_vector(value, value, ir.Constant(_INTS, order))
            )
            half //= 2
        return builder.extract_element(value, ir.Constant(_INT, 0))

    return types.float32(_vector), code


def _quads(_typing: Any, _value: Any) -> Any:
    """Return, in each place, the sum over its group of four."""

    def code(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        value = given[0]
        for step in (1, 2):
            order = ir.Constant(_INTS, [i ^ step for i in range(LANES)])
            value = builder.fadd(value, builder.shuffle_vector(value, value, order))
        return value

    return _vector(_vector), code


def _power_of_two(builder: Any, whole: Any) -> Any:
    """Return 2^n for whole numbers n from -126 to 127."""
    number = builder.fptosi(whole, _INTS)
    bits = builder.add(number, ir.Constant(_INTS, [_BIAS] * LANES))
    return builder.bitcast(builder.shl(bits, ir.Constant(_INTS, [_MANTISSA] * LANES)), _VECTOR)


def _exponential(builder: Any, x: Any) -> Any:
    """Return e^x within 2 units in the last place, after Cephes' expf; NaN stays NaN."""
    for limit, sign in ((-87.0, "<"), (88.0, ">")):
        beyond = builder.fcmp_ordered(sign, x, _constant(limit))
        x = builder.select(beyond, _constant(limit), x)
    n = _call(builder, "rint", builder.fmul(x, _constant(1.44269504088896341)))
    r = _call(builder, "fma", n, _constant(-0.693359375), x)
    r = _call(builder, "fma", n, _constant(2.12194440e-4), r)
    p = _constant(1.9875691500e-4)
    for coefficient in (
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
        1.0,
        1.0,
    ):
        p = _call(builder, "fma", p, r, _constant(coefficient))
    return builder.fmul(p, _power_of_two(builder, n))


def _tangent(builder: Any, x: Any) -> Any:
    """Return tanh x within 5e-7: a quotient of polynomials, as Eigen has it; NaN stays NaN."""
    for limit, sign in ((-7.9, "<"), (7.9, ">")):
        beyond = builder.fcmp_ordered(sign, x, _constant(limit))
        x = builder.select(beyond, _constant(limit), x)
    square = builder.fmul(x, x)
    above = _constant(-2.76076847742355e-16)
    for coefficient in (
        2.00018790482477e-13,
        -8.60467152213735e-11,
        5.12229709037114e-08,
        1.48572235717979e-05,
        6.37261928875436e-04,
        4.89352455891786e-03,
    ):
        above = _call(builder, "fma", above, square, _constant(coefficient))
    below = _constant(1.19825839466702e-06)
    for coefficient in (1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03):
        below = _call(builder, "fma", below, square, _constant(coefficient))
    return builder.fdiv(builder.fmul(above, x), below)


def _positive(builder: Any, value: Any, gate: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", gate, _constant(0.0)), value, _constant(0.0))


def _least(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_unordered("<", a, b), a, b)


def _most(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_unordered(">", a, b), a, b)


load: Any = intrinsic(_load)
store: Any = intrinsic(_store)
splat: Any = intrinsic(_splat)
spread: Any = intrinsic(_spread)
total: Any = intrinsic(_total)
quads: Any = intrinsic(_quads)
add: Any = _operation(2, lambda b, x, y: b.fadd(x, y))
subtract: Any = _operation(2, lambda b, x, y: b.fsub(x, y))
multiply: Any = _operation(2, lambda b, x, y: b.fmul(x, y))
divide: Any = _operation(2, lambda b, x, y: b.fdiv(x, y))
fused: Any = _operation(3, lambda b, x, y, z: _call(b, "fma", x, y, z))  # x·y + z, rounded once
root: Any = _operation(1, lambda b, x: _call(b, "sqrt", x))
exponential: Any = _operation(1, _exponential)
tangent: Any = _operation(1, _tangent)
where_positive: Any = _operation(2, _positive)  # the value where the gate is above 0, else 0
least: Any = _operation(2, _least)  # NaN in the first stays
most: Any = _operation(2, _most)  # the same
