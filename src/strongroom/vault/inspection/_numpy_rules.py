"""When the pieces of a pickled NumPy array fit together.

`dtype.__setstate__` believes what it is told: a type that hides its object fields would make NumPy
take bytes of the file for pointers. So type, fields, sizes and flags are checked against each
other here, and object arrays must hold their elements as a list.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from strongroom.vault.inspection._values import (
    FLAG,
    Const,
    Items,
    Made,
    Name,
    Value,
    ints_of,
    is_bytes,
    is_const,
    is_int,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# Kind and width as NumPy writes them. A code without its width, such as "i", is longer than it
# looks, and nobody writes it.
_CODE = re.compile(
    r"([?bB])|(?=(?:b1|[iuf](?:1|2|4|8|16)|c(?:8|16|32)|[mM]8|O8|[SUV][0-9]+)$)(.)([0-9]{1,9})"
)
_UCS4 = 4
# numpy/ndarraytypes.h: HASOBJECT, LIST_PICKLE, NEEDS_INIT, NEEDS_PYAPI, USE_GETITEM, USE_SETITEM.
_OBJECT_FLAGS = 0x3F
_ALIGNED_STRUCT = 0x80
_FLAGS = _OBJECT_FLAGS | _ALIGNED_STRUCT
_WIDEST = 64
_MOST_METADATA = 100
_VERSIONS = (3, 4)


def dtype_call(args: Sequence[Value]) -> bool:
    """`numpy.dtype(code, align, copy)`."""
    return (
        len(args) in {1, 3}
        and _parse_code(args[0]) is not None
        and all(is_const(a, 0, 1, *FLAG) for a in args[1:])
    )


def dtype_state(made: Made, state: Value) -> bool:
    """`dtype.__setstate__((version, order, subarray, names, fields, size, alignment, flags))`."""
    match state:
        case Items(
            kind="tuple",
            items=[version, order, sub, names, fields, size, alignment, flags, *metadata],
        ) if len(metadata) <= 1:
            pass
        case _:
            return False
    if not (
        made.state is None
        and not made.frozen
        and is_const(version, *_VERSIONS)
        and is_const(order, "<", ">", "|", "=")
        and is_int(alignment, -1, _WIDEST)
        and all(map(_harmless, metadata))
    ):
        return False
    match size, flags:
        case Const(value=int(length)), Const(value=int(bits)) if 0 <= bits <= _FLAGS:
            made.element = _element(made, sub, names, fields, length)
            if made.element is None:
                return False
            plain_object = made.args[0] == Const("O8")
            return bits == _OBJECT_FLAGS if plain_object else made.element[1] == bool(bits & 1)
        case _:
            return False


def array_call(args: Sequence[Value]) -> bool:
    """`_reconstruct(ndarray, (0,), b"b")`: an empty array, to be filled by its state."""
    match args:
        case [Name(path="numpy.ndarray"), shape, code]:
            return ints_of(shape) == [0] and (is_const(code, b"b", "b") or is_bytes(code))
        case _:
            return False


def array_state(made: Made, state: Value) -> bool:
    """`ndarray.__setstate__((version, shape, dtype, fortran, data))`."""
    match state:
        case Items(kind="tuple", items=[version, shape, dtype, fortran, data]):
            return (
                made.state is None
                and is_const(version, 1)
                and ints_of(shape) is not None
                and is_const(fortran, 0, 1, *FLAG)
                and _contents_fit(dtype, data)
            )
        case _:
            return False


def buffer_call(args: Sequence[Value]) -> bool:
    """`_frombuffer(bytes, dtype, shape, order, axes)`: protocol 5. NumPy refuses object types."""
    match args:
        case [data, dtype, shape, order, *axes]:
            return (
                is_bytes(data)
                and _plain_dtype(dtype)
                and ints_of(shape) is not None
                and is_const(order, "C", "F", "K", "A")
                and all(is_const(a, None) or ints_of(a) is not None for a in axes)
            )
        case _:
            return False


def scalar_call(args: Sequence[Value]) -> bool:
    """`scalar(dtype, bytes)`."""
    return len(args) == 2 and _plain_dtype(args[0]) and is_bytes(args[1])  # noqa: PLR2004


def _contents_fit(dtype: Value, data: Value) -> bool:
    described = _settle(dtype)
    if described is None:
        return False
    if described[1]:
        return isinstance(data, Items) and data.kind == "list"
    return is_bytes(data)


def _plain_dtype(value: Value) -> bool:
    described = _settle(value)
    return described is not None and not described[1]


def _settle(value: Value) -> tuple[int, bool] | None:
    """Return (bytes per element, holds objects) of a type, which from now on may not change.

    NumPy shares types and their tables of fields: one that changed after it was checked would
    change the array that uses it. None when it isn't a type.
    """
    if not isinstance(value, Made) or value.path != "numpy.dtype":
        return None
    value.frozen = True
    return value.element if value.state is not None else _parse_code(value.args[0])


def _parse_code(value: Value) -> tuple[int, bool] | None:
    """Return (size, holds objects) of a type code such as `f8`, without byte order."""
    text = value.value if isinstance(value, Const) else None
    match = _CODE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    kind, width = (match[1], 1) if match[1] else (match[2], int(match[3]))
    size = width * _UCS4 if kind == "U" else width
    return size, kind == "O"


def _element(
    made: Made, sub: Value, names: Value, fields: Value, size: int
) -> tuple[int, bool] | None:
    """Return what `_settle` shall say of such a type; None when its state contradicts itself."""
    parsed = _parse_code(made.args[0])
    if isinstance(fields, Items):
        return _struct(names, fields, size) if is_const(sub, None) else None
    if parsed is None or not (is_const(names, None) and is_const(fields, None)):
        return None
    if isinstance(sub, Items):
        return _subarray(sub, size)
    return parsed if is_const(sub, None) and size in {-1, parsed[0]} else None


def _struct(names: Value, fields: Items, size: int) -> tuple[int, bool] | None:
    if fields.kind != "dict" or not isinstance(names, Items) or names.kind != "tuple":
        return None
    fields.frozen = True
    listed = [n.value for n in names.items if isinstance(n, Const) and isinstance(n.value, str)]
    keys = [k.value for k in fields.items[::2] if isinstance(k, Const)]
    if not (len(listed) == len(names.items) == len(keys) == len(fields.items) // 2):
        return None
    if sorted(listed) != sorted(map(str, keys)) or len(set(listed)) != len(listed):
        return None
    entries = [_field(entry, size) for entry in fields.items[1::2]]
    return None if None in entries else (size, any(entries))


def _field(entry: Value, size: int) -> bool | None:
    """Say whether a struct's field holds objects; None when it doesn't lie inside the struct."""
    match entry:
        case Items(kind="tuple", items=[dtype, Const(value=int(offset)), *title]):
            inner = _settle(dtype)
            if inner and 0 <= offset <= size - inner[0] and all(map(_is_title, title[:1])):
                return inner[1] if len(title) <= 1 else None
    return None


def _is_title(value: Value) -> bool:
    return isinstance(value, Const)


def _subarray(sub: Items, size: int) -> tuple[int, bool] | None:
    match sub:
        case Items(kind="tuple", items=[base, shape]):
            inner, lengths = _settle(base), ints_of(shape)
            if inner and lengths is not None and inner[0] * math.prod(lengths) == size:
                return size, inner[1]
    return None


def _harmless(metadata: Value) -> bool:
    """Whether a dtype's metadata holds constants only (a date's unit, usually)."""
    left, seen = [metadata], 0
    while left:
        value, seen = left.pop(), seen + 1
        if isinstance(value, Items) and seen < _MOST_METADATA:
            left += value.items
        elif not isinstance(value, Const) and not is_bytes(value):
            return False
    return True
