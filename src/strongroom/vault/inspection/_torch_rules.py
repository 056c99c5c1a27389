"""When the pieces of a pickled torch tensor fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.vault.inspection._values import (
    FLAG,
    Const,
    Items,
    Made,
    Name,
    Persistent,
    Value,
    ints_of,
    is_const,
    is_empty_call,
    is_int,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

STORAGES = {
    f"torch.{kind}Storage": size
    for kind, size in {
        "Bool": 1, "Byte": 1, "Char": 1, "Short": 2, "Half": 2, "BFloat16": 2, "Int": 4,
        "Float": 4, "Long": 8, "Double": 8, "ComplexFloat": 8, "ComplexDouble": 16,
    }.items()
} | {"torch.storage.UntypedStorage": 1}  # fmt: skip
DTYPES = {
    f"torch.{kind}": size
    for kind, size in {
        "bool": 1, "uint8": 1, "int8": 1, "float8_e4m3fn": 1, "float8_e5m2": 1,
        "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1, "int16": 2, "uint16": 2, "float16": 2,
        "bfloat16": 2, "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8,
        "float64": 8, "complex64": 8, "complex128": 16,
    }.items()
}  # fmt: skip
_DEVICES = ("cpu", "cuda", "mps", "xpu", "meta")


def storage(identity: Value) -> Persistent | None:
    """Read `("storage", type, key, place, elements)`, with a sixth, unused field in old files."""
    match identity:
        case Items(
            kind="tuple",
            items=[
                Const(value="storage"),
                Name(path=path),
                Const(value=str(key)),
                Const(value=str(place)),
                Const(value=int(elements)),
                *view,
            ],
        ) if path in STORAGES and key.isascii() and key.isdigit() and elements >= 0:
            if place.partition(":")[0] in _DEVICES and all(is_const(v, None) for v in view[:1]):
                return Persistent(key, elements, STORAGES[path]) if len(view) <= 1 else None
    return None


def tensor_call(args: Sequence[Value]) -> bool:
    """`_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata])`."""
    match args:
        case [Persistent() as held, offset, size, stride, needs, hooks, *rest]:
            return (
                _within(held, offset, size, stride, held.item_size)
                and is_const(needs, *FLAG)
                and is_empty_call(hooks, "collections.OrderedDict")
                and len(rest) <= 1
                and all(_no_metadata(r) for r in rest)
            )
        case _:
            return False


def typed_tensor_call(args: Sequence[Value]) -> bool:
    """`_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, …)`."""
    match args:
        case [Persistent() as held, offset, size, stride, needs, hooks, Name(path=dtype), *rest]:
            return (
                dtype in DTYPES
                and _within(held, offset, size, stride, DTYPES[dtype])
                and is_const(needs, *FLAG)
                and is_empty_call(hooks, "collections.OrderedDict")
                and len(rest) <= 1
                and all(_no_metadata(r) for r in rest)
            )
        case _:
            return False


def parameter_call(args: Sequence[Value]) -> bool:
    """`_rebuild_parameter(tensor, requires_grad, hooks)`."""
    match args:
        case [Made(path=path), needs, hooks]:
            return (
                path.startswith("torch._utils._rebuild_tensor")
                and is_const(needs, *FLAG)
                and is_empty_call(hooks, "collections.OrderedDict")
            )
        case _:
            return False


def size_call(args: Sequence[Value]) -> bool:
    """`torch.Size((…))`."""
    return len(args) == 1 and ints_of(args[0]) is not None


def device_call(args: Sequence[Value]) -> bool:
    """`torch.device(type[, index])`."""
    match args:
        case [Const(value=str(kind)), *index]:
            return kind.partition(":")[0] in _DEVICES and all(is_int(i) for i in index)
        case _:
            return False


def _no_metadata(value: Value) -> bool:
    return is_const(value, None) or (isinstance(value, Items) and not value.items)


def _within(held: Persistent, offset: Value, size: Value, stride: Value, item_size: int) -> bool:
    """Whether the tensor lies inside its storage: torch has not always checked."""
    sizes, strides = ints_of(size), ints_of(stride)
    if sizes is None or strides is None or len(sizes) != len(strides):
        return False
    if not isinstance(offset, Const) or not is_int(offset) or not isinstance(offset.value, int):
        return False
    if 0 in sizes:
        return True
    last = offset.value + sum((n - 1) * s for n, s in zip(sizes, strides, strict=True))
    return (last + 1) * item_size <= held.elements * held.item_size
