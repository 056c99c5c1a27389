# ruff: noqa: ANN401 - numba and LLVM have no types of their own
"""Many numbers as one value in compiled loops, in vector instructions of whatever machine it is.

Written in LLVM's own words: the compiler keeps no sum of a hundred numbers in registers, and proves
of no two rows that they are apart. Arrays are flat, and no place is checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as untyped
from numba.extending import models, register_model

from strongroom.discover.names._layout import OUT, WIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BIT, _SHORT, _INT, _LONG = (ir.IntType(n) for n in (1, 16, 32, 64))
_FLOAT = ir.FloatType()
LANES = 32
_FLOATS, _SHORTS = ir.VectorType(_FLOAT, LANES), ir.VectorType(_SHORT, WIDE)
_MOST = 32767.0  # of an int16
_AT_ONCE = 1024  # bits of an array that `positive` reads
_TIMES_AND = f"fmuladd.v{LANES}f32"  # rounded once, where the machine can
_BYTES = {_SHORT: 2, _FLOAT: 4}
intrinsic: Any = untyped
_declared: Any = cgutils.get_or_insert_function
_Made = tuple[Any, "Callable[..., Any]"]


class _Sums(types.Opaque):
    """The numba type of `LANES` float32 numbers."""


@register_model(_Sums)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _FLOATS)  # type: ignore[no-untyped-call]


_sums = _Sums("strongroom.float32x32")


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any, lanes: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), lanes.as_pointer())


def _load(context: Any, builder: Any, kind: Any, array: Any, at: Any, lanes: Any) -> Any:
    place = _place(context, builder, kind, array, at, lanes)
    return builder.load(place, align=_BYTES[lanes.element])


def _call(builder: Any, name: str, result: Any, given: Sequence[Any]) -> Any:
    kind = ir.FunctionType(result, [one.type for one in given])
    return builder.call(_declared(builder.module, kind, f"llvm.{name}"), given)


def _spread(builder: Any, value: Any, lanes: int) -> Any:
    nothing = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, nothing, _lanes([0] * lanes))


def _lanes(places: Sequence[int]) -> Any:
    """Return the places of a shuffle."""
    return ir.Constant(ir.VectorType(_INT, len(places)), list(places))


@intrinsic  # type: ignore[untyped-decorator]
def load(_typing: Any, array: Any, _at: Any) -> _Made:
    """Return the `LANES` numbers of a float32 array from a place on."""

    def written(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return _load(context, builder, signature.args[0], given[0], given[1], _FLOATS)

    return _sums(array, types.int64), written


@intrinsic  # type: ignore[untyped-decorator]
def store(_typing: Any, array: Any, _at: Any, _value: Any) -> _Made:
    """Write `LANES` numbers to a float32 array, from a place on."""

    def written(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place = _place(context, builder, signature.args[0], given[0], given[1], _FLOATS)
        builder.store(given[2], place, align=_BYTES[_FLOAT])
        return context.get_dummy_value()

    return types.void(array, types.int64, _sums), written


@intrinsic  # type: ignore[untyped-decorator]
def add(_typing: Any, _value: Any, _times: Any, array: Any, _at: Any) -> _Made:
    """Return numbers and `times` those of a float32 array from a place on."""

    def written(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        row = _load(context, builder, signature.args[2], given[2], given[3], _FLOATS)
        times = _spread(builder, given[1], LANES)
        return _call(builder, _TIMES_AND, _FLOATS, (times, row, given[0]))

    return _sums(_sums, types.float32, array, types.int64), written


@intrinsic  # type: ignore[untyped-decorator]
def nothing(_typing: Any) -> _Made:
    """Return `LANES` zeros."""

    def written(_context: Any, _builder: Any, _signature: Any, _given: Any) -> Any:
        return ir.Constant(_FLOATS, None)

    return _sums(), written


@intrinsic  # type: ignore[untyped-decorator]
def store_rounded(_typing: Any, array: Any, _at: Any, _value: Any) -> _Made:
    """Write `LANES` numbers to an int16 array, from a place on; what is beyond it at its ends."""

    def written(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        value = _call(builder, f"rint.v{LANES}f32", _FLOATS, (given[2],))
        for name, most in (("minnum", _MOST), ("maxnum", -_MOST)):
            limit = ir.Constant(_FLOATS, [most] * LANES)
            value = _call(builder, f"{name}.v{LANES}f32", _FLOATS, (value, limit))
        whole = ir.VectorType(_SHORT, LANES)
        place = _place(context, builder, signature.args[0], given[0], given[1], whole)
        builder.store(builder.fptosi(value, whole), place, align=_BYTES[_SHORT])
        return context.get_dummy_value()

    return types.void(array, types.int64, _sums), written


@intrinsic  # type: ignore[untyped-decorator]
def positive(_typing: Any, array: Any, _at: Any) -> _Made:
    """Return bit i if array[place + i] is above 0: of 64 int16 or of 32 float32 numbers."""

    def written(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        whole = array.dtype == types.int16
        lanes = ir.VectorType(_SHORT if whole else _FLOAT, _AT_ONCE // array.dtype.bitwidth)
        values = _load(context, builder, signature.args[0], given[0], given[1], lanes)
        above = (builder.icmp_signed if whole else builder.fcmp_ordered)(
            ">", values, ir.Constant(lanes, None)
        )
        bits = builder.bitcast(above, ir.IntType(lanes.count))
        return bits if whole else builder.zext(bits, _LONG)

    return types.uint64(array, types.int64), written


@intrinsic  # type: ignore[untyped-decorator]
def beyond_first(_typing: Any, array: Any, _at: Any) -> _Made:
    """Tell whether any of `OUT` float32 numbers from a place on is above the first of them."""

    def written(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        lanes = ir.VectorType(_FLOAT, OUT)
        values = _load(context, builder, signature.args[0], given[0], given[1], lanes)
        first = _spread(builder, builder.extract_element(values, ir.Constant(_INT, 0)), OUT)
        bits = builder.bitcast(builder.fcmp_ordered(">", values, first), ir.IntType(OUT))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(OUT), 0))

    return types.boolean(array, types.int64), written


@intrinsic  # type: ignore[untyped-decorator]
def lowest(_typing: Any, _bits: Any) -> _Made:
    """Return the place of the lowest bit that is set, 64 if none is."""

    def written(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.cttz(given[0], ir.Constant(_BIT, 0))

    return types.int64(types.uint64), written


@intrinsic  # type: ignore[untyped-decorator]
def first_layer(
    _typing: Any, parts: Any, _places: Any, flags: Any, _flag: Any, gate: Any, out: Any, _at: Any
) -> _Made:
    """Add up what the words of a window give; keep what is above 0, return what the gate says.

    Args:
        parts: int16 [slots, window, WIDE], flat.
        places: where in `parts` each word's begins, a tuple.
        flags: int16 [FLAGS, WIDE], flat; `flag` is where a row begins.
        gate: float32 [WIDE].
        out: int16, `WIDE` numbers of it from `at` on are set.
    """
    words = len(_places)

    def written(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kinds = signature.args
        total = _load(context, builder, kinds[2], given[2], given[3], _SHORTS)
        for k in range(words):
            place = builder.extract_value(given[1], k)
            part = _load(context, builder, kinds[0], given[0], place, _SHORTS)
            total = _call(builder, f"sadd.sat.v{WIDE}i16", _SHORTS, (total, part))
        nothing = ir.Constant(_SHORTS, None)
        total = _call(builder, f"smax.v{WIDE}i16", _SHORTS, (total, nothing))
        place = _place(context, builder, kinds[5], given[5], given[6], _SHORTS)
        builder.store(total, place, align=2)

        def weights(first: int) -> Any:
            return _load(context, builder, kinds[4], given[4], ir.Constant(_LONG, first), _FLOATS)

        return _dot(builder, total, weights)

    return types.float32(parts, _places, flags, types.int64, gate, out, types.int64), written


def _dot(builder: Any, whole: Any, weights: Callable[[int], Any]) -> Any:
    """Return the sum of `WIDE` int16 numbers times float32 weights, given from a place on."""
    total = ir.Constant(_FLOATS, None)
    for first in range(0, WIDE, LANES):
        some = builder.shuffle_vector(whole, whole, _lanes(range(first, first + LANES)))
        numbers = builder.sitofp(some, _FLOATS)
        total = _call(builder, _TIMES_AND, _FLOATS, (numbers, weights(first), total))
    half = LANES // 2
    while half:
        order = _lanes([i ^ half for i in range(LANES)])
        total = builder.fadd(total, builder.shuffle_vector(total, total, order))
        half //= 2
    return builder.extract_element(total, ir.Constant(_INT, 0))
